//go:build real

package argo

import (
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/kubeapi/contract"
)

func TestRealRolloutsStreamed(t *testing.T) { realRollouts(t, false) }
func TestRealRolloutsByPages(t *testing.T)  { realRollouts(t, true) }

func realRollouts(t *testing.T, pages bool) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[delivery.Rollout] {
		return contract.New(t, contract.Subject[delivery.Rollout]{
			Source: func(c *kubeapi.Client) backend.Source[delivery.Rollout] { return New(c).Rollouts() }, Pages: pages,
			Kinds: []contract.Kind{{Group: "argoproj.io", Version: "v1alpha1", Plural: "rollouts", Objects: rolloutParts}},
		})
	}, backendtest.Without{Case: "survives silence", Why: "pods show it, which are read by the same code"})
}

// rolloutParts are a rollout that is another controller's business (Argo Rollouts,
// "Controller Instance ID").
func rolloutParts(word string, labels map[string]any) []contract.Part {
	labels["argo-rollouts.argoproj.io/controller-instance-id"] = "nobody"
	return []contract.Part{{Object: map[string]any{"kind": "Rollout", "apiVersion": "argoproj.io/v1alpha1", "spec": map[string]any{
		"replicas": 0, "selector": map[string]any{"matchLabels": labels}, "strategy": map[string]any{"canary": map[string]any{}},
		"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": map[string]any{
			"containers": []any{map[string]any{"name": "app", "image": word}},
		}},
	}}}}
}
