// Package kube is the adapter for Kubernetes' own kinds: how pods, workloads and
// namespaces become rows, what deleting, scaling and restarting send and what
// speaks against it, and what stands in their summaries. How a cluster is spoken
// to is kubeapi's.
//
// Rows are projected from the wire and the objects dropped at once; a client-go
// informer, which would keep them, has no place here.
package kube

import (
	"context"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
)

// kinds are the resources that are known here; of any other the server is asked.
func kinds() kubeapi.Kinds {
	core, apps := schema.GroupVersion{Version: "v1"}, schema.GroupVersion{Group: "apps", Version: "v1"}
	return kubeapi.Kinds{
		cluster.KindPod:         {Word: "pod", Plural: "pods", GVK: core.WithKind("Pod"), Scoped: true},
		cluster.KindNamespace:   {Word: "namespace", Plural: "namespaces", GVK: core.WithKind("Namespace")},
		cluster.KindDeployment:  {Word: "deployment", Plural: "deployments", GVK: apps.WithKind("Deployment"), Scoped: true},
		cluster.KindStatefulSet: {Word: "statefulset", Plural: "statefulsets", GVK: apps.WithKind("StatefulSet"), Scoped: true},
		cluster.KindDaemonSet:   {Word: "daemonset", Plural: "daemonsets", GVK: apps.WithKind("DaemonSet"), Scoped: true},
	}
}

// Cluster is one cluster's part of these kinds. Safe for concurrent use.
type Cluster struct {
	*kubeapi.Client
	kubeapi.Actor
	kubeapi.Faces
}

var (
	_ backend.Actor   = (*Cluster)(nil)
	_ backend.Details = (*Cluster)(nil)
)

// New makes the adapter for the cluster behind a client.
func New(api *kubeapi.Client) *Cluster {
	c := &Cluster{Client: api}
	c.Actor = kubeapi.Actor{Client: api, Verbs: kubeapi.Verbs{Actions: cluster.Actions(), Kinds: kinds(), Needs: needed, Plan: c.plan}}
	c.Faces = kubeapi.Faces{Client: api, Kinds: kinds(), Lines: c.lines}
	return c
}

// Pods is the source of pods.
func (c *Cluster) Pods() backend.Source[cluster.Pod] {
	return kubeapi.Source(c.Client, kubeapi.Collection[cluster.Pod]{Res: kinds()[cluster.KindPod], Row: podRow})
}

// Workloads is the source of deployments, stateful sets and daemon sets. Each
// of the three is a part of its own.
func (c *Cluster) Workloads() backend.Source[cluster.Workload] {
	of := func(kind string, row func([]byte, string, kubeapi.Words) (cluster.Workload, string, error)) kubeapi.Collection[cluster.Workload] {
		return kubeapi.Collection[cluster.Workload]{Res: kinds()[kind], Part: kind, Row: row}
	}
	return kubeapi.Source(c.Client, of(cluster.KindDeployment, deploymentRow), of(cluster.KindStatefulSet, statefulSetRow), of(cluster.KindDaemonSet, daemonSetRow))
}

// Namespaces is the source of namespaces.
func (c *Cluster) Namespaces() backend.Source[cluster.Namespace] {
	return kubeapi.Source(c.Client, kubeapi.Collection[cluster.Namespace]{Res: kinds()[cluster.KindNamespace], Row: namespaceRow})
}

// needed is the permission that an action needs on a resource.
func needed(action string, res kubeapi.Resource) backend.Permission {
	switch action {
	case cluster.PodDelete:
		return res.May("delete", "")
	case cluster.WorkloadScale:
		return res.May("patch", "scale")
	}
	return res.May("patch", "")
}

func (c *Cluster) plan(ctx context.Context, action string, ts []kubeapi.Target, args backend.Args) (backend.Plan, error) {
	switch action {
	case cluster.PodDelete:
		return c.planDelete(ctx, ts, args)
	case cluster.WorkloadScale:
		return c.planScale(ctx, ts, args)
	}
	return c.planRestart(ts)
}
