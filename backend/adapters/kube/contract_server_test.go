package kube

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"wheelhouse/backend/kubeapi/kubeapitest"

	"google.golang.org/protobuf/encoding/protowire"
	appsv1 "k8s.io/api/apps/v1"
	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// plane is a server that sources can follow: it speaks protobuf lists, by pages,
// and watches from a version or with the list streamed before, as a Kubernetes
// API server does. What it says of rights is true of lists, watches and reviews.
type plane struct {
	*httptest.Server
	t       *testing.T
	streams bool // it streams lists; an old one does not

	mu      sync.Mutex
	turned  chan struct{} // closed and replaced at each change
	objects map[string]kept
	log     []kept
	version int
	floor   int              // of an older version nothing is known any more
	pages   map[string]list  // what is left of a list, by its continuation
	may     []string         // the namespaces that may be read; nil: all
	more    http.HandlerFunc // answers for single objects and logs; nil: nobody does
}

// kept is an object as of one change, which is what event says.
type kept struct {
	resource, namespace, name string

	event   string
	uid     string
	version int
	raw     []byte
	pod     *corev1.Pod // set where it is one that says more than a word
}

// asked is which objects a request is about.
type asked struct {
	resource, namespace, name string
	labels                    labels.Selector
}

func askedBy(resource, namespace string, q url.Values) asked {
	a := asked{resource: resource, namespace: namespace, labels: labels.Everything()}
	_, a.name, _ = strings.Cut(q.Get("fieldSelector"), "metadata.name=")
	if by, err := labels.Parse(q.Get("labelSelector")); err == nil {
		a.labels = by
	}
	return a
}

// list is objects as of a version.
type list struct {
	version int
	items   []kept
}

func newPlane(t *testing.T, streams bool) *plane {
	t.Helper()
	p := &plane{t: t, streams: streams, turned: make(chan struct{}), objects: map[string]kept{}, pages: map[string]list{}, version: 7, floor: 7}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (k kept) path() string { return k.resource + "/" + k.namespace + "/" + k.name }

// put adds an object or changes it; word is what its row shows of it.
func (p *plane) put(resource, namespace, name, word string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := kept{resource: resource, namespace: namespace, name: name, event: "ADDED"}
	if before, is := p.objects[k.path()]; is {
		k.event, k.uid = "MODIFIED", before.uid
	}
	p.turn(k, word)
	home := kept{resource: "namespaces", name: namespace, event: "ADDED"}
	if _, is := p.objects[home.path()]; !is {
		p.turn(home, "Active")
	}
}

// putPod is put for a pod of which its labels, its spec and its status matter.
func (p *plane) putPod(pod *corev1.Pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := kept{resource: "pods", namespace: pod.Namespace, name: pod.Name, event: "ADDED", pod: pod}
	if before, is := p.objects[k.path()]; is {
		k.event, k.uid = "MODIFIED", before.uid
	}
	p.turn(k, "")
}

func (p *plane) remove(resource, namespace, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := kept{resource: resource, namespace: namespace, name: name}
	k.event, k.uid, k.pod = "DELETED", p.objects[k.path()].uid, p.objects[k.path()].pod
	p.turn(k, "")
}

// turn makes a change. p.mu is held.
func (p *plane) turn(k kept, word string) {
	p.version++
	k.version = p.version
	k.uid = cmp.Or(k.uid, fmt.Sprint("uid-", p.version))
	k.raw = kubeapitest.Wired(p.t, k.object(word))
	if p.objects[k.path()] = k; k.event == "DELETED" {
		delete(p.objects, k.path())
	}
	p.log = append(p.log, k)
	p.wake()
}

// wake is called with p.mu held.
func (p *plane) wake() {
	close(p.turned)
	p.turned = make(chan struct{})
}

func (k kept) object(word string) kubeapitest.Message {
	meta := metav1.ObjectMeta{Name: k.name, Namespace: k.namespace, UID: types.UID(k.uid), ResourceVersion: strconv.Itoa(k.version), CreationTimestamp: at7(0)}
	template := corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: word}}}}
	if k.pod != nil {
		pod := k.pod.DeepCopy()
		meta.Labels = pod.Labels
		pod.ObjectMeta = meta
		return pod
	}
	switch k.resource {
	case "usages":
		return measured(meta, word)
	case "deployments":
		return &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{Template: template}}
	case "statefulsets":
		return &appsv1.StatefulSet{ObjectMeta: meta, Spec: appsv1.StatefulSetSpec{Template: template}}
	case "daemonsets":
		return &appsv1.DaemonSet{ObjectMeta: meta, Spec: appsv1.DaemonSetSpec{Template: template}}
	case "namespaces":
		return &corev1.Namespace{ObjectMeta: meta, Status: corev1.NamespaceStatus{Phase: corev1.NamespacePhase(word)}}
	}
	return &corev1.Pod{ObjectMeta: meta, Spec: template.Spec, Status: corev1.PodStatus{Reason: word}}
}

// permit says which namespaces may be read from now on; nil is everything.
func (p *plane) permit(namespaces []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.may = namespaces
}

// forget drops the history, and with it what lists are in the middle of.
func (p *plane) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.version++
	p.floor, p.log = p.version, nil
	clear(p.pages)
	p.wake()
}

// ServeHTTP implements http.Handler.
func (p *plane) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		p.review(w, r)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/api/v1/")
	if !ok {
		path, ok = strings.CutPrefix(r.URL.Path, "/apis/apps/v1/")
	}
	if !ok {
		if path, ok = strings.CutPrefix(r.URL.Path, "/apis/metrics.k8s.io/v1beta1/"); ok {
			path = strings.TrimSuffix(path, "pods") + "usages"
		}
	}
	if !ok { // /livez, /version
		answer(w, http.StatusOK, map[string]any{"gitVersion": "v1.36.3"})
		return
	}
	namespace, resource := "", path
	if within, ok := strings.CutPrefix(path, "namespaces/"); ok {
		namespace, resource, _ = strings.Cut(within, "/")
	}
	a := askedBy(resource, namespace, r.URL.Query())
	switch q := r.URL.Query(); {
	case p.more != nil && strings.Contains(resource, "/"):
		p.more(w, r)
	case !p.permitted(namespace, resource):
		p.refuse(w, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", fmt.Errorf("the test says no")))
	case q.Get("watch") != "":
		p.watch(w, r, a)
	default:
		p.list(w, a, q.Get("limit"), q.Get("continue"))
	}
}

func (p *plane) permitted(namespace, resource string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.may == nil || slices.Contains(p.may, namespace) || resource == "namespaces" && len(p.may) > 0
}

// review answers what may be done, and who asks.
func (p *plane) review(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	asked := authv1.SelfSubjectAccessReview{Spec: authv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authv1.ResourceAttributes{}}}
	if raw, ok := kubeapitest.Unsealed(body); ok { // else it is who asks, which the link wants to know
		if err := asked.Unmarshal(raw); err != nil {
			p.refuse(w, apierrors.NewBadRequest(err.Error()))
			return
		}
	}
	about := asked.Spec.ResourceAttributes
	answer(w, http.StatusCreated, map[string]any{
		"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
		"status": map[string]any{"allowed": p.permitted(about.Namespace, about.Resource), "userInfo": map[string]any{"username": "ops"}},
	})
}

// refuse answers with a Status, as protobuf like everything else.
func (p *plane) refuse(w http.ResponseWriter, err *apierrors.StatusError) {
	w.Header().Set("Content-Type", kubeapitest.Protobuf)
	w.WriteHeader(int(err.ErrStatus.Code))
	_, _ = w.Write(kubeapitest.Sealed(p.t, "Status", kubeapitest.Wired(p.t, &err.ErrStatus)))
}

// all gives what there is, by namespace and name. p.mu is held.
func (p *plane) all(a asked) list {
	l := list{version: p.version}
	for _, path := range slices.Sorted(maps.Keys(p.objects)) {
		if k := p.objects[path]; k.of(a) {
			l.items = append(l.items, k)
		}
	}
	return l
}

func (k kept) of(a asked) bool {
	var has labels.Set
	if k.pod != nil {
		has = k.pod.Labels
	}
	return k.resource == a.resource && (a.namespace == "" || a.namespace == k.namespace) && (a.name == "" || a.name == k.name) && a.labels.Matches(has)
}

var listKinds = map[string]string{
	"pods": "PodList", "namespaces": "NamespaceList", "deployments": "DeploymentList", "statefulsets": "StatefulSetList", "daemonsets": "DaemonSetList", "usages": "PodMetricsList",
}

// list answers with one page. All pages are as of the first one's version.
func (p *plane) list(w http.ResponseWriter, a asked, limit, token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, known := p.pages[token]
	switch {
	case token == "":
		l = p.all(a)
	case !known:
		p.refuse(w, apierrors.NewResourceExpired("The provided continue parameter is too old"))
		return
	}
	meta := metav1.ListMeta{ResourceVersion: strconv.Itoa(l.version)}
	page := l.items
	if n, err := strconv.Atoi(limit); err == nil && n < len(page) {
		page = l.items[:n]
		meta.Continue = fmt.Sprintf("%s-%s-%d-%d", a.resource, a.namespace, l.version, len(l.items))
		p.pages[meta.Continue] = list{l.version, l.items[n:]}
	}
	b := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), kubeapitest.Wired(p.t, &meta))
	for _, k := range page {
		b = protowire.AppendBytes(protowire.AppendTag(b, 2, protowire.BytesType), k.raw)
	}
	w.Header().Set("Content-Type", kubeapitest.Protobuf)
	_, _ = w.Write(kubeapitest.Sealed(p.t, listKinds[a.resource], b))
}

// watch sends what is new until whoever asked is gone, or has missed something.
func (p *plane) watch(w http.ResponseWriter, r *http.Request, a asked) {
	at, out, refused := p.begin(r, a)
	if refused != nil {
		p.refuse(w, refused)
		return
	}
	w.Header().Set("Content-Type", kubeapitest.Protobuf+";stream=watch")
	w.WriteHeader(http.StatusOK)
	for over := false; ; {
		_, _ = w.Write(out)
		w.(http.Flusher).Flush()
		if over {
			return
		}
		p.mu.Lock()
		turned, now := p.turned, p.version
		if out = nil; now > at {
			out, over = p.since(at, a)
		}
		p.mu.Unlock()
		if at = now; out != nil {
			continue
		}
		select {
		case <-turned:
		case <-r.Context().Done():
			return
		}
	}
}

// begin gives from which version a watch goes on, and what comes first.
func (p *plane) begin(r *http.Request, a asked) (at int, out []byte, refused *apierrors.StatusError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	if q.Get("sendInitialEvents") != "true" {
		if at, _ = strconv.Atoi(q.Get("resourceVersion")); at < p.floor {
			return 0, nil, apierrors.NewResourceExpired(fmt.Sprintf("too old resource version: %d (%d)", at, p.floor))
		}
		return at, nil, nil
	}
	if !p.streams {
		return 0, nil, apierrors.NewInvalid(schema.GroupKind{Group: "meta.k8s.io", Kind: "ListOptions"}, "", nil)
	}
	for _, k := range p.all(a).items {
		out = append(out, kubeapitest.Frame(p.t, "ADDED", k.raw)...)
	}
	return p.version, append(out, p.bookmark(map[string]string{"k8s.io/initial-events-end": "true"})...), nil
}

// bookmark says which version it is. p.mu is held.
func (p *plane) bookmark(annotations map[string]string) []byte {
	meta := metav1.ObjectMeta{ResourceVersion: strconv.Itoa(p.version), Annotations: annotations}
	return kubeapitest.Frame(p.t, "BOOKMARK", kubeapitest.Wired(p.t, &corev1.Pod{ObjectMeta: meta}))
}

// since gives the changes after a version; over says that they are not known any
// more. Where none of them is asked for, a bookmark says so. p.mu is held.
func (p *plane) since(at int, a asked) (out []byte, over bool) {
	if at < p.floor {
		status := apierrors.NewResourceExpired("too old resource version").ErrStatus
		return kubeapitest.Frame(p.t, "ERROR", kubeapitest.Wired(p.t, &status)), true
	}
	for _, k := range p.log {
		if k.version > at && k.of(a) {
			out = append(out, kubeapitest.Frame(p.t, k.event, k.raw)...)
		}
	}
	if out == nil {
		out = p.bookmark(nil)
	}
	return out, false
}
