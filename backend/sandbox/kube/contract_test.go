package kube

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"wheelhouse/backend"
	adapter "wheelhouse/backend/adapters/kube"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/link"
)

// once leaves out what is the line's or the source's own matter; more
// are named that pods have shown already.
func once(more ...string) (out []backendtest.Without) {
	for _, name := range []string{"survives silence", "survives 410 while it watches"} {
		out = append(out, backendtest.Without{Case: name, Why: "the adapter's own suite shows it"})
	}
	for _, name := range more {
		out = append(out, backendtest.Without{Case: name, Why: "pods show it, streamed and by pages"})
	}
	return out
}

// losses are the cases in which the way to the server is cut.
func losses() []string {
	return []string{"survives a cut", "survives a cut and 410", "is down from the start"}
}

// TestContract: all at one site, where each world has namespaces of its own.
func TestContract(t *testing.T) {
	s := newSite(t)
	t.Run("pods streamed", func(t *testing.T) { contractPods(t, s, false, once()...) })
	t.Run("pods by pages", func(t *testing.T) { contractPods(t, s, true, once()...) })
	t.Run("workloads streamed", func(t *testing.T) { contractWorkloads(t, s, false, once(losses()...)...) })
	t.Run("workloads by pages", func(t *testing.T) { contractWorkloads(t, s, true, once(losses()...)...) })
	t.Run("namespaces", func(t *testing.T) { contractNamespaces(t, s) })
}

func contractPods(t *testing.T, s *site, pages bool, without ...backendtest.Without) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[cluster.Pod] {
		return newWorld(t, s, pages, func(c *adapter.Cluster) backend.Source[cluster.Pod] { return c.Pods() }, ofPod)
	}, without...)
}

func contractWorkloads(t *testing.T, s *site, pages bool, without ...backendtest.Without) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[cluster.Workload] {
		return newWorld(t, s, pages, func(c *adapter.Cluster) backend.Source[cluster.Workload] { return c.Workloads() }, ofWorkload)
	}, without...)
}

// contractNamespaces: those that there are, and those that come and go.
func contractNamespaces(t *testing.T, s *site) {
	without := append(once(losses()...), backendtest.Without{Case: "keeps to its scope", Why: "they are in none"}, backendtest.Without{Case: "shows what it may", Why: "they are in none"})
	backendtest.Source(t, func(t *testing.T) backendtest.World[cluster.Namespace] {
		return newWorld(t, s, false, func(c *adapter.Cluster) backend.Source[cluster.Namespace] { return c.Namespaces() }, ofNamespace)
	}, without...)
}

// ofPod is a pod that no scheduler looks at.
func ofPod(m metav1.ObjectMeta, word string) runtime.Object {
	return &corev1.Pod{
		ObjectMeta: m, Spec: corev1.PodSpec{SchedulerName: "nobody", Containers: []corev1.Container{{Name: "app", Image: "app"}}}, Status: corev1.PodStatus{Phase: corev1.PodPending, Reason: word},
	}
}

// ofWorkload is a workload of which nothing comes: paused, without replicas, or for a
// node that is not there; of which kind its name says.
func ofWorkload(m metav1.ObjectMeta, word string) runtime.Object {
	of := &metav1.LabelSelector{MatchLabels: m.Labels}
	pods := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: m.Labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: word}}, NodeSelector: map[string]string{"contract": "nowhere"}},
	}
	switch m.Name[0] % 3 {
	case 0:
		return &appsv1.Deployment{ObjectMeta: m, Spec: appsv1.DeploymentSpec{Replicas: new(int32), Paused: true, Selector: of, Template: pods}}
	case 1:
		return &appsv1.StatefulSet{ObjectMeta: m, Spec: appsv1.StatefulSetSpec{Replicas: new(int32), Selector: of, Template: pods}}
	}
	return &appsv1.DaemonSet{ObjectMeta: m, Spec: appsv1.DaemonSetSpec{Selector: of, Template: pods}}
}

func ofNamespace(m metav1.ObjectMeta, word string) runtime.Object {
	m.Namespace = ""
	return &corev1.Namespace{ObjectMeta: m, Status: corev1.NamespaceStatus{Phase: corev1.NamespacePhase(word)}}
}

// world is three namespaces of a site, and somebody whose rights come and go, at the
// end of a line that can be cut.
type world[T backend.Object] struct {
	t      *testing.T
	site   *site
	id     string
	line   *backendtest.Line
	c      *adapter.Cluster
	source func(*adapter.Cluster) backend.Source[T]
	of     func(m metav1.ObjectMeta, word string) runtime.Object
}

func newWorld[T backend.Object](t *testing.T, s *site, pages bool, source func(*adapter.Cluster) backend.Source[T], of func(m metav1.ObjectMeta, word string) runtime.Object) *world[T] {
	t.Helper()
	w := &world[T]{t: t, site: s, id: strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())), source: source, of: of}
	for _, scope := range w.Scopes() {
		s.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: scope}})
	}
	t.Cleanup(func() {
		for _, scope := range w.Scopes() {
			s.Remove(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: scope}})
		}
	})
	w.line = backendtest.NewLine(t, w.entrance(pages))
	set, err := link.Load(link.Options{Patience: backendtest.Patience, Kubeconfig: w.kubeconfig(), Namespaces: []string{w.Scopes()[0]}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Close)
	w.Be(backendtest.Well)
	set.Start()
	w.c = adapter.New(kubeapi.New(set.All()[0]))
	return w
}

// entrance is where the server is reached; by pages, one that can't stream lists, as
// those before 1.32: it does not know the parameter without which there is none.
func (w *world[T]) entrance(pages bool) string {
	to, err := url.Parse(w.site.url)
	if err != nil {
		w.t.Fatal(err)
	}
	if !pages {
		return to.Host
	}
	certificate, err := tls.X509KeyPair(w.site.o.Certificate, w.site.o.Key)
	if err != nil {
		w.t.Fatal(err)
	}
	way := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true} //nolint:gosec // it is our own
	s := httptest.NewUnstartedServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			q := r.Out.URL.Query()
			if q.Get("watch") != "" {
				q.Del("resourceVersionMatch")
			}
			r.Out.URL.RawQuery = q.Encode()
		},
		Transport: way, FlushInterval: -1, ErrorLog: log.New(io.Discard, "", 0),
	})
	s.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}} //nolint:gosec // as the server's
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	w.t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func (w *world[T]) kubeconfig() string {
	ca := filepath.Join(w.t.TempDir(), "ca")
	config := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"one","clusters":[{"name":"c","cluster":{"server":"https://%s","certificate-authority":%q}}],
		"users":[{"name":"u","user":{"token":"r"}}],"contexts":[{"name":"one","context":{"cluster":"c","user":"u"}}]}`, w.line.Addr(), ca)
	file := filepath.Join(filepath.Dir(ca), "kubeconfig")
	for name, content := range map[string][]byte{ca: w.site.authority, file: []byte(config)} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
	return file
}

func (w *world[T]) Source() backend.Source[T] { return w.source(w.c) }

func (w *world[T]) Scopes() [3]string { return [3]string{w.id + "-a", w.id + "-b", w.id + "-c"} }

func (w *world[T]) All() backend.Scope { return backend.Scope{Labels: "contract=" + w.id} }

func (w *world[T]) Of(row T) backendtest.Object { return backendtest.Shown(row) }

func (w *world[T]) Put(scope, name, word string) {
	obj := w.of(metav1.ObjectMeta{Namespace: scope, Name: name, Labels: map[string]string{"contract": w.id}}, word)
	if k := w.site.kindOf(obj); k.Default != nil {
		k.Default(obj)
	}
	m := metaOf(obj)
	if old := w.site.memory.get(w.site.kindOf(obj).key(m.GetNamespace(), name)); old != nil {
		m.SetUID(metaOf(old).GetUID())
	}
	w.site.Put(obj)
}

func (w *world[T]) Remove(scope, name string) {
	w.site.Remove(w.of(metav1.ObjectMeta{Namespace: scope, Name: name}, ""))
}

func (w *world[T]) Be(m backendtest.Mood) {
	read := rbacv1.PolicyRule{Verbs: []string{"get", "list", "watch"}, APIGroups: []string{"*"}, Resources: []string{"*"}}
	w.site.allow("reader", "")
	w.site.allow("reader", w.Scopes()[0])
	switch m {
	case backendtest.Closed:
	case backendtest.Narrow:
		w.site.allow("reader", w.Scopes()[0], read)
	default:
		w.site.allow("reader", "", read)
	}
	w.line.Be(m)
}

// Forget has the server forget what was before now.
func (w *world[T]) Forget() {
	w.site.Put(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: w.id}})
	w.site.memory.forget()
}

// forget drops what has changed, so that whoever asks for it is told that it has
// expired, and ends who watches.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.changes, m.pages = nil, nil
	for w := range m.watchers {
		w.stop()
	}
}
