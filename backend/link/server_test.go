package link

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
)

// An api is a small API server on loopback, with TLS.
type api struct {
	*httptest.Server
	livez atomic.Int64 // the status that /livez answers; 401 is answered by all paths
	token atomic.Value // the only token that is let in; empty: all

	mu   sync.Mutex
	seen []*http.Request
}

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{}
	a.livez.Store(http.StatusOK)
	a.token.Store("")
	a.Server = httptest.NewUnstartedServer(a)
	a.EnableHTTP2 = true
	a.Config.ErrorLog = log.New(io.Discard, "", 0)
	a.StartTLS()
	t.Cleanup(a.Close)
	return a
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.seen = append(a.seen, r.Clone(r.Context()))
	a.mu.Unlock()
	if want := a.token.Load().(string); want != "" && r.Header.Get("Authorization") != "Bearer "+want {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	status := int(a.livez.Load())
	switch {
	case status == http.StatusUnauthorized:
		w.WriteHeader(status)
	case r.URL.Path == "/livez":
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "[+]ping ok\n[-]etcd failed: reason withheld\n")
	case r.URL.Path == "/version":
		_, _ = io.WriteString(w, `{"gitVersion":"v1.36.3"}`)
	case strings.HasSuffix(r.URL.Path, "/selfsubjectreviews"):
		user := "ada"
		if as := r.Header.Get("Impersonate-User"); as != "" {
			user = as
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = fmt.Fprintf(w, `{"status":{"userInfo":{"username":%q}}}`, user)
	case r.URL.Path == "/hang":
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	default:
		_, _ = io.WriteString(w, `{}`)
	}
}

func (a *api) requests() []*http.Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]*http.Request(nil), a.seen...)
}

// ca is the certificate that signs the server's.
func (a *api) ca() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw})
}

// oneContext is a kubeconfig with one context, "dev", of a user with a token.
func oneContext(server string, ca []byte) *clientcmdapi.Config {
	k := clientcmdapi.NewConfig()
	k.CurrentContext = "dev"
	k.Contexts["dev"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "u"}
	k.Clusters["c"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: ca}
	k.AuthInfos["u"] = &clientcmdapi.AuthInfo{Token: "hunter2"}
	return k
}

// write puts a kubeconfig into a file of its own.
func write(t *testing.T, k *clientcmdapi.Config) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := clientcmd.WriteToFile(*k, file); err != nil {
		t.Fatal(err)
	}
	return file
}

// load makes the links of k, which are closed when the test ends.
func load(t *testing.T, k *clientcmdapi.Config, opts Options) *Set {
	t.Helper()
	opts.Kubeconfig, opts.Patience = write(t, k), backendtest.Patience
	s, err := Load(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// only gives the one link of a set.
func only(t *testing.T, s *Set) *Link {
	t.Helper()
	if len(s.All()) != 1 {
		t.Fatalf("%d links, want one", len(s.All()))
	}
	return s.All()[0]
}

// until waits for a link's health to be as wanted and gives it.
func until(t *testing.T, l *Link, what string, want func(backend.Health) bool) backend.Health {
	t.Helper()
	changed := make(chan struct{}, 1)
	stop := l.set.Subscribe(func(*Link) {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	defer stop()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for {
		if h := l.Health(); want(h) {
			return h
		}
		select {
		case <-changed:
		case <-limit.C:
			t.Fatalf("%s: never came; health is %v: %s", what, l.Health().State, l.Health().Reason.Safe())
		}
	}
}

func state(want backend.State) func(backend.Health) bool {
	return func(h backend.Health) bool { return h.State == want }
}

func lostWith(words ...string) func(backend.Health) bool {
	return func(h backend.Health) bool {
		for _, w := range words {
			if !strings.Contains(h.Reason.Safe(), w) {
				return false
			}
		}
		return h.State == backend.Down || h.State == backend.Stale || h.State == backend.Forbidden
	}
}

// A pipe forwards TCP connections to a server until it is frozen: then it takes
// everything and passes nothing on, as a dead middlebox does.
type pipe struct {
	net.Listener
	mu     sync.Mutex
	thawed chan struct{} // closed while bytes pass
	conns  []net.Conn
}

func newPipe(t *testing.T, to string) *pipe {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &pipe{Listener: ln, thawed: make(chan struct{})}
	close(p.thawed)
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			up, err := net.Dial("tcp", to)
			if err != nil {
				_ = c.Close()
				continue
			}
			p.mu.Lock()
			p.conns = append(p.conns, c, up)
			p.mu.Unlock()
			all.Go(func() { p.pass(c, up) })
			all.Go(func() { p.pass(up, c) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		p.thaw()
		p.mu.Lock()
		for _, c := range p.conns {
			_ = c.Close()
		}
		p.mu.Unlock()
		all.Wait()
	})
	return p
}

func (p *pipe) pass(from, to net.Conn) {
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		thawed := p.thawed
		p.mu.Unlock()
		<-thawed
		if err != nil {
			_ = to.Close()
			return
		}
		if _, err := to.Write(buf[:n]); err != nil {
			_ = from.Close()
			return
		}
	}
}

func (p *pipe) freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.thawed = make(chan struct{})
}

func (p *pipe) thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.thawed:
	default:
		close(p.thawed)
	}
}

func rewrite(t *testing.T, k *clientcmdapi.Config, file string) {
	t.Helper()
	if err := clientcmd.WriteToFile(*k, file); err != nil {
		t.Fatal(err)
	}
}
