package influx

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/link"
	"wheelhouse/backend/signal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fake is an InfluxDB that answers as 1.8.10 does: its schema it makes of what it
// holds, everything else is what a test has put under answer.
type fake struct {
	mu      sync.Mutex
	buckets map[string]map[string]string // measurements of each, with their fields
	answer  func(w http.ResponseWriter, flux string)
	closed  bool   // queries are not permitted
	narrow  string // the only bucket that may be read; empty: all may
	asked   []string
	orgs    []string
}

const (
	listHead = "#datatype,string,long,string\r\n#group,false,false,false\r\n#default,%s,,\r\n,result,table,%s\r\n"
	token    = "Token ops:secret"
)

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != token && r.URL.Path != "/health" {
		refuse(w, http.StatusUnauthorized, "authorization failed")
		return
	}
	switch r.URL.Path {
	case "/health":
		_, _ = io.WriteString(w, `{"checks":[],"message":"ready for queries and writes","name":"influxdb","status":"pass","version":"1.8.10"}`)
	case "/query":
		_, _ = io.WriteString(w, `{"results":[{"statement_id":0,"series":[{"name":"databases","columns":["name"],"values":[["shop"]]}]}]}`)
	case queryPath:
		var body struct{ Query string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost {
			refuse(w, http.StatusBadRequest, "no query")
			return
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.asked, f.orgs = append(f.asked, body.Query), append(f.orgs, r.URL.Query().Get("org"))
		f.flux(w, body.Query)
	default:
		http.NotFound(w, r)
	}
}

// refuse is how 1.8 tells an error.
func refuse(w http.ResponseWriter, status int, words string) {
	w.Header().Set("Content-Type", "application/json")
	if status != http.StatusUnauthorized {
		w.Header().Set("X-Influxdb-Error", words)
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":%q}`, words)
}

func (f *fake) flux(w http.ResponseWriter, flux string) {
	measurements := regexp.MustCompile(`v1\.measurements\(bucket: "([^"]+)"\)`).FindStringSubmatch(flux)
	fields := regexp.MustCompile(`v1\.tagValues\(bucket: "([^"]+)", tag: "_field", predicate: \(r\) => r\._measurement == "([^"]+)", start: -30d\) \|> limit\(n: \d+\) \|> yield\(name: "(\d+)"\)`).
		FindAllStringSubmatch(flux, -1)
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	list := func(result, column string, values []string) {
		fmt.Fprintf(w, listHead, result, column)
		for _, v := range values {
			fmt.Fprintf(w, ",,0,%s\r\n", v)
		}
		_, _ = io.WriteString(w, "\r\n")
	}
	switch {
	case f.closed:
		refuse(w, http.StatusForbidden, "not authorised to read")
	case flux == "buckets()":
		list("_result", "name", slices.Sorted(maps.Keys(f.buckets)))
	case measurements != nil && f.narrow != "" && f.narrow != measurements[1]:
		refuse(w, http.StatusForbidden, "not authorised to read")
	case measurements != nil && f.buckets[measurements[1]] == nil:
		refuse(w, http.StatusInternalServerError, "failed to initialize execute state: no database")
	case measurements != nil:
		list("_result", "_value", slices.Sorted(maps.Keys(f.buckets[measurements[1]])))
	case fields != nil:
		for _, m := range fields {
			if words := f.buckets[m[1]][m[2]]; words != "" {
				list(m[3], "_value", strings.Fields(words))
			}
		}
	case f.answer != nil:
		f.answer(w, flux)
	default:
		_, _ = io.WriteString(w, "\r\n")
	}
}

// start serves a fake behind faults and gives the adapter for it.
func start(t *testing.T, f *fake, o Options) (*Influx, *backendtest.Faults) {
	t.Helper()
	faults := &backendtest.Faults{Server: f}
	server := httptest.NewServer(faults)
	t.Cleanup(server.Close)
	return adapter(t, server.URL, "ops", "plain:secret", o), faults
}

func adapter(t *testing.T, url, user, secret string, o Options) *Influx {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	links, err := link.Load(link.Options{Patience: backendtest.Patience, Systems: []link.System{{Protocol: Protocol(), URL: url, User: user, Secret: link.Secret(secret)}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(links.Close)
	links.Start()
	for links.All()[0].Health().State == backend.Connecting {
		select {
		case <-t.Context().Done():
			t.Fatal("it never connects")
		case <-time.After(time.Millisecond):
		}
	}
	return New(links.All()[0], o)
}

// world is a fake at the end of a line, as the contract suite wants it: scopes are
// buckets, objects measurements, and their word is a field.
type world struct {
	*fake
	line *backendtest.Line
	in   *Influx
}

func TestMetricsKeepTheContract(t *testing.T) {
	backendtest.Source(t, newWorld, without()...)
}

func without() []backendtest.Without {
	return []backendtest.Without{
		{Case: "survives a cut and 410", Why: "nothing is remembered by the server"},
		{Case: "survives 410 while it watches", Why: "nothing is remembered by the server"},
		{Case: "shows what it may", Why: "a server is one part: what of it may not be read is told in that part's health (TestOneBucketThatMayNotBeRead)"},
	}
}

func newWorld(t *testing.T) backendtest.World[signal.Metric] {
	w := &world{fake: &fake{buckets: map[string]map[string]string{}}}
	for _, s := range w.Scopes() {
		w.buckets[s] = map[string]string{}
	}
	server := httptest.NewServer(w.fake)
	t.Cleanup(server.Close)
	w.line = backendtest.NewLine(t, server.Listener.Addr().String())
	w.in = adapter(t, "http://"+w.line.Addr(), "ops", "plain:secret", Options{})
	w.in.every, w.in.fields = 20*time.Millisecond, 0
	return w
}

func (w *world) Source() backend.Source[signal.Metric] { return w.in.Metrics() }

func (w *world) Scopes() [3]string  { return [3]string{"one/autogen", "two/autogen", "three/autogen"} }
func (w *world) All() backend.Scope { return backend.Scope{} }
func (w *world) Forget()            {}

func (w *world) Put(scope, name, word string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.buckets[scope][name] = word
}

func (w *world) Remove(scope, name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.buckets[scope], name)
}

func (w *world) Of(m signal.Metric) backendtest.Object { return backendtest.Shown(m) }

func (w *world) Be(m backendtest.Mood) {
	w.mu.Lock()
	w.closed = m == backendtest.Closed
	w.mu.Unlock()
	w.line.Be(m)
	if m == backendtest.Silent {
		w.in.api.Link().Report(io.ErrUnexpectedEOF) // or it would be looked at a little later
	}
}
