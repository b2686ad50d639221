package feed

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"wheelhouse/backend"
)

// logSize is how many of the newest changes are remembered for lenses that
// follow; one that is further behind looks at all rows once.
const logSize = 2048

// A Store holds the rows of one kind, of all links. It implements backend.Sink.
// T must be comparable: a Put of an equal row is no change. Safe for concurrent
// use.
type Store[T backend.Object] struct {
	bell *Bell

	mu    sync.RWMutex
	rows  map[backend.Ref]*entry[T]
	parts map[backend.Part]*part[T]
	told  uint64 // counts what was told about parts
	seq   uint64 // counts changes of rows
	left  uint64 // counts rows that left
	log   []change[T]
	texts texts
	words []byte // scratch, for a row's text
	glows glows[T]
}

// entry is one row as it was at one time. value and seq never change, so a lens
// reads them without the lock; the rest is guarded by the store's.
type entry[T backend.Object] struct {
	value T
	seq   uint64 // of the change that brought it
	load  *load[T]
	past  []Past[T] // what it has replaced lately
	slot  uint32    // of its text; means nothing once it is dead
	dead  bool      // replaced or gone
}

// change is one row's: old is nil for a row that came, new for one that went.
type change[T backend.Object] struct{ old, new *entry[T] }

// part is what is known of a backend.Part.
type part[T backend.Object] struct {
	health backend.Health
	load   *load[T] // the newest; nil before the first Begin
	synced bool     // once since it was first begun
}

// loading says whether its rows are still coming for the first time.
func (p *part[T]) loading() bool {
	return !p.synced && (p.health.State == backend.Connecting || p.load != nil && p.health.State == backend.Live)
}

// PartState is one part's health, for people.
type PartState struct {
	Part    backend.Part
	Health  backend.Health
	Loading bool // its rows are coming for the first time, and not all are there
}

// NewStore makes an empty store that rings bell when rows or healths change.
func NewStore[T backend.Object](bell *Bell) *Store[T] {
	return &Store[T]{bell: bell, rows: map[backend.Ref]*entry[T]{}, parts: map[backend.Part]*part[T]{}}
}

// Get gives the row of that address as it is now; the UID is not looked at.
func (s *Store[T]) Get(r backend.Ref) (row T, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if e := s.rows[r.Key()]; e != nil {
		return e.value, true
	}
	return row, false
}

// Version counts what has changed of the rows, so that who reads them by Get knows
// when to read them again.
func (s *Store[T]) Version() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.seq
}

// Len counts the rows.
func (s *Store[T]) Len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.rows)
}

// Rows gives every row as it is now, in no order.
func (s *Store[T]) Rows() []*T {
	s.mu.RLock()
	defer s.mu.RUnlock()
	rows := make([]*T, 0, len(s.rows))
	for _, e := range s.rows {
		rows = append(rows, &e.value)
	}
	return rows
}

// Parts gives every part with its health, sorted by link, scope and kind.
func (s *Store[T]) Parts() []PartState {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]PartState, 0, len(s.parts))
	for key, p := range s.parts {
		all = append(all, PartState{key, p.health, p.loading()})
	}
	slices.SortFunc(all, func(a, b PartState) int {
		return cmp.Or(cmp.Compare(a.Part.Link, b.Part.Link), cmp.Compare(a.Part.Scope, b.Part.Scope), cmp.Compare(a.Part.Kind, b.Part.Kind))
	})
	return all
}

// Begin implements backend.Sink: an earlier load of the same part is inert from
// now on. A part that nothing was told of yet is Connecting until its Synced.
func (s *Store[T]) Begin(key backend.Part) backend.Load[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.part(key)
	l := &load[T]{store: s, part: key, state: p}
	p.load = l
	return l
}

// Health implements backend.Sink.
func (s *Store[T]) Health(key backend.Part, h backend.Health) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.part(key); p.health != h {
		p.health = h
		s.tell()
	}
}

// End implements backend.Sink.
func (s *Store[T]) End(key backend.Part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.parts, key)
	s.sweep(func(e *entry[T]) bool { return e.load.part == key })
	s.tell()
}

// part gives the part, made when it is new. s.mu is held, as it is for all
// that follow but where they say that they take it.
func (s *Store[T]) part(key backend.Part) *part[T] {
	p := s.parts[key]
	if p == nil {
		p = &part[T]{health: backend.Health{State: backend.Connecting, Since: time.Now()}}
		s.parts[key] = p
		s.tell()
	}
	return p
}

// tell makes lenses look, and their reader.
func (s *Store[T]) tell() {
	s.told++
	s.bell.Ring()
}

// forget ends a part but leaves its rows, for a load of other parts to take
// over or to sweep. It takes s.mu.
func (s *Store[T]) forget(key backend.Part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.parts, key)
	s.tell()
}

// retire forgets all parts of a link; of its rows only those that keep accepts
// stay, until every new part of the link is Synced. It takes s.mu.
func (s *Store[T]) retire(link string, keep func(backend.Ref) bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.parts {
		if key.Link == link {
			delete(s.parts, key)
		}
	}
	s.sweep(func(e *entry[T]) bool { return e.load.part.Link == link && !keep(e.value.Ref()) })
	s.tell()
}

// allHealth gives every part of a link the health that f makes of its own. It
// takes s.mu.
func (s *Store[T]) allHealth(link string, f func(backend.Health) backend.Health) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, p := range s.parts {
		if key.Link == link {
			p.health = f(p.health)
		}
	}
	s.tell()
}

// put brings one row and says whether that changed anything.
func (s *Store[T]) put(l *load[T], v *T) bool {
	key := (*v).Ref().Key()
	old := s.rows[key]
	if old != nil && any(old.value) == any(*v) {
		old.load = l
		return false
	}
	s.words = fold((*v).AppendText(s.words[:0]))
	e := &entry[T]{value: *v, seq: s.seq + 1, load: l}
	switch {
	case old == nil:
		e.slot = s.texts.add(s.words)
	case string(s.texts.at(old.slot)) == string(s.words):
		e.slot = old.slot // most changes are of what is not searched
	default:
		s.texts.drop(old.slot)
		e.slot = s.texts.add(s.words)
	}
	if old != nil {
		old.dead = true
		s.glow(e, old)
	}
	s.rows[key] = e
	s.record(change[T]{old, e})
	return true
}

// drop takes one row out.
func (s *Store[T]) drop(key backend.Ref, e *entry[T]) {
	delete(s.rows, key)
	s.texts.drop(e.slot)
	e.dead, e.past = true, nil
	s.left++
	s.record(change[T]{old: e})
}

// sweep drops every row of which gone is true, and says whether there was one.
func (s *Store[T]) sweep(gone func(*entry[T]) bool) bool {
	before := s.seq
	for key, e := range s.rows {
		if gone(e) {
			s.drop(key, e)
		}
	}
	s.tidy()
	return s.seq != before
}

// record logs a change and forgets the oldest, many at a time.
func (s *Store[T]) record(c change[T]) {
	s.seq++
	if len(s.log) == 2*logSize {
		n := copy(s.log, s.log[logSize:])
		clear(s.log[n:])
		s.log = s.log[:n]
	}
	s.log = append(s.log, c)
}

// since gives the changes after seq; ok is false when some are forgotten.
func (s *Store[T]) since(seq uint64) (changes []change[T], ok bool) {
	n := s.seq - seq
	if n > uint64(len(s.log)) {
		return nil, false
	}
	return s.log[uint64(len(s.log))-n:], true
}

// tidy builds the texts anew when too much of them is garbage.
func (s *Store[T]) tidy() {
	if !s.texts.wasteful() {
		return
	}
	fresh := texts{blob: make([]byte, 0, s.texts.live+s.texts.live/4), ends: make([]uint32, 0, len(s.rows)+len(s.rows)/4)}
	for _, e := range s.rows {
		e.slot = fresh.add(s.texts.at(e.slot))
	}
	s.texts = fresh
}
