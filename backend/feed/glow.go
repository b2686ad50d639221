package feed

import (
	"time"

	"wheelhouse/backend"
)

// Glow is how long a change is worth showing.
const Glow = time.Second

const (
	// maxGlows is how many rows glow at once: in a flood nobody can tell, and the
	// values before would double the memory.
	maxGlows = 4096
	// maxPast is how many changes of one row are told apart.
	maxPast = 8
)

// Past is what a row was until it was changed. It never changes.
type Past[T any] struct {
	Was *T
	At  time.Time // when it ceased to be that
}

// glows is the rows that glow, the newest change of each, the oldest first.
type glows[T backend.Object] []struct {
	entry *entry[T]
	at    time.Time
}

// glow notes that e has replaced old just now. s.mu is held.
func (s *Store[T]) glow(e, old *entry[T]) {
	past := old.past
	old.past = nil // or each value would hold all that came before it
	if len(s.glows) >= maxGlows {
		return
	}
	now := time.Now()
	past = recent(past, now)
	past = past[max(0, len(past)-maxPast+1):]
	e.past = append(past[:len(past):len(past)], Past[T]{&old.value, now})
	s.glows = append(s.glows, struct {
		entry *entry[T]
		at    time.Time
	}{e, now})
	if len(s.glows) == 1 {
		time.AfterFunc(Glow, s.fade)
	}
}

// recent is the part of past that is worth showing at now.
func recent[T any](past []Past[T], now time.Time) []Past[T] {
	for len(past) > 0 && now.Sub(past[0].At) >= Glow {
		past = past[1:]
	}
	return past
}

// fade lets go of the values that were replaced more than Glow ago, and comes
// again while there are others. It rings nothing: who draws a glow knows when
// it ends.
func (s *Store[T]) fade() {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for n < len(s.glows) && time.Since(s.glows[n].at) >= Glow {
		s.glows[n].entry.past = nil
		n++
	}
	left := copy(s.glows, s.glows[n:])
	clear(s.glows[left:])
	if s.glows = s.glows[:left]; left > 0 {
		time.AfterFunc(Glow, s.fade)
	}
}
