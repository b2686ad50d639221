package table

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
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

// settle waits for filters that are worked out elsewhere.
func (x *world) settle() {
	for x.Refresh(); x.Counts().Filtering; x.Refresh() {
		<-x.bell.C()
	}
}

func TestPicture(t *testing.T) {
	x := newWorld(t, 50, 5)
	bad := row("b")
	bad.state, bad.level, bad.restarts = "CrashLoopBackOff", backend.Critical, 14
	x.load.Put(bad)
	x.Refresh()
	x.Move(1)
	x.Mark()
	x.SortBy("-restarts")
	x.see(`
    NAME             STATE         vRESTARTS   AGE
>*x b                CrashLoopBa~         14    2m
  + a                Running               0    2m
  + c                Running               0    2m
  + d                Running               0    2m`)
	if want := noon.Add(55 * time.Second); !x.woken.Equal(want) {
		t.Errorf("wakes at %v, want %v, when an age changes", x.woken, want)
	}
}

func TestColumnsAreDroppedByPriority(t *testing.T) {
	x := newWorld(t, 36, 2)
	x.see(`
+1  NAME          STATE     RESTARTS
> + a             Running          0`)
	x.resize(30, 2)
	x.see(`
+2  NAME              STATE
> + a                 Running`)
	x.resize(10, 2)
	x.see(`
+3  NAME
> + a`)
	x.Pan(1)
	x.resize(30, 2)
	x.see(`
+2  NAME             RESTARTS
> + a                       0`)
	x.Pan(5)
	x.see(`
+2  NAME                   AGE
> + a                       2m`)
	if x.HiddenColumns() != 2 {
		t.Error(x.HiddenColumns())
	}
	x.Pan(-9)
	x.Choose([]string{"link", "nonsense", "age"})
	x.see(`
    NAME        CLUSTER    AGE
> + a           one         2m`)
	x.Wide()
	x.resize(80, 2)
	x.see(`
    NAME                                       CLUSTER    AGE  STATE     RESTARTS
> + a                                          one         2m  Running          0`)
	x.Wide()
	if d := cmp.Diff([]string{"name", "link", "age"}, x.Chosen()); d != "" {
		t.Error(d)
	}
}

func TestWidthsOnlyGrow(t *testing.T) {
	x := newWorld(t, 60, 4)
	long := row("k")
	long.state = "Terminating"
	x.load.Put(long)
	x.Refresh()
	before := strings.Split(x.draw(), "\n")[0]
	x.End()
	after := strings.Split(x.draw(), "\n")[0]
	if before == after {
		t.Fatal("the longer state asks for more")
	}
	x.Home()
	if again := strings.Split(x.draw(), "\n")[0]; again != after {
		t.Errorf("columns jump back:\n%s\n%s", after, again)
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
	load.Synced()
	x.load.Put(row("0"))
	x.Refresh()
	x.shows(">A a b")
	x.Move(-1)
	x.shows(">0 A a")

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
	if _, err := x.Filter("d"); err != nil {
		t.Fatal(err)
	}
	see("c=u-c d=u-d e=u-e", 3, 2, 0)
	anew := row("e")
	anew.uid = "other"
	x.load.Put(anew)
	x.load.Delete(row("c").Ref())
	x.Refresh()
	see("d=u-d e=other", 2, 1, 1)
	x.MarkAll()
	see("d=u-d e=other", 2, 1, 0)
	x.Mark()
	see("e=other", 1, 1, 0)
	x.ClearMarks()
	see("d=u-d", 0, 0, 0)
	x.Filter("")
	x.MarkAll()
	if x.Marked() != 9 || x.HiddenMarked() != 0 {
		t.Error(x.Marked(), x.HiddenMarked())
	}
}

func TestPens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld(t, 60, 4)
		x.frame.Now = time.Now()
		changed := row("b")
		changed.restarts = 3
		x.load.Put(changed)
		x.Refresh()
		x.Choose([]string{"name", "state", "restarts"})
		x.Filter("b")
		x.Mark()
		x.draw()
		pens := map[rune]themes.Pen{}
		line := []rune(strings.Split(x.frame.Plain(), "\n")[1])
		for i, r := range line {
			x.frame.Repen(i, 1, 1, func(p themes.Pen) themes.Pen { pens[r] = p; return p })
		}
		if pens['b'] != themes.Match|themes.Bold|themes.Reverse {
			t.Errorf("the name is drawn as %x", pens['b'])
		}
		if pens['3'] != themes.Plain|themes.Glow || pens['R'] != themes.Good {
			t.Errorf("the changed cell is drawn as %x, another as %x", pens['3'], pens['R'])
		}
		if want := x.frame.Now.Add(feed.Glow); !x.woken.Equal(want) {
			t.Errorf("wakes at %v, want %v, when the glow ends", x.woken, want)
		}
		x.Mark()
		x.Filter("")
		time.Sleep(feed.Glow)
		x.frame.Now = time.Now()
		x.draw()
		for y := range 4 {
			x.frame.Repen(0, y, 60, func(p themes.Pen) themes.Pen {
				if p&themes.Glow != 0 {
					t.Error("it still glows")
				}
				return p
			})
		}
	})
}

func TestHostileNamesKeepColumnsAligned(t *testing.T) {
	x := newWorld(t, 80, 40)
	names := []string{
		"\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "ls\rrm", "a\nb", "\x9b2J", "日本語のポッド", "👩‍👩‍👧‍👦 family", "e" + strings.Repeat("\u0301", 500),
		"\u202egnp.exe", "zero\u200bwidth", "\U000e0041tag", "ﷺ", "🇩🇪", strings.Repeat("x", 1<<20), strings.Repeat("界", 1<<18), "\xff\xfe",
	}
	for _, n := range names {
		p := row(n)
		p.state = n
		x.load.Put(p)
	}
	x.Refresh()
	x.draw()
	for y := 1; y <= 10+len(names); y++ {
		last := x.frame.Canvas.Sub(78, y, 2, 1).Plain()
		blank := x.frame.Canvas.Sub(74, y, 2, 1).Plain()
		if last != "2m" || blank != "" {
			t.Errorf("line %d is not aligned: %q", y, x.frame.Canvas.Sub(0, y, 80, 1).Plain())
		}
	}
	for _, r := range x.frame.Plain() {
		if r < ' ' && r != '\n' || r >= 0x7f && r < 0xa0 || r == 0x202e {
			t.Fatalf("%U is drawn", r)
		}
	}
}

func TestDrawAsksOnlyForVisibleRows(t *testing.T) {
	x := newWorld(t, 160, 45)
	for i := range 50_000 {
		x.load.Put(row(fmt.Sprint("pod-", i)))
	}
	x.Refresh()
	for _, where := range []func(){func() {}, x.End, func() { x.Page(-3) }} {
		where()
		x.calls = 0
		x.draw()
		if limit := 44 * len(x.columns); x.calls > limit || x.calls == 0 {
			t.Errorf("%d cells asked for, at most %d are visible", x.calls, limit)
		}
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
