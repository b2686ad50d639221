// Package machine holds the nouns of what clusters run on: pools of machines and
// the machines in them, and the verbs that go with them. They are compact values,
// as a row shows them; nothing here knows which system makes the machines, and
// nothing here does I/O.
package machine

import (
	"strconv"

	"wheelhouse/backend"
)

// The kinds, as refs carry them. Pools are of three kinds.
const (
	KindMachine      = "machine.cluster.x-k8s.io"
	KindDeployment   = "machinedeployment.cluster.x-k8s.io"
	KindPool         = "machinepool.cluster.x-k8s.io"
	KindControlPlane = "kubeadmcontrolplane.controlplane.cluster.x-k8s.io"
)

// Nouns is how these kinds are named and addressed.
func Nouns() backend.Nouns {
	return backend.Nouns{
		{Kind: KindMachine, Plural: "machines", Short: []string{"ma"}, Scoped: true},
		{Kind: KindDeployment, Plural: "machinedeployments", Short: []string{"md"}, Scoped: true},
		{Kind: KindPool, Plural: "machinepools", Short: []string{"mp"}, Scoped: true},
		{Kind: KindControlPlane, Plural: "kubeadmcontrolplanes", Short: []string{"kcp"}, Scoped: true},
	}
}

// PoolScale is the verb that changes how many machines a pool has.
const PoolScale = "pool.scale"

// Actions is every verb of this domain, as data.
func Actions() []backend.Action {
	return []backend.Action{{
		ID: PoolScale, Title: "Scale", Kinds: []string{KindDeployment, KindPool, KindControlPlane}, Risk: backend.Medium,
		Help: "Makes or deletes machines until the pool has that many.",
		Params: []backend.Param{{
			Name: "replicas", Title: "Machines", Type: backend.Int, Required: true, Min: 0, Max: 10000, Help: "How many it shall have.",
		}},
	}}
}

// Pool is machines that are alike, as a row shows them. Strings are the server's,
// unchecked.
type Pool struct {
	Link, Kind, Namespace, Name, UID string

	Cluster string // that the machines make up
	Version string // of Kubernetes, that they are meant to have
	State   string // Available, Scaling up, Rolling out, Remediating, Paused, Deleting …
	Detail  string // why it is so, in the controller's words; may be empty
	Level   backend.Level

	Desired, Replicas, Ready, UpToDate, Available int32

	Created int64 // Unix seconds
}

// Ref addresses it.
func (p Pool) Ref() backend.Ref {
	return backend.Ref{Link: p.Link, Kind: p.Kind, Scope: p.Namespace, Name: p.Name, UID: p.UID}
}

// AppendText implements backend.Object.
func (p Pool) AppendText(b []byte) []byte {
	return backend.AppendWords(b, p.Link, p.Namespace, p.Name, p.Cluster, p.State, p.Detail, p.Version)
}

// Why says why a verb makes no sense in the state that the row shows; "" when
// it does.
func (p Pool) Why(action string) string {
	if action == PoolScale && p.State == Deleting {
		return p.Name + " is being deleted"
	}
	return ""
}

// Deleting is the state of what is on its way out.
const Deleting = "Deleting"

// Progress is "3/5": the machines that are ready, of those that there shall be.
func (p Pool) Progress() string {
	return strconv.Itoa(int(p.Ready)) + "/" + strconv.Itoa(int(p.Desired))
}

// Machine is one machine, as a row shows it.
type Machine struct {
	Link, Namespace, Name, UID string

	Cluster  string
	Pool     string // that it belongs to; empty for one that stands alone
	Node     string // that it has become; empty until it has
	Provider string // what the provider calls it: "aliyun:///i-2ze"
	Version  string
	Zone     string // failure domain
	State    string // Pending, Provisioning, Provisioned, Running, Deleting, Failed
	Detail   string // what it waits for, or what is wrong, in the controller's words; may be empty
	Level    backend.Level
	Created  int64 // Unix seconds
}

// Ref addresses it.
func (m Machine) Ref() backend.Ref {
	return backend.Ref{Link: m.Link, Kind: KindMachine, Scope: m.Namespace, Name: m.Name, UID: m.UID}
}

// AppendText implements backend.Object.
func (m Machine) AppendText(b []byte) []byte {
	return backend.AppendWords(b, m.Link, m.Namespace, m.Name, m.Cluster, m.Pool, m.Node, m.Provider, m.State, m.Detail)
}
