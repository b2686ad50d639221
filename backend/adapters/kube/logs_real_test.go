//go:build real

package kube

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/link"
)

// stackFile is a file of the real servers' state directory.
func stackFile(name ...string) string {
	return filepath.Join(append([]string{filepath.Dir(os.Getenv("WHEELHOUSE_KUBECONFIG"))}, name...)...)
}

// stackCommand is the stack's own command: stop a apiserver, logs a db-0 …
func stackCommand(args ...string) *exec.Cmd {
	cmd := exec.Command(stackFile("stack"), args...)
	cmd.Env = append(os.Environ(), "WHEELHOUSE_STACK="+stackFile())
	return cmd
}

func stackKubectl(args ...string) *exec.Cmd {
	return exec.Command(stackFile("bin", "kubectl"), append([]string{"--kubeconfig", stackFile("kubeconfig"), "--context", "a"}, args...)...)
}

func mustRun(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v: %v\n%s", cmd.Args, err, out)
	}
}

// adapter is a connected cluster a.
func adapter(t *testing.T) *Cluster {
	t.Helper()
	set, err := link.Load(link.Options{Kubeconfig: stackFile("kubeconfig"), Contexts: []string{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Close)
	set.Start()
	for _, l := range set.All() {
		if l.Alias() == "a" {
			return New(kubeapi.New(l))
		}
	}
	t.Fatal("no link a")
	return nil
}

// numbered counts the numbers of lines, and what is not the next one.
type numbered struct {
	mu             sync.Mutex
	lines, missed  int
	last           int
	twice, skipped int
}

func (n *numbered) Lines(lines ...backend.LogLine) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, l := range lines {
		_, rest, ok := strings.Cut(l.Text.Raw(), " line ")
		number := 0
		if _, err := fmt.Sscanf(rest, "%d", &number); !ok || err != nil {
			continue
		}
		switch n.lines++; {
		case n.lines == 1:
		case number <= n.last:
			n.twice++
		case number > n.last+1:
			n.skipped += number - n.last - 1
		}
		n.last = max(n.last, number)
	}
}

func (n *numbered) Missed(c int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.missed += c
}

func (n *numbered) Health(backend.Ref, backend.Health) {}

// TestRealLogs: 20,000 lines a second for a minute, with the API server away in the
// middle: each line once, or counted, and no more memory than it takes.
func TestRealLogs(t *testing.T) {
	const rate, lasts = 20_000, 60 * time.Second
	writer := stackCommand("logs", "a", "db-0", fmt.Sprint(rate))
	if err := writer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = writer.Process.Signal(syscall.SIGTERM); _ = writer.Wait() })
	ctx, cancel := context.WithCancel(t.Context())
	n := &numbered{}
	done := make(chan error, 1)
	c := adapter(t)
	q := backend.LogQuery{Of: []backend.Ref{{Link: "a", Kind: cluster.KindPod, Scope: "shop", Name: "db-0"}}, Last: 100}
	go func() { done <- c.Tail(ctx, q, n) }()
	clock := time.NewTicker(lasts / 12)
	defer clock.Stop()
	most := uint64(0)
	for i := range 12 {
		<-clock.C
		switch i {
		case 4:
			mustRun(t, stackCommand("stop", "a", "apiserver"))
		case 5:
			mustRun(t, stackCommand("start", "a", "apiserver"))
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapInuse)
	}
	_ = writer.Process.Signal(syscall.SIGTERM)
	_ = writer.Wait()
	end := lastNumber(t, stackFile("a", "logs", "shop", "db-0", "now.log"))
	limit := time.After(2 * time.Minute)
	for {
		n.mu.Lock()
		last := n.last
		n.mu.Unlock()
		if last == end {
			break
		}
		select {
		case <-limit:
			t.Fatalf("came to line %d of %d", last, end)
		case <-time.After(100 * time.Millisecond):
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	t.Logf("%d lines, %d twice, %d skipped, %d told missing; heap at most %d MB", n.lines, n.twice, n.skipped, n.missed, most>>20)
	if n.twice > 0 || n.skipped != n.missed || n.lines < rate*int(lasts/time.Second)/2 {
		t.Error("lines are not given once each")
	}
	if most > 64<<20 {
		t.Errorf("the heap had %d MB", most>>20)
	}
}

// lastNumber is that of the last line of a log.
func lastNumber(t *testing.T, file string) (n int) {
	t.Helper()
	out, err := exec.Command("tail", "-n", "1", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(out), " line ")
	if _, err := fmt.Sscanf(rest, "%d", &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRealUsage: a pod uses what kubectl top says, which is what its annotations say.
func TestRealUsage(t *testing.T) {
	mustRun(t, stackKubectl("annotate", "pod", "-n", "shop", "db-1", "usage/cpu=250m", "usage/memory=300Mi", "--overwrite"))
	t.Cleanup(func() {
		mustRun(t, stackKubectl("annotate", "pod", "-n", "shop", "db-1", "usage/cpu-", "usage/memory-"))
	})
	bell := feed.NewBell()
	f := feed.NewFeed[cluster.Usage](bell)
	f.Attach("a", adapter(t).Usage())
	f.Watch(t.Context(), backend.Scope{})
	t.Cleanup(f.Stop)
	limit := time.After(3 * time.Minute)
	for {
		u, ok := f.Get(cluster.Pod{Link: "a", Namespace: "shop", Name: "db-1"}.Usage())
		if ok && u.Memory == 300<<20 && u.CPU > 240 && u.CPU < 260 {
			break
		}
		select {
		case <-bell.C():
		case <-limit:
			t.Fatalf("usage is %+v, %v; parts are %v", u, ok, f.Parts())
		}
	}
	out, err := stackKubectl("top", "pod", "-n", "shop", "db-1", "--no-headers").CombinedOutput()
	if err != nil || !strings.Contains(string(out), "300Mi") {
		t.Errorf("kubectl says %s, %v", out, err)
	}
}
