package cluster

import "wheelhouse/backend"

// KindUsage is the kind of what a pod uses, as the metrics API calls it. It is
// joined to pods and never addressed by people.
const KindUsage = "podmetrics.metrics.k8s.io"

// Usage is what one pod used when it was last measured.
type Usage struct {
	Link, Namespace, Name string

	CPU    int64 // thousandths of a core
	Memory int64 // bytes
	At     int64 // Unix seconds
}

// Ref addresses it.
func (u Usage) Ref() backend.Ref {
	return backend.Ref{Link: u.Link, Kind: KindUsage, Scope: u.Namespace, Name: u.Name}
}

// AppendText implements backend.Object.
func (u Usage) AppendText(b []byte) []byte { return backend.AppendWords(b, u.Namespace, u.Name) }

// Usage addresses what the pod uses.
func (p Pod) Usage() backend.Ref {
	return backend.Ref{Link: p.Link, Kind: KindUsage, Scope: p.Namespace, Name: p.Name}
}
