package shop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend"
	adapterargo "wheelhouse/backend/adapters/argo"
	adaptercapi "wheelhouse/backend/adapters/capi"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/link"
	"wheelhouse/backend/machine"
	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/argo"
	"wheelhouse/backend/sandbox/capi"
	"wheelhouse/backend/sandbox/kube"
)

// The contract suites of the adapters whose kinds come with a controller of their own,
// on a cluster of the company; the same run on a real one (contract_real_test.go of
// the adapters).

var silence = backendtest.Without{Case: "survives silence", Why: "the adapters' own suites show it"}

// TestContract: all on one cluster, where each world has namespaces of its own.
func TestContract(t *testing.T) {
	id, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	s := served(t, id)
	t.Run("rollouts streamed", func(t *testing.T) { contractRollouts(t, s, false) })
	t.Run("rollouts by pages", func(t *testing.T) { contractRollouts(t, s, true) })
	t.Run("machines streamed", func(t *testing.T) { contractMachines(t, s, false) })
	t.Run("pools by pages", func(t *testing.T) { contractPools(t, s, true) })
}

func contractRollouts(t *testing.T, s *site, pages bool) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[delivery.Rollout] {
		return newPlace(t, s, pages, func(c *kubeapi.Client) backend.Source[delivery.Rollout] { return adapterargo.New(c).Rollouts() }, func(c *kube.Cluster, m metav1.ObjectMeta, word string, gone bool) {
			m.Labels["argo-rollouts.argoproj.io/controller-instance-id"] = "nobody"
			put(c, &argo.Rollout{ObjectMeta: m, Spec: kube.Fields{
				"replicas": int64(0), "selector": object{"matchLabels": object{"app": word}}, "strategy": object{"canary": object{}},
				"template": object{"metadata": object{"labels": object{"app": word}}, "spec": object{"containers": []any{object{"name": "app", "image": word}}}},
			}}, gone)
		})
	}, silence)
}

func contractMachines(t *testing.T, s *site, pages bool) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[machine.Machine] {
		return newPlace(t, s, pages, func(c *kubeapi.Client) backend.Source[machine.Machine] { return adaptercapi.New(c).Machines() }, func(c *kube.Cluster, m metav1.ObjectMeta, word string, gone bool) {
			put(c, &capi.Machine{ObjectMeta: m, Spec: kube.Fields{"clusterName": "none", "providerID": word}}, gone)
		})
	}, silence)
}

func contractPools(t *testing.T, s *site, pages bool) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[machine.Pool] {
		return newPlace(t, s, pages, func(c *kubeapi.Client) backend.Source[machine.Pool] { return adaptercapi.New(c).Pools() }, func(c *kube.Cluster, m metav1.ObjectMeta, word string, gone bool) {
			spec := kube.Fields{"clusterName": "none", "replicas": int64(1), "version": "v1.36.0-" + word, "template": object{"spec": object{"clusterName": "none", "version": "v1.36.0-" + word}}}
			switch m.Name[0] % 3 {
			case 0:
				put(c, &capi.Deployment{ObjectMeta: m, Spec: spec}, gone)
			case 1:
				put(c, &capi.Pool{ObjectMeta: m, Spec: spec}, gone)
			default:
				put(c, &capi.ControlPlane{ObjectMeta: m, Spec: spec}, gone)
			}
		})
	}, silence)
}

// put writes an object, new or changed, or takes it out.
func put[N kube.Named](c *kube.Cluster, obj *kube.Loose[N], gone bool) {
	switch {
	case gone:
		c.Remove(obj)
	case kube.Get[*kube.Loose[N]](c, obj.Namespace, obj.Name) == nil:
		c.Create(obj)
	default:
		kube.Change(c, obj.Namespace, obj.Name, func(old *kube.Loose[N]) {
			old.Spec = obj.Spec
			old.Generation++
		})
	}
}

// kept is how many changes the cluster of a site remembers.
const kept = 1024

// site is a served cluster with all kinds.
type site struct {
	*kube.Cluster
	id   *identity
	addr string
}

// place is three namespaces of a site, and somebody whose rights come and go, at the
// end of a line that can be cut.
type place[T backend.Object] struct {
	t      *testing.T
	mu     sync.Mutex
	site   *site
	id     string
	gate   *gate
	line   *backendtest.Line
	c      *kubeapi.Client
	source func(*kubeapi.Client) backend.Source[T]
	put    func(c *kube.Cluster, m metav1.ObjectMeta, word string, gone bool)
}

func newPlace[T backend.Object](t *testing.T, s *site, pages bool, source func(*kubeapi.Client) backend.Source[T], put func(*kube.Cluster, metav1.ObjectMeta, string, bool)) *place[T] {
	t.Helper()
	p := &place[T]{t: t, site: s, id: strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())), source: source, put: put}
	for _, name := range p.Scopes() {
		s.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	s.Create(&rbacv1.RoleBinding{ObjectMeta: metav1.ObjectMeta{Namespace: p.Scopes()[0], Name: "read"}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "read"}, Subjects: whom("narrow")})
	t.Cleanup(func() {
		for _, name := range p.Scopes() {
			s.Remove(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
		}
		s.Step()
	})
	p.gate = newGate(t, s, !pages)
	p.line = backendtest.NewLine(t, p.gate.Listener.Addr().String())
	set, err := link.Load(link.Options{Patience: backendtest.Patience, Kubeconfig: p.kubeconfig(), Namespaces: []string{p.Scopes()[0]}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Close)
	set.Start()
	p.c = kubeapi.New(set.All()[0])
	return p
}

// served is a cluster with all kinds, and somebody who may read all of it.
func served(t *testing.T, id *identity) *site {
	t.Helper()
	world := sandbox.New(nil, 0)
	read := []rbacv1.PolicyRule{{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{"*"}, Resources: []string{"*"}}}
	c := kube.New(world, kube.Options{
		Name: "one", Certificate: id.certificate, Key: id.key, Kinds: slices.Concat(argo.Kinds(), capi.Kinds()), Controllers: slices.Concat(argo.Controllers(world), capi.Controllers(world, nil)),
		Users: []kube.User{{Name: "reader", Token: "well"}, {Name: "closed", Token: "closed"}, {Name: "narrow", Token: "narrow"}}, Changes: kept,
	})
	c.Create(&rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "read"}, Rules: read})
	c.Create(&rbacv1.ClusterRoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "read"}, RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "read"}, Subjects: whom("reader")})
	s := &site{c, id, serve(t, c, id, "well")}
	for !serving() { // what it begins after its first answer, nobody is to take for left behind
		runtime.Gosched()
	}
	return s
}

// whom is a user as a binding names one.
func whom(name string) []rbacv1.Subject { return []rbacv1.Subject{{Kind: rbacv1.UserKind, Name: name}} }

// serving says whether whoever serves has begun all that is to be, and waits for the end.
func serving() bool {
	all := make([]byte, 1<<22)
	all = all[:runtime.Stack(all, true)]
	return slices.ContainsFunc(strings.Split(string(all), "\n\n"), func(one string) bool {
		head, stack, _ := strings.Cut(one, "\n")
		return strings.Contains(head, "[chan receive") && strings.Contains(stack, "sandbox/kube.(*Cluster).Serve(")
	})
}

// serve has a cluster answer, and says where.
func serve(t *testing.T, c *kube.Cluster, id *identity, token string) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- c.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	way := trusts(t, id)
	for {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+l.Addr().String()+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		if resp, err := way.RoundTrip(req); err == nil {
			_ = resp.Body.Close() // it is not read
			if resp.StatusCode == http.StatusOK {
				return l.Addr().String()
			}
		}
		if t.Context().Err() != nil {
			t.Fatal(t.Context().Err())
		}
	}
}

// trusts is a way to a server of the company.
func trusts(t *testing.T, id *identity) *http.Transport {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(id.authority)
	way := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(way.CloseIdleConnections)
	return way
}

func (p *place[T]) kubeconfig() string {
	ca := filepath.Join(p.t.TempDir(), "ca")
	config := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"one","clusters":[{"name":"c","cluster":{"server":"https://%s","certificate-authority":%q}}],
		"users":[{"name":"u","user":{"token":"well"}}],"contexts":[{"name":"one","context":{"cluster":"c","user":"u"}}]}`, p.line.Addr(), ca)
	file := filepath.Join(filepath.Dir(ca), "kubeconfig")
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.gate.Certificate().Raw})
	for name, content := range map[string][]byte{ca: authority, file: []byte(config)} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
	return file
}

func (p *place[T]) Source() backend.Source[T] { return p.source(p.c) }

func (p *place[T]) Scopes() [3]string { return [3]string{p.id + "-a", p.id + "-b", p.id + "-c"} }

func (p *place[T]) All() backend.Scope { return backend.Scope{Labels: "contract=" + p.id} }

func (*place[T]) Of(row T) backendtest.Object { return backendtest.Shown(row) }

// do changes the cluster, and lets its controllers look at that.
func (p *place[T]) do(scope, name, word string, gone bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.put(p.site.Cluster, metav1.ObjectMeta{Namespace: scope, Name: name, Labels: map[string]string{"contract": p.id}}, word, gone)
	p.site.Step()
}

func (p *place[T]) Put(scope, name, word string) { p.do(scope, name, word, false) }

func (p *place[T]) Remove(scope, name string) { p.do(scope, name, "", true) }

func (p *place[T]) Be(m backendtest.Mood) {
	p.gate.admit(map[backendtest.Mood]string{backendtest.Closed: "closed", backendtest.Narrow: "narrow"}[m])
	p.line.Be(m)
}

// Forget changes so much that the server keeps nothing of what was before.
func (p *place[T]) Forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.site.Create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: p.Scopes()[0], Name: "much"}})
	for n := range 2*kept + 1 {
		kube.Change(p.site.Cluster, p.Scopes()[0], "much", func(m *corev1.ConfigMap) { m.Data = map[string]string{"n": fmt.Sprint(n)} })
	}
	p.gate.end()
}

// gate passes requests on under the name of somebody who has the rights that are
// wanted; by pages it leads to a server that can't stream lists, which does not know
// the parameter without which there are none.
type gate struct {
	*httptest.Server
	mu      sync.Mutex
	token   string
	running map[*http.Request]context.CancelFunc
}

func newGate(t *testing.T, s *site, streams bool) *gate {
	t.Helper()
	g := &gate{running: map[*http.Request]context.CancelFunc{}}
	way := trusts(t, s.id)
	way.ForceAttemptHTTP2, way.DisableKeepAlives = false, true // the server outlives the gate, which leaves nothing with it
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "https", Host: s.addr})
			g.mu.Lock()
			defer g.mu.Unlock()
			if g.token != "" {
				r.Out.Header.Set("Authorization", "Bearer "+g.token)
			}
			if q := r.Out.URL.Query(); !streams && q.Get("watch") != "" {
				q.Del("resourceVersionMatch")
				r.Out.URL.RawQuery = q.Encode()
			}
		},
		Transport: way, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
	}
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		r = r.WithContext(ctx)
		if r.URL.Query().Get("watch") != "" {
			g.mu.Lock()
			g.running[r] = cancel
			g.mu.Unlock()
			defer func() {
				g.mu.Lock()
				defer g.mu.Unlock()
				delete(g.running, r)
			}()
		}
		proxy.ServeHTTP(w, r)
	}))
	g.EnableHTTP2 = true
	g.Config.ErrorLog = proxy.ErrorLog
	g.StartTLS()
	t.Cleanup(g.Close)
	return g
}

func (g *gate) admit(token string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.token = token
}

// end ends who watches.
func (g *gate) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, end := range g.running {
		end()
	}
}
