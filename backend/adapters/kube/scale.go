package kube

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
	"wheelhouse/backend/kubeapi"
)

// planScale plans workload.scale.
func (c *Cluster) planScale(ctx context.Context, ts []kubeapi.Target, args backend.Args) (backend.Plan, error) {
	to, _ := args.Int("replicas") // Check has seen to it
	var changes []kubeapi.Change
	for _, t := range ts {
		from := kubeapi.Replicas(t.Obj)
		ch := kubeapi.Scaling(t, from, to)
		changes = append(changes, ch)
	}
	steps, err := c.Steps(changes)
	sentence := fmt.Sprintf("Scales %s on %s to %d.", kubeapi.All(ts), c.Link().Alias(), to)
	if len(ts) == 1 {
		sentence = fmt.Sprintf("Scales %s on %s from %d to %d.", kubeapi.All(ts), c.Link().Alias(), kubeapi.Replicas(ts[0].Obj), to)
	}
	return backend.Plan{Sentence: sentence, Warnings: c.scaleWarnings(ctx, ts, to), Steps: steps}, err
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
		from, beside := kubeapi.Replicas(t.Obj), near[t.Ref.Scope]
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
