package kube

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// agents puts a daemon set into a plant.
func (p *plant) agents(u appsv1.RollingUpdateDaemonSet) {
	labels := map[string]string{"app": "agent"}
	p.Create(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "agent"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels}, UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: &u},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:1"}}}},
		},
	})
	p.pass(20 * time.Second)
}

// TestDaemonRoll: as many nodes at a time are without their pod, or have one more, as
// the strategy lets, and all have the new version in the end.
func TestDaemonRoll(t *testing.T) {
	one, two, half, none := intstr.FromInt32(1), intstr.FromInt32(2), intstr.FromString("50%"), intstr.FromInt32(0)
	for _, c := range []struct {
		u          appsv1.RollingUpdateDaemonSet
		away, more int
	}{
		{appsv1.RollingUpdateDaemonSet{}, 1, 0},
		{appsv1.RollingUpdateDaemonSet{MaxUnavailable: &two}, 2, 0},
		{appsv1.RollingUpdateDaemonSet{MaxUnavailable: &half}, 2, 0},
		{appsv1.RollingUpdateDaemonSet{MaxUnavailable: &none, MaxSurge: &one}, 0, 1},
	} {
		t.Run(fmt.Sprintf("%s away, %s more", c.u.MaxUnavailable, c.u.MaxSurge), func(t *testing.T) {
			p := newPlant(t)
			p.agents(c.u)
			Change(p.Cluster, "shop", "agent", func(d *appsv1.DaemonSet) { d.Spec.Template.Spec.Containers[0].Image = "agent:2" })
			away, more := 0, 0
			for range 60 {
				p.pass(time.Second)
				d := Get[*appsv1.DaemonSet](p.Cluster, "shop", "agent")
				away = max(away, int(d.Status.NumberUnavailable))
				more = max(more, len(active(Owned[*corev1.Pod](p.Cluster, d)))-3)
			}
			d := Get[*appsv1.DaemonSet](p.Cluster, "shop", "agent")
			if away != c.away || more != c.more || d.Status.UpdatedNumberScheduled != 3 || d.Status.NumberReady != 3 {
				t.Errorf("%d were away and %d more; it stands at %+v, pods %s", away, more, d.Status, p.words())
			}
		})
	}
}

// on are the pods of a node that are not about to go, by what their names begin with.
func (p *plant) on(node string) string {
	var out []string
	for _, pod := range active(All[*corev1.Pod](p.Cluster, "shop")) {
		if pod.Spec.NodeName == node {
			name, _, _ := strings.Cut(pod.Name, "-")
			out = append(out, name)
		}
	}
	return strings.Join(out, " ")
}

// TestOust: a node that is tainted bears only those pods any longer that tolerate it,
// and some for a while.
func TestOust(t *testing.T) {
	p := newPlant(t)
	p.agents(appsv1.RollingUpdateDaemonSet{})
	for name, seconds := range map[string]*int64{"stay": nil, "wait": new(int64(30))} {
		p.Create(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: corev1.PodSpec{
			NodeName: "m0", Containers: []corev1.Container{{Name: "app", Image: "busybox"}},
			Tolerations: []corev1.Toleration{{Key: "a", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: seconds}},
		}})
	}
	p.pass(5 * time.Second)
	taint := func(on bool) {
		Change(p.Cluster, "", "m0", func(n *corev1.Node) {
			n.Spec.Taints = nil
			if on {
				n.Spec.Taints = []corev1.Taint{{Key: "a", Value: "b", Effect: corev1.TaintEffectNoExecute}}
			}
		})
	}
	is := func(when, want string) {
		t.Helper()
		if got := p.on("m0"); got != want {
			t.Errorf("%s there are %q, not %q", when, got, want)
		}
	}
	is("before", "agent cart stay wait")
	taint(true)
	p.pass(10 * time.Second)
	is("when it is tainted", "stay wait")
	taint(false)
	p.pass(30 * time.Second)
	if p.on("m0") != "agent stay wait" {
		t.Errorf("when it is not any more there are %s", p.on("m0"))
	}
	taint(true)
	p.pass(29 * time.Second)
	is("soon after", "stay wait")
	p.pass(2 * time.Second)
	is("later", "stay")
	var said []string
	for _, e := range p.of("Pod", "TaintManagerEviction") {
		if strings.HasPrefix(e.InvolvedObject.Name, "wait") {
			said = append(said, e.Source.Component+": "+e.Message)
		}
	}
	if want := "taint-eviction-controller: Cancelling deletion of Pod shop/wait; taint-eviction-controller: Marking for deletion Pod shop/wait"; strings.Join(said, "; ") != want {
		t.Errorf("it was told of with %q", said)
	}
	if d := Get[*appsv1.DaemonSet](p.Cluster, "shop", "agent"); d.Status.DesiredNumberScheduled != 2 || p.deployment().Status.AvailableReplicas != 3 {
		t.Errorf("the sets stand at %+v, %+v", d.Status, p.deployment().Status)
	}
}
