package service

import (
	"strings"

	"wheelhouse/backend"
)

// The states of a breaker, as Resilience4j calls them. Those that a person has
// brought about last until a person ends them, or the process does.
const (
	Closed      = "CLOSED"
	Open        = "OPEN"
	HalfOpen    = "HALF_OPEN"
	ForcedOpen  = "FORCED_OPEN"  // by a person
	Disabled    = "DISABLED"     // by a person: it lets everything through
	MetricsOnly = "METRICS_ONLY" // by a person: it counts, and lets everything through
)

// NoScope is the scope of a service that is reached by its URL, in place of a
// namespace.
const NoScope = "-"

// Breaker is one circuit breaker of a service, as a row shows it: what its
// instances have in common, or one of them, as each keeps a state of its own.
// Strings are the server's, unchecked.
type Breaker struct {
	Link     string
	Scope    string // namespace, or NoScope
	Service  string
	Name     string
	Instance string // pod or alias; empty for all together

	States string // of each instance that answers, by their names, divided by a blank
	Silent int16  // instances that can't be read
	Detail string // why one can't be; may be empty

	// Of the worst instance, in percent; negative while there were too few calls.
	Failure, Slow           float32
	FailureLimit, SlowLimit float32
	// Of all instances together, in their windows.
	Calls, Failed, Refused int32

	Changed int64  // Unix seconds of the last transition; zero when unknown
	Last    string // what it was: "CLOSED_TO_OPEN"
}

// Ref addresses it. A service's name has no dot in it (see Clean).
func (b Breaker) Ref() backend.Ref {
	return backend.Ref{Link: b.Link, Kind: KindBreaker, Scope: b.Scope, Name: b.Service + "." + b.Name, Sub: b.Instance}
}

// Clean makes a service's name one that a dot may follow.
func Clean(name string) string { return strings.ReplaceAll(name, ".", "-") }

// AppendText implements backend.Object.
func (b Breaker) AppendText(text []byte) []byte {
	return backend.AppendWords(text, b.Link, b.Scope, b.Service, b.Name, b.Instance, b.States, b.Detail)
}

// State is the worst that an instance is in, in the server's word; empty while
// none answers.
func (b Breaker) State() string {
	worst := ""
	for _, s := range strings.Fields(b.States) {
		if worst == "" || LevelOf(s) > LevelOf(worst) {
			worst = s
		}
	}
	return worst
}

// In counts the instances in a state, of those that answer.
func (b Breaker) In(state string) (n, of int) {
	for _, s := range strings.Fields(b.States) {
		of++
		if s == state {
			n++
		}
	}
	return n, of
}

// Level says how much it needs a look.
func (b Breaker) Level() backend.Level {
	level := LevelOf(b.State())
	if b.Silent > 0 {
		level = max(level, backend.Warning)
	}
	return level
}

// LevelOf says how much a state needs a look; none is off.
func LevelOf(state string) backend.Level {
	switch state {
	case Closed:
		return backend.Good
	case HalfOpen:
		return backend.Moving
	case Open:
		return backend.Critical
	case ForcedOpen, Disabled, MetricsOnly:
		return backend.Warning
	}
	return backend.Idle
}

// Why says why a verb makes no sense in the state that the row shows; "" when
// it does.
func (b Breaker) Why(action string) string {
	called := b.Service + " " + b.Name
	if b.Instance != "" {
		called += " of " + b.Instance
	}
	wanted, word := ForcedOpen, "is tripped already"
	if action == BreakerClose {
		wanted, word = Closed, "is closed already"
	}
	switch n, of := b.In(wanted); {
	case of == 0:
		return called + " can't be read: none of its instances answers"
	case n == of:
		return called + " " + word
	}
	return ""
}
