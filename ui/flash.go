package ui

import (
	"time"

	"wheelhouse/backend"
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
