package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/screen"
)

// A writer is a log that the test writes. Older lines are numbered below zero.
type writer struct {
	mu     sync.Mutex
	sink   backend.LineSink
	asked  []backend.LogQuery
	fails  error          // of Tail
	ends   bool           // Tail does, at once
	last   backend.Health // that it says before it ends
	older  int            // lines that there are before the first
	partly error          // that older lines come with
}

// Tail implements backend.Lines.
func (w *writer) Tail(ctx context.Context, q backend.LogQuery, sink backend.LineSink) error {
	w.mu.Lock()
	w.sink, w.asked = sink, append(w.asked, q)
	fails := w.fails
	w.mu.Unlock()
	if fails != nil || w.ends {
		if !w.last.Reason.IsZero() {
			sink.Health(q.Of[0], w.last)
		}
		return fails
	}
	for _, r := range q.Of {
		sink.Health(r, backend.Health{State: backend.Live})
	}
	<-ctx.Done()
	return ctx.Err()
}

// Before implements backend.Lines.
func (w *writer) Before(_ context.Context, _ backend.LogQuery, c backend.Cursor, n int) (out []backend.LogLine, next backend.Cursor, err error) {
	var oldest int
	if _, err := fmt.Sscan(strings.TrimPrefix(c.Oldest.Text.Safe(), "line "), &oldest); err != nil {
		return nil, backend.Cursor{}, errors.New("the cursor is none of mine")
	}
	for i := max(oldest-n, -w.older); i < oldest; i++ {
		out = append(out, numbered(i))
	}
	if len(out) == 0 {
		return nil, backend.Cursor{}, w.partly
	}
	return out, backend.Cursor{Oldest: out[0], State: "mine"}, w.partly
}

func numbered(i int) backend.LogLine {
	return backend.LogLine{From: "cart-1", Text: backend.T(fmt.Sprintf("line %d", i))}
}

// write writes the lines from up to below to.
func (w *writer) write(from, to int) {
	for i := from; i < to; i++ {
		w.sink.Lines(numbered(i))
	}
}

// desk is a view on one log, and its terminal of 30×6.
type desk struct {
	t *testing.T
	v *logs
}

// within runs f on the log of pod cart-1 in a bubble.
func within(t *testing.T, w *writer, f func(d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		v := open(Options{
			Read: func(r backend.Ref) backend.Lines {
				if r.Kind == "none" {
					return nil
				}
				return w
			},
			Bell: feed.NewBell(),
			Save: func(string, []byte) tea.Cmd { return func() tea.Msg { return nil } },
		}, []backend.Ref{{Link: "eu", Kind: "pod", Scope: "shop", Name: "cart-1"}}, "")
		defer v.Close()
		d := &desk{t, v}
		d.settle()
		f(d)
	})
}

func (d *desk) settle() {
	for range 2 {
		synctest.Wait()
		d.run(d.v.Update(ui.Changed{}))
		d.picture()
	}
}

func (d *desk) run(cmd tea.Cmd) {
	for cmd != nil {
		msg := cmd()
		if msg == nil {
			return
		}
		cmd = d.v.Update(msg)
	}
}

// does carries out a command by its id.
func (d *desk) does(id string) {
	d.t.Helper()
	for _, c := range d.v.Commands() {
		if c.ID == id {
			if c.Why != "" {
				d.t.Fatalf("%s can't be done: %s", id, c.Why)
			}
			d.run(c.Run())
			d.settle()
			return
		}
	}
	d.t.Fatalf("there is no %s", id)
}

func (d *desk) picture() []string {
	f := screen.Frame{Canvas: screen.New(60, 6), Signs: themes.ASCII()}
	d.v.Draw(f)
	rows := strings.Split(f.Plain(), "\n")
	for i, r := range rows {
		rows[i] = strings.TrimSpace(r)
	}
	return rows
}

func (d *desk) shows(rows ...string) {
	d.t.Helper()
	if diff := cmp.Diff(rows, d.picture()); diff != "" {
		d.t.Error(diff)
	}
}

func (d *desk) counts(want string) {
	d.t.Helper()
	if got := d.v.Title().Counts; got != want {
		d.t.Errorf("it counts %q, not %q", got, want)
	}
}

func TestFollowsAndPauses(t *testing.T) {
	w := &writer{}
	within(t, w, func(d *desk) {
		d.shows("", "+ nothing was written yet; what comes is shown at once", "", "", "", "")
		w.write(0, 10)
		d.settle()
		d.shows("line 4", "line 5", "line 6", "line 7", "line 8", "line 9")
		d.does("pager.up")
		w.write(10, 13)
		d.settle()
		d.shows("line 3", "line 4", "line 5", "line 6", "line 7", "= paused, 3 newer lines since · s or G follows again")
		d.counts("13 lines, 0 dropped")
		d.does("pager.bottom")
		d.shows("line 7", "line 8", "line 9", "line 10", "line 11", "line 12")
		d.does("logs.follow")
		w.sink.Lines(make([]backend.LogLine, mostLines)...)
		d.settle()
		if s := d.v.reading.tape.State(); s.Dropped != 13 || s.First != 0 {
			t.Errorf("what one looks at went: %+v", s)
		}
		d.counts("100,000 lines, 13 dropped")
		d.does("logs.follow")
		w.write(13, 14)
		d.settle()
		if rows := d.picture(); !strings.Contains(rows[4], "! 13 lines were dropped here") || !strings.HasSuffix(rows[5], "line 13") {
			t.Errorf("where some were dropped stands %q", rows)
		}
	})
}

func TestReadsWhatIsOlder(t *testing.T) {
	w := &writer{older: 1500}
	within(t, w, func(d *desk) {
		w.write(0, 3)
		d.settle()
		d.does("pager.top")
		d.does("logs.follow") // all lines are in the window: paused by hand
		d.does("pager.top")
		d.does("logs.older")
		d.does("pager.top")
		for range 3 { // until there is nothing older
			d.settle()
			d.does("pager.top")
		}
		s := d.v.reading.tape.State()
		if s.First != -1500 || s.Len != 1503 {
			t.Fatalf("%+v", s)
		}
		for i := range s.Len {
			if l, _ := d.v.reading.tape.At(s.First + int64(i)); l.Text.Safe() != fmt.Sprintf("line %d", i-1500) {
				t.Fatalf("at %d stands %q", i, l.Text.Safe())
			}
		}
		if !d.v.older.done {
			t.Error("it asks on")
		}
	})
}

// TestOlderLinesOfSome: those that came are there, what is missing is told, and one
// goes on back.
func TestOlderLinesOfSome(t *testing.T) {
	w := &writer{older: 1500, partly: &backend.Error{Code: backend.Partly, Human: "What 2 wrote is not."}}
	within(t, w, func(d *desk) {
		w.write(0, 3)
		d.settle()
		d.does("pager.top")
		d.does("logs.older")
		d.does("pager.top")
		for range 3 {
			d.settle()
			d.does("pager.top")
		}
		if s := d.v.reading.tape.State(); s.Len != 1503 {
			t.Errorf("%+v", s)
		}
		if s := d.picture(); !slices.ContainsFunc(s, func(row string) bool { return strings.Contains(row, "not all older lines: What 2 wrote") }) {
			t.Error(s)
		}
	})
}

// TestOldAnswersAreNotTaken: what came while another view had the keys is lost, and
// can be asked for again.
func TestOldAnswersAreNotTaken(t *testing.T) {
	w := &writer{older: 5}
	within(t, w, func(d *desk) {
		w.write(0, 3)
		d.settle()
		lost := d.v.askOlder()
		d.v.Open(ui.Place{})
		if why := d.v.whyNoOlder(); why != "" {
			t.Errorf("it can't be asked for again: %s", why)
		}
		again := d.v.askOlder()
		d.run(lost)
		d.run(again)
		d.settle()
		if s := d.v.reading.tape.State(); s.First != -5 || s.Len != 8 {
			t.Errorf("%+v", s)
		}
	})
}

// TestIsNotReadOnceLeft: who goes back from a log ends the reading, and comes again
// to one that is read anew.
func TestIsNotReadOnceLeft(t *testing.T) {
	w := &writer{}
	within(t, w, func(d *desk) {
		d.v.Left()
		d.settle()
		d.v.Open(ui.Place{})
		d.settle()
		w.write(0, 2)
		d.settle()
		if d.counts("2 lines, 0 dropped"); len(w.asked) != 2 {
			t.Errorf("it was asked for %d times", len(w.asked))
		}
	})
}

// TestWhatIsLookedAtStays: a log that was paused and left shows what it showed, says
// that it was not read, and reads anew when it is to follow.
func TestWhatIsLookedAtStays(t *testing.T) {
	w := &writer{}
	within(t, w, func(d *desk) {
		w.write(0, 50)
		d.settle()
		d.does("pager.pageUp")
		before := d.picture()
		d.v.Left()
		d.v.Open(ui.Place{})
		d.settle()
		now := d.picture()
		if len(w.asked) != 1 || now[0] != before[0] || !strings.Contains(now[len(now)-1], "not read since") {
			t.Errorf("asked %d times:\n%q\nand before:\n%q", len(w.asked), now, before)
		}
		if h := d.v.Title().Health; h.State != backend.Stale || h.Since.IsZero() {
			t.Errorf("it says that it is %+v", h)
		}
		d.does("pager.bottom")
		d.settle()
		w.write(50, 52)
		d.settle()
		if d.counts("2 lines, 0 dropped"); len(w.asked) != 2 || d.v.Title().Health.State != backend.Live {
			t.Errorf("asked %d times, %+v", len(w.asked), d.v.Title().Health)
		}
	})
}

// TestTimesThatThereAreNot: no room is made for the times of lines that have none.
func TestTimesThatThereAreNot(t *testing.T) {
	w := &writer{}
	why := func(d *desk) string {
		for _, c := range d.v.Commands() {
			if c.ID == "logs.times" {
				return c.Why
			}
		}
		return "there is no such command"
	}
	within(t, w, func(d *desk) {
		w.write(0, 2)
		d.settle()
		before := d.picture()
		d.v.toggleTimes()
		d.settle()
		if diff := cmp.Diff(before, d.picture()); diff != "" || why(d) == "" {
			t.Errorf("%q: %s", why(d), diff)
		}
		w.sink.Lines(backend.LogLine{At: 1, Text: backend.T("timed")})
		d.settle()
		if now := d.picture(); !strings.Contains(now[2], ":00:00") || why(d) != "" {
			t.Errorf("%q: %q", why(d), now)
		}
	})
}

// TestPausedStaysPaused: keys that do not go to the end do not end a pause, and those
// that move nothing up begin none.
func TestPausedStaysPaused(t *testing.T) {
	w := &writer{}
	within(t, w, func(d *desk) {
		w.write(0, 50)
		d.settle()
		for _, id := range []string{"pager.right", "pager.left", "pager.wrap", "pager.wrap", "pager.next"} {
			if d.does(id); d.v.paused {
				t.Errorf("%s pauses", id)
			}
		}
		d.does("logs.follow")
		for _, id := range []string{"pager.right", "pager.down", "pager.next", "pager.wrap", "pager.pageDown"} {
			if d.does(id); !d.v.paused {
				t.Errorf("%s ends the pause", id)
			}
		}
		if d.does("pager.bottom"); d.v.paused {
			t.Error("G does not follow again")
		}
	})
}

// TestHitsAreOfWhatIsHeld: lines that have left do not count, older ones that came do.
func TestHitsAreOfWhatIsHeld(t *testing.T) {
	w := &writer{older: 20}
	within(t, w, func(d *desk) {
		w.write(0, 10)
		d.settle()
		if err := d.v.Search("line", true); err != nil {
			t.Fatal(err)
		}
		d.does("logs.older")
		d.counts("30 lines, 0 dropped, 30 with line")
		d.does("pager.bottom")
		w.sink.Lines(make([]backend.LogLine, mostLines-10)...)
		d.settle()
		d.counts("100,000 lines, 20 older gone, 0 dropped, 10 with line")
		if err := d.v.Search("", true); err != nil {
			t.Fatal(err)
		}
		if d.settle(); d.v.paused {
			t.Error("without a search it does not follow")
		}
	})
}

func TestSearchesAndSifts(t *testing.T) {
	w := &writer{}
	within(t, w, func(d *desk) {
		w.write(0, 50)
		d.settle()
		if err := d.v.Search("LINE 2", true); err != nil {
			t.Fatal(err)
		}
		d.settle()
		d.counts("50 lines, 0 dropped, 11 with line 2")
		w.write(200, 202)
		d.settle()
		d.counts("52 lines, 0 dropped, 13 with line 2")
		if err := d.v.Search("2 -q level:error AND x", true); err != nil {
			t.Fatal(err)
		}
		d.settle()
		w.write(2, 3)
		d.settle()
		d.counts("1 line, 0 dropped, 1 with 2")
		d.does("logs.previous")
		last := w.asked[len(w.asked)-1]
		if len(w.asked) != 3 || last.Match != "level:error AND x" || !last.Previous || last.Last != atFirst {
			t.Errorf("it asked for %+v", w.asked)
		}
	})
}

func TestSaysWhyThereAreNone(t *testing.T) {
	for name, c := range map[string]struct {
		w    *writer
		says string
	}{
		"refused": {&writer{fails: &backend.Error{Code: backend.Invalid, Human: "That is no query. Mend it."}}, "x That is no query. Mend it."},
		"ended":   {&writer{ends: true}, "- it has ended"},
		"never":   {&writer{ends: true, last: backend.Health{State: backend.Off, Reason: backend.T("It never began.")}}, "- It never began."},
		"no more": {&writer{ends: true, last: backend.Health{State: backend.Live, Reason: backend.T("None was retried.")}}, "- None was retried."},
		"gone":    {&writer{ends: true, last: backend.Health{State: backend.Down, Reason: backend.T("It is not there.")}}, "x It is not there."},
		"waited":  {&writer{ends: true, last: backend.Health{State: backend.Connecting, Reason: backend.T("It waits.")}}, "- it has ended"},
	} {
		t.Run(name, func(t *testing.T) {
			within(t, c.w, func(d *desk) {
				if rows := d.picture(); rows[1] != c.says || strings.Contains(rows[3]+rows[4], "ended") {
					t.Errorf("it shows %q", rows)
				}
				if !d.v.Settled() {
					t.Error("it waits for more")
				}
			})
		})
	}
}

// TestOfWhatHasNone: what has no log is told, and the others are read.
func TestOfWhatHasNone(t *testing.T) {
	w := &writer{}
	within(t, w, func(d *desk) {
		d.v.refs = append(d.v.refs, backend.Ref{Link: "eu", Kind: "none", Name: "x"})
		d.v.begin()
		d.settle()
		w.write(0, 1)
		d.settle()
		if rows := d.picture(); rows[0] != "cart-1    line 0" || !strings.HasPrefix(rows[5], "x x: eu:none/x has no log here") {
			t.Errorf("it shows %q", rows)
		}
	})
}
