// Package pager shows lines of text: scrolling, searching, wrapping. It knows
// nothing of where the lines came from.
package pager

import (
	"fmt"
	"strings"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// Pager is a window onto a document's lines. The zero value is empty and ready.
// Not safe for concurrent use.
type Pager struct {
	doc    backend.Doc
	label  int // width of the label column
	top    int // first line shown
	left   int // first column shown, while not wrapping
	height int // of the last Draw
	wrap   bool
	find   string // lower case; empty: no search
}

// Set replaces the document and keeps the place as far as it still exists.
func (p *Pager) Set(doc backend.Doc) {
	p.doc, p.label = doc, 0
	for _, l := range doc.Lines {
		p.label = max(p.label, min(screen.Width(l.Label), 24))
	}
	p.Scroll(0)
}

// Doc is what is shown.
func (p *Pager) Doc() backend.Doc { return p.doc }

// Scroll moves the window by n lines.
func (p *Pager) Scroll(n int) {
	p.top = max(0, min(p.top+n, len(p.doc.Lines)-max(1, p.height)))
}

// Page moves it by n windows.
func (p *Pager) Page(n int) { p.Scroll(n * max(1, p.height-1)) }

// Top and Bottom move to the ends.
func (p *Pager) Top() { p.top = 0 }

// Bottom moves to the last window.
func (p *Pager) Bottom() { p.Scroll(len(p.doc.Lines)) }

// Pan moves the window sideways by n columns.
func (p *Pager) Pan(n int) { p.left = max(0, p.left+n) }

// ToggleWrap switches between cutting and wrapping long lines.
func (p *Pager) ToggleWrap() { p.wrap, p.left = !p.wrap, 0 }

// Find searches for text, case-insensitively, and goes to the first hit from
// the window's top on. It gives how many lines hold it; an empty text ends the
// search.
func (p *Pager) Find(text string) int {
	p.find = strings.ToLower(text)
	if p.find == "" {
		return 0
	}
	hits := 0
	for _, l := range p.doc.Lines {
		if p.hit(l) {
			hits++
		}
	}
	if hits > 0 && (p.top >= len(p.doc.Lines) || !p.hit(p.doc.Lines[p.top])) {
		p.Next(1)
	}
	return hits
}

// Next goes to the next hit (n 1) or the one before (n -1), around the ends.
func (p *Pager) Next(n int) {
	if p.find == "" || len(p.doc.Lines) == 0 {
		return
	}
	for i, at := 0, p.top; i < len(p.doc.Lines); i++ {
		at = (at + n + len(p.doc.Lines)) % len(p.doc.Lines)
		if p.hit(p.doc.Lines[at]) {
			p.top = at
			return
		}
	}
}

func (p *Pager) hit(l backend.Line) bool {
	return p.find != "" && strings.Contains(strings.ToLower(l.Text.Safe()), p.find)
}

// Place says where the window stands: "12-40 of 312".
func (p *Pager) Place() string {
	if len(p.doc.Lines) == 0 {
		return "empty"
	}
	return fmt.Sprintf("%d-%d of %d", p.top+1, min(len(p.doc.Lines), p.top+max(1, p.height)), len(p.doc.Lines))
}

// Draw draws the window.
func (p *Pager) Draw(f screen.Frame) {
	p.height = f.Height()
	p.Scroll(0)
	y := 0
	for i := p.top; i < len(p.doc.Lines) && y < f.Height(); i++ {
		y += p.drawLine(f, y, p.doc.Lines[i])
	}
}

// drawLine draws one line at y and gives how many rows it took.
func (p *Pager) drawLine(f screen.Frame, y int, l backend.Line) int {
	x := 0
	if p.label > 0 {
		f.Fit(0, y, p.label, themes.Dim, l.Label, false)
		x = p.label + 2
	}
	pen := themes.Plain
	if p.hit(l) {
		pen = themes.Match
	}
	if l.Level != backend.None {
		f.Text(x, y, themes.Of(l.Level), f.Signs.Level[l.Level])
		x += 2
	}
	w := f.Width() - x
	if w <= 0 {
		return 1
	}
	text := l.Text.Safe()
	if !p.wrap {
		f.Sub(x, y, w, 1).Text(-p.left, 0, pen, text)
		return 1
	}
	rows := 0
	for text != "" && y+rows < f.Height() {
		n := screen.Cut(text, w)
		if blank := strings.LastIndexByte(text[:n], ' '); n < len(text) && blank > n/2 {
			n = blank + 1
		}
		f.Text(x, y+rows, pen, text[:n])
		text = text[n:]
		rows++
	}
	return max(1, rows)
}
