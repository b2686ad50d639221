package feed_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
)

func lines(from, to int) (out []backend.LogLine) {
	for i := from; i < to; i++ {
		out = append(out, backend.LogLine{Text: backend.T(fmt.Sprint(i))})
	}
	return out
}

// held is the text of all lines that a tape holds.
func held(t *feed.Tape) string {
	s := t.State()
	var out []string
	for i := range s.Len {
		l, _ := t.At(s.First + int64(i))
		out = append(out, l.Text.Raw())
	}
	return strings.Join(out, ",")
}

func TestTape(t *testing.T) {
	gone := "2 lines were dropped here: there was no room while the log was paused"
	never := "7 lines are missing here: they never came"
	for _, c := range []struct {
		name  string
		do    func(*feed.Tape)
		held  string
		state feed.TapeState
	}{
		{"nothing", func(*feed.Tape) {}, "", feed.TapeState{}},
		{"some", func(t *feed.Tape) { t.Lines(lines(0, 3)...) }, "0,1,2", feed.TapeState{Len: 3, Came: 3}},
		{"more than fit", func(t *feed.Tape) { t.Lines(lines(0, 7)...) }, "3,4,5,6", feed.TapeState{First: 3, Len: 4, Came: 7, Left: 3}},
		{"kept", func(t *feed.Tape) {
			t.Lines(lines(0, 2)...)
			t.Keep(true)
			t.Lines(lines(2, 6)...)
		}, "0,1,2,3", feed.TapeState{Len: 4, Came: 6, Dropped: 2}},
		{"kept and let go", func(t *feed.Tape) {
			t.Keep(true)
			t.Lines(lines(0, 6)...)
			t.Keep(false)
			t.Lines(lines(6, 8)...)
		}, "3," + gone + ",6,7", feed.TapeState{First: 3, Len: 4, Came: 8, Left: 3, Dropped: 2}},
		{"never came", func(t *feed.Tape) {
			t.Lines(lines(0, 1)...)
			t.Missed(7)
			t.Missed(0)
			t.Lines(lines(1, 2)...)
		}, "0," + never + ",1", feed.TapeState{Len: 3, Came: 2, Missed: 7}},
		{"before", func(t *feed.Tape) {
			t.Lines(lines(5, 7)...)
			if n := t.Before(lines(0, 5)); n != 2 {
				panic(n)
			}
		}, "3,4,5,6", feed.TapeState{First: -2, Len: 4, Came: 2}},
		{"before, and on", func(t *feed.Tape) {
			t.Lines(lines(5, 7)...)
			t.Before(lines(3, 5))
			t.Lines(lines(7, 9)...)
		}, "5,6,7,8", feed.TapeState{First: 0, Len: 4, Came: 4, Left: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tape := feed.NewTape(feed.NewBell(), 4, 1<<20)
			c.do(tape)
			if got := held(tape); got != c.held {
				t.Errorf("it holds %s, not %s", got, c.held)
			}
			if diff := cmp.Diff(c.state, tape.State()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestTapeBytes: one line that is larger than all that may be held is held alone.
func TestTapeBytes(t *testing.T) {
	tape := feed.NewTape(feed.NewBell(), 100, 1000)
	tape.Lines(lines(0, 3)...)
	big := strings.Repeat("x", 5000)
	tape.Lines(backend.LogLine{Text: backend.T(big)})
	if got := held(tape); got != big {
		t.Errorf("it holds %.40s…", got)
	}
	tape.Lines(lines(3, 5)...)
	if got := held(tape); got != "3,4" {
		t.Errorf("then it holds %.40s…", got)
	}
	if _, ok := tape.At(0); ok {
		t.Error("a line that is gone is given")
	}
}

// TestTapeByMany: whoever writes, each line is held or counted.
func TestTapeByMany(t *testing.T) {
	tape := feed.NewTape(feed.NewBell(), 1000, 1<<20)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				tape.Lines(lines(0, 10)...)
				tape.Health(backend.Ref{Name: "a"}, backend.Health{State: backend.Live})
			}
		})
	}
	all.Go(func() {
		for i := range 100 {
			tape.Keep(i%2 == 0)
		}
	})
	all.Wait()
	tape.Keep(false)
	s := tape.State()
	if s.Came != 8000 || s.Dropped == 0 && int64(s.Len)+s.Left != 8000 || int64(s.Len)+s.Left+s.Dropped < 8000 {
		t.Errorf("%+v", s)
	}
	if h := tape.Healths(); h[backend.Ref{Name: "a"}].State != backend.Live {
		t.Errorf("%+v", h)
	}
}
