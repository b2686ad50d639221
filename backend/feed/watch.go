package feed

import (
	"context"
	"fmt"
	"sync"
	"time"

	"wheelhouse/backend"
)

// A watch is the sink of one run of one source. Once it has ended, whatever
// that source still says is not heard.
type watch[T backend.Object] struct {
	store  *Store[T]
	link   string
	cancel context.CancelFunc

	mu     sync.Mutex // held while a word of the source is passed on
	over   bool
	silent bool // it has said nothing yet: the link's part stands for it
}

// Begin implements backend.Sink.
func (w *watch[T]) Begin(p backend.Part) backend.Load[T] {
	p.Link = w.link
	var l backend.Load[T] = &load[T]{store: w.store, part: p} // nobody's: inert
	w.pass(p, func() { l = w.store.Begin(p) })
	return l
}

// Health implements backend.Sink.
func (w *watch[T]) Health(p backend.Part, h backend.Health) {
	p.Link = w.link
	w.pass(p, func() { w.store.Health(p, h) })
}

// End implements backend.Sink.
func (w *watch[T]) End(p backend.Part) {
	p.Link = w.link
	w.pass(p, func() { w.store.End(p) })
}

// pass does f unless the watch has ended. The first word about a part of the
// link ends the link's own part, which said only that it was asked.
func (w *watch[T]) pass(p backend.Part, f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	if w.silent && p != (backend.Part{Link: w.link}) {
		w.store.forget(backend.Part{Link: w.link})
	}
	w.silent = false
	f()
}

// end cancels it and makes it unheard from now on. It does not wait.
func (w *watch[T]) end() {
	w.cancel()
	w.mu.Lock()
	w.over = true
	w.mu.Unlock()
}

// ended tells what the source's return means for its parts: nobody watches them
// any more, or it gave up although it should not have.
func (w *watch[T]) ended(ctx context.Context, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return
	}
	w.over = true
	if ctx.Err() != nil {
		w.store.allHealth(w.link, func(h backend.Health) backend.Health {
			switch h.State {
			case backend.Live:
				return backend.Health{State: backend.Stale, Since: time.Now(), Reason: backend.T("not watched now")}
			case backend.Connecting:
				return backend.Health{Since: time.Now(), Reason: backend.T("not watched now")}
			}
			h.NextTry = time.Time{}
			return h
		})
		return
	}
	reason := "the watch ended by itself; opening the view again starts it anew"
	if err != nil {
		reason = fmt.Sprintf("the watch ended: %v; opening the view again starts it anew", err)
	}
	w.store.allHealth(w.link, func(backend.Health) backend.Health {
		return backend.Health{State: backend.Down, Since: time.Now(), Reason: backend.T(reason)}
	})
}
