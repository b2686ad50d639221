package link

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"wheelhouse/backend"
)

// A Tunnel is a way through a cluster's link into one pod, as kubectl
// port-forward makes it, without a port on this machine. What is sent through it
// passes a gate of its own, so that a read-only link may read through it. It is
// made when it is needed, and again when it broke. Safe for concurrent use.
type Tunnel struct {
	link      *Link
	namespace string
	pod       string
	port      int
	reads     func(*http.Request) bool

	http    *http.Transport
	digging chan struct{} // holds a token while the tunnel is made

	mu   sync.Mutex
	conn httpstream.Connection // nil while there is none
	next int                   // number of the next request for a stream
}

// pingEvery keeps a tunnel from being taken for an idle connection on the way.
const pingEvery = 5 * time.Second

// reasonLimit is how long a connection that has ended waits to be told why.
const reasonLimit = 200 * time.Millisecond

// digging is what marks the request that makes a tunnel: the gate lets it pass,
// as what goes through has a gate of its own.
type digging struct{}

// Tunnel makes the way to a port of a pod; nothing is sent yet. reads is as in
// Protocol. Close it.
func (l *Link) Tunnel(namespace, pod string, port int, reads func(*http.Request) bool) *Tunnel {
	t := &Tunnel{link: l, namespace: namespace, pod: pod, port: port, reads: reads, digging: make(chan struct{}, 1)}
	t.http = &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return t.dial(ctx) },
		MaxIdleConnsPerHost: 1,
		IdleConnTimeout:     time.Minute,
	}
	return t
}

// RoundTrip implements http.RoundTripper: the request goes to the pod, whatever
// its host.
func (t *Tunnel) RoundTrip(req *http.Request) (*http.Response, error) {
	refused := t.link.ReadOnly() && !t.reads(req)
	seen := req.Clone(req.Context())
	seen.URL.Path = fmt.Sprintf("/pods/%s/%s:%d%s", t.namespace, t.pod, t.port, req.URL.Path)
	t.link.record(seen, refused)
	if refused {
		discard(req)
		return nil, t.link.readOnlyError(seen)
	}
	res, err := t.http.RoundTrip(req)
	if err != nil {
		t.Close() // the next request does not wait for a way that may be dead
	}
	return res, err
}

// Close ends the tunnel and what goes on in it; a request makes it anew.
func (t *Tunnel) Close() {
	t.http.CloseIdleConnections()
	t.mu.Lock()
	conn := t.conn
	t.conn = nil
	t.mu.Unlock()
	if conn != nil {
		_ = conn.Close() // it is given up either way
	}
}

// through gives the way into the pod, made where there is none, and the number
// of the next pair of streams in it.
func (t *Tunnel) through(ctx context.Context) (conn httpstream.Connection, id string, err error) {
	select {
	case t.digging <- struct{}{}:
		defer func() { <-t.digging }()
	case <-ctx.Done():
		return nil, "", context.Cause(ctx)
	}
	t.mu.Lock()
	conn = t.conn
	t.next++
	id = strconv.Itoa(t.next)
	t.mu.Unlock()
	if conn != nil && !ended(conn) {
		return conn, id, nil
	}
	if conn, err = t.dig(ctx); err != nil {
		return nil, "", err
	}
	t.mu.Lock()
	t.conn = conn
	t.mu.Unlock()
	return conn, id, nil
}

// dial opens a stream to the port (k8s.io/client-go/tools/portforward: an error
// stream and a data stream with the same request ID make a pair).
func (t *Tunnel) dial(ctx context.Context) (net.Conn, error) {
	conn, id, err := t.through(ctx)
	if err != nil {
		return nil, err
	}
	headers := http.Header{}
	headers.Set(corev1.PortHeader, strconv.Itoa(t.port))
	headers.Set(corev1.PortForwardRequestIDHeader, id)
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	trouble, err := conn.CreateStream(headers)
	if err != nil {
		return nil, fmt.Errorf("reach port %d of pod %s: %w", t.port, t.pod, err)
	}
	_ = trouble.Close() // nothing is sent over it
	why := &reason{told: make(chan struct{})}
	go why.listen(trouble)
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := conn.CreateStream(headers)
	if err != nil {
		err = why.of(err)
		_ = trouble.Reset()
		return nil, fmt.Errorf("reach port %d of pod %s: %w", t.port, t.pod, err)
	}
	s := &stream{Stream: data, of: conn, trouble: trouble, why: why}
	go func() {
		if <-why.told; why.said != nil {
			_ = s.Close() // or its reader would wait for ever
		}
	}()
	return s, nil
}

// dig asks the server for the way into the pod.
func (t *Tunnel) dig(ctx context.Context) (httpstream.Connection, error) {
	config := t.link.REST()
	material, err := rest.TLSConfigFor(config)
	if err != nil {
		return nil, fmt.Errorf("reach pod %s: %w", t.pod, err)
	}
	proxy := http.ProxyFromEnvironment
	if config.Proxy != nil {
		proxy = config.Proxy
	}
	upgrader, err := spdy.NewRoundTripperWithConfig(spdy.RoundTripperConfig{TLS: material, Proxier: proxy, PingPeriod: pingEvery})
	if err != nil {
		return nil, fmt.Errorf("reach pod %s: %w", t.pod, err)
	}
	roundTripper, err := rest.HTTPWrappersForConfig(config, upgrader)
	if err != nil {
		return nil, fmt.Errorf("reach pod %s: %w", t.pod, err)
	}
	path := fmt.Sprintf("%s/api/v1/namespaces/%s/pods/%s/portforward", t.link.Base(), t.namespace, t.pod)
	req, err := http.NewRequestWithContext(context.WithValue(ctx, digging{}, true), http.MethodPost, path, nil)
	if err != nil {
		return nil, fmt.Errorf("reach pod %s: %w", t.pod, err)
	}
	req.Header.Set(httpstream.HeaderProtocolVersion, portforward.PortForwardProtocolV1Name)
	res, err := (&http.Client{Transport: roundTripper}).Do(req)
	if err != nil {
		return nil, fmt.Errorf("reach pod %s: %w", t.pod, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusSwitchingProtocols {
		return nil, fmt.Errorf("reach pod %s: %w", t.pod, refusedUpgrade(res))
	}
	conn, err := upgrader.NewConnection(res)
	if err != nil {
		return nil, fmt.Errorf("reach pod %s: %w", t.pod, err)
	}
	return conn, nil
}

// A RefusedError is the API server's refusal of the way into a pod.
type RefusedError struct {
	Status int    // of the answer
	Said   string // its words, unchecked; may be empty
}

// Error implements error.
func (e *RefusedError) Error() string {
	return (&answer{status: e.Status, said: e.Said}).Error()
}

func refusedUpgrade(res *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // the status says enough without
	a := newAnswer(res.StatusCode, body)
	return &RefusedError{a.status, a.said}
}

func ended(c httpstream.Connection) bool {
	select {
	case <-c.CloseChan():
		return true
	default:
		return false
	}
}

// A reason is why a connection has ended, as the other end tells it on a stream of
// its own.
type reason struct {
	told chan struct{} // closed when said is known
	said error
}

// listen waits for what the other end has to say; nothing is well.
func (r *reason) listen(trouble io.Reader) {
	defer close(r.told)
	text, err := io.ReadAll(io.LimitReader(trouble, 4<<10))
	if err == nil && len(text) > 0 {
		r.said = errors.New(backend.T(string(text)).Safe())
	}
}

// of is the reason for the end that err tells, where one is given: it comes at about
// the same time.
func (r *reason) of(err error) error {
	select {
	case <-r.told:
		return cmp.Or(r.said, err)
	case <-time.After(reasonLimit):
		return err
	}
}

// A stream is one connection to the pod's port, as net/http wants one. It has no
// deadlines: who waits too long closes it.
type stream struct {
	httpstream.Stream
	of      httpstream.Connection
	trouble httpstream.Stream
	why     *reason
	once    sync.Once
}

// Read implements net.Conn; its end is the reason, where one is given.
func (s *stream) Read(b []byte) (int, error) {
	n, err := s.Stream.Read(b)
	if err != nil {
		err = s.why.of(err)
	}
	return n, err
}

// Close implements net.Conn. Closing twice is closing once.
func (s *stream) Close() error {
	s.once.Do(func() {
		_, _ = s.Stream.Reset(), s.trouble.Reset()
		s.of.RemoveStreams(s.Stream, s.trouble)
	})
	return nil
}

// LocalAddr implements net.Conn.
func (s *stream) LocalAddr() net.Addr { return tunnelAddr{} }

// RemoteAddr implements net.Conn.
func (s *stream) RemoteAddr() net.Addr { return tunnelAddr{} }

// SetDeadline implements net.Conn.
func (s *stream) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (s *stream) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (s *stream) SetWriteDeadline(time.Time) error { return nil }

type tunnelAddr struct{}

func (tunnelAddr) Network() string { return "tunnel" }
func (tunnelAddr) String() string  { return "pod" }
