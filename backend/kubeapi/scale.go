package kubeapi

import (
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
)

// Scaling sets the replicas of what has a scale subresource, and has from of them.
func Scaling(t Target, from, to int64) Change {
	ch := scaling(t, from, to)
	if from != to {
		back := scaling(t, to, from)
		ch.Undo = &back
	}
	return ch
}

func scaling(t Target, from, to int64) Change {
	return Change{
		Target: t, Verb: "patch", Sub: "scale",
		Words: fmt.Sprintf("replicas: %d", to),
		CLI:   []string{"scale", t.Res.Word + "/" + t.Ref.Name, fmt.Sprintf("--current-replicas=%d", from), fmt.Sprintf("--replicas=%d", to)},
		Note:  fmt.Sprintf("accepted; it shall have %d", to),
		Guard: append(Life(t.Obj), replicasFact(from)),
		Facts: func(o *unstructured.Unstructured) backend.Facts {
			return append(Life(o), replicasFact(Replicas(o)))
		},
		Body: func(now *unstructured.Unstructured) any {
			return map[string]any{
				"metadata": map[string]any{"resourceVersion": now.GetResourceVersion()},
				"spec":     map[string]any{"replicas": to},
			}
		},
		Landed: func(before, now *unstructured.Unstructured) Verdict {
			return SpecChange(before, now, now != nil && Replicas(now) == to)
		},
	}
}

// Replicas is how many it shall have; the server fills in 1.
func Replicas(o *unstructured.Unstructured) int64 {
	n, found, err := unstructured.NestedInt64(o.Object, "spec", "replicas")
	if !found || err != nil {
		return 1
	}
	return n
}

func replicasFact(n int64) backend.Fact {
	return backend.Fact{Name: "replicas", Value: strconv.FormatInt(n, 10)}
}
