//go:build real

package elastic

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/link"
	"wheelhouse/backend/signal"
)

func TestRealElasticKeepsTheContract(t *testing.T) {
	backendtest.Source(t, newRealWorld,
		backendtest.Without{Case: "survives a cut and 410", Why: "nothing is remembered by the server"},
		backendtest.Without{Case: "survives 410 while it watches", Why: "nothing is remembered by the server"},
	)
}

// realWorld is aliases on the secured node, at the end of a line, and a user whose
// rights come and go. An alias is a row as an index is, and made in no time; its
// word is the hidden index that it is one of, and its name has its scope in it, for
// rights go by names.
type realWorld struct {
	t    *testing.T
	id   string // names of aliases, of the indices, of the user and of its role begin with it
	line *backendtest.Line
	e    *Elastic
}

func newRealWorld(t *testing.T) backendtest.World[signal.Stream] {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	w := &realWorld{t: t, id: "contract-" + strings.ToLower(rand.Text()[:8])}
	for _, word := range []string{backendtest.First, backendtest.Second} {
		fresh(t, "secured", w.index(word), single+`,"index.hidden":true`)
	}
	w.may("*")
	w.must(http.MethodPut, "/_security/user/"+w.id, object{"password": w.id, "roles": []string{w.id}})
	t.Cleanup(func() {
		w.must(http.MethodDelete, "/_security/user/"+w.id, nil)
		w.must(http.MethodDelete, "/_security/role/"+w.id, nil)
	})
	url, ca := node(t, "secured")
	w.line = backendtest.NewLine(t, strings.TrimPrefix(url, "https://"))
	w.e = adapter(t, 0, link.System{Protocol: Protocol(), URL: "https://" + w.line.Addr(), CA: ca, User: w.id, Secret: link.Secret("plain:" + w.id), ReadOnly: true})
	return w
}

func (w *realWorld) index(word string) string { return w.id + "-" + word }

func (w *realWorld) Source() backend.Source[signal.Stream] { return w.e.Streams() }
func (w *realWorld) Scopes() [3]string {
	return [3]string{w.id + "-one", w.id + "-two", w.id + "-three"}
}
func (w *realWorld) All() backend.Scope { return backend.Scope{} }
func (w *realWorld) Forget()            {}

func (w *realWorld) Put(scope, name, word string) {
	other := backendtest.First
	if word == other {
		other = backendtest.Second
	}
	of := object{"index": w.index(word), "alias": scope + "-" + name}
	w.must(http.MethodPost, "/_aliases", object{"actions": []object{w.not(scope, name, other), {"add": of}}})
}

func (w *realWorld) Remove(scope, name string) {
	w.must(http.MethodPost, "/_aliases", object{"actions": []object{w.not(scope, name, backendtest.First), w.not(scope, name, backendtest.Second)}})
}

// not is how an alias is taken off an index, if it is on it.
func (w *realWorld) not(scope, name, word string) object {
	return object{"remove": object{"index": w.index(word), "alias": scope + "-" + name, "must_exist": false}}
}

func (w *realWorld) Of(s signal.Stream) backendtest.Object {
	for _, scope := range w.Scopes() {
		if name, ok := strings.CutPrefix(s.Name, scope+"-"); ok {
			o := backendtest.Shown(s)
			o.Name = name
			return o
		}
	}
	return backendtest.Object{}
}

func (w *realWorld) Be(m backendtest.Mood) {
	switch m {
	case backendtest.Closed:
		w.may()
	case backendtest.Narrow:
		w.may(w.Scopes()[0] + "-*")
	default:
		w.may("*")
	}
	if m == backendtest.Silent {
		w.e.api.Link().Introduced(w.t.Context())
	}
	w.line.Be(m)
	if m == backendtest.Silent {
		w.e.api.Link().Report(io.ErrUnexpectedEOF) // or it would be looked at a little later
	}
}

// may says which names the user may read of from now on.
func (w *realWorld) may(names ...string) {
	of := []object{}
	if len(names) > 0 {
		of = append(of, object{"names": names, "privileges": []string{"read", "view_index_metadata", "monitor"}})
	}
	w.must(http.MethodPut, "/_security/role/"+w.id, object{"indices": of})
}

// must sends one request as somebody who may do all, in cleanups too.
func (w *realWorld) must(method, path string, body object) {
	text := ""
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		text = string(raw)
	}
	if status, answer, err := admin(w.t, "secured", method, path, text); err != nil || status >= http.StatusMultipleChoices {
		w.t.Errorf("%s %s: %d %v %s", method, path, status, err, answer)
	}
}
