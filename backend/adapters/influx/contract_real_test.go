//go:build real

package influx

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/signal"
)

func TestRealInfluxKeepsTheContract(t *testing.T) {
	backendtest.Source(t, newRealWorld, without()...)
}

// realWorld is databases of its own on the stack's InfluxDB, at the end of a line,
// and a user whose rights come and go. Objects are measurements, and their word is
// the field that was written last: one that was written stays.
type realWorld struct {
	t    *testing.T
	id   string // names of databases, and of the user, begin with it
	at   string
	line *backendtest.Line
	in   *Influx
}

func newRealWorld(t *testing.T) backendtest.World[signal.Metric] {
	at := backendtest.StackAddr(t, "influx", "influxd")
	w := &realWorld{t: t, id: "contract_" + strings.ToLower(rand.Text()[:8]), at: "http://" + at, line: backendtest.NewLine(t, at)}
	w.do("CREATE USER %s WITH PASSWORD 'secret'", w.id)
	t.Cleanup(func() { w.do("DROP USER %s", w.id) })
	for _, d := range w.databases() {
		w.do("CREATE DATABASE %s", d)
		t.Cleanup(func() { w.do("DROP DATABASE %s", d) })
	}
	w.Be(backendtest.Well)
	buckets := w.Scopes()
	w.in = adapter(t, 0, "http://"+w.line.Addr(), w.id, "plain:secret", Options{Buckets: buckets[:]})
	w.in.every, w.in.fields = 20*time.Millisecond, 0
	return w
}

func (w *realWorld) databases() [3]string {
	return [3]string{w.id + "_one", w.id + "_two", w.id + "_three"}
}

func (w *realWorld) Source() backend.Source[signal.Metric] { return w.in.Metrics() }

func (w *realWorld) Scopes() [3]string {
	all := w.databases()
	for i := range all {
		all[i] += "/autogen"
	}
	return all
}

func (w *realWorld) All() backend.Scope { return backend.Scope{} }
func (w *realWorld) Forget()            {}

func (w *realWorld) Put(scope, name, word string) {
	w.send("/write?db="+strings.TrimSuffix(scope, "/autogen"), "text/plain", name+" "+word+"=1")
}

func (w *realWorld) Remove(scope, name string) {
	w.query(url.Values{"db": {strings.TrimSuffix(scope, "/autogen")}, "q": {`DROP MEASUREMENT "` + name + `"`}})
}

func (w *realWorld) Of(m signal.Metric) backendtest.Object { return backendtest.Shown(m) }

func (w *realWorld) Be(m backendtest.Mood) {
	for _, d := range w.databases() {
		if m == backendtest.Closed {
			w.do("REVOKE READ ON %s FROM %s", d, w.id)
		} else {
			w.do("GRANT READ ON %s TO %s", d, w.id)
		}
	}
	w.line.Be(m)
	if m == backendtest.Silent {
		w.in.api.Link().Report(io.ErrUnexpectedEOF) // or it would be looked at a little later
	}
}

// do has the server do something.
func (w *realWorld) do(query string, names ...any) {
	w.query(url.Values{"q": {fmt.Sprintf(query, names...)}})
}

func (w *realWorld) query(values url.Values) {
	w.send("/query", "application/x-www-form-urlencoded", values.Encode())
}

// send sends one request as somebody who may do all, in cleanups too.
func (w *realWorld) send(path, kind, body string) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.at+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.SetBasicAuth("ops", "not-a-secret")
	req.Header.Set("Content-Type", kind)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		w.t.Errorf("%s: %v", body, err)
		return
	}
	defer res.Body.Close()
	if answer, err := io.ReadAll(res.Body); err != nil || res.StatusCode >= http.StatusMultipleChoices || strings.Contains(string(answer), `"error"`) {
		w.t.Errorf("%s: %s %v %s", body, res.Status, err, answer)
	}
}
