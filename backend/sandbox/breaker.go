package sandbox

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// A Breaker stands between a process and a program that it calls, as Resilience4j
// builds them: it counts the last calls, and lets none through while too many fail.
type Breaker struct {
	Name         string
	State        BreakerState
	Since        time.Time
	FailureRate  float64 // of the counted calls, in percent; -1: too few
	SlowRate     float64 // the same of those that were slow
	FailureLimit float64 // from which on it opens, in percent
	SlowLimit    float64
	Buffered     int // calls that are counted
	Failed       int // of them
	Slow         int
	Refused      int // since it is in its state
	Turns        []Turn
}

// BreakerState is how a breaker stands.
type BreakerState string

// The states, as Resilience4j names them.
const (
	Closed     BreakerState = "CLOSED"
	Open       BreakerState = "OPEN"
	HalfOpen   BreakerState = "HALF_OPEN"
	ForcedOpen BreakerState = "FORCED_OPEN"
	Disabled   BreakerState = "DISABLED"
)

// A Turn is one change of a breaker's state.
type Turn struct {
	At       time.Time
	From, To BreakerState
}

const (
	window   = 100.0            // last calls that are counted
	atLeast  = 20.0             // before anything is decided
	openFor  = 30 * time.Second // until it tries again
	probes   = 10.0             // calls that it tries with
	mostSeen = 50               // turns that are remembered
)

// breaker is a Breaker as it counts.
type breaker struct {
	Breaker
	calls, bad, slow, refused float64
	needs                     float64 // calls that are counted before it decides
	wants, passes             float64 // calls a second in this step
}

// breakers are those of a new process, one for each of its calls.
func (p *program) breakers() []*breaker {
	var out []*breaker
	for _, c := range p.Calls {
		out = append(out, &breaker{needs: atLeast, Breaker: Breaker{Name: c.To, State: Closed, FailureLimit: c.Failing, SlowLimit: c.Slow}})
	}
	return out
}

// Breakers are those of a process; none where it is not up.
func (w *World) Breakers(id ProcessID) []Breaker {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.processes[id]
	if p == nil || p.State != Up {
		return nil
	}
	var out []Breaker
	for _, b := range p.breakers {
		out = append(out, b.seen())
	}
	return out
}

// SetBreaker turns one into a state.
func (w *World) SetBreaker(id ProcessID, name string, to BreakerState) (Breaker, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.processes[id]; p != nil && p.State == Up {
		for _, b := range p.breakers {
			if b.Name == name {
				b.turn(w, p, to)
				return b.seen(), nil
			}
		}
	}
	return Breaker{}, fmt.Errorf("breaker %s: %w", name, ErrNone)
}

func (b *breaker) seen() Breaker {
	out := b.Breaker
	out.Buffered, out.Failed, out.Slow, out.Refused = int(b.calls), int(math.Round(b.bad)), int(math.Round(b.slow)), int(b.refused)
	out.FailureRate, out.SlowRate = b.rates()
	out.Turns = slices.Clone(b.Turns)
	return out
}

func (b *breaker) rates() (bad, slow float64) {
	if b.calls < b.needs {
		return -1, -1
	}
	return 100 * b.bad / b.calls, 100 * b.slow / b.calls
}

// permit is how many of the calls a second it lets through.
func (b *breaker) permit(at time.Time, wants float64) float64 {
	switch {
	case b.State == ForcedOpen, b.State == Open && (at.Sub(b.Since) < openFor || wants == 0):
		return 0
	case b.State == Open, b.State == HalfOpen:
		return min(wants, probes)
	}
	return wants
}

// refuses is the share of the calls that it does not let through; where there are none
// that which it would not.
func (b *breaker) refuses() float64 {
	switch {
	case b.wants > 0:
		return 1 - b.passes/b.wants
	case b.State == Open, b.State == ForcedOpen:
		return 1
	}
	return 0
}

// count takes the calls in that were let through, and turns where that is due.
func (b *breaker) count(w *World, p *process, calls, bad, slow float64) {
	b.refused += (b.wants - b.passes) * stride.Seconds()
	if b.State == Open && b.passes > 0 {
		b.turn(w, p, HalfOpen)
	}
	if b.State == Disabled || calls == 0 {
		return
	}
	if over := b.calls + calls - window; over > 0 { // the oldest make room
		keep := max(0, 1-over/max(b.calls, 1))
		b.calls, b.bad, b.slow = b.calls*keep, b.bad*keep, b.slow*keep
		calls = min(calls, window)
	}
	b.calls, b.bad, b.slow = b.calls+calls, b.bad+calls*bad, b.slow+calls*slow
	failing, slowly := b.rates()
	switch limit := failing >= b.FailureLimit || slowly >= b.SlowLimit; {
	case failing < 0 || b.State == ForcedOpen:
	case limit && (b.State == Closed || b.State == HalfOpen):
		b.turn(w, p, Open)
	case !limit && b.State == HalfOpen:
		b.turn(w, p, Closed)
	}
}

func (b *breaker) turn(w *World, p *process, to BreakerState) {
	if b.State == to {
		return
	}
	p.says(w, "WARN", fmt.Sprintf("CircuitBreaker '%s' changed state from %s to %s", b.Name, b.State, to))
	b.Turns = append(b.Turns, Turn{w.clock(), b.State, to})
	if len(b.Turns) > mostSeen {
		b.Turns = slices.Delete(b.Turns, 0, len(b.Turns)-mostSeen)
	}
	b.State, b.Since, b.refused = to, w.clock(), 0
	if to != Open { // an open one still shows what has opened it
		b.calls, b.bad, b.slow, b.needs = 0, 0, 0, atLeast
	}
	if to == HalfOpen {
		b.needs = probes
	}
}
