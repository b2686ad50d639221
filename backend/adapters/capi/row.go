package capi

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"wheelhouse/backend"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/machine"
)

// object is what is read of a pool of any kind, and of a machine.
type object struct {
	labels   map[string]string
	Metadata kubeapi.Meta
	Spec     struct {
		Replicas                                        *int32
		ClusterName, Version, ProviderID, FailureDomain string
		Template                                        struct {
			Spec struct{ ClusterName, Version string }
		}
	}
	Status struct {
		Phase                                                        string
		Replicas, ReadyReplicas, UpToDateReplicas, AvailableReplicas int32
		NodeRef                                                      struct{ Name string }
		Addresses                                                    []struct{ Type, Address string }
		Conditions                                                   []condition
		V1beta2                                                      struct{ Conditions []condition } // where the server has kept those of v1beta1 apart
	}
}

type condition struct{ Type, Status, Reason, Message string }

// goodWhenFalse says whether a condition is one of something that goes on.
func (c condition) goodWhenFalse() bool {
	switch c.Type {
	case "RollingOut", "ScalingUp", "ScalingDown", "Remediating", "Deleting", "Paused", "Updating":
		return true
	}
	return false
}

// level says how much a condition needs a look; Good and below is as it should be.
func (c condition) level() backend.Level {
	switch {
	case c.Status == "Unknown":
		return backend.Idle
	case c.goodWhenFalse() == (c.Status == "False"):
		return backend.Good
	case c.Type == "Paused":
		return backend.Waiting
	case c.goodWhenFalse():
		return backend.Moving
	}
	return backend.Warning
}

// said is the message as one line: it comes as a list of lines.
func (c condition) said() string {
	var out []string
	for line := range strings.Lines(c.Message) {
		out = append(out, strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "* ")))
	}
	return strings.Join(out, "; ")
}

func parse(raw []byte) (*object, error) {
	o := &object{}
	var marked struct {
		Metadata struct{ Labels map[string]string }
	}
	if err := errors.Join(json.Unmarshal(raw, o), json.Unmarshal(raw, &marked)); err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	o.labels = marked.Metadata.Labels
	if o.Metadata.Name == "" {
		return nil, errors.New("an object without a name")
	}
	return o, nil
}

func (o *object) conditions() []condition {
	if o.Status.V1beta2.Conditions != nil {
		return o.Status.V1beta2.Conditions
	}
	return o.Status.Conditions
}

// is gives a condition of that type and status.
func (o *object) is(kind, status string) (condition, bool) {
	for _, c := range o.conditions() {
		if c.Type == kind && c.Status == status {
			return c, true
		}
	}
	return condition{}, false
}

// clusterLabel is on everything that belongs to a cluster.
const clusterLabel = group + "/cluster-name"

func poolRow(kind string) func([]byte, string, kubeapi.Words) (machine.Pool, string, error) {
	return func(raw []byte, link string, _ kubeapi.Words) (machine.Pool, string, error) {
		o, err := parse(raw)
		if err != nil {
			return machine.Pool{}, "", err
		}
		return o.pool(link, kind), o.Metadata.Version, nil
	}
}

func (o *object) pool(link, kind string) machine.Pool {
	m, spec, st := o.Metadata, o.Spec, o.Status
	p := machine.Pool{
		Link: link, Kind: kind, Namespace: m.Namespace, Name: m.Name, UID: m.UID, Created: m.Created,
		Cluster: cmp.Or(spec.ClusterName, o.labels[clusterLabel]), Version: cmp.Or(spec.Version, spec.Template.Spec.Version),
		Desired: 1, Replicas: st.Replicas, Ready: st.ReadyReplicas, UpToDate: st.UpToDateReplicas, Available: st.AvailableReplicas,
	}
	if spec.Replicas != nil {
		p.Desired = *spec.Replicas
	}
	p.State, p.Detail, p.Level = o.poolState()
	return p
}

// poolState is the condition that matters most: what is going on before what is
// wrong, as the one explains the other.
func (o *object) poolState() (word, detail string, level backend.Level) {
	if o.Metadata.Deleted {
		c, _ := o.is("Deleting", "True")
		return machine.Deleting, c.said(), backend.Moving
	}
	for _, rule := range []struct {
		kind, status, word string
		level              backend.Level
	}{
		{"Paused", "True", "Paused", backend.Waiting},
		{"Remediating", "True", "Remediating", backend.Warning},
		{"ScalingUp", "True", "Scaling up", backend.Moving},
		{"ScalingDown", "True", "Scaling down", backend.Moving},
		{"RollingOut", "True", "Rolling out", backend.Moving},
		{"Available", "False", "Unavailable", backend.Critical},
		{"MachinesReady", "False", "Not ready", backend.Warning},
		{"Available", "True", "Available", backend.Good},
	} {
		if c, ok := o.is(rule.kind, rule.status); ok {
			detail := ""
			if rule.level != backend.Good {
				detail = c.said()
			}
			return rule.word, detail, rule.level
		}
	}
	return "Unknown", "its controller has not said anything yet", backend.Idle
}

func machineRow(raw []byte, link string, _ kubeapi.Words) (machine.Machine, string, error) {
	o, err := parse(raw)
	if err != nil {
		return machine.Machine{}, "", err
	}
	return o.machine(link), o.Metadata.Version, nil
}

func (o *object) machine(link string) machine.Machine {
	m, spec := o.Metadata, o.Spec
	out := machine.Machine{
		Link: link, Namespace: m.Namespace, Name: m.Name, UID: m.UID, Created: m.Created,
		Cluster: cmp.Or(spec.ClusterName, o.labels[clusterLabel]), Node: o.Status.NodeRef.Name, Provider: spec.ProviderID,
		Pool:    cmp.Or(o.labels[group+"/deployment-name"], o.labels[group+"/pool-name"], o.labels[group+"/control-plane-name"]),
		Version: spec.Version, Zone: spec.FailureDomain, State: cmp.Or(o.Status.Phase, "Pending"),
	}
	out.Detail, out.Level = o.machineState()
	return out
}

// machineState says what a machine waits for, or what is wrong with it.
func (o *object) machineState() (detail string, level backend.Level) {
	notReady, bad := o.is("Ready", "False")
	sick, ill := o.is("HealthCheckSucceeded", "False")
	switch {
	case o.Metadata.Deleted:
		c, _ := o.is("Deleting", "True")
		return c.said(), backend.Moving
	case o.Status.Phase == "Failed":
		return notReady.said(), backend.Critical
	case ill:
		return sick.said(), backend.Critical
	case o.Status.Phase != "Running":
		return notReady.said(), backend.Moving
	case bad:
		return notReady.said(), backend.Warning
	}
	return "", backend.Good
}

func poolLines(s *kubeapi.Summary, p machine.Pool) {
	s.Add(p.Level, "state", kubeapi.Join(": ", p.State, p.Detail))
	s.Add(backend.None, "machines", fmt.Sprintf("%d wanted, %d there, %d ready, %d up to date, %d available", p.Desired, p.Replicas, p.Ready, p.UpToDate, p.Available))
	s.Add(backend.None, "cluster", p.Cluster)
	s.Add(backend.None, "version", p.Version)
}

func machineLines(s *kubeapi.Summary, m machine.Machine, o *object) {
	s.Add(m.Level, "state", kubeapi.Join(": ", m.State, m.Detail))
	s.Add(backend.None, "node", m.Node)
	s.Add(backend.None, "provider", m.Provider)
	s.Add(backend.None, "pool", kubeapi.Join(" of ", m.Pool, m.Cluster))
	s.Add(backend.None, "version", m.Version)
	s.Add(backend.None, "zone", m.Zone)
	for _, a := range o.Status.Addresses {
		s.Add(backend.None, "address", a.Address+" "+a.Type)
	}
}
