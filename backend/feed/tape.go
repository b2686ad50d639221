package feed

import (
	"fmt"
	"maps"
	"sync"

	"wheelhouse/backend"
)

// A Tape holds the last lines of a log, bounded in number and size. Lines have
// numbers that stay: the first that came is 0, what is put before it is negative.
// Every line that came is held, or counted. Safe for concurrent use.
type Tape struct {
	bell       *Bell
	most, size int // of lines; of their bytes

	mu     sync.Mutex
	ring   []backend.LogLine // lines ring[at], ring[at+1] … around its end
	at, n  int
	first  int64 // number of the line at at
	bytes  int
	kept   bool // nothing leaves; what comes when it is full is dropped
	hole   int  // lines that were dropped since the newest that is held
	state  TapeState
	health map[backend.Ref]backend.Health
}

// TapeState is how a Tape stands.
type TapeState struct {
	First   int64 // number of the oldest line that is held
	Len     int   // lines that are held
	Came    int64 // lines that came, those of Before not among them
	Left    int64 // lines that were held and have made room for others
	Dropped int64 // lines that came and found no room
	Missed  int64 // lines that never came
}

// lineCost is what a line takes beside its text.
const lineCost = 80

// NewTape makes an empty one that holds up to most lines of together size bytes,
// and rings bell when it changes.
func NewTape(bell *Bell, most, size int) *Tape {
	return &Tape{bell: bell, most: most, size: size, health: map[backend.Ref]backend.Health{}}
}

// Lines implements backend.LineSink.
func (t *Tape) Lines(lines ...backend.LogLine) {
	if len(lines) == 0 {
		return
	}
	t.mu.Lock()
	for i := range lines {
		t.state.Came++
		t.take(lines[i])
	}
	t.mu.Unlock()
	t.bell.Ring()
}

// take holds a line, or drops it. t.mu is held.
func (t *Tape) take(l backend.LogLine) {
	if t.kept && (t.hole > 0 || t.full(l)) {
		t.state.Dropped++
		t.hole++
		return
	}
	if t.hole > 0 {
		t.push(gap(t.hole, "lines were dropped here: there was no room while the log was paused"))
		t.hole = 0
	}
	t.push(l)
}

func (t *Tape) full(l backend.LogLine) bool {
	return t.n > 0 && (t.n >= t.most || t.bytes+costOf(l) > t.size)
}

// push makes room for a line and holds it. t.mu is held.
func (t *Tape) push(l backend.LogLine) {
	for t.full(l) {
		t.bytes -= costOf(t.ring[t.at])
		t.ring[t.at] = backend.LogLine{}
		t.at = (t.at + 1) % len(t.ring)
		t.n--
		t.first++
		t.state.Left++
	}
	if t.n == len(t.ring) {
		t.grow()
	}
	t.ring[(t.at+t.n)%len(t.ring)] = l
	t.n++
	t.bytes += costOf(l)
}

func costOf(l backend.LogLine) int { return lineCost + l.Text.Len() + len(l.ID) }

// grow makes room for more lines, in a ring that begins with the oldest.
func (t *Tape) grow() {
	ring := make([]backend.LogLine, min(max(2*t.n, 256), t.most))
	for i := range t.n {
		ring[i] = t.ring[(t.at+i)%len(t.ring)]
	}
	t.ring, t.at = ring, 0
}

// Before puts older lines before the oldest, as far as there is room, newest
// first, and gives how many that were.
func (t *Tape) Before(lines []backend.LogLine) (taken int) {
	t.mu.Lock()
	for taken < len(lines) {
		l := lines[len(lines)-1-taken]
		if t.full(l) {
			break
		}
		if t.n == len(t.ring) {
			t.grow()
		}
		t.at = (t.at + len(t.ring) - 1) % len(t.ring)
		t.ring[t.at] = l
		t.n++
		t.first--
		t.bytes += costOf(l)
		taken++
	}
	t.mu.Unlock()
	t.bell.Ring()
	return taken
}

// Missed implements backend.LineSink: a line says so where they are missing.
func (t *Tape) Missed(n int) {
	if n <= 0 {
		return
	}
	t.mu.Lock()
	t.state.Missed += int64(n)
	t.take(gap(n, "lines are missing here: they never came"))
	t.mu.Unlock()
	t.bell.Ring()
}

// gap is a line that stands for those that are not there.
func gap(n int, why string) backend.LogLine {
	return backend.LogLine{Level: backend.Warning, Text: backend.T(fmt.Sprintf("%d %s", n, why))}
}

// Keep has nothing leave, so that what is looked at stays; or lets the oldest
// lines go again. A line then stands where some were dropped.
func (t *Tape) Keep(on bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = on
}

// Health implements backend.LineSink.
func (t *Tape) Health(of backend.Ref, h backend.Health) {
	t.mu.Lock()
	t.health[of.Key()] = h
	t.mu.Unlock()
	t.bell.Ring()
}

// State gives how it stands.
func (t *Tape) State() TapeState {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.state
	s.First, s.Len = t.first, t.n
	return s
}

// Healths are those that were told, by whose they are.
func (t *Tape) Healths() map[backend.Ref]backend.Health {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.health)
}

// At gives a line by its number; ok is false where it is not held.
func (t *Tape) At(number int64) (l backend.LogLine, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := number - t.first
	if i < 0 || i >= int64(t.n) {
		return backend.LogLine{}, false
	}
	return t.ring[(t.at+int(i))%len(t.ring)], true
}
