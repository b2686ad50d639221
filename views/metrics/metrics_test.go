package metrics

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"wheelhouse/backend"
	"wheelhouse/backend/signal"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/screen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

// A bench is a view with a clock and a server of the test's own, without a shell.
type bench struct {
	*view
	t     *testing.T
	clock time.Time
	asked []backend.SeriesQuery
	ctx   context.Context
	fails error
	saved string
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, clock: start}
	r := backend.Ref{Link: "influx", Kind: signal.KindMetric, Scope: "shop/autogen", Name: "calls"}
	b.view = newChart(r, b.answer, list.Shared{Save: func(name string, text []byte) tea.Cmd {
		b.saved = name + "\n" + string(text)
		return nil
	}})
	b.now = func() time.Time { return b.clock }
	return b
}

// answer gives two series with a point a minute, one of them with a gap.
func (b *bench) answer(ctx context.Context, q backend.SeriesQuery, most int) ([]backend.Series, int, error) {
	b.asked, b.ctx = append(b.asked, q), ctx
	if b.fails != nil {
		return nil, 0, b.fails
	}
	all := []backend.Series{{Name: "cart", Unit: "ms"}, {Name: "pay", Unit: "ms"}}
	for at := q.From.Truncate(time.Minute); !at.After(q.To); at = at.Add(time.Minute) {
		v := float64(at.Minute())
		all[0].Points = append(all[0].Points, backend.Point{At: at, Value: v})
		if at.Minute() == 50 {
			v = math.NaN()
		}
		all[1].Points = append(all[1].Points, backend.Point{At: at, Value: 2 * v})
	}
	return all, 3, nil
}

// tell gives the view a message, carries out what it asks for, and gives it the
// answer.
func (b *bench) tell(msg tea.Msg) (asked bool) {
	b.t.Helper()
	cmd := b.Update(msg)
	if cmd == nil {
		return false
	}
	b.Update(cmd())
	return true
}

// run runs a command by its id.
func (b *bench) run(id string) {
	b.t.Helper()
	all := b.Commands()
	n := slices.IndexFunc(all, func(c ui.Command) bool { return c.ID == id })
	if n < 0 {
		b.t.Fatalf("there is no command %s", id)
	}
	if all[n].Why != "" {
		b.t.Fatalf("%s can't be done: %s", id, all[n].Why)
	}
	if cmd := all[n].Run(); cmd != nil {
		b.Update(cmd())
	}
}

func (b *bench) picture() string {
	f := screen.Frame{Canvas: screen.New(100, 24), Now: b.clock, Signs: themes.Unicode()}
	b.Draw(f)
	return f.Plain()
}

func TestFollowsTheTime(t *testing.T) {
	b := newBench(t)
	b.Open(ui.Place{})
	if b.Settled() || b.Title().Health.State != backend.Connecting || !strings.Contains(b.picture(), "asking for the numbers") {
		t.Errorf("before anything came it is %v:\n%s", b.Title().Health.State, b.picture())
	}
	if !b.tell(ui.Changed{}) || !b.Settled() {
		t.Fatal("it does not ask, or is not settled")
	}
	if q := b.asked[0]; !q.To.Equal(start) || !q.From.Equal(start.Add(-15*time.Minute)) || q.Points != 2*100 {
		t.Errorf("it asks for %+v", q)
	}
	if h := b.Title().Health; h.State != backend.Live || b.Title().Failed || b.Title().Counts != "15m, 5 series, the first 2 shown" {
		t.Errorf("the title is %+v", b.Title())
	}
	for _, want := range []string{"cart", "pay", "LAST", "ms"} {
		if !strings.Contains(b.picture(), want) {
			t.Errorf("the picture has no %s:\n%s", want, b.picture())
		}
	}
	if b.tell(ui.Changed{}) {
		t.Error("it asks again at once")
	}
	b.clock = b.clock.Add(every(15 * time.Minute))
	if !b.tell(ui.Changed{}) || !b.asked[1].To.Equal(b.clock) || b.asked[1].Points != 200 {
		t.Errorf("it does not follow: %+v", b.asked)
	}
}

// TestWakes: a picture says when the next question is due, and one of a zoomed chart
// that nothing is.
func TestWakes(t *testing.T) {
	b := newBench(t)
	b.tell(ui.Changed{})
	var woken []time.Time
	f := screen.Frame{Canvas: screen.New(100, 24), Now: b.clock, Signs: themes.Unicode(), Wake: func(at time.Time) { woken = append(woken, at) }}
	b.Draw(f)
	if !slices.ContainsFunc(woken, func(at time.Time) bool { return at.Equal(b.clock.Add(every(b.span))) }) {
		t.Errorf("woken at %v", woken)
	}
	b.run("chart.zoom")
	woken = nil
	b.Draw(f)
	b.clock = b.clock.Add(time.Hour)
	if len(woken) != 0 || b.tell(ui.Changed{}) {
		t.Errorf("a time that has passed is asked for again; woken at %v", woken)
	}
}

// TestFailureKeepsTheChart: the old chart stays, is said to be old, and why.
func TestFailureKeepsTheChart(t *testing.T) {
	b := newBench(t)
	b.fails = &backend.Error{Code: backend.Invalid, Human: "\x1b[2JThe query is wrong. Change it."}
	b.tell(ui.Changed{})
	if h := b.Title(); h.Health.State != backend.Down || !h.Failed || !b.Settled() || !strings.Contains(b.picture(), "The query is wrong") || strings.Contains(b.picture(), "\x1b") {
		t.Errorf("%+v:\n%s", h, b.picture())
	}
	b.fails = nil
	b.run("shell.refresh")
	whole := b.picture()
	b.clock = b.clock.Add(time.Minute)
	b.fails = errors.New("influx does not answer")
	b.tell(ui.Changed{})
	h, got := b.Title(), b.picture()
	if h.Health.State != backend.Stale || !h.Health.Since.Equal(start) || h.Failed || !b.Settled() {
		t.Errorf("%+v", h)
	}
	if !strings.Contains(got, "This is how it was at") || !strings.Contains(got, "does not answer") || !strings.Contains(got, "cart") || !strings.Contains(whole, "cart") {
		t.Errorf("the old chart is not kept, or not said to be old:\n%s", got)
	}
	b.fails = nil
	b.clock = b.clock.Add(time.Minute)
	if b.tell(ui.Changed{}); b.Title().Health.State != backend.Live || strings.Contains(b.picture(), "This is how it was") {
		t.Errorf("it does not come back: %+v", b.Title())
	}
}

// TestPanicIsAFailure: a fault in an adapter is told, and no more.
func TestPanicIsAFailure(t *testing.T) {
	b := newBench(t)
	b.read = func(context.Context, backend.SeriesQuery, int) ([]backend.Series, int, error) { panic("secret") }
	b.tell(ui.Changed{})
	if got := b.picture(); !strings.Contains(got, "a fault in wheelhouse") || strings.Contains(got, "secret") {
		t.Errorf("it says:\n%s", got)
	}
}

// TestLateAnswers: one that was asked for before the time was changed, or that came
// while another view stood there, is not shown.
func TestLateAnswers(t *testing.T) {
	b := newBench(t)
	late := b.Update(ui.Changed{})
	b.run("chart.last.6h")
	if q := b.asked[0]; q.To.Sub(q.From) != 6*time.Hour {
		t.Fatalf("it asks for %+v", q)
	}
	shown := b.chart.From
	old := late() // whose context has ended by now
	if b.ctx.Err() == nil {
		t.Error("what nobody waits for is not ended")
	}
	if b.Update(old); !b.chart.From.Equal(shown) {
		t.Error("a late answer is shown")
	}
	lost := b.Update(ui.Changed{})
	if lost != nil {
		t.Fatal("it asks too early")
	}
	b.run("chart.last.5m")
	b.Open(ui.Place{}) // back from another view
	if b.Settled() || !b.tell(ui.Changed{}) || !b.Settled() {
		t.Error("coming back does not ask anew")
	}
	b.again()
	under := b.Update(nil)
	b.Close()
	if under() == nil || b.ctx.Err() == nil {
		t.Error("leaving does not end what is under way")
	}
}

func TestRanges(t *testing.T) {
	b := newBench(t)
	for id, want := range map[string]time.Duration{
		"5m": 5 * time.Minute, "15m": 15 * time.Minute, "1h": time.Hour, "6h": 6 * time.Hour, "24h": 24 * time.Hour, "7d": 7 * 24 * time.Hour,
	} {
		b.run("chart.last." + id)
		if q := b.asked[len(b.asked)-1]; q.To.Sub(q.From) != want {
			t.Errorf("%s asks for %v", id, q.To.Sub(q.From))
		}
		if got := b.Title().Counts; !strings.HasPrefix(got, id+",") {
			t.Errorf("%s is called %s", id, got)
		}
	}
}

func TestCrosshairAndZoom(t *testing.T) {
	b := newBench(t)
	b.tell(ui.Changed{})
	for range 5 {
		b.run("chart.left")
	}
	if want := start.Add(-4 * time.Minute); !b.chart.At.Equal(want) {
		t.Fatalf("the crosshair is at %v, want %v", b.chart.At, want)
	}
	if got := b.picture(); !strings.Contains(got, "HERE") || !strings.Contains(got, "112ms") {
		t.Errorf("it does not read off 2×56:\n%s", got)
	}
	b.run("chart.zoom")
	q := b.asked[len(b.asked)-1]
	if span := q.To.Sub(q.From); span != 225*time.Second || q.To.After(start) || q.From.After(b.chart.At) || q.To.Before(b.chart.At) {
		t.Errorf("it zooms to %v – %v around %v", q.From, q.To, b.chart.At)
	}
	b.run("chart.zoom")
	if !strings.HasPrefix(b.Title().Counts, "zoomed to 56s") {
		t.Error(b.Title().Counts)
	}
	b.run("chart.unzoom")
	b.run("chart.unzoom")
	if q := b.asked[len(b.asked)-1]; q.To.Sub(q.From) != 15*time.Minute {
		t.Errorf("zoomed out it asks for %v", q.To.Sub(q.From))
	}
	for _, c := range b.Commands() {
		if c.ID == "chart.unzoom" && c.Why == "" {
			t.Error("it could be zoomed out further")
		}
	}
	for why := ""; why == ""; { // no further than can be shown, and then it says so
		b.run("chart.zoom")
		if w := b.wanted(); w.to.Sub(w.from) < shortest {
			t.Fatalf("zoomed to %v", w.to.Sub(w.from))
		}
		for _, c := range b.Commands() {
			if c.ID == "chart.zoom" {
				why = c.Why
			}
		}
	}
}

func TestSeriesStandOut(t *testing.T) {
	b := newBench(t)
	b.tell(ui.Changed{})
	var seen []string
	for range 4 {
		b.run("chart.next")
		seen = append(seen, b.litName())
	}
	b.run("chart.previous")
	seen = append(seen, b.litName())
	if diff := cmp.Diff([]string{"cart", "pay", "", "cart", ""}, seen); diff != "" {
		t.Error(diff)
	}
	b.run("chart.next")
	b.run("chart.last.1h") // it stays the same one
	if b.litName() != "cart" {
		t.Errorf("after other numbers came, %q stands out", b.litName())
	}
}

func TestTakesAlong(t *testing.T) {
	b := newBench(t)
	b.run("chart.last.5m")
	b.clock = start.Add(-8 * time.Minute)
	b.run("shell.refresh")
	b.run("chart.save")
	want := `calls.csv
time,cart,pay
2026-11-23T02:47:00Z,47,94
2026-11-23T02:48:00Z,48,96
2026-11-23T02:49:00Z,49,98
2026-11-23T02:50:00Z,50,
2026-11-23T02:51:00Z,51,102
2026-11-23T02:52:00Z,52,104
`
	if diff := cmp.Diff(want, b.saved); diff != "" {
		t.Error(diff)
	}
	if got := string(b.csv(start.Add(-9 * time.Minute))); got != "time,cart,pay\n2026-11-23T02:51:00Z,51,102\n" {
		t.Errorf("of one time: %q", got)
	}
}

// TestNothing: a time without numbers is no failure, and what can't be done says why.
func TestNothing(t *testing.T) {
	b := newBench(t)
	b.read = func(context.Context, backend.SeriesQuery, int) ([]backend.Series, int, error) { return nil, 0, nil }
	b.tell(ui.Changed{})
	if got := b.picture(); !strings.Contains(got, "Nothing was measured") || b.Title().Failed || b.Title().Health.State != backend.Live {
		t.Errorf("%+v:\n%s", b.Title(), got)
	}
	for _, c := range b.Commands() {
		if slices.Contains([]string{"chart.left", "chart.zoom", "chart.save", "chart.copy", "chart.next"}, c.ID) && c.Why == "" {
			t.Errorf("%s could be done without numbers", c.ID)
		}
	}
}

// TestZoomedIntoNothing: who has zoomed into a gap is told how to get out of it.
func TestZoomedIntoNothing(t *testing.T) {
	b := newBench(t)
	b.tell(ui.Changed{})
	unzoom := [2]string{"chart.unzoom", "zoom out"}
	if strings.Contains(b.picture(), "zooms out") || slices.Contains(b.Hints(), unzoom) {
		t.Errorf("%v:\n%s", b.Hints(), b.picture())
	}
	b.read = func(context.Context, backend.SeriesQuery, int) ([]backend.Series, int, error) { return nil, 0, nil }
	b.run("chart.zoom")
	b.tell(ui.Changed{})
	if !strings.Contains(b.picture(), "Z zooms out again") || !slices.Contains(b.Hints(), unzoom) {
		t.Errorf("%v:\n%s", b.Hints(), b.picture())
	}
}

// TestSmall: it draws in any frame.
func TestSmall(t *testing.T) {
	b := newBench(t)
	for _, fails := range []error{nil, fmt.Errorf("no. %s", strings.Repeat("why ", 50))} {
		b.fails = fails
		b.run("shell.refresh")
		for w := range 12 {
			for h := range 12 {
				b.Draw(screen.Frame{Canvas: screen.New(w, h), Now: b.clock, Signs: themes.ASCII()})
			}
		}
	}
}
