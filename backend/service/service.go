// Package service holds the nouns of what services do with each other: circuit
// breakers, and the verbs that go with them. They are compact values, as a row
// shows them; nothing here knows which library they came from, and nothing here
// does I/O.
package service

import "wheelhouse/backend"

// KindBreaker is the kind of breakers, as refs carry it.
const KindBreaker = "breaker"

// Nouns is how these kinds are named and addressed.
func Nouns() backend.Nouns {
	return backend.Nouns{
		{Kind: KindBreaker, Plural: "breakers", Short: []string{"cb"}, Scoped: true, Sub: true},
	}
}

// The verbs of services.
const (
	BreakerTrip  = "breaker.trip"
	BreakerClose = "breaker.close"
)

// Actions is every verb of this domain, as data.
func Actions() []backend.Action {
	return []backend.Action{
		{
			ID: BreakerTrip, Title: "Trip", Kinds: []string{KindBreaker}, Risk: backend.Medium,
			Help: "Opens the breaker until somebody closes it: calls are refused at once instead of being tried.",
		},
		{
			ID: BreakerClose, Title: "Close", Kinds: []string{KindBreaker}, Risk: backend.Medium,
			Help: "Closes the breaker: calls are tried again, and it opens by itself when too many fail.",
		},
	}
}
