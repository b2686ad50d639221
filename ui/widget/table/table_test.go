package table

import (
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pod is the rows of these tests.
type pod struct {
	link, name, state, uid string
	restarts               int
	level                  backend.Level
	created                int64
}

func (p pod) Ref() backend.Ref {
	return backend.Ref{Link: p.link, Kind: "pod", Scope: "shop", Name: p.name, UID: p.uid}
}

func (p pod) AppendText(b []byte) []byte {
	return append(append(append(b, p.name...), ' '), p.state...)
}

// columns are a name, a state, a number and an age; calls counts what is drawn.
func columns(calls *int) []Column[pod] {
	cell := func(text func(*pod) string) func(*pod, time.Time) Cell {
		return func(v *pod, _ time.Time) Cell { *calls++; return Cell{Text: text(v)} }
	}
	name := func(v *pod) string { return v.name }
	state := func(v *pod) string { return v.state }
	restarts := func(v *pod) string { return strconv.Itoa(v.restarts) }
	created := func(v *pod) time.Time { return time.Unix(v.created, 0) }
	return []Column[pod]{
		{ID: "name", Title: "NAME", Name: true, Cell: cell(name), Text: name},
		{ID: "state", Title: "STATE", Keep: 1, Max: 12, Text: state, Cell: func(v *pod, _ time.Time) Cell {
			*calls++
			return Cell{Text: v.state, Pen: themes.Of(v.level), Level: v.level}
		}},
		{
			ID: "restarts", Title: "RESTARTS", Right: true, Keep: 2, Text: restarts, Cell: cell(restarts),
			Less: func(a, b *pod) int { return a.restarts - b.restarts }, Number: func(v *pod) float64 { return float64(v.restarts) },
		},
		{
			ID: "age", Title: "AGE", Right: true, Keep: 3, Since: created,
			Text: func(v *pod) string { return created(v).UTC().Format(time.RFC3339) },
			Cell: func(v *pod, now time.Time) Cell {
				*calls++
				age := now.Sub(created(v)).Truncate(time.Minute)
				return Cell{Text: strings.TrimSuffix(age.String(), "0s"), Until: created(v).Add(age + time.Minute)}
			},
		},
		{ID: "link", Title: "CLUSTER", Hidden: true, Text: func(v *pod) string { return v.link }, Cell: cell(func(v *pod) string { return v.link })},
	}
}

// world is a table with what feeds it.
type world struct {
	t     *testing.T
	bell  *feed.Bell
	store *feed.Store[pod]
	load  backend.Load[pod]
	*Table[pod]
	calls int
	frame screen.Frame
	woken time.Time
}

var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// newWorld makes a table of w×h cells with rows "a" to "j".
func newWorld(t *testing.T, w, h int) *world {
	x := &world{t: t, bell: feed.NewBell()}
	x.store = feed.NewStore[pod](x.bell)
	x.load = x.store.Begin(backend.Part{Link: "one"})
	x.Table = New(x.store, columns(&x.calls))
	t.Cleanup(x.Close)
	x.resize(w, h)
	for i := range 10 {
		x.load.Put(row(string(rune('a' + i))))
	}
	x.load.Synced()
	x.Refresh()
	return x
}

func row(name string) pod {
	return pod{link: "one", name: name, state: "Running", uid: "u-" + name, level: backend.Good, created: noon.Unix() - 125}
}

func (x *world) resize(w, h int) {
	x.frame = screen.Frame{Canvas: screen.New(w, h), Now: noon, Signs: themes.ASCII(), Wake: func(at time.Time) { x.woken = at }}
}

// draw gives the picture.
func (x *world) draw() string {
	x.frame.Clear()
	x.woken = time.Time{}
	x.Draw(x.frame)
	return x.frame.Plain()
}

func (x *world) see(want string) {
	x.t.Helper()
	if d := cmp.Diff(strings.Trim(want, "\n"), x.draw()); d != "" {
		x.t.Fatal(d)
	}
}

// visible is the names that are drawn, the cursor's with '>'.
func (x *world) visible() string {
	var names []string
	for _, line := range strings.Split(x.draw(), "\n")[1:] {
		if f := strings.Fields(line); len(f) > 0 && f[0] == ">" {
			names = append(names, ">"+f[2])
		} else if len(f) > 0 {
			names = append(names, f[1])
		}
	}
	return strings.Join(names, " ")
}

func (x *world) shows(want string) {
	x.t.Helper()
	if got := x.visible(); got != want {
		x.t.Fatalf("shows %q, want %q", got, want)
	}
}

// filter filters with a query that is right.
func (x *world) filter(query string) {
	x.t.Helper()
	if _, err := x.Filter(query); err != nil {
		x.t.Fatal(err)
	}
}

// settle waits for filters that are worked out elsewhere.
func (x *world) settle() {
	for x.Refresh(); x.Counts().Filtering; x.Refresh() {
		<-x.bell.C()
	}
}

func TestCursorKeepsItsRowAndLine(t *testing.T) {
	x := newWorld(t, 60, 5)
	x.shows(">a b c d")
	x.Move(5)
	x.shows("c d e >f")
	x.Move(-1)
	x.shows("c d >e f")
	x.load.Put(row("aa"), row("ab"), row("zz"))
	x.Refresh()
	x.shows("c d >e f")
	x.load.Delete(row("a").Ref(), row("d").Ref())
	x.Refresh()
	x.shows("b c >e f")
	x.load.Delete(row("e").Ref(), row("f").Ref())
	x.Refresh()
	x.shows("b c >g h")
	x.load.Delete(row("g").Ref(), row("h").Ref(), row("i").Ref(), row("j").Ref(), row("zz").Ref())
	x.Refresh()
	x.shows("aa ab b >c")
	x.SortBy("-name")
	x.shows(">c b ab aa")
	x.load.Delete(row("aa").Ref(), row("ab").Ref(), row("b").Ref(), row("c").Ref())
	x.Refresh()
	x.shows("")
	if _, ok := x.Current(); ok || x.Selected() != nil || x.RowText() != "\t\t\t" {
		t.Error("there is no row")
	}
	x.load.Put(row("new"))
	x.Refresh()
	x.shows(">new")
}

func TestPages(t *testing.T) {
	x := newWorld(t, 60, 5)
	x.draw()
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() { x.Page(1) }, ">e f g h"},
		{func() { x.Move(1) }, "e >f g h"},
		{func() { x.Page(1) }, "g h i >j"},
		{func() { x.Page(-1) }, "c d e >f"},
		{func() { x.HalfPage(1) }, "e f g >h"},
		{x.Home, ">a b c d"},
		{x.End, "g h i >j"},
		{func() { x.Click(6, 1) }, ">g h i j"},
		{func() { x.Click(6, 9) }, ">g h i j"},
		{func() { x.Goto(row("b").Ref()) }, "a >b c d"},
		{func() { x.Click(5, 0) }, "a >b c d"},
		{func() { x.Click(5, 0) }, "d c >b a"},
	} {
		step.do()
		x.shows(step.want)
	}
	if x.Sorted() != "-name" {
		t.Error(x.Sorted())
	}
}

func TestCursorStaysAtTheTopWhileLoading(t *testing.T) {
	x := newWorld(t, 60, 4)
	load := x.store.Begin(backend.Part{Link: "two"})
	load.Put(row("A"))
	x.Refresh()
	x.shows(">A a b")
	load.Put(row("1"))
	load.Synced()
	x.Refresh() // the end of the load and its last rows at once
	x.shows(">1 A a")
	x.load.Put(row("0"))
	x.Refresh()
	x.shows(">1 A a")
	x.Move(-1)
	x.shows(">0 1 A")

	x = newWorld(t, 60, 4)
	load = x.store.Begin(backend.Part{Link: "two"})
	x.draw()
	x.Move(1)
	load.Put(row("A"))
	x.Refresh()
	x.shows("a >b c")
}

func TestGotoWaitsForItsRow(t *testing.T) {
	x := newWorld(t, 60, 4)
	x.Goto(row("zed").Ref())
	x.shows(">a b c")
	x.load.Put(row("zed"))
	x.Refresh()
	x.shows("i j >zed")
	x.Goto(row("never").Ref())
	x.Home()
	x.load.Put(row("never"))
	x.Refresh()
	x.shows(">a b c")
}

func TestMarks(t *testing.T) {
	x := newWorld(t, 60, 20)
	names := func() string {
		var all []string
		for _, r := range x.Selected() {
			all = append(all, r.Name+"="+r.UID)
		}
		return strings.Join(all, " ")
	}
	see := func(want string, marked, hidden, lost int) {
		t.Helper()
		if got := names(); got != want || x.Marked() != marked || x.HiddenMarked() != hidden || x.LostMarks() != lost {
			t.Errorf("%q, %d marked, %d hidden, %d lost", got, x.Marked(), x.HiddenMarked(), x.LostMarks())
		}
	}
	see("a=u-a", 0, 0, 0)
	x.Move(2)
	x.Mark()
	x.Move(2)
	x.MarkRange()
	see("c=u-c d=u-d e=u-e", 3, 0, 0)
	x.filter("d")
	see("c=u-c d=u-d e=u-e", 3, 2, 0)
	anew := row("e")
	anew.uid = "other"
	x.load.Put(anew)
	x.load.Delete(row("c").Ref())
	x.Refresh()
	see("d=u-d", 1, 0, 2) // who takes a name over does not take over its mark
	x.MarkAll()
	see("d=u-d", 1, 0, 0)
	x.OnlyLinks([]string{"two"})
	see("d=u-d", 1, 1, 0) // a place hides as a filter does
	x.OnlyLinks(nil)
	x.ClearMarks()
	see("d=u-d", 0, 0, 0)
	x.filter("")
	x.MarkAll()
	if x.Marked() != 9 || x.HiddenMarked() != 0 {
		t.Error(x.Marked(), x.HiddenMarked())
	}
}

// TestAnySizeAndOrder does random things in random sizes, and looks whether the
// cursor is where it must be.
func TestAnySizeAndOrder(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		x := newWorld(t, 0, 0)
		queries := []string{"", "a", "!b", "~a", "x[", "restarts:>3", `"`, "state:run", "-l app=x b", "^a"}
		ops := []func(){
			func() { x.Move(rnd.IntN(9) - 4) }, func() { x.Page(rnd.IntN(5) - 2) }, func() { x.HalfPage(rnd.IntN(5) - 2) },
			x.Home, x.End, x.Mark, x.MarkAll, x.MarkRange, x.ClearMarks, x.SortNext, x.Reverse, x.Wide,
			func() { x.Pan(rnd.IntN(5) - 2) }, func() { x.Click(rnd.IntN(60), rnd.IntN(9)) },
			func() { x.Goto(row(string(rune('a' + rnd.IntN(30)))).Ref()) },
			func() { _, _ = x.Filter(queries[rnd.IntN(len(queries))]) },
			func() { x.Broken(rnd.IntN(2) == 0, func(v *pod) bool { return v.level.Broken() }) },
			func() { x.OnlyLinks([]string{"one", "two"}[:rnd.IntN(3)]) },
			func() { x.Choose(x.Chosen()[rnd.IntN(len(x.Chosen())):]) },
			func() { x.load.Delete(row(string(rune('a' + rnd.IntN(30)))).Ref()) },
			func() {
				p := row(string(rune('a' + rnd.IntN(30))))
				p.restarts, p.level = rnd.IntN(9), backend.Level(rnd.IntN(7))
				x.load.Put(p)
			},
			func() { x.load = x.store.Begin(backend.Part{Link: "one"}) }, func() { x.load.Synced() },
			func() { x.Refresh() },
		}
		for range 1500 {
			ops[rnd.IntN(len(ops))]()
			if rnd.IntN(3) == 0 {
				x.resize(rnd.IntN(6), rnd.IntN(6))
			} else {
				x.resize(rnd.IntN(100), rnd.IntN(20))
			}
			x.draw()
			shown := x.Counts().Shown
			_, ok := x.Current()
			if ok != (shown > 0) || x.cursor.at < 0 || x.cursor.at > max(0, shown-1) {
				t.Fatalf("the cursor is at %d of %d, on a row: %v", x.cursor.at, shown, ok)
			}
			if h := x.cursor.height; h > 0 && (x.cursor.top < 0 || x.cursor.at < x.cursor.top || x.cursor.at >= x.cursor.top+h) {
				t.Fatalf("row %d is not within the %d lines from %d", x.cursor.at, h, x.cursor.top)
			}
		}
	}
}
