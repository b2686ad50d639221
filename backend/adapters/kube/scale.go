package kube

import (
	"context"
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
)

// planScale plans workload.scale.
func (c *Cluster) planScale(ctx context.Context, ts []target, args backend.Args) (backend.Plan, error) {
	to, _ := args.Int("replicas") // Check has seen to it
	var changes []change
	for _, t := range ts {
		from := replicas(t.obj)
		ch := scaling(t, from, to)
		if from != to {
			back := scaling(t, to, from)
			ch.undo = &back
		}
		changes = append(changes, ch)
	}
	steps, err := c.steps(changes)
	sentence := fmt.Sprintf("Scales %s on %s to %d.", all(ts), c.link.Alias(), to)
	if len(ts) == 1 {
		sentence = fmt.Sprintf("Scales %s on %s from %d to %d.", all(ts), c.link.Alias(), replicas(ts[0].obj), to)
	}
	return backend.Plan{Sentence: sentence, Warnings: c.scaleWarnings(ctx, ts, to), Steps: steps}, err
}

// scaling sets the replicas of one workload that has from of them.
func scaling(t target, from, to int64) change {
	return change{
		target: t, verb: "patch", sub: "scale",
		words: fmt.Sprintf("replicas: %d", to),
		cli:   []string{"scale", t.res.word + "/" + t.ref.Name, fmt.Sprintf("--current-replicas=%d", from), fmt.Sprintf("--replicas=%d", to)},
		note:  fmt.Sprintf("accepted; it shall have %d", to),
		guard: append(lifeOf(t.obj), replicasFact(from)),
		facts: func(o *unstructured.Unstructured) backend.Facts {
			return append(lifeOf(o), replicasFact(replicas(o)))
		},
		body: func(now *unstructured.Unstructured) any {
			return map[string]any{
				"metadata": map[string]any{"resourceVersion": now.GetResourceVersion()},
				"spec":     map[string]any{"replicas": to},
			}
		},
		landed: func(before, now *unstructured.Unstructured) verdict {
			return specChange(before, now, now != nil && replicas(now) == to)
		},
	}
}

// specChange is the verdict on a change to a spec whose reply was lost; ours
// says whether now reads as it was meant to. The server counts the changes of a
// spec in the generation: when it counted one, and now reads otherwise, that one
// was another's, and ours can't follow, for its resourceVersion is outdated.
// When it counted more, ours may have been among them.
func specChange(before, now *unstructured.Unstructured, ours bool) verdict {
	switch {
	case now == nil || now.GetUID() != before.GetUID():
		return notDone
	case ours:
		return done
	case now.GetGeneration()-before.GetGeneration() <= 1:
		return notDone
	}
	return unclear
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
func (c *Cluster) scaleWarnings(ctx context.Context, ts []target, to int64) []string {
	want := autoscalers
	if to == 0 {
		want |= services
	}
	near := c.lookAround(ctx, ts, want)
	w := cautions{of: len(ts)}
	for _, t := range ts {
		from, beside := replicas(t.obj), near[t.ref.Scope]
		if from == to {
			w.say(t, fmt.Sprintf("it is already %d: nothing will change", to))
		}
		w.say(t, autoscalerOf(beside, t, to))
		w.say(t, ownedBy(t.obj))
		w.say(t, managedBy(t.obj))
		if to == 0 && from > 0 {
			w.say(t, takesDown(beside, t))
		}
		if claims, _, _ := unstructured.NestedString(t.obj.Object, "spec", "persistentVolumeClaimRetentionPolicy", "whenScaled"); to < from && claims == "Delete" {
			w.say(t, "the volume claims of the pods that go are deleted with them")
		}
	}
	return append(w.lines(), near.troubles()...)
}

// takesDown says what scaling to zero means.
func takesDown(beside around, t target) string {
	if names := servicesOf(beside, t); len(names) > 0 {
		return "it takes the service down: " + some(names) + " selects it"
	}
	return "it ends all of its pods"
}
