package drill_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
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
		Seen:     []string{"cloud:pod/shop/cart-*", "cloud:deployment.apps/shop/cart", "cloud:breaker/shop/cart.bank/cart-*", "ci:build/cart/*"},
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

// TestParse: all that is wrong is said, once and with its place, in the order of the
// file, and what is nearest to it.
func TestParse(t *testing.T) {
	const fault, sign = "fault: {program: cart, failing: 50}", `"cloud:pod/shop/cart-*"`
	for _, c := range []struct {
		name, replace, by string
		says              []string // a line each
	}{
		{"it is whole", "", "", nil},
		{"nothing", whole, "# nothing\n", []string{"[1:1] there is nothing in it"}},
		{"not even that", whole, "", []string{"[1:1] there is nothing in it"}},
		{"no YAML", "cause:", "cause: [", []string{"[7:1] this is no YAML: ',' or ']' must be specified; what follows is not looked at"}},
		{"no drill", whole, "- one\n- two\n", []string{"[1:1] here must stand some of name, title, briefing"}},
		{"a second one", whole, whole + "---\n" + whole, []string{"[16:1] a file is one drill"}},
		{"a word that may not stand there", "briefing:", "breifing:", []string{`[3:1] "breifing" may not stand here; did you mean briefing?`}},
		{"one that nobody knows", "briefing:", "wheel: 3\nbriefing:", []string{`[3:1] "wheel" may not stand here; what may is name, title, briefing, seed, cause,`}},
		{"another one, deep within", "failing: 50", "fialing: 50", []string{`[6:26] "fialing" may not stand here; did you mean failing?`}},
		{"one word twice", "title: Mine", "title: Mine\ntitle: Yours", []string{"[3:1] title stands here twice, first in line 2; leave one out"}},
		{"no number", "failing: 50", "failing: 50%", []string{`[6:35] this must be a number such as 12 or 0.5, not "50%"`}},
		{"a number without an end", "failing: 50", "failing: .inf", []string{`[6:35] this must be a number`}},
		{"no whole number", "title: Mine", "title: Mine\nseed: -1", []string{`[3:7] this must be a whole number from 0 to 18446744073709551615, not "-1"`}},
		{"too large a number", "title: Mine", "title: Mine\nseed: 99999999999999999999", []string{`[3:7] this must be a whole number`}},
		{"no small number", fault, "release: {program: cart, version: 1.0.0, beside: 3.5}", []string{`[6:52] this must be a whole number such as 3, not "3.5"`}},
		{"no time", "at: 5s", "at: 5", []string{`[5:7] this must be a time such as 90s or 15m, not "5"`}},
		{"a list for a text", "title: Mine", "title: [Mine]", []string{"[2:8] this must be one value, not several"}},
		{"a text for a list", "hints: [Look at cart]", "hints: Look at cart", []string{"[13:8] this must be a list"}},
		{"a text for a step", fault, "fault: cart", []string{"[6:10] here must stand some of program, failing, slow"}},
		{"a step of nothing", fault, "fault:", []string{"[5:3] cause[0]: say what happens: publish, release"}},
		{"an alias", "title: Mine", "title: &a Mine", []string{"[2:8] YAML's &, * and ! are not read in a drill"}},
		{"a version that looks like a number", fault, "publish: {program: cart, version: 1.10}", nil},
		{"no name", "name: mine", "name: My Drill", []string{"[1:7] name: say what it is called"}},
		{"no title", "title: Mine\n", "", []string{"[1:1] title: say in some words"}},
		{"a title that colours the screen", "title: Mine", `title: "\e[31mMine\a"`, []string{`[2:8] title: there are signs in it that no screen shows`}},
		{"a hint of two lines", "[Look at cart]", `["Look\nat cart"]`, []string{"[13:9] hints[0]: there are signs in it"}},
		{"a briefing that moves the cursor", "briefing: PAGE cart fails", `briefing: "PAGE\n\e[2Jcart"`, []string{`[3:11] briefing: there are signs in it that no screen shows, or more than one line; what is shown is "·cart"`}},
		{"a long title", "title: Mine", "title: " + strings.Repeat("m", 61), []string{"[2:8] title: this has 61 letters, and 60 are the most"}},
		{"many hints", "[Look at cart]", "[" + strings.Repeat("a,", 20000) + "]", []string{"[13:8] these are 20000, and 50 are the most that anybody reads"}},
		{"a program that there is not", "fault: {program: cart", "fault: {program: crat", []string{`[6:20] cause[0].fault.program: there is no program "crat"; did you mean cart?; there are bank, cart`}},
		{"a percentage that is none", "failing: 50", "failing: 150", []string{"[6:35] cause[0].fault.failing: this is a percentage"}},
		{"a version that there is not", fault, "release: {program: cart, version: 1.0.1}", []string{`[6:37] cause[0].release.version: there is no version of cart "1.0.1"; did you mean 1.0.0?`}},
		{"a version that was published before", "- at: 5s\n  " + fault, "- at: 0s\n  publish: {program: cart, version: 3.0.0}\n- at: 5s\n  release: {program: cart, version: 3.0.0}", nil},
		{"a version that comes too late", "- at: 5s\n  " + fault, "- at: 9s\n  publish: {program: cart, version: 3.0.0}\n- at: 5s\n  release: {program: cart, version: 3.0.0}", []string{"[8:37] cause[1].release.version: 3.0.0 is published only after 9s; let that come before"}},
		{"two things in one step", "at: 5s\n", "at: 5s\n  halt: {cluster: cloud, machine: m1}\n", []string{"[5:3] cause[0]: a step is one of publish, release"}},
		{"a machine that there is not", fault, "halt: {cluster: cloud, machine: m3}", []string{`cause[0].halt.machine: there is no machine "m3"; did you mean m1?`}},
		{"no machine", fault, "halt: {cluster: cloud}", []string{"cause[0].halt: say which machine is meant, by its name"}},
		{"the machine of a pod that there is not", fault, "halt: {cluster: cloud, runs: catr-1}", []string{`[6:32] cause[0].halt.runs: there is never a "catr-1*" behind cloud:pod/shop; there are cart`}},
		{"the machine of a pod", fault, "halt: {cluster: cloud, runs: cart-1}", nil},
		{"a call that is none", fault, "breaker: {program: cart, to: cart, from: 60s}", []string{`cause[0].breaker.to: there is no program that cart calls "cart"`}},
		{"a job that takes nothing", fault, "run: {name: job, on: {cluster: cloud, machine: m1}}", []string{"cause[0].run: say what it takes"}},
		{"a job that is looked at", fault + "\nsigns: [" + sign, "run: {name: job, cpu: 1, on: {cluster: cloud, machine: m1}}\nsigns: [\"cloud:pod/batch/job\"", nil},
		{"a sign that is no object", sign, "cart", []string{`[7:9] signs[0]: "cart" is no object such as`}},
		{"a sign that is no pattern", sign, `"cloud:pod/shop/cart-[a"`, []string{`[7:9] signs[0]: "cloud:pod/shop/cart-[a" is no object such as`}},
		{"a sign of a system that there is not", sign, `"clodu:pod/shop/cart-*"`, []string{`[7:9] signs[0]: there is no system "clodu"; did you mean cloud?; there are ci, cloud`}},
		{"a sign of a kind that there is not", sign, `"cloud:pdo/shop/cart-*"`, []string{`there is never a "pdo" behind cloud; did you mean pod?; there are breaker, deployment.apps, pod`}},
		{"a sign of a place that there is not", sign, `"cloud:pod/shpo/cart-*"`, []string{`there is never a "shpo" behind cloud:pod; did you mean shop?`}},
		{"a sign of a pod that there is not", sign, `"cloud:pod/shop/crat-*"`, []string{`there is never a "crat-*" behind cloud:pod/shop; did you mean cart?; there are cart`}},
		{"a sign of one pod", sign, `"cloud:pod/shop/cart-[ab]-x"`, nil},
		{"a sign of whatever begins so", sign, `"cloud:pod/*/c*"`, nil},
		{"a sign of one build", sign, `"ci:build/cart/17"`, nil},
		{"a sign that ends too early", sign, `"cloud:pod/shop"`, []string{"[7:9] signs[0]: cloud:pod/shop goes on, as in cloud:pod/shop/cart-*"}},
		{"a sign that ends too late", sign, `"cloud:pod/shop/cart-1/app"`, []string{"[7:9] signs[0]: nothing stands behind cloud:pod/shop/cart-1; leave out what follows it"}},
		{"a condition that says nothing", "{program: cart, failing: 5}", "{program: cart}", []string{"[11:6] mitigated.when[0]: say what must be so"}},
		{"of each program", "{program: cart, failing: 5}", `{program: "*", missing: 0}`, nil},
		{"without a version that there is not", "{program: cart, failing: 5}", "{program: cart, without: 1.0}", []string{`[11:30] mitigated.when[0].without: there is no version of cart "1.0"; did you mean 1.0.0?`}},
		{"nothing need hold", "held: 60s", "held: 0s", []string{"[9:9] mitigated.held: say for how long"}},
		{"lost before it can be mitigated", "lost: 10m", "lost: 1m", []string{"[12:7] lost: say after how long"}},
		{"lost in a month", "lost: 10m", "lost: 720h", []string{"[12:7] lost: nobody practises for longer than 24 hours"}},
		{"no hints", "hints: [Look at cart]", "hints: []", []string{"[13:8] hints: give at least one"}},
		{"a key for no reason", ", why: To see", "", []string{"[15:4] way[0].why: say why"}},
		{"much at once", whole, strings.NewReplacer("name: mine", "name: Mine", "at: 5s", "at: soon", "program: cart", "program: crat", "lost: 10m\n", "").Replace(whole), []string{
			"[1:1] lost: say after how long", "[1:7] name: say what", `[5:7] this must be a time such as 90s or 15m, not "soon"`,
			"[6:20] cause[0].fault.program: there is no program", "[11:15] mitigated.when[0].program: there is no program",
		}},
		{"more than is read", `hints: [Look at cart]`, "hints: [" + strings.Repeat(`"",`, 30) + "]", append(slices.Repeat([]string{"give a hint"}, 20), "and 10 more")},
	} {
		t.Run(c.name, func(t *testing.T) {
			var says []string
			if _, err := drill.Parse([]byte(strings.Replace(whole, c.replace, c.by, 1)), setting()); err != nil {
				says = strings.Split(err.Error(), "\n")
			}
			ok := len(says) == len(c.says)
			for i := range min(len(says), len(c.says)) {
				ok = ok && strings.Contains(says[i], c.says[i])
			}
			if !ok {
				t.Errorf("it says\n%s\nand not\n%s", strings.Join(says, "\n"), strings.Join(c.says, "\n"))
			}
			for _, word := range []string{"float", "int64", "unmarshal", "overflow", "mapping", "Duration"} {
				if strings.Contains(strings.Join(says, "\n"), word) {
					t.Errorf("these are no words for people: %s", says)
				}
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
	if err := os.WriteFile(file, bytes.Repeat([]byte("# a\n"), 1<<15), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := drill.Read(file, drill.Setting{})
	var e *backend.Error
	if !errors.As(err, &e) || !strings.Contains(e.Human, "longer than 64 KiB") {
		t.Errorf("it says %v", err)
	}
}
