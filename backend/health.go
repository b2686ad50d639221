package backend

import "time"

// State is how far a part of a system can be trusted right now.
type State uint8

// The states. Off is the zero value: not asked to connect.
const (
	Off        State = iota
	Connecting       // asked, no answer yet
	Live             // what is shown is what the server has
	Stale            // it was live; what is shown is as old as Since
	Forbidden        // reachable, but this may not be read
	Down             // no answer, or an answer that makes no sense
)

// String is the word for it on the screen.
func (s State) String() string {
	return [...]string{"off", "connecting", "live", "stale", "denied", "failed"}[s]
}

// Health is one part's, or one link's, state with its reason. A value, safe to
// copy.
type Health struct {
	State   State
	Since   time.Time     // when this state began; for Stale, when it was last live
	Latency time.Duration // of the last answered probe; zero when unknown
	Reason  Text          // why, and what helps; while Live, what there is that is not shown, and is mostly empty
	NextTry time.Time     // zero when nothing will be tried by itself
}

// Part is what becomes live or stale as one: a link, or one scope (namespace,
// project) of it. Scope is empty where the whole link is read at once. Kind is
// set where a feed holds several kinds that are read apart.
type Part struct{ Link, Scope, Kind string }
