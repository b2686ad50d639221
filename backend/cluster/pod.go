package cluster

import "wheelhouse/backend"

// Pod is one pod, as a row shows it. Strings are the server's, unchecked.
type Pod struct {
	Link, Namespace, Name, UID string

	State  string // the word that kubectl prints: Running, CrashLoopBackOff, Init:0/1, Terminating …
	Detail string // what stands behind it: "exit 137 (OOMKilled)"; usually empty
	Node   string
	IP     string
	Owner  string // "deployment.apps/checkout", not the replica set between; empty for a bare pod
	Image  string // of the first container

	Created     int64 // Unix seconds
	LastRestart int64 // Unix seconds; zero for never
	Restarts    int32
	Ready       uint16
	Containers  uint16
	Level       backend.Level
}

// Ref addresses the pod.
func (p Pod) Ref() backend.Ref {
	return backend.Ref{Link: p.Link, Kind: KindPod, Scope: p.Namespace, Name: p.Name, UID: p.UID}
}

// AppendText implements backend.Object.
func (p Pod) AppendText(b []byte) []byte {
	return backend.AppendWords(b, p.Link, p.Namespace, p.Name, p.State, p.Node, p.IP, p.Detail)
}
