package main

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// perSecond is how many lines the pod writes whose log is looked at.
const perSecond = 20_000

// lines measures one console on the log of a pod that writes without end.
func lines(r *report) error {
	pod, err := onePod()
	if err != nil {
		return err
	}
	writer := exec.Command(filepath.Join(filepath.Dir(*kubeconfig), "stack"), "logs", *kubectx, "shop/"+pod, fmt.Sprint(perSecond))
	writer.Env = append(writer.Environ(), "WHEELHOUSE_STACK="+filepath.Dir(*kubeconfig))
	if err := writer.Start(); err != nil {
		return fmt.Errorf("write lines: %w", err)
	}
	defer func() {
		_ = writer.Process.Signal(syscall.SIGINT)
		_ = writer.Wait() // it ends as it was told
	}()
	s, err := start(cols, rows, *console, "--kubeconfig", *kubeconfig, "--context", *kubectx, "--view", "logs "+*kubectx+":pod/shop/"+pod)
	if err != nil {
		return err
	}
	defer s.end()
	if _, err := s.waitFor(30*time.Second, func(out []byte) bool { return bytes.Contains(out, []byte("live")) }); err != nil {
		return err
	}
	cpu0, _ := s.usage()
	bytes0, began := s.bytes(), time.Now()
	time.Sleep(2 * time.Second) // the log has begun to flow
	if _, err := s.tty.WriteString(":"); err != nil {
		return err
	}
	var took []float64
	for time.Since(began) < 60*time.Second {
		d, err := s.echo("界", 2*time.Second)
		if err != nil {
			return err
		}
		took = append(took, float64(d.Microseconds())/1000)
		_, _ = s.tty.WriteString("\x7f")
		time.Sleep(50 * time.Millisecond)
	}
	cpu1, mem := s.usage()
	took60 := time.Since(began).Seconds()
	r.add(fmt.Sprintf("CPU at %d log lines/s", perSecond), fmt.Sprintf("%.1f %% of a core", 100*(cpu1-cpu0).Seconds()/took60), "")
	r.add("  bytes, memory", fmt.Sprintf("%.0f B/s, %.0f MB, peak %.0f", float64(s.bytes()-bytes0)/took60, procMB(s.cmd.Process.Pid, "VmRSS"), mem), "")
	r.add("  key typed to its sign on the screen, p50/p99", fmt.Sprintf("%s of %d", quantiles(took), len(took)), "≤ 16 ms")
	return nil
}

// onePod is a pod of shop that runs.
func onePod() (string, error) {
	out, err := exec.Command(*kubectl, "--kubeconfig", *kubeconfig, "--context", *kubectx, "-n", "shop", "get", "pods", "-l", "app=checkout", "-o", "name").Output()
	if err != nil {
		return "", fmt.Errorf("find a pod: %w", err)
	}
	name, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimPrefix(name, "pod/"), nil
}

// echo types a sign and gives how long it took until it was written: other things
// may be drawn before it.
func (s *session) echo(sign string, limit time.Duration) (time.Duration, error) {
	s.mu.Lock()
	from := s.out.Len()
	s.mu.Unlock()
	t := time.Now()
	if _, err := s.tty.WriteString(sign); err != nil {
		return 0, err
	}
	deadline := time.After(limit)
	for {
		s.mu.Lock()
		there := bytes.Contains(s.out.Bytes()[from:], []byte(sign))
		s.mu.Unlock()
		if there {
			return time.Since(t), nil
		}
		select {
		case <-s.woke:
		case <-deadline:
			return 0, fmt.Errorf("%q was not on the screen after %s", sign, limit)
		}
	}
}
