package kube

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend/sandbox"
)

// A plant is a cluster of three machines on a clock of its own.
type plant struct {
	*Cluster
	t     *testing.T
	world *sandbox.World

	mu  sync.Mutex
	now time.Time
}

func (p *plant) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func newPlant(t *testing.T) *plant {
	t.Helper()
	return newPlantOf(t, time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC), Options{})
}

// newPlantOf is one that begins at a time.
func newPlantOf(t *testing.T, at time.Time, o Options) *plant {
	t.Helper()
	p := &plant{t: t, now: at}
	p.world = sandbox.New(p.clock, 0)
	if err := p.world.Install(sandbox.Program{
		Name: "cart", Enters: 50, Takes: 10 * time.Millisecond, CPU: 0.2, Memory: 200, Threads: 100, Starts: 4 * time.Second,
		Versions: map[string]sandbox.Version{"1.0.0": {}, "1.1.0": {}, "2.0.0": {Crashes: "no such property"}},
	}); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		p.world.Boot(sandbox.Machine{MachineID: sandbox.MachineID{Cluster: "one", Name: fmt.Sprintf("m%d", n)}, Address: fmt.Sprintf("172.16.0.%d", n), Room: sandbox.Usage{CPU: 4, Memory: 8192}, Disk: 40000})
	}
	o.Name = "one"
	p.Cluster = New(p.world, o)
	p.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(3)), Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "cart"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "cart"}},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "cart:1.0.0", Resources: corev1.ResourceRequirements{
					Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("500m"), corev1.ResourceMemory: resource.MustParse("512Mi")},
				}}}},
			},
		},
	}
	defaultDeployment(d)
	p.Put(d)
	p.pass(30 * time.Second)
	return p
}

// pass lets time go by, a second at a time.
func (p *plant) pass(d time.Duration) {
	for range int(d / time.Second) {
		p.mu.Lock()
		p.now = p.now.Add(time.Second)
		p.mu.Unlock()
		p.world.Move()
		p.Step()
	}
}

func (p *plant) deployment() *appsv1.Deployment {
	return Get[*appsv1.Deployment](p.Cluster, "shop", "cart")
}

func (p *plant) image(image string) {
	Change(p.Cluster, "shop", "cart", func(d *appsv1.Deployment) {
		d.Spec.Template.Spec.Containers[0].Image = image
		d.Generation++
	})
}

// words are the states of the pods, as kubectl shows them.
func (p *plant) words() string {
	var out []string
	for _, pod := range All[*corev1.Pod](p.Cluster, "shop") {
		_, tag := sandbox.Image(pod.Spec.Containers[0].Image)
		out = append(out, fmt.Sprintf("%s %s", tag, podWord(pod)))
	}
	return strings.Join(out, ", ")
}

func (p *plant) condition(kind appsv1.DeploymentConditionType) string {
	for _, c := range p.deployment().Status.Conditions {
		if c.Type == kind {
			return string(c.Status) + " " + c.Reason
		}
	}
	return ""
}

// TestRoll: a new version comes pod by pod, one that can't start stops there, and the
// old one comes back under a new revision.
func TestRoll(t *testing.T) {
	p := newPlant(t)
	if st := p.deployment().Status; st.AvailableReplicas != 3 || p.condition(appsv1.DeploymentProgressing) != "True NewReplicaSetAvailable" || p.deployment().Annotations[revisionMark] != "1" {
		t.Fatalf("it stands at %+v, pods %s", st, p.words())
	}
	p.image("cart:1.1.0")
	for range 60 {
		p.pass(time.Second)
		if st := p.deployment().Status; st.AvailableReplicas < 3 || st.Replicas > 4 {
			t.Fatalf("on its way there are %+v, pods %s", st, p.words())
		}
	}
	if st := p.deployment().Status; st.UpdatedReplicas != 3 || st.Replicas != 3 || p.deployment().Annotations[revisionMark] != "2" || p.words() != "1.1.0 Running, 1.1.0 Running, 1.1.0 Running" {
		t.Fatalf("then it stands at %+v, pods %s", st, p.words())
	}
	p.image("cart:2.0.0")
	p.pass(2 * time.Minute)
	if st := p.deployment().Status; st.AvailableReplicas != 3 || !strings.Contains(p.words(), "2.0.0 CrashLoopBackOff") {
		t.Fatalf("with one that can't start it stands at %+v, pods %s", st, p.words())
	}
	p.image("cart:1.1.0")
	p.pass(30 * time.Second)
	if p.words() != "1.1.0 Running, 1.1.0 Running, 1.1.0 Running" || p.deployment().Annotations[revisionMark] != "4" {
		t.Errorf("taken back it is revision %s, pods %s", p.deployment().Annotations[revisionMark], p.words())
	}
	p.image("cart:7")
	p.pass(40 * time.Second)
	if !strings.Contains(p.words(), "7 ImagePullBackOff") {
		t.Errorf("pods %s", p.words())
	}
}

// TestNodeLost: the pods of a node that is gone are started elsewhere, and it is full
// again when it comes back.
func TestNodeLost(t *testing.T) {
	p := newPlant(t)
	if err := p.world.Halt(sandbox.MachineID{Cluster: "one", Name: "m1"}); err != nil {
		t.Fatal(err)
	}
	p.pass(time.Minute)
	if n := Get[*corev1.Node](p.Cluster, "", "m1"); !nodeIs(n, corev1.NodeReady, corev1.ConditionUnknown) || p.deployment().Status.AvailableReplicas != 2 {
		t.Fatalf("after a minute: %+v, %+v", n.Status.Conditions, p.deployment().Status)
	}
	p.pass(6 * time.Minute)
	if st := p.deployment().Status; st.AvailableReplicas != 3 || !strings.Contains(p.words(), "Terminating") {
		t.Fatalf("after seven: %+v, pods %s", st, p.words())
	}
	if err := p.world.Power(sandbox.MachineID{Cluster: "one", Name: "m1"}); err != nil {
		t.Fatal(err)
	}
	p.pass(time.Minute)
	if p.words() != "1.0.0 Running, 1.0.0 Running, 1.0.0 Running" {
		t.Errorf("back again: pods %s", p.words())
	}
}

// TestOwners: what belongs to something goes with it.
func TestOwners(t *testing.T) {
	p := newPlant(t)
	p.Delete(p.deployment())
	p.pass(10 * time.Second)
	if n := len(All[*corev1.Pod](p.Cluster, "")) + len(All[*appsv1.ReplicaSet](p.Cluster, "")); n != 0 {
		t.Errorf("%d are left: %s", n, p.words())
	}
	if u := p.promised["m0"]; u.CPU != 0 || u.Memory != 0 {
		t.Errorf("m0 has promised %+v to nobody", u)
	}
}

// TestFinish: what is to end ends: a job's pod soon, one that sleeps when it has slept;
// an image that nobody has is never pulled.
func TestFinish(t *testing.T) {
	p := newPlant(t)
	p.world.Shelve("busybox")
	pod := func(image string, words ...string) corev1.PodSpec {
		return corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "app", Image: image, Command: words}}}
	}
	p.Create(&batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "once"},
		Spec:       batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: pod("busybox", "true")}},
	})
	p.Create(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "nap"}, Spec: pod("busybox:1.36", "sleep", "60")})
	p.Create(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "none"}, Spec: pod("nobody/has:this")})
	phase := func(name string) corev1.PodPhase { return Get[*corev1.Pod](p.Cluster, "shop", name).Status.Phase }
	p.pass(30 * time.Second)
	if j := Get[*batchv1.Job](p.Cluster, "shop", "once"); j.Status.Succeeded != 1 || j.Status.CompletionTime == nil {
		t.Errorf("the job stands at %+v", j.Status)
	}
	if phase("nap") != corev1.PodRunning || phase("none") != corev1.PodPending || !strings.Contains(p.words(), "this ImagePullBackOff") {
		t.Errorf("nap is %s, none %s: %s", phase("nap"), phase("none"), p.words())
	}
	p.pass(time.Minute)
	if phase("nap") != corev1.PodSucceeded {
		t.Errorf("nap is %s", phase("nap"))
	}
}
