package capi

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend/sandbox/kube"
)

// plane has a control plane have its machines, one more or one fewer at a time.
func (p provider) plane(c *kube.Cluster, namespace, name string) {
	k := kube.Get[*ControlPlane](c, namespace, name)
	var s poolSpec
	if k == nil || k.DeletionTimestamp != nil || k.Spec.Decode(&s) != nil {
		return
	}
	cluster := kube.Get[*Cluster](c, namespace, k.Labels[clusterLabel])
	if cluster == nil {
		return
	}
	if len(k.OwnerReferences) == 0 {
		kube.Change(c, namespace, name, func(k *ControlPlane) { k.OwnerReferences = owned(cluster) })
		return
	}
	if !paused(k) && !paused(cluster) {
		p.staff(c, k, &s, cluster.Name)
	}
	machines := bodies(kube.Owned[*Machine](c, k))
	selector := clusterLabel + "=" + cluster.Name + "," + masterLabel
	st := poolStatus{Selector: selector, Version: s.Version}
	cs := p.count(k.Status, k.Generation, &st, machines)
	started := *st.ReadyReplicas > 0 || is(cs.was, "Initialized")
	st.Initialization = &planeStarted{started}
	quorum := int32(len(machines))/2 + 1 //nolint:gosec // a handful
	cs.yes("Available", started && *st.ReadyReplicas >= quorum, "Available", "NotAvailable", fmt.Sprintf("* %d of %d etcd members are healthy, at least %d required for etcd quorum", *st.ReadyReplicas, *st.Replicas, quorum))
	cs.set("CertificatesAvailable", metav1.ConditionTrue, "Available", "")
	cs.yes("Initialized", started, "Initialized", "NotInitialized", "Control plane not yet initialized")
	cs.together("EtcdClusterHealthy", "EtcdMemberHealthy", machines, "Healthy", "NotHealthy")
	cs.together("ControlPlaneComponentsHealthy", "APIServerPodHealthy", machines, "Healthy", "NotHealthy")
	cs.going("RollingOut", rolling(machines))
	cs.going("Remediating", "")
	cs.scaling(s.want(), *st.Replicas, "replicas")
	cs.together("MachinesReady", "Ready", machines, "Ready", "NotReady")
	cs.together("MachinesUpToDate", "UpToDate", machines, "UpToDate", "NotUpToDate")
	cs.end(k)
	st.Conditions = cs.now
	fields := kube.FieldsOf(st)
	kube.Change(c, namespace, name, func(k *ControlPlane) { k.Status = fields })
}

// staff makes the next machine of a control plane, or takes one out, when those that
// are there are as they should be.
func (p provider) staff(c *kube.Cluster, k *ControlPlane, s *poolSpec, cluster string) {
	machines := bodies(kube.Owned[*Machine](c, k))
	if slices.ContainsFunc(machines, func(b *body) bool { return !is(b.status.Conditions, "Ready") }) {
		return // one after another, or etcd would lose its majority
	}
	switch n := int32(len(machines)); { //nolint:gosec // a handful
	case n < s.want():
		name := suffix(k.Name, func(name string) bool { return kube.Get[*Machine](c, k.Namespace, name) != nil })
		labels := map[string]string{clusterLabel: cluster, masterLabel: "", planeLabel: k.Name}
		spec := kube.FieldsOf(s.MachineTemplate.Spec)
		spec["clusterName"], spec["version"] = cluster, s.Version
		spec["bootstrap"] = map[string]any{"configRef": map[string]any{"apiGroup": "bootstrap." + group, "kind": "KubeadmConfig", "name": name}}
		var gates []any
		for _, kind := range []string{"NodeKubeadmLabelsAndTaintsSet", "APIServerPodHealthy", "ControllerManagerPodHealthy", "SchedulerPodHealthy", "EtcdPodHealthy", "EtcdMemberHealthy"} {
			gates = append(gates, map[string]any{"conditionType": kind})
		}
		spec["readinessGates"] = gates
		c.Create(machineOf(k.Namespace, name, labels, spec, controlled(k, plane().WithKind("KubeadmControlPlane"))))
	case n > s.want():
		slices.SortFunc(machines, leastMissed)
		c.Delete(machines[0].Machine)
	}
}
