package kube

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/rand"
)

// controllers are those that every cluster has.
func controllers() []Controller {
	return []Controller{
		{Of: &appsv1.Deployment{}, Reconcile: deploy},
		{Of: &appsv1.ReplicaSet{}, Reconcile: replicate},
		{Of: &appsv1.StatefulSet{}, Reconcile: keepState},
		{Of: &appsv1.DaemonSet{}, Near: &corev1.Node{}, Reconcile: everywhere},
		{Of: &batchv1.Job{}, Reconcile: finish},
		{Of: &batchv1.CronJob{}, Reconcile: onTime},
		{Of: &autoscalingv2.HorizontalPodAutoscaler{}, Reconcile: autoscale},
		{Of: &rbacv1.ClusterRole{}, Near: &rbacv1.ClusterRole{}, Reconcile: aggregate},
		{Of: &corev1.Pod{}, Reconcile: runPod},
		{Of: &corev1.Namespace{}, Reconcile: closeNamespace},
		{Of: &corev1.ResourceQuota{}, Reconcile: account},
		{Of: &corev1.PersistentVolumeClaim{}, Near: &corev1.Pod{}, Reconcile: bind},
		{Of: &corev1.Service{}, Near: &corev1.Pod{}, Reconcile: reach},
		{Of: &policyv1.PodDisruptionBudget{}, Near: &corev1.Pod{}, Reconcile: budget},
	}
}

// active are pods that count: those that are neither done nor ending.
func active(pods []*corev1.Pod) []*corev1.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(p *corev1.Pod) bool {
		return p.DeletionTimestamp != nil || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	})
}

// Ready says whether a pod takes calls.
func Ready(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

func ready(pods []*corev1.Pod) (n int32) {
	for _, p := range pods {
		if Ready(p) {
			n++
		}
	}
	return n
}

// pod makes one from a template, controlled by an object.
func (c *Cluster) pod(owner runtime.Object, name string, t *corev1.PodTemplateSpec) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: metaOf(owner).GetNamespace(), Name: name, Labels: Copied(t.Labels), Annotations: Copied(t.Annotations), OwnerReferences: c.owner(owner),
		},
		Spec: *t.Spec.DeepCopy(),
	}
	defaultPod(p)
	return p
}

// Copied are labels or annotations that may be written into; never nil.
func Copied(m map[string]string) map[string]string {
	out := map[string]string{}
	maps.Copy(out, m)
	return out
}

// replicate has a replica set have as many pods as it is meant to.
func replicate(c *Cluster, namespace, name string) {
	r := Get[*appsv1.ReplicaSet](c, namespace, name)
	if r == nil || r.DeletionTimestamp != nil {
		return
	}
	pods := active(Owned[*corev1.Pod](c, r))
	var failed []appsv1.ReplicaSetCondition
	for n := len(pods); n < int(*r.Spec.Replicas); n++ {
		p := c.pod(r, c.name(name), &r.Spec.Template)
		made, err := c.brings(r, p, "replicaset-controller", "Error creating: ")
		if err != nil {
			failed = []appsv1.ReplicaSetCondition{{Type: appsv1.ReplicaSetReplicaFailure, Status: corev1.ConditionTrue, Reason: "FailedCreate", Message: err.Error(), LastTransitionTime: c.now()}}
		}
		if !made {
			failed = slices.Concat(failed, r.Status.Conditions)[:1]
			break
		}
		c.Event(r, "replicaset-controller", corev1.EventTypeNormal, "SuccessfulCreate", "Created pod: "+p.Name)
		pods = append(pods, p)
	}
	slices.SortFunc(pods, leastMissed)
	for len(pods) > int(*r.Spec.Replicas) {
		c.Delete(pods[0])
		c.Event(r, "replicaset-controller", corev1.EventTypeNormal, "SuccessfulDelete", "Deleted pod: "+pods[0].Name)
		pods = pods[1:]
	}
	Change(c, namespace, name, func(r *appsv1.ReplicaSet) {
		n := int32(len(pods)) //nolint:gosec // not more than there are replicas
		r.Status = appsv1.ReplicaSetStatus{Replicas: n, FullyLabeledReplicas: n, ReadyReplicas: ready(pods), AvailableReplicas: ready(pods), ObservedGeneration: r.Generation, Conditions: failed}
	})
}

// name is one for a new pod of a set, as the real server makes them.
func (c *Cluster) name(of string) string {
	c.names++
	return of + "-" + rand.SafeEncodeString(fmt.Sprintf("%05d", (hash(of+strconv.Itoa(c.names))>>20)%100000))
}

// leastMissed orders the pods that go first in front: those without a node, those that
// are not ready, the youngest.
func leastMissed(a, b *corev1.Pod) int {
	return cmp.Or(
		boolFirst(a.Spec.NodeName == "", b.Spec.NodeName == ""), boolFirst(!Ready(a), !Ready(b)),
		b.CreationTimestamp.Compare(a.CreationTimestamp.Time), strings.Compare(a.Name, b.Name))
}

func boolFirst(a, b bool) int { return int(boolTo(b) - boolTo(a)) }

// keepState has a stateful set have its pods by number, one after another.
func keepState(c *Cluster, namespace, name string) {
	s := Get[*appsv1.StatefulSet](c, namespace, name)
	if s == nil || s.DeletionTimestamp != nil {
		return
	}
	pods, live := map[string]*corev1.Pod{}, map[string]bool{}
	for _, p := range Owned[*corev1.Pod](c, s) {
		pods[p.Name] = p
		live[p.Labels[appsv1.ControllerRevisionHashLabelKey]] = true
	}
	hash := c.revise(s, &s.Spec.Template, s.Spec.RevisionHistoryLimit, live)
	all, updated := make([]*corev1.Pod, 0, len(pods)), int32(0)
	settled := true
	for n := range int(*s.Spec.Replicas) {
		p := pods[fmt.Sprintf("%s-%d", name, n)]
		if p == nil {
			if settled || s.Spec.PodManagementPolicy == appsv1.ParallelPodManagement {
				c.stateful(s, n, hash)
			}
			settled = false
			continue
		}
		delete(pods, p.Name)
		all = append(all, p)
		if p.Labels[appsv1.ControllerRevisionHashLabelKey] == hash {
			updated++
		}
		settled = settled && Ready(p) && p.DeletionTimestamp == nil
	}
	if settled && s.Spec.UpdateStrategy.Type != appsv1.OnDeleteStatefulSetStrategyType {
		c.renew(s, all, hash)
	}
	for _, p := range pods {
		c.Delete(p)
	}
	c.kept(s, all, updated, hash)
}

// renew takes the pod of the highest number away that is of another version than that
// of the hash, so that it is made anew.
func (c *Cluster) renew(s *appsv1.StatefulSet, all []*corev1.Pod, hash string) {
	for n, p := range slices.Backward(all) {
		if n >= partition(s) && p.Labels[appsv1.ControllerRevisionHashLabelKey] != hash {
			c.Delete(p)
			return
		}
	}
}

// kept writes down how far a stateful set is.
func (c *Cluster) kept(s *appsv1.StatefulSet, all []*corev1.Pod, updated int32, hash string) {
	Change(c, s.Namespace, s.Name, func(s *appsv1.StatefulSet) {
		current := cmp.Or(s.Status.CurrentRevision, hash)
		if updated == *s.Spec.Replicas {
			current = hash
		}
		n := int32(len(all)) //nolint:gosec // not more than there are replicas
		s.Status = appsv1.StatefulSetStatus{
			ObservedGeneration: s.Generation, Replicas: n, ReadyReplicas: ready(all), AvailableReplicas: ready(all), CurrentReplicas: n - updated,
			UpdatedReplicas: updated, CurrentRevision: current, UpdateRevision: hash, CollisionCount: new(int32),
		}
	})
}

// partition is the number below which a stateful set's pods stay as they are.
func partition(s *appsv1.StatefulSet) int {
	if r := s.Spec.UpdateStrategy.RollingUpdate; r != nil && r.Partition != nil {
		return int(*r.Partition)
	}
	return 0
}

// stateful makes the pod of a number, with its volumes, which outlive it.
func (c *Cluster) stateful(s *appsv1.StatefulSet, n int, hash string) {
	p := c.pod(s, fmt.Sprintf("%s-%d", s.Name, n), &s.Spec.Template)
	p.Labels[appsv1.ControllerRevisionHashLabelKey] = hash
	p.Labels["statefulset.kubernetes.io/pod-name"] = p.Name
	p.Labels[appsv1.PodIndexLabel] = strconv.Itoa(n)
	p.Spec.Hostname, p.Spec.Subdomain = p.Name, s.Spec.ServiceName
	for _, t := range s.Spec.VolumeClaimTemplates {
		claim := t.DeepCopy()
		claim.Name, claim.Namespace = t.Name+"-"+p.Name, s.Namespace
		if Get[*corev1.PersistentVolumeClaim](c, claim.Namespace, claim.Name) == nil {
			claim.Status.Phase = corev1.ClaimPending
			c.Put(claim)
		}
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: t.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name},
		}})
	}
	if made, _ := c.brings(s, p, "statefulset-controller", "create Pod "+p.Name+" in StatefulSet "+s.Name+" failed error: "); !made {
		return
	}
	c.Event(s, "statefulset-controller", corev1.EventTypeNormal, "SuccessfulCreate", "create Pod "+p.Name+" in StatefulSet "+s.Name+" successful")
}

// everywhere has a daemon set have a pod on every node that it tolerates.
func everywhere(c *Cluster, namespace, name string) {
	d := Get[*appsv1.DaemonSet](c, namespace, name)
	if d == nil || d.DeletionTimestamp != nil {
		return
	}
	hash := TemplateHash(&d.Spec.Template)
	on, live := map[string]*corev1.Pod{}, map[string]bool{}
	for _, p := range active(Owned[*corev1.Pod](c, d)) {
		on[p.Spec.NodeName] = p
		live[name+"-"+p.Labels[appsv1.ControllerRevisionHashLabelKey]] = true
	}
	c.revise(d, &d.Spec.Template, d.Spec.RevisionHistoryLimit, live)
	var all []*corev1.Pod
	updated := int32(0)
	for _, n := range All[*corev1.Node](c, "") {
		if !labels.SelectorFromSet(d.Spec.Template.Spec.NodeSelector).Matches(labels.Set(n.Labels)) {
			continue
		}
		p := on[n.Name]
		delete(on, n.Name)
		if p == nil {
			p = c.pod(d, c.name(name), &d.Spec.Template)
			p.Spec.NodeName = n.Name
			p.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}} // it stays, whatever becomes of the node
			p.Labels[appsv1.ControllerRevisionHashLabelKey] = hash
			if made, _ := c.brings(d, p, "daemonset-controller", "Error creating: "); !made {
				continue
			}
		}
		all = append(all, p)
		switch {
		case p.Labels[appsv1.ControllerRevisionHashLabelKey] == hash:
			updated++
		case ready(all) == int32(len(all)): //nolint:gosec // a pod a node
			c.Delete(p)
		}
	}
	for _, p := range on {
		c.Delete(p)
	}
	Change(c, namespace, name, func(d *appsv1.DaemonSet) {
		n := int32(len(all)) //nolint:gosec // a pod a node
		d.Status = appsv1.DaemonSetStatus{
			CurrentNumberScheduled: n, DesiredNumberScheduled: n, NumberReady: ready(all), NumberAvailable: ready(all), NumberUnavailable: n - ready(all),
			UpdatedNumberScheduled: updated, ObservedGeneration: d.Generation,
		}
	})
}

// finish has a job run its pods until enough have succeeded, or too many have failed.
func finish(c *Cluster, namespace, name string) {
	j := Get[*batchv1.Job](c, namespace, name)
	if j == nil || j.DeletionTimestamp != nil {
		return
	}
	pods := Owned[*corev1.Pod](c, j)
	var done, failed, going int32
	for _, p := range pods {
		switch p.Status.Phase {
		case corev1.PodSucceeded:
			done++
		case corev1.PodFailed:
			failed++
		default:
			going++
		}
	}
	over := j.Status.CompletionTime != nil || failed > *j.Spec.BackoffLimit
	suspended := j.Spec.Suspend != nil && *j.Spec.Suspend
	for !over && !suspended && going < min(*j.Spec.Parallelism, *j.Spec.Completions-done) {
		p := c.pod(j, c.name(name), &j.Spec.Template)
		for label, value := range map[string]string{batchv1.JobNameLabel: name, batchv1.ControllerUidLabel: string(j.UID)} {
			p.Labels[label] = value
		}
		if made, _ := c.brings(j, p, "job-controller", "Error creating: "); !made {
			break
		}
		c.Event(j, "job-controller", corev1.EventTypeNormal, "SuccessfulCreate", "Created pod: "+p.Name)
		going++
	}
	c.counted(j, done, failed, going)
}

// counted writes down how far a job is.
func (c *Cluster) counted(j *batchv1.Job, done, failed, going int32) {
	Change(c, j.Namespace, j.Name, func(j *batchv1.Job) {
		st := &j.Status
		st.Active, st.Succeeded, st.Failed, st.Ready = going, done, failed, nil
		now := c.now()
		some(&st.StartTime, now)
		end := func(kind batchv1.JobConditionType, reason, message string) {
			if len(st.Conditions) == 0 {
				st.Conditions = append(st.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: message, LastTransitionTime: now, LastProbeTime: now})
			}
		}
		switch {
		case done >= *j.Spec.Completions:
			some(&st.CompletionTime, now)
			end(batchv1.JobComplete, "CompletionsReached", "Reached expected number of succeeded pods")
		case failed > *j.Spec.BackoffLimit:
			end(batchv1.JobFailed, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
		}
	})
}

// closeNamespace empties a namespace that is to end.
func closeNamespace(c *Cluster, _, name string) {
	if Get[*corev1.Namespace](c, "", name) != nil {
		return
	}
	for _, k := range c.kinds {
		if k.Namespaced {
			for _, e := range c.memory.under(k.prefix() + "/" + name + "/") {
				c.Remove(e.obj)
			}
		}
	}
}
