package feed

import (
	"reflect"
	"sync"

	"wheelhouse/backend"
)

// A Set holds one Feed for each noun. Safe for concurrent use.
type Set struct {
	bell *Bell

	mu    sync.Mutex
	feeds map[reflect.Type]anyFeed
}

// anyFeed is a Feed of any noun.
type anyFeed interface {
	Stop()
	object(backend.Ref) (backend.Object, bool)
}

// NewSet makes a Set whose feeds ring bell.
func NewSet(bell *Bell) *Set { return &Set{bell: bell, feeds: map[reflect.Type]anyFeed{}} }

// Bell is what its feeds ring.
func (s *Set) Bell() *Bell { return s.bell }

// Of gives the set's feed of a noun: always the same, made when first asked for.
func Of[T backend.Object](s *Set) *Feed[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	noun := reflect.TypeFor[T]()
	if s.feeds[noun] == nil {
		s.feeds[noun] = NewFeed[T](s.bell)
	}
	return s.feeds[noun].(*Feed[T])
}

// Get gives the row of an object, of whatever noun.
func (s *Set) Get(r backend.Ref) (backend.Object, bool) {
	for _, f := range s.all() {
		if o, ok := f.object(r); ok {
			return o, true
		}
	}
	return nil, false
}

// Stop ends all watches of all feeds, as Feed.Stop does.
func (s *Set) Stop() {
	for _, f := range s.all() {
		f.Stop()
	}
}

func (s *Set) all() []anyFeed {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []anyFeed
	for _, f := range s.feeds {
		out = append(out, f)
	}
	return out
}

func (f *Feed[T]) object(r backend.Ref) (backend.Object, bool) { return f.Get(r) }
