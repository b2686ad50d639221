package feed

import (
	"slices"
	"time"

	"wheelhouse/backend"
)

// batch is how many rows are taken in under one hold of the lock, so that a
// reader never waits for a flood.
const batch = 256

// load is one full read of one part and what follows it. It is inert unless it
// is the part's newest.
type load[T backend.Object] struct {
	store *Store[T]
	part  backend.Part
	state *part[T] // nil for one that never counts
}

// newest says whether it still counts. The store's lock is held, as it is for
// left.
func (l *load[T]) newest() bool { return l.state != nil && l.state.load == l && !l.left() }

// left says whether its part is not watched any more.
func (l *load[T]) left() bool { return l.store.parts[l.part] != l.state }

// do runs f under the lock while the load counts, and rings when f changed
// something.
func (l *load[T]) do(f func() bool) {
	l.store.mu.Lock()
	changed := l.newest() && f()
	l.store.mu.Unlock()
	if changed {
		l.store.bell.Ring()
	}
}

// Put implements backend.Load.
func (l *load[T]) Put(rows ...T) {
	for some := range slices.Chunk(rows, batch) {
		l.do(func() bool {
			changed := false
			for i := range some {
				changed = l.store.put(l, &some[i]) || changed
			}
			l.store.tidy()
			return changed
		})
	}
}

// Delete implements backend.Load. A row that another part has taken over stays.
func (l *load[T]) Delete(refs ...backend.Ref) {
	for some := range slices.Chunk(refs, batch) {
		l.do(func() bool {
			before := l.store.seq
			for _, r := range some {
				if e := l.store.rows[r.Key()]; e != nil && e.load.part == l.part {
					l.store.drop(r.Key(), e)
				}
			}
			l.store.tidy()
			return l.store.seq != before
		})
	}
}

// Synced implements backend.Load. When it was the last part of its link to be
// read, the rows that parts of an earlier scope left behind go too.
func (l *load[T]) Synced() {
	l.do(func() bool {
		s := l.store
		p := l.state
		p.synced = true
		if p.health.State == backend.Connecting {
			p.health = backend.Health{State: backend.Live, Since: time.Now()}
		}
		s.told++
		whole := true
		for key, other := range s.parts {
			whole = whole && (key.Link != l.part.Link || other.load == nil || other.synced)
		}
		s.sweep(func(e *entry[T]) bool {
			if e.load.part == l.part {
				return e.load != l
			}
			return whole && e.load.part.Link == l.part.Link && e.load.left()
		})
		return true
	})
}
