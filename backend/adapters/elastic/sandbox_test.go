package elastic

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/link"
	"wheelhouse/backend/sandbox"
	wire "wheelhouse/backend/sandbox/elastic"
	"wheelhouse/backend/signal"
)

// A town is the embedded world with its Elasticsearch, at the end of a line. A stream
// is there when a program of its name has written in the cluster that is its scope; its
// word is whether the number of its lines is odd.
type town struct {
	*sandbox.World
	t      *testing.T
	server http.Handler
	line   *backendtest.Line
	e      *Elastic

	mu    sync.Mutex
	reads []string
	lines map[string]int
}

func newTown(t *testing.T) *town {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	w := &town{World: sandbox.New(nil, 0), t: t, lines: map[string]int{}, reads: []string{"*"}}
	w.server = wire.New(w.World, func() wire.Options {
		w.mu.Lock()
		defer w.mu.Unlock()
		return wire.Options{Users: map[string]wire.User{"ada": {Password: "hunter2", Reads: w.reads}, "ops": {Key: "ops:key", Rules: true}}}
	})
	server := httptest.NewServer(w.server)
	t.Cleanup(server.Close)
	w.line = backendtest.NewLine(t, server.Listener.Addr().String())
	w.e = adapter(t, backendtest.Patience, link.System{Protocol: Protocol(), URL: "http://" + w.line.Addr(), User: "ada", Secret: "plain:hunter2"})
	return w
}

func TestStreamsOfTheSandboxKeepTheContract(t *testing.T) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[signal.Stream] { return newTown(t) },
		backendtest.Without{Case: "survives a cut and 410", Why: "nothing is remembered by the server"},
		backendtest.Without{Case: "survives 410 while it watches", Why: "nothing is remembered by the server"},
	)
}

func (w *town) Source() backend.Source[signal.Stream] { return w.e.Streams() }
func (w *town) Scopes() [3]string                     { return [3]string{"one", "two", "three"} }
func (w *town) All() backend.Scope                    { return backend.Scope{} }
func (w *town) Forget()                               {}

// says has a program write lines, in a cluster.
func (w *town) says(cluster, program string, texts ...string) {
	id := sandbox.ProcessID{Cluster: cluster, Namespace: "shop", Pod: program + "-0", Container: "app"}
	w.Run(sandbox.Command{ProcessID: id, Image: "registry.example/" + program + ":1.0", Machine: "m0"})
	for _, text := range texts {
		if err := w.Say(id, "INFO", text); err != nil {
			w.t.Error(err)
		}
	}
}

func (w *town) Put(scope, name, word string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	key := scope + "/" + name
	for w.lines[key] == 0 || (w.lines[key]%2 == 1) != (word == backendtest.First) {
		w.says(scope, name, "a line")
		w.lines[key]++
	}
}

func (w *town) Remove(scope, name string) {
	w.mu.Lock()
	w.lines[scope+"/"+name] = 0
	w.mu.Unlock()
	req := httptest.NewRequestWithContext(w.t.Context(), http.MethodDelete, "/_data_stream/logs-"+name+"-"+scope, nil)
	req.Header.Set("Authorization", "ApiKey b3BzOmtleQ==") // ops:key
	answer := httptest.NewRecorder()
	if w.server.ServeHTTP(answer, req); answer.Code != http.StatusOK {
		w.t.Errorf("delete %s: %d %s", name, answer.Code, answer.Body)
	}
}

func (w *town) Of(s signal.Stream) backendtest.Object {
	name := strings.TrimPrefix(s.Name, "logs-")
	o := backendtest.Object{Name: name[:strings.LastIndex(name, "-")], Word: backendtest.Second}
	if s.Lines%2 == 1 {
		o.Word = backendtest.First
	}
	return o
}

func (w *town) Be(m backendtest.Mood) {
	w.mu.Lock()
	w.reads = map[backendtest.Mood][]string{backendtest.Narrow: {"logs-*-one"}}[m]
	if m != backendtest.Closed && m != backendtest.Narrow {
		w.reads = []string{"*"}
	}
	w.mu.Unlock()
	w.line.Be(m)
	if m == backendtest.Silent {
		w.e.api.Link().Report(io.ErrUnexpectedEOF) // or it would be looked at a little later
	}
}

func TestLinesOfTheSandbox(t *testing.T) {
	w := newTown(t)
	var want []string
	for n := range 2500 {
		want = append(want, fmt.Sprintf("line %d", n))
	}
	w.says("one", "cart", want[:2000]...)
	q := of("logs-cart-one")
	q.Last = 100
	p := tailing(t, w.e, q)
	p.wants(t, "the last ones", want[1900:2000]...)
	w.says("one", "cart", want[2000:]...)
	p.wants(t, "each once, in order", want[1900:]...)
	var got []string
	var c backend.Cursor
	for {
		lines, next, err := w.e.Before(t.Context(), of("logs-cart-one"), c, 333)
		if err != nil {
			t.Fatal(err)
		}
		var page []string
		for _, l := range lines {
			page = append(page, l.Text.Safe())
		}
		got = append(page, got...)
		w.says("one", "cart", "written meanwhile")
		if c = next; c.State == "" {
			break
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("backwards: %s", diff)
	}
}
