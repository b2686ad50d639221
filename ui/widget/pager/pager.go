// Package pager shows lines of text: scrolling, searching, wrapping. It knows
// nothing of where the lines came from.
package pager

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// A Text is lines by their index. While it is shown, its lines stay what they are:
// Set says that there are others.
type Text interface {
	Len() int
	Line(i int) backend.Line
	// Label is how many cells the labels need.
	Label() int
}

// Pager is a window onto a text's lines. The zero value is empty and ready. Not
// safe for concurrent use.
type Pager struct {
	Signs bool // a sign's room is kept beside each line, so that texts stand below each other

	// Head is how many bytes of a line come before what it has to say; nil: none do.
	// Lines are shown without them, while not wrapping, where the window is too narrow
	// for both.
	Head func(plain string) int

	text   Text // nil: none
	lines  int
	label  int // width that the labels need
	top    int // first line shown
	skip   int // rows of it that stand above the window, while wrapping
	left   int // first column shown, while not wrapping
	width  int // of the last Draw
	height int // of the last Draw
	wrap   bool
	bare   bool          // heads are not shown
	breaks map[int][]int // by line: where its rows begin, while wrapping
	find   string        // lower case; empty: no search
	at     int           // the line of the hit that was gone to, from 1; 0: none
}

// Set replaces the text and keeps the place as far as it still exists. shifted is
// how many lines were taken away at its beginning since, or, below zero, put there:
// the window stays on its line.
func (p *Pager) Set(text Text, shifted int) {
	p.text, p.lines, p.label, p.breaks = text, text.Len(), text.Label(), nil
	if p.top -= shifted; p.top < 0 {
		p.top, p.skip = 0, 0
	}
	if p.at > 0 {
		p.at = max(0, p.at-shifted)
	}
	p.Scroll(0)
}

// Len is how many lines there are.
func (p *Pager) Len() int { return p.lines }

// AtEnd says whether the last line is in the window.
func (p *Pager) AtEnd() bool { return p.end() >= p.lines }

// AtTop says whether the first line is in the window.
func (p *Pager) AtTop() bool { return p.top == 0 && p.skip == 0 }

// Scroll moves the window by n lines; while wrapping, by n rows of them.
func (p *Pager) Scroll(n int) {
	p.skip += n
	for p.skip < 0 && p.top > 0 {
		p.top--
		p.skip += p.rows(p.top)
	}
	for p.top < p.lines && p.skip >= p.rows(p.top) {
		p.skip -= p.rows(p.top)
		p.top++
	}
	if top, skip := p.last(); p.top > top || p.top == top && p.skip > skip {
		p.top, p.skip = top, skip
	}
	p.skip = max(0, p.skip)
}

// last is where the last full window begins.
func (p *Pager) last() (top, skip int) {
	left := max(1, p.height)
	for top = p.lines; top > 0 && left > 0; left -= p.rows(top) {
		top--
	}
	return top, max(0, -left)
}

// end is the line behind the last one of the window.
func (p *Pager) end() int {
	i := p.top
	for left := max(1, p.height) + p.skip; i < p.lines && left > 0; i++ {
		left -= p.rows(i)
	}
	return i
}

// Page moves it by n windows.
func (p *Pager) Page(n int) { p.Scroll(n * max(1, p.height-1)) }

// Top and Bottom move to the ends.
func (p *Pager) Top() { p.top, p.skip = 0, 0 }

// Bottom moves to the last window.
func (p *Pager) Bottom() { p.top, p.skip = p.last() }

// Pan moves the window sideways by n columns.
func (p *Pager) Pan(n int) { p.left = max(0, p.left+n) }

// ToggleWrap switches between cutting and wrapping long lines.
func (p *Pager) ToggleWrap() { p.wrap, p.left, p.skip = !p.wrap, 0, 0 }

// Find searches for text, case-insensitively, and goes to the first hit from
// the window's top on; a search that goes on, in a document that is new, stays
// where it is. It gives how many lines hold it; an empty text ends the search.
func (p *Pager) Find(text string) int {
	text = strings.ToLower(text)
	if text != p.find {
		p.at = 0
	}
	p.find = text
	hits := 0
	for i := range p.lines {
		if p.hit(p.text.Line(i).Text.Plain()) {
			hits++
		}
	}
	if hits > 0 && p.at == 0 {
		p.Next(1)
	}
	return hits
}

// FindBack is Find that goes to the last hit before the window's end instead.
func (p *Pager) FindBack(text string) int {
	top, skip := p.top, p.skip
	hits := p.Find(text)
	if hits > 0 {
		p.top, p.skip, p.at = top, skip, p.end()+1
		p.Next(-1)
	}
	return hits
}

// Next goes to the next hit (n 1) or the one before (n -1), around the ends:
// from the last one while it is in sight, else from the window's top.
func (p *Pager) Next(n int) {
	if p.find == "" || p.lines == 0 {
		return
	}
	from := p.at - 1
	if p.at == 0 || from < p.top || from > p.end() {
		from = p.top
		if n > 0 {
			from--
		}
	}
	for i := range p.lines {
		at := ((from+n*(i+1))%p.lines + p.lines) % p.lines
		if p.hit(p.text.Line(at).Text.Plain()) {
			p.top, p.skip, p.at = at, 0, at+1
			p.Scroll(0)
			p.panTo(p.text.Line(at))
			return
		}
	}
}

// panTo brings what is searched for into sight where it stands beside the window.
func (p *Pager) panTo(l backend.Line) {
	room := p.width - p.indent(l)
	if p.wrap || room <= 0 {
		return
	}
	text := strings.ToLower(p.shown(l))
	at := strings.Index(text, p.find)
	if at < 0 { // in its head
		p.left = 0
		return
	}
	from, to := screen.Width(text[:at]), screen.Width(text[:at+len(p.find)])
	if from < p.left || to > p.left+room {
		p.left = max(0, to-room*2/3)
	}
}

// hit says whether a safe text holds what is searched for.
func (p *Pager) hit(text string) bool { return Holds(text, p.find) }

// Window is which lines are in the window: from the first up to end.
func (p *Pager) Window() (first, end int) { return p.top, p.end() }

// Place says where the window stands: "12-40 of 312".
func (p *Pager) Place() string {
	if p.lines == 0 {
		return "empty"
	}
	return fmt.Sprintf("%d-%d of %d", p.top+1, p.end(), p.lines)
}

// Rows is how many rows the text takes in w columns.
func (p *Pager) Rows(w int) (n int) {
	if w != p.width {
		p.width, p.breaks = w, nil
	}
	for i := range p.lines {
		n += p.rows(i)
	}
	return n
}

// rows is how many rows line i takes.
func (p *Pager) rows(i int) int {
	if !p.wrap {
		return 1
	}
	return len(p.begins(i))
}

// begins is where the rows of line i begin, in bytes of its safe text. It is
// kept, because a line may be as long as a file.
func (p *Pager) begins(i int) []int {
	if b, ok := p.breaks[i]; ok {
		return b
	}
	b := []int{0}
	l := p.text.Line(i)
	if w := p.width - p.indent(l); w > 0 {
		text := l.Text.Plain()
		for at := 0; ; b = append(b, at) {
			_, first := utf8.DecodeRuneInString(text[at:]) // one that is wider than the row takes one too
			n := max(first, screen.Cut(text[at:], w))
			if at+n >= len(text) {
				break
			}
			if blank := strings.LastIndexByte(text[at:at+n], ' '); blank > n/2 {
				n = blank + 1 // between words, unless that leaves half of the row empty
			}
			at += n
		}
	}
	if p.breaks == nil {
		p.breaks = map[int][]int{}
	}
	p.breaks[i] = b
	return b
}

// column is how wide the labels' column is: the texts beside it have most of the
// window.
func (p *Pager) column() int { return min(p.label, max(24, p.width*2/5)) }

// indent is where a line's text begins, behind its label and sign.
func (p *Pager) indent(l backend.Line) int {
	x := 0
	if p.label > 0 {
		x = p.column() + 2
	}
	if l.Level != backend.None || p.Signs {
		x += 2
	}
	return x
}

// Draw draws the window.
func (p *Pager) Draw(f screen.Frame) {
	if f.Width() != p.width {
		p.width, p.breaks = f.Width(), nil
	}
	p.height = f.Height()
	p.Scroll(0)
	p.bare = !p.room()
	y := -p.skip
	for i := p.top; i < p.lines && y < f.Height(); i++ {
		p.drawLine(f, y, i)
		y += p.rows(i)
	}
}

// message is how many cells must be left for what a line has to say beside its head.
const message = 60

// room says whether there is enough for the lines of the window and their heads.
func (p *Pager) room() bool {
	if p.Head == nil || p.wrap {
		return true
	}
	for i := p.top; i < min(p.lines, p.top+p.height); i++ {
		l := p.text.Line(i)
		if text := l.Text.Plain(); p.indent(l)+screen.Width(text[:p.Head(text)])+message > p.width {
			return false
		}
	}
	return true
}

// shown is what is shown of a line that is not wrapped.
func (p *Pager) shown(l backend.Line) string {
	text := l.Text.Plain()
	if p.bare {
		return text[p.Head(text):]
	}
	return text
}

// drawLine draws line i with its first row at y, which may be above the frame.
func (p *Pager) drawLine(f screen.Frame, y, i int) {
	l := p.text.Line(i)
	if p.label > 0 && y >= 0 {
		f.Fit(0, y, p.column(), themes.Dim, l.Label, false)
	}
	x := p.indent(l)
	if l.Level != backend.None {
		f.Text(x-2, y, themes.Of(l.Level), f.Signs.Level[l.Level])
	}
	w := f.Width() - x
	if w <= 0 {
		return
	}
	text := l.Text.Plain()
	pen := themes.Plain
	if p.hit(text) {
		pen = themes.Match
		if i == p.at-1 {
			pen |= themes.Bold
		}
	}
	if !p.wrap {
		f.Sub(x, y, w, 1).Text(-p.left, 0, pen, p.shown(l))
		return
	}
	begins := p.begins(i)
	for n := max(0, -y); n < len(begins) && y+n < f.Height(); n++ {
		to := len(text)
		if n+1 < len(begins) {
			to = begins[n+1]
		}
		f.Text(x, y+n, pen, text[begins[n]:to])
	}
}
