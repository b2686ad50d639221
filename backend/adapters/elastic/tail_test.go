package elastic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
)

// tailing follows in the background, until the test ends.
func tailing(t *testing.T, e *Elastic, q backend.LogQuery) *page {
	t.Helper()
	p := newPage()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); p.ended(e.Tail(ctx, q, p)) }()
	t.Cleanup(func() { cancel(); <-done })
	return p
}

func of(names ...string) backend.LogQuery {
	var q backend.LogQuery
	for _, n := range names {
		q.Of = append(q.Of, ref(n))
	}
	return q
}

// millis is now, and some milliseconds.
func millis(more int64) int64 { return time.Now().UnixMilli() + more }

func (p *page) wants(t *testing.T, what string, want ...string) {
	t.Helper()
	p.until(t, what, func() bool { return len(p.texts()) >= len(want) })
	if diff := cmp.Diff(want, p.texts()); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
}

func TestTail(t *testing.T) {
	f := newFake()
	base := millis(-10_000)
	f.write("logs-a", base, base+1, base+2, base+2, base+3)
	e, _ := rig(t, f)
	q := of("logs-*")
	q.Last = 2
	p := tailing(t, e, q)
	p.wants(t, "the last ones", "line 3", "line 4")
	f.write("logs-b", base+3, base+4) // of the same time, and newer, in an index that is new
	p.wants(t, "what comes", "line 3", "line 4", "line 5", "line 6")
	f.write("logs-a", base+2) // late, and of the time at which the last ones begin
	p.wants(t, "what comes late", "line 3", "line 4", "line 5", "line 6", "line 7")
	if s := p.state(backend.Ref{}); s != backend.Live {
		t.Errorf("it is %v", s)
	}
}

func TestTailFromNowOn(t *testing.T) {
	f := newFake()
	base := millis(-10_000)
	f.write("logs", base, base)
	e, _ := rig(t, f)
	p := tailing(t, e, of("logs"))
	p.until(t, "that it is live", func() bool { return p.state(backend.Ref{}) == backend.Live })
	f.write("logs", base, base+1)
	p.wants(t, "only what is new", "line 2", "line 3")
}

func TestTailSinceAndMatch(t *testing.T) {
	f := newFake()
	base := millis(-100_000)
	for i := range int64(30) {
		f.write("logs", base+i*1000)
	}
	e, _ := rig(t, f)
	q := of("logs")
	q.Since, q.Match = time.UnixMilli(base+10_000), "line 1"
	p := tailing(t, e, q)
	var want []string
	for i := 10; i < 20; i++ {
		want = append(want, fmt.Sprintf("line %d", i))
	}
	p.wants(t, "since then", want...)
	q.Last = 3
	p = tailing(t, e, q)
	p.wants(t, "the last of those", want[7:]...)
}

// TestTailOfLate: documents come in any order of their times; within a minute
// each is given once, later they are counted.
func TestTailOfLate(t *testing.T) {
	f := newFake()
	base := millis(-400_000)
	f.write("logs", base)
	e, _ := rig(t, f)
	q := of("logs")
	q.Last = 10
	p := tailing(t, e, q)
	p.wants(t, "the first", "line 0")
	f.write("logs", base+300_000)
	p.until(t, "the newest", func() bool { return p.count() == 2 })
	f.write("logs", base+250_000, base+250_000, base+299_999, base+250_100)
	p.until(t, "what is late", func() bool { return p.count() == 6 })
	f.write("logs", base+100_000, base+100_000, base+200_000) // more than a minute
	p.until(t, "that some are missed", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.missed == 3 })
	f.write("logs", base+300_001)
	p.until(t, "what comes", func() bool { return p.count() == 7 })
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.missed != 3 || len(p.lines) != 7 {
		t.Errorf("%d missed, %d lines", p.missed, len(p.lines))
	}
}

// TestTailOfAPageThatDoesNotGetOn: a server that answers with the page before, whatever
// it is asked for, is asked again later; what is given is given once, and all of it
// once it gets on.
func TestTailOfAPageThatDoesNotGetOn(t *testing.T) {
	f := newFake()
	f.window = 300
	base := millis(-10_000) / 1000 * 1000
	write := func(n int64) {
		var times []int64
		for i := range n {
			times = append(times, base+i%200) // in one slot
		}
		f.write("logs", times...)
	}
	write(600)
	e, _ := rig(t, f)
	e.pace.late = time.Hour
	q := of("logs")
	q.Since = time.UnixMilli(base)
	p := newPage()
	tail := newTail(e, q, p)
	rounds := func() {
		t.Helper()
		for range 20 {
			more, err := tail.round(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !more {
				return
			}
		}
		t.Fatal("it always wants more")
	}
	const page = 250 // a quarter of the first: half of it is too much for the server
	f.be(func() { f.stuck = 50 })
	rounds()
	p.once(t, page)
	f.be(func() { f.stuck = 0 })
	rounds()
	p.once(t, 600)

	write(600) // late
	f.be(func() { f.stuck = 50 })
	if err := tail.lookBack(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	f.be(func() { f.stuck = 0 })
	if err := tail.lookBack(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	p.once(t, 1200)
}

// TestTailWithFaults: whatever becomes of the answers, each line comes once.
func TestTailWithFaults(t *testing.T) {
	for name, fault := range map[string]backendtest.Fault{
		"lost": backendtest.Lost, "half": backendtest.Half, "page": backendtest.Page, "padded": backendtest.Padded, "refused": backendtest.Refused,
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.window = 300
			e, faults := rig(t, f)
			n := 0
			faults.Spoil(func(r *http.Request) backendtest.Fault {
				if !strings.HasSuffix(r.URL.Path, "_search") {
					return 0
				}
				if n++; n%3 == 0 {
					return fault
				}
				return 0
			})
			base := millis(-50_000)
			f.write("logs", base)
			q := of("logs")
			q.Last = 1
			p := tailing(t, e, q)
			p.until(t, "the first", func() bool { return p.count() == 1 })
			for i := range int64(20) {
				var times []int64
				for k := range int64(100) {
					times = append(times, base+1+i*200+(k*37)%50*(k%7)) // in no order, some of one time
				}
				f.write("logs", times...)
			}
			p.until(t, "all", func() bool { return p.count() == 2001 })
			faults.Spoil(nil)
			f.write("logs", base+30_000)
			p.until(t, "the end", func() bool { return p.count() == 2002 })
			p.once(t, 2002)
			p.until(t, "that it is live", func() bool { return p.state(backend.Ref{}) == backend.Live })
		})
	}
}

func TestTailIsStaleWhileLost(t *testing.T) {
	f := newFake()
	base := millis(-10_000)
	f.write("logs", base)
	e, faults := rig(t, f)
	p := tailing(t, e, of("logs"))
	p.until(t, "that it is live", func() bool { return p.state(backend.Ref{}) == backend.Live })
	faults.Spoil(backendtest.Always(backendtest.Refused))
	p.until(t, "that it is stale", func() bool { return p.state(backend.Ref{}) == backend.Stale })
	p.mu.Lock()
	reason := p.health[backend.Ref{}].Reason.Safe()
	p.mu.Unlock()
	if !strings.Contains(reason, "503") {
		t.Error(reason)
	}
	f.write("logs", base+1, base-5)
	faults.Spoil(nil)
	p.until(t, "that it goes on", func() bool { return p.count() == 1 && p.state(backend.Ref{}) == backend.Live })
}

// TestTailEndsWhileItWaits for an answer that comes half a minute late.
func TestTailEndsWhileItWaits(t *testing.T) {
	f := newFake()
	f.write("logs", millis(0))
	e, faults := rig(t, f)
	asked := make(chan struct{}, 100)
	faults.Spoil(func(*http.Request) backendtest.Fault { asked <- struct{}{}; return backendtest.Late })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Tail(ctx, of("logs"), newPage()) }()
	<-asked
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("it gives %v", err)
	}
}

func TestTailRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		query func(*backend.LogQuery)
		in    func(*fake)
		says  string
	}{
		"bad query":     {func(q *backend.LogQuery) { q.Match = "level:(" }, func(*fake) {}, "Failed to parse query [level:("},
		"no time":       {func(*backend.LogQuery) {}, func(f *fake) { f.indices["logs"] = index{timeless: true} }, "has no field @timestamp"},
		"no name":       {func(q *backend.LogQuery) { q.Of[0].Name = "a/_delete_by_query" }, func(*fake) {}, "can't be the name"},
		"of none":       {func(q *backend.LogQuery) { q.Of = nil }, func(*fake) {}, "from 1 to 100"},
		"other product": {func(q *backend.LogQuery) { q.Of[0].Name = "-logs" }, func(*fake) {}, "can't be the name"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake()
			f.write("logs", millis(0))
			test.in(f)
			e, _ := rig(t, f)
			q := of("logs")
			test.query(&q)
			err := e.Tail(t.Context(), q, newPage())
			if backend.CodeOf(err) != backend.Invalid || !strings.Contains(err.Error(), test.says) || !strings.HasSuffix(err.Error(), ".") {
				t.Errorf("it gives %v", err)
			}
		})
	}
}

// TestTailOfSeveral: what is wrong with one of them is told of it, and the others
// go on; it is followed when it can be.
func TestTailOfSeveral(t *testing.T) {
	f := newFake()
	base := millis(-10_000)
	f.write("logs", base)
	f.write("vault", base+1)
	f.closed = []string{"vault"}
	e, _ := rig(t, f)
	q := of("logs", "vault", "later")
	q.Last = 5
	p := tailing(t, e, q)
	p.until(t, "one", func() bool { return p.count() == 1 })
	p.until(t, "how the others are", func() bool {
		return p.state(ref("vault")) == backend.Forbidden && p.state(ref("later")) == backend.Down
	})
	f.write("later", base+2)
	p.until(t, "what is there now", func() bool { return p.count() == 2 && p.state(ref("later")) == backend.Live })
	f.be(func() { f.closed = append(f.closed, "later") })
	p.until(t, "that it is closed", func() bool { return p.state(ref("later")) == backend.Forbidden })
	f.write("logs", base+3)
	f.write("later", base+4)
	p.until(t, "what the other has", func() bool { return p.count() == 3 })
	f.be(func() { f.closed = nil })
	p.until(t, "all", func() bool { return p.count() == 5 })
	p.once(t, 5)
}

func TestTailWithoutALogin(t *testing.T) {
	f := newFake()
	f.secure = true
	f.write("logs", millis(0))
	e, _ := rig(t, f)
	p := tailing(t, e, of("logs"))
	p.until(t, "that it is live", func() bool { return p.state(backend.Ref{}) == backend.Live })
	f.be(func() { f.denied = true })
	p.until(t, "that it may not", func() bool { return p.state(backend.Ref{}) == backend.Forbidden })
}

// TestSeenIsBounded, however many come in a minute.
func TestSeenIsBounded(t *testing.T) {
	s := newSeen()
	at := int64(0)
	for i := range memory + memory/2 {
		at = int64(i) * 1e4 // a hundred thousand a second
		if !s.add(hit{Index: "logs", ID: fmt.Sprint(i)}, at) {
			t.Fatalf("%d is not new", i)
		}
		if i%1000 == 0 {
			s.forget(at)
		}
	}
	s.forget(at)
	n := 0
	for _, sl := range s.slots {
		n += len(sl.ids)
	}
	if n != s.n || n > memory || n < memory/2 {
		t.Errorf("%d are remembered, it counts %d", n, s.n)
	}
	if s.add(hit{Index: "logs", ID: "late"}, 1) {
		t.Error("one of which nothing is remembered is given")
	}
	if !s.add(hit{Index: "logs", ID: "late"}, at-1) || s.add(hit{Index: "logs", ID: "late"}, at-1) {
		t.Error("one that is late is given once")
	}
}

func TestBefore(t *testing.T) {
	f := newFake()
	base := millis(-10_000)
	for i := range int64(40) {
		f.write([]string{"logs-a", "logs-b"}[i%2], base+i/8) // eight of one time
	}
	e, _ := rig(t, f)
	q := of("logs-*")
	q.Last = 5
	p := tailing(t, e, q)
	p.until(t, "the last ones", func() bool { return p.count() == 5 })
	for name, lose := range map[string]bool{"kept": false, "lost": true} {
		t.Run(name, func(t *testing.T) {
			c := backend.Cursor{Oldest: p.lines[0]}
			seen := p.texts()
			for !c.IsZero() {
				lines, next, err := e.Before(t.Context(), q, c, 7)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.IsSortedFunc(lines, func(a, b backend.LogLine) int { return int(a.At - b.At) }) {
					t.Errorf("%v is in no order", lines)
				}
				for _, l := range lines {
					seen = append(seen, l.Text.Raw())
				}
				if c = next; lose {
					f.be(func() { clear(f.pits) })
				}
			}
			slices.Sort(seen)
			if all := slices.Compact(slices.Clone(seen)); len(seen) != 40 || len(all) != 40 {
				t.Errorf("%d lines, %d of them different", len(seen), len(all))
			}
			if len(f.pits) != 0 {
				t.Errorf("%d points in time are left open", len(f.pits))
			}
		})
	}
}

func TestBeforeIsFrozen(t *testing.T) {
	f := newFake()
	base := millis(-10_000)
	f.write("logs", base, base+1, base+2)
	e, faults := rig(t, f)
	lines, c, err := e.Before(t.Context(), of("logs"), backend.Cursor{}, 1)
	if err != nil || len(lines) != 1 || lines[0].Text.Raw() != "line 2" {
		t.Fatalf("%v %v", lines, err)
	}
	f.write("logs", base+1) // while one reads back
	faults.Spoil(backendtest.Always(backendtest.Half))
	if _, same, err := e.Before(t.Context(), of("logs"), c, 5); err == nil || same != c {
		t.Errorf("half an answer gives %v, and %v", same, err)
	}
	faults.Spoil(nil)
	f.be(func() {}) // the answer that was lost had the newest name of it
	lines, c, err = e.Before(t.Context(), of("logs"), c, 5)
	if err != nil || !c.IsZero() || lines[0].Text.Raw() != "line 0" {
		t.Errorf("%v %v %v", lines, c, err)
	}
	if _, _, err := e.Before(t.Context(), of("logs"), backend.Cursor{State: "{"}, 5); backend.CodeOf(err) != backend.Invalid {
		t.Errorf("nonsense gives %v", err)
	}
	if _, _, err := e.Before(t.Context(), of("nowhere"), backend.Cursor{}, 5); backend.CodeOf(err) != backend.NotFound {
		t.Errorf("nowhere gives %v", err)
	}
}
