package screen

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/vt"

	"wheelhouse/themes"
)

// check compares what a terminal shows with the picture, cell by cell.
func check(t *testing.T, term *vt.Emulator, c Canvas, p *Palette, what string) {
	t.Helper()
	full := vt.NewEmulator(c.w, c.h)
	whole := &writer{palette: p}
	whole.forget(c.w, c.h)
	whole.paint(c.g)
	_, _ = full.WriteString("\x1b[?7l" + string(whole.buf))
	for y := range c.h {
		for x := range c.w {
			a, b := term.CellAt(x, y), full.CellAt(x, y)
			if a.Content != b.Content || a.Content != " " && !a.Style.Equal(&b.Style) {
				t.Fatalf("%s: at %d,%d there is %q %v, not %q %v\n%s\n--- not ---\n%s\n%q", what, x, y, a.Content, a.Style, b.Content, b.Style, term.String(), full.String(), whole.buf)
			}
			if v := c.g.row(y)[x]; v.width == 1 && v.text != a.Content {
				t.Fatalf("%s: at %d,%d there is %q, not %q", what, x, y, a.Content, v.text)
			}
		}
	}
}

func testPalette(t *testing.T) *Palette {
	t.Helper()
	theme, err := themes.Load("dark")
	if err != nil {
		t.Fatal(err)
	}
	return NewPalette(theme, colorprofile.ANSI256)
}

// change draws something random over c: text, wide text, pens, moved rows.
func change(r *rand.Rand, c Canvas) {
	words := []string{"checkout-7d9f-x2x4k", "Running", "  ", "日本語", "🚀 up", "é", "CrashLoop OOM", "0", "x"}
	pens := []themes.Pen{themes.Plain, themes.Good, themes.Critical | themes.Bold, themes.Plain | themes.Reverse, themes.Dim | themes.Glow, themes.Accent | themes.Bar, themes.Plain | themes.Underline}
	switch r.IntN(6) {
	case 0:
		by := 1 + r.IntN(3)
		copy(c.g.cells, c.g.cells[by*c.w:])
	case 1:
		by := 1 + r.IntN(3)
		copy(c.g.cells[by*c.w:], c.g.cells)
	case 2:
		c.Sub(r.IntN(c.w), r.IntN(c.h), r.IntN(c.w), r.IntN(4)).Fill(pens[r.IntN(len(pens))])
	case 3:
		c.Repen(r.IntN(c.w), r.IntN(c.h), r.IntN(20), func(themes.Pen) themes.Pen { return pens[r.IntN(len(pens))] })
	default:
		for range 1 + r.IntN(8) {
			c.Text(r.IntN(c.w)-3, r.IntN(c.h), pens[r.IntN(len(pens))], words[r.IntN(len(words))])
		}
	}
}

// TestWriter leads a terminal through random pictures by differences alone: twenty
// sizes, sixty pictures of each, so that each kind of change meets each other many times.
func TestWriter(t *testing.T) {
	p := testPalette(t)
	for seed := range uint64(20) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := New(20+r.IntN(60), 6+r.IntN(20))
		term := vt.NewEmulator(c.w, c.h)
		_, _ = term.WriteString("\x1b[?7l")
		w := &writer{palette: p}
		w.forget(c.w, c.h)
		for step := range 60 {
			change(r, c)
			w.buf = w.buf[:0]
			w.paint(c.g)
			_, _ = term.Write(w.buf)
			check(t, term, c, p, fmt.Sprintf("seed %d step %d: %q", seed, step, w.buf))
			w.buf = w.buf[:0]
			if w.paint(c.g); len(w.buf) != 0 {
				t.Fatalf("seed %d step %d: nothing changed, and %q was written", seed, step, w.buf)
			}
		}
	}
}

// podRows draws a screenful of rows as the pods view has them, from row top on.
func podRows(c Canvas, top, cursor int) {
	c.Clear()
	for y := range c.h {
		i := top + y
		c.Text(2, y, themes.Plain, fmt.Sprintf("ns-%02d", i/40))
		pen := themes.Plain
		if i == cursor {
			c.Text(0, y, themes.Accent, "▸")
			pen |= themes.Bold
		}
		c.Text(12, y, pen, fmt.Sprintf("deploy-%03d-7d9f8c6b4-%05x", i/7, i*7919))
		c.Text(60, y, themes.Good, "● Running")
		c.Text(80, y, themes.Plain, fmt.Sprintf("10.%d.%d.%d", i%7, i%250, i%240))
		c.Text(100, y, themes.Plain, fmt.Sprintf("node-%03d", i*31%97))
		c.Text(150, y, themes.Dim, fmt.Sprintf("%dd", i%90))
	}
}

// BenchmarkWriter reports what each kind of change costs in time and bytes.
func BenchmarkWriter(b *testing.B) {
	theme, _ := themes.Load("dark")
	p := NewPalette(theme, colorprofile.ANSI256)
	for _, k := range []struct {
		name        string
		top, cursor int
	}{{"cursor", 0, 5}, {"scroll", 1, 4}, {"page", 45, 49}} {
		b.Run(k.name, func(b *testing.B) {
			one, two := New(160, 45), New(160, 45)
			podRows(one, 0, 4)
			podRows(two, k.top, k.cursor)
			w := &writer{palette: p}
			w.forget(160, 45)
			w.paint(one.g)
			size := 0
			for i := 0; b.Loop(); i++ {
				w.buf = w.buf[:0]
				w.paint([]*grid{two.g, one.g}[i%2])
				size = len(w.buf)
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}

func TestWide(t *testing.T) {
	c := New(6, 2)
	c.Text(0, 0, themes.Plain, "日本語x")
	c.Text(1, 0, themes.Plain, "y") // over the right half of the first
	if got := c.Plain(); strings.Split(got, "\n")[0] != " y本語" {
		t.Errorf("half of a wide character stayed: %q", got)
	}
	c.Clear()
	c.Text(5, 0, themes.Plain, "日")
	if got := c.Plain(); strings.TrimSpace(got) != "" {
		t.Errorf("half of a wide character was drawn at the edge: %q", got)
	}
	c.Text(-1, 1, themes.Plain, "abc")
	if got := c.Plain(); got != "\nbc" {
		t.Errorf("the part left of the canvas was not skipped: %q", got)
	}
}
