package shop

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/drill"
	"wheelhouse/backend/sandbox/kube"
)

// Setting is what of the company a drill may speak of.
func Setting() drill.Setting {
	out := drill.Setting{Programs: map[string][]string{}, Calls: map[string][]string{}, Machines: map[string][]string{}}
	for _, p := range programs() {
		for tag := range p.Versions {
			out.Programs[p.Name] = append(out.Programs[p.Name], tag)
		}
		for _, c := range p.Calls {
			out.Calls[p.Name] = append(out.Calls[p.Name], c.To)
		}
	}
	for _, m := range machines() {
		out.Machines[m.Cluster] = append(out.Machines[m.Cluster], m.Name)
	}
	out.Seen = seen()
	return out
}

// seen is what of the company can be looked at, as the signs of drills name it.
func seen() []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	for _, c := range []string{Cloud, House} {
		add("%s:cluster/%s", c, c)
		for _, ns := range namespaces() {
			add("%s:namespace/%s", c, ns)
		}
		for kind, names := range map[string][]string{"daemonset.apps": {"flannel", "node-exporter"}, "deployment.apps": {"coredns"}} {
			for _, name := range names {
				add("%s:%s/kube-system/%s", c, kind, name)
				add("%s:pod/kube-system/%s-*", c, name)
			}
		}
	}
	for _, p := range programs() {
		at, kind := home()[p.Name].cluster, "deployment.apps"
		switch {
		case onArgo(p.Name):
			kind = "rollout.argoproj.io"
		case p.Writes:
			kind = "statefulset.apps"
		}
		add("%s:%s/%s/%s", at, kind, namespace, p.Name)
		add("%s:deployment.apps/%s/%s-canary", at, namespace, p.Name) // one that was released beside it
		add("%s:pod/%s/%s-*", at, namespace, p.Name)
		add("elastic:stream/logs-%s-%s", p.Name, at)
		for _, c := range p.Calls {
			add("%s:breaker/%s/%s.%s", at, namespace, p.Name, c.To)
			add("%s:breaker/%s/%s.%s/%s-*", at, namespace, p.Name, c.To, p.Name)
		}
	}
	add("%s:statefulset.apps/%s/ledger-db", House, namespace)
	add("%s:pod/%s/ledger-db-*", House, namespace)
	add("%s:pod/%s/settlement-*", House, namespace)
	for _, p := range pipelines() {
		add("%s:pipeline/%s", p.On, url.PathEscape(p.Name))
		add("%s:build/%s/*", p.On, url.PathEscape(p.Name))
	}
	add("influx:metric/%s/*", metrics)
	add("%s:machinedeployment.cluster.x-k8s.io/%s/%s", House, metal, workers)
	add("%s:kubeadmcontrolplane.controlplane.cluster.x-k8s.io/%s/%s", House, metal, House)
	add("%s:machine.cluster.x-k8s.io/%s/%s-*", House, metal, House)
	add("%s:namespace/%s", House, metal)
	return out
}

// stage is the company as a drill plays on it.
type stage struct{ *Shop }

// Release implements drill.Stage: it comes as the end of a build, as every release.
func (s stage) Release(r drill.Release) {
	if r.Beside == 0 {
		all := pipelines()
		p := all[slices.IndexFunc(all, func(p sandbox.Pipeline) bool { return p.Program == r.Program })]
		_ = s.World.Conclude(p.Name, sandbox.Order{By: developers()[0], Branch: p.Branch, Params: map[string]string{"VERSION": r.Version}}) // the pipelines are the company's own
		return
	}
	w := home()[r.Program]
	for _, p := range programs() {
		if p.Name != r.Program {
			continue
		}
		t := template(p, r.Version, w)
		t.Labels["track"] = "canary"
		replicas := int32(r.Beside) //nolint:gosec // a handful
		s.cluster(w.cluster).Create(&appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace, Name: r.Program + "-canary", Labels: t.Labels,
				Annotations: map[string]string{"kubernetes.io/change-cause": fmt.Sprintf("canary of %s by %s", r.Version, developers()[0])},
			},
			Spec: appsv1.DeploymentSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: t.Labels}, Template: t},
		})
	}
}

// Run implements drill.Stage: somebody begins a pod on a machine of their choice, past
// the scheduler, so that nobody has counted whether there is room.
func (s stage) Run(j drill.Job, on sandbox.MachineID) {
	const version = "1.0.0"
	_ = s.World.Install(sandbox.Program{ // it calls nobody
		Name: j.Name, Busy: j.CPU, Memory: j.Memory, Starts: time.Second, Versions: map[string]sandbox.Version{version: {Chatty: j.Writes}},
	})
	asks := corev1.ResourceList{corev1.ResourceMemory: *resource.NewQuantity((j.Memory*11/10)<<20, resource.BinarySI)}
	s.cluster(on.Cluster).Create(&corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: "batch", Name: j.Name, Labels: map[string]string{"app": j.Name, "run-by": developers()[0]}},
		Spec: corev1.PodSpec{NodeName: on.Name, Containers: []corev1.Container{{
			Name: "job", Image: Image(j.Name, version), Resources: corev1.ResourceRequirements{Requests: asks},
		}}},
	})
}

// Runs implements drill.Stage.
func (s stage) Runs(cluster, pod string) (sandbox.MachineID, bool) {
	pods := kube.All[*corev1.Pod](s.cluster(cluster), namespace)
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return cmp.Compare(a.Name, b.Name) })
	for _, p := range pods {
		if strings.HasPrefix(p.Name, pod) && p.Spec.NodeName != "" {
			return sandbox.MachineID{Cluster: cluster, Name: p.Spec.NodeName}, true
		}
	}
	return sandbox.MachineID{}, false
}

func (s stage) cluster(name string) *kube.Cluster {
	return s.Clusters[slices.IndexFunc(s.Clusters, func(c *kube.Cluster) bool { return c.Name() == name })]
}
