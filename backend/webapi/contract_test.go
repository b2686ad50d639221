package webapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/link"
	"wheelhouse/backend/webapi"
)

// A parcel is a noun without a scope, with a word on it.
type parcel struct{ name, word string }

func (p parcel) Ref() backend.Ref { return backend.Ref{Link: "depot", Kind: "parcel", Name: p.name} }

func (p parcel) AppendText(text []byte) []byte {
	return backend.AppendWords(text, p.name, p.word)
}

// A depot is a server with parcels at the end of a line.
type depot struct {
	line  *backendtest.Line
	links *link.Set
	api   *webapi.Client

	mu      sync.Mutex
	parcels map[string]string
	closed  bool
}

func TestSourceKeepsTheContract(t *testing.T) {
	alone := "there is one list, which may be read or not"
	backendtest.Source(t, newDepot,
		backendtest.Without{Case: "survives a cut and 410", Why: "nothing is remembered by the server"},
		backendtest.Without{Case: "survives 410 while it watches", Why: "nothing is remembered by the server"},
		backendtest.Without{Case: "shows what it may", Why: alone},
	)
}

func newDepot(t *testing.T) backendtest.World[parcel] {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	d := &depot{parcels: map[string]string{}}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	d.line = backendtest.NewLine(t, server.Listener.Addr().String())
	var err error
	d.links, err = link.Load(link.Options{Patience: backendtest.Patience, Systems: []link.System{{URL: "http://" + d.line.Addr(), Protocol: link.Protocol{
		Name: "depot", Probe: "/alive", Reads: func(*http.Request) bool { return true },
		Well: func(status int, _ []byte) bool { return status == http.StatusOK },
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.links.Close)
	d.links.Start()
	d.api = webapi.New(d.links.All()[0])
	return d
}

func (d *depot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case r.URL.Path == "/alive":
		_, _ = io.WriteString(w, "{}")
	case d.closed:
		http.Error(w, "closed", http.StatusForbidden)
	default:
		list, err := json.Marshal(d.parcels)
		if err != nil {
			panic(err)
		}
		_, _ = w.Write(list)
	}
}

func (d *depot) Source() backend.Source[parcel] {
	return webapi.Source(d.api, webapi.Poll[parcel]{Every: 20 * time.Millisecond, Read: func(ctx context.Context, _ backend.Scope) (out []parcel, err error) {
		var all map[string]string
		err = d.api.JSON(ctx, webapi.Request{Op: "read parcels", What: "the parcels", Path: "/parcels"}, &all)
		for name, word := range all {
			out = append(out, parcel{name, word})
		}
		return out, err
	}})
}

func (d *depot) Scopes() [3]string  { return [3]string{"one", "two", "three"} }
func (d *depot) All() backend.Scope { return backend.Scope{} }
func (d *depot) Forget()            {}

func (d *depot) Put(_, name, word string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.parcels[name] = word
}

func (d *depot) Remove(_, name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.parcels, name)
}

func (d *depot) Of(p parcel) backendtest.Object { return backendtest.Shown(p) }

func (d *depot) Be(m backendtest.Mood) {
	d.mu.Lock()
	d.closed = m == backendtest.Closed
	d.mu.Unlock()
	d.line.Be(m)
	if m == backendtest.Silent {
		d.api.Link().Report(io.ErrUnexpectedEOF) // or it would be looked at a little later
	}
}
