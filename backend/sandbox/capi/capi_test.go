package capi

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/kube"
)

// A yard is a cluster that manages its machines, on a clock of its own.
type yard struct {
	*kube.Cluster
	t     *testing.T
	world *sandbox.World
	now   time.Time
}

type object = map[string]any

func newYard(t *testing.T) *yard {
	t.Helper()
	y := &yard{t: t, now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	y.world = sandbox.New(func() time.Time { return y.now }, 0)
	var hosts []sandbox.Machine
	for n := range 8 {
		h := sandbox.Machine{MachineID: sandbox.MachineID{Cluster: "one", Name: fmt.Sprintf("h%d", n)}, Address: fmt.Sprintf("10.0.0.%d", n), Room: sandbox.Usage{CPU: 4, Memory: 8192}, Disk: 40000}
		if n < 3 {
			h.Role = "control-plane"
		}
		if n < 5 {
			y.world.Boot(h)
		}
		hosts = append(hosts, h)
	}
	y.Cluster = kube.New(y.world, kube.Options{Name: "one", Kinds: Kinds(), Controllers: Controllers(y.world, hosts)})
	for _, name := range []string{"metal", "shop"} {
		y.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	labels := map[string]string{clusterLabel: "one"}
	y.Create(&Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: "metal", Name: "one"}, Spec: kube.Fields{"controlPlaneRef": object{"name": "one"}}})
	y.Create(&ControlPlane{ObjectMeta: metav1.ObjectMeta{Namespace: "metal", Name: "one", Labels: labels}, Spec: kube.Fields{
		"replicas": int64(3), "version": "v1.36.3", "machineTemplate": object{"spec": object{"infrastructureRef": object{"kind": "Metal3MachineTemplate", "name": "one"}}},
	}})
	y.Create(&Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "metal", Name: "work", Labels: labels}, Spec: kube.Fields{
		"clusterName": "one", "replicas": int64(2),
		"template": object{"spec": object{"clusterName": "one", "version": "v1.36.3", "infrastructureRef": object{"kind": "Metal3MachineTemplate", "name": "work"}, "bootstrap": object{"configRef": object{"kind": "KubeadmConfigTemplate", "name": "work"}}}},
	}})
	y.pass(30 * time.Second)
	return y
}

// pass lets time go by, a second at a time.
func (y *yard) pass(d time.Duration) {
	for range int(d / time.Second) {
		y.now = y.now.Add(time.Second)
		y.world.Move()
		y.Step()
	}
}

func (y *yard) scale(n int64) {
	kube.Change(y.Cluster, "metal", "work", func(d *Deployment) {
		d.Spec["replicas"] = n
		d.Generation++
	})
}

// stands is how the pool stands, in a line.
func (y *yard) stands() string {
	var st poolStatus
	if err := kube.Get[*Deployment](y.Cluster, "metal", "work").Status.Decode(&st); err != nil {
		y.t.Fatal(err)
	}
	on := ""
	for _, c := range st.Conditions {
		if c.Status == metav1.ConditionTrue {
			on += " " + c.Type
		}
	}
	return fmt.Sprintf("%s %d/%d/%d:%s", st.Phase, *st.Replicas, *st.ReadyReplicas, *st.AvailableReplicas, on)
}

func (y *yard) is(want string) {
	y.t.Helper()
	if got := y.stands(); got != want {
		y.t.Fatalf("the pool stands at %q, wanted %q", got, want)
	}
}

// phases are those of the pool's machines that are not Running.
func (y *yard) phases() string {
	var out []string
	for _, b := range bodies(kube.All[*Machine](y.Cluster, "metal")) {
		if b.status.Phase != "Running" {
			out = append(out, b.status.Phase)
		}
	}
	return strings.Join(out, " ")
}

const calm = "Running 2/2/2: Available MachinesReady MachinesUpToDate"

// TestFounded: machines are made of the hosts that run already, each of its kind.
func TestFounded(t *testing.T) {
	y := newYard(t)
	y.is(calm)
	for _, b := range bodies(kube.All[*Machine](y.Cluster, "metal")) {
		_, master := b.Labels[masterLabel]
		n := kube.Get[*corev1.Node](y.Cluster, "", b.status.NodeRef.Name)
		if n.Spec.ProviderID != b.spec.ProviderID || master != (n.Labels["node-role.kubernetes.io/control-plane"] == "" && len(n.Spec.Taints) == 1) {
			t.Errorf("machine %s has node %s: %+v", b.name, n.Name, n.Spec)
		}
	}
	var st clusterStatus
	if err := kube.Get[*Cluster](y.Cluster, "metal", "one").Status.Decode(&st); err != nil || st.ControlPlane.Available != 3 || st.Workers.Available != 2 || !is(st.Conditions, "Available") {
		t.Errorf("the cluster stands at %+v, %v", st, err)
	}
}

// TestScaled: a pool that grows takes a spare host, which becomes a node that runs
// pods; one that shrinks moves them away first.
func TestScaled(t *testing.T) {
	y := newYard(t)
	cpu := corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("2500m")}
	labels := map[string]string{"app": "big"}
	y.Create(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "big"}, Spec: appsv1.DeploymentSpec{
		Replicas: new(int32(3)), Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "big:1", Resources: corev1.ResourceRequirements{Requests: cpu}}}}},
	}})
	ready := func() int32 { return kube.Get[*appsv1.Deployment](y.Cluster, "shop", "big").Status.AvailableReplicas }
	if y.pass(20 * time.Second); ready() != 2 {
		t.Fatalf("%d pods run on two nodes that take one each", ready())
	}
	y.scale(3)
	var seen []string
	for range 75 {
		y.pass(time.Second)
		if now := y.phases(); len(seen) == 0 || seen[len(seen)-1] != now {
			seen = append(seen, now)
		}
	}
	if got := strings.Join(seen, ","); got != "Pending,Provisioning,Provisioned," && got != "Pending,Provisioning," {
		t.Errorf("the new machine went through %q", got)
	}
	y.is("Running 3/3/3: Available MachinesReady MachinesUpToDate")
	if y.pass(20 * time.Second); ready() != 3 {
		t.Errorf("%d pods run on three nodes", ready())
	}
	one := intstr.FromInt32(1)
	y.Create(&policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "big"}, Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &one, Selector: &metav1.LabelSelector{MatchLabels: labels}}})
	y.scale(2)
	y.pass(time.Second)
	y.is("ScalingDown 3/2/2: Available ScalingDown MachinesUpToDate")
	y.pass(time.Minute)
	y.is(calm)
	if nodes, up := len(kube.All[*corev1.Node](y.Cluster, "")), len(y.world.Machines("one")); nodes != 5 || up != 5 || ready() != 2 {
		t.Errorf("%d nodes and %d hosts are left, %d pods run", nodes, up, ready())
	}
}

// TestDrainWaits: pods that may not go keep their machine.
func TestDrainWaits(t *testing.T) {
	y := newYard(t)
	labels := map[string]string{"app": "big"}
	y.Create(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "big"}, Spec: appsv1.DeploymentSpec{
		Replicas: new(int32(2)), Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "big:1"}}}},
	}})
	two := intstr.FromInt32(2)
	y.Create(&policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "big"}, Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &two, Selector: &metav1.LabelSelector{MatchLabels: labels}}})
	y.pass(20 * time.Second)
	y.scale(1)
	y.pass(5 * time.Minute)
	y.is("ScalingDown 2/1/1: Available ScalingDown MachinesUpToDate")
	for _, b := range bodies(kube.All[*Machine](y.Cluster, "metal")) {
		if c := find(b.status.Conditions, "Deleting"); b.DeletionTimestamp != nil && !strings.Contains(c.Message, "cannot evict pod as it would violate the pod's disruption budget. The disruption budget big needs 2 healthy pods and has 2 currently") {
			t.Errorf("it waits for: %s", c.Message)
		}
	}
	y.Delete(kube.Get[*policyv1.PodDisruptionBudget](y.Cluster, "shop", "big"))
	y.pass(time.Minute)
	y.is("Running 1/1/1: Available MachinesReady MachinesUpToDate")
}

// TestNoHosts: a pool that is to be larger than there are hosts waits for one.
func TestNoHosts(t *testing.T) {
	y := newYard(t)
	y.scale(9)
	y.pass(3 * time.Minute)
	y.is("Running 9/5/5: MachinesUpToDate")
}

// TestRolledOut: another version comes machine by machine.
func TestRolledOut(t *testing.T) {
	y := newYard(t)
	kube.Change(y.Cluster, "metal", "work", func(d *Deployment) {
		d.Spec["template"].(object)["spec"].(object)["version"] = "v1.36.4"
		d.Generation++
	})
	for range 400 {
		y.pass(time.Second)
		if st := kube.Get[*Deployment](y.Cluster, "metal", "work").Status; st.Int("availableReplicas") < 2 {
			t.Fatalf("%d machines are available: %s", st.Int("availableReplicas"), y.stands())
		}
	}
	y.is(calm)
	for _, b := range bodies(kube.All[*Machine](y.Cluster, "metal")) {
		if _, master := b.Labels[masterLabel]; !master && b.spec.Version != "v1.36.4" {
			t.Errorf("%s has version %s", b.name, b.spec.Version)
		}
	}
}
