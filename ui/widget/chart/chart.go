// Package chart is how numbers went, drawn: several series over one time, their
// axes, a legend, and a crosshair that reads them off. It is a picture of its state
// and the frame, and knows nothing of where the numbers come from.
//
// The lines are of its own making, on the canvas cell by cell: a library that
// renders strings would cost several milliseconds a frame.
package chart

import (
	"math"
	"slices"
	"time"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// Chart is what is drawn. The zero value is an empty one.
type Chart struct {
	Series   []backend.Series // their points in the order of time; NaN and infinities are gaps
	From, To time.Time        // what is shown of them
	At       time.Time        // where the crosshair stands; zero: there is none
	Lit      int              // the series that stands out, from 1 on; 0: none
}

// fewRows is the height from which there is a legend; below fewColumns there are no
// labels beside the lines.
const (
	fewRows    = 8
	fewColumns = 24
)

// Draw draws the chart.
func (c Chart) Draw(f screen.Frame) {
	w, h := f.Width(), f.Height()
	if w < 1 || h < 1 {
		return
	}
	if h >= fewRows {
		legend := min(len(c.Series)+1, max(2, h/3))
		c.drawLegend(f.Sub(0, h-legend, w, legend))
		c.drawTime(f)
		f = f.Sub(0, 1, w, h-legend-1)
	}
	c.drawPlot(f)
}

// drawTime says what time is shown, or where the crosshair stands.
func (c Chart) drawTime(f screen.Frame) {
	if !c.At.IsZero() {
		f.Text(0, 0, themes.Accent|themes.Bold, c.At.Local().Format("Mon 2 Jan 2006 15:04:05.999 MST"))
		return
	}
	f.Text(0, 0, themes.Dim, c.From.Local().Format("Mon 2 Jan 15:04:05")+" to "+c.To.Local().Format("Mon 2 Jan 15:04:05 MST"))
}

// drawPlot draws the axes, and the lines between them.
func (c Chart) drawPlot(f screen.Frame) {
	lo, hi, there := c.extremes()
	if !there || !c.To.After(c.From) {
		f.Text(max(0, f.Width()/2-12), f.Height()/2, themes.Dim, "no number in this time")
		return
	}
	rows := f.Height()
	if rows > 3 {
		rows -= 2 // the axis of time and its labels
	}
	scale := scaleOf(lo, hi, rows, c.unit())
	left := 0
	if f.Width() >= fewColumns {
		left = scale.width + 2
		scale.draw(f.Sub(0, 0, left, rows))
	}
	plot := f.Sub(left, 0, f.Width()-left, rows)
	if rows < f.Height() {
		c.drawHours(f.Sub(left, rows, f.Width()-left, 2))
	}
	g := newGrid(plot.Width(), plot.Height(), f.Signs.Dots)
	for n := range c.Series {
		if n+1 != c.Lit {
			g.line(c.path(n, g, scale), n, c.pen(n))
		}
	}
	if c.Lit > 0 && c.Lit <= len(c.Series) { // over the others
		g.line(c.path(c.Lit-1, g, scale), c.Lit-1, c.pen(c.Lit-1))
	}
	g.draw(plot)
	if !c.At.IsZero() && !c.At.Before(c.From) && !c.At.After(c.To) {
		x := int(c.share(c.At) * float64(plot.Width()-1))
		for y := range plot.Height() {
			if g.blank(x, y) {
				plot.Text(x, y, themes.Accent, f.Signs.Vertical)
			} else {
				plot.Repen(x, y, 1, func(p themes.Pen) themes.Pen { return p | themes.Reverse })
			}
		}
	}
}

// pen is how a series is drawn.
func (c Chart) pen(n int) themes.Pen {
	pens := [...]themes.Pen{themes.Cyan, themes.Yellow, themes.Green, themes.Purple, themes.Orange, themes.Blue, themes.Red, themes.Grey}
	switch p := pens[n%len(pens)]; {
	case c.Lit == n+1:
		return p | themes.Bold
	case c.Lit > 0:
		return themes.Dim
	default:
		return p
	}
}

// unit is that of all series; empty where they differ.
func (c Chart) unit() string {
	for _, s := range c.Series {
		if s.Unit != c.Series[0].Unit {
			return ""
		}
	}
	return c.Series[0].Unit
}

// share is where a time lies in what is shown: 0 at its beginning, 1 at its end.
func (c Chart) share(t time.Time) float64 {
	return float64(t.Sub(c.From)) / float64(c.To.Sub(c.From))
}

// shown are the points of a series that lie in the time shown.
func (c Chart) shown(n int) []backend.Point {
	points := c.Series[n].Points
	at := func(t time.Time) int {
		i, _ := slices.BinarySearchFunc(points, t, func(p backend.Point, t time.Time) int { return p.At.Compare(t) })
		return i
	}
	from, to := at(c.From), at(c.To.Add(1))
	return points[from:max(from, to)]
}

// extremes are the least and the greatest number that is shown; there is false where
// there is none.
func (c Chart) extremes() (lo, hi float64, there bool) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for n := range c.Series {
		for _, p := range c.shown(n) {
			if finite(p.Value) {
				lo, hi, there = min(lo, p.Value), max(hi, p.Value), true
			}
		}
	}
	return lo, hi, there
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Step is the time of a point some steps after t, or before it where steps is
// negative; from no time, the newest one, or the oldest. There are no more than a
// few hundred steps from one end to the other.
func (c Chart) Step(t time.Time, steps int) time.Time {
	times := c.times()
	if len(times) == 0 {
		return time.Time{}
	}
	if t.IsZero() {
		t = c.To.Add(1)
		if steps > 0 {
			t = c.From.Add(-1)
		}
	}
	at, found := slices.BinarySearchFunc(times, t, time.Time.Compare)
	if !found && steps > 0 {
		at-- // times[at] is the next one
	}
	return times[min(max(0, at+steps), len(times)-1)]
}

// mostSteps is how many there are at the most.
const mostSteps = 400

// times are those at which there are points, thinned out.
func (c Chart) times() []time.Time {
	var all []time.Time
	for n := range c.Series {
		points := c.shown(n)
		stride := (len(points) + mostSteps - 1) / mostSteps
		for i := 0; i < len(points); i += max(1, stride) {
			if finite(points[i].Value) {
				all = append(all, points[i].At)
			}
		}
	}
	slices.SortFunc(all, time.Time.Compare)
	all = slices.CompactFunc(all, time.Time.Equal)
	stride := (len(all) + mostSteps - 1) / mostSteps
	if stride < 2 {
		return all
	}
	var out []time.Time
	for i := 0; i < len(all); i += stride {
		out = append(out, all[i])
	}
	return out
}
