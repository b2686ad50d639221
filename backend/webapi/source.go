package webapi

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"wheelhouse/backend"
)

// seldom is between two tries of what only people can mend.
const seldom = 15 * time.Second

// A Poll is one kind of object that is kept in step by asking for all of it.
type Poll[T backend.Object] struct {
	Part  string        // set where a feed holds several kinds that are read apart: which
	Every time.Duration // between an answer and the next question
	// Read gives all rows of a scope. Its error is told as the part's health;
	// rows that it gives with an error are shown, and the others stay. One of code
	// Denied or Expired takes all rows away, and so does Invalid, which says that
	// this system has no such thing. One of code Partly is no trouble: the rows are
	// whole and live, and it says what there is that they leave out (too many, too
	// deep, not for this user), and how to come to that.
	Read func(ctx context.Context, s backend.Scope) ([]T, error)
}

// Source follows the polls that make up one feed, each in its own time.
func Source[T backend.Object](c *Client, polls ...Poll[T]) backend.Source[T] {
	return &source[T]{c, polls}
}

type source[T backend.Object] struct {
	c     *Client
	polls []Poll[T]
}

// Watch implements backend.Source.
func (s *source[T]) Watch(ctx context.Context, scope backend.Scope, sink backend.Sink[T]) error {
	keepers := make([]keeper[T], len(s.polls))
	for i, p := range s.polls { // all are asked before one has answered
		keepers[i] = keeper[T]{c: s.c, poll: p, scope: scope, sink: sink, part: backend.Part{Link: s.c.link.Alias(), Kind: p.Part}}
		sink.Health(keepers[i].part, backend.Health{State: backend.Connecting, Since: time.Now()})
	}
	var all sync.WaitGroup
	for i := range keepers {
		all.Go(func() { keepers[i].keep(ctx) })
	}
	all.Wait()
	return ctx.Err()
}

// A keeper keeps one part in step.
type keeper[T backend.Object] struct {
	c     *Client
	poll  Poll[T]
	scope backend.Scope
	sink  backend.Sink[T]
	part  backend.Part
	load  backend.Load[T]
	shown map[backend.Ref]bool // by their key
	live  time.Time            // of the last whole answer
	since time.Time            // of the first one in a row; zero after another
}

func (k *keeper[T]) keep(ctx context.Context) {
	for ctx.Err() == nil {
		epoch, err := k.c.link.Await(ctx, k.blocked)
		if err != nil {
			return
		}
		stirred := k.c.stir() // before asking: what is changed meanwhile is asked for again
		rows, err := k.read(epoch)
		if ctx.Err() != nil {
			return
		}
		var left backend.Text
		if backend.CodeOf(err) == backend.Partly {
			left, err = backend.T(err.Error()), nil
		}
		k.show(rows, err == nil)
		k.tell(epoch, err, left)
		if !k.rest(ctx, stirred, err) {
			return
		}
	}
}

// read asks once. A panic is a failed answer, and the console goes on.
func (k *keeper[T]) read(ctx context.Context) (rows []T, err error) {
	defer backend.Caught(&err)
	return k.poll.Read(ctx, k.scope)
}

// show gives the rows; with whole, those that are not among them are gone.
func (k *keeper[T]) show(rows []T, whole bool) {
	if k.load == nil {
		if !whole && len(rows) == 0 {
			return
		}
		k.load, k.shown = k.sink.Begin(k.part), map[backend.Ref]bool{}
		defer k.load.Synced()
	}
	k.load.Put(rows...)
	now := make(map[backend.Ref]bool, len(rows))
	for _, r := range rows {
		now[r.Ref().Key()] = true
	}
	for ref := range k.shown {
		switch {
		case now[ref]:
		case whole:
			k.load.Delete(ref)
		default:
			now[ref] = true
		}
	}
	k.shown = now
}

// tell says how the part is after an answer, and what that has left out.
func (k *keeper[T]) tell(epoch context.Context, err error, left backend.Text) {
	now := time.Now()
	if err == nil {
		if k.since.IsZero() {
			k.since = now
		}
		k.live = now
		k.sink.Health(k.part, backend.Health{State: backend.Live, Since: k.since, Reason: left})
		return
	}
	k.since = time.Time{}
	h := backend.Health{State: backend.Down, Since: now, Reason: backend.T(err.Error())}
	switch code := backend.CodeOf(err); {
	case code == backend.Denied, code == backend.Expired:
		k.forget() // nobody follows any more what was seen before
		h.State = backend.Forbidden
	case code == backend.Invalid:
		k.forget()
		h.State = backend.Off // this system does not have it
	case !k.live.IsZero():
		h.State, h.Since = backend.Stale, k.live
	}
	if epoch.Err() != nil { // the whole link is lost, which says why
		if reason := k.c.link.Health().Reason; !reason.IsZero() {
			h.Reason = reason
		}
	}
	k.sink.Health(k.part, h)
}

// forget takes the part's rows away.
func (k *keeper[T]) forget() {
	k.sink.End(k.part)
	k.load, k.shown, k.live = nil, nil, time.Time{}
}

// blocked says that nothing can be asked, and why.
func (k *keeper[T]) blocked(h backend.Health) {
	k.since = time.Time{}
	switch {
	case h.State == backend.Forbidden:
	case !k.live.IsZero():
		h.State, h.Since = backend.Stale, k.live
	case h.State == backend.Stale:
		h.State = backend.Down // the link was live, and this part never
	}
	k.sink.Health(k.part, h)
}

// rest waits until it is time to ask again, or somebody has stirred; what only
// people can mend is asked for seldom.
func (k *keeper[T]) rest(ctx context.Context, stirred <-chan struct{}, err error) bool {
	wait := k.poll.Every
	if code := backend.CodeOf(err); code == backend.Denied || code == backend.Expired || code == backend.Invalid {
		wait = max(wait, seldom)
	}
	t := time.NewTimer(wait + time.Duration(rand.Int64N(int64(wait)/10+1)))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-stirred:
	case <-t.C:
	}
	return true
}
