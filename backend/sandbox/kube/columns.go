package kube

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
)

// ColumnOf is one whose values are read off objects of one Go type.
func ColumnOf[T runtime.Object](name string, value func(T) any) Column {
	return Column{Name: name, Value: func(o runtime.Object) any { return value(o.(T)) }}
}

func wide[T runtime.Object](name string, value func(T) any) Column {
	c := ColumnOf(name, value)
	c.Wide = true
	return c
}

func namespaceColumns() []Column {
	return []Column{ColumnOf("Status", func(n *corev1.Namespace) any { return string(n.Status.Phase) })}
}

func nodeColumns() []Column {
	address := func(n *corev1.Node, kind corev1.NodeAddressType) any {
		for _, a := range n.Status.Addresses {
			if a.Type == kind {
				return a.Address
			}
		}
		return "<none>"
	}
	return []Column{
		nameColumn(),
		ColumnOf("Status", func(n *corev1.Node) any {
			word := "Unknown"
			for _, c := range n.Status.Conditions {
				if c.Type == corev1.NodeReady {
					word = map[corev1.ConditionStatus]string{corev1.ConditionTrue: "Ready"}[c.Status]
				}
			}
			if word == "" {
				word = "NotReady"
			}
			if n.Spec.Unschedulable {
				word += ",SchedulingDisabled"
			}
			return word
		}),
		ColumnOf("Roles", func(n *corev1.Node) any {
			var roles []string
			for label := range n.Labels {
				if role, ok := strings.CutPrefix(label, "node-role.kubernetes.io/"); ok {
					roles = append(roles, role)
				}
			}
			if roles == nil {
				return "<none>"
			}
			slices.Sort(roles)
			return strings.Join(roles, ",")
		}),
		ageColumn(),
		ColumnOf("Version", func(n *corev1.Node) any { return n.Status.NodeInfo.KubeletVersion }),
		wide("Internal-IP", func(n *corev1.Node) any { return address(n, corev1.NodeInternalIP) }),
		wide("External-IP", func(n *corev1.Node) any { return address(n, corev1.NodeExternalIP) }),
		wide("OS-Image", func(n *corev1.Node) any { return n.Status.NodeInfo.OSImage }),
		wide("Kernel-Version", func(n *corev1.Node) any {
			return fmt.Sprintf("%s (%s)", n.Status.NodeInfo.KernelVersion, n.Status.NodeInfo.Architecture)
		}),
		wide("Container-Runtime", func(n *corev1.Node) any { return n.Status.NodeInfo.ContainerRuntimeVersion }),
	}
}

// podWord is the one word that kubectl has for how a pod is.
func podWord(p *corev1.Pod) string {
	word := string(p.Status.Phase)
	if p.Status.Reason != "" {
		word = p.Status.Reason
	}
	running := false
	for i := len(p.Status.ContainerStatuses) - 1; i >= 0; i-- {
		switch s := p.Status.ContainerStatuses[i].State; {
		case s.Waiting != nil && s.Waiting.Reason != "":
			word = s.Waiting.Reason
		case s.Terminated != nil && s.Terminated.Reason != "":
			word = s.Terminated.Reason
		case s.Terminated != nil:
			word = fmt.Sprintf("ExitCode:%d", s.Terminated.ExitCode)
		case s.Running != nil && p.Status.ContainerStatuses[i].Ready:
			running = true
		}
	}
	if word == "Completed" && running {
		word = "Running"
	}
	if p.DeletionTimestamp != nil {
		word = "Terminating"
	}
	return word
}

func podColumns() []Column {
	return []Column{
		ColumnOf("Ready", func(p *corev1.Pod) any {
			ready := 0
			for _, c := range p.Status.ContainerStatuses {
				if c.Ready {
					ready++
				}
			}
			return fmt.Sprintf("%d/%d", ready, len(p.Spec.Containers))
		}),
		ColumnOf("Status", func(p *corev1.Pod) any { return podWord(p) }),
		ColumnOf("Restarts", func(p *corev1.Pod) any {
			n, last := int32(0), metav1.Time{}
			for _, c := range p.Status.ContainerStatuses {
				n += c.RestartCount
				if t := c.LastTerminationState.Terminated; t != nil && t.FinishedAt.After(last.Time) {
					last = t.FinishedAt
				}
			}
			if last.IsZero() {
				return fmt.Sprint(n)
			}
			return fmt.Sprintf("%d (%s ago)", n, age(last.Time))
		}),
		wide("IP", func(p *corev1.Pod) any { return or(p.Status.PodIP) }),
		wide("Node", func(p *corev1.Pod) any { return or(p.Spec.NodeName) }),
		wide("Nominated Node", func(p *corev1.Pod) any { return or(p.Status.NominatedNodeName) }),
		wide("Readiness Gates", func(*corev1.Pod) any { return "<none>" }),
	}
}

func or(s string) string {
	if s == "" {
		return "<none>"
	}
	return s
}

func eventColumns() []Column {
	first := func(e *corev1.Event) any { return age(cmp.Or(e.FirstTimestamp.Time, e.EventTime.Time)) }
	return []Column{
		ColumnOf("Last Seen", func(e *corev1.Event) any {
			switch {
			case e.Series != nil:
				return age(e.Series.LastObservedTime.Time)
			case e.LastTimestamp.IsZero():
				return first(e)
			}
			return age(e.LastTimestamp.Time)
		}),
		ColumnOf("Type", func(e *corev1.Event) any { return e.Type }),
		ColumnOf("Reason", func(e *corev1.Event) any { return e.Reason }),
		ColumnOf("Object", func(e *corev1.Event) any {
			return strings.TrimSuffix(strings.ToLower(e.InvolvedObject.Kind)+"/"+e.InvolvedObject.Name, "/")
		}),
		wide("Subobject", func(e *corev1.Event) any { return e.InvolvedObject.FieldPath }),
		wide("Source", func(e *corev1.Event) any {
			return strings.TrimSuffix(cmp.Or(e.Source.Component, e.ReportingController)+", "+cmp.Or(e.Source.Host, e.ReportingInstance), ", ")
		}),
		ColumnOf("Message", func(e *corev1.Event) any { return strings.TrimSpace(e.Message) }),
		wide("First Seen", first),
		wide("Count", func(e *corev1.Event) any {
			if e.Series != nil {
				return e.Series.Count
			}
			return max(e.Count, 1) // one that is not counted has happened once
		}),
		wide("Name", func(e *corev1.Event) any { return e.Name }),
	}
}

func templated(s *corev1.PodTemplateSpec) (containers, images any) {
	var names, of []string
	for _, c := range s.Spec.Containers {
		names, of = append(names, c.Name), append(of, c.Image)
	}
	return strings.Join(names, ","), strings.Join(of, ",")
}

func deploymentColumns() []Column {
	return []Column{
		ColumnOf("Ready", func(d *appsv1.Deployment) any { return fmt.Sprintf("%d/%d", d.Status.ReadyReplicas, *d.Spec.Replicas) }),
		ColumnOf("Up-To-Date", func(d *appsv1.Deployment) any { return d.Status.UpdatedReplicas }),
		ColumnOf("Available", func(d *appsv1.Deployment) any { return d.Status.AvailableReplicas }),
		wide("Containers", func(d *appsv1.Deployment) any { c, _ := templated(&d.Spec.Template); return c }),
		wide("Images", func(d *appsv1.Deployment) any { _, i := templated(&d.Spec.Template); return i }),
		wide("Selector", func(d *appsv1.Deployment) any { return metav1.FormatLabelSelector(d.Spec.Selector) }),
	}
}

func replicaSetColumns() []Column {
	return []Column{
		ColumnOf("Desired", func(r *appsv1.ReplicaSet) any { return *r.Spec.Replicas }),
		ColumnOf("Current", func(r *appsv1.ReplicaSet) any { return r.Status.Replicas }),
		ColumnOf("Ready", func(r *appsv1.ReplicaSet) any { return r.Status.ReadyReplicas }),
		wide("Containers", func(r *appsv1.ReplicaSet) any { c, _ := templated(&r.Spec.Template); return c }),
		wide("Images", func(r *appsv1.ReplicaSet) any { _, i := templated(&r.Spec.Template); return i }),
		wide("Selector", func(r *appsv1.ReplicaSet) any { return metav1.FormatLabelSelector(r.Spec.Selector) }),
	}
}

func statefulSetColumns() []Column {
	return []Column{
		ColumnOf("Ready", func(s *appsv1.StatefulSet) any { return fmt.Sprintf("%d/%d", s.Status.ReadyReplicas, *s.Spec.Replicas) }),
		wide("Containers", func(s *appsv1.StatefulSet) any { c, _ := templated(&s.Spec.Template); return c }),
		wide("Images", func(s *appsv1.StatefulSet) any { _, i := templated(&s.Spec.Template); return i }),
	}
}

func daemonSetColumns() []Column {
	return []Column{
		ColumnOf("Desired", func(d *appsv1.DaemonSet) any { return d.Status.DesiredNumberScheduled }),
		ColumnOf("Current", func(d *appsv1.DaemonSet) any { return d.Status.CurrentNumberScheduled }),
		ColumnOf("Ready", func(d *appsv1.DaemonSet) any { return d.Status.NumberReady }),
		ColumnOf("Up-To-Date", func(d *appsv1.DaemonSet) any { return d.Status.UpdatedNumberScheduled }),
		ColumnOf("Available", func(d *appsv1.DaemonSet) any { return d.Status.NumberAvailable }),
		ColumnOf("Node Selector", func(d *appsv1.DaemonSet) any {
			return labels.FormatLabels(d.Spec.Template.Spec.NodeSelector)
		}),
		wide("Containers", func(d *appsv1.DaemonSet) any { c, _ := templated(&d.Spec.Template); return c }),
		wide("Images", func(d *appsv1.DaemonSet) any { _, i := templated(&d.Spec.Template); return i }),
		wide("Selector", func(d *appsv1.DaemonSet) any { return metav1.FormatLabelSelector(d.Spec.Selector) }),
	}
}

func budgetColumns() []Column {
	return []Column{
		ColumnOf("Min Available", func(b *policyv1.PodDisruptionBudget) any {
			if b.Spec.MinAvailable == nil {
				return "N/A"
			}
			return b.Spec.MinAvailable.String()
		}),
		ColumnOf("Max Unavailable", func(b *policyv1.PodDisruptionBudget) any {
			if b.Spec.MaxUnavailable == nil {
				return "N/A"
			}
			return b.Spec.MaxUnavailable.String()
		}),
		ColumnOf("Allowed Disruptions", func(b *policyv1.PodDisruptionBudget) any { return b.Status.DisruptionsAllowed }),
	}
}
