package feed

import (
	"slices"
	"sync/atomic"

	"wheelhouse/backend"
)

// inline is how many rows are judged one by one on the reader's goroutine: at
// the microsecond or two that a regular expression or a fuzzy match takes, a few
// milliseconds. More are judged elsewhere, and the bell tells.
const inline = 2000

// A job judges a snapshot of rows on a goroutine of its own. Rows never change,
// so it needs no lock.
type job[T backend.Object] struct {
	seq     uint64 // how far the lens was when it began
	resort  bool   // the lens's order has changed since
	stopped atomic.Bool
	done    chan verdict[T] // takes one without a reader
}

// verdict is a job's result.
type verdict[T backend.Object] struct {
	kept     []*entry[T] // sorted as shown
	panicked any
}

// judge makes what l.keep keeps of from, of whose terms only rows are left to
// ask, the shown rows. from is in the lens's order. Where that takes long, was
// stays shown meanwhile.
func (l *Lens[T]) judge(was, from []*entry[T], rows []rowTerm[T]) {
	l.unjudged = false
	if l.keep.all() {
		l.shown, l.best = l.all, nil
		return
	}
	list, best := l.store.sift(from, l.keep.texts), l.keep.best
	if costly := len(rows) > 0 || best != nil; !costly || len(list) <= inline {
		l.shown, l.best = ranked(judged(list, rows, never), best), best
		return
	}
	l.shown = was
	j := &job[T]{seq: l.seq, done: make(chan verdict[T], 1)}
	l.job = j
	l.jobs.Go(func() {
		var v verdict[T]
		defer func() {
			v.panicked = recover()
			j.done <- v
			l.store.bell.Ring()
		}()
		v.kept = judged(list, rows, j.stopped.Load)
		if !j.stopped.Load() {
			v.kept = ranked(v.kept, best)
		}
	})
}

func never() bool { return false }

// judgeNew gives those of the rows that have just come that are to be shown, in
// the order of what is shown. So many that it takes long are judged with all the
// others, elsewhere.
func (l *Lens[T]) judgeNew(came []*entry[T]) []*entry[T] {
	list := l.store.sift(came, l.keep.texts)
	if l.keep.costly() && len(list) > inline {
		if l.unjudged = true; l.job == nil {
			l.judge(l.shown, l.all, l.keep.rows)
		}
		return nil
	}
	return ranked(judged(list, l.keep.rows, never), l.best)
}

// collect takes a finished job's verdict; false when there is none. What panicked
// elsewhere panics here, where the shell catches it.
func (l *Lens[T]) collect() bool {
	if l.job == nil {
		return false
	}
	var v verdict[T]
	select {
	case v = <-l.job.done:
	default:
		return false
	}
	if v.panicked != nil {
		panic(v.panicked)
	}
	j := l.job
	l.job = nil
	// Since the snapshot rows have died, and others came that were judged then.
	later := slices.DeleteFunc(l.shown, func(e *entry[T]) bool { return e.seq <= j.seq })
	l.store.mu.RLock()
	kept := slices.DeleteFunc(v.kept, func(e *entry[T]) bool { return e.dead })
	l.store.mu.RUnlock()
	l.best = l.keep.best
	if j.resort {
		slices.SortFunc(kept, l.order())
		kept = ranked(kept, l.best)
	}
	slices.SortFunc(later, l.order())
	l.shown = l.shownOrder().insert(kept, ranked(later, l.best))
	if l.unjudged {
		l.judge(l.shown, l.all, l.keep.rows)
	}
	l.count()
	l.restartSort()
	return true
}

// stop gives up the job that goes on.
func (l *Lens[T]) stop() {
	if l.job != nil {
		l.job.stopped.Store(true)
		l.job = nil
	}
}
