package kube

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// restartedAt is the annotation of the pod template that kubectl rollout
// restart sets (k8s.io/kubectl/pkg/polymorphichelpers/objectrestarter.go).
// kubectl writes whole seconds, so that the second of two restarts within one
// second is an empty patch which the server takes and which restarts nothing.
// Ours are finer, and so tell our restart from any other.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// planRestart plans workload.restart.
func (c *Cluster) planRestart(ts []target) (backend.Plan, error) {
	var changes []change
	for _, t := range ts {
		if paused(t.obj) == "yes" {
			return backend.Plan{}, &backend.Error{
				Code: backend.Invalid, Op: cluster.WorkloadRestart, Ref: t.ref,
				Human: backend.T(fmt.Sprintf("%s on %s is paused: a restart would begin only when it is resumed. Resume it first: %s",
					upper(t.named()), c.link.Alias(), c.kubectl(t.ref, []string{"rollout", "resume", t.res.word + "/" + t.ref.Name}))).Safe(),
			}
		}
		changes = append(changes, restart(t))
	}
	steps, err := c.steps(changes)
	what := ""
	if len(ts) == 1 {
		what = ": " + replaced(ts[0])
	}
	return backend.Plan{
		Sentence: fmt.Sprintf("Restarts %s on %s%s.", all(ts), c.link.Alias(), what),
		Warnings: restartWarnings(ts),
		Steps:    steps,
	}, err
}

// restart replaces the pods of one workload.
func restart(t target) change {
	facts := func(o *unstructured.Unstructured) backend.Facts {
		return append(lifeOf(o),
			backend.Fact{Name: "paused", Value: paused(o)},
			backend.Fact{Name: "restarted at", Value: lastRestart(o)})
	}
	at := time.Now().UTC().Format(time.RFC3339Nano)
	return change{
		target: t, verb: "patch",
		words: "restartedAt: " + at,
		cli:   []string{"rollout", "restart", t.res.word + "/" + t.ref.Name},
		note:  "accepted; the pods are replaced one after another",
		guard: facts(t.obj),
		facts: facts,
		body: func(now *unstructured.Unstructured) any {
			return map[string]any{
				"metadata": map[string]any{"resourceVersion": now.GetResourceVersion()},
				"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
					"annotations": map[string]any{restartedAt: at},
				}}},
			}
		},
		landed: func(before, now *unstructured.Unstructured) verdict {
			return specChange(before, now, now != nil && lastRestart(now) == at)
		},
	}
}

func lastRestart(o *unstructured.Unstructured) string {
	at, _, _ := unstructured.NestedString(o.Object, "spec", "template", "metadata", "annotations", restartedAt)
	return at
}

func paused(o *unstructured.Unstructured) string {
	if p, _, _ := unstructured.NestedBool(o.Object, "spec", "paused"); p {
		return "yes"
	}
	return "no"
}

// replaced says how many pods a restart of the workload replaces.
func replaced(t target) string {
	n := replicas(t.obj)
	if t.ref.Kind == cluster.KindDaemonSet {
		n, _, _ = unstructured.NestedInt64(t.obj.Object, "status", "desiredNumberScheduled")
	}
	switch n {
	case 0:
		return "it has no pods now"
	case 1:
		return "replaces its pod"
	}
	return fmt.Sprintf("replaces its %d pods", n)
}

// restartWarnings says where a restart goes otherwise than one expects.
func restartWarnings(ts []target) []string {
	w := cautions{of: len(ts)}
	for _, t := range ts {
		w.say(t, strategyOf(t.obj))
		w.say(t, ownedBy(t.obj))
		w.say(t, managedBy(t.obj))
	}
	return w.lines()
}

// strategyOf warns of update strategies that do not replace pod by pod.
func strategyOf(o *unstructured.Unstructured) string {
	field := "updateStrategy"
	if o.GetKind() == "Deployment" {
		field = "strategy"
	}
	kind, _, _ := unstructured.NestedString(o.Object, "spec", field, "type")
	first, _, _ := unstructured.NestedInt64(o.Object, "spec", field, "rollingUpdate", "partition")
	switch {
	case kind == "OnDelete":
		return "its strategy is OnDelete: a pod is replaced only when someone deletes it"
	case kind == "Recreate":
		return "its strategy is Recreate: all pods end before new ones start"
	case first > 0:
		return fmt.Sprintf("its strategy has partition %d: only pods from that number on are replaced", first)
	}
	return ""
}
