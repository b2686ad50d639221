package kube

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// tainter is who ends the pods that their nodes do not bear any longer.
const tainter = "taint-eviction-controller"

const forGood = 1 << 62

// ousting are the taints of a node that end pods which run there already.
func ousting(n *corev1.Node) []corev1.Taint {
	return slices.DeleteFunc(slices.Clone(n.Spec.Taints), func(t corev1.Taint) bool { return t.Effect != corev1.TaintEffectNoExecute })
}

// warn has the pods of a node looked at that it ousts, or does not any more.
func warn(c *Cluster, _, name string) {
	n := Get[*corev1.Node](c, "", name)
	if n == nil || len(c.doomed) == 0 && len(ousting(n)) == 0 {
		return
	}
	for _, p := range All[*corev1.Pod](c, "") {
		if p.Spec.NodeName == name {
			c.After(p, 0)
		}
	}
}

// oust ends a pod that has stayed on its node for as long as it tolerates that.
func (c *Cluster) oust(p *corev1.Pod) {
	n, key := Get[*corev1.Node](c, "", p.Spec.NodeName), p.Namespace+"/"+p.Name
	if n == nil {
		return
	}
	may, now := stays(p, ousting(n)), c.world.Now()
	since, doomed := c.doomed[key]
	switch {
	case may == forGood && doomed:
		delete(c.doomed, key)
		c.Event(p, tainter, corev1.EventTypeNormal, "TaintManagerEviction", "Cancelling deletion of Pod "+key)
		return
	case may == forGood:
		return
	case may > 0 && !doomed:
		c.doomed[key] = now
		c.After(p, may)
		return
	case may > now.Sub(since):
		c.After(p, may-now.Sub(since))
		return
	}
	delete(c.doomed, key)
	c.Event(p, tainter, corev1.EventTypeNormal, "TaintManagerEviction", "Marking for deletion Pod "+key)
	Change(c, p.Namespace, p.Name, func(p *corev1.Pod) {
		c.podCondition(p, corev1.DisruptionTarget, true, "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
	})
	c.Delete(p)
}

// stays is how long a pod stays on a node with taints.
func stays(p *corev1.Pod, taints []corev1.Taint) time.Duration {
	least := time.Duration(forGood)
	for _, t := range taints {
		i := slices.IndexFunc(p.Spec.Tolerations, func(o corev1.Toleration) bool { return tolerates(&o, &t) })
		if i < 0 {
			return 0
		}
		if seconds := p.Spec.Tolerations[i].TolerationSeconds; seconds != nil {
			least = min(least, max(0, time.Duration(*seconds)*time.Second))
		}
	}
	return least
}
