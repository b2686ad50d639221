package stack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// logFile is where the container runtime would keep the log of a pod's containers,
// in the form of the container runtime interface: "TIME stdout F text". Each file
// has its own folder: whoever follows one wakes for every write in the folder.
func (c *cluster) logFile(namespace, pod, name string) string {
	return c.path("logs", namespace, pod, name+".log")
}

// writeFirstLog writes what every pod has said that nobody writes for, and what the
// container before it had.
func (c *cluster) writeFirstLog() error {
	for name, said := range map[string][]string{
		"now":    {"INFO begins to listen on :8080", "WARN the cache is cold", "ERROR could not reach bank: connection refused", "INFO reached bank"},
		"before": {"INFO begins to listen on :8080", "FATAL out of memory"},
	} {
		file := c.logFile("", "all", name)
		if _, err := os.Stat(file); err == nil {
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return err
		}
		var b bytes.Buffer
		for _, line := range said {
			b.Write(criLine(time.Now(), line))
		}
		if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func criLine(at time.Time, text string) []byte {
	return append(at.UTC().AppendFormat(nil, time.RFC3339Nano), " stdout F "+text+"\n"...)
}

// allLogs is kwok's object for the logs of all pods that have none of their own.
func (c *cluster) allLogs() []byte {
	return fmt.Appendf(nil, `apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterLogs
metadata: {name: all}
spec:
  logs:
  - {logsFile: %q, previousLogsFile: %q, follow: true}
`, c.logFile("", "all", "now"), c.logFile("", "all", "before"))
}

// defineLogs makes the API server know the objects that name a pod's log file,
// before kwok looks for them.
func (c *cluster) defineLogs(ctx context.Context) error {
	if err := c.kubectl(ctx, nil, "apply", "--server-side", "--force-conflicts", "-f", filepath.Join(c.bin, "definitions")); err != nil {
		return err
	}
	return c.kubectl(ctx, nil, "wait", "--for", "condition=Established", "--timeout", "1m", "crd/logs.kwok.x-k8s.io")
}

// Logs writes rate lines a second into the log of a pod, NAMESPACE/NAME or the name
// of one in shop, until ctx ends. The lines are numbered; the numbers go on where
// an earlier call has ended.
func (s *Stack) Logs(ctx context.Context, clusterName, pod string, rate int) error {
	c, err := s.find(clusterName, "apiserver")
	if err != nil {
		return err
	}
	namespace, name, ok := strings.Cut(pod, "/")
	if !ok {
		namespace, name = "shop", pod
	}
	if name == "" || rate < 1 {
		return errors.New("nothing to write: no pod, or no rate")
	}
	path := c.logFile(namespace, name, "now")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer file.Close()
	next, err := numberAfter(file)
	if err != nil {
		return err
	}
	object := fmt.Appendf(nil, `apiVersion: kwok.x-k8s.io/v1alpha1
kind: Logs
metadata: {name: %q, namespace: %q}
spec:
  logs:
  - {logsFile: %q, previousLogsFile: %q, follow: true}
`, name, namespace, path, c.logFile("", "all", "before"))
	if err := c.kubectl(ctx, object, "apply", "--server-side", "--force-conflicts", "-f", "-"); err != nil {
		return err
	}
	return writeLines(ctx, file, next, rate)
}

// levels are those of the lines, in turn.
var levels = []string{"INFO", "INFO", "INFO", "DEBUG", "INFO", "WARN", "INFO", "INFO", "DEBUG", "ERROR"}

// writeLines writes numbered lines, a hundred times a second as many as are due.
func writeLines(ctx context.Context, w io.Writer, next, rate int) error {
	begun, first := time.Now(), next
	clock := time.NewTicker(10 * time.Millisecond)
	defer clock.Stop()
	var b bytes.Buffer
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-clock.C:
		}
		b.Reset()
		for due := first + int(time.Since(begun).Seconds()*float64(rate)); next < due; next++ {
			b.Write(criLine(time.Now(), fmt.Sprintf("%s line %09d order placed customer=%d amount=%d.%02d", levels[next%len(levels)], next, next*7919%100000, next%900, next%100)))
		}
		if _, err := w.Write(b.Bytes()); err != nil {
			return fmt.Errorf("write the log: %w", err)
		}
	}
}

// numberAfter is the number behind that of the last line of a log.
func numberAfter(file *os.File) (int, error) {
	const enough = 4096 // for a line
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	end := make([]byte, min(info.Size(), enough))
	if _, err := file.ReadAt(end, info.Size()-int64(len(end))); err != nil {
		return 0, err
	}
	at, number := bytes.LastIndex(end, []byte(" line ")), 0
	if at < 0 {
		return 0, nil
	}
	if _, err := fmt.Sscanf(string(end[at:]), " line %d", &number); err != nil {
		return 0, err
	}
	return number + 1, nil
}
