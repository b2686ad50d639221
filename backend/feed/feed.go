// Package feed keeps live tables: Sources of several links load into a Store, a
// Lens keeps a sorted and filtered order of it, and a view reads the window that
// it draws. Whatever happens here costs what has changed, not what is held.
//
// Nothing in this package knows a noun, a server or a screen; it imports the
// standard library and backend only.
package feed

import (
	"context"
	"slices"
	"sync"
	"time"

	"wheelhouse/backend"
)

// A Feed is a Store with the sources of several links that fill it, one per
// link. All methods are safe for concurrent use; only Stop waits.
type Feed[T backend.Object] struct {
	*Store[T]

	mu      sync.Mutex
	sources map[string]backend.Source[T]
	watches map[string]*watch[T]
	ctx     context.Context // of the last Watch; nil while nothing is watched
	scope   backend.Scope
	running sync.WaitGroup
}

// NewFeed makes a feed without sources. Rows and healths that change ring bell.
func NewFeed[T backend.Object](bell *Bell) *Feed[T] {
	return &Feed[T]{
		Store:   NewStore[T](bell),
		sources: map[string]backend.Source[T]{},
		watches: map[string]*watch[T]{},
	}
}

// Attach adds the source of a link, in place of an earlier one. It is watched
// at once when the feed is.
func (f *Feed[T]) Attach(link string, src backend.Source[T]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sources[link] = src
	if f.ctx != nil && f.ctx.Err() == nil {
		f.start(link, f.scope)
	}
}

// Sourced says whether any link has a source here: without one there will be no row.
func (f *Feed[T]) Sourced() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.sources) > 0
}

// Detach takes a link's source out; its parts and rows leave.
func (f *Feed[T]) Detach(link string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.sources, link)
	if w := f.watches[link]; w != nil {
		w.end()
		delete(f.watches, link)
	}
	f.retire(link, func(backend.Ref) bool { return false })
}

// Watch follows scope on every link until ctx ends or Watch is called again.
// Rows of the scope before that certainly belong to the new one stay until they
// are loaded anew; the others leave at once. When ctx ends the rows stay, and
// their parts say that they are stale.
func (f *Feed[T]) Watch(ctx context.Context, scope backend.Scope) {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := f.scope
	f.ctx, f.scope = ctx, backend.Scope{Namespaces: slices.Clone(scope.Namespaces), Labels: scope.Labels}
	for link := range f.sources {
		f.start(link, before)
	}
}

// Follow is Watch, unless just that is watched already.
func (f *Feed[T]) Follow(ctx context.Context, scope backend.Scope) {
	if now, ok := f.Watching(); !ok || now.Labels != scope.Labels || !slices.Equal(now.Namespaces, scope.Namespaces) {
		f.Watch(ctx, scope)
	}
}

// Watching gives the scope that is watched; ok is false when none is.
func (f *Feed[T]) Watching() (scope backend.Scope, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.scope, f.ctx != nil && f.ctx.Err() == nil
}

// Stop ends all watches and waits for their goroutines. Rows stay, as stale.
func (f *Feed[T]) Stop() {
	f.mu.Lock()
	f.ctx = nil
	for _, w := range f.watches {
		w.cancel()
	}
	f.mu.Unlock()
	f.running.Wait()
}

// start begins to watch one link in place of the watch that there was, whose
// scope was before. f.mu is held.
func (f *Feed[T]) start(link string, before backend.Scope) {
	if w := f.watches[link]; w != nil {
		w.end()
	}
	f.retire(link, func(r backend.Ref) bool { return stays(r, before, f.scope) })
	ctx, cancel := context.WithCancel(f.ctx)
	w := &watch[T]{store: f.Store, link: link, cancel: cancel, silent: true}
	f.watches[link] = w
	f.Store.Health(backend.Part{Link: link}, backend.Health{State: backend.Connecting, Since: time.Now()})
	src, scope := f.sources[link], f.scope
	f.running.Go(func() {
		defer cancel()
		w.ended(ctx, watching(ctx, src, scope, w))
	})
}

// stays says whether an object that was seen in one scope belongs to the next
// for certain. What other labels would select only the server knows.
func stays(r backend.Ref, before, now backend.Scope) bool {
	if now.Labels != "" && now.Labels != before.Labels {
		return false
	}
	return len(now.Namespaces) == 0 || r.Scope == "" || slices.Contains(now.Namespaces, r.Scope)
}

// watching runs a source. A panic in it is its own failure, not the console's.
func watching[T backend.Object](ctx context.Context, src backend.Source[T], scope backend.Scope, sink backend.Sink[T]) (err error) {
	defer backend.Caught(&err)
	return src.Watch(ctx, scope, sink)
}
