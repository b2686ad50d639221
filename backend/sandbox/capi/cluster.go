package capi

import (
	"cmp"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"wheelhouse/backend/sandbox/kube"
)

// clusterStatus is all that is written down of a cluster.
type clusterStatus struct {
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	Initialization     clusterStarted     `json:"initialization"`
	ControlPlane       *tally             `json:"controlPlane,omitempty"`
	Workers            *tally             `json:"workers,omitempty"`
	Phase              string             `json:"phase,omitempty"`
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
}

type clusterStarted struct {
	InfrastructureProvisioned bool `json:"infrastructureProvisioned,omitempty"`
	ControlPlaneInitialized   bool `json:"controlPlaneInitialized,omitempty"`
}

// tally is how many machines there are of a kind.
type tally struct {
	Desired   int32          `json:"desiredReplicas"`
	Replicas  int32          `json:"replicas"`
	UpToDate  int32          `json:"upToDateReplicas"`
	Ready     int32          `json:"readyReplicas"`
	Available int32          `json:"availableReplicas"`
	Versions  []versionCount `json:"versions,omitempty"`
}

func (t *tally) add(spec, status kube.Fields) {
	t.Desired += spec.Int("replicas")
	t.Replicas += status.Int("replicas")
	t.UpToDate += status.Int("upToDateReplicas")
	t.Ready += status.Int("readyReplicas")
	t.Available += status.Int("availableReplicas")
	var st poolStatus
	_ = status.Decode(&st) // one that is none has no versions
	for _, v := range st.Versions {
		for i := range t.Versions {
			if t.Versions[i].Version == v.Version {
				t.Versions[i].Replicas += v.Replicas
				v.Replicas = 0
			}
		}
		if v.Replicas > 0 {
			t.Versions = append(t.Versions, v)
		}
	}
}

// cluster sums up what belongs to one.
func (p provider) cluster(c *kube.Cluster, namespace, name string) {
	obj := kube.Get[*Cluster](c, namespace, name)
	var was clusterStatus
	if obj == nil || obj.DeletionTimestamp != nil || obj.Status.Decode(&was) != nil {
		return
	}
	st := clusterStatus{ControlPlane: &tally{}, Workers: &tally{}, Phase: "Provisioned", ObservedGeneration: obj.Generation}
	var masters, workers []*body
	for _, b := range bodies(kube.All[*Machine](c, namespace)) {
		if _, ok := b.Labels[masterLabel]; b.spec.ClusterName == name && ok {
			masters = append(masters, b)
		} else if b.spec.ClusterName == name {
			workers = append(workers, b)
		}
	}
	plane := kube.Get[*ControlPlane](c, namespace, text(obj.Spec, "controlPlaneRef", "name"))
	if plane != nil {
		st.ControlPlane.add(plane.Spec, plane.Status)
	}
	for _, d := range kube.All[*Deployment](c, namespace) {
		if text(d.Spec, "clusterName") == name {
			st.Workers.add(d.Spec, d.Status)
		}
	}
	began := st.ControlPlane.Ready > 0 || was.Initialization.ControlPlaneInitialized
	st.Initialization = clusterStarted{true, began}
	cs := &conditions{was: was.Conditions, generation: obj.Generation, at: p.clock()}
	master, work := st.ControlPlane.Available > st.ControlPlane.Desired/2, st.Workers.Available >= st.Workers.Desired
	why := ""
	if !master {
		why = "* ControlPlaneAvailable: Control plane is not available"
	}
	if !work {
		why = cmp.Or(why, "* WorkersAvailable: not all MachineDeployments are available")
	}
	cs.yes("Available", why == "", "Available", "NotAvailable", why)
	cs.yes("RemoteConnectionProbe", began, "ProbeSucceeded", "ProbeFailed", "Remote connection not established yet")
	cs.set("InfrastructureReady", metav1.ConditionTrue, "Ready", "")
	cs.yes("ControlPlaneInitialized", began, "Initialized", "NotInitialized", "Control plane not yet initialized")
	cs.yes("ControlPlaneAvailable", master, "Available", "NotAvailable", "")
	cs.yes("WorkersAvailable", work, "Available", "NotAvailable", "")
	cs.going("RollingOut", rolling(append(masters, workers...)))
	cs.going("Remediating", "")
	cs.scaling(st.ControlPlane.Desired+st.Workers.Desired, st.ControlPlane.Replicas+st.Workers.Replicas, "machines")
	cs.together("ControlPlaneMachinesReady", "Ready", masters, "Ready", "NotReady")
	cs.together("WorkerMachinesReady", "Ready", workers, "Ready", "NotReady")
	cs.together("ControlPlaneMachinesUpToDate", "UpToDate", masters, "UpToDate", "NotUpToDate")
	cs.together("WorkerMachinesUpToDate", "UpToDate", workers, "UpToDate", "NotUpToDate")
	cs.end(obj)
	st.Conditions = cs.now
	if was.Phase != st.Phase {
		c.Event(obj, "cluster-controller", corev1.EventTypeNormal, st.Phase, "Cluster "+name+" is "+st.Phase)
	}
	fields := kube.FieldsOf(st)
	kube.Change(c, namespace, name, func(obj *Cluster) { obj.Status = fields })
}

func clusterColumns() []kube.Column {
	count := func(name, of, field string) kube.Column {
		return column(name, func(_, status kube.Fields) any {
			all, _ := status[of].(map[string]any)
			return kube.Fields(all).Int(field)
		})
	}
	return []kube.Column{
		column("ClusterClass", func(spec, _ kube.Fields) any { return text(spec, "topology", "classRef", "name") }), conditionColumn("Available"),
		count("CP Desired", "controlPlane", "desiredReplicas"), count("CP Available", "controlPlane", "availableReplicas"), count("CP Up-to-date", "controlPlane", "upToDateReplicas"),
		count("W Desired", "workers", "desiredReplicas"), count("W Available", "workers", "availableReplicas"), count("W Up-to-date", "workers", "upToDateReplicas"),
		wide(conditionColumn("Paused")), column("Phase", func(_, status kube.Fields) any { return status["phase"] }),
		column("Version", func(spec, _ kube.Fields) any { return text(spec, "topology", "version") }),
	}
}

func machineColumns() []kube.Column {
	at := func(name string, wide bool, path ...string) kube.Column {
		c := column(name, func(spec, status kube.Fields) any {
			return text(map[string]any{"spec": map[string]any(spec), "status": map[string]any(status)}, path...)
		})
		c.Wide = wide
		return c
	}
	return []kube.Column{
		at("Cluster", false, "spec", "clusterName"), at("Node Name", false, "status", "nodeRef", "name"), at("Provider ID", true, "spec", "providerID"),
		at("Failure domain", false, "status", "failureDomain"), conditionColumn("Ready"), conditionColumn("Available"), named(conditionColumn("UpToDate"), "Up-to-date"),
		at("OS-Image", true, "status", "nodeInfo", "osImage"), wide(conditionColumn("Paused")), at("Phase", false, "status", "phase"), at("Version", false, "spec", "version"),
	}
}

// poolColumns are those of a pool of any kind: of some it is said whether they are
// available, of some in which phase they are.
func poolColumns(available, phase bool) []kube.Column {
	count := func(name, field string) kube.Column {
		return column(name, func(_, status kube.Fields) any { return status.Int(field) })
	}
	out := []kube.Column{{Name: "Cluster", Value: func(o runtime.Object) any {
		spec, _ := parts(o)
		if name := text(spec, "clusterName"); name != "" {
			return name
		}
		if k, ok := o.(*ControlPlane); ok {
			return k.Labels[clusterLabel]
		}
		return ""
	}}}
	if available {
		out = append(out, conditionColumn("Available"))
	}
	out = append(out, column("Desired", func(spec, _ kube.Fields) any { return spec.Int("replicas") }), count("Current", "replicas"), count("Ready", "readyReplicas"),
		count("Available", "availableReplicas"), count("Up-to-date", "upToDateReplicas"), wide(conditionColumn("Paused")))
	if phase {
		out = append(out, column("Phase", func(_, status kube.Fields) any { return status["phase"] }))
	}
	return append(out, column("Version", func(spec, _ kube.Fields) any {
		return cmp.Or(text(spec, "version"), text(spec, "template", "spec", "version"))
	}))
}

func column(name string, value func(spec, status kube.Fields) any) kube.Column {
	return kube.Column{Name: name, Value: func(o runtime.Object) any { return value(parts(o)) }}
}

func wide(c kube.Column) kube.Column {
	c.Wide = true
	return c
}

func named(c kube.Column, name string) kube.Column {
	c.Name = name
	return c
}

func conditionColumn(kind string) kube.Column {
	return column(kind, func(_, status kube.Fields) any {
		var st struct{ Conditions []metav1.Condition }
		_ = status.Decode(&st) // one that is none has no conditions
		if c := find(st.Conditions, kind); c != nil {
			return string(c.Status)
		}
		return ""
	})
}

// parts are the spec and the status of an object of a kind of ours.
func parts(o runtime.Object) (spec, status kube.Fields) {
	switch o := o.(type) {
	case *Cluster:
		return o.Spec, o.Status
	case *Deployment:
		return o.Spec, o.Status
	case *Set:
		return o.Spec, o.Status
	case *Machine:
		return o.Spec, o.Status
	case *Pool:
		return o.Spec, o.Status
	case *ControlPlane:
		return o.Spec, o.Status
	}
	return nil, nil
}
