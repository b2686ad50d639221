package link

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// A sink keeps the newest row of each link.
type sink struct {
	rows   map[string]cluster.Cluster
	synced bool
	health backend.Health
}

func (s *sink) Begin(backend.Part) backend.Load[cluster.Cluster] { return s }
func (s *sink) Health(_ backend.Part, h backend.Health)          { s.health = h }
func (s *sink) End(backend.Part)                                 {}
func (s *sink) Delete(...backend.Ref)                            {}
func (s *sink) Synced()                                          { s.synced = true }
func (s *sink) Put(rows ...cluster.Cluster) {
	for _, r := range rows {
		s.rows[r.Link] = r
	}
}

func TestSourceFollowsTheLinks(t *testing.T) {
	inBubble(t, func(t *testing.T, l *Link, w *wire) {
		to := &sink{rows: map[string]cluster.Cluster{}}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- l.set.Source().Watch(ctx, backend.Scope{}, to) }()
		synctest.Wait()
		if !to.synced || to.health.State != backend.Live || to.rows["dev"].Server != "http://a.invalid" || !to.rows["dev"].Insecure {
			t.Fatalf("begins with %+v", to)
		}
		settle := func(d time.Duration) { time.Sleep(d); synctest.Wait() }
		settle(10 * time.Second)
		if got := to.rows["dev"].Health.State; got != backend.Live {
			t.Errorf("row is %v", got)
		}
		l.Freeze()
		w.set(http.StatusBadGateway, nil)
		settle(10 * time.Second)
		if r := to.rows["dev"]; r.Health.State != backend.Stale || !r.ReadOnly {
			t.Errorf("row is %+v", r)
		}
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ends with %v", err)
		}
	})
}
