package kube

import (
	"cmp"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// generationMark is where a daemon set has the number of its template, and its pods.
const generationMark, generationLabel = appsv1.DeprecatedTemplateGeneration, "pod-template-generation"

// daemonNode is what of a daemon set is on a node.
type daemonNode struct {
	name     string
	old, now *corev1.Pod // of an older version, and of the one that is meant
	ending   bool        // one is about to go
}

func (n daemonNode) ready() bool { return n.old != nil && Ready(n.old) || n.now != nil && Ready(n.now) }

// everywhere has a daemon set have a pod on every node that it tolerates.
func everywhere(c *Cluster, namespace, name string) {
	d := Get[*appsv1.DaemonSet](c, namespace, name)
	if d == nil || d.DeletionTimestamp != nil {
		return
	}
	hash := TemplateHash(&d.Spec.Template)
	on, live := c.daemonNodes(d, hash)
	live[name+"-"+hash] = true
	c.revise(d, &d.Spec.Template, d.Spec.RevisionHistoryLimit, live)
	var all []*daemonNode
	misplaced := int32(0)
	for _, node := range All[*corev1.Node](c, "") {
		run, stay := wanted(d, node)
		if !stay {
			continue
		}
		n := on[node.Name]
		delete(on, node.Name)
		if !run {
			misplaced += boolTo(n != nil && (n.old != nil || n.now != nil))
			continue
		}
		if n == nil {
			n = &daemonNode{name: node.Name}
		}
		if n.old == nil && n.now == nil && !n.ending {
			n.now = c.daemon(d, n.name, hash)
		}
		all = append(all, n)
	}
	for _, n := range on {
		c.undaemon(d, n.old)
		c.undaemon(d, n.now)
	}
	c.rollNodes(d, all, hash)
	c.daemons(d, all, misplaced)
}

// daemonNodes is what of a daemon set is on which node, and which of its versions there
// are.
func (c *Cluster) daemonNodes(d *appsv1.DaemonSet, hash string) (on map[string]*daemonNode, live map[string]bool) {
	on, live = map[string]*daemonNode{}, map[string]bool{}
	for _, p := range Owned[*corev1.Pod](c, d) {
		n := on[p.Spec.NodeName]
		if n == nil {
			n = &daemonNode{name: p.Spec.NodeName}
			on[p.Spec.NodeName] = n
		}
		switch version := p.Labels[appsv1.ControllerRevisionHashLabelKey]; {
		case p.DeletionTimestamp != nil:
			n.ending = true
		case p.Status.Phase == corev1.PodFailed, p.Status.Phase == corev1.PodSucceeded:
			n.ending = true
			c.undaemon(d, p)
		case version == hash:
			n.now = p
		default:
			n.old = p
			live[d.Name+"-"+version] = true
		}
	}
	return on, live
}

// wanted says whether a daemon set is to have a pod on a node, and whether one stays that
// is there.
func wanted(d *appsv1.DaemonSet, n *corev1.Node) (run, stay bool) {
	p := &corev1.Pod{Spec: corev1.PodSpec{Tolerations: daemonTolerates(d)}}
	run = labels.SelectorFromSet(d.Spec.Template.Spec.NodeSelector).Matches(labels.Set(n.Labels))
	stay = run
	for _, t := range n.Spec.Taints {
		ok := tolerated(p, &t)
		run = run && (ok || t.Effect == corev1.TaintEffectPreferNoSchedule)
		stay = stay && (ok || t.Effect != corev1.TaintEffectNoExecute)
	}
	return run, stay
}

// daemonTolerates is what its pods tolerate: besides what is said of them whatever
// becomes of their node.
func daemonTolerates(d *appsv1.DaemonSet) []corev1.Toleration {
	out := append([]corev1.Toleration(nil), d.Spec.Template.Spec.Tolerations...)
	for _, key := range []string{corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable} {
		out = append(out, corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute})
	}
	for _, key := range []string{corev1.TaintNodeDiskPressure, corev1.TaintNodeMemoryPressure, corev1.TaintNodePIDPressure, corev1.TaintNodeUnschedulable} {
		out = append(out, corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule})
	}
	if d.Spec.Template.Spec.HostNetwork {
		out = append(out, corev1.Toleration{Key: corev1.TaintNodeNetworkUnavailable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule})
	}
	return out
}

// daemon makes the pod of a node; nil where the quotas do not let it.
func (c *Cluster) daemon(d *appsv1.DaemonSet, node, hash string) *corev1.Pod {
	p := c.pod(d, c.name(d.Name), &d.Spec.Template)
	p.Spec.NodeName, p.Spec.Tolerations = node, daemonTolerates(d)
	p.Labels[appsv1.ControllerRevisionHashLabelKey] = hash
	p.Labels[generationLabel] = cmp.Or(d.Annotations[generationMark], "1")
	if made, _ := c.brings(d, p, "daemonset-controller", "Error creating: "); !made {
		return nil
	}
	c.Event(d, "daemonset-controller", corev1.EventTypeNormal, "SuccessfulCreate", "Created pod: "+p.Name)
	c.scheduled(p)
	return p
}

func (c *Cluster) undaemon(d *appsv1.DaemonSet, p *corev1.Pod) {
	if p == nil {
		return
	}
	c.Delete(p)
	c.Event(d, "daemonset-controller", corev1.EventTypeNormal, "SuccessfulDelete", "Deleted pod: "+p.Name)
}

// rollNodes replaces the pods of older versions, as many at a time as the strategy lets:
// by taking one away first, or by having another beside it until that is ready.
func (c *Cluster) rollNodes(d *appsv1.DaemonSet, all []*daemonNode, hash string) {
	if d.Spec.UpdateStrategy.Type != appsv1.RollingUpdateDaemonSetStrategyType {
		return
	}
	away, beside := daemonSpare(d, all)
	for _, n := range all {
		switch {
		case n.old == nil:
		case n.now != nil:
			if Ready(n.now) || !Ready(n.old) {
				c.undaemon(d, n.old)
				n.old = nil
			}
		case beside > 0 && Ready(n.old):
			beside--
			n.now = c.daemon(d, n.name, hash)
		case away > 0 || !Ready(n.old):
			away -= int(boolTo(Ready(n.old)))
			c.undaemon(d, n.old)
			n.old, n.ending = nil, true
		}
	}
}

// daemonSpare is on how many more nodes there may be no pod that is ready, and on how
// many more one too many.
func daemonSpare(d *appsv1.DaemonSet, all []*daemonNode) (away, beside int) {
	away = 1
	if u := d.Spec.UpdateStrategy.RollingUpdate; u != nil {
		away, _ = intstr.GetScaledValueFromIntOrPercent(intstr.ValueOrDefault(u.MaxUnavailable, intstr.FromInt32(1)), len(all), true)
		beside, _ = intstr.GetScaledValueFromIntOrPercent(intstr.ValueOrDefault(u.MaxSurge, intstr.FromInt32(0)), len(all), true)
	}
	for _, n := range all {
		away -= int(boolTo(!n.ready()))
		beside -= int(boolTo(n.old != nil && n.now != nil))
	}
	return away, beside
}

// daemons writes down how far a daemon set is.
func (c *Cluster) daemons(d *appsv1.DaemonSet, all []*daemonNode, misplaced int32) {
	st := appsv1.DaemonSetStatus{ObservedGeneration: d.Generation, DesiredNumberScheduled: int32(len(all)), NumberMisscheduled: misplaced} //nolint:gosec // a pod a node
	for _, n := range all {
		st.CurrentNumberScheduled += boolTo(n.old != nil || n.now != nil)
		st.NumberReady += boolTo(n.ready())
		st.UpdatedNumberScheduled += boolTo(n.now != nil)
	}
	st.NumberAvailable, st.NumberUnavailable = st.NumberReady, st.DesiredNumberScheduled-st.NumberReady
	Change(c, d.Namespace, d.Name, func(d *appsv1.DaemonSet) { d.Status = st })
}

// scheduled says that a pod has got its node.
func (c *Cluster) scheduled(p *corev1.Pod) {
	c.schedulerEvent(p, corev1.EventTypeNormal, "Scheduled", "Binding", fmt.Sprintf("Successfully assigned %s/%s to %s", p.Namespace, p.Name, p.Spec.NodeName))
}
