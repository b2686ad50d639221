package feed_test

import (
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
)

// A crate and a barrel are nouns that nobody else has.
type crate struct{ name string }

func (c crate) Ref() backend.Ref           { return backend.Ref{Kind: "crate", Name: c.name} }
func (c crate) AppendText(b []byte) []byte { return append(b, c.name...) }

type barrel struct{ name string }

func (c barrel) Ref() backend.Ref           { return backend.Ref{Kind: "barrel", Name: c.name} }
func (c barrel) AppendText(b []byte) []byte { return append(b, c.name...) }

func TestSetHasOneFeedForEachNoun(t *testing.T) {
	s := feed.NewSet(feed.NewBell())
	defer s.Stop()
	crates := feed.Of[crate](s)
	if again := feed.Of[crate](s); again != crates {
		t.Error("two feeds of one noun")
	}
	crates.Begin(backend.Part{}).Put(crate{"a"})
	feed.Of[barrel](s).Begin(backend.Part{}).Put(barrel{"a"}, barrel{"b"})
	for _, want := range []backend.Object{crate{"a"}, barrel{"a"}, barrel{"b"}} {
		if got, ok := s.Get(want.Ref()); !ok || got != want {
			t.Errorf("%v gives %v, %v", want.Ref(), got, ok)
		}
	}
	if o, ok := s.Get(crate{"b"}.Ref()); ok {
		t.Errorf("what is not there gives %v", o)
	}
}
