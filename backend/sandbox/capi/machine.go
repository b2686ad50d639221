package capi

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/kube"
)

const (
	finalizer = "machine." + group
	hostMark  = "metal3.io/BareMetalHost" // the host that a machine is made of: "metal/cn-bj-05"
	from      = "machine-controller"

	toSecret   = 3 * time.Second  // until it is known how a machine is to begin
	toHost     = 45 * time.Second // until a host has been written and started
	toErase    = 10 * time.Second // until a host is empty and off
	drainLook  = 20 * time.Second // between two tries to move its pods
	noHostLook = 30 * time.Second // between two looks for a host
)

type machineSpec struct {
	ClusterName, Version, ProviderID string
	InfrastructureRef                struct{ Kind string }
	Bootstrap                        struct {
		ConfigRef struct{ Kind string }
	}
}

// machineStatus is all that is written down of a machine.
type machineStatus struct {
	Conditions         []metav1.Condition     `json:"conditions,omitempty"`
	Initialization     initialization         `json:"initialization,omitzero"`
	NodeRef            *nodeRef               `json:"nodeRef,omitempty"`
	NodeInfo           *corev1.NodeSystemInfo `json:"nodeInfo,omitempty"`
	LastUpdated        *metav1.Time           `json:"lastUpdated,omitempty"`
	Addresses          []address              `json:"addresses,omitempty"`
	Phase              string                 `json:"phase,omitempty"`
	ObservedGeneration int64                  `json:"observedGeneration,omitempty"`
	Deletion           *deletion              `json:"deletion,omitempty"`
}

type initialization struct {
	BootstrapDataSecretCreated bool `json:"bootstrapDataSecretCreated,omitempty"`
	InfrastructureProvisioned  bool `json:"infrastructureProvisioned,omitempty"`
}

type nodeRef struct {
	Name string `json:"name"`
}

type address struct {
	Type    string `json:"type"`
	Address string `json:"address"`
}

type deletion struct {
	NodeDrainStartTime               *metav1.Time `json:"nodeDrainStartTime,omitempty"`
	WaitForNodeVolumeDetachStartTime *metav1.Time `json:"waitForNodeVolumeDetachStartTime,omitempty"`
}

// body is a machine as it is looked at.
type body struct {
	*Machine
	name   string
	spec   machineSpec
	status machineStatus
}

func bodyOf(m *Machine) *body {
	b := &body{Machine: m, name: m.Name}
	if m.Spec.Decode(&b.spec) != nil || m.Status.Decode(&b.status) != nil {
		b.spec, b.status = machineSpec{}, machineStatus{} // nonsense is nobody's machine
	}
	return b
}

// host is the name of the host that it is made of; "" where it has none.
func (b *body) host() string {
	_, name, _ := strings.Cut(b.Annotations[hostMark], "/")
	return name
}

// machine brings one to where it is meant to be: running, or gone.
func (p provider) machine(c *kube.Cluster, namespace, name string) {
	m := kube.Get[*Machine](c, namespace, name)
	if m == nil {
		return
	}
	b := bodyOf(m)
	cluster := kube.Get[*Cluster](c, namespace, b.spec.ClusterName)
	switch {
	case cluster == nil: // nobody's
	case m.DeletionTimestamp != nil:
		p.end(c, b)
	case paused(m) || paused(cluster):
		p.write(c, b, "", "")
	case !slices.Contains(m.Finalizers, finalizer):
		kube.Change(c, namespace, name, func(m *Machine) { m.Finalizers = append(slices.Clone(m.Finalizers), finalizer) })
	default:
		p.begin(c, b)
	}
}

// begin finds a host for a machine, starts it, and waits for its node.
func (p provider) begin(c *kube.Cluster, b *body) {
	init, host, now := &b.status.Initialization, b.host(), p.world.Now()
	up := false
	if host == "" {
		host, up = p.free(c, b)
	}
	switch age := now.Sub(b.CreationTimestamp.Time); {
	case init.InfrastructureProvisioned:
	case up: // it has run before anybody asked
		init.BootstrapDataSecretCreated, init.InfrastructureProvisioned = true, true
	case age < toSecret:
		c.After(b.Machine, toSecret-age)
		host = ""
	case host == "":
		init.BootstrapDataSecretCreated = true
		c.After(b.Machine, noHostLook)
	case b.host() == "":
		begun := p.clock()
		init.BootstrapDataSecretCreated, b.status.LastUpdated = true, &begun
		c.After(b.Machine, toHost)
	case now.Sub(b.status.LastUpdated.Time) < toHost: // since it is Provisioning
		c.After(b.Machine, toHost-now.Sub(b.status.LastUpdated.Time))
	default:
		init.InfrastructureProvisioned = true
		p.world.Boot(p.made(host))
	}
	if host != "" && b.host() == "" {
		b.Machine = b.DeepCopy()
		b.Annotations = kube.Copied(b.Annotations)
		b.Annotations[hostMark] = b.Namespace + "/" + host
	}
	if init.InfrastructureProvisioned {
		b.spec.ProviderID = fmt.Sprintf("metal3://%s/%s/%s", b.Namespace, host, b.name)
		p.join(c, b, host)
	}
	p.write(c, b, "", "")
}

// join finds the node of a machine.
func (p provider) join(c *kube.Cluster, b *body, host string) {
	made := p.made(host)
	b.status.Addresses = []address{{"InternalIP", made.Address}, {"Hostname", host}}
	n := kube.Get[*corev1.Node](c, "", host)
	if n == nil {
		return // it is looked at again when there is one
	}
	if b.status.NodeRef == nil {
		b.status.NodeRef = &nodeRef{host}
		c.Event(b.Machine, from, corev1.EventTypeNormal, "SuccessfulSetNodeRef", host)
	}
	b.status.NodeInfo = &n.Status.NodeInfo
	kube.Change(c, "", host, func(n *corev1.Node) { n.Spec.ProviderID = b.spec.ProviderID })
}

// made is a host as it is in the company's books.
func (p provider) made(host string) sandbox.Machine {
	for _, h := range p.hosts {
		if h.Name == host {
			return h
		}
	}
	return sandbox.Machine{}
}

// free is a host that no machine is made of: one that is up before one that is not.
func (p provider) free(c *kube.Cluster, b *body) (name string, up bool) {
	taken, runs := map[string]bool{}, map[string]bool{}
	for _, m := range kube.All[*Machine](c, "") {
		taken[(&body{Machine: m}).host()] = true
	}
	for _, m := range p.world.Machines(c.Name()) {
		runs[m.Name] = true
	}
	role := ""
	if _, ok := b.Labels[masterLabel]; ok {
		role = "control-plane"
	}
	for _, h := range p.hosts {
		switch {
		case h.Cluster != c.Name() || h.Role != role || taken[h.Name]:
		case runs[h.Name]:
			return h.Name, true
		case name == "":
			name = h.Name
		}
	}
	return name, false
}

// end moves away what runs on a machine, and then takes it out.
func (p provider) end(c *kube.Cluster, b *body) {
	host := b.host()
	n := kube.Get[*corev1.Node](c, "", host)
	if n != nil && b.status.NodeRef != nil {
		if b.status.Deletion == nil {
			now := p.clock()
			b.status.Deletion = &deletion{NodeDrainStartTime: &now}
		}
		kube.Change(c, "", host, func(n *corev1.Node) { n.Spec.Unschedulable = true })
		if left := p.drain(c, host); left != "" {
			p.write(c, b, "DrainingNode", fmt.Sprintf("Drain not completed yet (started at %s):%s", b.status.Deletion.NodeDrainStartTime.UTC().Format(time.RFC3339), left))
			c.After(b.Machine, drainLook)
			return
		}
		now := p.clock()
		if d := b.status.Deletion; d.WaitForNodeVolumeDetachStartTime == nil {
			d.WaitForNodeVolumeDetachStartTime = &now
			c.Event(b.Machine, from, corev1.EventTypeNormal, "SuccessfulDrainNode", fmt.Sprintf("success draining Machine's node %q", host))
		}
		if left := toErase - now.Sub(b.status.Deletion.WaitForNodeVolumeDetachStartTime.Time); left > 0 {
			p.write(c, b, "WaitingForInfrastructureDeletion", "Waiting for "+cmp.Or(b.spec.InfrastructureRef.Kind, "Metal3Machine")+" to be deleted")
			c.After(b.Machine, left)
			return
		}
	}
	if host != "" {
		p.world.Scrap(sandbox.MachineID{Cluster: c.Name(), Name: host})
	}
	if n != nil {
		c.Remove(n)
	}
	c.Remove(b.Machine)
}

// drain has the pods of a node go, as far as their budgets let them. What is left, and
// why; "" when nothing is.
func (p provider) drain(c *kube.Cluster, host string) string {
	var ending []string
	refused := map[string][]string{}
	gone := !slices.ContainsFunc(p.world.Machines(c.Name()), func(m sandbox.Machine) bool { return m.Name == host && m.Up })
	for _, pod := range kube.All[*corev1.Pod](c, "") {
		if owner := metav1.GetControllerOf(pod); pod.Spec.NodeName != host || owner != nil && owner.Kind == "DaemonSet" {
			continue
		}
		name := pod.Namespace + "/" + pod.Name
		if pod.DeletionTimestamp == nil {
			if err := c.Evict(pod); err != nil {
				why := refusal(err)
				refused[why] = append(refused[why], name)
				continue
			}
		}
		if kube.Get[*corev1.Pod](c, pod.Namespace, pod.Name) != nil && !gone {
			ending = append(ending, name)
		}
	}
	left := ""
	if len(ending) > 0 {
		left = fmt.Sprintf("\n* %s %s: deletionTimestamp set, but still not removed from the Node", pods(ending), listed(ending, 3))
	}
	whys := make([]string, 0, len(refused))
	for why := range refused {
		whys = append(whys, why)
	}
	slices.Sort(whys)
	for _, why := range whys {
		left += fmt.Sprintf("\n* %s %s: %s", pods(refused[why]), listed(refused[why], 3), why)
	}
	return left
}

func pods(names []string) string {
	if len(names) == 1 {
		return "Pod"
	}
	return "Pods"
}

// refusal is why a pod may not go.
func refusal(err error) string {
	var status *apierrors.StatusError
	if !errors.As(err, &status) || status.ErrStatus.Code != 429 {
		return "failed to evict Pod, " + err.Error()
	}
	why := "cannot evict pod as it would violate the pod's disruption budget."
	if d := status.ErrStatus.Details; d != nil {
		for _, cause := range d.Causes {
			why += " " + cause.Message
		}
	}
	return why
}

// write writes down how a machine is; stage and why are what its end waits for.
func (p provider) write(c *kube.Cluster, b *body, stage, why string) {
	st := &b.status
	cs := &conditions{was: st.Conditions, generation: b.Generation, at: p.clock()}
	phase := cmp.Or(st.Phase, "Pending")
	switch init := st.Initialization; {
	case b.DeletionTimestamp != nil:
		phase = "Deleting"
	case st.NodeRef != nil && init.InfrastructureProvisioned:
		phase = "Running"
	case b.spec.ProviderID != "":
		phase = "Provisioned"
	case init.BootstrapDataSecretCreated:
		phase = "Provisioning"
	}
	if phase != st.Phase {
		now := p.clock()
		st.Phase, st.LastUpdated = phase, &now
	}
	p.conditions(c, cs, b, stage, why)
	st.Conditions, st.ObservedGeneration = cs.now, b.Generation
	fields := kube.FieldsOf(st)
	kube.Change(c, b.Namespace, b.name, func(m *Machine) {
		m.Annotations = b.Annotations
		bootstrap, _ := m.Spec["bootstrap"].(map[string]any)
		if st.Initialization.BootstrapDataSecretCreated && bootstrap["dataSecretName"] == nil {
			if bootstrap == nil {
				bootstrap = map[string]any{}
			}
			bootstrap["dataSecretName"] = b.name
			m.Spec["bootstrap"] = bootstrap
			m.Generation++
		}
		if b.spec.ProviderID != "" && m.Spec["providerID"] != b.spec.ProviderID {
			m.Spec["providerID"] = b.spec.ProviderID
			m.Generation++
		}
		m.Status = fields
	})
}
