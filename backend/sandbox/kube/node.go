package kube

import (
	"fmt"
	"slices"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend/sandbox"
)

const (
	nodeLook  = 5 * time.Second  // between two looks at the machines
	nodeGrace = 40 * time.Second // without a word from a node, before it counts as lost
	diskFull  = 0.92             // from which share on a node has a disk pressure
	diskCalm  = 0.85             // below which it has none any more
)

// nodes brings the nodes to where the machines are: a machine that is new joins, one
// that is scrapped leaves only when somebody deletes its node.
func (c *Cluster) nodes() {
	now, fleet := c.world.Now(), c.world.Fleet()
	if now.Sub(c.looked) < nodeLook && fleet == c.fleet {
		return
	}
	c.looked, c.fleet = now, fleet
	c.machines = map[string]sandbox.Machine{}
	for _, m := range c.world.Machines(c.o.Name) {
		c.machines[m.Name] = m
		if m.Up && Get[*corev1.Node](c, "", m.Name) == nil {
			c.Put(c.node(m))
		}
		if m.Up {
			c.beat(m.Name)
		}
	}
	for _, n := range All[*corev1.Node](c, "") {
		c.look(n, c.machines[n.Name])
	}
}

// beat says that a node is there, as its kubelet does.
func (c *Cluster) beat(node string) {
	now := metav1.NewMicroTime(c.world.Now())
	switch l := Get[*coordinationv1.Lease](c, corev1.NamespaceNodeLease, node); {
	case l == nil:
		n := Get[*corev1.Node](c, "", node)
		seconds := int32(nodeGrace / time.Second)
		c.Put(&coordinationv1.Lease{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: corev1.NamespaceNodeLease, Name: node,
				OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: node, UID: n.UID}},
			},
			Spec: coordinationv1.LeaseSpec{HolderIdentity: &node, LeaseDurationSeconds: &seconds, RenewTime: &now},
		})
	case now.Sub(l.Spec.RenewTime.Time) >= 2*nodeLook:
		Change(c, corev1.NamespaceNodeLease, node, func(l *coordinationv1.Lease) { l.Spec.RenewTime = &now })
	}
}

func (c *Cluster) node(m sandbox.Machine) *corev1.Node {
	room := corev1.ResourceList{
		corev1.ResourceCPU:              *resource.NewMilliQuantity(int64(m.Room.CPU*1000), resource.DecimalSI),
		corev1.ResourceMemory:           *resource.NewQuantity(m.Room.Memory*mib, resource.BinarySI),
		corev1.ResourceEphemeralStorage: *resource.NewQuantity(m.Disk*mib, resource.BinarySI),
		corev1.ResourcePods:             resource.MustParse("110"),
	}
	n := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: m.Name, Labels: map[string]string{
			corev1.LabelHostname: m.Name, corev1.LabelTopologyZone: m.Zone, corev1.LabelInstanceTypeStable: m.Type,
			corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
		}},
		Status: corev1.NodeStatus{
			Capacity: room, Allocatable: room,
			Addresses:       []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: m.Address}, {Type: corev1.NodeHostName, Address: m.Name}},
			DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: 10250}},
			NodeInfo: corev1.NodeSystemInfo{
				KubeletVersion: "v" + Version, OSImage: "Flatcar Container Linux 4230.2.1", KernelVersion: "6.6.95-flatcar",
				ContainerRuntimeVersion: "containerd://2.1.4", OperatingSystem: "linux", Architecture: "amd64", MachineID: fmt.Sprintf("%016x", hash(m.Name)),
			},
		},
	}
	n.Status.Conditions = []corev1.NodeCondition{}
	if m.Role != "" {
		n.Labels["node-role.kubernetes.io/"+m.Role] = ""
		n.Spec.Taints = []corev1.Taint{{Key: "node-role.kubernetes.io/" + m.Role, Effect: corev1.TaintEffectNoSchedule}}
	}
	return n
}

// look writes down how a node is. One without a machine is as lost as one that is off.
func (c *Cluster) look(n *corev1.Node, m sandbox.Machine) {
	silent := !m.Up && c.world.Now().Sub(m.Since) >= nodeGrace
	if !m.Up && !silent {
		return
	}
	was, had := nodeIs(n, corev1.NodeReady, corev1.ConditionTrue), nodeIs(n, corev1.NodeDiskPressure, corev1.ConditionTrue)
	full := !silent && pressed(m, had)
	if was != silent && had == full && n.Spec.Unschedulable == tainted(n, corev1.TaintNodeUnschedulable) {
		return
	}
	Change(c, "", n.Name, func(n *corev1.Node) {
		c.posts(n, silent, full)
		c.taint(n, corev1.TaintNodeUnreachable, corev1.TaintEffectNoSchedule, silent)
		c.taint(n, corev1.TaintNodeUnreachable, corev1.TaintEffectNoExecute, silent)
		c.taint(n, corev1.TaintNodeDiskPressure, corev1.TaintEffectNoSchedule, full)
		c.taint(n, corev1.TaintNodeUnschedulable, corev1.TaintEffectNoSchedule, n.Spec.Unschedulable)
	})
	switch {
	case silent && was:
		c.Event(n, "node-controller", corev1.EventTypeNormal, "NodeNotReady", "Node "+n.Name+" status is now: NodeNotReady")
		c.wake(n.Name)
	case !silent && !was:
		c.Event(n, "kubelet", corev1.EventTypeNormal, "NodeReady", "Node "+n.Name+" status is now: NodeReady")
		c.wake(n.Name)
	case full && !had:
		c.Event(n, "kubelet", corev1.EventTypeWarning, "NodeHasDiskPressure", "Node "+n.Name+" status is now: NodeHasDiskPressure")
	}
}

// pressed says whether a machine's disk is too full for its node, or was and is not
// yet empty enough.
func pressed(m sandbox.Machine, was bool) bool {
	used := float64(m.DiskUsed) / float64(max(m.Disk, 1))
	return used >= diskFull || used >= diskCalm && was
}

// posts sets a node's conditions as its kubelet does, or as is done for one that does
// not any more.
func (c *Cluster) posts(n *corev1.Node, silent, full bool) {
	if silent {
		for _, kind := range []corev1.NodeConditionType{corev1.NodeReady, corev1.NodeMemoryPressure, corev1.NodeDiskPressure, corev1.NodePIDPressure} {
			c.nodeCondition(n, kind, corev1.ConditionUnknown, "NodeStatusUnknown", "Kubelet stopped posting node status.")
		}
		return
	}
	c.nodeCondition(n, corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "kubelet has sufficient memory available")
	if full {
		c.nodeCondition(n, corev1.NodeDiskPressure, corev1.ConditionTrue, "KubeletHasDiskPressure", "kubelet has disk pressure")
	} else {
		c.nodeCondition(n, corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "kubelet has no disk pressure")
	}
	c.nodeCondition(n, corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "kubelet has sufficient PID available")
	c.nodeCondition(n, corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status")
}

// wake has the pods of a node looked at; those of one that is lost are not ready.
func (c *Cluster) wake(node string) {
	for _, p := range All[*corev1.Pod](c, "") {
		if p.Spec.NodeName != node {
			continue
		}
		if c.lost(node) {
			Change(c, p.Namespace, p.Name, func(p *corev1.Pod) {
				c.podCondition(p, corev1.PodReady, false, "NodeNotReady", "the node of the pod is not ready")
			})
		}
		c.After(p, 0)
	}
}

// unreachable says whether nothing on a node can be asked for anything.
func (c *Cluster) unreachable(node string) bool {
	for _, m := range c.world.Machines(c.o.Name) {
		if m.Name == node {
			return !m.Up
		}
	}
	return true
}

func nodeIs(n *corev1.Node, kind corev1.NodeConditionType, status corev1.ConditionStatus) bool {
	return slices.ContainsFunc(n.Status.Conditions, func(o corev1.NodeCondition) bool { return o.Type == kind && o.Status == status })
}

func (c *Cluster) nodeCondition(n *corev1.Node, kind corev1.NodeConditionType, status corev1.ConditionStatus, reason, message string) {
	i := slices.IndexFunc(n.Status.Conditions, func(o corev1.NodeCondition) bool { return o.Type == kind })
	if i < 0 {
		n.Status.Conditions = append(n.Status.Conditions, corev1.NodeCondition{Type: kind, LastTransitionTime: c.now(), LastHeartbeatTime: c.now()})
		i = len(n.Status.Conditions) - 1
	}
	one := &n.Status.Conditions[i]
	if one.Status != status {
		one.LastTransitionTime = c.now()
	}
	one.Status, one.Reason, one.Message = status, reason, message
}

func tainted(n *corev1.Node, key string) bool {
	return slices.ContainsFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == key })
}

func (c *Cluster) taint(n *corev1.Node, key string, effect corev1.TaintEffect, on bool) {
	i := slices.IndexFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == key && t.Effect == effect })
	switch {
	case on && i < 0:
		now := c.now()
		n.Spec.Taints = append(n.Spec.Taints, corev1.Taint{Key: key, Effect: effect, TimeAdded: &now})
	case !on && i >= 0:
		n.Spec.Taints = slices.Delete(n.Spec.Taints, i, i+1)
	}
}
