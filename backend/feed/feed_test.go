package feed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"wheelhouse/backend"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// thing is the rows of these tests.
type thing struct {
	link, scope, name, word string
	n                       int
}

func (t thing) Ref() backend.Ref {
	return backend.Ref{Link: t.link, Kind: "thing", Scope: t.scope, Name: t.name, UID: t.word}
}

func (t thing) AppendText(b []byte) []byte {
	return fmt.Appendf(b, "%s %s %s %s", t.link, t.scope, t.name, t.word)
}

func byNumber(a, b *thing) int { return a.n - b.n }

// names is what a lens shows, as "scope/name".
func names(l *Lens[thing]) string {
	var all []string
	for v := range l.Shown() {
		all = append(all, v.scope+"/"+v.name)
	}
	return strings.Join(all, " ")
}

// script is a source that hands its sink to the test and waits for the end.
type script struct {
	sinks chan backend.Sink[thing]
	ended atomic.Int32
}

func newScript() *script { return &script{sinks: make(chan backend.Sink[thing], 9)} }

func (s *script) Watch(ctx context.Context, _ backend.Scope, sink backend.Sink[thing]) error {
	s.sinks <- sink
	<-ctx.Done()
	s.ended.Add(1)
	return ctx.Err()
}

// sourceFunc is a source that is one function.
type sourceFunc func(ctx context.Context, s backend.Scope, sink backend.Sink[thing]) error

func (f sourceFunc) Watch(ctx context.Context, s backend.Scope, sink backend.Sink[thing]) error {
	return f(ctx, s, sink)
}

func states(f *Feed[thing]) string {
	var all []string
	for _, p := range f.Parts() {
		all = append(all, fmt.Sprintf("%s/%s=%v", p.Part.Link, p.Part.Scope, p.Health.State))
	}
	return strings.Join(all, " ")
}

func TestFeedReScopes(t *testing.T) {
	f := NewFeed[thing](NewBell())
	src := newScript()
	f.Attach("a", src)
	l := f.Lens(nil, Keep[thing]{})
	see := func(want, wantStates string) {
		t.Helper()
		l.Refresh()
		if d := cmp.Diff(want+" | "+wantStates, names(l)+" | "+states(f)); d != "" {
			t.Fatal(d)
		}
	}
	f.Watch(t.Context(), backend.Scope{})
	see("", "a/=connecting")
	first := <-src.sinks
	load := first.Begin(backend.Part{})
	load.Put(thing{link: "a", scope: "x", name: "1"}, thing{link: "a", scope: "y", name: "2"})
	load.Synced()
	see("x/1 y/2", "a/=live")

	f.Watch(t.Context(), backend.Scope{Namespaces: []string{"x"}})
	see("x/1", "a/=connecting")
	load.Put(thing{link: "a", scope: "x", name: "late"})
	first.Begin(backend.Part{}).Put(thing{link: "a", scope: "x", name: "later"})
	first.Health(backend.Part{}, backend.Health{State: backend.Down})
	first.End(backend.Part{})
	see("x/1", "a/=connecting")
	second := <-src.sinks
	load = second.Begin(backend.Part{Scope: "x"})
	see("x/1", "a/x=connecting")
	load.Put(thing{link: "a", scope: "x", name: "3"})
	load.Synced()
	see("x/3", "a/x=live")

	f.Watch(t.Context(), backend.Scope{Namespaces: []string{"x"}, Labels: "app=cart"})
	see("", "a/=connecting")
	load = (<-src.sinks).Begin(backend.Part{Scope: "x"})
	load.Put(thing{link: "a", scope: "x", name: "3"})
	load.Synced()
	f.Stop()
	see("x/3", "a/x=stale")
	f.Detach("a")
	see("", "")
	if n := src.ended.Load(); n != 3 {
		t.Errorf("Stop has waited for %d of 3 watches", n)
	}
}

func TestFeedFollowsLinks(t *testing.T) {
	f := NewFeed[thing](NewBell())
	a, b := newScript(), newScript()
	f.Attach("a", a)
	ctx, cancel := context.WithCancel(t.Context())
	f.Watch(ctx, backend.Scope{})
	f.Attach("b", b)
	for _, s := range []*script{a, b} {
		sink := <-s.sinks
		link := map[*script]string{a: "a", b: "b"}[s]
		load := sink.Begin(backend.Part{Link: "whatever"})
		load.Put(thing{link: link, name: "1"})
		load.Synced()
	}
	if f.Len() != 2 || states(f) != "a/=live b/=live" {
		t.Fatal(f.Len(), states(f))
	}
	f.Detach("a")
	if _, ok := f.Get(backend.Ref{Link: "b", Kind: "thing", Name: "1"}); !ok || f.Len() != 1 {
		t.Error("the other link's row is gone, or the detached one's is not")
	}
	cancel()
	f.Stop()
	if got := states(f); got != "b/=stale" {
		t.Error(got)
	}
}

func TestSourceThatFails(t *testing.T) {
	for name, c := range map[string]struct {
		source sourceFunc
		reason string
	}{
		"panics": {func(context.Context, backend.Scope, backend.Sink[thing]) error {
			words := strings.Fields("")
			return errors.New(words[len(words)])
		}, "out of range"},
		"panics with words": {func(context.Context, backend.Scope, backend.Sink[thing]) error { panic("token=abc") }, "fault"},
		"gives up":          {func(context.Context, backend.Scope, backend.Sink[thing]) error { return errors.New("no such thing") }, "no such thing"},
		"returns":           {func(context.Context, backend.Scope, backend.Sink[thing]) error { return nil }, "by itself"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := NewFeed[thing](NewBell())
				f.Attach("a", c.source)
				f.Watch(t.Context(), backend.Scope{})
				synctest.Wait()
				p := f.Parts()
				if len(p) != 1 || p[0].Health.State != backend.Down {
					t.Fatal(p)
				}
				reason := p[0].Health.Reason.Safe()
				if !strings.Contains(reason, c.reason) || strings.Contains(reason, "abc") {
					t.Error(reason)
				}
				f.Stop()
			})
		})
	}
}

func TestBellCoalesces(t *testing.T) {
	b := NewBell()
	for range 100 {
		b.Ring()
	}
	<-b.C()
	select {
	case <-b.C():
		t.Error("a second token")
	default:
	}
	b.Ring()
	<-b.C()
}
