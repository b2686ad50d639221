package feed

import (
	"slices"
	"sync/atomic"

	"wheelhouse/backend"
)

// A sort puts a snapshot of rows into a new order on a goroutine of its own. Rows
// never change, so it needs no lock.
type sort[T backend.Object] struct {
	order   func() Less[T]
	seq     uint64 // how far the lens was when it began
	stopped atomic.Bool
	done    chan sorted[T] // takes one without a reader
}

// sorted is its result.
type sorted[T backend.Object] struct {
	less       Less[T]
	all, shown []*entry[T] // shown is nil where everything is
	panicked   any
}

// Reorder sorts by what order gives, which may take its time. Where rows are many
// that is done on another goroutine; they stand as they did meanwhile, and the bell
// tells.
func (l *Lens[T]) Reorder(order func() Less[T]) {
	if len(l.all) <= inline {
		l.SortBy(order())
		return
	}
	l.stopSort()
	j := &sort[T]{order: order, seq: l.seq, done: make(chan sorted[T], 1)}
	v := sorted[T]{all: slices.Clone(l.all)}
	if !l.keep.all() {
		v.shown = slices.Clone(l.shown)
	}
	best := l.best
	l.sort, l.counts.Sorting = j, true
	l.jobs.Go(func() {
		defer func() {
			v.panicked = recover()
			j.done <- v
			l.store.bell.Ring()
		}()
		v.less = order()
		by := func(a, b *entry[T]) int {
			if j.stopped.Load() {
				return 0 // nobody waits for it
			}
			return compare(v.less, a, b)
		}
		slices.SortFunc(v.all, by)
		slices.SortFunc(v.shown, by)
		v.shown = ranked(v.shown, best)
	})
}

// collectSort takes a finished order; false when there is none.
func (l *Lens[T]) collectSort() bool {
	if l.sort == nil {
		return false
	}
	var v sorted[T]
	select {
	case v = <-l.sort.done:
	default:
		return false
	}
	if v.panicked != nil {
		panic(v.panicked)
	}
	began := l.sort.seq
	l.sort, l.less = nil, v.less
	l.all = l.since(began, v.all, l.all, l.order())
	if l.keep.all() {
		l.shown = l.all
	} else {
		l.shown = l.since(began, v.shown, l.shown, l.shownOrder())
	}
	if l.job != nil {
		l.job.resort = true
	}
	l.count()
	return true
}

// since is the snapshot in its new order without what has died since it was taken,
// and with what came after it into the list as it is now.
func (l *Lens[T]) since(began uint64, snapshot, now []*entry[T], o order[T]) []*entry[T] {
	var later []*entry[T]
	for _, e := range now {
		if e.seq > began {
			later = append(later, e)
		}
	}
	slices.SortFunc(later, o)
	l.store.mu.RLock()
	snapshot = slices.DeleteFunc(snapshot, func(e *entry[T]) bool { return e.dead })
	l.store.mu.RUnlock()
	return o.insert(snapshot, later)
}

// restartSort begins the sort that goes on anew: what it has taken is not what is
// shown any more.
func (l *Lens[T]) restartSort() {
	if l.sort != nil {
		l.Reorder(l.sort.order)
	}
}

// stopSort gives up the sort that goes on.
func (l *Lens[T]) stopSort() {
	if l.sort != nil {
		l.sort.stopped.Store(true)
		l.sort = nil
	}
}
