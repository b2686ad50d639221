package capi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/rand"

	"wheelhouse/backend/sandbox/kube"
)

// poolSpec is what of a pool's spec is acted on, of whatever kind it is.
type poolSpec struct {
	ClusterName, Version string
	Replicas             *int32
	Paused               bool
	Selector             metav1.LabelSelector
	Template             struct {
		Metadata struct{ Labels, Annotations map[string]string }
		Spec     map[string]any
	}
	Rollout struct {
		Strategy struct {
			RollingUpdate struct{ MaxSurge, MaxUnavailable *intstr.IntOrString }
		}
	}
	MachineTemplate struct{ Spec map[string]any }
}

// poolStatus is all that is written down of a pool, of whatever kind it is.
type poolStatus struct {
	Conditions         []metav1.Condition `json:"conditions,omitempty"`
	ObservedGeneration int64              `json:"observedGeneration,omitempty"`
	Selector           string             `json:"selector,omitempty"`
	Replicas           *int32             `json:"replicas,omitempty"`
	ReadyReplicas      *int32             `json:"readyReplicas,omitempty"`
	AvailableReplicas  *int32             `json:"availableReplicas,omitempty"`
	UpToDateReplicas   *int32             `json:"upToDateReplicas,omitempty"`
	Phase              string             `json:"phase,omitempty"`
	Version            string             `json:"version,omitempty"`
	Versions           []versionCount     `json:"versions,omitempty"`
	Initialization     *planeStarted      `json:"initialization,omitempty"`
}

type versionCount struct {
	Version  string `json:"version"`
	Replicas int32  `json:"replicas"`
}

type planeStarted struct {
	ControlPlaneInitialized bool `json:"controlPlaneInitialized,omitempty"`
}

func (s *poolSpec) want() int32 {
	if s.Replicas == nil {
		return 1
	}
	return *s.Replicas
}

// bounds are how many machines there may be more than are wanted, and how many fewer.
func (s *poolSpec) bounds() (surge, away int32) {
	of := func(n *intstr.IntOrString, otherwise int, up bool) int32 {
		if n == nil {
			return int32(otherwise) //nolint:gosec // 0 or 1
		}
		got, _ := intstr.GetScaledValueFromIntOrPercent(n, int(s.want()), up)
		return int32(got) //nolint:gosec // not more than there are machines
	}
	return of(s.Rollout.Strategy.RollingUpdate.MaxSurge, 1, true), of(s.Rollout.Strategy.RollingUpdate.MaxUnavailable, 0, false)
}

// deployment has the set of a pool's template as large as is wanted; those of older
// templates go as it grows.
func (p provider) deployment(c *kube.Cluster, namespace, name string) {
	d := kube.Get[*Deployment](c, namespace, name)
	var s poolSpec
	if d == nil || d.Spec.Decode(&s) != nil {
		return
	}
	cluster := kube.Get[*Cluster](c, namespace, s.ClusterName)
	if cluster == nil || d.DeletionTimestamp != nil {
		return
	}
	if len(d.OwnerReferences) == 0 {
		kube.Change(c, namespace, name, func(d *Deployment) { d.OwnerReferences = owned(cluster) })
		return
	}
	if !paused(d) && !paused(cluster) && !s.Paused {
		p.sets(c, d, &s)
	}
	p.told(c, d, &s)
}

// owned says to whose cluster something belongs; it does not go with it by itself.
func owned(cluster *Cluster) []metav1.OwnerReference {
	return []metav1.OwnerReference{{APIVersion: core().String(), Kind: "Cluster", Name: cluster.Name, UID: cluster.UID}}
}

func controlled(by metav1.Object, gvk schema.GroupVersionKind) []metav1.OwnerReference {
	return []metav1.OwnerReference{*metav1.NewControllerRef(by, gvk)}
}

func hash(of any) uint32 {
	b, err := json.Marshal(of)
	if err != nil {
		panic(fmt.Sprintf("a template that is no JSON: %v", err)) // it has come as JSON
	}
	h := fnv.New32a()
	_, _ = h.Write(b) // it never fails
	return h.Sum32()
}

// suffix makes names that differ for what is made of the same thing.
func suffix(of string, taken func(string) bool) string {
	for n := 0; ; n++ {
		name := of + "-" + rand.SafeEncodeString(fmt.Sprintf("%05d", hash(of+strconv.Itoa(n))%100000))
		if !taken(name) {
			return name
		}
	}
}

// sets sizes the sets of a pool.
func (p provider) sets(c *kube.Cluster, d *Deployment, s *poolSpec) {
	template := strconv.FormatUint(uint64(hash(s.Template)), 10)
	all := kube.Owned[*Set](c, d)
	i := slices.IndexFunc(all, func(r *Set) bool { return strings.HasPrefix(r.Labels[hashLabel], template+"-") })
	if i < 0 {
		p.newSet(c, d, s, template, all)
		return
	}
	fresh := all[i]
	old := slices.Delete(slices.Clone(all), i, i+1)
	surge, away := s.bounds()
	total, available := int32(0), int32(0)
	for _, r := range all {
		total += r.Spec.Int("replicas")
		available += min(r.Spec.Int("replicas"), r.Status.Int("availableReplicas")) // what is about to go does not count
	}
	now, want := fresh.Spec.Int("replicas"), s.want()
	switch room := want + surge - (total - now); {
	case len(old) == 0 || now > want:
		p.size(c, d, fresh, want)
	case now < want:
		p.size(c, d, fresh, max(now, min(want, room)))
	}
	spare := available - (want - away)
	for _, r := range old {
		n := r.Spec.Int("replicas")
		less := max(0, min(n, spare))
		spare -= less
		p.size(c, d, r, n-less)
		if n == 0 && r.Status.Int("replicas") == 0 {
			c.Delete(r)
		}
	}
}

func (p provider) newSet(c *kube.Cluster, d *Deployment, s *poolSpec, template string, old []*Set) {
	name := suffix(d.Name, func(name string) bool { return kube.Get[*Set](c, d.Namespace, name) != nil })
	labels := kube.Copied(s.Template.Metadata.Labels)
	labels[hashLabel] = template + strings.TrimPrefix(name, d.Name)
	n := s.want()
	if len(old) > 0 {
		n = 0
	}
	match := map[string]any{}
	for k, v := range labels {
		match[k] = v
	}
	number := strconv.Itoa(len(old) + 1)
	notes := kube.Copied(d.Annotations)
	delete(notes, corev1.LastAppliedConfigAnnotation)
	notes[revisionMark] = number
	c.Create(&Set{
		ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: name, Labels: labels, Annotations: notes, OwnerReferences: controlled(d, core().WithKind("MachineDeployment"))},
		Spec: kube.Fields{
			"clusterName": s.ClusterName, "replicas": int64(n), "selector": map[string]any{"matchLabels": match},
			"template": map[string]any{"metadata": map[string]any{"labels": match}, "spec": runtime.DeepCopyJSON(kube.FieldsOf(s.Template.Spec))},
		},
	})
	c.Event(d, "machinedeployment-controller", corev1.EventTypeNormal, "SuccessfulCreate", fmt.Sprintf("Created MachineSet %s/%s with %d replicas", d.Namespace, name, n))
	kube.Change(c, d.Namespace, d.Name, func(d *Deployment) {
		d.Annotations = kube.Copied(d.Annotations)
		d.Annotations[revisionMark] = number
	})
}

func (p provider) size(c *kube.Cluster, d *Deployment, r *Set, to int32) {
	now := r.Spec.Int("replicas")
	if now == to {
		return
	}
	way := "up"
	if to < now {
		way = "down"
	}
	c.Event(d, "machinedeployment-controller", corev1.EventTypeNormal, "SuccessfulScale", fmt.Sprintf("Scaled %s MachineSet %s: %d -> %d", way, r.Name, now, to))
	kube.Change(c, r.Namespace, r.Name, func(r *Set) {
		r.Spec["replicas"] = int64(to)
		r.Generation++
	})
}

// told writes down how far a pool is.
func (p provider) told(c *kube.Cluster, d *Deployment, s *poolSpec) {
	var machines []*body
	for _, r := range kube.Owned[*Set](c, d) {
		machines = append(machines, bodies(kube.Owned[*Machine](c, r))...)
	}
	st := poolStatus{Selector: metav1.FormatLabelSelector(&s.Selector)}
	cs := p.count(d.Status, d.Generation, &st, machines)
	want, has := s.want(), *st.Replicas
	_, away := s.bounds()
	st.Phase = "Running"
	if want < has {
		st.Phase = "ScalingDown"
	} else if want > has {
		st.Phase = "ScalingUp"
	}
	unavailable := s.Rollout.Strategy.RollingUpdate.MaxUnavailable
	cs.yes("Available", *st.AvailableReplicas >= want-away, "Available", "NotAvailable",
		fmt.Sprintf("%d available replicas, at least %d required (spec.strategy.rollout.maxUnavailable is %s, spec.replicas is %d)", *st.AvailableReplicas, want-away, unavailable.String(), want))
	cs.going("RollingOut", rolling(machines))
	cs.going("Remediating", "")
	cs.scaling(want, has, "replicas")
	cs.together("MachinesReady", "Ready", machines, "Ready", "NotReady")
	cs.together("MachinesUpToDate", "UpToDate", machines, "UpToDate", "NotUpToDate")
	cs.end(d)
	st.Conditions = cs.now
	fields := kube.FieldsOf(st)
	kube.Change(c, d.Namespace, d.Name, func(d *Deployment) { d.Status = fields })
}

func bodies(machines []*Machine) []*body {
	out := make([]*body, len(machines))
	for i, m := range machines {
		out[i] = bodyOf(m)
	}
	return out
}

// count writes the numbers of machines down, and begins with the conditions.
func (p provider) count(was kube.Fields, generation int64, st *poolStatus, machines []*body) *conditions {
	var old poolStatus
	_ = was.Decode(&old) // one that is none has no conditions
	var ready, available, current int32
	by := map[string]int32{}
	for _, m := range machines {
		by[m.spec.Version]++
		for kind, n := range map[string]*int32{"Ready": &ready, "Available": &available, "UpToDate": &current} {
			if is(m.status.Conditions, kind) {
				*n++
			}
		}
	}
	all := int32(len(machines)) //nolint:gosec // a handful
	st.Replicas, st.ReadyReplicas, st.AvailableReplicas, st.UpToDateReplicas, st.ObservedGeneration = &all, &ready, &available, &current, generation
	for v, n := range by {
		st.Versions = append(st.Versions, versionCount{v, n})
	}
	slices.SortFunc(st.Versions, func(a, b versionCount) int { return strings.Compare(a.Version, b.Version) })
	return &conditions{was: old.Conditions, generation: generation, at: p.clock()}
}

// rolling says what is replaced; "" where nothing is.
func rolling(machines []*body) string {
	n, why := 0, []string{}
	for _, m := range machines {
		if c := find(m.status.Conditions, "UpToDate"); c != nil && c.Status == metav1.ConditionFalse {
			n++
			if !slices.Contains(why, c.Message) {
				why = append(why, c.Message)
			}
		}
	}
	if n == 0 {
		return ""
	}
	slices.Sort(why)
	return fmt.Sprintf("Rolling out %d not up-to-date replicas\n%s", n, strings.Join(why, "\n"))
}

// scaling says which way the number of machines goes.
func (c *conditions) scaling(want, has int32, of string) {
	up, down := "", ""
	if has < want {
		up = fmt.Sprintf("Scaling up from %d to %d %s", has, want, of)
	} else if has > want {
		down = fmt.Sprintf("Scaling down from %d to %d %s", has, want, of)
	}
	c.going("ScalingDown", down)
	c.going("ScalingUp", up)
}

// end sets the last conditions of everything.
func (c *conditions) end(m metav1.Object) {
	if paused(m) {
		c.set("Paused", metav1.ConditionTrue, "Paused", "MachineDeployment has the cluster.x-k8s.io/paused annotation")
	} else {
		c.set("Paused", metav1.ConditionFalse, "NotPaused", "")
	}
	c.going("Deleting", "")
}

// set has a set of machines have as many as it is meant to.
func (p provider) set(c *kube.Cluster, namespace, name string) {
	r := kube.Get[*Set](c, namespace, name)
	var s poolSpec
	if r == nil || r.DeletionTimestamp != nil || r.Spec.Decode(&s) != nil {
		return
	}
	cluster := kube.Get[*Cluster](c, namespace, s.ClusterName)
	if cluster == nil {
		return
	}
	if !paused(r) && !paused(cluster) {
		p.fill(c, r, &s)
	}
	machines := bodies(kube.Owned[*Machine](c, r))
	st := poolStatus{Selector: metav1.FormatLabelSelector(&s.Selector)}
	cs := p.count(r.Status, r.Generation, &st, machines)
	cs.going("Remediating", "")
	cs.scaling(s.want(), *st.Replicas, "replicas")
	cs.together("MachinesReady", "Ready", machines, "Ready", "NotReady")
	cs.together("MachinesUpToDate", "UpToDate", machines, "UpToDate", "NotUpToDate")
	cs.end(r)
	st.Conditions = cs.now
	fields := kube.FieldsOf(st)
	kube.Change(c, namespace, name, func(r *Set) { r.Status = fields })
}

// fill makes machines, or has those go that are missed least.
func (p provider) fill(c *kube.Cluster, r *Set, s *poolSpec) {
	machines := slices.DeleteFunc(bodies(kube.Owned[*Machine](c, r)), func(b *body) bool { return b.DeletionTimestamp != nil })
	for n := len(machines); n < int(s.want()); n++ {
		name := suffix(r.Name, func(name string) bool { return kube.Get[*Machine](c, r.Namespace, name) != nil })
		labels := kube.Copied(s.Template.Metadata.Labels)
		labels[setLabel] = r.Name
		c.Create(machineOf(r.Namespace, name, labels, kube.FieldsOf(s.Template.Spec), controlled(r, core().WithKind("MachineSet"))))
		c.Event(r, "machineset-controller", corev1.EventTypeNormal, "SuccessfulCreate", fmt.Sprintf("Created Machine %q", name))
	}
	slices.SortFunc(machines, leastMissed)
	for _, b := range machines[:max(0, len(machines)-int(s.want()))] {
		c.Delete(b.Machine)
		c.Event(r, "machineset-controller", corev1.EventTypeNormal, "SuccessfulDelete", fmt.Sprintf("Deleted Machine %q", b.name))
	}
}

// leastMissed orders machines that go first in front: those that somebody has marked,
// those that are not ready, the youngest.
func leastMissed(a, b *body) int {
	first := func(yes, no bool) int {
		switch {
		case yes && !no:
			return -1
		case no && !yes:
			return 1
		}
		return 0
	}
	_, markedA := a.Annotations[deleteMark]
	_, markedB := b.Annotations[deleteMark]
	return cmp.Or(first(markedA, markedB), first(!is(a.status.Conditions, "Ready"), !is(b.status.Conditions, "Ready")),
		b.CreationTimestamp.Compare(a.CreationTimestamp.Time), strings.Compare(a.name, b.name))
}

// machineOf makes a machine from a template; what it refers to has its name.
func machineOf(namespace, name string, labels map[string]string, spec kube.Fields, owner []metav1.OwnerReference) *Machine {
	ref := func(of map[string]any) map[string]any {
		kind, _ := of["kind"].(string)
		return map[string]any{"apiGroup": of["apiGroup"], "kind": strings.TrimSuffix(kind, "Template"), "name": name}
	}
	if infra, ok := spec["infrastructureRef"].(map[string]any); ok {
		spec["infrastructureRef"] = ref(infra)
	}
	if bootstrap, ok := spec["bootstrap"].(map[string]any); ok {
		if config, ok := bootstrap["configRef"].(map[string]any); ok {
			bootstrap["configRef"] = ref(config)
		}
	}
	return &Machine{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels, Finalizers: []string{finalizer}, OwnerReferences: owner}, Spec: spec}
}
