package influx

import (
	"io"
	"math"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/sandbox"
	wire "wheelhouse/backend/sandbox/influx"
	"wheelhouse/backend/signal"
)

// A town is the embedded world with its InfluxDB, at the end of a line, and a token
// whose rights come and go. Each cluster has a bucket. Objects are measurements, and
// their word is the field that was measured last: one that was measured stays.
type town struct {
	*sandbox.World
	line *backendtest.Line
	in   *Influx

	mu    sync.Mutex
	reads []string // buckets; nil: all
}

func newTown(t *testing.T) *town {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	w := &town{World: sandbox.New(nil, 0)}
	o := wire.Options{Org: "shop"}
	for _, s := range w.Scopes() {
		o.Buckets = append(o.Buckets, wire.Bucket{Name: s, Cluster: s})
	}
	server := httptest.NewServer(wire.New(w.World, func() wire.Options {
		w.mu.Lock()
		defer w.mu.Unlock()
		now := o
		now.Tokens = map[string]wire.User{"secret": {Name: "ops", Reads: w.reads}}
		return now
	}))
	t.Cleanup(server.Close)
	w.line = backendtest.NewLine(t, server.Listener.Addr().String())
	w.in = adapter(t, backendtest.Patience, "http://"+w.line.Addr(), "", "plain:secret", Options{Org: "shop"})
	w.in.every, w.in.fields = 20*time.Millisecond, 0
	return w
}

func TestMetricsOfTheSandboxKeepTheContract(t *testing.T) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[signal.Metric] { return newTown(t) }, without()...)
}

func (w *town) Source() backend.Source[signal.Metric] { return w.in.Metrics() }
func (w *town) Scopes() [3]string                     { return [3]string{"one", "two", "three"} }
func (w *town) All() backend.Scope                    { return backend.Scope{} }
func (w *town) Forget()                               {}

func (w *town) Put(scope, name, word string) {
	w.Measure(name, []sandbox.Tag{{Key: "cluster", Value: scope}}, word, 1)
}

func (w *town) Remove(scope, name string) {
	w.Strike(name, sandbox.Tag{Key: "cluster", Value: scope})
}

func (w *town) Of(m signal.Metric) backendtest.Object { return backendtest.Shown(m) }

func (w *town) Be(m backendtest.Mood) {
	w.mu.Lock()
	w.reads = map[backendtest.Mood][]string{backendtest.Closed: {}, backendtest.Narrow: {"one"}}[m]
	w.mu.Unlock()
	w.line.Be(m)
	if m == backendtest.Silent {
		w.in.api.Link().Report(io.ErrUnexpectedEOF) // or it would be looked at a little later
	}
}

// TestNumbersOfTheSandbox: a measurement and a chart are read, with a point in each
// window, and a gap where nothing was measured.
func TestNumbersOfTheSandbox(t *testing.T) {
	w := newTown(t)
	for _, service := range []string{"cart", "bank"} {
		for n, field := range []string{"rate", "p95"} {
			w.Measure("http_requests", []sandbox.Tag{{Key: "cluster", Value: "one"}, {Key: "service", Value: service}}, field, float64(10*n+len(service)))
		}
	}
	const slow = `import "influxdata/influxdb/schema"
from(bucket: "one")
  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)
  |> filter(fn: (r) => r._measurement == "http_requests" and r._field == "p95" and r.service =~ /^c/)
  |> aggregateWindow(every: v.windowPeriod, fn: max, createEmpty: false)
  |> map(fn: (r) => ({r with _value: r._value * 2.0}))`
	w.in.opts.Charts = []Chart{{Name: "slow", Unit: "ms", Query: slow}}
	rows, err := w.in.rows(t.Context(), backend.Scope{})
	if err != nil || len(rows) != 2 || rows[1].Fields != "p95 rate" {
		t.Fatalf("they are %+v, %v", rows, err)
	}
	now := time.Now()
	for _, r := range rows {
		all, left, err := w.in.Series(t.Context(), backend.SeriesQuery{Of: r.Ref(), From: now.Add(-time.Hour), To: now.Add(time.Minute), Points: 30}, 10)
		if err != nil || left != 0 {
			t.Fatalf("%s: %d left, %v", r.Name, left, err)
		}
		points, numbers, sum := 0, 0, 0.0
		for _, s := range all {
			for _, p := range s.Points {
				if points++; !math.IsNaN(p.Value) {
					numbers, sum = numbers+1, sum+p.Value
				}
			}
		}
		switch {
		case r.Name == "slow" && (len(all) != 1 || points != 1 || sum != 28):
			t.Errorf("the chart is %+v", all)
		case r.Name != "slow" && (len(all) != 4 || points < 40 || numbers != 4 || sum != 36):
			t.Errorf("the measurement is %+v", all)
		}
		doc, err := w.in.Fetch(t.Context(), r.Ref(), backend.Describe)
		if err != nil || len(doc.Lines) < 3 {
			t.Errorf("%s is described as %+v, %v", r.Name, doc, err)
		}
	}
}
