package sandbox_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend/sandbox"
)

// A rig is a company of three programs: front calls cart and payments, payments calls
// bank.
type rig struct {
	*sandbox.World
	t   *testing.T
	now time.Time
}

func newRig(t *testing.T, seed uint64) *rig {
	t.Helper()
	r := &rig{t: t, now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	r.World = sandbox.New(func() time.Time { return r.now }, 0)
	r.Seed(seed)
	good := map[string]sandbox.Version{"1.0.0": {}}
	for _, p := range []sandbox.Program{
		{Name: "report", Busy: 12, Memory: 7000, Starts: time.Second, Versions: good},
		{Name: "bank", Takes: 40 * time.Millisecond, CPU: 0.2, Memory: 300, Threads: 200, Starts: 5 * time.Second, Versions: good},
		{
			Name: "payments", Takes: 20 * time.Millisecond, CPU: 0.3, Memory: 400, Threads: 50, Starts: 5 * time.Second, Writes: true,
			Calls: []sandbox.Call{{To: "bank", Each: 1, Patience: 2 * time.Second, Failing: 50, Slow: 100}},
			Versions: map[string]sandbox.Version{
				"1.0.0": {}, "1.1.0": {Failing: 0.9, Says: "NullPointerException: rate is null"},
				"1.2.0": {Leaks: 300}, "1.3.0": {Crashes: "java.lang.IllegalStateException: no such property: bank.url"}, "1.4.0": {Chatty: 6000},
			},
		},
		{
			Name: "front", Enters: 100, Takes: 5 * time.Millisecond, CPU: 0.2, Memory: 200, Threads: 200, Starts: 2 * time.Second,
			Calls: []sandbox.Call{{To: "payments", Each: 0.5, Patience: 3 * time.Second, Failing: 50, Slow: 90}}, Versions: good,
		},
	} {
		if err := r.Install(p); err != nil {
			t.Fatal(err)
		}
	}
	for n := range 2 {
		r.Boot(sandbox.Machine{MachineID: sandbox.MachineID{Cluster: "one", Name: fmt.Sprintf("m%d", n)}, Room: sandbox.Usage{CPU: 8, Memory: 8192}, Disk: 30000})
	}
	for _, name := range []string{"bank", "payments", "front"} {
		for n := range 2 {
			r.run(name, "1.0.0", n)
		}
	}
	r.pass(time.Minute)
	return r
}

func (r *rig) id(name string, n int) sandbox.ProcessID {
	return sandbox.ProcessID{Cluster: "one", Namespace: "shop", Pod: fmt.Sprintf("%s-%d", name, n), Container: "app"}
}

func (r *rig) run(name, tag string, n int) {
	r.Run(sandbox.Command{
		ProcessID: r.id(name, n), Image: "registry.example/shop/" + name + ":" + tag, Machine: fmt.Sprintf("m%d", n),
		Asks: sandbox.Usage{CPU: 0.5, Memory: 512}, May: sandbox.Usage{CPU: 2, Memory: 1024},
	})
}

func (r *rig) pass(d time.Duration) {
	r.now = r.now.Add(d)
	r.Move()
}

func (r *rig) process(name string, n int) sandbox.Process {
	r.t.Helper()
	p, err := r.Process(r.id(name, n))
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// wrote says whether a process has written something in this run.
func (r *rig) wrote(name string, n int, what string) bool {
	return slices.ContainsFunc(r.Log(r.id(name, n), false, 0), func(l sandbox.Line) bool { return strings.Contains(l.Text, what) })
}

func (r *rig) breaker(name string, n int) sandbox.Breaker {
	r.t.Helper()
	all := r.Breakers(r.id(name, n))
	if len(all) != 1 {
		r.t.Fatalf("%s has breakers %+v", name, all)
	}
	return all[0]
}

// TestCalm: while nothing is wrong everybody is answered, and breakers stay closed.
func TestCalm(t *testing.T) {
	r := newRig(t, 1)
	r.pass(10 * time.Minute)
	for _, name := range []string{"front", "payments", "bank"} {
		if rate := r.Rate(name, ""); rate.Up != 2 || rate.Failing > 0.01 || rate.Calls < 10 || rate.Takes > 200*time.Millisecond {
			t.Errorf("%s goes %+v", name, rate)
		}
		if p := r.process(name, 0); p.State != sandbox.Up || !p.Ready || p.Run != 1 || p.Uses.Memory < 100 || p.Uses.CPU == 0 {
			t.Errorf("%s is %+v", name, p)
		}
	}
	if b := r.breaker("front", 0); b.State != sandbox.Closed || b.Buffered != 100 || b.FailureRate < 0 || b.FailureRate > 2 {
		t.Errorf("its breaker is %+v", b)
	}
}

// TestCauses: what is wrong has the effects that it has in life.
func TestCauses(t *testing.T) {
	for _, c := range []struct {
		name   string
		cause  func(r *rig)
		effect func(r *rig) string
	}{
		{"a bad version opens the breakers of its callers", func(r *rig) {
			r.run("payments", "1.1.0", 0)
			r.run("payments", "1.1.0", 1)
		}, func(r *rig) string {
			if b := r.breaker("front", 0); b.State != sandbox.Open && b.State != sandbox.HalfOpen || b.State == sandbox.Open && b.FailureRate < 50 || !r.wrote("payments", 0, "rate is null") || !r.wrote("front", 0, "does not permit") {
				return fmt.Sprintf("%+v", b)
			}
			return ""
		}},
		{"one in two that is bad is half as bad, and can be told by its version", func(r *rig) { r.run("payments", "1.1.0", 1) }, func(r *rig) string {
			if good, bad := r.Rate("payments", "1.0.0"), r.Rate("payments", "1.1.0"); good.Failing > 0.05 || bad.Failing < 0.85 {
				return fmt.Sprintf("%+v, %+v", good, bad)
			}
			return ""
		}},
		{"a leak ends in the killer", func(r *rig) { r.run("payments", "1.2.0", 0) }, func(r *rig) string {
			if p := r.process("payments", 0); p.State != sandbox.Ended || p.Exit != 137 || p.Reason != "OOMKilled" || !r.wrote("payments", 0, "OutOfMemoryError") {
				return fmt.Sprintf("%+v", p)
			}
			return ""
		}},
		{"what can't start says why", func(r *rig) { r.run("payments", "1.3.0", 0) }, func(r *rig) string {
			if p := r.process("payments", 0); p.State != sandbox.Ended || p.Exit != 1 || !r.wrote("payments", 0, "no such property") {
				return fmt.Sprintf("%+v", p)
			}
			return ""
		}},
		{"there is no such image", func(r *rig) { r.run("payments", "9.9.9", 0) }, func(r *rig) string {
			if p := r.process("payments", 0); p.State != sandbox.Unpulled || !strings.Contains(p.Reason, "not found") {
				return fmt.Sprintf("%+v", p)
			}
			return ""
		}},
		{"a slow program makes its callers wait until they have no threads left", func(r *rig) {
			r.Inflict("slow", sandbox.Fault{Program: "bank", Slow: 40})
		}, func(r *rig) string {
			rate := r.Rate("payments", "")
			if b := r.breaker("payments", 0); b.State != sandbox.Closed || rate.Takes < time.Second || rate.Failing < 0.2 {
				return fmt.Sprintf("%+v, %+v", rate, b)
			}
			return ""
		}},
		{"a full disk is one that nobody writes on", func(r *rig) { r.run("payments", "1.4.0", 0) }, func(r *rig) string {
			if m := r.Machines("one")[0]; m.DiskUsed != m.Disk || !r.wrote("payments", 0, "No space left") || r.process("payments", 1).Failing > 0.1 {
				return fmt.Sprintf("%+v", m)
			}
			return ""
		}},
		{"a machine that is off answers nobody", func(r *rig) {
			if err := r.Halt(sandbox.MachineID{Cluster: "one", Name: "m0"}); err != nil {
				r.t.Error(err)
			}
		}, func(r *rig) string {
			if rate := r.Rate("payments", ""); rate.Up != 1 || r.process("payments", 0).State != sandbox.Ended {
				return fmt.Sprintf("%+v", rate)
			}
			return ""
		}},
		{"a program that nobody runs fails its callers", func(r *rig) {
			r.Kill(r.id("bank", 0))
			r.Kill(r.id("bank", 1))
		}, func(r *rig) string {
			if b := r.breaker("payments", 0); b.State == sandbox.Closed || !r.wrote("payments", 0, "Connection refused") {
				return fmt.Sprintf("%+v", b)
			}
			return ""
		}},
		{"a greedy neighbour takes the time and then the memory", func(r *rig) {
			r.Run(sandbox.Command{ProcessID: r.id("report", 0), Image: "report:1.0.0", Machine: "m0", Asks: sandbox.Usage{Memory: 8000}})
		}, func(r *rig) string {
			if m, p := r.Machines("one")[0], r.process("payments", 0); m.Uses.CPU < m.Room.CPU || p.Reason != "OOMKilled" || r.process("payments", 1).State != sandbox.Up {
				return fmt.Sprintf("%+v, %+v", m, p)
			}
			return ""
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, 1)
			c.cause(r)
			r.pass(4 * time.Minute)
			if wrong := c.effect(r); wrong != "" {
				t.Error(wrong)
			}
		})
	}
}

// TestSame: one seed is one world, another is another.
func TestSame(t *testing.T) {
	told := func(seed uint64) []sandbox.Line {
		r := newRig(t, seed)
		r.run("payments", "1.1.0", 1)
		r.pass(4 * time.Minute)
		return r.Lines(0, 1e6)
	}
	if a, b := told(1), told(1); len(a) < 500 || !cmp.Equal(a, b) {
		t.Errorf("the same seed told other lines: %s", cmp.Diff(a, b)[:200])
	}
	if cmp.Equal(told(1), told(2)) {
		t.Error("another seed told the same")
	}
}

func BenchmarkStep(b *testing.B) {
	r := newRig(&testing.T{}, 1)
	for b.Loop() {
		r.pass(time.Second)
	}
}

// TestBroughtIn: what somebody has a process say, and what somebody else has measured,
// stand among the rest.
func TestBroughtIn(t *testing.T) {
	r := newRig(t, 1)
	if err := r.Say(r.id("front", 0), "WARN", "by hand"); err != nil {
		t.Fatal(err)
	}
	if lines := r.Log(r.id("front", 0), false, 0); lines[len(lines)-1].Text != "by hand" {
		t.Errorf("the last line is %+v", lines[len(lines)-1])
	}
	if err := r.Say(r.id("none", 0), "WARN", "by hand"); err == nil {
		t.Error("of no process")
	}
	here, there := sandbox.Tag{Key: "at", Value: "here"}, sandbox.Tag{Key: "at", Value: "there"}
	r.Measure("weather", []sandbox.Tag{here}, "rain", 3)
	r.Measure("weather", []sandbox.Tag{there}, "rain", 4)
	r.Strike("weather", here)
	of := func(from, to time.Time) (out []sandbox.Series) {
		for _, s := range r.Measured(from, to) {
			if s.Measurement == "weather" {
				s.Points = r.Points(s, from, to)
				out = append(out, s)
			}
		}
		return out
	}
	now := r.now.Add(time.Second)
	if got := of(now.Add(-time.Minute), now); len(got) != 1 || got[0].Tags[0] != there || len(got[0].Points) != 1 || got[0].Points[0].Value != 4 {
		t.Errorf("it was %+v", got)
	}
	if got := of(now.Add(-time.Hour), now.Add(-time.Minute)); len(got) != 0 {
		t.Errorf("before that it was %+v", got)
	}
}
