package chart

import (
	"math"
	"strconv"
	"strings"
	"time"

	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// A scale is the axis of numbers: from where to where it goes, and its labels.
type scale struct {
	from, to float64
	ticks    []tick // from the lowest
	width    int    // of the widest label
}

type tick struct {
	value float64
	label string
}

// most is the greatest number that is drawn as it is: the difference of two of them
// is one that can be reckoned with.
const most = math.MaxFloat64 / 4

// scaleOf is a scale for numbers from lo to hi on so many rows, with round labels.
func scaleOf(lo, hi float64, rows int, unit string) scale {
	lo, hi = max(-most, min(lo, most)), max(-most, min(hi, most))
	if big := max(math.Abs(lo), math.Abs(hi)); hi-lo <= big*1e-9 { // all the same, as far as can be seen
		pad := big / 10
		if pad < 1e-300 {
			pad = 1
		}
		lo, hi = lo-pad, hi+pad
	} else if lo >= 0 && lo < hi/2 {
		lo = 0 // heights then say how much, and not only how much more
	}
	by, _ := prefix(max(math.Abs(lo), math.Abs(hi)), unit)
	step := round125((hi-lo)/float64(min(max(1, rows/3), 8))/by) * by
	s := scale{from: math.Floor(lo/step) * step, to: math.Ceil(hi/step) * step}
	n := int(math.Round((s.to - s.from) / step))
	for i := 0; i <= min(n, rows); i++ {
		t := tick{value: s.from + float64(i)*step}
		t.label = number(t.value, step, max(math.Abs(s.from), math.Abs(s.to)), unit, false)
		s.ticks = append(s.ticks, t)
		s.width = max(s.width, screen.Width(t.label))
	}
	return s
}

// round125 is the next number above v that is 1, 2 or 5 with zeros.
func round125(v float64) float64 {
	if v < 1e-300 {
		return 1e-300
	}
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, n := range []float64{1, 2, 5} {
		if v <= n*p*(1+1e-9) {
			return n * p
		}
	}
	return 10 * p
}

// share is where a number lies on the scale: 0 at its foot, 1 at its top.
func (s scale) share(v float64) float64 {
	return (max(-most, min(v, most)) - s.from) / (s.to - s.from)
}

// draw draws the labels, right before the line.
func (s scale) draw(f screen.Frame) {
	for y := range f.Height() {
		f.Text(s.width+1, y, themes.Rule, f.Signs.Vertical)
	}
	taken := -1
	for i := len(s.ticks) - 1; i >= 0; i-- {
		y := int(math.Round((1 - s.share(s.ticks[i].value)) * float64(f.Height()-1)))
		if y > taken {
			f.Fit(0, y, s.width, themes.Dim, s.ticks[i].label, true)
			taken = y
		}
	}
}

// drawHours draws the axis of time: a line, and the labels below it.
func (c Chart) drawHours(f screen.Frame) {
	w := f.Width()
	for x := range w {
		f.Text(x, 0, themes.Rule, f.Signs.Horizontal)
	}
	form := "15:04"
	span := c.To.Sub(c.From)
	switch {
	case span <= 10*time.Minute:
		form = "15:04:05"
	case span > 300*24*time.Hour:
		form = "2006-01-02"
	case span > 30*time.Hour:
		form = "2 Jan 15:04"
	}
	step := stepOf(span, max(1, w/(len(form)+6)))
	_, ahead := c.From.Local().Zone() // days begin where people are
	zone := time.Duration(ahead) * time.Second
	free := 0
	for t := c.From.Add(zone).Truncate(step).Add(-zone); !t.After(c.To); t = t.Add(step) {
		if t.Before(c.From) {
			continue
		}
		x := int(c.share(t) * float64(w-1))
		label := t.Local().Format(form)
		at := min(max(0, x-len(label)/2), w-len(label))
		if at < free || at < 0 {
			continue
		}
		f.Text(x, 0, themes.Dim, "+")
		f.Text(at, 1, themes.Dim, label)
		free = at + len(label) + 2
	}
}

// stepOf is a round time of which no more than n fit into a span.
func stepOf(span time.Duration, n int) time.Duration {
	const minute, hour, day = time.Minute, time.Hour, 24 * time.Hour
	for _, d := range []time.Duration{
		1 * time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
		minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day, 2 * day, 7 * day, 30 * day,
	} {
		if d*time.Duration(n) >= span {
			return d
		}
	}
	return span/time.Duration(n) + day
}

// Number is v in few letters, with its unit.
func Number(v float64, unit string) string { return short(v, unit, 3) }

// short is v in so many digits, without zeros that say nothing.
func short(v float64, unit string, digits int) string {
	if !finite(v) {
		return "-"
	}
	big := math.Abs(v)
	return number(v, big/math.Pow(10, float64(digits-1)), big, unit, true)
}

// prefix is by what numbers up to big are divided, and the name for that.
func prefix(big float64, unit string) (by float64, name string) {
	base, names := 1000.0, []string{"", "k", "M", "G", "T", "P"}
	if unit == "B" {
		base, names = 1024, []string{"", "Ki", "Mi", "Gi", "Ti", "Pi"}
	}
	by = 1
	for _, name = range names[:len(names)-1] {
		if big < by*base {
			return by, name
		}
		by *= base
	}
	return by, names[len(names)-1]
}

// number is v with as many digits as tell numbers apart that lie a step from each
// other, the greatest of which is big; with trim, without zeros at the end.
func number(v, step, big float64, unit string, trim bool) string {
	if big >= 1e18 || big > 0 && big < 1e-4 {
		return strconv.FormatFloat(v, 'g', 4, 64) + unit
	}
	by, name := prefix(big, unit)
	digits := 0
	if step > 0 {
		digits = min(max(0, int(math.Ceil(-math.Log10(step/by)-1e-9))), 6)
	}
	text := strconv.FormatFloat(v/by, 'f', digits, 64)
	if trim && digits > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if v == 0 {
		name, text = "", "0"
	}
	return text + name + unit
}
