package actuator

import (
	"io"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/link"
	"wheelhouse/backend/service"
)

// A shop is a process of a service at the end of a line, of which the suite's
// breakers are those whose names begin with a word of its own. Their words are
// states. The rows of instances go along with those of services.
type shop struct {
	id   string
	line *backendtest.Line
	b    *Breakers
}

// newShop makes one of a process that listens at an address, and perhaps wants a login.
func newShop(t *testing.T, id, at, user, secret string) shop {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	line := backendtest.NewLine(t, at)
	links, err := link.Load(link.Options{Patience: backendtest.Patience, Systems: []link.System{{Protocol: Protocol(), URL: "http://" + line.Addr() + "/actuator", User: user, Secret: link.Secret(secret)}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(links.Close)
	links.Start()
	l := links.All()[0]
	b := New(l, ByURL(l))
	b.every = 20 * time.Millisecond
	return shop{id, line, b}
}

func (s shop) Source() backend.Source[service.Breaker] { return s.b.Breakers() }
func (s shop) Scopes() [3]string                       { return [3]string{"one", "two", "three"} }
func (s shop) All() backend.Scope                      { return backend.Scope{} }
func (s shop) Forget()                                 {}

func (s shop) Of(b service.Breaker) backendtest.Object {
	name, ours := strings.CutPrefix(b.Name, s.id)
	if !ours || b.Instance != "" {
		return backendtest.Object{}
	}
	return backendtest.Object{Name: name, Word: map[string]string{service.Closed: backendtest.First, service.ForcedOpen: backendtest.Second}[b.States]}
}

func (s shop) be(m backendtest.Mood) {
	s.line.Be(m)
	if m == backendtest.Silent {
		s.b.api.Link().Report(io.ErrUnexpectedEOF) // or it would be looked at a little later
	}
}

func without() []backendtest.Without {
	return []backendtest.Without{
		{Case: "survives a cut and 410", Why: "nothing is remembered by a service"},
		{Case: "survives 410 while it watches", Why: "nothing is remembered by a service"},
		{Case: "shows what it may", Why: "a service has one list, which may be read or not"},
	}
}

// fakeShop is one whose process is a fake.
type fakeShop struct {
	shop
	*process
}

func TestBreakersKeepTheContract(t *testing.T) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[service.Breaker] {
		p := &process{states: map[string]string{"bank": service.Open}}
		server := httptest.NewServer(p)
		t.Cleanup(server.Close)
		return fakeShop{newShop(t, "contract-", server.Listener.Addr().String(), "", ""), p}
	}, without()...)
}

func (s fakeShop) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

func (s fakeShop) Put(_, name, word string) {
	state := service.Closed
	if word == backendtest.Second {
		state = service.ForcedOpen
	}
	s.change(func() { s.states[s.id+name] = state })
}

func (s fakeShop) Remove(_, name string) { s.change(func() { delete(s.states, s.id+name) }) }

func (s fakeShop) Be(m backendtest.Mood) {
	s.change(func() { s.closed = m == backendtest.Closed })
	s.be(m)
}
