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
		{Of: &corev1.Node{}, Reconcile: warn},
		{Of: &corev1.Namespace{}, Reconcile: closeNamespace},
		{Of: &corev1.ResourceQuota{}, Reconcile: account},
		{Of: &corev1.PersistentVolumeClaim{}, Near: &corev1.Pod{}, Reconcile: bind},
		{Of: &corev1.PersistentVolume{}, Reconcile: offer},
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

// ending is how many pods are about to go.
func ending(pods []*corev1.Pod) *int32 {
	n := int32(0)
	for _, p := range pods {
		n += boolTo(p.DeletionTimestamp != nil)
	}
	return &n
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
	owned := Owned[*corev1.Pod](c, r)
	pods := active(owned)
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
		r.Status = appsv1.ReplicaSetStatus{
			Replicas: n, FullyLabeledReplicas: n, ReadyReplicas: ready(pods), AvailableReplicas: ready(pods), ObservedGeneration: r.Generation, TerminatingReplicas: ending(owned), Conditions: failed,
		}
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
		before := n - updated
		if current == hash {
			before = updated
		}
		s.Status = appsv1.StatefulSetStatus{
			ObservedGeneration: s.Generation, Replicas: n, ReadyReplicas: ready(all), AvailableReplicas: ready(all), CurrentReplicas: before,
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
	says := func(message string) {
		c.Event(s, "statefulset-controller", corev1.EventTypeNormal, "SuccessfulCreate", message)
	}
	for _, t := range s.Spec.VolumeClaimTemplates {
		claim := t.DeepCopy()
		claim.Name, claim.Namespace = t.Name+"-"+p.Name, s.Namespace
		if Get[*corev1.PersistentVolumeClaim](c, claim.Namespace, claim.Name) == nil {
			claim.TypeMeta = metav1.TypeMeta{}
			c.Create(claim)
			says(fmt.Sprintf("Create Claim %s Pod %s in StatefulSet %s success", claim.Name, p.Name, s.Name))
		}
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: t.Name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim.Name},
		}})
	}
	if made, _ := c.brings(s, p, "statefulset-controller", "create Pod "+p.Name+" in StatefulSet "+s.Name+" failed error: "); made {
		says("Create Pod " + p.Name + " in StatefulSet " + s.Name + " successful")
	}
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
