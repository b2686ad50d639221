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
		var t corev1.PodTemplateSpec
		if err := kube.Fields(r.Spec["template"].(map[string]any)).Decode(&t); err != nil {
			g.t.Fatal(err)
		}
		t.Spec.Containers[0].Image = image
		r.Spec["template"] = map[string]any(kube.FieldsOf(t))
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
	if err := g.rollout().Status.Decode(&s); err != nil {
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
	g.pass(40 * time.Minute) // after an hour nobody knows any more what was said
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

// TestAnalysis: what the analysis measures decides.
func TestAnalysis(t *testing.T) {
	for name, c := range map[string]struct {
		image, want, told string
	}{
		"a bad version goes back by itself":            {"cart:3", `Degraded RolloutAborted: Rollout aborted update to revision 2: Step-based analysis phase error/failed: Metric "success-rate" assessed Failed due to failed (2) > failureLimit (1), step 0, pods map[1:5]`, "AnalysisRunFailed"},
		"one between good and bad waits for somebody":  {"cart:4", "Paused InconclusiveAnalysisRun, step 2, pods map[1:4 2:0]", "AnalysisRunInconclusive"},
		"one that can't start never comes to be asked": {"cart:5", "Progressing more replicas need to be updated, step 0, pods map[1:4 5:1]", "ScalingReplicaSet"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGround(t, steps)
			g.image(c.image)
			g.pass(30 * time.Second)
			if c.image != "cart:5" {
				g.patch(`{"pauseConditions": null}`)
			}
			g.pass(time.Minute)
			g.is(strings.Replace(c.want, "2:0", "4:1", 1))
			if !g.told(c.told) {
				t.Errorf("nothing was said of %s", c.told)
			}
		})
	}
}

// TestPeople: what people do to a rollout on its way.
func TestPeople(t *testing.T) {
	type act struct {
		do    func(*ground)
		waits time.Duration
		want  string
	}
	patch := func(text string) func(*ground) { return func(g *ground) { g.patch(text) } }
	spec := func(field string, value any) func(*ground) {
		return func(g *ground) {
			kube.Change(g.Cluster, "shop", "cart", func(r *Rollout) {
				r.Spec[field] = value
				r.Generation++
			})
		}
	}
	image := func(image string) func(*ground) { return func(g *ground) { g.image(image) } }
	paused := "Paused CanaryPauseStep, step 1, pods map[1:4 2:1]"
	for name, acts := range map[string][]act{
		"abort, and try again": {
			{patch(`{"abort": true}`), 20 * time.Second, "Degraded RolloutAborted: Rollout aborted update to revision 2, step 0, pods map[1:5]"},
			{patch(`{"abort": false}`), 20 * time.Second, paused},
		},
		"all at once":    {{patch(`{"promoteFull": true}`), 40 * time.Second, "Healthy , step 6, pods map[2:5]"}},
		"skip the pause": {{patch(`{"pauseConditions": null, "currentStepIndex": 2}`), 35 * time.Second, "Paused CanaryPauseStep, step 4, pods map[1:3 2:3]"}},
		"hold": {
			{spec("paused", true), 5 * time.Second, "Paused manually paused, step 1, pods map[1:4 2:1]"},
			{patch(`{"pauseConditions": null}`), time.Minute, "Paused manually paused, step 1, pods map[1:4 2:1]"},
			{spec("paused", false), 40 * time.Second, paused}, // as in the real one: it has forgotten that it had waited
		},
		"the old image again":   {{image("cart:1"), 20 * time.Second, "Healthy , step 6, pods map[1:5]"}},
		"another one meanwhile": {{image("cart:3"), 30 * time.Second, "Paused CanaryPauseStep, step 1, pods map[1:4 3:1]"}},
		"more pods":             {{spec("replicas", int64(10)), 40 * time.Second, "Paused CanaryPauseStep, step 1, pods map[1:8 2:2]"}},
		"fewer pods":            {{spec("replicas", int64(2)), 40 * time.Second, "Paused CanaryPauseStep, step 1, pods map[1:2 2:1]"}},
		"steps changed": {{func(g *ground) {
			kube.Change(g.Cluster, "shop", "cart", func(r *Rollout) {
				r.Spec["strategy"] = map[string]any{"canary": map[string]any{"steps": []any{map[string]any{"setWeight": int64(40)}, map[string]any{"pause": map[string]any{}}}}}
				r.Generation++
			})
		}, 40 * time.Second, "Paused CanaryPauseStep, step 1, pods map[1:3 2:2]"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGround(t, steps)
			g.image("cart:2")
			g.pass(30 * time.Second)
			g.is(paused)
			for _, a := range acts {
				a.do(g)
				g.pass(a.waits)
				g.is(a.want)
			}
		})
	}
}

// TestUndo: the template of an old replica set is the same version again, under a new
// revision.
func TestUndo(t *testing.T) {
	g := newGround(t, `[{"setWeight": 50}]`)
	g.image("cart:2")
	g.pass(time.Minute)
	g.is("Healthy , step 1, pods map[2:5]")
	old := g.sets()["1"].Spec.Template.DeepCopy()
	delete(old.Labels, hashLabel)
	kube.Change(g.Cluster, "shop", "cart", func(r *Rollout) {
		r.Spec["template"] = map[string]any(kube.FieldsOf(old))
		r.Generation++
	})
	g.pass(time.Minute)
	g.is("Healthy , step 1, pods map[1:5]")
	if sets := g.sets(); len(sets) != 2 || revision(sets["1"]) != 3 || sets["1"].Annotations[historyMark] != "1" || g.rollout().Annotations[revisionMark] != "3" {
		t.Errorf("there are %d sets, that of the old version has %v", len(sets), sets["1"].Annotations)
	}
}

// TestRestart: all pods are made anew, not all at once.
func TestRestart(t *testing.T) {
	g := newGround(t, steps)
	before := kube.All[*corev1.Pod](g.Cluster, "shop")
	kube.Change(g.Cluster, "shop", "cart", func(r *Rollout) {
		r.Spec["restartAt"] = g.now.Format(time.RFC3339)
		r.Generation++
	})
	for range 180 {
		g.pass(time.Second)
		if n, _ := g.rollout().Status["availableReplicas"].(int64); n < 4 {
			t.Fatalf("%d pods are available", n)
		}
	}
	for _, p := range before {
		if kube.Get[*corev1.Pod](g.Cluster, "shop", p.Name) != nil {
			t.Errorf("%s is still there", p.Name)
		}
	}
	g.is("Healthy , step 6, pods map[1:5]")
}

// TestShare: as many pods as come closest to a weight (utils/replicaset/canary_test.go
// has the same numbers).
func TestShare(t *testing.T) {
	for _, c := range []struct{ want, weight, surge, canary, stable int32 }{
		{10, 10, 1, 1, 9}, {10, 30, 0, 3, 7}, {1, 5, 1, 1, 1}, {1, 5, 0, 0, 1}, {5, 20, 2, 1, 4}, {5, 50, 2, 3, 3}, {3, 50, 0, 2, 1}, {4, 1, 0, 1, 3}, {10, 100, 1, 10, 0}, {10, 0, 1, 0, 10}, {0, 50, 1, 0, 0},
	} {
		if canary, stable := share(c.want, c.weight, c.surge); canary != c.canary || stable != c.stable {
			t.Errorf("%d %% of %d pods, %d more may be: %d and %d, wanted %d and %d", c.weight, c.want, c.surge, canary, stable, c.canary, c.stable)
		}
	}
}

// TestBackground: an analysis beside the steps ends a bad version while it waits for
// somebody, and is ended with a good one.
func TestBackground(t *testing.T) {
	for image, want := range map[string]string{
		"cart:2": "Paused CanaryPauseStep, step 1, pods map[1:4 2:1]",
		"cart:3": `Degraded RolloutAborted: Rollout aborted update to revision 2: Background analysis phase error/failed: Metric "success-rate" assessed Failed due to failed (2) > failureLimit (1), step 0, pods map[1:5]`,
	} {
		g := newGround(t, steps)
		kube.Change(g.Cluster, "shop", "cart", func(r *Rollout) {
			all := fields(t, `{"steps": `+steps+`}`)["steps"].([]any)
			analysis := all[2].(map[string]any)["analysis"].(map[string]any)
			analysis["startingStep"] = int64(1)
			r.Spec["strategy"] = map[string]any{"canary": map[string]any{"analysis": analysis, "steps": all[:2]}}
			r.Generation++
		})
		g.pass(10 * time.Second)
		g.image(image)
		g.pass(90 * time.Second)
		g.is(want)
		if image != "cart:2" {
			continue
		}
		g.patch(`{"promoteFull": true}`)
		g.pass(30 * time.Second)
		g.is("Healthy , step 2, pods map[2:5]")
		for _, r := range kube.All[*Run](g.Cluster, "shop") {
			if !over(r.Status["phase"]) {
				t.Errorf("%s is %v", r.Name, r.Status["phase"])
			}
		}
	}
}

// TestStuck: one that does not come on is given up, and goes back by itself where it is
// meant to.
func TestStuck(t *testing.T) {
	g := newGround(t, steps)
	kube.Change(g.Cluster, "shop", "cart", func(r *Rollout) {
		r.Spec["progressDeadlineSeconds"] = int64(60)
		r.Generation++
	})
	g.image("cart:5")
	g.pass(50 * time.Second)
	g.is("Progressing more replicas need to be updated, step 0, pods map[1:4 5:1]")
	g.pass(30 * time.Second)
	if want := "Degraded ProgressDeadlineExceeded: ReplicaSet \"cart-"; !strings.HasPrefix(g.stands(), want) {
		t.Fatalf("it stands at %q", g.stands())
	}
	kube.Change(g.Cluster, "shop", "cart", func(r *Rollout) {
		r.Spec["progressDeadlineAbort"] = true
		r.Generation++
	})
	g.pass(30 * time.Second)
	if want := "Degraded RolloutAborted: "; !strings.HasPrefix(g.stands(), want) || !strings.HasSuffix(g.stands(), "pods map[1:5]") {
		t.Errorf("it stands at %q", g.stands())
	}
}

// TestWrong: what can't be carried out is said, and done when it can.
func TestWrong(t *testing.T) {
	g := newGround(t, steps)
	g.Delete(kube.Get[*Template](g.Cluster, "shop", "success-rate"))
	g.image("cart:2")
	g.pass(time.Second)
	if want := "Degraded InvalidSpec: The Rollout \"cart\" is invalid: spec.strategy.canary.steps[2].analysis.templates: Invalid value: \"success-rate\": AnalysisTemplate 'success-rate' not found"; !strings.HasPrefix(g.stands(), want) {
		t.Fatalf("it stands at %q", g.stands())
	}
	g.Create(&Template{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "success-rate"}, Spec: fields(t, template)})
	g.pass(time.Minute)
	g.is("Paused CanaryPauseStep, step 1, pods map[1:4 2:1]")
}
