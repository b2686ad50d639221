package kube

import (
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
)

// restartedAt is the annotation of the pod template that kubectl rollout
// restart sets (k8s.io/kubectl/pkg/polymorphichelpers/objectrestarter.go).
// kubectl writes whole seconds, so that the second of two restarts within one
// second is an empty patch which the server takes and which restarts nothing.
// Ours are finer, and so tell our restart from any other.
const restartedAt = "kubectl.kubernetes.io/restartedAt"

// planRestart plans workload.restart.
func (c *Cluster) planRestart(ts []kubeapi.Target) (backend.Plan, error) {
	var changes []kubeapi.Change
	for _, t := range ts {
		if paused(t.Obj) == "yes" {
			return backend.Plan{}, &backend.Error{
				Code: backend.Invalid, Op: cluster.WorkloadRestart, Ref: t.Ref,
				Human: backend.T(fmt.Sprintf("%s on %s is paused: a restart would begin only when it is resumed. Resume it first: %s",
					kubeapi.Upper(t.Named()), c.Link().Alias(), c.Kubectl(t.Ref, []string{"rollout", "resume", t.Res.Word + "/" + t.Ref.Name}))).Safe(),
			}
		}
		changes = append(changes, restart(t))
	}
	steps, err := c.Steps(changes)
	what := ""
	if len(ts) == 1 {
		what = ": " + replaced(ts[0])
	}
	return backend.Plan{
		Sentence: fmt.Sprintf("Restarts %s on %s%s.", kubeapi.All(ts), c.Link().Alias(), what),
		Warnings: restartWarnings(ts),
		Steps:    steps,
	}, err
}

// restart replaces the pods of one workload.
func restart(t kubeapi.Target) kubeapi.Change {
	facts := func(o *unstructured.Unstructured) backend.Facts {
		return append(kubeapi.Life(o),
			backend.Fact{Name: "paused", Value: paused(o)},
			backend.Fact{Name: "restarted at", Value: lastRestart(o)})
	}
	at := time.Now().UTC().Format(time.RFC3339Nano)
	return kubeapi.Change{
		Target: t, Verb: "patch",
		Words: "restartedAt: " + at,
		CLI:   []string{"rollout", "restart", t.Res.Word + "/" + t.Ref.Name},
		Note:  "accepted; the pods are replaced one after another",
		Guard: facts(t.Obj),
		Facts: facts,
		Body: func(now *unstructured.Unstructured) any {
			return map[string]any{
				"metadata": map[string]any{"resourceVersion": now.GetResourceVersion()},
				"spec": map[string]any{"template": map[string]any{"metadata": map[string]any{
					"annotations": map[string]any{restartedAt: at},
				}}},
			}
		},
		Landed: func(before, now *unstructured.Unstructured) kubeapi.Verdict {
			return kubeapi.SpecChange(before, now, now != nil && lastRestart(now) == at)
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
func replaced(t kubeapi.Target) string {
	n := kubeapi.Replicas(t.Obj)
	if t.Ref.Kind == cluster.KindDaemonSet {
		n, _, _ = unstructured.NestedInt64(t.Obj.Object, "status", "desiredNumberScheduled")
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
func restartWarnings(ts []kubeapi.Target) []string {
	w := kubeapi.Cautions{Of: len(ts)}
	for _, t := range ts {
		w.Say(t, strategyOf(t.Obj))
		w.Say(t, kubeapi.OwnedBy(t.Obj))
		w.Say(t, kubeapi.ManagedBy(t.Obj))
	}
	return w.Lines()
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
