package feed

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/backend"
)

func TestStaleLoadIsInert(t *testing.T) {
	s := NewStore[thing](NewBell())
	l := s.Lens(nil, Keep[thing]{})
	p := backend.Part{Link: "a"}
	one := thing{link: "a", name: "1"}
	stale := s.Begin(p)
	stale.Put(one)
	stale.Synced()
	load := s.Begin(p)
	stale.Put(thing{link: "a", name: "2"})
	stale.Delete(one.Ref())
	stale.Synced()
	if s.Len() != 1 {
		t.Fatal("a superseded load has changed rows")
	}
	load.Put(thing{link: "a", name: "3"})
	if s.Len() != 2 {
		t.Fatal("rows of the load before must stay until the new one is synced")
	}
	load.Synced()
	l.Refresh()
	if got := names(l); got != "/3" {
		t.Fatal(got)
	}
	s.End(p)
	load.Put(one)
	load.Synced()
	if s.Len() != 0 || len(s.Parts()) != 0 {
		t.Fatal("an ended load has put rows")
	}
}

func TestPartsKeepToTheirRows(t *testing.T) {
	s := NewStore[thing](NewBell())
	x, y := s.Begin(backend.Part{Link: "a", Scope: "x"}), s.Begin(backend.Part{Link: "a", Scope: "y"})
	row := thing{link: "a", scope: "x", name: "1"}
	x.Put(row)
	y.Put(thing{link: "a", scope: "y", name: "1"})
	y.Delete(row.Ref())
	y.Synced()
	if s.Len() != 2 {
		t.Fatal("one part has taken out another's row")
	}
	s.End(backend.Part{Link: "a", Scope: "x"})
	if _, ok := s.Get(row.Ref()); ok || s.Len() != 1 {
		t.Fatal("the ended part's row, and no other, leaves")
	}
}

func TestEqualPutIsNoChange(t *testing.T) {
	bell := NewBell()
	s := NewStore[thing](bell)
	load := s.Begin(backend.Part{Link: "a"})
	load.Put(thing{link: "a", name: "1"})
	l := s.Lens(nil, Keep[thing]{})
	<-bell.C()
	load.Put(thing{link: "a", name: "1"})
	if l.Refresh() {
		t.Error("a refresh after an equal put")
	}
	select {
	case <-bell.C():
		t.Error("it rang")
	default:
	}
	v := thing{link: "a", name: "1"}
	if n := testing.AllocsPerRun(100, func() { load.Put(v) }); n > 1 {
		t.Errorf("%v allocations for an equal put", n)
	}
}

func TestGlowLastsASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStore[thing](NewBell())
		l := s.Lens(nil, Keep[thing]{})
		load := s.Begin(backend.Part{Link: "a"})
		see := func(want string) {
			t.Helper()
			l.Refresh()
			row, ok := l.At(0)
			if !ok {
				t.Fatal("no row")
			}
			var was []string
			for _, p := range row.Past {
				was = append(was, fmt.Sprint(p.Was.n))
			}
			if got := strings.Join(was, " "); got != want {
				t.Fatalf("was %q, want %q", got, want)
			}
		}
		load.Put(thing{link: "a", n: 1})
		see("") // new, not changed
		load.Put(thing{link: "a", n: 2})
		see("1")
		time.Sleep(600 * time.Millisecond)
		load.Put(thing{link: "a", n: 3})
		see("1 2")
		time.Sleep(600 * time.Millisecond)
		see("2")
		time.Sleep(400 * time.Millisecond)
		see("")
		for n := range 12 {
			load.Put(thing{link: "a", n: 4 + n})
		}
		see("7 8 9 10 11 12 13 14")
		time.Sleep(3 * Glow)
		synctest.Wait()
		if e := s.rows[thing{link: "a"}.Ref().Key()]; e.past != nil || len(s.glows) != 0 {
			t.Error("the value before is still held")
		}
	})
}

func TestFloodRingsAreBounded(t *testing.T) {
	const writers, each = 4, 12_500
	bell := NewBell()
	s := NewStore[thing](bell)
	l := s.Lens(byNumber, Keep[thing]{}.Text("name"))
	defer l.Close()
	var wg sync.WaitGroup
	for w := range writers {
		load := s.Begin(backend.Part{Link: fmt.Sprint(w)})
		wg.Go(func() {
			for i := range each {
				load.Put(thing{link: fmt.Sprint(w), name: fmt.Sprint("name", i%5000), n: i})
			}
			load.Synced()
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	refreshes := 0
	for open := true; open; {
		select {
		case <-bell.C():
			refreshes++
			l.Refresh()
			l.Window(0, 50)
		case <-done:
			open = false
		}
	}
	l.Refresh()
	if c := l.Counts(); c.Total != writers*5000 || c.Shown != c.Total || c.Live != writers {
		t.Errorf("%+v", c)
	}
	if refreshes >= writers*each/2 {
		t.Errorf("%d refreshes for %d changes", refreshes, writers*each)
	}
	if len(s.log) > 2*logSize || len(s.glows) > maxGlows {
		t.Errorf("%d changes and %d values before are held", len(s.log), len(s.glows))
	}
}

func TestTextsAreBuiltAnew(t *testing.T) {
	s := NewStore[thing](NewBell())
	load := s.Begin(backend.Part{Link: "a"})
	word := strings.Repeat("Ärger ", 50)
	for i := range 2000 {
		load.Put(thing{link: "a", name: fmt.Sprint(i % 50), word: fmt.Sprint(i, word)})
	}
	if n := len(s.texts.blob); n > 1<<17 {
		t.Errorf("%d bytes of text for 50 rows", n)
	}
	l := s.Lens(nil, Keep[thing]{}.Text("ÄRGER").Text("1999ä"))
	if got := names(l); got != "/49" {
		t.Error(got)
	}
}

func TestHostileTextCannotReachItsNeighbours(t *testing.T) {
	s := NewStore[thing](NewBell())
	load := s.Begin(backend.Part{Link: "a"})
	load.Put(
		thing{link: "a", name: "1", word: strings.Repeat("x", 1<<20)},
		thing{link: "a", name: "2", word: "two\nlines \xff\xfe Ü\n"},
		thing{link: "a", name: "3"})
	for sub, want := range map[string]string{"two lines": "/2", "\xff": "/2", "ü ": "/2", "xxx": "/1", "a": "/1 /2 /3"} {
		l := s.Lens(nil, Keep[thing]{}.Text(sub))
		if got := names(l); got != want {
			t.Errorf("%q finds %q, want %q", sub, got, want)
		}
	}
	if n := len(s.texts.blob); n > 3*maxText {
		t.Errorf("%d bytes are searched", n)
	}
}
