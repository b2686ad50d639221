// Bench measures the console against kubectl on the same cluster, side by side
// in one run, and prints each figure with its target. It judges nothing: the
// numbers are for people.
//
//	go run ./testdata/bench -console ./wheelhouse -kubeconfig FILE -context a -pods 10112
package main

import (
	"bytes"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

var (
	console    = flag.String("console", "./wheelhouse", "the console's binary")
	kubeconfig = flag.String("kubeconfig", os.Getenv("WHEELHOUSE_KUBECONFIG"), "kubeconfig of the cluster")
	kubectl    = flag.String("kubectl", "", "kubectl (default: bin/kubectl beside the kubeconfig)")
	kubectx    = flag.String("context", "a", "context in it")
	pods       = flag.Int("pods", 10112, "how many pods there are")
	runs       = flag.Int("runs", 5, "runs of each")
	rest       = flag.Duration("rest", 20*time.Second, "how long to watch the console at rest")
)

const cols, rows = 160, 45

func main() {
	flag.Parse()
	if *kubectl == "" {
		*kubectl = filepath.Join(filepath.Dir(*kubeconfig), "bin", "kubectl")
	}
	r := &report{}
	err := measure(r)
	r.print() // what was measured before it failed, too
	if err != nil {
		log.Fatal(err)
	}
}

func measure(r *report) (err error) {
	if home, err = os.MkdirTemp("", "wheelhouse-bench-"); err != nil {
		return fmt.Errorf("make a home for the consoles: %w", err)
	}
	defer os.RemoveAll(home)
	if err := compare(r); err != nil {
		return err
	}
	if err := live(r); err != nil {
		return err
	}
	return lines(r)
}

// compare runs kubectl and the console in turn.
func compare(r *report) error {
	var kubeWall, kubeCPU, kubeMem, first, all, cpu, mem, size []float64
	for range *runs {
		k, err := runKubectl()
		if err != nil {
			return err
		}
		kubeWall, kubeCPU, kubeMem = append(kubeWall, k.wall), append(kubeCPU, k.cpu), append(kubeMem, k.mem)
		c, err := runConsole()
		if err != nil {
			return err
		}
		first, all, cpu, mem = append(first, c.first), append(all, c.wall), append(cpu, c.cpu), append(mem, c.mem)
		size = append(size, c.bytes)
	}
	kw, kc := median(kubeWall), median(kubeCPU)
	r.add("kubectl get pods -A: wall, CPU, memory", fmt.Sprintf("%.2f s, %.2f s, %.0f MB", kw, kc, median(kubeMem)), "")
	r.add("start to first screen with rows", fmt.Sprintf("%.0f ms = %.3f × kubectl", median(first)*1000, median(first)/kw), "≤ 0.03")
	r.add("all rows", fmt.Sprintf("%.2f s = %.2f × kubectl", median(all), median(all)/kw), "≤ 0.3")
	r.add("CPU until then", fmt.Sprintf("%.2f s = %.2f × kubectl", median(cpu), median(cpu)/kc), "≤ 0.25")
	r.add("peak memory", fmt.Sprintf("%.0f MB", median(mem)), "≤ 64 MB")
	r.add("bytes of the first screen", fmt.Sprintf("%.0f", median(size)), "≤ 8192")
	return nil
}

// figures are one run's, in seconds, MB and bytes.
type figures struct{ wall, first, cpu, mem, bytes float64 }

func runKubectl() (figures, error) {
	cmd := exec.Command(*kubectl, "--kubeconfig", *kubeconfig, "--context", *kubectx, "get", "pods", "-A")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	t := time.Now()
	if err := cmd.Run(); err != nil {
		return figures{}, fmt.Errorf("kubectl: %w: %s", err, errs.String())
	}
	if n := bytes.Count(out.Bytes(), []byte("\n")) - 1; n < *pods {
		return figures{}, fmt.Errorf("the cluster has %d pods, not %d", n, *pods)
	}
	ru := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return figures{wall: time.Since(t).Seconds(), cpu: cpu.Seconds(), mem: float64(ru.Maxrss) / 1024}, nil
}

func begin() (*session, error) {
	return start(cols, rows, *console, "--kubeconfig", *kubeconfig, "--context", *kubectx, "--view", "pods")
}

func runConsole() (figures, error) {
	s, err := begin()
	if err != nil {
		return figures{}, err
	}
	defer s.end()
	var f figures
	// a screen with rows: the state of 20 pods stands on it
	at, err := s.waitFor(30*time.Second, func(out []byte) bool { return bytes.Count(out, []byte("Running")) >= 20 })
	if err != nil {
		return f, fmt.Errorf("first screen: %w", err)
	}
	f.first, f.bytes = at.Seconds(), float64(s.bytes())
	at, err = s.waitFor(60*time.Second, allRows)
	if err != nil {
		return f, fmt.Errorf("all rows: %w", err)
	}
	cpu, mem := s.usage()
	f.wall, f.cpu, f.mem = at.Seconds(), cpu.Seconds(), mem
	return f, nil
}

// allRows says whether the header counts every pod and calls them live. The
// screen is written as differences, so the count's last digits and the word are
// looked for, not the whole line.
func allRows(out []byte) bool { return bytes.Contains(out, []byte("live")) }

// live measures one console: at rest, at the keys, under changes.
func live(r *report) error {
	s, err := begin()
	if err != nil {
		return err
	}
	defer s.end()
	if _, err := s.waitFor(60*time.Second, allRows); err != nil {
		return err
	}
	s.quiet(8 * time.Second) // five seconds after its start it gives memory back, once
	atRest(r, s, "at rest", "≤ 0.1 %")
	if err := keys(r, s, "at rest"); err != nil {
		return err
	}
	_, _ = s.key("g", 100*time.Millisecond) // the pods that change are the first ones
	stop, err := churn(50)
	if err != nil {
		return err
	}
	defer stop()
	time.Sleep(6 * time.Second) // a person at the keys gets more pictures than one who only looks
	atRest(r, s, "at 50 visible changes/s", "≤ 3 %")
	return latency(r, s, "under 50 changes/s")
}

func atRest(r *report, s *session, when, target string) {
	cpu0, _ := s.usage()
	bytes0 := s.bytes()
	time.Sleep(*rest)
	cpu1, mem := s.usage()
	r.add("CPU "+when, fmt.Sprintf("%.2f %% of a core", 100*(cpu1-cpu0).Seconds()/rest.Seconds()), target)
	r.add("bytes "+when, fmt.Sprintf("%.0f B/s", float64(s.bytes()-bytes0)/rest.Seconds()), "")
	pid := s.cmd.Process.Pid
	r.add("memory "+when, fmt.Sprintf("%.0f MB, %.0f its own, %.0f of the binary; peak %.0f",
		procMB(pid, "VmRSS"), procMB(pid, "RssAnon"), procMB(pid, "RssFile"), mem), "")
}

func keys(r *report, s *session, when string) error {
	each := func(name, key string, n int, target string) {
		var sizes []float64
		for range n {
			_, size := s.key(key, 60*time.Millisecond)
			sizes = append(sizes, float64(size))
		}
		r.add(name, fmt.Sprintf("%.0f B median, %.0f B most", median(sizes), slices.Max(sizes)), target)
	}
	each("key down", "j", 25, "≤ 200 B")
	each("page down", "\x06", 10, "≤ 3276 B")
	each("key down where the window scrolls", "j", 25, "≤ 300 B")
	_, _ = s.key("g", 100*time.Millisecond)
	return latency(r, s, when)
}

// latency takes turns with a terminal in which nothing but cat runs: what that
// takes is the machine's and this program's own share.
func latency(r *report, s *session, when string) error {
	echo, err := start(cols, rows, "sh", "-c", "stty raw -echo && echo ready && exec cat")
	if err != nil {
		return err
	}
	defer echo.end()
	if _, err := echo.waitFor(5*time.Second, func(out []byte) bool { return bytes.Contains(out, []byte("ready")) }); err != nil {
		return err
	}
	var took, bare []float64
	for range 400 {
		d, _ := s.key("j", 15*time.Millisecond)
		took = append(took, float64(d.Microseconds())/1000)
		d, _ = echo.key("j", time.Millisecond)
		bare = append(bare, float64(d.Microseconds())/1000)
	}
	r.add("key to frame "+when+", p50/p99", quantiles(took), "≤ 3/8 ms")
	r.add("  cat in its place, taking turns", quantiles(bare), "")
	return nil
}

func quantiles(took []float64) string {
	slices.Sort(took)
	return fmt.Sprintf("%.1f/%.1f ms", took[len(took)/2], took[len(took)*99/100])
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// report is the figures in order.
type report struct{ lines [][3]string }

func (r *report) add(name, value, target string) {
	r.lines = append(r.lines, [3]string{name, value, target})
}

func (r *report) print() {
	for _, l := range r.lines {
		fmt.Printf("%-48s %-36s %s\n", l[0], l[1], l[2])
	}
}
