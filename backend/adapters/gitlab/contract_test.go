package gitlab

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/link"
	"wheelhouse/backend/sandbox"
	wire "wheelhouse/backend/sandbox/gitlab"
)

var without = []backendtest.Without{
	{Case: "survives a cut and 410", Why: "nothing is remembered by the server"},
	{Case: "survives 410 while it watches", Why: "nothing is remembered by the server"},
	{Case: "shows what it may", Why: "GitLab leaves projects out that one may not see, and does not say so"},
}

func TestPipelinesKeepTheContract(t *testing.T) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[delivery.Pipeline] { return &projectWorld{newSite(t)} },
		append(slices.Clone(without), backendtest.Without{Case: "survives silence", Why: "both feeds read in the same way; builds do it"})...)
}

func TestBuildsKeepTheContract(t *testing.T) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[named] { return newBuildWorld(t) }, without...)
}

// A site is a GitLab at the end of a line, whose doors can be closed.
type site struct {
	*sandbox.World
	line *backendtest.Line
	g    *GitLab

	mu     sync.Mutex
	closed bool
}

func newSite(t *testing.T) *site {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	s := &site{World: sandbox.New(nil, time.Hour)}
	inner := wire.New(s.World, wire.Options{Users: people})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		closed := s.closed
		s.mu.Unlock()
		if closed && r.URL.Path != "/api/v4/user" {
			w.WriteHeader(http.StatusForbidden)
			_, _ = w.Write([]byte(`{"message":"403 Forbidden"}`))
			return
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.line = backendtest.NewLine(t, server.Listener.Addr().String())
	links, err := link.Load(link.Options{Patience: backendtest.Patience, Systems: []link.System{{Protocol: Protocol(), URL: "http://" + s.line.Addr(), Secret: "plain:dev"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(links.Close)
	links.Start()
	l := hasty()
	l.projects, l.builds, l.details = 2000, 2000, 2000
	l.round, l.still, l.list = 20*time.Millisecond, 40*time.Millisecond, 40*time.Millisecond
	s.g = limited(links.All()[0], l)
	return s
}

func (s *site) All() backend.Scope { return backend.Scope{} }
func (s *site) Forget()            {}

func (s *site) Be(m backendtest.Mood) {
	s.mu.Lock()
	s.closed = m == backendtest.Closed
	s.mu.Unlock()
	s.line.Be(m)
}

// projectWorld has projects, whose branches are their words.
type projectWorld struct{ *site }

func (w *projectWorld) Source() backend.Source[delivery.Pipeline] { return w.g.Pipelines() }
func (w *projectWorld) Scopes() [3]string                         { return [3]string{"one", "two", "three"} }

func (w *projectWorld) Of(p delivery.Pipeline) backendtest.Object { return backendtest.Shown(p) }

func (w *projectWorld) Put(_, name, word string) { w.Add(sandbox.Pipeline{Name: name, Branch: word}) }
func (w *projectWorld) Remove(_, name string)    { w.World.Remove(name) }

// named is a build under the name that the suite gave it: GitLab gives numbers.
type named struct {
	delivery.Build
	name string
}

// Ref implements backend.Object.
func (n named) Ref() backend.Ref {
	r := n.Build.Ref()
	r.Name = n.name
	return r
}

// buildWorld has builds, whose commits' titles are their words. One that changes is
// another build under its old name.
type buildWorld struct {
	*site
	mu    sync.Mutex
	names map[string]string // by number
	now   map[string]sandbox.Build
}

func newBuildWorld(t *testing.T) *buildWorld {
	w := &buildWorld{site: newSite(t), names: map[string]string{}, now: map[string]sandbox.Build{}}
	for _, name := range w.Scopes() {
		w.Add(sandbox.Pipeline{Name: name, Branch: "main", Stages: []sandbox.Plan{{Name: "all", Takes: time.Minute}}})
	}
	return w
}

func (w *buildWorld) Scopes() [3]string { return [3]string{"team/one", "team/two", "team/three"} }

func (w *buildWorld) Put(scope, name, word string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, err := w.Trigger(scope, sandbox.Order{By: "mlin", Title: word})
	if err != nil {
		panic(err)
	}
	old, was := w.now[scope+" "+name]
	w.names[strconv.Itoa(b.ID)], w.now[scope+" "+name] = name, b
	if was {
		_ = w.Delete(scope, old.Number)
	}
}

func (w *buildWorld) Remove(scope, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_ = w.Delete(scope, w.now[scope+" "+name].Number)
	delete(w.now, scope+" "+name)
}

func (w *buildWorld) Of(n named) backendtest.Object { return backendtest.Shown(n) }

func (w *buildWorld) Source() backend.Source[named] { return renaming{w, w.g.Builds()} }

// renaming gives builds the names that the suite knows.
type renaming struct {
	w     *buildWorld
	inner backend.Source[delivery.Build]
}

func (s renaming) Watch(ctx context.Context, scope backend.Scope, sink backend.Sink[named]) error {
	return s.inner.Watch(ctx, scope, renamingSink{s.w, sink})
}

type renamingSink struct {
	w *buildWorld
	backend.Sink[named]
}

func (s renamingSink) Begin(p backend.Part) backend.Load[delivery.Build] {
	return &renamingLoad{s.w, s.Sink.Begin(p), map[string]string{}}
}

type renamingLoad struct {
	w     *buildWorld
	inner backend.Load[named]
	shown map[string]string // number by name
}

func (l *renamingLoad) Put(rows ...delivery.Build) {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b delivery.Build) int {
		return len(a.Number) - len(b.Number) + strings.Compare(a.Number, b.Number)
	})
	var out []named
	for _, r := range rows {
		l.w.mu.Lock()
		name := l.w.names[r.Number]
		l.w.mu.Unlock()
		l.shown[name] = r.Number
		out = append(out, named{r, name})
	}
	l.inner.Put(out...)
}

// Delete passes on what is gone, and not what another has taken the name of.
func (l *renamingLoad) Delete(refs ...backend.Ref) {
	for _, r := range refs {
		l.w.mu.Lock()
		name := l.w.names[r.Name]
		l.w.mu.Unlock()
		if l.shown[name] == r.Name {
			r.Name = name
			l.inner.Delete(r)
		}
	}
}

func (l *renamingLoad) Synced() { l.inner.Synced() }
