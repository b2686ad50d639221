package kube

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/rand"
)

// revisionMark is where a deployment and its replica sets have the revision.
const revisionMark = "deployment.kubernetes.io/revision"

// deploy brings a deployment to the version that it is meant to have: its replica set
// grows as those of older versions shrink.
func deploy(c *Cluster, namespace, name string) {
	d := Get[*appsv1.Deployment](c, namespace, name)
	if d == nil || d.DeletionTimestamp != nil {
		return
	}
	sets := Owned[*appsv1.ReplicaSet](c, d)
	i := slices.IndexFunc(sets, func(r *appsv1.ReplicaSet) bool { return sameTemplate(&r.Spec.Template, &d.Spec.Template) })
	switch {
	case i < 0 && !d.Spec.Paused:
		c.newSet(d, sets)
	case i >= 0:
		current := sets[i]
		old := slices.Delete(slices.Clone(sets), i, i+1)
		if !d.Spec.Paused {
			c.number(d, current, old)
			c.roll(d, current, old)
			c.tidy(d, old)
		} else if total := replicas(sets...); total != *d.Spec.Replicas && len(sets) == 1 {
			c.resize(d, current, *d.Spec.Replicas)
		}
	}
	c.deployed(namespace, name)
}

// TemplateHash is what tells the pods of one version of a template from others.
func TemplateHash(t *corev1.PodTemplateSpec) string {
	b, err := json.Marshal(t)
	if err != nil {
		panic(fmt.Sprintf("a pod template that is no JSON: %v", err))
	}
	return rand.SafeEncodeString(strconv.FormatUint(hash(string(b))&0xffffffff, 10))
}

func sameTemplate(set, of *corev1.PodTemplateSpec) bool {
	set = set.DeepCopy()
	delete(set.Labels, appsv1.DefaultDeploymentUniqueLabelKey)
	if len(set.Labels) == 0 {
		set.Labels = nil
	}
	return apiequality.Semantic.DeepEqual(set, of)
}

// replicas is how many pods sets are meant to have.
func replicas(sets ...*appsv1.ReplicaSet) (n int32) {
	for _, r := range sets {
		n += *r.Spec.Replicas
	}
	return n
}

func revision(m metav1.Object) int {
	n, _ := strconv.Atoi(m.GetAnnotations()[revisionMark])
	return n
}

func (c *Cluster) newSet(d *appsv1.Deployment, old []*appsv1.ReplicaSet) {
	hash := TemplateHash(&d.Spec.Template)
	last := 0
	for _, r := range old {
		last = max(last, revision(r))
	}
	r := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: d.Namespace, Name: d.Name + "-" + hash, Labels: withLabel(d.Spec.Template.Labels, hash), OwnerReferences: c.owner(d),
			Annotations: map[string]string{revisionMark: strconv.Itoa(last + 1)},
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: new(int32), MinReadySeconds: d.Spec.MinReadySeconds, Template: *d.Spec.Template.DeepCopy(),
			Selector: &metav1.LabelSelector{MatchLabels: withLabel(d.Spec.Selector.MatchLabels, hash), MatchExpressions: d.Spec.Selector.MatchExpressions},
		},
	}
	for key, value := range d.Annotations {
		if key != corev1.LastAppliedConfigAnnotation && key != revisionMark {
			r.Annotations[key] = value
		}
	}
	r.Spec.Template.Labels = r.Labels
	c.Put(r)
}

func withLabel(labels map[string]string, hash string) map[string]string {
	out := map[string]string{appsv1.DefaultDeploymentUniqueLabelKey: hash}
	for k, v := range labels {
		out[k] = v
	}
	return out
}

// number gives the current set the newest revision, which it has lost where an older
// version was taken back.
func (c *Cluster) number(d *appsv1.Deployment, current *appsv1.ReplicaSet, old []*appsv1.ReplicaSet) {
	last := 0
	for _, r := range old {
		last = max(last, revision(r))
	}
	n := max(revision(current), 1)
	if n <= last {
		n = last + 1
		Change(c, current.Namespace, current.Name, func(r *appsv1.ReplicaSet) { r.Annotations[revisionMark] = strconv.Itoa(n) })
	}
	Change(c, d.Namespace, d.Name, func(d *appsv1.Deployment) {
		if d.Annotations == nil {
			d.Annotations = map[string]string{}
		}
		d.Annotations[revisionMark] = strconv.Itoa(n)
	})
}

// roll moves pods from the old sets to the current one, as many as the strategy lets.
func (c *Cluster) roll(d *appsv1.Deployment, current *appsv1.ReplicaSet, old []*appsv1.ReplicaSet) {
	want := *d.Spec.Replicas
	surge, away := bounds(d)
	if d.Spec.Strategy.Type == appsv1.RecreateDeploymentStrategyType {
		for _, r := range old {
			c.resize(d, r, 0)
			want = min(want, want*boolTo(r.Status.Replicas == 0))
		}
		c.resize(d, current, want)
		return
	}
	if room := want + surge - replicas(old...); *current.Spec.Replicas != want {
		c.resize(d, current, max(min(want, room), min(*current.Spec.Replicas, want)))
	}
	ready := stay(current)
	for _, r := range old {
		ready += stay(r)
	}
	spare := ready - (want - away)
	slices.SortFunc(old, func(a, b *appsv1.ReplicaSet) int { return cmp.Compare(revision(a), revision(b)) })
	for _, r := range old { // what is not ready goes first, as nobody misses it
		idle := *r.Spec.Replicas - stay(r)
		less := idle + max(0, min(spare, stay(r)))
		if less > 0 {
			spare -= less - idle
			c.resize(d, r, *r.Spec.Replicas-less)
		}
	}
}

// stay are the available pods of a set that are not about to go.
func stay(r *appsv1.ReplicaSet) int32 { return min(r.Status.AvailableReplicas, *r.Spec.Replicas) }

func boolTo(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// bounds are how many pods there may be more, and how many fewer, than are wanted.
func bounds(d *appsv1.Deployment) (surge, away int32) {
	u := d.Spec.Strategy.RollingUpdate
	if u == nil {
		return 0, 0
	}
	s, _ := intstr.GetScaledValueFromIntOrPercent(u.MaxSurge, int(*d.Spec.Replicas), true)
	a, _ := intstr.GetScaledValueFromIntOrPercent(u.MaxUnavailable, int(*d.Spec.Replicas), false)
	if s == 0 && a == 0 {
		a = 1
	}
	return int32(s), int32(a) //nolint:gosec // not more than there are replicas
}

func (c *Cluster) resize(d *appsv1.Deployment, r *appsv1.ReplicaSet, to int32) {
	if *r.Spec.Replicas == to {
		return
	}
	verb := "up"
	if to < *r.Spec.Replicas {
		verb = "down"
	}
	c.Event(d, "deployment-controller", corev1.EventTypeNormal, "ScalingReplicaSet", fmt.Sprintf("Scaled %s replica set %s from %d to %d", verb, r.Name, *r.Spec.Replicas, to))
	Change(c, r.Namespace, r.Name, func(r *appsv1.ReplicaSet) {
		*r.Spec.Replicas = to
		r.Generation++
	})
}

// tidy forgets the oldest versions beyond those that are to be kept.
func (c *Cluster) tidy(d *appsv1.Deployment, old []*appsv1.ReplicaSet) {
	empty := slices.DeleteFunc(slices.Clone(old), func(r *appsv1.ReplicaSet) bool { return *r.Spec.Replicas > 0 || r.Status.Replicas > 0 })
	slices.SortFunc(empty, func(a, b *appsv1.ReplicaSet) int { return cmp.Compare(revision(a), revision(b)) })
	for len(empty) > int(*d.Spec.RevisionHistoryLimit) {
		c.Remove(empty[0])
		empty = empty[1:]
	}
}

// deployed writes down how far a deployment is.
func (c *Cluster) deployed(namespace, name string) {
	d := Get[*appsv1.Deployment](c, namespace, name)
	if d == nil {
		return
	}
	st := appsv1.DeploymentStatus{ObservedGeneration: d.Generation, TerminatingReplicas: new(int32)}
	subject := fmt.Sprintf("Deployment %q", name)
	for _, r := range Owned[*appsv1.ReplicaSet](c, d) {
		st.Replicas += r.Status.Replicas
		st.ReadyReplicas += r.Status.ReadyReplicas
		st.AvailableReplicas += r.Status.AvailableReplicas
		*st.TerminatingReplicas += deref(r.Status.TerminatingReplicas)
		if sameTemplate(&r.Spec.Template, &d.Spec.Template) {
			subject = fmt.Sprintf("ReplicaSet %q", r.Name)
			st.UpdatedReplicas = r.Status.Replicas
		}
	}
	want := *d.Spec.Replicas
	st.UnavailableReplicas = max(0, want-st.AvailableReplicas)
	_, away := bounds(d)
	available, going := corev1.ConditionTrue, corev1.ConditionTrue
	reason, why := "MinimumReplicasAvailable", "Deployment has minimum availability."
	if st.AvailableReplicas < want-away {
		available, reason, why = corev1.ConditionFalse, "MinimumReplicasUnavailable", "Deployment does not have minimum availability."
	}
	progress, how := "NewReplicaSetAvailable", subject+" has successfully progressed."
	since := d.CreationTimestamp.Time
	for _, cond := range d.Status.Conditions {
		if cond.Type == appsv1.DeploymentProgressing {
			since = cond.LastUpdateTime.Time
		}
	}
	moved := st.UpdatedReplicas != d.Status.UpdatedReplicas || st.AvailableReplicas > d.Status.AvailableReplicas || d.Status.ObservedGeneration != d.Generation
	limit := time.Duration(*d.Spec.ProgressDeadlineSeconds) * time.Second
	switch complete := st.UpdatedReplicas == want && st.Replicas == want && st.AvailableReplicas == want; {
	case complete:
	case !moved && c.world.Now().Sub(since) > limit:
		going, progress, how = corev1.ConditionFalse, "ProgressDeadlineExceeded", subject+" has timed out progressing."
	default:
		progress, how = "ReplicaSetUpdated", subject+" is progressing."
		c.After(d, limit+time.Second)
	}
	Change(c, namespace, name, func(d *appsv1.Deployment) {
		conditions := d.Status.Conditions
		d.Status = st
		conditions = c.condition(conditions, appsv1.DeploymentAvailable, available, reason, why, false)
		d.Status.Conditions = c.condition(conditions, appsv1.DeploymentProgressing, going, progress, how, moved)
		d.Status.Conditions = c.failing(d)
	})
}

// failing are the conditions of a deployment with that of a set of its own whose pods are
// not let be, or without.
func (c *Cluster) failing(d *appsv1.Deployment) []appsv1.DeploymentCondition {
	for _, r := range Owned[*appsv1.ReplicaSet](c, d) {
		for _, one := range r.Status.Conditions {
			if one.Type == appsv1.ReplicaSetReplicaFailure {
				return c.condition(d.Status.Conditions, appsv1.DeploymentReplicaFailure, one.Status, one.Reason, one.Message, false)
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(d.Status.Conditions), func(one appsv1.DeploymentCondition) bool { return one.Type == appsv1.DeploymentReplicaFailure })
}

// condition sets one of a deployment's; touched: it was looked at with a result, even
// if that is the same.
func (c *Cluster) condition(all []appsv1.DeploymentCondition, kind appsv1.DeploymentConditionType, status corev1.ConditionStatus, reason, message string, touched bool) []appsv1.DeploymentCondition {
	all = slices.Clone(all)
	i := slices.IndexFunc(all, func(one appsv1.DeploymentCondition) bool { return one.Type == kind })
	if i < 0 {
		return append(all, appsv1.DeploymentCondition{Type: kind, Status: status, Reason: reason, Message: message, LastUpdateTime: c.now(), LastTransitionTime: c.now()})
	}
	one := &all[i]
	if one.Status != status {
		one.LastTransitionTime = c.now()
	}
	if touched || one.Status != status || one.Reason != reason {
		one.LastUpdateTime = c.now()
	}
	one.Status, one.Reason, one.Message = status, reason, message
	return all
}
