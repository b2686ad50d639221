package chart

import (
	"math"
	"slices"
	"time"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// A grid is the dots that lines are made of: two to a cell across and four down, or
// one where the terminal has no braille.
type grid struct {
	w, h   int // cells
	dx, dy int // dots in a cell
	dots   []uint8
	who    []int // the series that was drawn last there, from 1 on
	pens   []themes.Pen
}

func newGrid(w, h int, dots bool) *grid {
	g := &grid{w: w, h: h, dx: 1, dy: 1, dots: make([]uint8, w*h), who: make([]int, w*h), pens: make([]themes.Pen, w*h)}
	if dots {
		g.dx, g.dy = 2, 4
	}
	return g
}

// set makes one dot; they count from the upper left.
func (g *grid) set(x, y, who int, p themes.Pen) {
	if x < 0 || y < 0 || x >= g.w*g.dx || y >= g.h*g.dy {
		return
	}
	// the dots of a cell of braille, column by column (Unicode, Braille Patterns)
	bits := [2][4]uint8{{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}}
	at := y/g.dy*g.w + x/g.dx
	g.dots[at] |= bits[x%g.dx][y%g.dy]
	g.who[at], g.pens[at] = who+1, p
}

func (g *grid) blank(x, y int) bool {
	return x < 0 || y < 0 || x >= g.w || y >= g.h || g.dots[y*g.w+x] == 0
}

// draw puts the dots onto the canvas; without braille each series has a letter.
func (g *grid) draw(f screen.Frame) {
	for y := range g.h {
		for x := range g.w {
			at := y*g.w + x
			switch {
			case g.dots[at] == 0:
			case g.dx == 1:
				f.Text(x, y, g.pens[at], letter(g.who[at]-1))
			default:
				f.Dots(x, y, g.pens[at], g.dots[at])
			}
		}
	}
}

// letter stands for a series where there are no colours to rely on.
func letter(n int) string { return string(rune('a' + n%26)) }

// A span is what of a series falls into one column of dots: where it begins and
// ends, and how far it goes between, so that a spike stays one.
type span struct {
	first, last, top, bottom int
	there, apart             bool // apart: there is a gap before it
}

// path is a series as columns of dots.
func (c Chart) path(n int, g *grid, s scale) []span {
	points := c.shown(n)
	wide, high := g.w*g.dx, g.h*g.dy
	out := make([]span, max(0, wide))
	gap := usual(points) * 3 / 2
	var before time.Time
	for _, p := range points {
		if !finite(p.Value) { // windows may be shorter than things are measured: alone it tells of no gap
			continue
		}
		x := min(max(0, int(c.share(p.At)*float64(wide-1)+0.5)), wide-1)
		y := high - 1 - min(max(0, int(s.share(p.Value)*float64(high-1)+0.5)), high-1)
		if x < 0 || y < 0 {
			return nil
		}
		apart := gap > 0 && p.At.Sub(before) > gap
		one := &out[x]
		if !one.there {
			*one = span{first: y, top: y, bottom: y, there: true, apart: apart}
		}
		one.last, one.top, one.bottom = y, min(one.top, y), max(one.bottom, y)
		before = p.At
	}
	return out
}

// usual is how far numbers lie apart, nearly all of them; zero when it can't be
// told.
func usual(points []backend.Point) time.Duration {
	const enough = 256 // to know it
	var apart []time.Duration
	var before time.Time
	stride := max(1, len(points)/enough)
	seen := 0
	for _, p := range points {
		if !finite(p.Value) {
			continue
		}
		if seen++; seen > 1 && seen%stride == 0 {
			apart = append(apart, p.At.Sub(before))
		}
		before = p.At
	}
	if len(apart) == 0 {
		return 0
	}
	slices.Sort(apart)
	return apart[len(apart)*8/10]
}

// line draws a path: each column's span, and the way from the one before.
func (g *grid) line(path []span, who int, p themes.Pen) {
	last := -1
	for x, s := range path {
		if !s.there {
			continue
		}
		g.column(x, s.top, s.bottom, who, p)
		if last >= 0 && !s.apart {
			g.join(last, path[last].last, x, s.first, who, p)
		}
		last = x
	}
}

func (g *grid) column(x, top, bottom, who int, p themes.Pen) {
	for y := top; y <= bottom; y++ {
		g.set(x, y, who, p)
	}
}

// join draws from one dot to another, the ends included, without a hole.
func (g *grid) join(x0, y0, x1, y1, who int, p themes.Pen) {
	from := y0
	for x := x0; x <= x1; x++ {
		to := y0 + int(math.Round(float64(y1-y0)*float64(x-x0)/float64(x1-x0)))
		switch {
		case to > from+1:
			g.column(x, from+1, to, who, p)
		case to < from-1:
			g.column(x, to, from-1, who, p)
		default:
			g.set(x, to, who, p)
		}
		from = to
	}
}
