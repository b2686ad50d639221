package kube

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
)

// lines gathers what the summary of an object says beside what that of every
// object does.
func (c *Cluster) lines(ctx context.Context, r backend.Ref) func(*kubeapi.Summary, *unstructured.Unstructured) error {
	switch r.Kind {
	case cluster.KindPod:
		return podLines
	case cluster.KindDaemonSet:
		return workloadLines
	case cluster.KindDeployment, cluster.KindStatefulSet:
		near := c.lookAround(ctx, []kubeapi.Target{{Ref: r}}, autoscalers)
		return func(s *kubeapi.Summary, obj *unstructured.Unstructured) error {
			err := workloadLines(s, obj)
			autoscalerLines(s, near[r.Scope], obj)
			return err
		}
	case cluster.KindNamespace:
		quotas := c.quotas(ctx, r.Name)
		return func(s *kubeapi.Summary, obj *unstructured.Unstructured) error {
			err := namespaceLines(s, obj)
			s.Lines = append(s.Lines, quotas...)
			return err
		}
	}
	return nil
}
