package actuator

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/link"
	"wheelhouse/backend/service"
	"wheelhouse/backend/webapi"
)

// Where says which pods of a cluster have an actuator, and where it is.
type Where struct {
	Labels string // a selector; empty: spring-boot=true
	Port   string // number, or name of a container's port; empty: management, actuator, http, or the first
	Path   string // empty: /actuator
}

// InPods finds the instances among a cluster's pods.
func InPods(api *kubeapi.Client, w Where) Finder {
	w.Labels, w.Path = cmp.Or(w.Labels, "spring-boot=true"), cmp.Or(w.Path, "/actuator")
	return &inPods{api: api, where: w, ways: map[string]*way{}}
}

type inPods struct {
	api   *kubeapi.Client
	where Where

	mu     sync.Mutex
	ways   map[string]*way // by namespace, pod, port
	listed map[string]listing
}

// A way is the tunnel into one pod, for as long as the pod is there.
type way struct {
	tunnel *link.Tunnel
	api    *webapi.Client
}

// A listing is the pods of one namespace, or of all, as they were listed last.
type listing struct {
	at   time.Time
	pods []corev1.Pod
}

// listEvery is how old a listing may be: pods come and go less often than
// breakers change, and listing them costs the API server more.
const listEvery = 10 * time.Second

// find gives the instances among the running pods.
func (f *inPods) find(ctx context.Context, s backend.Scope) ([]instance, error) {
	namespaces := s.Namespaces
	if len(namespaces) == 0 {
		namespaces = []string{""}
	}
	var out []instance
	for _, ns := range namespaces {
		pods, err := f.pods(ctx, ns)
		if err != nil {
			return nil, err
		}
		for i := range pods {
			if in, ok := f.instance(&pods[i]); ok {
				out = append(out, in)
			}
		}
	}
	if len(out) == 0 {
		return nil, &backend.Error{
			Code: backend.Invalid, Op: "find actuators",
			Human: fmt.Sprintf("No running pod of %s has the label %s, by which services with an actuator are found; actuators in the configuration names another.", f.api.Link().Alias(), f.where.Labels),
		}
	}
	slices.SortFunc(out, func(a, b instance) int {
		return cmp.Or(strings.Compare(a.scope, b.scope), strings.Compare(a.service, b.service), strings.Compare(a.name, b.name))
	})
	f.forget(out)
	return out, nil
}

func (f *inPods) pods(ctx context.Context, namespace string) ([]corev1.Pod, error) {
	f.mu.Lock()
	last := f.listed[namespace]
	f.mu.Unlock()
	if time.Since(last.at) < listEvery {
		return last.pods, nil
	}
	refused := func(err error) error {
		return f.api.Refused("list pods", kubeapi.Resource{Word: "pod", Plural: "pods"}, backend.Ref{Scope: namespace, Kind: cluster.KindPod},
			backend.Permission{Verb: "list", Resource: "pods"}, err)
	}
	client, err := f.api.Typed()
	if err != nil {
		return nil, refused(err)
	}
	list, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: f.where.Labels, ResourceVersion: "0"})
	if err != nil {
		return nil, refused(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listed == nil {
		f.listed = map[string]listing{}
	}
	f.listed[namespace] = listing{time.Now(), list.Items}
	return list.Items, nil
}

// instance is a pod as an instance; not ok where it has no port, or what listens there
// does not run: that nobody answers there its pod says.
func (f *inPods) instance(p *corev1.Pod) (instance, bool) {
	port, container, ok := f.port(p)
	if p.Status.Phase != corev1.PodRunning || p.DeletionTimestamp != nil || !ok || stands(p, container) {
		return instance{}, false
	}
	key := fmt.Sprintf("%s/%s:%d", p.Namespace, p.Name, port)
	f.mu.Lock()
	defer f.mu.Unlock()
	w := f.ways[key]
	if w == nil {
		l := f.api.Link()
		tunnel := l.Tunnel(p.Namespace, p.Name, port, reads)
		w = &way{tunnel, webapi.Behind(l, "pod "+p.Name, tunnel)}
		f.ways[key] = w
	}
	ref := backend.Ref{Scope: p.Namespace}
	return instance{
		scope: p.Namespace, service: service.Clean(serviceOf(p)), name: p.Name, api: w.api, base: f.where.Path,
		byHand: func(path, body string) string {
			raw := fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:%d/proxy%s", p.Namespace, p.Name, port, path)
			return "echo '" + body + "' | " + f.api.Kubectl(ref, []string{"create", "--raw", raw, "-f", "-"})
		},
	}, true
}

// serviceOf is the name by which people know what a pod belongs to.
func serviceOf(p *corev1.Pod) string {
	for _, label := range []string{"app.kubernetes.io/name", "app"} {
		if name := p.Labels[label]; name != "" {
			return name
		}
	}
	if owner := metav1.GetControllerOf(p); owner != nil {
		return strings.TrimSuffix(owner.Name, "-"+p.Labels["pod-template-hash"])
	}
	return p.Name
}

// stands says whether a container is known not to run.
func stands(p *corev1.Pod, container string) bool {
	return slices.ContainsFunc(p.Status.ContainerStatuses, func(c corev1.ContainerStatus) bool { return c.Name == container && c.State.Running == nil })
}

// port is where the actuator listens, and whose that port is; no container's where
// none tells of it.
func (f *inPods) port(p *corev1.Pod) (port int, container string, ok bool) {
	wanted := []string{f.where.Port}
	if f.where.Port == "" {
		wanted = []string{"management", "actuator", "http", ""}
	}
	for _, name := range wanted {
		for _, c := range p.Spec.Containers {
			for _, port := range c.Ports {
				if name == "" || port.Name == name || fmt.Sprint(port.ContainerPort) == name {
					return int(port.ContainerPort), c.Name, true
				}
			}
		}
	}
	_, err := fmt.Sscanf(f.where.Port, "%d", &port)
	return port, "", err == nil
}

// forget closes the ways to pods that are not there any more.
func (f *inPods) forget(now []instance) {
	there := map[*webapi.Client]bool{}
	for _, i := range now {
		there[i.api] = true
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for key, w := range f.ways {
		if !there[w.api] {
			w.tunnel.Close()
			delete(f.ways, key)
		}
	}
}

// close lets go of all ways; they are made again when they are needed.
func (f *inPods) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.ways {
		w.tunnel.Close()
	}
}

func (f *inPods) may(ctx context.Context, p backend.Permission, scope, pod string) (bool, string, error) {
	return f.api.May(ctx, p, backend.Ref{Link: f.api.Link().Alias(), Kind: cluster.KindPod, Scope: scope, Name: pod})
}

// needs is what reaching into a pod needs (kubernetes, "Authorization", since
// 1.35 create also for websockets).
func (f *inPods) needs() []backend.Permission {
	return []backend.Permission{{Verb: "create", Resource: "pods", Sub: "portforward"}}
}
