package kubeapi

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// healths is a sink that notes what is said of the parts.
type healths struct {
	backend.Sink[cluster.Pod]
	mu   sync.Mutex
	said []backend.State
	live chan struct{} // has room for one
	// ended is how much had been said when a part was ended; -1 when none was
	ended int
}

func (s *healths) End(backend.Part) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = len(s.said)
}

func (s *healths) Health(_ backend.Part, h backend.Health) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = append(s.said, h.State)
	if h.State == backend.Live {
		s.live <- struct{}{}
	}
}

// TestResume: a watch that goes on is in step once it has lasted; one whose
// history is gone never says so, although the server's first word is 200.
func TestResume(t *testing.T) {
	const gone = `{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410,"message":"too old resource version"}}`
	for name, c := range map[string]struct {
		says string
		live bool
	}{"its history is gone": {gone, false}, "nothing has happened": {"", true}} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, c.says)
				_ = http.NewResponseController(w).Flush()
				if c.live {
					<-r.Context().Done()
				}
			}))
			t.Cleanup(server.Close)
			base := piecesAt(t, server.URL)
			base.col.JSON = true
			sink := &healths{live: make(chan struct{}, 1), ended: -1}
			p := &part[cluster.Pod]{c: base.s.c, col: base.col, sink: sink, key: base.whole, version: "5"}
			if c.live {
				go func() { <-sink.live; cancel() }()
			}
			err := p.stream(ctx)
			if c.live == expired(err) || c.live != (len(sink.said) == 1) || c.live == p.live.IsZero() {
				t.Errorf("said %v, live since %v, ended with %v", sink.said, p.live, err)
			}
		})
	}
}
