package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"wheelhouse/backend"
)

// A podAPI is an API server that forwards ports of the one pod shop/cart, as the
// kubelet does, to a server on loopback.
type podAPI struct {
	*httptest.Server
	to    string // host:port
	deny  atomic.Bool
	opens atomic.Int64 // tunnels
	dials atomic.Int64 // streams

	mu    sync.Mutex
	conns []httpstream.Connection
}

func newPodAPI(t *testing.T, to string) *podAPI {
	t.Helper()
	a := &podAPI{to: to}
	a.Server = httptest.NewTLSServer(a)
	t.Cleanup(func() {
		a.cut()
		a.Close()
	})
	return a
}

func (a *podAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path != "/api/v1/namespaces/shop/pods/cart/portforward":
		_, _ = io.WriteString(w, "{}")
		return
	case a.deny.Load():
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"pods \"cart\" is forbidden"}`)
		return
	}
	if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
		return
	}
	a.opens.Add(1)
	streams := make(chan httpstream.Stream, 8)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		streams <- s
		return nil
	})
	if conn == nil {
		return
	}
	a.mu.Lock()
	a.conns = append(a.conns, conn)
	a.mu.Unlock()
	trouble := map[string]httpstream.Stream{}
	for {
		select {
		case <-conn.CloseChan():
			return
		case s := <-streams:
			id := s.Headers().Get(corev1.PortForwardRequestIDHeader)
			if s.Headers().Get(corev1.StreamType) == corev1.StreamTypeError {
				trouble[id] = s
				continue
			}
			a.dials.Add(1)
			go a.forward(s, trouble[id])
		}
	}
}

// forward is one connection to the port; only 8080 is listened on.
func (a *podAPI) forward(data, trouble httpstream.Stream) {
	defer trouble.Close()
	defer data.Reset()
	if port := data.Headers().Get(corev1.PortHeader); port != "8080" {
		fmt.Fprintf(trouble, "nobody listens on %s", port)
		return
	}
	c, err := net.Dial("tcp", a.to)
	if err != nil {
		fmt.Fprint(trouble, err)
		return
	}
	defer c.Close()
	go func() {
		_, _ = io.Copy(c, data)
		_ = c.Close()
	}()
	_, _ = io.Copy(data, c)
}

// cut ends all tunnels.
func (a *podAPI) cut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, c := range a.conns {
		_ = c.Close()
	}
	a.conns = nil
}

// tunnelled is a tunnel to a server that echoes what it is asked.
func tunnelled(t *testing.T, port int, opts Options) (*podAPI, *Tunnel) {
	t.Helper()
	pod := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-r.Context().Done()
			return
		}
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.Method, r.URL.Path, b)
	}))
	t.Cleanup(pod.Close)
	a := newPodAPI(t, strings.TrimPrefix(pod.URL, "http://"))
	k := oneContext(a.URL, (&api{Server: a.Server}).ca())
	l := only(t, load(t, k, opts))
	tunnel := l.Tunnel("shop", "cart", port, func(r *http.Request) bool { return r.Method == http.MethodGet })
	t.Cleanup(tunnel.Close)
	return a, tunnel
}

func through(ctx context.Context, t *Tunnel, method, path, body string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://pod"+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	res, err := t.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return string(b), err
}

func TestTunnelLeadsIntoThePod(t *testing.T) {
	a, tunnel := tunnelled(t, 8080, Options{})
	for i := range 5 {
		want := fmt.Sprintf("POST /a/%d hello", i)
		if got, err := through(t.Context(), tunnel, http.MethodPost, fmt.Sprintf("/a/%d", i), "hello"); got != want || err != nil {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if a.opens.Load() != 1 || a.dials.Load() != 1 {
		t.Errorf("5 requests took %d tunnels and %d connections", a.opens.Load(), a.dials.Load())
	}
	a.cut()
	got := ""
	for try := 0; got == "" && try < 3; try++ { // the first may meet the end of the old one
		got, _ = through(t.Context(), tunnel, http.MethodGet, "/b", "")
	}
	if got != "GET /b " || a.opens.Load() != 2 {
		t.Errorf("after a cut: %q over %d tunnels", got, a.opens.Load())
	}
}

func TestTunnelsEndsAreTold(t *testing.T) {
	_, closed := tunnelled(t, 9090, Options{})
	if _, err := through(t.Context(), closed, http.MethodGet, "/", ""); err == nil || !strings.Contains(err.Error(), "nobody listens on 9090") {
		t.Errorf("a port that nobody listens on gives %v", err)
	}
	a, denied := tunnelled(t, 8080, Options{})
	a.deny.Store(true)
	var refused *RefusedError
	if _, err := through(t.Context(), denied, http.MethodGet, "/", ""); !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
		t.Errorf("without the permission: %v", err)
	}
	_, slow := tunnelled(t, 8080, Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := through(ctx, slow, http.MethodGet, "/hang", ""); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a pod that hangs gives %v", err)
	}
	if got, err := through(t.Context(), slow, http.MethodGet, "/again", ""); got != "GET /again " || err != nil {
		t.Errorf("afterwards it gives %q, %v", got, err)
	}
}

// TestReadOnlyTunnelReads: the way into the pod is an upgrade, which a read-only
// link refuses, but what goes through has a gate of its own.
func TestReadOnlyTunnelReads(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	_, tunnel := tunnelled(t, 8080, Options{ReadOnly: true, Record: func(r Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprintf("%s %s %t", r.Method, r.Path, r.Refused))
	}})
	if got, err := through(t.Context(), tunnel, http.MethodGet, "/a", ""); got != "GET /a " || err != nil {
		t.Errorf("reading gives %q, %v", got, err)
	}
	if _, err := through(t.Context(), tunnel, http.MethodPost, "/a", "x"); backend.CodeOf(err) != backend.Denied {
		t.Errorf("writing gives %v", err)
	}
	want := "GET /pods/shop/cart:8080/a false|POST /api/v1/namespaces/shop/pods/cart/portforward false|POST /pods/shop/cart:8080/a true"
	if got := strings.Join(seen, "|"); got != want {
		t.Errorf("recorded\n%s, want\n%s", got, want)
	}
}
