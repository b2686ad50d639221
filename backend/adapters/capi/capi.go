// Package capi is the adapter for Cluster API: how pools of machines and machines
// become rows, and what scaling a pool sends. It lives on a cluster, the one that
// manages the others; how that is spoken to is kubeapi's.
//
// Facts of the wire are those of Cluster API v1.14, api version v1beta2
// (api/core/v1beta2/*_types.go).
package capi

import (
	"context"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"wheelhouse/backend"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/machine"
)

const group = "cluster.x-k8s.io"

// kinds are the resources that are known here.
func kinds() kubeapi.Kinds {
	of := func(group, kind, word, plural string) kubeapi.Resource {
		return kubeapi.Resource{Word: word, Plural: plural, Scoped: true, GVK: schema.GroupVersionKind{Group: group, Version: "v1beta2", Kind: kind}}
	}
	return kubeapi.Kinds{
		machine.KindMachine:      of(group, "Machine", "machine", "machines"),
		machine.KindDeployment:   of(group, "MachineDeployment", "machinedeployment", "machinedeployments"),
		machine.KindPool:         of(group, "MachinePool", "machinepool", "machinepools"),
		machine.KindControlPlane: of("controlplane."+group, "KubeadmControlPlane", "kubeadmcontrolplane", "kubeadmcontrolplanes"),
	}
}

// Machines is one cluster's part of them. Safe for concurrent use.
type Machines struct {
	*kubeapi.Client
	kubeapi.Actor
	kubeapi.Faces
}

var (
	_ backend.Actor   = (*Machines)(nil)
	_ backend.Details = (*Machines)(nil)
)

// New makes the adapter for the cluster behind a client.
func New(api *kubeapi.Client) *Machines {
	m := &Machines{Client: api}
	needs := func(_ string, res kubeapi.Resource) backend.Permission { return res.May("patch", "scale") }
	m.Actor = kubeapi.Actor{Client: api, Verbs: kubeapi.Verbs{Actions: machine.Actions(), Kinds: kinds(), Needs: needs, Plan: m.plan}}
	m.Faces = kubeapi.Faces{Client: api, Kinds: kinds(), Lines: m.lines}
	return m
}

// Pools is the source of pools, of all three kinds.
func (m *Machines) Pools() backend.Source[machine.Pool] {
	var all []kubeapi.Collection[machine.Pool]
	for _, kind := range []string{machine.KindDeployment, machine.KindPool, machine.KindControlPlane} {
		all = append(all, kubeapi.Collection[machine.Pool]{Res: kinds()[kind], Part: kind, JSON: true, Row: poolRow(kind)})
	}
	return kubeapi.Source(m.Client, all...)
}

// Machines is the source of machines.
func (m *Machines) Machines() backend.Source[machine.Machine] {
	return kubeapi.Source(m.Client, kubeapi.Collection[machine.Machine]{Res: kinds()[machine.KindMachine], JSON: true, Row: machineRow})
}

// lines say of a pool how far it is, and of a machine what became of it.
func (m *Machines) lines(_ context.Context, ref backend.Ref) func(*kubeapi.Summary, *unstructured.Unstructured) error {
	return func(s *kubeapi.Summary, obj *unstructured.Unstructured) error {
		raw, err := obj.MarshalJSON()
		if err != nil {
			return err
		}
		o, err := parse(raw)
		if err != nil {
			return err
		}
		if ref.Kind == machine.KindMachine {
			machineLines(s, o.machine(ref.Link), o)
		} else {
			poolLines(s, o.pool(ref.Link, ref.Kind))
		}
		for _, c := range o.conditions() {
			if level := c.level(); level > backend.Good {
				s.Add(level, "condition", kubeapi.Join(": ", kubeapi.Join(" ", c.Type, c.Reason), c.said()))
			}
		}
		return nil
	}
}
