package link

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// A sink keeps the newest row of each link.
type sink struct {
	mu     sync.Mutex
	rows   map[string]cluster.Cluster
	synced bool
	health backend.Health
}

func (s *sink) Begin(backend.Part) backend.Load[cluster.Cluster] { return s }
func (s *sink) End(backend.Part)                                 {}
func (s *sink) Delete(...backend.Ref)                            {}

func (s *sink) Health(_ backend.Part, h backend.Health) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health = h
}

func (s *sink) Synced() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.synced = true
}

func (s *sink) Put(rows ...cluster.Cluster) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range rows {
		s.rows[r.Link] = r
	}
}

func (s *sink) row() cluster.Cluster {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows["dev"]
}

func TestSourceFollowsTheLinks(t *testing.T) {
	inBubble(t, func(t *testing.T, l *Link, w *wire) {
		to := &sink{rows: map[string]cluster.Cluster{}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.set.Source().Watch(ctx, backend.Scope{}, to) }()
		synctest.Wait()
		to.mu.Lock()
		begun := to.synced && to.health.State == backend.Live
		to.mu.Unlock()
		if r := to.row(); !begun || r.Server != "http://a.invalid" || r.Unsafe == "" {
			t.Fatalf("begins with %+v", r)
		}
		settle := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		settle(10 * time.Second)
		if got := to.row().Health.State; got != backend.Live {
			t.Errorf("row is %v", got)
		}
		l.Freeze()
		w.set(http.StatusBadGateway, nil)
		settle(10 * time.Second)
		if r := to.row(); r.Health.State != backend.Stale || !r.ReadOnly {
			t.Errorf("row is %+v", r)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ends with %v", err)
		}
	})
}
