package kube

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/kubeapi/kubeapitest"
)

// counts are a workload's numbers, whichever kind keeps them where.
type counts struct {
	generation, observed                      int64
	desired, total, ready, updated, available int32
	held                                      int32 // by a partition
	stalled, paused, byHand                   bool
}

// word is the state that the counts mean: how far "kubectl rollout status"
// (kubectl pkg/polymorphichelpers/rollout_status.go) would be, then how many
// are there.
func (c counts) word() string {
	there := c.generation <= c.observed && (c.byHand || c.updated >= c.desired-c.held) && c.total <= c.updated
	switch {
	case c.stalled:
		return "Stalled"
	case c.paused:
		return "Paused"
	case !there:
		return "Progressing"
	case c.desired == 0:
		return "ScaledDown"
	case c.available < c.desired:
		return "Degraded"
	}
	return "Available"
}

// kindOf is one kind of workload: an object of the counts, a fresh one, and what
// makes rows of it.
type kindOf struct {
	kind  string
	make  func(metav1.ObjectMeta, counts) kubeapitest.Message
	fresh func() kubeapitest.Message
	read  func(kubeapitest.Message) (metav1.ObjectMeta, corev1.PodSpec, counts)
	row   func([]byte, string, kubeapi.Words) (cluster.Workload, string, error)
}

func podTemplate() corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Image: "reg/a:1"}, {Name: "b", Image: "reg/b:2"}}}}
}

var deployments = kindOf{
	kind:  cluster.KindDeployment,
	row:   deploymentRow,
	fresh: func() kubeapitest.Message { return &appsv1.Deployment{} },
	make: func(m metav1.ObjectMeta, c counts) kubeapitest.Message {
		d := &appsv1.Deployment{ObjectMeta: m, Spec: appsv1.DeploymentSpec{
			Replicas: &c.desired, Paused: c.paused, Template: podTemplate(), Strategy: appsv1.DeploymentStrategy{Type: "Recreate"},
		}, Status: appsv1.DeploymentStatus{
			ObservedGeneration: c.observed, Replicas: c.total, ReadyReplicas: c.ready, UpdatedReplicas: c.updated, AvailableReplicas: c.available,
			UnavailableReplicas: 77, Conditions: []appsv1.DeploymentCondition{{Type: "Available", Status: "False", Reason: "ProgressDeadlineExceeded"}},
		}}
		if c.stalled {
			d.Status.Conditions = append(d.Status.Conditions, appsv1.DeploymentCondition{Type: "Progressing", Status: "False", Reason: "ProgressDeadlineExceeded"})
		}
		return d
	},
	read: func(m kubeapitest.Message) (metav1.ObjectMeta, corev1.PodSpec, counts) {
		d := m.(*appsv1.Deployment)
		c := counts{generation: d.Generation, observed: d.Status.ObservedGeneration, desired: *d.Spec.Replicas, paused: d.Spec.Paused, total: d.Status.Replicas, ready: d.Status.ReadyReplicas, updated: d.Status.UpdatedReplicas, available: d.Status.AvailableReplicas}
		for _, k := range d.Status.Conditions {
			c.stalled = c.stalled || k.Type == "Progressing" && k.Status == "False" && k.Reason == "ProgressDeadlineExceeded"
		}
		return d.ObjectMeta, d.Spec.Template.Spec, c
	},
}

var statefulSets = kindOf{
	kind:  cluster.KindStatefulSet,
	row:   statefulSetRow,
	fresh: func() kubeapitest.Message { return &appsv1.StatefulSet{} },
	make: func(m metav1.ObjectMeta, c counts) kubeapitest.Message {
		s := &appsv1.StatefulSet{ObjectMeta: m, Spec: appsv1.StatefulSetSpec{Replicas: &c.desired, Template: podTemplate(), ServiceName: "s"}, Status: appsv1.StatefulSetStatus{
			ObservedGeneration: c.observed, Replicas: 77, CurrentReplicas: 78, ReadyReplicas: c.ready, UpdatedReplicas: c.updated, AvailableReplicas: c.available,
		}}
		switch {
		case c.byHand:
			s.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType
		case c.held > 0:
			s.Spec.UpdateStrategy = appsv1.StatefulSetUpdateStrategy{Type: appsv1.RollingUpdateStatefulSetStrategyType, RollingUpdate: &appsv1.RollingUpdateStatefulSetStrategy{Partition: &c.held}}
		}
		return s
	},
	read: func(m kubeapitest.Message) (metav1.ObjectMeta, corev1.PodSpec, counts) {
		s := m.(*appsv1.StatefulSet)
		c := counts{generation: s.Generation, observed: s.Status.ObservedGeneration, desired: *s.Spec.Replicas, ready: s.Status.ReadyReplicas, updated: s.Status.UpdatedReplicas, available: s.Status.AvailableReplicas}
		c.byHand = s.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType
		if r := s.Spec.UpdateStrategy.RollingUpdate; r != nil {
			c.held = *r.Partition
		}
		return s.ObjectMeta, s.Spec.Template.Spec, c
	},
}

var daemonSets = kindOf{
	kind:  cluster.KindDaemonSet,
	row:   daemonSetRow,
	fresh: func() kubeapitest.Message { return &appsv1.DaemonSet{} },
	make: func(m metav1.ObjectMeta, c counts) kubeapitest.Message {
		// Its rolling update holds messages where a stateful set has its partition.
		d := &appsv1.DaemonSet{ObjectMeta: m, Spec: appsv1.DaemonSetSpec{Template: podTemplate(), UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
			Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: &appsv1.RollingUpdateDaemonSet{},
		}}, Status: appsv1.DaemonSetStatus{
			ObservedGeneration: c.observed, DesiredNumberScheduled: c.desired, NumberReady: c.ready, UpdatedNumberScheduled: c.updated,
			NumberAvailable: c.available, CurrentNumberScheduled: 77, NumberMisscheduled: 78, NumberUnavailable: 79,
		}}
		if c.byHand {
			d.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
		}
		return d
	},
	read: func(m kubeapitest.Message) (metav1.ObjectMeta, corev1.PodSpec, counts) {
		d := m.(*appsv1.DaemonSet)
		return d.ObjectMeta, d.Spec.Template.Spec, counts{
			generation: d.Generation, observed: d.Status.ObservedGeneration, desired: d.Status.DesiredNumberScheduled, ready: d.Status.NumberReady,
			updated: d.Status.UpdatedNumberScheduled, available: d.Status.NumberAvailable, byHand: d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType,
		}
	},
}

// same compares the row of an object on the wire with what the typed object
// says.
func (k kindOf) same(t *testing.T, m metav1.ObjectMeta, c counts) cluster.Workload {
	t.Helper()
	raw := kubeapitest.Wired(t, k.make(m, c))
	back := k.fresh()
	if err := back.Unmarshal(raw); err != nil {
		t.Fatal(err)
	}
	got, version, err := k.row(raw, "prod", kubeapi.Words{})
	if err != nil {
		t.Fatal(err)
	}
	meta, pod, n := k.read(back)
	if version != meta.ResourceVersion {
		t.Errorf("version %q, want %q", version, meta.ResourceVersion)
	}
	want := cluster.Workload{
		Link: "prod", Namespace: meta.Namespace, Name: meta.Name, UID: string(meta.UID), Kind: k.kind, State: n.word(), Image: firstImage(pod),
		Owner: ownerOf(meta.OwnerReferences), Created: unix(meta.CreationTimestamp),
		Desired: n.desired, Ready: n.ready, Updated: n.updated, Available: n.available, Level: got.Level,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s, %+v: the row is not what the object says (- want, + got):\n%s", k.kind, n, diff)
	}
	return got
}

func TestWorkloadRow(t *testing.T) {
	whole := counts{generation: 2, observed: 2, desired: 3, total: 3, ready: 3, updated: 3, available: 3}
	but := func(change func(*counts)) counts {
		c := whole
		change(&c)
		return c
	}
	every := []kindOf{deployments, statefulSets, daemonSets}
	for _, k := range []struct {
		name  string
		c     counts
		of    []kindOf
		state string
		level backend.Level
	}{
		{"all there", whole, every, "Available", backend.Good},
		{"one missing", but(func(c *counts) { c.ready, c.available = 2, 2 }), every, "Degraded", backend.Warning},
		{"none there", but(func(c *counts) { c.ready, c.available = 0, 0 }), every, "Degraded", backend.Critical},
		{"not seen yet", but(func(c *counts) { c.generation = 3 }), every, "Progressing", backend.Moving},
		{"half updated", but(func(c *counts) { c.updated, c.total = 1, 1 }), every, "Progressing", backend.Moving},
		{"nothing wanted", counts{generation: 1, observed: 1}, every, "ScaledDown", backend.Idle},
		{"old pods remain", but(func(c *counts) { c.total = 4 }), every[:1], "Progressing", backend.Moving},
		{"stalled", but(func(c *counts) { c.stalled, c.updated, c.total = true, 1, 1 }), every[:1], "Stalled", backend.Critical},
		{"paused", but(func(c *counts) { c.paused, c.updated, c.total = true, 1, 1 }), every[:1], "Paused", backend.Waiting},
		{"updated by hand", but(func(c *counts) { c.byHand, c.updated = true, 1 }), every[1:], "Available", backend.Good},
		{"held by its partition", but(func(c *counts) { c.held, c.updated = 2, 1 }), every[1:2], "Available", backend.Good},
		{"short of its partition", but(func(c *counts) { c.held, c.updated = 1, 1 }), every[1:2], "Progressing", backend.Moving},
	} {
		for _, kind := range k.of {
			t.Run(k.name+" "+kind.kind, func(t *testing.T) {
				if kind.kind != cluster.KindDeployment {
					k.c.total = 0 // only deployments tell
				}
				got := kind.same(t, metav1.ObjectMeta{Name: "w", Namespace: "shop", UID: "u", Generation: k.c.generation}, k.c)
				if got.State != k.state || got.Level != k.level {
					t.Errorf("%s %v, want %s %v", got.State, got.Level, k.state, k.level)
				}
			})
		}
	}
}

func TestWorkloadRowAtRandom(t *testing.T) {
	g := gen{rand.New(rand.NewPCG(3, 5))}
	for _, k := range []kindOf{deployments, statefulSets, daemonSets} {
		states := map[string]bool{}
		for i := range 2000 {
			n := func() int32 { return int32(g.IntN(3)) }
			c := counts{
				observed: 2 + int64(g.IntN(3)), desired: n(), total: n(), ready: n(), updated: 1 + n(), available: n(), held: n(),
				stalled: g.IntN(5) == 0, paused: g.IntN(5) == 0, byHand: g.IntN(5) == 0,
			}
			states[k.same(t, g.meta(i), c).State] = true
			if t.Failed() {
				t.FailNow()
			}
		}
		for _, s := range []string{"Progressing", "ScaledDown", "Degraded", "Available"} {
			if !states[s] {
				t.Errorf("%s: %s never came up", k.kind, s)
			}
		}
	}
}

// TestReplicasLeftOut: a server that leaves replicas out means one.
func TestReplicasLeftOut(t *testing.T) {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "w"}, Status: appsv1.DeploymentStatus{Replicas: 1, UpdatedReplicas: 1}}
	got, _, err := deploymentRow(kubeapitest.Wired(t, d), "prod", kubeapi.Words{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Desired != 1 || got.State != "Degraded" {
		t.Errorf("%d wanted, %s; want 1, Degraded", got.Desired, got.State)
	}
}

func TestManager(t *testing.T) {
	for _, k := range []struct {
		labels, annotations map[string]string
		want                string
	}{
		{nil, nil, "application.argoproj.io/shop"},
		{map[string]string{"app.kubernetes.io/managed-by": "Helm"}, nil, "Helm"},
		{map[string]string{"app.kubernetes.io/managed-by": "me"}, nil, "application.argoproj.io/shop"},
		{nil, map[string]string{"meta.helm.sh/release-name": "shop"}, "Helm"},
		{nil, map[string]string{"argocd.argoproj.io/tracking-id": "x"}, "Argo CD"},
		{map[string]string{"argocd.argoproj.io/instance": "x"}, nil, "Argo CD"},
		{map[string]string{"kustomize.toolkit.fluxcd.io/name": "x"}, nil, "Flux"},
		{map[string]string{"helm.toolkit.fluxcd.io/name": "x"}, nil, "Flux"},
	} {
		t.Run(fmt.Sprint(k.labels, k.annotations), func(t *testing.T) {
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
				Name: "w", Labels: k.labels, Annotations: k.annotations,
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "argoproj.io/v1alpha1", Kind: "Application", Name: "shop"}},
			}}
			got, _, err := deploymentRow(kubeapitest.Wired(t, d), "prod", kubeapi.Words{})
			if err != nil || got.Owner != k.want {
				t.Errorf("%q (%v), want %q", got.Owner, err, k.want)
			}
		})
	}
}

func TestNamespaceRow(t *testing.T) {
	for _, k := range []struct {
		phase corev1.NamespacePhase
		state string
		level backend.Level
	}{{"Active", "Active", backend.Good}, {"", "Active", backend.Good}, {"Terminating", "Terminating", backend.Moving}} {
		ns := &corev1.Namespace{
			ObjectMeta: metav1.ObjectMeta{Name: "shop", UID: "u", ResourceVersion: "9", CreationTimestamp: at7(3)},
			Status:     corev1.NamespaceStatus{Phase: k.phase},
		}
		got, version, err := namespaceRow(kubeapitest.Wired(t, ns), "prod", kubeapi.Words{})
		want := cluster.Namespace{Link: "prod", Name: "shop", UID: "u", State: k.state, Level: k.level, Created: at7(3).Unix()}
		if diff := cmp.Diff(want, got); diff != "" || err != nil || version != "9" {
			t.Errorf("%q: version %s, %v (- want, + got):\n%s", k.phase, version, err, diff)
		}
	}
}
