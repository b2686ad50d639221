package kube

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/kubeapi/kubeapitest"
)

// A message is what Kubernetes' own types do to become protobuf and back.
var then = time.Unix(1_700_000_000, 0)

func at7(s int64) metav1.Time { return metav1.Unix(then.Unix()+s, 0) }

// printed is what kubectl prints of a pod, worked out from the typed object by
// the rules of its printer (kubernetes pkg/printers/internalversion, printPod).
// It is the other witness: nothing of it is shared with what is tested.
func printed(pod *corev1.Pod) cluster.Pod {
	row := cluster.Pod{
		Link: "prod", Namespace: pod.Namespace, Name: pod.Name, UID: string(pod.UID),
		Node: pod.Spec.NodeName, IP: pod.Status.PodIP, Owner: ownerOf(pod.OwnerReferences), Image: firstImage(pod.Spec),
		Containers: uint16(len(pod.Spec.Containers)), State: string(pod.Status.Phase), Created: unix(pod.CreationTimestamp),
	}
	sidecars := map[string]bool{}
	for _, c := range pod.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			sidecars[c.Name] = true
			row.Containers++
		}
	}
	if pod.Status.Reason != "" {
		row.State = pod.Status.Reason
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Reason == corev1.PodReasonSchedulingGated {
			row.State = corev1.PodReasonSchedulingGated
		}
	}
	if kept, done := printedInit(&row, pod, sidecars); done || isTrue(pod, corev1.PodInitialized) {
		row.Restarts, row.LastRestart = kept.Restarts, kept.LastRestart
		printedMain(&row, pod)
	}
	terminal := pod.Status.Phase == corev1.PodFailed || pod.Status.Phase == corev1.PodSucceeded
	switch {
	case pod.DeletionTimestamp != nil && pod.Status.Reason == "NodeLost":
		row.State = "Unknown"
	case pod.DeletionTimestamp != nil && !terminal:
		row.State = "Terminating"
	}
	return row
}

// printedInit tells of init containers; kept is what remains of the counts once
// all is done.
func printedInit(row *cluster.Pod, pod *corev1.Pod, sidecars map[string]bool) (kept cluster.Pod, done bool) {
	for i, c := range pod.Status.InitContainerStatuses {
		tally(row, c)
		if sidecars[c.Name] {
			tally(&kept, c)
		}
		ended, waiting := c.State.Terminated, c.State.Waiting
		switch {
		case ended != nil && ended.ExitCode == 0:
			continue
		case sidecars[c.Name] && c.Started != nil && *c.Started:
			if c.Ready {
				row.Ready++
			}
			continue
		case ended != nil:
			row.State = "Init:" + endOfRun(ended)
		case waiting != nil && waiting.Reason != "" && waiting.Reason != "PodInitializing":
			row.State = "Init:" + waiting.Reason
		default:
			row.State = fmt.Sprintf("Init:%d/%d", i, len(pod.Spec.InitContainers))
		}
		return kept, false
	}
	return kept, true
}

func printedMain(row *cluster.Pod, pod *corev1.Pod) {
	running, failed := false, ""
	for i := len(pod.Status.ContainerStatuses) - 1; i >= 0; i-- {
		c := pod.Status.ContainerStatuses[i]
		tally(row, c)
		switch ended, waiting := c.State.Terminated, c.State.Waiting; {
		case waiting != nil && waiting.Reason != "":
			row.State = waiting.Reason
		case ended != nil:
			row.State = endOfRun(ended)
			if ended.ExitCode != 0 {
				failed = row.State
			}
		case c.Ready && c.State.Running != nil:
			running = true
			row.Ready++
		}
	}
	if row.State == "Completed" {
		switch {
		case running && isTrue(pod, corev1.PodReady):
			row.State = "Running"
		case failed != "":
			row.State = failed
		case running:
			row.State = "NotReady"
		}
	}
}

func tally(row *cluster.Pod, c corev1.ContainerStatus) {
	row.Restarts += c.RestartCount
	if last := c.LastTerminationState.Terminated; last != nil {
		row.LastRestart = max(row.LastRestart, unix(last.FinishedAt))
	}
}

func endOfRun(e *corev1.ContainerStateTerminated) string {
	switch {
	case e.Reason != "":
		return e.Reason
	case e.Signal != 0:
		return fmt.Sprintf("Signal:%d", e.Signal)
	}
	return fmt.Sprintf("ExitCode:%d", e.ExitCode)
}

func isTrue(pod *corev1.Pod, kind corev1.PodConditionType) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == kind {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func unix(t metav1.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func ownerOf(refs []metav1.OwnerReference) string {
	if len(refs) == 0 {
		return ""
	}
	owner := refs[0]
	if c := metav1.GetControllerOfNoCopy(&metav1.ObjectMeta{OwnerReferences: refs}); c != nil {
		owner = *c
	}
	kind := strings.ToLower(owner.Kind)
	if group, _, ok := strings.Cut(owner.APIVersion, "/"); ok {
		kind += "." + group
	}
	return kind + "/" + owner.Name
}

func firstImage(spec corev1.PodSpec) string {
	if len(spec.Containers) == 0 {
		return ""
	}
	return spec.Containers[0].Image
}

// agrees gives the row of a pod as it comes from the wire, and compares it with
// what kubectl prints; Detail and Level are not kubectl's.
func agrees(t *testing.T, pod *corev1.Pod) cluster.Pod {
	t.Helper()
	raw := kubeapitest.Wired(t, pod)
	var back corev1.Pod
	if err := back.Unmarshal(raw); err != nil {
		t.Fatal(err)
	}
	got, version, err := podRow(raw, "prod", kubeapi.Words{})
	if err != nil {
		t.Fatal(err)
	}
	if version != back.ResourceVersion {
		t.Errorf("version %q, want %q", version, back.ResourceVersion)
	}
	if diff := cmp.Diff(printed(&back), got, cmpopts.IgnoreFields(cluster.Pod{}, "Detail", "Level")); diff != "" {
		t.Errorf("the row is not what kubectl prints (- want, + got):\n%s", diff)
	}
	return got
}

// aPod is well: it has one container that is running and ready.
func aPod(change ...func(*corev1.Pod)) *corev1.Pod {
	controls := true
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "checkout-7d9f-x", Namespace: "shop", UID: "u-1", ResourceVersion: "41", CreationTimestamp: at7(0),
			OwnerReferences: []metav1.OwnerReference{
				{APIVersion: "v1", Kind: "ConfigMap", Name: "seed"},
				{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "checkout-7d9f", Controller: &controls},
			},
		},
		Spec: corev1.PodSpec{NodeName: "n1", Containers: []corev1.Container{{Name: "app", Image: "reg/app:1"}}},
		Status: corev1.PodStatus{
			Phase: corev1.PodRunning, PodIP: "10.0.0.9",
			Conditions:        []corev1.PodCondition{{Type: corev1.PodScheduled, Status: "True"}, {Type: corev1.PodReady, Status: "True"}},
			ContainerStatuses: []corev1.ContainerStatus{runs("app")},
		},
	}
	for _, f := range change {
		f(p)
	}
	return p
}

func runs(name string) corev1.ContainerStatus {
	started := true
	return corev1.ContainerStatus{
		Name: name, Ready: true, Started: &started,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at7(1)}},
	}
}

func waits(name, reason string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}}
}

func ended(name string, code int32, reason string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, FinishedAt: at7(5)},
	}}
}

// before adds n restarts, the last of which ended so.
func before(c corev1.ContainerStatus, n, code int32, reason string, at int64) corev1.ContainerStatus {
	c.RestartCount = n
	c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason, FinishedAt: at7(at)}
	return c
}

func mains(list ...corev1.ContainerStatus) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Spec.Containers = nil
		for _, c := range list {
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: c.Name, Image: "reg/" + c.Name + ":1"})
		}
		p.Status.ContainerStatuses = list
	}
}

// inits puts init containers in front; those whose name begins with "side" are
// sidecars.
func inits(list ...corev1.ContainerStatus) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		for _, c := range list {
			spec := corev1.Container{Name: c.Name, Image: "reg/" + c.Name}
			if strings.HasPrefix(c.Name, "side") {
				always := corev1.ContainerRestartPolicyAlways
				spec.RestartPolicy = &always
			}
			p.Spec.InitContainers = append(p.Spec.InitContainers, spec)
		}
		p.Status.InitContainerStatuses = list
	}
}

func phase(phase corev1.PodPhase, reason string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.Phase, p.Status.Reason = phase, reason }
}

func condition(kind corev1.PodConditionType, status corev1.ConditionStatus, reason string) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		for i, c := range p.Status.Conditions {
			if c.Type == kind {
				p.Status.Conditions = append(p.Status.Conditions[:i:i], p.Status.Conditions[i+1:]...)
				break
			}
		}
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: kind, Status: status, Reason: reason})
	}
}

func deleting(p *corev1.Pod) {
	now := at7(100)
	p.DeletionTimestamp = &now
}

func TestPodRow(t *testing.T) {
	waitsForInit := mains(waits("app", "PodInitializing"))
	for _, k := range []struct {
		name     string
		pod      *corev1.Pod
		state    string
		ready    string
		restarts int32
		level    backend.Level
		detail   string
	}{
		{"running", aPod(), "Running", "1/1", 0, backend.Good, ""},
		{"restarted", aPod(mains(before(runs("app"), 3, 1, "Error", 50))), "Running", "1/1", 3, backend.Good, ""},
		{"one of two", aPod(mains(runs("app"), waits("log", ""))), "Running", "1/2", 0, backend.Warning, ""},
		{"crash loop", aPod(mains(before(waits("app", "CrashLoopBackOff"), 7, 137, "OOMKilled", 9))), "CrashLoopBackOff", "0/1", 7, backend.Critical, "app: exit 137 OOMKilled"},
		{"no image", aPod(phase("Pending", ""), mains(waits("app", "ImagePullBackOff"))), "ImagePullBackOff", "0/1", 0, backend.Critical, ""},
		{"creating", aPod(phase("Pending", ""), mains(waits("app", "ContainerCreating"))), "ContainerCreating", "0/1", 0, backend.Moving, ""},
		{"first that is not well", aPod(mains(waits("a", "ErrImagePull"), ended("b", 1, "Error"))), "ErrImagePull", "0/2", 0, backend.Critical, "b: exit 1"},
		{"exit code", aPod(mains(ended("app", 3, ""))), "ExitCode:3", "0/1", 0, backend.Critical, "app: exit 3"},
		{"completed", aPod(phase("Succeeded", ""), mains(ended("app", 0, "Completed"))), "Completed", "0/1", 0, backend.Idle, ""},
		{"one completed, one runs", aPod(mains(ended("a", 0, "Completed"), runs("b"))), "Running", "1/2", 0, backend.Warning, ""},
		{"one completed, one not ready", aPod(mains(ended("a", 0, "Completed"), runs("b")), condition("Ready", "False", "")), "NotReady", "1/2", 0, backend.Warning, ""},
		{"one completed, one failed", aPod(phase("Failed", ""), mains(ended("a", 0, "Completed"), ended("b", 2, "Error"))), "Error", "0/2", 0, backend.Critical, "b: exit 2"},
		{"no node", aPod(phase("Pending", ""), mains(), condition("PodScheduled", "False", "Unschedulable"), func(p *corev1.Pod) { p.Spec.NodeName = "" }), "Pending", "0/0", 0, backend.Warning, "no node takes it"},
		{"gated", aPod(phase("Pending", ""), condition("PodScheduled", "False", "SchedulingGated"), mains()), "SchedulingGated", "0/0", 0, backend.Warning, ""},
		{"evicted", aPod(phase("Failed", "Evicted"), mains()), "Evicted", "0/0", 0, backend.Critical, ""},
		{"node lost", aPod(phase("Running", "NodeLost"), deleting), "Unknown", "1/1", 0, backend.Warning, ""},
		{"deleting", aPod(deleting), "Terminating", "1/1", 0, backend.Moving, ""},
		{"deleting, had failed", aPod(deleting, phase("Failed", ""), mains(ended("app", 1, "Error"))), "Error", "0/1", 0, backend.Critical, "app: exit 1"},
		{"deleting, initialising", aPod(deleting, phase("Pending", ""), inits(runs("init")), waitsForInit), "Terminating", "0/1", 0, backend.Moving, ""},

		{"init waits", aPod(phase("Pending", ""), inits(waits("a", "PodInitializing"), waits("b", "")), waitsForInit), "Init:0/2", "0/1", 0, backend.Moving, ""},
		{"second init", aPod(phase("Pending", ""), inits(ended("a", 0, "Completed"), runs("b")), waitsForInit), "Init:1/2", "0/1", 0, backend.Moving, ""},
		{"init failed", aPod(phase("Pending", ""), inits(before(ended("a", 1, "Error"), 2, 1, "Error", 3)), waitsForInit), "Init:Error", "0/1", 2, backend.Critical, "a: exit 1"},
		{"init exit code", aPod(phase("Pending", ""), inits(ended("a", 4, "")), waitsForInit), "Init:ExitCode:4", "0/1", 0, backend.Critical, "a: exit 4"},
		{"init loops", aPod(phase("Pending", ""), inits(before(waits("a", "CrashLoopBackOff"), 5, 1, "Error", 3)), waitsForInit), "Init:CrashLoopBackOff", "0/1", 5, backend.Critical, "a: exit 1"},
		{"init restarts are forgotten", aPod(inits(before(ended("a", 0, "Completed"), 4, 1, "Error", 900))), "Running", "1/1", 0, backend.Good, ""},
		{"not all inits told yet", aPod(phase("Pending", ""), inits(waits("a", ""), waits("b", "")), waitsForInit, func(p *corev1.Pod) { p.Status.InitContainerStatuses = p.Status.InitContainerStatuses[:1] }), "Init:0/2", "0/1", 0, backend.Moving, ""},

		{"sidecar", aPod(inits(before(runs("side"), 2, 1, "Error", 70))), "Running", "2/2", 2, backend.Good, ""},
		{"sidecar not told yet", aPod(phase("Pending", ""), inits(waits("side", "")), mains(waits("app", "")), func(p *corev1.Pod) { p.Status.InitContainerStatuses = nil }), "Pending", "0/2", 0, backend.Moving, ""},
		{"sidecar starts", aPod(phase("Pending", ""), inits(waits("side", "PodInitializing")), waitsForInit), "Init:0/1", "0/2", 0, backend.Moving, ""},
		{"sidecar starts anew", aPod(inits(before(waits("side", "CrashLoopBackOff"), 2, 1, "Error", 70)), condition("Initialized", "True", "")), "Init:CrashLoopBackOff", "1/2", 2, backend.Critical, "side: exit 1"},
	} {
		t.Run(k.name, func(t *testing.T) {
			got := agrees(t, k.pod)
			if ready := fmt.Sprintf("%d/%d", got.Ready, got.Containers); got.State != k.state || ready != k.ready || got.Restarts != k.restarts {
				t.Errorf("%s %s %d restarts, want %s %s %d", got.State, ready, got.Restarts, k.state, k.ready, k.restarts)
			}
			if got.Level != k.level || got.Detail != k.detail {
				t.Errorf("level %v, %q, want %v, %q", got.Level, got.Detail, k.level, k.detail)
			}
		})
	}
}

func TestPodRowAtRandom(t *testing.T) {
	g := gen{rand.New(rand.NewPCG(7, 11))}
	states := map[string]bool{}
	for i := range 4000 {
		pod := g.pod(i)
		got := agrees(t, pod)
		if t.Failed() {
			t.Fatalf("pod %d:\n%s", i, pod)
		}
		states[got.State] = true
	}
	if len(states) < 20 { // else the generator covers nothing
		t.Errorf("only %d states came up: %v", len(states), states)
	}
}

// gen makes objects such as servers send, and some that none would.
type gen struct{ *rand.Rand }

func (g gen) one(of ...string) string { return of[g.IntN(len(of))] }
func (g gen) maybe() bool             { return g.IntN(2) == 0 }

func (g gen) meta(i int) metav1.ObjectMeta {
	m := metav1.ObjectMeta{
		Name: fmt.Sprintf("o-%d", i), Namespace: g.one("shop", "pay", "kube-system"), UID: "u", ResourceVersion: fmt.Sprint(i),
		Labels:      map[string]string{"app": "x", g.one("a", "b/c"): g.one("", "v")},
		Annotations: map[string]string{"note": "ünïcode \x00"}, Generation: int64(g.IntN(4)), GenerateName: "o-",
	}
	if g.maybe() {
		m.CreationTimestamp = at7(g.Int64N(1e6) - 5e5)
	}
	for range g.IntN(3) {
		controls := g.maybe() && !g.controlled(m.OwnerReferences)
		m.OwnerReferences = append(m.OwnerReferences, metav1.OwnerReference{
			APIVersion: g.one("v1", "apps/v1", "argoproj.io/v1alpha1"), Kind: g.one("ReplicaSet", "Job", "Node"), Name: g.one("o", "p"), Controller: &controls,
		})
	}
	if g.IntN(5) == 0 {
		now := at7(9)
		m.DeletionTimestamp = &now
	}
	return m
}

func (g gen) controlled(refs []metav1.OwnerReference) bool {
	return metav1.GetControllerOfNoCopy(&metav1.ObjectMeta{OwnerReferences: refs}) != nil
}

func (g gen) pod(i int) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: g.meta(i)}
	inits(g.statuses("init", "side", "more")...)(p)
	mains(g.statuses("app", "log", "mesh")...)(p)
	p.Spec.NodeName = g.one("", "n1", "n2")
	p.Status.Phase = corev1.PodPhase(g.one("Pending", "Running", "Running", "Succeeded", "Failed", "Unknown"))
	p.Status.Reason = g.one("", "", "", "", "Evicted", "NodeLost")
	p.Status.PodIP = g.one("", "10.1.2.3", "fd00::7")
	for _, kind := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.PodReady} {
		if g.maybe() {
			condition(kind, corev1.ConditionStatus(g.one("True", "False", "Unknown")), g.one("", "", "Unschedulable", "SchedulingGated"))(p)
		}
	}
	if len(p.Status.InitContainerStatuses) > 0 && g.IntN(4) == 0 {
		p.Status.InitContainerStatuses = p.Status.InitContainerStatuses[1:]
	}
	return p
}

func (g gen) statuses(names ...string) []corev1.ContainerStatus {
	var list []corev1.ContainerStatus
	for _, name := range names[:g.IntN(len(names)+1)] {
		list = append(list, g.status(name))
	}
	return list
}

func (g gen) status(name string) corev1.ContainerStatus {
	var c corev1.ContainerStatus
	switch g.IntN(5) {
	case 0:
		c = waits(name, g.one("", "PodInitializing", "CrashLoopBackOff", "ErrImagePull"))
	case 1:
		c = ended(name, int32(g.IntN(3)), g.one("", "Completed", "Error", "OOMKilled"))
		c.State.Terminated.Signal = int32(g.IntN(2) * 9)
	case 2:
		c = corev1.ContainerStatus{Name: name} // as told before the kubelet has looked
	default:
		c = runs(name)
		started := g.maybe()
		c.Ready, c.Started = g.maybe(), &started
	}
	if g.maybe() {
		c = before(c, int32(g.IntN(9)), -1, "Error", g.Int64N(1000))
	}
	return c
}

func TestRowRefuses(t *testing.T) {
	nameless := kubeapitest.Wired(t, &corev1.Pod{Spec: corev1.PodSpec{NodeName: "n1"}})
	for name, row := range rowFuncs() {
		for what, raw := range map[string][]byte{"no name": nameless, "broken": {0xff, 0xff}, "nothing": nil} {
			if err := row(raw); err == nil {
				t.Errorf("%s takes an object with %s", name, what)
			}
		}
	}
}

// rowFuncs are all that make rows, with their rows left out.
func rowFuncs() map[string]func([]byte) error {
	return map[string]func([]byte) error{
		"pods":         func(b []byte) error { _, _, err := podRow(b, "l", kubeapi.Words{}); return err },
		"deployments":  func(b []byte) error { _, _, err := deploymentRow(b, "l", kubeapi.Words{}); return err },
		"statefulsets": func(b []byte) error { _, _, err := statefulSetRow(b, "l", kubeapi.Words{}); return err },
		"daemonsets":   func(b []byte) error { _, _, err := daemonSetRow(b, "l", kubeapi.Words{}); return err },
		"namespaces":   func(b []byte) error { _, _, err := namespaceRow(b, "l", kubeapi.Words{}); return err },
	}
}

// TestOwnerOfADeploymentsPods: the replica set between a deployment and its pods
// is told by the hash that they carry, and by nothing else.
func TestOwnerOfADeploymentsPods(t *testing.T) {
	for _, c := range []struct{ hash, want string }{
		{"7d9f", "deployment.apps/checkout"},
		{"", "replicaset.apps/checkout-7d9f"},
		{"9f", "replicaset.apps/checkout-7d9f"},
		{"checkout-7d9f", "replicaset.apps/checkout-7d9f"},
	} {
		pod := aPod(func(p *corev1.Pod) { p.Labels = map[string]string{"app": "checkout", "pod-template-hash": c.hash} })
		got, _, err := podRow(kubeapitest.Wired(t, pod), "prod", kubeapi.Words{})
		if err != nil || got.Owner != c.want {
			t.Errorf("with the hash %q it is owned by %s (%v), want %s", c.hash, got.Owner, err, c.want)
		}
	}
}

// FuzzWalk: whatever an object's bytes are, the row functions end, make the
// same row twice and keep nothing of what they were only lent.
func FuzzWalk(f *testing.F) {
	g := gen{rand.New(rand.NewPCG(1, 1))}
	for i := range 20 {
		f.Add(kubeapitest.Wired(f, g.pod(i)))
	}
	n := int32(-1)
	f.Add(kubeapitest.Wired(f, &appsv1.Deployment{ObjectMeta: g.meta(1), Spec: appsv1.DeploymentSpec{Replicas: &n, Template: podTemplate()}}))
	f.Add(kubeapitest.Wired(f, &appsv1.DaemonSet{ObjectMeta: g.meta(2), Spec: appsv1.DaemonSetSpec{Template: podTemplate()}}))
	f.Add(kubeapitest.Wired(f, &corev1.Namespace{ObjectMeta: g.meta(3)}))
	f.Add([]byte{})
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) {
		lent(t, data, podRow)
		lent(t, data, deploymentRow)
		lent(t, data, statefulSetRow)
		lent(t, data, daemonSetRow)
		lent(t, data, namespaceRow)
	})
}

func lent[T comparable](t *testing.T, data []byte, row func([]byte, string, kubeapi.Words) (T, string, error)) {
	t.Helper()
	w := kubeapi.Words{}
	raw := slices.Clone(data)
	first, v1, err1 := row(raw, "l", w)
	second, v2, err2 := row(data, "l", w)
	for i := range raw {
		raw[i] ^= 0xff // from here on it belongs to the next frame
	}
	if first != second || v1 != v2 || fmt.Sprint(err1) != fmt.Sprint(err2) {
		t.Errorf("not the same twice:\n%+v %v\n%+v %v", first, err1, second, err2)
	}
}
