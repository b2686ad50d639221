package table

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/themes"
)

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
+2  NAME               STATE
> + a                  Running`)
	x.resize(10, 2)
	x.see(`
+3  NAME
> + a`)
	x.Pan(1)
	x.resize(30, 2)
	x.see(`
+2  NAME              RESTARTS
> + a                        0`)
	x.Pan(5)
	x.see(`
+2  NAME                   AGE
> + a                       2m`)
	if x.layout.hidden != 2 {
		t.Error(x.layout.hidden)
	}
	x.Pan(-9)
	x.Choose([]string{"link", "nonsense", "age"})
	x.see(`
    NAME        CLUSTER    AGE
> + a           one         2m`)
	x.Wide()
	x.resize(80, 2)
	x.see(`
    NAME                                      CLUSTER    AGE  STATE     RESTARTS
> + a                                         one         2m  Running          0`)
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

func TestPens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newWorld(t, 60, 4)
		x.frame.Now = time.Now()
		changed := row("b")
		changed.restarts = 3
		x.load.Put(changed)
		unseen := changed
		unseen.created++ // what no column shows takes no mark away
		x.load.Put(unseen)
		x.Refresh()
		x.Choose([]string{"name", "state", "restarts"})
		x.filter("b")
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
		x.filter("")
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

// TestFaded: what a dead link said last is told from what is sure; its sign
// stays as it is.
func TestFaded(t *testing.T) {
	x := newWorld(t, 60, 4)
	x.Choose([]string{"name", "state"})
	x.Fade(func(r backend.Ref) bool { return r.Name == "b" })
	x.draw()
	for y, want := range []themes.Pen{themes.Good, themes.Dim, themes.Good} {
		line := strings.Split(x.frame.Plain(), "\n")[y+1]
		x.frame.Repen(strings.Index(line, "Running"), y+1, 1, func(p themes.Pen) themes.Pen {
			if p != want {
				t.Errorf("row %d: the state is drawn as %x", y, p)
			}
			return p
		})
		x.frame.Repen(2, y+1, 1, func(p themes.Pen) themes.Pen {
			if p != themes.Good {
				t.Errorf("row %d: the sign is drawn as %x", y, p)
			}
			return p
		})
	}
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
