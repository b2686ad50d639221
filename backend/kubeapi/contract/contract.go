//go:build real

// Package contract is a real control plane as the contract suite of backendtest
// wants a server: an adapter on a cluster says which kinds its feed has and how an
// object of them is made, and gets a world.
package contract

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/link"
)

// A Kind is one of the kinds of a feed.
type Kind struct {
	Group, Version, Plural string
	// Objects are what is applied, in this order, so that a row holds word: an object
	// that no controller makes anything of. labels are to be on it,
	// and it may add to them.
	Objects func(word string, labels map[string]any) []Part
}

// A Part is an object, or its subresource, as it is applied: without metadata.
type Part struct {
	Sub    string // empty: the object itself
	Object map[string]any
}

// Subject is what is to keep the contract.
type Subject[T backend.Object] struct {
	Source func(*kubeapi.Client) backend.Source[T]
	Kinds  []Kind // objects are spread over them by their names
	Pages  bool   // the server can't stream lists
	On     string // which of the clusters knows the kinds; empty: b, where nobody's tests disturb it
}

// world is namespaces of its own on a real control plane, and a user whose
// rights come and go, whom an administrator impersonates. The way to the server
// is a line that can be cut and frozen, and behind it a gate.
type world[T backend.Object] struct {
	t       *testing.T
	id      string // of this world: names begin with it, and objects have it as a label
	admin   kubernetes.Interface
	gate    *gate
	line    *backendtest.Line
	links   *link.Set
	c       *kubeapi.Client
	subject Subject[T]
}

// New makes a world on the control plane that `make test-real` starts.
func New[T backend.Object](t *testing.T, subject Subject[T]) backendtest.World[T] {
	t.Helper()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: os.Getenv("WHEELHOUSE_KUBECONFIG")},
		&clientcmd.ConfigOverrides{CurrentContext: cmp.Or(subject.On, "b")},
	).ClientConfig()
	if err != nil {
		t.Fatalf("read the kubeconfig that `make test-real` makes: %v", err)
	}
	config.QPS = -1
	w := &world[T]{t: t, id: "contract-" + strings.ToLower(rand.Text()[:8]), subject: subject}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { utilnet.CloseIdleConnectionsFor(client.Transport) })
	if w.admin, err = kubernetes.NewForConfigAndClient(config, client); err != nil {
		t.Fatal(err)
	}
	w.furnish()
	w.gate = newGate(t, config, client.Transport, !subject.Pages)
	w.line = backendtest.NewLine(t, w.gate.Listener.Addr().String())
	w.links, err = link.Load(link.Options{Patience: backendtest.Patience, Kubeconfig: w.kubeconfig(), As: w.id, Namespaces: []string{w.Scopes()[0]}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.links.Close)
	w.links.Start()
	w.c = kubeapi.New(w.links.All()[0])
	return w
}

// kubeconfig leads through the line to the gate.
func (w *world[T]) kubeconfig() string {
	k := clientcmdapi.NewConfig()
	k.CurrentContext = "b"
	k.Contexts["b"] = &clientcmdapi.Context{Cluster: "b", AuthInfo: "admin"}
	k.Clusters["b"] = &clientcmdapi.Cluster{
		Server:                   "https://" + w.line.Addr(),
		CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.gate.Certificate().Raw}),
	}
	k.AuthInfos["admin"] = &clientcmdapi.AuthInfo{Token: w.gate.token}
	file := filepath.Join(w.t.TempDir(), "kubeconfig")
	w.must("write a kubeconfig", clientcmd.WriteToFile(*k, file))
	return file
}

// furnish makes the namespaces, and a role that reads what is watched.
func (w *world[T]) furnish() {
	ctx := w.t.Context()
	for _, name := range w.Scopes() {
		_, err := w.admin.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
		w.must("make a namespace", err)
		w.t.Cleanup(func() {
			w.must("delete a namespace", w.admin.CoreV1().Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{}))
		})
		w.until("its account, without which there are no pods", func(ctx context.Context) (bool, error) {
			_, err := w.admin.CoreV1().ServiceAccounts(name).Get(ctx, "default", metav1.GetOptions{})
			return err == nil, ignore(err, apierrors.IsNotFound)
		})
	}
	read := []string{"get", "list", "watch"}
	var rules []rbacv1.PolicyRule
	for _, k := range w.subject.Kinds {
		rules = append(rules, rbacv1.PolicyRule{Verbs: read, APIGroups: []string{k.Group}, Resources: []string{k.Plural}})
	}
	_, err := w.admin.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: w.id}, Rules: rules}, metav1.CreateOptions{})
	w.must("make a role", err)
	w.t.Cleanup(func() {
		w.grant(false, false)
		w.must("delete the role", w.admin.RbacV1().ClusterRoles().Delete(context.Background(), w.id, metav1.DeleteOptions{}))
	})
	w.grant(true, false)
}

func (w *world[T]) Source() backend.Source[T] { return w.subject.Source(w.c) }

func (w *world[T]) Scopes() [3]string {
	return [3]string{w.id + "-one", w.id + "-two", w.id + "-three"}
}

// All is a label: the whole cluster is watched, of which others have a part.
func (w *world[T]) All() backend.Scope { return backend.Scope{Labels: "contract=" + w.id} }

// kind is which kind an object of that name is.
func (w *world[T]) kind(name string) Kind { return w.subject.Kinds[int(name[0])%len(w.subject.Kinds)] }

// path is that of an object.
func (k Kind) path(scope, name string) string {
	prefix := "/apis/" + k.Group
	if k.Group == "" {
		prefix = "/api"
	}
	return prefix + "/" + k.Version + "/namespaces/" + scope + "/" + k.Plural + "/" + name
}

func (w *world[T]) Put(scope, name, word string) {
	k, labels := w.kind(name), map[string]any{"contract": w.id}
	for _, p := range k.Objects(word, labels) {
		p.Object["metadata"] = map[string]any{"name": name, "labels": labels}
		body, err := json.Marshal(p.Object)
		w.must("encode", err)
		req := w.admin.CoreV1().RESTClient().Patch(types.ApplyPatchType).AbsPath(k.path(scope, name))
		if p.Sub != "" {
			req = req.Suffix(p.Sub)
		}
		req = req.Param("fieldManager", "contract").Param("force", "true").Body(body)
		w.must("apply "+k.Plural+" "+name, req.Do(context.Background()).Error())
	}
}

func (w *world[T]) Remove(scope, name string) {
	now := int64(0)
	body := &metav1.DeleteOptions{GracePeriodSeconds: &now}
	w.must("delete "+name, w.admin.CoreV1().RESTClient().Delete().AbsPath(w.kind(name).path(scope, name)).Body(body).Do(context.Background()).Error())
}

func (w *world[T]) Of(row T) backendtest.Object { return backendtest.Shown(row) }

func (w *world[T]) Be(m backendtest.Mood) {
	w.grant(m != backendtest.Closed && m != backendtest.Narrow, m == backendtest.Narrow)
	if m == backendtest.Silent {
		w.c.Link().Introduced(context.Background())
	}
	w.line.Be(m)
	if m == backendtest.Silent {
		w.c.Link().Report(errors.New("a request got no answer")) // or it would be looked at a little later
	}
}

// grant binds the role, or takes it away, and waits until the server acts on it.
func (w *world[T]) grant(everywhere, inOne bool) {
	ctx, one := context.Background(), w.Scopes()[0]
	meta := metav1.ObjectMeta{Name: w.id}
	role := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: w.id}
	who := []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: w.id}}
	all, some := w.admin.RbacV1().ClusterRoleBindings(), w.admin.RbacV1().RoleBindings(one)
	var err error
	if everywhere {
		_, err = all.Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: meta, RoleRef: role, Subjects: who}, metav1.CreateOptions{})
	} else {
		err = all.Delete(ctx, w.id, metav1.DeleteOptions{})
	}
	w.must("bind the role", ignore(ignore(err, apierrors.IsAlreadyExists), apierrors.IsNotFound))
	if inOne {
		_, err = some.Create(ctx, &rbacv1.RoleBinding{ObjectMeta: meta, RoleRef: role, Subjects: who}, metav1.CreateOptions{})
	} else {
		err = some.Delete(ctx, w.id, metav1.DeleteOptions{})
	}
	w.must("bind the role in one namespace", ignore(ignore(err, apierrors.IsAlreadyExists), apierrors.IsNotFound))
	for _, right := range []struct {
		namespace string
		want      bool
	}{{"", everywhere}, {one, everywhere || inOne}} {
		review := &authv1.SubjectAccessReview{Spec: authv1.SubjectAccessReviewSpec{
			User: w.id, ResourceAttributes: &authv1.ResourceAttributes{Namespace: right.namespace, Verb: "watch", Group: w.subject.Kinds[0].Group, Resource: w.subject.Kinds[0].Plural},
		}}
		w.until("the rights to be known", func(ctx context.Context) (bool, error) {
			answer, err := w.admin.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
			return err == nil && answer.Status.Allowed == right.want, err
		})
	}
}

// Forget makes a change that nobody watches, and has the gate take whatever was
// known before it for forgotten.
func (w *world[T]) Forget() {
	at, err := w.admin.CoreV1().ConfigMaps(w.Scopes()[0]).Create(context.Background(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "now-"}}, metav1.CreateOptions{})
	w.must("make a change", err)
	version, err := strconv.Atoi(at.ResourceVersion)
	w.must("read a version", err)
	w.gate.forget(version)
}

func (w *world[T]) must(what string, err error) {
	if err != nil {
		w.t.Errorf("%s: %v", what, err)
	}
}

func (w *world[T]) until(what string, ok func(context.Context) (bool, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		done, err := ok(ctx)
		if err != nil {
			w.t.Fatalf("wait for %s: %v", what, err)
		}
		if done {
			return
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("wait for %s: %v", what, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func ignore(err error, kind func(error) bool) error {
	if kind(err) {
		return nil
	}
	return err
}

// gate passes requests on to the server, and has the server itself refuse what
// a test wants refused: a server that loses its history would have to be
// restarted, and one that can't stream lists to be another. A watch from a
// version that is forgotten asks the server for version 1, which is long gone,
// and one that may not stream a list lacks a parameter without which there is
// none.
type gate struct {
	*httptest.Server
	token   string
	streams bool

	mu      sync.Mutex
	floor   int // versions below it are forgotten
	running map[*http.Request]context.CancelFunc
}

func newGate(t *testing.T, to *rest.Config, way http.RoundTripper, streams bool) *gate {
	t.Helper()
	server, err := url.Parse(to.Host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(server) },
		Transport:     way,
		FlushInterval: -1, // at once
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	g := &gate{token: to.BearerToken, streams: streams, running: map[*http.Request]context.CancelFunc{}}
	g.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		r = r.WithContext(ctx)
		if r.URL.Query().Get("watch") != "" {
			g.pass(r, cancel)
			defer g.passed(r)
		}
		proxy.ServeHTTP(w, r)
	}))
	g.EnableHTTP2 = true
	g.Config.ErrorLog = proxy.ErrorLog
	g.StartTLS()
	t.Cleanup(g.Close)
	return g
}

// pass makes of a watch what the server shall be asked for.
func (g *gate) pass(r *http.Request, cancel context.CancelFunc) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running[r] = cancel
	q := r.URL.Query()
	if !g.streams {
		q.Del("resourceVersionMatch")
	}
	if at, err := strconv.Atoi(q.Get("resourceVersion")); err == nil && at < g.floor {
		q.Set("resourceVersion", "1")
	}
	r.URL.RawQuery = q.Encode()
}

func (g *gate) passed(r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.running, r)
}

// forget ends the watches that there are, too.
func (g *gate) forget(below int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.floor = below
	for _, end := range g.running {
		end()
	}
}
