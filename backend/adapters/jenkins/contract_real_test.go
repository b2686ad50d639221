//go:build real

package jenkins

import (
	"crypto/rand"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/link"
)

// TestRealHudsonKeepsTheContract: of jobs. Builds come only by being built, two at a
// time, and are not there on the spot, as the suite wants it.
func TestRealHudsonKeepsTheContract(t *testing.T) {
	open := "the stack's Hudson lets everybody in"
	backendtest.Source(t, newHudsonWorld, append(without(),
		backendtest.Without{Case: "is forbidden", Why: open}, backendtest.Without{Case: "loses its rights", Why: open})...)
}

// hudsonWorld is jobs on the stack's Hudson, at the end of a line. A job's word is
// whether it can be built.
type hudsonWorld struct {
	t    *testing.T
	id   string // names of jobs begin with it
	at   string
	line *backendtest.Line
	j    *Jenkins

	mu    sync.Mutex
	there map[string]bool
}

func newHudsonWorld(t *testing.T) backendtest.World[delivery.Pipeline] {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	w := &hudsonWorld{t: t, id: "contract-" + strings.ToLower(rand.Text()[:8]) + "-", at: hudson(t), there: map[string]bool{}}
	t.Cleanup(func() {
		for name := range w.there {
			w.Remove("", name)
		}
	})
	w.line = backendtest.NewLine(t, strings.TrimPrefix(w.at, "http://"))
	links, err := link.Load(link.Options{Systems: []link.System{{Protocol: Protocol(), URL: "http://" + w.line.Addr()}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(links.Close)
	links.Start()
	w.j = New(links.All()[0])
	w.j.limits.fast, w.j.limits.slow = 20*time.Millisecond, 30*time.Millisecond
	return w
}

func (w *hudsonWorld) Source() backend.Source[delivery.Pipeline] { return w.j.Pipelines() }
func (w *hudsonWorld) Scopes() [3]string                         { return [3]string{"one", "two", "three"} }
func (w *hudsonWorld) All() backend.Scope                        { return backend.Scope{} }
func (w *hudsonWorld) Forget()                                   {}

func (w *hudsonWorld) Put(_, name, word string) {
	w.mu.Lock()
	was := w.there[name]
	w.there[name] = true
	w.mu.Unlock()
	config := strings.Replace(aJob, "<disabled>false", map[string]string{backendtest.First: "<disabled>false", backendtest.Second: "<disabled>true"}[word], 1)
	path := "/createItem?name=" + w.id + name
	if was {
		path = jobPath(w.id+name) + "/config.xml"
	}
	post(w.t, w.at+path, "text/xml", config)
}

func (w *hudsonWorld) Remove(_, name string) {
	post(w.t, w.at+jobPath(w.id+name)+"/doDelete", "text/plain", "")
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.there, name)
}

func (w *hudsonWorld) Of(p delivery.Pipeline) backendtest.Object {
	name, ours := strings.CutPrefix(p.Name, w.id)
	if !ours {
		return backendtest.Object{}
	}
	o := backendtest.Object{Name: name, Word: backendtest.First}
	if p.Off != "" {
		o.Word = backendtest.Second
	}
	return o
}

func (w *hudsonWorld) Be(m backendtest.Mood) {
	w.line.Be(m)
	if m == backendtest.Silent {
		w.j.api.Link().Report(io.ErrUnexpectedEOF) // or it would be looked at a little later
	}
}
