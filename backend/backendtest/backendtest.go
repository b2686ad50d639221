// Package backendtest is the contract of a backend.Source as tests: an adapter
// runs them against a server of its own making, and what they assert every view
// may rely on. It knows no noun, no adapter and no server; it imports the
// grammar and feed, and what a test needs.
package backendtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"wheelhouse/backend"
)

// A World is one server and a source that watches it. The suite makes the
// server change and fail. What it does holds when the call returns.
type World[T backend.Object] interface {
	Source() backend.Source[T]
	// Scopes names three scopes that are this world's own.
	Scopes() [3]string
	// All is what is watched to see whatever was put into them.
	All() backend.Scope
	// Put adds an object, or changes it, so that its row tells which of the words it
	// has: First or Second. Nouns that live in no scope ignore it. Safe for
	// concurrent use.
	Put(scope, name, word string)
	Remove(scope, name string)
	// Of says which object a row shows, and how; the scope is empty for nouns that
	// live in none. The zero Object is a row that nobody put: it goes along with
	// others, or belongs to somebody else who uses the server.
	Of(row T) Object
	Be(Mood)
	// Forget drops the server's history: who comes with what it last saw, or is
	// watching, is told that this has expired.
	Forget()
}

// An Object is one that a world was told to have.
type Object struct{ Scope, Name, Word string }

// The words. Systems have their own for them where a row can't hold just any.
const (
	First  = "first-word"
	Second = "second-word"
)

// Shown is the Of of worlds whose rows have the names that were put, and the words
// in their text.
func Shown(row backend.Object) Object {
	o := Object{Scope: row.Ref().Scope, Name: row.Ref().Name}
	text := string(row.AppendText(nil))
	for _, word := range []string{First, Second} {
		if strings.Contains(text, word) {
			o.Word = word
		}
	}
	return o
}

// Mood is how a server behaves.
type Mood uint8

// The moods. A server begins Well.
const (
	Well   Mood = iota
	Gone        // connections are cut, and new ones get no answer
	Silent      // connections stand, but nothing comes over them
	Closed      // whoever asks is told that it is not permitted
	Narrow      // whoever asks for more than the first of the scopes is told so
)

func (m Mood) String() string { return [...]string{"well", "gone", "silent", "closed", "narrow"}[m] }

// Without leaves a case out, and says why it can't be had, or need not be.
type Without struct{ Case, Why string }

// Source runs the contract. newWorld makes a world that t's cleanup ends: then
// nothing of it may run any more.
func Source[T backend.Object](t *testing.T, newWorld func(t *testing.T) World[T], without ...Without) {
	t.Helper()
	for _, k := range []struct {
		name string
		test func(*testing.T, World[T])
	}{
		{"loads", loads[T]},
		{"follows", follows[T]},
		{"keeps to its scope", keepsToScope[T]},
		{"survives a cut", func(t *testing.T, w World[T]) { survives(t, w, Gone, func() {}) }},
		{"survives a cut and 410", func(t *testing.T, w World[T]) { survives(t, w, Gone, w.Forget) }},
		{"survives silence", func(t *testing.T, w World[T]) { survives(t, w, Silent, func() {}) }},
		{"survives 410 while it watches", expires[T]},
		{"is forbidden", forbidden[T]},
		{"loses its rights", losesRights[T]},
		{"shows what it may", showsWhatItMay[T]},
		{"is down from the start", downFirst[T]},
		{"ends", ends[T]},
	} {
		t.Run(k.name, func(t *testing.T) {
			for _, w := range without {
				if w.Case == k.name {
					t.Skip(w.Why)
				}
			}
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() { goleak.VerifyNone(t, before) }) // after the world's own cleanup
			k.test(t, newWorld(t))
		})
	}
}

// loads: all rows are there before the part says that it is live.
func loads[T backend.Object](t *testing.T, w World[T]) {
	want := make([]Object, 1200) // more than anybody's page or batch
	const hands = 8
	var all sync.WaitGroup
	for hand := range hands {
		all.Go(func() {
			for i := hand; i < len(want); i += hands {
				o := Object{w.Scopes()[0], fmt.Sprintf("o-%d", i), []string{First, Second}[i%2]}
				w.Put(o.Scope, o.Name, o.Word)
				want[i] = o
			}
		})
	}
	all.Wait()
	r := watch(t, w, w.All())
	r.sink.noneAfterLive.Store(true)
	r.inStep(want...)
	r.end()
}

// follows: what is added, changed and removed arrives.
func follows[T backend.Object](t *testing.T, w World[T]) {
	in := w.Scopes()
	a, b := Object{in[0], "a", First}, Object{in[1], "b", First}
	w.Put(a.Scope, a.Name, a.Word)
	r := watch(t, w, w.All())
	r.inStep(a)
	w.Put(b.Scope, b.Name, b.Word)
	r.inStep(a, b)
	a.Word = Second
	w.Put(a.Scope, a.Name, a.Word)
	r.inStep(a, b)
	w.Remove(b.Scope, b.Name)
	r.inStep(a)
	w.Put(b.Scope, b.Name, b.Word) // anew, under its old name
	r.inStep(a, b)
	r.end()
}

func keepsToScope[T backend.Object](t *testing.T, w World[T]) {
	in := w.Scopes()
	a, b, c := Object{in[0], "a", First}, Object{in[1], "b", First}, Object{in[2], "c", First}
	for _, o := range []Object{a, b, c} {
		w.Put(o.Scope, o.Name, o.Word)
	}
	r := watch(t, w, backend.Scope{Namespaces: []string{in[0], in[2]}})
	if r.until("some rows", func() bool { return len(r.rows()) > 0 }); r.rows()[0].Scope == "" {
		r.inStep(a, b, c)
	} else {
		r.inStep(a, c)
	}
	r.end()
}

// survives: while the server can't be heard, rows stay and are said to be stale;
// when it can, what has changed meanwhile is found, whether the server still
// knows the changes or not.
func survives[T backend.Object](t *testing.T, w World[T], how Mood, meanwhile func()) {
	in := w.Scopes()[0]
	kept, gone, came := Object{in, "kept", First}, Object{in, "gone", First}, Object{in, "came", First}
	w.Put(kept.Scope, kept.Name, kept.Word)
	w.Put(gone.Scope, gone.Name, gone.Word)
	r := watch(t, w, w.All())
	r.inStep(kept, gone)
	w.Be(how)
	r.all("stale", backend.Stale)
	r.holds(kept, gone)

	w.Remove(gone.Scope, gone.Name)
	w.Put(came.Scope, came.Name, came.Word)
	kept.Word = Second
	w.Put(kept.Scope, kept.Name, kept.Word)
	meanwhile()
	w.Be(Well)
	r.inStep(kept, came)
	if n := r.left(); n != 1 {
		t.Errorf("%d rows left on the way, want only the one that is gone", n)
	}
	w.Remove(came.Scope, came.Name)
	r.inStep(kept)
	r.end()
}

// expires: a watch that the server ends because it has lost its history is one
// that is begun anew.
func expires[T backend.Object](t *testing.T, w World[T]) {
	in := w.Scopes()[0]
	kept, gone := Object{in, "kept", First}, Object{in, "gone", First}
	w.Put(kept.Scope, kept.Name, kept.Word)
	w.Put(gone.Scope, gone.Name, gone.Word)
	r := watch(t, w, w.All())
	r.inStep(kept, gone)
	for range 3 {
		w.Remove(gone.Scope, gone.Name)
		w.Forget()
		r.inStep(kept)
		w.Put(gone.Scope, gone.Name, gone.Word)
		r.inStep(kept, gone)
	}
	r.end()
}

// forbidden: what may not be read says so, with a reason, and shows nothing.
func forbidden[T backend.Object](t *testing.T, w World[T]) {
	w.Put(w.Scopes()[0], "a", First)
	w.Be(Closed)
	r := watch(t, w, w.All())
	r.until("forbidden", func() bool { return r.some(backend.Forbidden) })
	r.holds()
	if r.some(backend.Live) {
		t.Error("a part that may not be read says that it is live")
	}
	r.end()
}

// losesRights: what may no longer be read is neither said to be live nor shown,
// for nobody follows it any more.
func losesRights[T backend.Object](t *testing.T, w World[T]) {
	a := Object{w.Scopes()[0], "a", First}
	w.Put(a.Scope, a.Name, a.Word)
	r := watch(t, w, w.All())
	r.inStep(a)
	w.Be(Gone) // a watch that runs may go on; rights are looked at when one begins
	r.all("stale", backend.Stale)
	w.Be(Closed)
	r.until("forbidden", func() bool { return r.some(backend.Forbidden) && !r.some(backend.Stale) && r.are(nil) })
	if r.some(backend.Live) {
		t.Error("a part that may no longer be read says that it is live")
	}
	r.end()
}

// showsWhatItMay: where not all may be read, what may be is shown, and the rest
// is said to be forbidden, or the part that is live says that there is more.
func showsWhatItMay[T backend.Object](t *testing.T, w World[T]) {
	in := w.Scopes()
	a, b := Object{in[0], "a", First}, Object{in[1], "b", First}
	w.Put(a.Scope, a.Name, a.Word)
	w.Put(b.Scope, b.Name, b.Word)
	w.Be(Narrow)
	r := watch(t, w, w.All())
	r.until("some rows, and that there are others", func() bool {
		return r.are([]Object{a}) && r.some(backend.Live) && (r.some(backend.Forbidden) || slices.ContainsFunc(r.parts(), leavesOut))
	})
	a.Word = Second
	w.Put(b.Scope, b.Name, Second)
	w.Put(a.Scope, a.Name, a.Word)
	r.until("a change of what may be read", func() bool { return r.are([]Object{a}) })
	r.end()
}

// downFirst: a server that is not there at first is found when it comes.
func downFirst[T backend.Object](t *testing.T, w World[T]) {
	a := Object{w.Scopes()[0], "a", First}
	w.Put(a.Scope, a.Name, a.Word)
	w.Be(Gone)
	r := watch(t, w, w.All())
	r.all("down", backend.Down)
	r.holds()
	w.Be(Well)
	r.inStep(a)
	r.end()
}

// ends: whatever the server does, Watch returns the context's error once that
// has ended.
func ends[T backend.Object](t *testing.T, w World[T]) {
	w.Put(w.Scopes()[0], "a", First)
	for _, mood := range []Mood{Well, Closed, Silent, Gone} {
		w.Be(mood)
		r := watch(t, w, w.All())
		r.until("a word with the server "+mood.String(), func() bool { return len(r.parts()) > 0 })
		r.end()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.Be(Well)
	if err := w.Source().Watch(ctx, w.All(), newRecorder(t, w.Of)); !errors.Is(err, context.Canceled) {
		t.Errorf("of a context that has ended: %v", err)
	}
}
