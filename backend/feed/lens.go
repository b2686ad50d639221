package feed

import (
	"cmp"
	"iter"
	"slices"
	"sync"
	"time"

	"wheelhouse/backend"
)

// A Lens is one reader's order of a Store's rows and the part of it that a
// filter keeps. It stands still between Refreshes, so that indexes hold. It
// belongs to one goroutine; the store may change meanwhile.
type Lens[T backend.Object] struct {
	store *Store[T]
	of    func(*T) bool // which rows it is of at all; nil: every one
	less  Less[T]
	keep  Keep[T]

	seq, told uint64 // how far in the store's changes it is
	all       []*entry[T]
	shown     []*entry[T]  // the same slice as all when everything is kept
	best      func(*T) int // what shown is ranked by; nil for nothing
	counts    Counts
	job       *job[T]  // a judgement that goes on elsewhere; nil for none
	unjudged  bool     // rows came that nobody judges yet
	sort      *sort[T] // an order that is made elsewhere; nil for none
	jobs      sync.WaitGroup
	news      news[T]
}

// Row is one row of a window.
type Row[T any] struct {
	Value *T        // never nil, never changes
	Past  []Past[T] // what it was within the last Glow, the oldest first; the last eight
}

// Counts is what a header says, as of the last Refresh.
type Counts struct {
	Total, Shown  int    // rows
	Parts         int    // that are watched
	Live, Loading int    // of them
	Left          uint64 // rows that have ever left the store; a change of it says that some have
	Filtering     bool   // the newest filter is still being worked out; the rows before it are shown
	Sorting       bool   // so is the newest order
}

// Hidden counts the rows that the filter does not keep.
func (c Counts) Hidden() int { return c.Total - c.Shown }

// Lens makes an ordered, filtered view of the store, as of now. Close it when it
// is no longer used.
func (s *Store[T]) Lens(less Less[T], keep Keep[T]) *Lens[T] {
	l := &Lens[T]{store: s, less: less, keep: keep}
	l.Refresh()
	return l
}

// Refresh takes in what has happened since the last one, and says whether there
// was anything.
func (l *Lens[T]) Refresh() (changed bool) {
	judged, sorted := l.collect(), l.collectSort()
	gone, came, news := l.read()
	l.news.touched, l.news.many = append(gone, came...), l.news.many || judged
	if !news {
		return judged || sorted
	}
	o := l.order()
	slices.SortFunc(came, o)
	l.all = o.splice(l.all, gone, came)
	if l.keep.all() {
		l.shown = l.all
	} else {
		came = l.judgeNew(came)
		l.shown = l.shownOrder().splice(l.shown, gone, came)
	}
	l.count()
	return true
}

// Of makes it a lens of the rows that of accepts, as if the store held no others; nil:
// of all. It depends on the row alone.
func (l *Lens[T]) Of(of func(*T) bool) {
	l.stop()
	l.of, l.all, l.shown, l.seq, l.told, l.unjudged = of, nil, nil, 0, 0, false
	l.Refresh()
	l.count()
	l.restartSort()
}

// wants says whether a row is one of those that the lens is of.
func (l *Lens[T]) wants(e *entry[T]) bool { return l.of == nil || l.of(&e.value) }

// read reads what the store has to tell since the last time: the rows that are
// to leave the order and those that are to come into it. Rows that came and went
// in between are in neither. news is false when there is nothing, not even about
// a part.
func (l *Lens[T]) read() (gone, came []*entry[T], news bool) {
	s := l.store
	s.mu.RLock()
	defer s.mu.RUnlock()
	l.news.many = false
	if l.seq == s.seq && l.told == s.told {
		return nil, nil, false
	}
	if changes, ok := s.since(l.seq); ok {
		for _, c := range changes {
			if c.old != nil && c.old.seq <= l.seq {
				gone = append(gone, c.old)
			}
			if c.new != nil && !c.new.dead && l.wants(c.new) {
				came = append(came, c.new)
			}
		}
	} else {
		l.news.many = true
		shared := l.keep.all()
		dead := func(e *entry[T]) bool { return e.dead }
		l.all = slices.DeleteFunc(l.all, dead)
		if !shared {
			l.shown = slices.DeleteFunc(l.shown, dead)
		}
		for _, e := range s.rows {
			if e.seq > l.seq && l.wants(e) {
				came = append(came, e)
			}
		}
	}
	l.seq, l.told, l.counts.Left = s.seq, s.told, s.left
	l.countParts()
	return gone, came, true
}

// countParts is called with the store's lock held.
func (l *Lens[T]) countParts() {
	c := &l.counts
	c.Parts, c.Live, c.Loading = len(l.store.parts), 0, 0
	for _, p := range l.store.parts {
		if p.health.State == backend.Live {
			c.Live++
		}
		if p.loading() {
			c.Loading++
		}
	}
}

func (l *Lens[T]) count() {
	l.counts.Total, l.counts.Shown, l.counts.Filtering = len(l.all), len(l.shown), l.job != nil
	l.counts.Sorting = l.sort != nil
}

// order is the lens's own order; shownOrder is that of the shown rows, which has
// the best first where a filter says what is best.
func (l *Lens[T]) order() order[T] {
	less := l.less
	return func(a, b *entry[T]) int { return compare(less, a, b) }
}

func (l *Lens[T]) shownOrder() order[T] {
	base, best := l.order(), l.best
	if best == nil {
		return base
	}
	return func(a, b *entry[T]) int {
		if c := cmp.Compare(best(&b.value), best(&a.value)); c != 0 {
			return c
		}
		return base(a, b)
	}
}

// SortBy changes the order.
func (l *Lens[T]) SortBy(less Less[T]) {
	l.stopSort()
	l.less = less
	slices.SortFunc(l.all, l.order())
	if l.keep.all() {
		l.shown = l.all
	} else {
		slices.SortFunc(l.shown, l.order())
		l.shown = ranked(l.shown, l.best)
	}
	if l.job != nil {
		l.job.resort = true
	}
	l.count()
}

// Filter changes what is kept. A filter that only narrows the one before judges
// only what is shown.
func (l *Lens[T]) Filter(keep Keep[T]) {
	rows, narrower := keep.beyond(l.keep)
	narrower = narrower && l.job == nil && !l.unjudged && l.best == nil
	l.stop()
	was := l.shown
	if l.keep.all() {
		was = slices.Clone(was)
	}
	l.keep = keep
	if narrower {
		l.judge(was, was, rows)
	} else {
		l.judge(was, l.all, keep.rows)
	}
	l.count()
	l.restartSort()
}

// Window gives up to n rows of the shown order from top on; fewer, or none,
// where there are no more.
func (l *Lens[T]) Window(top, n int) []Row[T] {
	top = min(max(top, 0), len(l.shown))
	n = min(max(n, 0), len(l.shown)-top)
	rows := make([]Row[T], n)
	now := time.Now()
	l.store.mu.RLock()
	defer l.store.mu.RUnlock()
	for i, e := range l.shown[top : top+n] {
		rows[i].Value = &e.value
		rows[i].Past = recent(e.past, now)
	}
	return rows
}

// At gives the i-th shown row; ok is false when there is none.
func (l *Lens[T]) At(i int) (row Row[T], ok bool) {
	if i < 0 || i >= len(l.shown) {
		return row, false
	}
	return l.Window(i, 1)[0], true
}

// Index gives where the row of that address stands in the shown order; -1 when
// it is not shown.
func (l *Lens[T]) Index(r backend.Ref) int {
	if e := l.held(r.Key()); e != nil {
		if i, is := l.shownOrder().find(l.shown, e); is {
			return i
		}
	}
	return -1
}

// held gives the row of that address as the lens has it, nil when it has none.
// The store may have another by now: then its log knows the one before, unless
// it is far ahead.
func (l *Lens[T]) held(key backend.Ref) *entry[T] {
	s := l.store
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.rows[key]; e != nil && e.seq <= l.seq {
		return e
	}
	is := func(e *entry[T]) bool { return e.value.Ref().Key() == key }
	if changes, ok := s.since(l.seq); ok {
		for _, c := range changes {
			if c.old != nil && c.old.seq <= l.seq && is(c.old) {
				return c.old
			}
		}
		return nil
	}
	if i := slices.IndexFunc(l.all, is); i >= 0 {
		return l.all[i]
	}
	return nil
}

// Shown gives every shown row in order.
func (l *Lens[T]) Shown() iter.Seq[*T] { return values(l.shown) }

// All gives every row, shown or not, in the lens's own order.
func (l *Lens[T]) All() iter.Seq[*T] { return values(l.all) }

func values[T backend.Object](list []*entry[T]) iter.Seq[*T] {
	return func(yield func(*T) bool) {
		for _, e := range list {
			if !yield(&e.value) {
				return
			}
		}
	}
}

// Counts gives the numbers as of the last Refresh.
func (l *Lens[T]) Counts() Counts { return l.counts }

// Close ends what goes on for the lens elsewhere and waits for it.
func (l *Lens[T]) Close() {
	l.stop()
	l.stopSort()
	l.jobs.Wait()
}
