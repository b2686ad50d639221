package kube

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/link"
)

// api is a server that keeps objects by their paths and speaks the part of the
// Kubernetes API that changes need: resource versions, generations, merge
// patches and deletions with preconditions, reviews, status errors.
type api struct {
	*httptest.Server

	mu      sync.Mutex
	objects map[string]map[string]any
	version int
	seen    []string // "METHOD path" of all requests
	// meddle is called before a request is served; when it answers by itself it
	// returns true. serve serves the request as usual, into w.
	meddle func(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter)) bool
	rules  []map[string]any // of the rules review; nil: all is allowed
}

func newAPI(t *testing.T) *api {
	t.Helper()
	a := &api{objects: map[string]map[string]any{}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

// connect gives a cluster on the server, and what its link has recorded.
func (a *api) connect(t *testing.T) (*Cluster, *record) {
	t.Helper()
	rec := &record{}
	c, _ := a.cluster(t, link.Options{Record: rec.add})
	return c, rec
}

// cluster gives a cluster on the server, and the set of its link.
func (a *api) cluster(t *testing.T, opts link.Options) (*Cluster, *link.Set) {
	t.Helper()
	set := loadLinks(t, a.URL, opts)
	l, ok := set.Find("prod-eu")
	if !ok {
		t.Fatal("no link prod-eu")
	}
	return New(kubeapi.New(l)), set
}

// loadLinks makes a kubeconfig for one server, and its links.
func loadLinks(t *testing.T, server string, opts link.Options) *link.Set {
	t.Helper()
	opts.Kubeconfig, opts.Patience = filepath.Join(t.TempDir(), "kubeconfig"), backendtest.Patience
	config := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"prod-eu",
		"clusters":[{"name":"c","cluster":{"server":%q}}],"users":[{"name":"u","user":{"token":"hidden-token"}}],
		"contexts":[{"name":"prod-eu","context":{"cluster":"c","user":"u"}}]}`, server)
	if err := os.WriteFile(opts.Kubeconfig, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := link.Load(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Close)
	return set
}

// record is what went through a link.
type record struct {
	mu   sync.Mutex
	sent []link.Request
}

func (r *record) add(req link.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, req)
}

// writes is "METHOD path" of what was no read and no review.
func (r *record) writes() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, req := range r.sent {
		if req.Method != http.MethodGet && !strings.HasSuffix(req.Path, "reviews") {
			out = append(out, req.Method+" "+req.Path)
		}
	}
	return out
}

// put stores an object given as JSON at its path, as a new version of it.
func (a *api) put(path, object string) {
	var o map[string]any
	if err := json.Unmarshal([]byte(object), &o); err != nil {
		panic(fmt.Sprintf("%s: %v", path, err))
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	meta := o["metadata"].(map[string]any)
	meta["name"] = path[strings.LastIndex(path, "/")+1:]
	if meta["uid"] == nil {
		meta["uid"] = "uid-" + meta["name"].(string)
	}
	if _, rest, ok := strings.Cut(path, "/namespaces/"); ok && strings.Contains(rest, "/") {
		meta["namespace"], _, _ = strings.Cut(rest, "/")
	}
	meta["generation"] = 1
	a.store(path, o)
}

// edit changes a stored object as another client would; spec says whether it
// is its spec that changes.
func (a *api) edit(path string, spec bool, change func(o map[string]any)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	o := clone(a.objects[path])
	change(o)
	if spec {
		bump(o)
	}
	a.store(path, o)
}

func (a *api) get(path string) map[string]any {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.objects[path]
}

func (a *api) remove(path string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.objects, path)
}

// store keeps o, which nobody changes from here on.
func (a *api) store(path string, o map[string]any) {
	a.version++
	o["metadata"].(map[string]any)["resourceVersion"] = strconv.Itoa(a.version)
	a.objects[path] = o
}

func bump(o map[string]any) {
	meta := o["metadata"].(map[string]any)
	meta["generation"] = toInt(meta["generation"]) + 1
}

func toInt(v any) int {
	switch n := v.(type) {
	case float64:
		return int(n)
	case int:
		return n
	}
	return 0
}

func clone(o map[string]any) map[string]any {
	raw, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	var out map[string]any
	_ = json.Unmarshal(raw, &out)
	return out
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.seen = append(a.seen, r.Method+" "+r.URL.Path)
	meddle := a.meddle
	a.mu.Unlock()
	serve := func(w http.ResponseWriter) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.serve(w, r)
	}
	if meddle == nil || !meddle(w, r, serve) {
		serve(w)
	}
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	path, sub := strings.TrimSuffix(r.URL.Path, "/scale"), strings.HasSuffix(r.URL.Path, "/scale")
	o, found := a.objects[path]
	switch {
	case r.Method == http.MethodPost:
		a.review(w, r)
	case found && r.Method == http.MethodGet:
		answer(w, http.StatusOK, o)
	case found && r.Method == http.MethodPatch:
		a.patch(w, path, sub, o, body)
	case found && r.Method == http.MethodDelete:
		a.del(w, path, o, body)
	case r.URL.Path == "/livez":
		answer(w, http.StatusOK, "ok")
	case r.URL.Path == "/version":
		answer(w, http.StatusOK, map[string]any{"gitVersion": "v1.36.3"})
	case r.Method == http.MethodGet && a.lists(path):
		a.list(w, path)
	default:
		fail(w, http.StatusNotFound, "NotFound", path+" not found")
	}
}

// lists says whether the last segment of a path is a collection.
func (a *api) lists(path string) bool {
	return slices.Contains([]string{"pods", "events", "services", "poddisruptionbudgets", "horizontalpodautoscalers", "resourcequotas", "replicasets", "limitranges"}, path[strings.LastIndex(path, "/")+1:])
}

func (a *api) list(w http.ResponseWriter, path string) {
	items := []any{}
	for _, p := range slices.Sorted(maps.Keys(a.objects)) {
		if name, ok := strings.CutPrefix(p, path+"/"); ok && !strings.Contains(name, "/") {
			items = append(items, a.objects[p])
		}
	}
	answer(w, http.StatusOK, map[string]any{"metadata": map[string]any{"resourceVersion": strconv.Itoa(a.version)}, "items": items})
}

func (a *api) patch(w http.ResponseWriter, path string, scale bool, o map[string]any, body []byte) {
	var p map[string]any
	if err := json.Unmarshal(body, &p); err != nil {
		fail(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	meta, _ := p["metadata"].(map[string]any)
	if v := meta["resourceVersion"]; v != nil && v != o["metadata"].(map[string]any)["resourceVersion"] {
		fail(w, http.StatusConflict, "Conflict", "the object has been modified; please apply your changes to the latest version and try again")
		return
	}
	next := clone(o)
	merge(next, map[string]any{"spec": p["spec"]})
	if !reflect.DeepEqual(o["spec"], next["spec"]) {
		bump(next)
	}
	a.store(path, next)
	if scale {
		next = map[string]any{"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": next["metadata"], "spec": p["spec"]}
	}
	answer(w, http.StatusOK, next)
}

// merge is RFC 7396.
func merge(into, patch map[string]any) {
	for k, v := range patch {
		sub, isMap := v.(map[string]any)
		switch old, oldMap := into[k].(map[string]any); {
		case v == nil:
			delete(into, k)
		case isMap && oldMap:
			merge(old, sub)
		case isMap:
			fresh := map[string]any{}
			merge(fresh, sub)
			into[k] = fresh
		default:
			into[k] = v
		}
	}
}

func (a *api) del(w http.ResponseWriter, path string, o map[string]any, body []byte) {
	var opts struct {
		GracePeriodSeconds *int64
		Preconditions      struct{ UID string }
	}
	if err := json.Unmarshal(body, &opts); err != nil {
		fail(w, http.StatusBadRequest, "BadRequest", err.Error())
		return
	}
	meta := o["metadata"].(map[string]any)
	if uid := opts.Preconditions.UID; uid != "" && uid != meta["uid"] {
		fail(w, http.StatusConflict, "Conflict", "the UID in the precondition does not match")
		return
	}
	if g := opts.GracePeriodSeconds; g != nil && *g == 0 {
		delete(a.objects, path)
		answer(w, http.StatusOK, o)
		return
	}
	next := clone(o)
	next["metadata"].(map[string]any)["deletionTimestamp"] = "2026-01-01T00:00:00Z"
	a.store(path, next)
	answer(w, http.StatusOK, next)
}

// review answers access and rules reviews by a.rules.
func (a *api) review(w http.ResponseWriter, r *http.Request) {
	rules := a.rules
	if rules == nil {
		rules = []map[string]any{{"verbs": []string{"*"}, "apiGroups": []string{"*"}, "resources": []string{"*"}}}
	}
	switch r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:] {
	case "selfsubjectrulesreviews":
		answer(w, http.StatusCreated, map[string]any{
			"kind": "SelfSubjectRulesReview", "apiVersion": "authorization.k8s.io/v1",
			"status": map[string]any{"resourceRules": rules, "nonResourceRules": []any{}, "incomplete": false},
		})
	case "selfsubjectaccessreviews":
		answer(w, http.StatusCreated, map[string]any{
			"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1",
			"status": map[string]any{"allowed": a.rules == nil, "reason": "by the\x1b[31m test"},
		})
	default:
		answer(w, http.StatusCreated, map[string]any{
			"kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1",
			"status": map[string]any{"userInfo": map[string]any{"username": "ops"}},
		})
	}
}

func answer(w http.ResponseWriter, code int, o any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(o); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func fail(w http.ResponseWriter, code int, reason, message string) {
	answer(w, code, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message})
}

// cut ends the connection without an answer.
func cut(w http.ResponseWriter) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

// Where the objects of the tests are.
const (
	podPath        = "/api/v1/namespaces/shop/pods/checkout-x2x4k"
	deploymentPath = "/apis/apps/v1/namespaces/shop/deployments/checkout"
	statefulPath   = "/apis/apps/v1/namespaces/shop/statefulsets/db"
	daemonPath     = "/apis/apps/v1/namespaces/shop/daemonsets/agent"
)

// furnish stores a pod and one workload of each kind.
func (a *api) furnish() {
	a.put(podPath, `{"kind":"Pod","apiVersion":"v1","metadata":{"labels":{"app":"checkout"},
		"managedFields":[{"manager":"kubelet"}],
		"ownerReferences":[{"kind":"ReplicaSet","name":"checkout-7d9f","controller":true,"apiVersion":"apps/v1","uid":"r"}]},
		"spec":{"nodeName":"ecs-14","containers":[{"name":"app","image":"demo/checkout:2"}]},"status":{"phase":"Running"}}`)
	workload := `{"kind":%q,"apiVersion":"apps/v1","metadata":{},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"checkout"}},
		"template":{"metadata":{"labels":{"app":"checkout"}},"spec":{"containers":[{"name":"app","image":"demo/checkout:2"}]}}},
		"status":{"observedGeneration":1,"replicas":3,"updatedReplicas":3,"readyReplicas":3,"availableReplicas":3}}`
	a.put(deploymentPath, fmt.Sprintf(workload, "Deployment"))
	a.put(statefulPath, fmt.Sprintf(workload, "StatefulSet"))
	a.put(daemonPath, `{"kind":"DaemonSet","apiVersion":"apps/v1","metadata":{},"spec":{"selector":{"matchLabels":{"app":"agent"}},
		"template":{"metadata":{},"spec":{"containers":[{"name":"a","image":"demo/agent:1"}]}}},"status":{"observedGeneration":1,"desiredNumberScheduled":5,"numberReady":5,"numberAvailable":5,"updatedNumberScheduled":5}}`)
}

func ref(kind, name string) backend.Ref {
	return backend.Ref{Link: "prod-eu", Kind: kind, Scope: "shop", Name: name}
}

var (
	podRef        = ref(cluster.KindPod, "checkout-x2x4k")
	deploymentRef = ref(cluster.KindDeployment, "checkout")
	statefulRef   = ref(cluster.KindStatefulSet, "db")
	daemonRef     = ref(cluster.KindDaemonSet, "agent")
)

// short is what is said without the flag for the test's own kubeconfig.
func short(said any) string {
	words := strings.Fields(fmt.Sprint(said))
	if i := slices.Index(words, "--kubeconfig"); i >= 0 {
		words = slices.Delete(words, i, i+2)
	}
	return strings.Join(words, " ")
}
