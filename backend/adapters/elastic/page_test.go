package elastic

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"wheelhouse/backend"
	"wheelhouse/backend/signal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ref(name string) backend.Ref {
	return backend.Ref{Link: "elastic", Kind: signal.KindStream, Name: name}
}

// A page keeps all lines that it is given.
type page struct {
	mu     sync.Mutex
	lines  []backend.LogLine
	ids    map[string]int
	missed int
	health map[backend.Ref]backend.Health
	err    error
	over   bool
	bell   chan struct{}
}

func newPage() *page {
	return &page{ids: map[string]int{}, health: map[backend.Ref]backend.Health{}, bell: make(chan struct{}, 1)}
}

func (p *page) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	select {
	case p.bell <- struct{}{}:
	default:
	}
}

// Lines implements backend.LineSink.
func (p *page) Lines(lines ...backend.LogLine) {
	p.change(func() {
		p.lines = append(p.lines, lines...)
		for _, l := range lines {
			p.ids[l.ID]++
		}
	})
}

// Missed implements backend.LineSink.
func (p *page) Missed(n int) { p.change(func() { p.missed += n }) }

// Health implements backend.LineSink.
func (p *page) Health(of backend.Ref, h backend.Health) {
	p.change(func() { p.health[of] = h })
}

func (p *page) ended(err error) { p.change(func() { p.err, p.over = err, true }) }

func (p *page) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.ids)
}

func (p *page) state(of backend.Ref) backend.State {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.health[of].State
}

func (p *page) newest() backend.LogLine {
	p.mu.Lock()
	defer p.mu.Unlock()
	var newest backend.LogLine
	for _, l := range p.lines {
		if l.At >= newest.At {
			newest = l
		}
	}
	return newest
}

// texts are the lines' words, in the order in which they came.
func (p *page) texts() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	for _, l := range p.lines {
		out = append(out, l.Text.Raw())
	}
	return out
}

// once fails unless there are so many lines, each once.
func (p *page) once(t *testing.T, want int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.ids) != want || p.missed != 0 {
		t.Errorf("%d lines, want %d; %d missed", len(p.ids), want, p.missed)
	}
	for id, n := range p.ids {
		if n > 1 {
			t.Errorf("%s came %d times", id, n)
		}
	}
}

// until waits for ok, which is asked each time that something was told.
func (p *page) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	guard := time.NewTimer(20 * time.Second)
	defer guard.Stop()
	for !ok() {
		select {
		case <-p.bell:
		case <-guard.C:
			p.mu.Lock()
			defer p.mu.Unlock()
			t.Fatalf("%s: never came; %d lines, %+v, ended %v %v", what, len(p.ids), p.health, p.over, p.err)
		}
	}
}

// tray keeps the rows of a source.
type tray struct {
	mu     sync.Mutex
	rows   map[string]signal.Stream
	health map[backend.Part]backend.Health
	live   chan struct{}
}

// Begin implements backend.Sink.
func (y *tray) Begin(backend.Part) backend.Load[signal.Stream] { return y }

// Health implements backend.Sink.
func (y *tray) Health(p backend.Part, h backend.Health) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.health[p] = h
	if p.Kind == "" && h.State == backend.Live {
		select {
		case y.live <- struct{}{}:
		default:
		}
	}
}

// End implements backend.Sink.
func (y *tray) End(backend.Part) {}

// Put implements backend.Load.
func (y *tray) Put(rows ...signal.Stream) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, r := range rows {
		y.rows[r.Name] = r
	}
}

// Delete implements backend.Load.
func (y *tray) Delete(refs ...backend.Ref) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for _, r := range refs {
		delete(y.rows, r.Name)
	}
}

// Synced implements backend.Load.
func (y *tray) Synced() {}

// watched gives the streams, once all are there.
func watched(t *testing.T, e *Elastic) map[string]signal.Stream {
	t.Helper()
	y := &tray{rows: map[string]signal.Stream{}, health: map[backend.Part]backend.Health{}, live: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = e.Streams().Watch(ctx, backend.Scope{}, y) }()
	defer func() { cancel(); <-done }()
	select {
	case <-y.live:
	case <-time.After(time.Minute):
		t.Fatalf("it is never live: %+v", y.health)
	}
	y.mu.Lock()
	defer y.mu.Unlock()
	return y.rows
}
