package cluster

import "wheelhouse/backend"

// Workload is a deployment, stateful set or daemon set, as a row shows it.
type Workload struct {
	Link, Namespace, Name, UID string

	Kind  string // KindDeployment …
	State string // Available, Progressing, Stalled, Paused, Degraded, ScaledDown
	Image string // of the first container
	Owner string // what manages it: "Helm", "Argo CD", a ref of its controller; empty when nothing is known

	Created   int64 // Unix seconds
	Desired   int32
	Ready     int32
	Updated   int32
	Available int32
	Level     backend.Level
}

// Ref addresses the workload.
func (w Workload) Ref() backend.Ref {
	return backend.Ref{Link: w.Link, Kind: w.Kind, Scope: w.Namespace, Name: w.Name, UID: w.UID}
}

// AppendText implements backend.Object.
func (w Workload) AppendText(b []byte) []byte {
	return backend.AppendWords(b, w.Link, w.Namespace, w.Name, w.Kind, w.State, w.Image)
}
