package screen

import (
	"time"

	"wheelhouse/themes"
)

// Frame is what a picture is drawn on: a canvas, the time that ages are counted
// to, and the signs of the terminal. Drawing is a pure function of the state
// and the frame.
type Frame struct {
	Canvas
	Now   time.Time
	Signs *themes.Signs
	Wake  func(at time.Time) // asks for a new picture at a time; may be nil
}

// Sub is the part of f at x, y; what of it lies outside of f is cut off.
func (f Frame) Sub(x, y, w, h int) Frame {
	f.Canvas = f.Canvas.Sub(x, y, w, h)
	return f
}

// Fit draws s in exactly w cells: padded, right-aligned where asked, or cut with
// an ellipsis at its end.
func (f Frame) Fit(x, y, w int, p themes.Pen, s string, right bool) {
	f.fit(x, y, w, p, s, f.Signs.Ellipsis, right)
}

// Until says that what was drawn changes by itself at t: an age, a glow. The
// zero time says nothing.
func (f Frame) Until(t time.Time) {
	if f.Wake != nil && !t.IsZero() {
		f.Wake(t)
	}
}
