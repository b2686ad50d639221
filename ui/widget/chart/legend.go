package chart

import (
	"fmt"
	"math"
	"time"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// column is the width of a number in the legend.
const column = 11

// drawLegend names the series, and says how they stand: at the crosshair, at last,
// and how far they went.
func (c Chart) drawLegend(f screen.Frame) {
	heads := []string{"LAST", "MIN", "MAX"}
	if !c.At.IsZero() {
		heads = append([]string{"HERE"}, heads...)
	}
	for len(heads) > 1 && len(heads)*column > f.Width()/2 {
		heads = heads[:len(heads)-1]
	}
	name := f.Width() - len(heads)*column
	for n, head := range heads {
		f.Fit(name+n*column, 0, column, themes.Head, head, true)
	}
	rows := f.Height() - 1
	first := 0
	if c.Lit > rows-1 && len(c.Series) > rows { // it is always among those that are seen
		first = min(c.Lit-rows+1, len(c.Series)-rows)
	}
	for y := range min(rows, len(c.Series)) {
		n := first + y
		if y == rows-1 && n < len(c.Series)-1 {
			f.Text(2, y+1, themes.Dim, fmt.Sprintf("and %d more", len(c.Series)-n))
			return
		}
		c.drawEntry(f.Sub(0, y+1, f.Width(), 1), n, name, len(heads))
	}
}

// drawEntry draws one series' line.
func (c Chart) drawEntry(f screen.Frame, n, name, numbers int) {
	s, pen := c.Series[n], c.pen(n)
	sign := letter(n)
	if f.Signs.Dots {
		sign = f.Signs.Level[backend.Good]
	}
	if c.Lit == n+1 {
		f.Text(0, 0, themes.Accent, f.Signs.Cursor)
	}
	f.Text(1, 0, pen, sign)
	f.Fit(3, 0, max(0, name-4), pen, backend.T(s.Name).Safe(), false)
	last, lo, hi := math.NaN(), math.NaN(), math.NaN()
	for _, p := range c.shown(n) {
		if finite(p.Value) {
			last = p.Value
			if math.IsNaN(lo) {
				lo, hi = last, last
			}
			lo, hi = min(lo, last), max(hi, last)
		}
	}
	values := []string{Number(last, s.Unit), Number(lo, s.Unit), Number(hi, s.Unit)}
	if !c.At.IsZero() {
		const exact = 6 // digits
		values = append([]string{short(c.here(n), s.Unit, exact)}, values...)
	}
	for i, v := range values[:numbers] {
		f.Fit(name+i*column, 0, column, themes.Plain, v, true)
	}
}

// here is the number of a series at the crosshair; none (NaN) where there is none
// about as near as its points lie to each other.
func (c Chart) here(n int) float64 {
	points := c.shown(n)
	near, found := usual(points)/2, math.NaN()
	if len(points) > mostSteps { // the crosshair passes over some
		near = c.To.Sub(c.From) / mostSteps
	}
	for _, p := range points {
		if !finite(p.Value) {
			continue
		}
		if d := p.At.Sub(c.At).Abs(); d <= near || d == 0 {
			near, found = min(near, max(d, time.Nanosecond)), p.Value
		}
	}
	return found
}
