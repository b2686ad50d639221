package argo

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/kube"
)

// A ground is a cluster with one rollout, on a clock of its own.
type ground struct {
	*kube.Cluster
	t     *testing.T
	world *sandbox.World
	now   time.Time
}

// query is how a template asks for the success rate.
const query = `import \"strings\" from(bucket: \"shop\") |> range(start: -1m) |> filter(fn: (r) => r._measurement == \"http_requests\" and r._field == \"errors\" and r.service == \"{{args.service}}\" and r.version == strings.split(v: \"{{args.image}}\", t: \":\")[1]) |> mean() |> map(fn: (r) => ({r with _value: 100.0 - r._value}))`

const template = `{"args": [{"name": "service"}, {"name": "image"}], "metrics": [{
	"name": "success-rate", "interval": "10s", "count": 3, "failureLimit": 1, "inconclusiveLimit": 0,
	"successCondition": "result[0] >= 95", "failureCondition": "result[0] < 80",
	"provider": {"influxdb": {"profile": "influxdb", "query": "` + query + `"}}}]}`

const steps = `[{"setWeight": 20}, {"pause": {}}, {"analysis": {"templates": [{"templateName": "success-rate"}], "args": [
	{"name": "service", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
	{"name": "image", "valueFrom": {"fieldRef": {"fieldPath": "spec.template.spec.containers[0].image"}}}]}},
	{"setWeight": 50}, {"pause": {"duration": "1m"}}, {"setWeight": 100}]`

func fields(t *testing.T, text string) kube.Fields {
	t.Helper()
	f := kube.Fields{}
	if err := utiljson.Unmarshal([]byte(text), (*map[string]any)(&f)); err != nil {
		t.Fatal(err)
	}
	return f
}

func newGround(t *testing.T, steps string) *ground {
	t.Helper()
	g := &ground{t: t, now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	g.world = sandbox.New(func() time.Time { return g.now }, 0)
	if err := g.world.Install(sandbox.Program{
		Name: "cart", Enters: 50, Takes: 10 * time.Millisecond, CPU: 0.2, Memory: 200, Threads: 100, Starts: 4 * time.Second,
		Versions: map[string]sandbox.Version{"1": {}, "2": {}, "3": {Failing: 0.5, Says: "oops"}, "4": {Failing: 0.1, Says: "at times"}, "5": {Crashes: "no such property"}},
	}); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		g.world.Boot(sandbox.Machine{MachineID: sandbox.MachineID{Cluster: "one", Name: fmt.Sprintf("m%d", n)}, Address: fmt.Sprintf("172.16.0.%d", n), Room: sandbox.Usage{CPU: 4, Memory: 8192}, Disk: 40000})
	}
	g.Cluster = kube.New(g.world, kube.Options{Name: "one", Kinds: Kinds(), Controllers: Controllers(g.world)})
	g.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}})
	g.Create(&Template{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "success-rate"}, Spec: fields(t, template)})
	g.Create(&Rollout{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"}, Spec: fields(t, `{"replicas": 5, "selector": {"matchLabels": {"app": "cart"}},
		"template": {"metadata": {"labels": {"app": "cart"}}, "spec": {"containers": [{"name": "app", "image": "cart:1", "resources": {}}]}},
		"strategy": {"canary": {"steps": `+steps+`}}}`)})
	g.pass(30 * time.Second)
	return g
}

// pass lets time go by, a second at a time.
func (g *ground) pass(d time.Duration) {
	for range int(d / time.Second) {
		g.now = g.now.Add(time.Second)
		g.world.Move()
		g.Step()
	}
}

func (g *ground) rollout() *Rollout { return kube.Get[*Rollout](g.Cluster, "shop", "cart") }

func (g *ground) image(image string) {
	kube.Change(g.Cluster, "shop", "cart", func(r *Rollout) {
		r.Spec = fields(g.t, strings.NewReplacer(`cart:1"`, image+`"`).Replace(string(must(g.t, kube.Get[*Rollout](g.Cluster, "shop", "cart").Spec))))
		r.Generation++
	})
}

// patch changes the status, as a merge patch does.
func (g *ground) patch(text string) {
	kube.Change(g.Cluster, "shop", "cart", func(r *Rollout) {
		for k, v := range fields(g.t, text) {
			if v == nil {
				delete(r.Status, k)
				continue
			}
			r.Status[k] = v
		}
	})
}

// stands is how it stands, in a line.
func (g *ground) stands() string {
	var s status
	if err := decode(g.rollout().Status, &s); err != nil {
		g.t.Fatal(err)
	}
	pods := map[string]int{}
	for _, p := range kube.All[*corev1.Pod](g.Cluster, "shop") {
		if _, tag := sandbox.Image(p.Spec.Containers[0].Image); p.DeletionTimestamp == nil {
			pods[tag]++
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s, step %d, pods %v", s.Phase, s.Message, or(s.CurrentStepIndex, -1), pods))
}

func (g *ground) is(want string) {
	g.t.Helper()
	if got := g.stands(); got != want {
		g.t.Fatalf("it stands at %q, wanted %q", got, want)
	}
}

func (g *ground) told(reason string) bool {
	for _, e := range kube.All[*corev1.Event](g.Cluster, "shop") {
		if e.Reason == reason {
			return true
		}
	}
	return false
}

// sets are its replica sets, by tag.
func (g *ground) sets() map[string]*appsv1.ReplicaSet {
	out := map[string]*appsv1.ReplicaSet{}
	for _, r := range kube.All[*appsv1.ReplicaSet](g.Cluster, "shop") {
		_, tag := sandbox.Image(r.Spec.Template.Spec.Containers[0].Image)
		out[tag] = r
	}
	return out
}

// TestPromoted: a canary takes one step after another, and waits where it says so.
func TestPromoted(t *testing.T) {
	g := newGround(t, steps)
	g.is("Healthy , step 6, pods map[1:5]")
	g.image("cart:2")
	g.pass(30 * time.Second)
	g.is("Paused CanaryPauseStep, step 1, pods map[1:4 2:1]")
	g.pass(time.Hour)
	g.is("Paused CanaryPauseStep, step 1, pods map[1:4 2:1]")
	g.patch(`{"pauseConditions": null}`)
	g.pass(5 * time.Second)
	g.is("Progressing more replicas need to be updated, step 2, pods map[1:4 2:1]")
	g.pass(35 * time.Second)
	g.is("Paused CanaryPauseStep, step 4, pods map[1:3 2:3]")
	g.pass(90 * time.Second)
	g.is("Healthy , step 6, pods map[2:5]")
	for _, reason := range []string{"RolloutUpdated", "NewReplicaSetCreated", "RolloutNotCompleted", "ScalingReplicaSet", "RolloutStepCompleted", "RolloutPaused", "AnalysisRunSuccessful", "RolloutCompleted"} {
		if !g.told(reason) {
			t.Errorf("nothing was said of %s", reason)
		}
	}
}

func must(t *testing.T, f kube.Fields) []byte {
	t.Helper()
	b, err := utiljson.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
