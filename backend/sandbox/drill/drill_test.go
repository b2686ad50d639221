package drill_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/drill"
)

func setting() drill.Setting {
	return drill.Setting{
		Programs: map[string][]string{"cart": {"1.0.0"}, "bank": {"2.0.0"}}, Calls: map[string][]string{"cart": {"bank"}},
		Machines: map[string][]string{"cloud": {"m1", "m2"}},
	}
}

const whole = `name: mine
title: Mine
briefing: PAGE cart fails
cause:
- at: 5s
  fault: {program: cart, failing: 50}
signs: ["cloud:pod/shop/cart-*"]
mitigated:
  held: 60s
  when:
  - {program: cart, failing: 5}
lost: 10m
hints: [Look at cart]
way:
- {keys: ":pods", why: To see}
`

// TestParse: what is wrong is said with its place, and what is nearest to it.
func TestParse(t *testing.T) {
	for _, c := range []struct{ name, replace, by, says string }{
		{"it is whole", "", "", ""},
		{"nothing", whole, "# nothing\n", "[1:1] there is nothing in it"},
		{"no YAML", "cause:", "cause: [", "["},
		{"a word that may not stand there", "briefing:", "breifing:", `[3:1] "breifing" may not stand here; did you mean briefing?`},
		{"another one, deep within", "failing: 50", "fialing: 50", `[6:26] "fialing" may not stand here; did you mean failing?`},
		{"no number", "failing: 50", "failing: many", "[6:35] "},
		{"no time", "at: 5s", "at: soon", "[5:7] "},
		{"no name", "name: mine", "name: My Drill", "[1:7] name: say what it is called"},
		{"no title", "title: Mine\n", "", "[1:1] title: say in some words"},
		{"a program that there is not", "fault: {program: cart", "fault: {program: crat", `[6:20] cause[0].fault.program: there is no program "crat"; did you mean cart?; there are bank, cart`},
		{"a percentage that is none", "failing: 50", "failing: 150", "cause[0].fault.failing: this is a percentage"},
		{"a version that there is not", "fault: {program: cart, failing: 50}", "release: {program: cart, version: 1.0.1}", `[6:37] cause[0].release.version: there is no version of cart "1.0.1"; did you mean 1.0.0?`},
		{"a version that was published before", "- at: 5s\n  fault: {program: cart, failing: 50}", "- at: 0s\n  publish: {program: cart, version: 3.0.0}\n- at: 5s\n  release: {program: cart, version: 3.0.0}", ""},
		{"two things in one step", "at: 5s\n", "at: 5s\n  halt: {cluster: cloud, machine: m1}\n", "[5:3] cause[0]: a step is one of publish, release"},
		{"a machine that there is not", "fault: {program: cart, failing: 50}", "halt: {cluster: cloud, machine: m3}", `cause[0].halt.machine: there is no machine "m3"; did you mean m1?`},
		{"no machine", "fault: {program: cart, failing: 50}", "halt: {cluster: cloud}", "cause[0].halt: say which machine is meant"},
		{"a call that is none", "fault: {program: cart, failing: 50}", "breaker: {program: cart, to: cart, from: 60s}", `cause[0].breaker.to: there is no program that cart calls "cart"`},
		{"a job that takes nothing", "fault: {program: cart, failing: 50}", "run: {name: job, on: {cluster: cloud, machine: m1}}", "cause[0].run: say what it takes"},
		{"a sign that is no object", `"cloud:pod/shop/cart-*"`, "cart", `[7:9] signs[0]: "cart" is no object such as`},
		{"a condition that says nothing", "{program: cart, failing: 5}", "{program: cart}", "[11:6] mitigated.when[0]: say what must be so"},
		{"of each program", "{program: cart, failing: 5}", `{program: "*", missing: 0}`, ""},
		{"nothing need hold", "held: 60s", "held: 0s", "[9:9] mitigated.held: say for how long"},
		{"lost before it can be mitigated", "lost: 10m", "lost: 1m", "[12:7] lost: say after how long"},
		{"no hints", "hints: [Look at cart]", "hints: []", "hints: give at least one"},
		{"a key for no reason", ", why: To see", "", "[15:4] way[0].why: say why"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(whole, c.replace, c.by, 1)
			_, err := drill.Parse([]byte(text), setting())
			if c.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "[") {
				t.Errorf("%v does not say %q", err, c.says)
			}
		})
	}
}

// nobody is a stage on which nothing is played.
type nobody struct{}

func (nobody) Release(drill.Release)                         {}
func (nobody) Run(drill.Job, sandbox.MachineID)              {}
func (nobody) Runs(string, string) (sandbox.MachineID, bool) { return sandbox.MachineID{}, false }

// TestWire: the console begins a drill, takes a hint and tells what is looked at through
// the server, and is told how the drill stands each time; what is no question is refused.
func TestWire(t *testing.T) {
	d, err := drill.Parse([]byte(whole), setting())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	j := drill.NewJudge(d, sandbox.New(func() time.Time { return now }, 0), nobody{})
	s := httptest.NewServer(j.Handler())
	defer s.Close()
	c := drill.NewClient(s.URL)
	defer c.Close()
	ctx := t.Context()
	for _, one := range []struct {
		name string
		do   func(context.Context) (drill.State, error)
		want func(drill.State) bool
	}{
		{"before", c.State, func(s drill.State) bool { return s.Phase == drill.Briefing && s.Briefing == d.Briefing && s.Left == 1 }},
		{"too early", c.Hint, func(s drill.State) bool { return len(s.Hints) == 0 }},
		{"begin", c.Begin, func(s drill.State) bool { return s.Phase == drill.Running && s.Began.Equal(now) }},
		{"hint", c.Hint, func(s drill.State) bool { return len(s.Hints) == 1 && s.Left == 0 && s.Way == nil }},
		{"no more", c.Hint, func(s drill.State) bool { return len(s.Hints) == 1 }},
		{"look", func(ctx context.Context) (drill.State, error) {
			return c.Look(ctx, []string{"cloud:pod/shop/bank-1", "cloud:pod/shop/cart-1"})
		}, func(s drill.State) bool { return s.Noticed.Equal(now) }},
	} {
		if got, err := one.do(ctx); err != nil || !one.want(got) {
			t.Errorf("%s: %+v, %v", one.name, got, err)
		}
	}
	for path, code := range map[string]int{"/drill": http.StatusMethodNotAllowed, "/drill/noticed": http.StatusBadRequest, "/drill/bogus": http.StatusNotFound} {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+path, strings.NewReader("no JSON"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got.Body.Close()
		if got.StatusCode != code {
			t.Errorf("%s is answered with %s", path, got.Status)
		}
	}
	for range 10 {
		now = now.Add(time.Minute)
		j.Step()
	}
	if j.State().Phase != drill.Mitigated {
		t.Errorf("nothing was wrong at any time, and it ends as %+v", j.State())
	}
}

// TestReadEnds: what is no drill by its length is refused before it fills the memory.
func TestReadEnds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "long.yaml")
	if err := os.WriteFile(file, bytes.Repeat([]byte("# a\n"), 1<<19), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := drill.Read(file, drill.Setting{})
	var e *backend.Error
	if !errors.As(err, &e) || !strings.Contains(e.Human, "longer than 1 MB") {
		t.Errorf("it says %v", err)
	}
}
