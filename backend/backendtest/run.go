package backendtest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
)

// limit is for waiting on what never comes. Nothing that works comes near it.
const limit = 60 * time.Second

// run is one Watch, as a feed sees it. It belongs to the test's goroutine.
type run[T backend.Object] struct {
	t      *testing.T
	sink   *recorder[T]
	cancel context.CancelFunc
	done   chan error // nil once it has ended
}

// watch begins one, which end ends.
func watch[T backend.Object](t *testing.T, w World[T], scope backend.Scope) *run[T] {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	r := &run[T]{t, newRecorder(t, w.Of), cancel, done}
	source := w.Source()
	go func() { done <- source.Watch(ctx, scope, r.sink) }()
	t.Cleanup(r.end) // before the world's, where the test has failed
	return r
}

// end ends it and waits for it. Nothing may be told from then on.
func (r *run[T]) end() {
	r.t.Helper()
	if r.done == nil {
		return
	}
	done := r.done
	r.done = nil
	r.cancel()
	guard := time.NewTimer(limit)
	defer guard.Stop()
	select {
	case err := <-done:
		if !errors.Is(err, context.Canceled) {
			r.t.Errorf("Watch gave %v, want the context's error", err)
		}
	case <-guard.C:
		r.t.Error("Watch does not end with its context")
	}
	r.sink.over.Store(true)
}

// until waits for ok. It is asked each time that something was told.
func (r *run[T]) until(what string, ok func() bool) {
	r.t.Helper()
	guard := time.NewTimer(limit)
	defer guard.Stop()
	for !ok() {
		select {
		case <-r.sink.bell.C():
		case <-guard.C:
			r.t.Fatalf("%s: never came; %d rows, %s", what, len(r.rows()), r.told())
		}
	}
}

// inStep waits until every part is live and the rows are those of the objects.
func (r *run[T]) inStep(want ...Object) {
	r.t.Helper()
	r.until("in step", func() bool { return r.are(want) && r.every(backend.Live) })
}

// all waits until every part is in a state.
func (r *run[T]) all(what string, state backend.State) {
	r.t.Helper()
	r.until(what, func() bool { return r.every(state) })
}

// holds fails unless the rows are those of the objects now.
func (r *run[T]) holds(want ...Object) {
	r.t.Helper()
	if !r.are(want) {
		r.t.Errorf("%d rows, want %v; %s", len(r.rows()), want, r.told())
	}
}

func (r *run[T]) are(want []Object) bool {
	rows := r.rows()
	if len(rows) != len(want) {
		return false
	}
	byName := map[string]Object{}
	for _, o := range rows {
		byName[o.Name] = o
	}
	for _, o := range want {
		got, ok := byName[o.Name]
		if !ok || got.Word != o.Word || got.Scope != "" && got.Scope != o.Scope {
			return false
		}
	}
	return true
}

func (r *run[T]) rows() []Object {
	l := r.sink.Lens(nil, feed.Keep[T]{})
	defer l.Close()
	var out []Object
	for row := range l.All() {
		out = append(out, r.sink.of(*row))
	}
	return out
}

// left counts the rows that have ever left.
func (r *run[T]) left() uint64 {
	l := r.sink.Lens(nil, feed.Keep[T]{})
	defer l.Close()
	return l.Counts().Left
}

func (r *run[T]) parts() []feed.PartState { return r.sink.Parts() }

// every says whether all parts are in a state; live is one that shows all there is.
func (r *run[T]) every(state backend.State) bool {
	parts := r.parts()
	return len(parts) > 0 && !slices.ContainsFunc(parts, func(p feed.PartState) bool { return p.Health.State != state || leavesOut(p) })
}

// leavesOut says whether a part is live, and says that there is more.
func leavesOut(p feed.PartState) bool {
	return p.Health.State == backend.Live && !p.Health.Reason.IsZero()
}

func (r *run[T]) some(state backend.State) bool {
	return slices.ContainsFunc(r.parts(), func(p feed.PartState) bool { return p.Health.State == state })
}

// told is what the parts say, for a test that fails.
func (r *run[T]) told() string {
	var b strings.Builder
	for _, p := range r.parts() {
		b.WriteString(strings.TrimSpace(p.Part.Scope+" "+p.Part.Kind) + " " + p.Health.State.String() + " " + p.Health.Reason.Safe() + "; ")
	}
	return b.String()
}

// recorder is a store of the rows that were put, which holds its source to what a
// sink may expect.
type recorder[T backend.Object] struct {
	*feed.Store[T]
	t    *testing.T
	of   func(T) Object
	bell *feed.Bell
	over atomic.Bool // Watch has returned
	// noneAfterLive says that nothing changes on the server, so that a part has
	// all of its rows once it is live.
	noneAfterLive atomic.Bool

	mu    sync.Mutex
	state map[backend.Part]backend.State
}

func newRecorder[T backend.Object](t *testing.T, of func(T) Object) *recorder[T] {
	bell := feed.NewBell()
	return &recorder[T]{Store: feed.NewStore[T](bell), t: t, of: of, bell: bell, state: map[backend.Part]backend.State{}}
}

// Health implements backend.Sink.
func (r *recorder[T]) Health(p backend.Part, h backend.Health) {
	r.heard("Health")
	switch h.State {
	case backend.Stale, backend.Down, backend.Forbidden:
		if strings.TrimSpace(h.Reason.Safe()) == "" {
			r.t.Errorf("%v, without a reason", h.State)
		}
	}
	if h.Since.IsZero() {
		r.t.Errorf("%v, since when is not said", h.State)
	}
	r.mu.Lock()
	before := r.state[p]
	r.state[p] = h.State
	r.mu.Unlock()
	if was := before == backend.Live || before == backend.Stale; was && (h.State == backend.Off || h.State == backend.Connecting || h.State == backend.Down) {
		r.t.Errorf("%v, although it was live: that is stale", h.State)
	}
	r.Store.Health(p, h)
}

// Begin implements backend.Sink.
func (r *recorder[T]) Begin(p backend.Part) backend.Load[T] {
	r.heard("Begin")
	return &load[T]{Load: r.Store.Begin(p), r: r, part: p}
}

// End implements backend.Sink.
func (r *recorder[T]) End(p backend.Part) {
	r.heard("End")
	r.mu.Lock()
	delete(r.state, p)
	r.mu.Unlock()
	r.Store.End(p)
}

func (r *recorder[T]) heard(what string) {
	if r.over.Load() {
		r.t.Errorf("%s after Watch has returned", what)
	}
}

// load watches over one that is used by one goroutine at a time.
type load[T backend.Object] struct {
	backend.Load[T]
	r    *recorder[T]
	part backend.Part
	busy atomic.Bool
}

func (l *load[T]) Put(rows ...T) {
	l.one("Put", func() {
		rows = slices.DeleteFunc(slices.Clone(rows), func(row T) bool { return l.r.of(row) == Object{} })
		l.r.mu.Lock()
		if l.r.noneAfterLive.Load() && l.r.state[l.part] == backend.Live {
			l.told(rows)
		}
		l.r.mu.Unlock()
		l.Load.Put(rows...)
	})
}

// told fails for a row that is not in the feed yet. Rows that are may come once
// more: a server may have changed what they do not show.
func (l *load[T]) told(rows []T) {
	for _, row := range rows {
		if _, ok := l.r.Get(row.Ref()); !ok {
			l.r.t.Errorf("%s comes after its part was live", row.Ref().Name)
		}
	}
}

func (l *load[T]) Delete(refs ...backend.Ref) { l.one("Delete", func() { l.Load.Delete(refs...) }) }
func (l *load[T]) Synced()                    { l.one("Synced", l.Load.Synced) }

func (l *load[T]) one(what string, f func()) {
	l.r.heard(what)
	if l.busy.Swap(true) {
		l.r.t.Errorf("%s while another goroutine uses the load", what)
	}
	f()
	l.busy.Store(false)
}
