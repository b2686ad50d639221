package backend

import "context"

// Object is a row of a feed: a compact value (about 150 to 300 bytes) that
// holds what its row shows, never the server's object.
type Object interface {
	Ref() Ref
	// AppendText appends what a plain filter searches (name, scope, state …),
	// words divided by a space, without line ends.
	AppendText(b []byte) []byte
}

// Scope is what of a system is to be watched.
type Scope struct {
	Namespaces []string // empty: all that may be read
	Labels     string   // a label selector, applied by the server; empty: all
}

// A Source keeps a Sink in step with one kind of object on one link.
type Source[T Object] interface {
	// Watch loads and then follows until ctx ends; it reconnects by itself and
	// returns ctx's error. Every other trouble is told through Sink.Health.
	Watch(ctx context.Context, s Scope, sink Sink[T]) error
}

// A Sink takes what Sources find. Safe for concurrent use.
type Sink[T Object] interface {
	// Begin starts a full load of a part. Rows of an earlier load stay until
	// the new one is Synced.
	Begin(Part) Load[T]
	// Health tells a part's state and the reason for it.
	Health(Part, Health)
	// End forgets a part and its rows: it is no longer watched.
	End(Part)
}

// A Load is one full read of a part and the changes that follow it. Used by one
// goroutine at a time.
type Load[T Object] interface {
	Put(...T)
	Delete(...Ref)
	// Synced ends the full read: rows of this part that were not Put since
	// Begin are gone from the server and leave the feed (relist, 410).
	Synced()
}
