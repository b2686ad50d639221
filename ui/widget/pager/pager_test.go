package pager

import (
	"fmt"
	"strings"
	"testing"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// doc makes a document of lines; "LABEL|text" gives one a label.
func doc(lines ...string) backend.Doc {
	var d backend.Doc
	for _, l := range lines {
		label, text, ok := strings.Cut(l, "|")
		if !ok {
			label, text = "", l
		}
		d.Lines = append(d.Lines, backend.Line{Label: label, Text: backend.T(text)})
	}
	return d
}

// numbered is n lines; those in hits hold the word "hit".
func numbered(n int, hits ...int) backend.Doc {
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d", i)
	}
	for _, i := range hits {
		lines[i] += " Hit"
	}
	return doc(lines...)
}

// draw gives the picture; what is beside the frame must stay.
func draw(t *testing.T, p *Pager, w, h int) string {
	t.Helper()
	f := screen.Frame{Canvas: screen.New(w+2, h+2), Signs: themes.ASCII()}
	for y := range h + 2 {
		f.Text(0, y, themes.Plain, "|")
		f.Text(w+1, y, themes.Plain, "|")
	}
	p.Draw(f.Sub(1, 1, w, h))
	rows := strings.Split(f.Plain(), "\n")
	for y, row := range rows {
		if !strings.HasPrefix(row, "|") || !strings.HasSuffix(row, "|") || (y == 0 || y == h+1) && strings.Trim(row, "| ") != "" {
			t.Fatalf("%d×%d is drawn outside: %q", w, h, row)
		}
		rows[y] = strings.TrimRight(strings.Trim(row, "|"), " ")
	}
	return strings.TrimRight(strings.Join(rows[1:h+1], "\n"), "\n")
}

func want(t *testing.T, got string, rows ...string) {
	t.Helper()
	if w := strings.TrimRight(strings.Join(rows, "\n"), "\n"); got != w {
		t.Errorf("\n%s\nnot\n%s", got, w)
	}
}

func TestScroll(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(p *Pager)
		top  int // line that is first of 10, in a window of 4
	}{
		{"nothing", func(*Pager) {}, 0},
		{"down", func(p *Pager) { p.Scroll(1) }, 1},
		{"up from the top", func(p *Pager) { p.Scroll(-1) }, 0},
		{"to the last window and no further", func(p *Pager) { p.Scroll(100) }, 6},
		{"and back", func(p *Pager) { p.Scroll(100); p.Scroll(-1) }, 5},
		{"a page keeps one line", func(p *Pager) { p.Page(1) }, 3},
		{"pages", func(p *Pager) { p.Page(2); p.Page(-1) }, 3},
		{"bottom", func(p *Pager) { p.Bottom() }, 6},
		{"top", func(p *Pager) { p.Bottom(); p.Top() }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			var p Pager
			p.Set(Doc(numbered(10)), 0)
			draw(t, &p, 20, 4)
			c.do(&p)
			got := draw(t, &p, 20, 4)
			want(t, got, fmt.Sprintf("line %d", c.top), fmt.Sprintf("line %d", c.top+1), fmt.Sprintf("line %d", c.top+2), fmt.Sprintf("line %d", c.top+3))
			if place := fmt.Sprintf("%d-%d of 10", c.top+1, c.top+4); p.Place() != place {
				t.Errorf("%s, not %s", p.Place(), place)
			}
		})
	}
}

func TestEmpty(t *testing.T) {
	var p Pager
	for range 2 {
		p.Scroll(1)
		p.Page(-1)
		p.Bottom()
		p.Top()
		p.Pan(8)
		p.ToggleWrap()
		p.Next(1)
		p.Next(-1)
		if p.Find("x") != 0 || p.Place() != "empty" {
			t.Error(p.Place())
		}
		want(t, draw(t, &p, 10, 2))
		p.Set(Doc(backend.Doc{}), 0)
	}
}

// TestKeepsItsPlace: a text that is fetched anew does not jump.
func TestKeepsItsPlace(t *testing.T) {
	var p Pager
	p.Set(Doc(numbered(20)), 0)
	draw(t, &p, 20, 3)
	p.Scroll(9)
	p.Set(Doc(numbered(30)), 0)
	want(t, draw(t, &p, 20, 3), "line 9", "line 10", "line 11")
	p.Set(Doc(numbered(5)), 0) // it does not exist any more
	want(t, draw(t, &p, 20, 3), "line 2", "line 3", "line 4")
	p.Set(Doc(numbered(1)), 0)
	want(t, draw(t, &p, 20, 3), "line 0")
	if p.Place() != "1-1 of 1" || p.Len() != 1 {
		t.Error(p.Place())
	}
}

// TestShifted: a text that loses lines at its beginning, or gets some there, does
// not jump either.
func TestShifted(t *testing.T) {
	var p Pager
	p.Set(Doc(numbered(20, 12)), 0)
	draw(t, &p, 20, 3)
	p.Find("hit")
	want(t, draw(t, &p, 20, 3), "line 12 Hit", "line 13", "line 14")
	all := numbered(20, 12)
	p.Set(Doc(backend.Doc{Lines: all.Lines[5:]}), 5)
	want(t, draw(t, &p, 20, 3), "line 12 Hit", "line 13", "line 14")
	p.Set(Doc(all), -5)
	want(t, draw(t, &p, 20, 3), "line 12 Hit", "line 13", "line 14")
	p.Set(Doc(backend.Doc{Lines: all.Lines[15:]}), 15) // what stood there is gone
	want(t, draw(t, &p, 20, 3), "line 15", "line 16", "line 17")
	if p.AtEnd() || !p.AtTop() {
		t.Error(p.Place())
	}
}

func TestHolds(t *testing.T) {
	for _, c := range []struct {
		text, find string
		want       bool
	}{
		{"an Error here", "error", true},
		{"ERROR", "error", true},
		{"erro", "error", false},
		{"", "x", false},
		{"x", "", false},
		{"a{b", "[", false},
		{"ÜBER allem", "über", true},
		{"x=[1]", "[1", true},
	} {
		if got := Holds(c.text, c.find); got != c.want {
			t.Errorf("%q holds %q: %v", c.text, c.find, got)
		}
	}
}

func TestFind(t *testing.T) {
	var p Pager
	p.Set(Doc(numbered(20, 3, 7, 18)), 0)
	draw(t, &p, 20, 4)
	first := func(what string, line int) {
		t.Helper()
		if got := draw(t, &p, 20, 4); !strings.Contains(got+"\n", fmt.Sprintf("line %d Hit\n", line)) || p.at != line+1 {
			t.Errorf("%s: line %d is not gone to, but %d\n%s", what, line, p.at-1, got)
		}
	}
	if n := p.Find("HIT"); n != 3 {
		t.Errorf("%d hits", n)
	}
	first("from the top", 3)
	p.Next(1)
	first("next", 7)
	p.Next(1)
	first("in the last window", 18)
	// The window can't begin at 18: what comes next must not be counted from its top.
	p.Next(1)
	first("around the end", 3)
	p.Next(-1)
	first("around the beginning", 18)
	p.Next(-1)
	first("back", 7)
	p.Top()
	draw(t, &p, 20, 4)
	p.Next(-1)
	first("back from where one has scrolled to", 18)
	p.Scroll(-12)
	draw(t, &p, 20, 4)
	p.Next(1)
	first("on from where one has scrolled to", 7)
	if n := p.Find("nowhere"); n != 0 {
		t.Error(n)
	}
	before := p.top
	p.Next(1)
	p.Next(-1)
	if p.top != before {
		t.Errorf("a search without hits moved the window to %d", p.top)
	}
	if p.Find("") != 0 {
		t.Error("an ended search has hits")
	}
	p.Next(1)
	if p.top != before {
		t.Error("an ended search moves the window")
	}
}

// TestHitsInOneWindow are each gone to in turn, though nothing scrolls.
func TestHitsInOneWindow(t *testing.T) {
	var p Pager
	p.Set(Doc(numbered(4, 1, 2, 3)), 0)
	draw(t, &p, 20, 6)
	p.Find("hit")
	var got []int
	for range 5 {
		draw(t, &p, 20, 6)
		got = append(got, p.at-1)
		p.Next(1)
	}
	if fmt.Sprint(got) != "[1 2 3 1 2]" {
		t.Error(got)
	}
}

// TestFindInANewDocument: a live text that changes under a search does not
// take the person elsewhere.
func TestFindInANewDocument(t *testing.T) {
	var p Pager
	p.Set(Doc(numbered(20, 3, 15)), 0)
	draw(t, &p, 20, 4)
	p.Find("hit")
	p.Scroll(2)
	before := draw(t, &p, 20, 4)
	p.Set(Doc(numbered(20, 3, 15)), 0)
	if n := p.Find("hit"); n != 2 {
		t.Error(n)
	}
	want(t, draw(t, &p, 20, 4), before)
	p.Find("line 15") // another search goes to its hit
	if got := draw(t, &p, 20, 4); !strings.HasPrefix(got, "line 15 Hit") {
		t.Error(got)
	}
	p.Set(Doc(doc()), 0)
	p.Find("line 15")
	p.Next(1)
	p.Set(Doc(numbered(2)), 0)
	p.Next(-1)
	draw(t, &p, 20, 4)
}

// TestFindWhatIsShown: hits are counted in what can be seen, not in what it
// was made safe from.
func TestFindWhatIsShown(t *testing.T) {
	var p Pager
	p.Set(Doc(doc("a\x1b[31mb", "ÄRGER", "日本語")), 0)
	for text, n := range map[string]int{"[31m": 0, "ab": 1, "ärger": 1, "本": 1, "\x1b": 0} {
		if got := p.Find(text); got != n {
			t.Errorf("%q: %d hits, not %d", text, got, n)
		}
	}
}

func TestHitPens(t *testing.T) {
	var p Pager
	p.Set(Doc(numbered(3, 0, 2)), 0)
	p.Find("hit")
	f := screen.Frame{Canvas: screen.New(20, 3), Signs: themes.ASCII()}
	p.Draw(f)
	for y, want := range []themes.Pen{themes.Match | themes.Bold, themes.Plain, themes.Match} {
		f.Repen(0, y, 1, func(got themes.Pen) themes.Pen {
			if got != want {
				t.Errorf("line %d is %x, not %x", y, got, want)
			}
			return got
		})
	}
}

func TestPan(t *testing.T) {
	var p Pager
	p.Set(Doc(doc("abcdefgh", "日本語", "x")), 0)
	want(t, draw(t, &p, 4, 3), "abcd", "日本", "x")
	p.Pan(3)
	want(t, draw(t, &p, 4, 3), "defg", " 語") // of half a wide character nothing is left
	p.Pan(-9)
	want(t, draw(t, &p, 4, 3), "abcd", "日本", "x")
	p.Pan(3)
	p.ToggleWrap() // there is nothing to the right of a wrapped line
	want(t, draw(t, &p, 4, 3), "abcd", "efgh", "日本")
	p.ToggleWrap()
	want(t, draw(t, &p, 4, 3), "abcd", "日本", "x")
}

func TestWrap(t *testing.T) {
	var p Pager
	p.Set(Doc(doc("abcdefghij", "", "日本語x", "end")), 0)
	p.ToggleWrap()
	all := []string{"abcd", "efgh", "ij", "", "日本", "語x", "end"}
	want(t, draw(t, &p, 4, 9), all...)
	// Every row can be scrolled to, however few lines there are.
	for from := range 5 {
		want(t, draw(t, &p, 4, 3), all[from:from+3]...)
		p.Scroll(1)
	}
	want(t, draw(t, &p, 4, 3), all[4:]...)
	if p.Place() != "3-4 of 4" {
		t.Error(p.Place())
	}
	p.Scroll(-3)
	want(t, draw(t, &p, 4, 3), all[1:4]...)
	p.Top()
	p.Bottom()
	want(t, draw(t, &p, 4, 3), all[4:]...)
	p.Page(-1)
	want(t, draw(t, &p, 4, 3), all[2:5]...)
	p.Find("END")
	want(t, draw(t, &p, 4, 3), all[4:]...)
	// Another width has other rows.
	want(t, draw(t, &p, 10, 9), "abcdefghij", "", "日本語x", "end")
	p.Set(Doc(doc("12345")), 0)
	want(t, draw(t, &p, 4, 9), "1234", "5")
}

func TestLabelsAndLevels(t *testing.T) {
	var p Pager
	d := doc("Name|checkout", "|b", "A label that is far too long|c")
	d.Lines[1].Level = backend.Critical
	p.Set(Doc(d), 0)
	want(t, draw(t, &p, 36, 3), "Name                      checkout", "                          x b", "A label that is far too~  c")
	d = doc("K|abcdef", "L|b")
	d.Lines[0].Level = backend.Warning
	p.Set(Doc(d), 0)
	p.ToggleWrap()
	want(t, draw(t, &p, 8, 3), "K  ! abc", "     def", "L  b")
	draw(t, &p, 8, 2)
	p.Scroll(1)
	want(t, draw(t, &p, 8, 2), "     def", "L  b")
}

// TestSmall draws everything at every size down to nothing.
// TestLongLabels: a label is whole where there is room beside it.
func TestLongLabels(t *testing.T) {
	name := "storefront-648575cdd8-5c7d8"
	var p Pager
	p.Set(Doc(doc(name+"|closed")), 0)
	want(t, draw(t, &p, 80, 1), name+"  closed")
	want(t, draw(t, &p, 40, 1), "storefront-648575cdd8-5~  closed")
}

func TestSmall(t *testing.T) {
	d := doc("Key|some text", "日本語", "a\tb", "🚀🚀", "e\u0301", "", "Long label of a line|日")
	d.Lines[0].Level, d.Lines[4].Level = backend.Good, backend.Critical
	for _, wrap := range []bool{false, true} {
		var p Pager
		p.Set(Doc(d), 0)
		if wrap {
			p.ToggleWrap()
		}
		p.Find("b")
		for w := range 34 {
			for h := range 5 {
				for range 4 {
					draw(t, &p, w, h)
					p.Scroll(2)
				}
				p.Bottom()
				draw(t, &p, w, h)
				p.Next(1)
				draw(t, &p, w, h)
				p.Top()
			}
		}
	}
}

// TestWideInOneCell: what is too wide for the window takes a row and is over,
// and does not hide what comes behind it.
func TestWideInOneCell(t *testing.T) {
	var p Pager
	p.Set(Doc(doc("日a", "b")), 0)
	p.ToggleWrap()
	want(t, draw(t, &p, 1, 3), "", "a", "b")
}

// TestHuge: with a time that grows with the square of a line, none of these
// would end.
func TestHuge(t *testing.T) {
	for name, one := range map[string]string{"ascii": "x", "wide": "日", "marks": "e\u0301\u0301\u0301\u0301\u0301\u0301", "escapes": "\x1b[31m", "control": "\x00"} {
		t.Run(name, func(t *testing.T) {
			var p Pager
			p.Set(Doc(doc("first", strings.Repeat(one, 1<<20/len(one))+"the end", "last")), 0)
			draw(t, &p, 40, 10)
			p.Pan(1000)
			draw(t, &p, 40, 10)
			if n := p.Find("THE END"); n != 1 {
				t.Errorf("%d hits", n)
			}
			p.ToggleWrap()
			p.Bottom()
			got := draw(t, &p, 40, 10)
			if joined := strings.ReplaceAll(got, "\n", ""); !strings.HasSuffix(joined, "the endlast") {
				t.Errorf("the end can't be reached:\n%s", got)
			}
			for range 5 {
				p.Scroll(-1)
				draw(t, &p, 40, 10)
			}
			p.Top()
			if got := draw(t, &p, 40, 10); !strings.HasPrefix(got, "first\n") {
				t.Error(got)
			}
		})
	}
}

func TestHostile(t *testing.T) {
	var p Pager
	p.Set(Doc(doc("a\x1b[2Jb\r\n\u009bc\u202ed\x07", "\x1b]0;label\x07|\x1bPq")), 0)
	for range 2 {
		for w := range 40 {
			if got := draw(t, &p, w, 4); strings.ContainsAny(got, "\x1b\r\t\u009b\u202e\x07") {
				t.Fatalf("%q", got)
			}
		}
		p.ToggleWrap()
	}
}

// TestFindPans: a hit that stands beside the window is brought into it, and one
// before it too.
func TestFindPans(t *testing.T) {
	var p Pager
	p.Set(Doc(backend.Doc{Lines: []backend.Line{
		{Text: backend.T("near " + strings.Repeat("x", 300))},
		{Text: backend.T(strings.Repeat("日", 100) + " Far away")},
	}}), 0)
	draw(t, &p, 30, 4)
	for _, word := range []string{"far", "near"} {
		p.Find(word)
		if got := draw(t, &p, 30, 4); !strings.Contains(strings.ToLower(got), word) {
			t.Errorf("%s is not in sight:\n%s", word, got)
		}
	}
}
