package jenkins

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/link"
	"wheelhouse/backend/sandbox"
	served "wheelhouse/backend/sandbox/jenkins"
)

// watched is a feed of builds; until waits for its rows and health.
type watched struct {
	t    *testing.T
	feed *feed.Feed[delivery.Build]
	bell *feed.Bell
}

func watch(t *testing.T, src backend.Source[delivery.Build]) watched {
	bell := feed.NewBell()
	w := watched{t, feed.NewFeed[delivery.Build](bell), bell}
	w.feed.Attach("jenkins", src)
	w.feed.Watch(t.Context(), backend.Scope{})
	t.Cleanup(w.feed.Stop)
	return w
}

func (w watched) until(state backend.State, why string, rows int) {
	w.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		n := 0
		lens := w.feed.Lens(nil, feed.Keep[delivery.Build]{})
		for range lens.All() {
			n++
		}
		lens.Close()
		var health backend.Health
		for _, p := range w.feed.Parts() {
			health = p.Health
		}
		if n == rows && health.State == state && strings.Contains(health.Reason.Safe(), why) {
			return
		}
		select {
		case <-w.bell.C():
		case <-limit:
			w.t.Fatalf("has %d, %v: %s; want %d, %v: %s", n, health.State, health.Reason.Safe(), rows, state, why)
		}
	}
}

// A scene is a world at the end of a line, as the contract wants it.
type scene struct {
	world *sandbox.World
	line  *backendtest.Line
	links *link.Set
	j     *Jenkins

	mu     sync.Mutex
	names  map[[2]string]string // of builds, by pipeline and number
	closed bool
}

func newScene(t *testing.T) *scene {
	t.Setenv("KUBECONFIG", t.TempDir()+"/none")
	s := &scene{world: sandbox.New(nil, 0), names: map[[2]string]string{}}
	jenkins := served.New(s.world, served.Options{Users: users()})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		closed := s.closed
		s.mu.Unlock()
		if closed && !strings.Contains(r.URL.RawQuery, "mode") {
			http.Error(w, "<html>closed</html>", http.StatusForbidden)
			return
		}
		jenkins.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.line = backendtest.NewLine(t, server.Listener.Addr().String())
	var err error
	s.links, err = link.Load(link.Options{Patience: backendtest.Patience, Systems: []link.System{{URL: "http://" + s.line.Addr(), Protocol: Protocol(), User: "ana", Secret: "plain:token"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.links.Close)
	s.links.Start()
	s.j = New(s.links.All()[0])
	s.j.limits.fast, s.j.limits.slow, s.j.limits.builds = 20*time.Millisecond, 30*time.Millisecond, 2000
	return s
}

func (s *scene) Scopes() [3]string  { return [3]string{"shop/one", "shop/two", "three"} }
func (s *scene) All() backend.Scope { return backend.Scope{} }
func (s *scene) Forget()            {}

func (s *scene) Be(m backendtest.Mood) {
	s.mu.Lock()
	s.closed = m == backendtest.Closed
	s.mu.Unlock()
	s.line.Be(m)
	if m == backendtest.Silent {
		s.j.api.Link().Report(io.ErrUnexpectedEOF) // or it would be looked at a little later
	}
}

func without() []backendtest.Without {
	return []backendtest.Without{
		{Case: "survives a cut and 410", Why: "nothing is remembered by the server"},
		{Case: "survives 410 while it watches", Why: "nothing is remembered by the server"},
		{Case: "shows what it may", Why: "what one may not see Jenkins leaves out without a word"},
	}
}

// pipelineScene has a pipeline for each object; the word is the branch of its build.
type pipelineScene struct{ *scene }

func TestPipelinesKeepTheContract(t *testing.T) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[delivery.Pipeline] { return pipelineScene{newScene(t)} }, without()...)
}

func (s pipelineScene) Source() backend.Source[delivery.Pipeline] { return s.j.Pipelines() }

func (s pipelineScene) Of(p delivery.Pipeline) backendtest.Object { return backendtest.Shown(p) }

func (s pipelineScene) Put(_, name, word string) {
	s.world.Add(sandbox.Pipeline{Name: name})
	if _, err := s.world.Trigger(name, sandbox.Order{Branch: word}); err != nil {
		panic(err)
	}
}

func (s pipelineScene) Remove(_, name string) { s.world.Remove(name) }

// buildScene has a build for each object; the word is a note on it. Jenkins numbers
// builds, so that the scene keeps their names.
type buildScene struct{ *scene }

func TestBuildsKeepTheContract(t *testing.T) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[delivery.Build] {
		s := buildScene{newScene(t)}
		for _, scope := range s.Scopes() {
			s.world.Add(sandbox.Pipeline{Name: scope})
		}
		return s
	}, without()...)
}

func (s buildScene) Put(scope, name, word string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.world.Builds(scope) {
		if s.names[[2]string{scope, fmt.Sprint(b.Number)}] == name {
			_ = s.world.Describe(scope, b.Number, word)
			return
		}
	}
	b, err := s.world.Trigger(scope, sandbox.Order{})
	if err != nil {
		panic(err)
	}
	s.names[[2]string{scope, fmt.Sprint(b.Number)}] = name
	_ = s.world.Describe(scope, b.Number, word)
}

func (s buildScene) Remove(scope, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.world.Builds(scope) {
		if s.names[[2]string{scope, fmt.Sprint(b.Number)}] == name {
			_ = s.world.Delete(scope, b.Number)
		}
	}
}

func (s buildScene) Source() backend.Source[delivery.Build] { return s.j.Builds() }

func (s buildScene) Of(b delivery.Build) backendtest.Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := backendtest.Shown(b)
	o.Name = s.names[[2]string{b.Pipeline, b.Number}]
	return o
}
