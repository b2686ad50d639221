package kube

import (
	"context"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
)

// Fetch implements backend.Details. The summary of a cluster is its link's, and
// needs no server.
func (c *Cluster) Fetch(ctx context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error) {
	if r.Kind == cluster.KindCluster && a == backend.Summary {
		return c.summariseLink(), nil
	}
	return c.Faces.Fetch(ctx, r, a)
}

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

// summariseLink is what is known of the link itself.
func (c *Cluster) summariseLink() backend.Doc {
	info, health := c.Link().Info(), c.Link().Health()
	levels := map[backend.State]backend.Level{
		backend.Live: backend.Good, backend.Connecting: backend.Moving, backend.Stale: backend.Warning,
		backend.Forbidden: backend.Warning, backend.Down: backend.Critical, backend.Off: backend.Idle,
	}
	var s kubeapi.Summary
	s.Add(levels[health.State], "state", health.State.String())
	s.Add(backend.None, "", health.Reason.Raw())
	s.Add(backend.None, "server", info.Server)
	s.Add(backend.None, "version", info.Version)
	s.Add(backend.None, "user", info.User)
	s.Add(backend.None, "contexts", strings.Join(info.Contexts, ", "))
	if info.Insecure {
		s.Add(backend.Warning, "tls", "the server's certificate is not verified")
	}
	return backend.Doc{Title: info.Alias, Lines: s.Lines}
}
