package capi

import (
	"context"
	"fmt"

	"wheelhouse/backend"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/machine"
)

// plan plans pool.scale.
func (m *Machines) plan(_ context.Context, action string, ts []kubeapi.Target, args backend.Args) (backend.Plan, error) {
	to, _ := args.Int("replicas") // Check has seen to it
	var changes []kubeapi.Change
	w := kubeapi.Cautions{Of: len(ts)}
	for _, t := range ts {
		if t.Ref.Kind == machine.KindControlPlane && to == 0 {
			return backend.Plan{}, &backend.Error{
				Code: backend.Invalid, Op: action, Ref: t.Ref,
				Human: backend.T(kubeapi.Upper(t.Named()) + " is a control plane: without a machine there is no cluster. Delete the cluster if that is meant.").Safe(),
			}
		}
		for _, caution := range cautions(t, to) {
			w.Say(t, caution)
		}
		w.Say(t, kubeapi.ManagedBy(t.Obj))
		changes = append(changes, kubeapi.Scaling(t, kubeapi.Replicas(t.Obj), to))
	}
	steps, err := m.Steps(changes)
	sentence := fmt.Sprintf("Scales %s on %s to %d machines.", kubeapi.All(ts), m.Link().Alias(), to)
	if len(ts) == 1 {
		sentence = fmt.Sprintf("Scales %s on %s from %d to %d machines.", kubeapi.All(ts), m.Link().Alias(), kubeapi.Replicas(ts[0].Obj), to)
	}
	return backend.Plan{Sentence: sentence, Warnings: w.Lines(), Steps: steps}, err
}

// cautions say what speaks against scaling one pool.
func cautions(t kubeapi.Target, to int64) (out []string) {
	from := kubeapi.Replicas(t.Obj)
	notes, labels := t.Obj.GetAnnotations(), t.Obj.GetLabels()
	const node = group + "/cluster-api-autoscaler-node-group-"
	if low, high := notes[node+"min-size"], notes[node+"max-size"]; low != "" || high != "" {
		out = append(out, fmt.Sprintf("the autoscaler holds it between %s and %s and may undo this", orNothing(low), orNothing(high)))
	}
	if _, owned := labels["topology."+group+"/owned"]; owned {
		out = append(out, "the topology of its cluster manages it and will undo this: change it there")
	}
	if _, paused := notes[group+"/paused"]; paused {
		out = append(out, "it is paused: nothing happens until it is not")
	}
	if to < from {
		out = append(out, fmt.Sprintf("%d of its machines are deleted; each is drained first, which waits for as long as a pod can't be moved", from-to))
	}
	if t.Ref.Kind == machine.KindControlPlane && to%2 == 0 {
		out = append(out, "etcd wants an odd number of members: with an even one it bears no more failures")
	}
	return out
}

func orNothing(s string) string {
	if s == "" {
		return "nothing"
	}
	return s
}
