//go:build real

package kube

import (
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
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/link"
)

func TestRealPodsStreamed(t *testing.T) { realPods(t, true) }
func TestRealPodsByPages(t *testing.T)  { realPods(t, false, silenceOnce) }

func TestRealWorkloadsStreamed(t *testing.T) { realWorkloads(t, true, silenceOnce) }
func TestRealWorkloadsByPages(t *testing.T)  { realWorkloads(t, false) }

func realPods(t *testing.T, streams bool, without ...backendtest.Without) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[cluster.Pod] {
		return newRealWorld(t, streams, (*Cluster).Pods, pods)
	}, without...)
}

func realWorkloads(t *testing.T, streams bool, without ...backendtest.Without) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[cluster.Workload] {
		return newRealWorld(t, streams, (*Cluster).Workloads, workloads)
	}, without...)
}

// realWorld is namespaces of its own on a real control plane, and a user whose
// rights come and go, whom an administrator impersonates. The way to the server
// is a line that can be cut and frozen, and behind it a gate.
type realWorld[T backend.Object] struct {
	t        *testing.T
	id       string // of this world: names begin with it, and objects have it as a label
	admin    kubernetes.Interface
	gate     *gate
	line     *backendtest.Line
	links    *link.Set
	c        *Cluster
	source   func(*Cluster) backend.Source[T]
	resource func(name string) string
}

func newRealWorld[T backend.Object](t *testing.T, streams bool, source func(*Cluster) backend.Source[T], resource func(string) string) *realWorld[T] {
	t.Helper()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: os.Getenv("WHEELHOUSE_KUBECONFIG")},
		&clientcmd.ConfigOverrides{CurrentContext: "b"},
	).ClientConfig()
	if err != nil {
		t.Fatalf("read the kubeconfig that `make test-real` makes: %v", err)
	}
	config.QPS = -1
	w := &realWorld[T]{t: t, id: "contract-" + strings.ToLower(rand.Text()[:8]), source: source, resource: resource}
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { utilnet.CloseIdleConnectionsFor(client.Transport) })
	if w.admin, err = kubernetes.NewForConfigAndClient(config, client); err != nil {
		t.Fatal(err)
	}
	w.furnish()
	w.gate = newGate(t, config, client.Transport, streams)
	w.line = backendtest.NewLine(t, w.gate.Listener.Addr().String())
	w.links, err = link.Load(link.Options{Kubeconfig: w.kubeconfig(), As: w.id, Namespaces: []string{w.Scopes()[0]}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.links.Close)
	w.links.Start()
	w.c = New(kubeapi.New(w.links.All()[0]))
	return w
}

// kubeconfig leads through the line to the gate.
func (w *realWorld[T]) kubeconfig() string {
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
func (w *realWorld[T]) furnish() {
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
	_, err := w.admin.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: w.id},
		Rules: []rbacv1.PolicyRule{
			{Verbs: read, APIGroups: []string{""}, Resources: []string{"pods"}},
			{Verbs: read, APIGroups: []string{"apps"}, Resources: []string{"deployments", "statefulsets", "daemonsets"}},
		},
	}, metav1.CreateOptions{})
	w.must("make a role", err)
	w.t.Cleanup(func() {
		w.grant(false, false)
		w.must("delete the role", w.admin.RbacV1().ClusterRoles().Delete(context.Background(), w.id, metav1.DeleteOptions{}))
	})
	w.grant(true, false)
}

func (w *realWorld[T]) Source() backend.Source[T] { return w.source(w.c) }

func (w *realWorld[T]) Scopes() [3]string {
	return [3]string{w.id + "-one", w.id + "-two", w.id + "-three"}
}

// All is a label: the whole cluster is watched, of which others have a part.
func (w *realWorld[T]) All() backend.Scope { return backend.Scope{Labels: "contract=" + w.id} }

// Put applies an object that no controller makes anything of: a pod that no
// scheduler looks at, a deployment that is paused, no replicas, no node.
func (w *realWorld[T]) Put(scope, name, word string) {
	labels := map[string]any{"contract": w.id}
	object := map[string]any{"metadata": map[string]any{"name": name, "labels": labels}}
	containers := []any{map[string]any{"name": "app", "image": word}}
	template := map[string]any{"metadata": map[string]any{"labels": labels}, "spec": map[string]any{"containers": containers}}
	selector := map[string]any{"matchLabels": labels}
	resource := w.resource(name)
	switch resource {
	case "pods":
		object["kind"], object["apiVersion"] = "Pod", "v1"
		object["spec"] = map[string]any{"schedulerName": "nobody", "containers": []any{map[string]any{"name": "app", "image": "app"}}}
		w.apply(resource, scope, name, "", object)
		delete(object, "spec")
		object["status"] = map[string]any{"reason": word}
		w.apply(resource, scope, name, "status", object)
		return
	case "deployments":
		object["kind"] = "Deployment"
		object["spec"] = map[string]any{"replicas": 0, "paused": true, "selector": selector, "template": template}
	case "statefulsets":
		object["kind"] = "StatefulSet"
		object["spec"] = map[string]any{"replicas": 0, "serviceName": "none", "selector": selector, "template": template}
	case "daemonsets":
		object["kind"] = "DaemonSet"
		template["spec"].(map[string]any)["nodeSelector"] = map[string]any{"contract": "nowhere"}
		object["spec"] = map[string]any{"selector": selector, "template": template}
	}
	object["apiVersion"] = "apps/v1"
	w.apply(resource, scope, name, "", object)
}

func (w *realWorld[T]) apply(resource, scope, name, sub string, object map[string]any) {
	body, err := json.Marshal(object)
	w.must("encode", err)
	req := w.client(resource).Patch(types.ApplyPatchType).Namespace(scope).Resource(resource).Name(name)
	if sub != "" {
		req = req.SubResource(sub)
	}
	req = req.Param("fieldManager", "contract").Param("force", "true").Body(body)
	w.must("apply "+resource+" "+name, req.Do(context.Background()).Error())
}

func (w *realWorld[T]) client(resource string) rest.Interface {
	if resource == "pods" {
		return w.admin.CoreV1().RESTClient()
	}
	return w.admin.AppsV1().RESTClient()
}

func (w *realWorld[T]) Remove(scope, name string) {
	now := int64(0)
	body := &metav1.DeleteOptions{GracePeriodSeconds: &now}
	w.must("delete "+name, w.client(w.resource(name)).Delete().Namespace(scope).Resource(w.resource(name)).Name(name).Body(body).Do(context.Background()).Error())
}

func (w *realWorld[T]) Be(m backendtest.Mood) {
	w.grant(m != backendtest.Closed && m != backendtest.Narrow, m == backendtest.Narrow)
	if m == backendtest.Silent {
		introduced(w.links, w.c.Link())
	}
	w.line.Be(m)
	if m == backendtest.Silent {
		w.c.Link().Report(errors.New("a request got no answer")) // or it would be looked at a little later
	}
}

// grant binds the role, or takes it away, and waits until the server acts on it.
func (w *realWorld[T]) grant(everywhere, inOne bool) {
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
			User: w.id, ResourceAttributes: &authv1.ResourceAttributes{Namespace: right.namespace, Verb: "watch", Resource: "pods"},
		}}
		w.until("the rights to be known", func(ctx context.Context) (bool, error) {
			answer, err := w.admin.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
			return err == nil && answer.Status.Allowed == right.want, err
		})
	}
}

// Forget makes a change that nobody watches, and has the gate take whatever was
// known before it for forgotten.
func (w *realWorld[T]) Forget() {
	at, err := w.admin.CoreV1().ConfigMaps(w.Scopes()[0]).Create(context.Background(), &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "now-"}}, metav1.CreateOptions{})
	w.must("make a change", err)
	version, err := strconv.Atoi(at.ResourceVersion)
	w.must("read a version", err)
	w.gate.forget(version)
}

func (w *realWorld[T]) must(what string, err error) {
	if err != nil {
		w.t.Errorf("%s: %v", what, err)
	}
}

func (w *realWorld[T]) until(what string, ok func(context.Context) (bool, error)) {
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
