package main

import (
	"context"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wheelhouse/backend/link"
	"wheelhouse/backend/sandbox/drill"
	"wheelhouse/backend/sandbox/shop"
	"wheelhouse/ui"
)

// A played drill is a world with a console on it, both in this process, and a clock that
// only the test moves.
type played struct {
	t     *testing.T
	world *shop.Shop
	shell *ui.Headless
	plat  *platform

	mu  sync.Mutex
	now time.Time
}

func play(t *testing.T, name string) *played {
	t.Helper()
	link.Quiet(nil)
	d, err := drill.Load(name, shop.Setting())
	if err != nil {
		t.Fatal(err)
	}
	p := &played{t: t, now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	p.world, err = shop.Open(shop.Options{Seed: d.Seed, Drill: &d, Past: 4 * time.Minute, Now: func() time.Time {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.now
	}})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ownState(t)
	ctx, cancel := context.WithCancel(context.Background())
	files, ended := make(chan shop.Files, 1), make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.world.Serve(ctx, dir, func(f shop.Files) { files <- f }) // it ends with ctx
	}()
	at := <-files
	f := &flags{kubeconfig: at.Kubeconfig, config: at.Config, view: "briefing", world: &world{drill: at.Drill}}
	if p.plat, err = open(f); err != nil {
		t.Fatal(err)
	}
	p.plat.conf.Audit = filepath.Join(dir, "audit")
	o, err := p.plat.shellOptions()
	if err != nil {
		t.Fatal(err)
	}
	p.shell = ui.StartHeadless(o, 80, 24)
	t.Cleanup(func() {
		p.shell.Close()
		p.plat.close()
		cancel()
		<-ended
	})
	return p
}

// pass lets time go by in the world, second by second.
func (p *played) pass(d time.Duration) {
	for range d / time.Second {
		p.mu.Lock()
		p.now = p.now.Add(time.Second)
		p.mu.Unlock()
		p.world.Step()
	}
}

// do is a script: "+40s" lets time go by, "?words" waits until they are on the screen,
// "~words" too, while time goes by, a ':' line is typed, and all else is keys.
func (p *played) do(script ...string) {
	p.t.Helper()
	for _, line := range script {
		switch rest := line[1:]; line[0] {
		case '+':
			d, err := time.ParseDuration(rest)
			if err != nil {
				p.t.Fatal(err)
			}
			p.pass(d)
		case '?':
			p.shows(rest, 0)
		case '~':
			p.shows(rest, time.Second)
		case ':', '/':
			for _, r := range line {
				p.key(strings.ReplaceAll(string(r), " ", "space"))
			}
			p.key("enter")
		default:
			for _, k := range strings.Fields(line) {
				p.key(k)
			}
		}
	}
}

func (p *played) key(name string) {
	p.t.Helper()
	if err := p.shell.Key(name); err != nil {
		p.t.Fatal(err)
	}
}

func (p *played) shows(words string, passing time.Duration) {
	p.t.Helper()
	deadline := time.Now().Add(time.Minute) // of a machine that does other things too
	for !strings.Contains(p.shell.Picture(), words) {
		if time.Now().After(deadline) {
			p.t.Fatalf("there is no %q in\n%s", words, p.shell.Picture())
		}
		p.pass(passing)
		time.Sleep(5 * time.Millisecond)
	}
}

// TestDrillsByKeys: each drill is solved by the keys that a good engineer presses, from
// the briefing to the debrief, at 80x24.
func TestDrillsByKeys(t *testing.T) {
	for name, script := range map[string][]string{
		"bad-canary":      {":rollouts /checkout", "?20%", "l", "~NullPointerException", "esc", "?20%", "a", "?[ Cancel ]", "tab enter"},
		"slow-dependency": {"+2m", ":breakers /payments", "?open", ":pods /fraud-", "?2 shown", "l", "?POST /score", "esc", ":breakers /fraud", "?1 shown", "t", "?[ Cancel ]", "tab enter"},
		"node-down":       {"+2m", ":pods shop /terminating", "?ledger-1", "?ledger-0", "* ctrl+k", "?[ Cancel ]", "tab enter"},
		"noisy-neighbour": {":pods", "?revenue-report", "/revenue", "?1 shown", "d", "?describe", "esc", "?1 shown", "ctrl+d", "?[ Cancel ]", "tab enter"},
		"full-disk":       {"+5m", ":pods /inventory-", "?inventory-2", "l", "?No space left", ":pipelines /inventory", "?1 shown", "t", "?VERSION", "4 . 3 . 0 enter", "?[ Cancel ]", "tab enter", "+3m"},
	} {
		t.Run(name, func(t *testing.T) {
			p := play(t, name)
			p.do("?enter begins", "enter", "?drill 0:", "+40s")
			p.do(script...)
			p.do("~MITIGATED", "?WHAT YOU DID", "?done")
			if s := p.world.Drill.State(); s.Noticed.IsZero() || s.Phase != drill.Mitigated {
				t.Errorf("%+v", s)
			}
		})
	}
}

// TestDrillScreens: the menu, the briefing with its hints, the clock, and what is said
// where nothing can be done.
func TestDrillScreens(t *testing.T) {
	p := play(t, "bad-canary")
	p.do("?enter begins", "H", "?, then enter", ":debrief", "?The drill is not over", "esc", "?PAGE", "enter", "?drill 0:")
	p.do("+65s", "?drill 1:05", "H", "?Not all of checkout fails", ":briefing", "?HINTS", "?1  Not all", "?It goes on since 1:0")
	p.do(":drills", "?(running)", "G", "k", "j")
	p.key("enter")
	if err := p.shell.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if next := p.plat.flags.world.next; next != "slow-dependency" {
		t.Errorf("another world is opened with %q", next)
	}
}

// TestTour: each step is one thing to press, says so in one line of 80 columns, and goes
// on when that was done; nothing else changes, and esc ends it at any time.
func TestTour(t *testing.T) {
	p := play(t, "bad-canary")
	p.do("?enter begins", ":tour", "?tour 1/5", ":pods", "?tour 2/5", "/checkout", "?tour 3/5", "?checkout-", "l", "?tour 4/5", "[", "?checkout-", "x", "?tour 5/5", "esc", "?shown", "ctrl+p", "?That was the tour")
	p.do("esc", ":tour", "?tour 1/5")
	for line := range strings.Lines(p.shell.Picture()) {
		if strings.Contains(line, "tour 1/5") && !strings.Contains(line, "(esc ends it)") {
			t.Errorf("it is cut: %s", line)
		}
	}
	p.do("esc", "?home")
	if picture := p.shell.Picture(); strings.Contains(picture, "tour") || !strings.Contains(picture, "home") {
		t.Errorf("esc has done something else:\n%s", picture)
	}
}
