package feed

import (
	"time"

	"wheelhouse/backend"
)

// Glow is how long a change is worth showing.
const Glow = time.Second

// maxGlows is how many rows glow at once: in a flood nobody can tell, and the
// values before would double the memory.
const maxGlows = 4096

// glow is what a row was before it was replaced, and when that was.
type glow[T any] struct {
	was *T
	at  time.Time
}

// glows is the rows that glow, the oldest change first.
type glows[T backend.Object] []struct {
	entry *entry[T]
	at    time.Time
}

// glow notes that e has replaced old just now. s.mu is held.
func (s *Store[T]) glow(e, old *entry[T]) {
	old.glow = nil // or each value would hold all that came before it
	if len(s.glows) >= maxGlows {
		return
	}
	now := time.Now()
	e.glow = &glow[T]{&old.value, now}
	s.glows = append(s.glows, struct {
		entry *entry[T]
		at    time.Time
	}{e, now})
	if len(s.glows) == 1 {
		time.AfterFunc(Glow, s.fade)
	}
}

// fade lets go of the values that were replaced more than Glow ago, and comes
// again while there are others. It rings nothing: who draws a glow knows when
// it ends.
func (s *Store[T]) fade() {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for n < len(s.glows) && time.Since(s.glows[n].at) >= Glow {
		s.glows[n].entry.glow = nil
		n++
	}
	left := copy(s.glows, s.glows[n:])
	clear(s.glows[left:])
	if s.glows = s.glows[:left]; left > 0 {
		time.AfterFunc(Glow, s.fade)
	}
}
