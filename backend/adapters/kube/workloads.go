package kube

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
)

// workloadFacts is what a workload's row is made of. Numbers are those of
// k8s.io/api/apps/v1/generated.proto, which differ from kind to kind.
type workloadFacts struct {
	kubeapi.Meta
	image     string
	desired   int64
	paused    bool
	observed  int64 // the generation that its controller has seen
	stalled   bool  // its rollout has gone past its deadline
	byHand    bool  // strategy OnDelete: pods are updated when somebody deletes them
	held      int64 // pods that its partition keeps as they were
	total     int64 // pods, old ones too; 0 where the kind does not tell
	ready     int64
	updated   int64
	available int64
}

// layout is where a kind keeps what the row needs: field numbers of its spec
// and status; 0 where the kind has none.
type layout struct {
	kind                                         string
	replicas, template, paused, strategy         protowire.Number // of spec
	observed, desired, ready, updated, available protowire.Number // of status
	total, conditions                            protowire.Number // of status
}

func deploymentRow(raw []byte, link string, w kubeapi.Words) (cluster.Workload, string, error) {
	return workloadRow(raw, link, w, layout{
		kind: cluster.KindDeployment, replicas: 1, template: 3, paused: 7,
		observed: 1, ready: 7, updated: 3, available: 4, total: 2, conditions: 6,
	})
}

func statefulSetRow(raw []byte, link string, w kubeapi.Words) (cluster.Workload, string, error) {
	return workloadRow(raw, link, w, layout{
		kind: cluster.KindStatefulSet, replicas: 1, template: 3, strategy: 7,
		observed: 1, ready: 3, updated: 5, available: 11,
	})
}

func daemonSetRow(raw []byte, link string, w kubeapi.Words) (cluster.Workload, string, error) {
	return workloadRow(raw, link, w, layout{
		kind: cluster.KindDaemonSet, template: 2, strategy: 3,
		observed: 5, desired: 3, ready: 4, updated: 6, available: 7,
	})
}

func workloadRow(raw []byte, link string, w kubeapi.Words, l layout) (cluster.Workload, string, error) {
	f := workloadFacts{desired: 1} // a server leaves out replicas that are the default
	if l.replicas == 0 {
		f.desired = 0
	}
	err := kubeapi.Walk(raw, func(num protowire.Number, v []byte, _ uint64) {
		switch num {
		case 1:
			_ = f.Meta.Read(v, w) // a row without a name is refused below
		case 2:
			f.spec(v, w, l)
		case 3:
			f.status(v, l)
		}
	})
	if err == nil && f.Name == "" {
		err = fmt.Errorf("a %s without a name", l.kind)
	}
	return f.row(link, l.kind), f.Version, err
}

func (f *workloadFacts) spec(b []byte, w kubeapi.Words, l layout) {
	_ = kubeapi.Walk(b, func(num protowire.Number, v []byte, n uint64) { // what came before the break stands
		switch num {
		case l.replicas:
			f.desired = int64(n)
		case l.paused:
			f.paused = n != 0
		case l.strategy:
			f.byHand = kubeapi.TextAt(v, 1) == "OnDelete"
			f.held = kubeapi.NumberAt(v, 2, 1) // of a daemon set it is no number, and stays 0
		case l.template: // PodTemplateSpec.spec.containers.image
			_ = kubeapi.At(v, func(c []byte, _ uint64) {
				if f.image == "" {
					f.image = w.Of([]byte(kubeapi.TextAt(c, 2)))
				}
			}, 2, 2)
		}
	})
}

func (f *workloadFacts) status(b []byte, l layout) {
	_ = kubeapi.Walk(b, func(num protowire.Number, v []byte, n uint64) { // what came before the break stands
		switch num {
		case l.observed:
			f.observed = int64(n)
		case l.desired:
			f.desired = int64(n)
		case l.total:
			f.total = int64(n)
		case l.ready:
			f.ready = int64(n)
		case l.updated:
			f.updated = int64(n)
		case l.available:
			f.available = int64(n)
		case l.conditions:
			if kubeapi.TextAt(v, 1) == "Progressing" && kubeapi.TextAt(v, 2) == "False" && kubeapi.TextAt(v, 4) == "ProgressDeadlineExceeded" {
				f.stalled = true
			}
		}
	})
}

func (f *workloadFacts) row(link, kind string) cluster.Workload {
	row := cluster.Workload{
		Link: link, Namespace: f.Namespace, Name: f.Name, UID: f.UID, Kind: kind, Image: f.image, Owner: f.Manager,
		Created: f.Created, Desired: int32(f.desired), Ready: int32(f.ready), Updated: int32(f.updated), Available: int32(f.available),
	}
	if row.Owner == "" {
		row.Owner = f.Owner
	}
	row.State, row.Level = f.state()
	return row
}

// state is the word for how far what is asked for is there.
func (f *workloadFacts) state() (string, backend.Level) {
	switch {
	case f.stalled:
		return "Stalled", backend.Critical
	case f.paused:
		return "Paused", backend.Waiting
	case f.observed < f.Generation, !f.byHand && f.updated < f.desired-f.held, f.total > f.updated:
		return "Progressing", backend.Moving
	case f.desired == 0:
		return "ScaledDown", backend.Idle
	case f.available == 0:
		return "Degraded", backend.Critical
	case f.available < f.desired:
		return "Degraded", backend.Warning
	}
	return "Available", backend.Good
}

// namespaceRow projects a namespace.
func namespaceRow(raw []byte, link string, w kubeapi.Words) (cluster.Namespace, string, error) {
	var m kubeapi.Meta
	n := cluster.Namespace{Link: link, State: "Active", Level: backend.Good}
	err := kubeapi.Walk(raw, func(num protowire.Number, v []byte, _ uint64) {
		switch num {
		case 1:
			_ = m.Read(v, w) // a row without a name is refused below
		case 3:
			if phase := kubeapi.TextAt(v, 1); phase != "" {
				n.State = w.Of([]byte(phase))
			}
		}
	})
	if n.State != "Active" {
		n.Level = backend.Moving
	}
	if err == nil && m.Name == "" {
		err = fmt.Errorf("a namespace without a name")
	}
	n.Name, n.UID, n.Created = m.Name, m.UID, m.Created
	return n, m.Version, err
}
