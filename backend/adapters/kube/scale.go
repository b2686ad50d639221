package kube

import (
	"context"
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
	"wheelhouse/backend/kubeapi"
)

// planScale plans workload.scale.
func (c *Cluster) planScale(ctx context.Context, ts []kubeapi.Target, args backend.Args) (backend.Plan, error) {
	to, _ := args.Int("replicas") // Check has seen to it
	var changes []kubeapi.Change
	for _, t := range ts {
		from := replicas(t.Obj)
		ch := scaling(t, from, to)
		if from != to {
			back := scaling(t, to, from)
			ch.Undo = &back
		}
		changes = append(changes, ch)
	}
	steps, err := c.Steps(changes)
	sentence := fmt.Sprintf("Scales %s on %s to %d.", kubeapi.All(ts), c.Link().Alias(), to)
	if len(ts) == 1 {
		sentence = fmt.Sprintf("Scales %s on %s from %d to %d.", kubeapi.All(ts), c.Link().Alias(), replicas(ts[0].Obj), to)
	}
	return backend.Plan{Sentence: sentence, Warnings: c.scaleWarnings(ctx, ts, to), Steps: steps}, err
}

// scaling sets the replicas of one workload that has from of them.
func scaling(t kubeapi.Target, from, to int64) kubeapi.Change {
	return kubeapi.Change{
		Target: t, Verb: "patch", Sub: "scale",
		Words: fmt.Sprintf("replicas: %d", to),
		CLI:   []string{"scale", t.Res.Word + "/" + t.Ref.Name, fmt.Sprintf("--current-replicas=%d", from), fmt.Sprintf("--replicas=%d", to)},
		Note:  fmt.Sprintf("accepted; it shall have %d", to),
		Guard: append(kubeapi.Life(t.Obj), replicasFact(from)),
		Facts: func(o *unstructured.Unstructured) backend.Facts {
			return append(kubeapi.Life(o), replicasFact(replicas(o)))
		},
		Body: func(now *unstructured.Unstructured) any {
			return map[string]any{
				"metadata": map[string]any{"resourceVersion": now.GetResourceVersion()},
				"spec":     map[string]any{"replicas": to},
			}
		},
		Landed: func(before, now *unstructured.Unstructured) kubeapi.Verdict {
			return kubeapi.SpecChange(before, now, now != nil && replicas(now) == to)
		},
	}
}

// replicas is how many pods the workload shall have; the server fills in 1.
func replicas(o *unstructured.Unstructured) int64 {
	n, found, err := unstructured.NestedInt64(o.Object, "spec", "replicas")
	if !found || err != nil {
		return 1
	}
	return n
}

func replicasFact(n int64) backend.Fact {
	return backend.Fact{Name: "replicas", Value: strconv.FormatInt(n, 10)}
}

// scaleWarnings says what will undo the change and what it takes down.
func (c *Cluster) scaleWarnings(ctx context.Context, ts []kubeapi.Target, to int64) []string {
	want := autoscalers
	if to == 0 {
		want |= services
	}
	near := c.lookAround(ctx, ts, want)
	w := kubeapi.Cautions{Of: len(ts)}
	for _, t := range ts {
		from, beside := replicas(t.Obj), near[t.Ref.Scope]
		if from == to {
			w.Say(t, fmt.Sprintf("it is already %d: nothing will change", to))
		}
		w.Say(t, autoscalerOf(beside, t, to))
		w.Say(t, kubeapi.OwnedBy(t.Obj))
		w.Say(t, kubeapi.ManagedBy(t.Obj))
		if to == 0 && from > 0 {
			w.Say(t, takesDown(beside, t))
		}
		if claims, _, _ := unstructured.NestedString(t.Obj.Object, "spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"); to < from && claims == "Delete" {
			w.Say(t, "the volume claims of the pods that go are deleted with them")
		}
	}
	return append(w.Lines(), near.troubles()...)
}

// takesDown says what scaling to zero means.
func takesDown(beside around, t kubeapi.Target) string {
	if names := servicesOf(beside, t); len(names) > 0 {
		return "it takes the service down: " + kubeapi.Some(names) + " selects it"
	}
	return "it ends all of its pods"
}
