package ui

import (
	"time"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// flash is the sentence at the bottom that answers what was just done. It goes
// with the next key, or after flashTime.
type flash struct {
	text  string
	level backend.Level
	until time.Time
}

const flashTime = 8 * time.Second

func (fl *flash) clear()                { *fl = flash{} }
func (fl *flash) on(now time.Time) bool { return fl.text != "" && now.Before(fl.until) }

// Say shows a sentence: what happened, and what to do next.
func (s *Shell) Say(text string, level backend.Level) {
	s.flash = flash{text: text, level: level, until: s.o.Now().Add(flashTime)}
}

// maxFlash is how many lines above the last one a sentence may take.
const maxFlash = 3

// draw draws it on the last line, and the beginning of one that is too long for
// it on the lines above: what went wrong must be readable to its end.
func (fl *flash) draw(last, above screen.Frame) {
	last.Until(fl.until)
	x := 1
	if fl.level != backend.None {
		x += screen.Width(last.Signs.Level[fl.level]) + 1
	}
	lines := screen.Wrap(backend.T(fl.text).Safe(), max(1, last.Width()-x))
	up := min(len(lines)-1, maxFlash, above.Height())
	if up+1 < len(lines) {
		lines[up] += last.Signs.Ellipsis
	}
	rows := above.Sub(0, above.Height()-up, above.Width(), up)
	rows.Fill(themes.Plain)
	for i := range up {
		rows.Text(x, i, themes.Plain, lines[i])
	}
	last.Text(x, 0, themes.Plain, lines[up])
	if fl.level != backend.None {
		sign := last.Sub(0, 0, x, 1)
		if up > 0 {
			sign = rows
		}
		sign.Text(1, 0, themes.Of(fl.level), last.Signs.Level[fl.level])
	}
}
