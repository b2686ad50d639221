package kube

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"

	"wheelhouse/backend/sandbox"
)

// asks is what a pod is promised.
func asks(s *corev1.PodSpec) (u sandbox.Usage) {
	for _, c := range s.Containers {
		one := usage(c.Resources.Requests)
		u.CPU, u.Memory = u.CPU+one.CPU, u.Memory+one.Memory
	}
	return u
}

const mib = 1 << 20

func usage(r corev1.ResourceList) sandbox.Usage {
	return sandbox.Usage{CPU: float64(r.Cpu().MilliValue()) / 1000, Memory: r.Memory().Value() / mib}
}

// offered is among how many nodes that may take a pod one is chosen: in a large cluster
// the scheduler does not look at all.
const offered = 50

// schedule finds the node for a pod: among those that may take it the one that has
// promised least. Why not, where there is none.
func (c *Cluster) schedule(p *corev1.Pod) (node, why string) {
	need, least, fit := asks(&p.Spec), 2.0, 0
	refused := map[string]int{}
	nodes := All[*corev1.Node](c, "")
	for i := 0; i < len(nodes) && fit < offered; i++ {
		n := nodes[(c.turn+i)%len(nodes)]
		room, taken := usage(n.Status.Allocatable), c.promised[n.Name]
		load := max((taken.CPU+max(need.CPU, someCPU))/room.CPU, float64(taken.Memory+need.Memory)/float64(max(room.Memory, 1)))
		switch reason := c.refuses(n, p); {
		case reason != "":
			refused[reason]++
		case taken.CPU+need.CPU > room.CPU:
			refused["Insufficient cpu"]++
		case taken.Memory+need.Memory > room.Memory:
			refused["Insufficient memory"]++
		default:
			if fit++; load < least {
				node, least = n.Name, load
			}
		}
	}
	if c.turn++; len(nodes) > offered {
		c.turn += offered
	}
	var reasons []string
	for reason, n := range refused {
		reasons = append(reasons, fmt.Sprintf("%d %s", n, reason))
	}
	slices.Sort(reasons)
	return node, fmt.Sprintf("0/%d nodes are available: %s.", len(nodes), strings.Join(reasons, ", "))
}

// someCPU is what a pod counts for that asks for nothing, so that they spread.
const someCPU = 0.1

// refuses is why a node takes a pod whatever room it has: "" where it does.
func (c *Cluster) refuses(n *corev1.Node, p *corev1.Pod) string {
	if n.Spec.Unschedulable {
		return "node(s) were unschedulable"
	}
	if !labels.SelectorFromSet(p.Spec.NodeSelector).Matches(labels.Set(n.Labels)) {
		return "node(s) didn't match Pod's node affinity/selector"
	}
	for _, t := range n.Spec.Taints {
		if t.Effect != corev1.TaintEffectPreferNoSchedule && !tolerated(p, &t) {
			return fmt.Sprintf("node(s) had untolerated taint {%s: %s}", t.Key, t.Value)
		}
	}
	if on := c.volumeNode(p); on != "" && on != n.Name {
		return "node(s) had volume node affinity conflict"
	}
	return ""
}

func tolerated(p *corev1.Pod, t *corev1.Taint) bool {
	return slices.ContainsFunc(p.Spec.Tolerations, func(o corev1.Toleration) bool { return tolerates(&o, t) })
}

func tolerates(o *corev1.Toleration, t *corev1.Taint) bool {
	return (o.Key == "" || o.Key == t.Key) && (o.Effect == "" || o.Effect == t.Effect) && (o.Operator == corev1.TolerationOpExists || o.Value == t.Value)
}

// volumeNode is the node that a pod's volumes are on: data on a machine's own disk
// stays there. Empty where they may be anywhere.
func (c *Cluster) volumeNode(p *corev1.Pod) string {
	for _, v := range p.Spec.Volumes {
		if v.PersistentVolumeClaim == nil {
			continue
		}
		claim := Get[*corev1.PersistentVolumeClaim](c, p.Namespace, v.PersistentVolumeClaim.ClaimName)
		if claim == nil || claim.Spec.VolumeName == "" {
			continue
		}
		if pv := Get[*corev1.PersistentVolume](c, "", claim.Spec.VolumeName); pv != nil && pv.Spec.Local != nil {
			return pv.Labels[corev1.LabelHostname]
		}
	}
	return ""
}

// promise keeps up what the nodes have promised to pods.
func (c *Cluster) promise(p *corev1.Pod, on bool) {
	key := p.Namespace + "/" + p.Name
	if was, ok := c.placed[key]; ok {
		u := c.promised[was.node]
		c.promised[was.node] = sandbox.Usage{CPU: u.CPU - was.asks.CPU, Memory: u.Memory - was.asks.Memory}
		delete(c.placed, key)
	}
	if on && p.Spec.NodeName != "" {
		now := placement{p.Spec.NodeName, asks(&p.Spec)}
		now.asks.CPU = max(now.asks.CPU, someCPU)
		u := c.promised[now.node]
		c.promised[now.node] = sandbox.Usage{CPU: u.CPU + now.asks.CPU, Memory: u.Memory + now.asks.Memory}
		c.placed[key] = now
	}
}

// placement is what a node has promised to one pod.
type placement struct {
	node string
	asks sandbox.Usage
}
