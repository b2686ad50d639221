//go:build real

package kube

import (
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/kubeapi/contract"
)

func TestRealPodsStreamed(t *testing.T) { realPods(t, false) }
func TestRealPodsByPages(t *testing.T)  { realPods(t, true, silenceOnce) }

func TestRealWorkloadsStreamed(t *testing.T) { realWorkloads(t, false, silenceOnce) }
func TestRealWorkloadsByPages(t *testing.T)  { realWorkloads(t, true) }

func realPods(t *testing.T, pages bool, without ...backendtest.Without) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[cluster.Pod] {
		return contract.New(t, contract.Subject[cluster.Pod]{
			Source: func(c *kubeapi.Client) backend.Source[cluster.Pod] { return New(c).Pods() }, Pages: pages,
			Kinds: []contract.Kind{{Version: "v1", Plural: "pods", Objects: podParts}},
		})
	}, without...)
}

func realWorkloads(t *testing.T, pages bool, without ...backendtest.Without) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[cluster.Workload] {
		return contract.New(t, contract.Subject[cluster.Workload]{
			Source: func(c *kubeapi.Client) backend.Source[cluster.Workload] { return New(c).Workloads() }, Pages: pages,
			Kinds: []contract.Kind{
				{Group: "apps", Version: "v1", Plural: "deployments", Objects: workloadParts("Deployment", map[string]any{"replicas": 0, "paused": true})},
				{Group: "apps", Version: "v1", Plural: "statefulsets", Objects: workloadParts("StatefulSet", map[string]any{"replicas": 0, "serviceName": "none"})},
				{Group: "apps", Version: "v1", Plural: "daemonsets", Objects: workloadParts("DaemonSet", map[string]any{})},
			},
		})
	}, without...)
}

// podParts are a pod that no scheduler looks at, and its status.
func podParts(word string, _ map[string]any) []contract.Part {
	pod := func(field string, value map[string]any) map[string]any {
		return map[string]any{"kind": "Pod", "apiVersion": "v1", field: value}
	}
	return []contract.Part{
		{Object: pod("spec", map[string]any{"schedulerName": "nobody", "containers": []any{map[string]any{"name": "app", "image": "app"}}})},
		{Sub: "status", Object: pod("status", map[string]any{"reason": word})},
	}
}

// workloadParts are a workload of which nothing comes: paused, without replicas,
// or for a node that is not there.
func workloadParts(kind string, spec map[string]any) func(string, map[string]any) []contract.Part {
	return func(word string, labels map[string]any) []contract.Part {
		of := map[string]any{
			"selector": map[string]any{"matchLabels": labels},
			"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": map[string]any{
				"containers": []any{map[string]any{"name": "app", "image": word}}, "nodeSelector": map[string]any{"contract": "nowhere"},
			}},
		}
		for field, v := range spec {
			of[field] = v
		}
		return []contract.Part{{Object: map[string]any{"kind": kind, "apiVersion": "apps/v1", "spec": of}}}
	}
}
