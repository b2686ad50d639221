// Package kube is the adapter for Kubernetes: it streams rows of pods,
// workloads and namespaces, plans and does what changes them, and fetches what a
// row does not hold. It rides on one link to one cluster.
//
// Rows are projected from the wire and the objects dropped at once; a client-go
// informer, which would keep them, has no place here.
package kube

import (
	"sync"
	"sync/atomic"

	"k8s.io/client-go/kubernetes"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/link"
)

// Cluster speaks to one cluster. Safe for concurrent use.
type Cluster struct {
	link   *link.Link
	rules  rulebook
	client func() (kubernetes.Interface, error)
	wire   func() (*wire, error)
	paged  atomic.Bool // the server can't stream a list: it is asked for pages
}

// New makes the adapter of a link. Nothing is sent, and no client made, before
// it is needed: both cost what a first screen takes.
func New(l *link.Link) (*Cluster, error) {
	c := &Cluster{link: l}
	c.client = sync.OnceValues(func() (kubernetes.Interface, error) { return kubernetes.NewForConfig(l.REST()) })
	c.wire = sync.OnceValues(func() (*wire, error) { return newWire(l.Stream()) })
	return c, nil
}

// Client is the typed client, for what is not streamed.
func (c *Cluster) Client() (kubernetes.Interface, error) { return c.client() }

// Pods is the source of pods.
func (c *Cluster) Pods() backend.Source[cluster.Pod] {
	return &source[cluster.Pod]{c, []collection[cluster.Pod]{{"api/v1", "pods", "", podRow}}}
}

// Workloads is the source of deployments, stateful sets and daemon sets. Each
// of the three is a part of its own.
func (c *Cluster) Workloads() backend.Source[cluster.Workload] {
	return &source[cluster.Workload]{c, []collection[cluster.Workload]{
		{"apis/apps/v1", "deployments", cluster.KindDeployment, deploymentRow},
		{"apis/apps/v1", "statefulsets", cluster.KindStatefulSet, statefulSetRow},
		{"apis/apps/v1", "daemonsets", cluster.KindDaemonSet, daemonSetRow},
	}}
}

// Namespaces is the source of namespaces.
func (c *Cluster) Namespaces() backend.Source[cluster.Namespace] {
	return &source[cluster.Namespace]{c, []collection[cluster.Namespace]{{"api/v1", "namespaces", "", namespaceRow}}}
}
