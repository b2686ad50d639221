// Package cluster holds the nouns of a container cluster: cluster, namespace,
// workload, pod, and the verbs that go with them. They are compact values, as a
// row shows them; nothing here knows which vendor or client library they came
// from, and nothing here does I/O.
package cluster

import "wheelhouse/backend"

// The kinds, as refs carry them.
const (
	KindCluster     = "cluster"
	KindNamespace   = "namespace"
	KindPod         = "pod"
	KindDeployment  = "deployment.apps"
	KindStatefulSet = "statefulset.apps"
	KindDaemonSet   = "daemonset.apps"
)

// Nouns is how these kinds are named and addressed.
func Nouns() backend.Nouns {
	return backend.Nouns{
		{Kind: KindCluster, Plural: "clusters", Short: []string{"ctx", "context", "contexts"}},
		{Kind: KindNamespace, Plural: "namespaces", Short: []string{"ns"}},
		{Kind: KindPod, Plural: "pods", Short: []string{"po"}, Scoped: true, Sub: true},
		{Kind: KindDeployment, Plural: "deployments", Short: []string{"dp", "deploy"}, Scoped: true},
		{Kind: KindStatefulSet, Plural: "statefulsets", Short: []string{"sts"}, Scoped: true},
		{Kind: KindDaemonSet, Plural: "daemonsets", Short: []string{"ds"}, Scoped: true},
	}
}

// Cluster is one link to a cluster, or to a system beside it, connected or not.
type Cluster struct {
	Link      string // alias
	System    string // what is there: "kubernetes", "jenkins"
	View      string // what shows it
	Server    string // URL, without credentials
	User      string // who the server says we are; empty until it has said so
	Version   string // the server's; empty until known
	Contexts  string // the kubeconfig contexts that lead here, joined by a comma
	Colour    string // from the config; empty for none
	Protected bool
	ReadOnly  bool
	Unsafe    string // what must be said of the way there: "TLS not verified"; empty: nothing
	Health    backend.Health
}

// Ref addresses the cluster by its link.
func (c Cluster) Ref() backend.Ref {
	return backend.Ref{Link: c.Link, Kind: KindCluster, Name: c.Link}
}

// AppendText implements backend.Object.
func (c Cluster) AppendText(b []byte) []byte {
	return backend.AppendWords(b, c.Link, c.System, c.Server, c.User, c.Contexts, c.Health.State.String())
}

// Namespace is one namespace of a cluster.
type Namespace struct {
	Link, Name, UID string
	State           string // Active, Terminating
	Level           backend.Level
	Created         int64 // Unix seconds
}

// Ref addresses it.
func (n Namespace) Ref() backend.Ref {
	return backend.Ref{Link: n.Link, Kind: KindNamespace, Name: n.Name, UID: n.UID}
}

// AppendText implements backend.Object.
func (n Namespace) AppendText(b []byte) []byte {
	return backend.AppendWords(b, n.Link, n.Name, n.State)
}
