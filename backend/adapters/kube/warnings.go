package kube

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/kubernetes"

	"wheelhouse/backend"
	"wheelhouse/backend/kubeapi"
)

const (
	glance    = 2 * time.Second // that a look for warnings may take
	maxBeside = 500             // objects of a kind that it reads of a namespace
	maxLooks  = 8               // namespaces that are looked at at a time
)

// lookup is a set of kinds to look for beside a target.
type lookup uint8

const (
	autoscalers lookup = 1 << iota
	budgets
	services
)

// around is what lives in a namespace and bears on a change to a neighbour. A
// list that could not be had is empty, and trouble says why.
type around struct {
	autoscalers []autoscalingv2.HorizontalPodAutoscaler
	budgets     []policyv1.PodDisruptionBudget
	services    []corev1.Service
	trouble     []string
}

// neighbourhoods is around by namespace.
type neighbourhoods map[string]around

// lookAround reads what is wanted of the targets' namespaces. It never fails:
// what could not be had is told by troubles.
func (c *Cluster) lookAround(ctx context.Context, ts []kubeapi.Target, want lookup) neighbourhoods {
	var spaces []string
	for _, t := range ts {
		if !slices.Contains(spaces, t.Ref.Scope) {
			spaces = append(spaces, t.Ref.Scope)
		}
	}
	found := make([]around, len(spaces))
	client, err := c.Typed()
	if err != nil {
		return neighbourhoods{"": {trouble: []string{"could not look for what depends on it: " + kubeapi.WhyNot(err)}}}
	}
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(maxLooks)
	for i, ns := range spaces {
		g.Go(func() error {
			found[i] = c.beside(ctx, client, ns, want)
			return nil
		})
	}
	_ = g.Wait() // what fails is told in trouble
	out := neighbourhoods{}
	for i, ns := range spaces {
		out[ns] = found[i]
	}
	return out
}

// beside reads what is wanted of one namespace.
func (c *Cluster) beside(ctx context.Context, client kubernetes.Interface, ns string, want lookup) (a around) {
	var fault error
	defer func() {
		if fault != nil {
			a.trouble = append(a.trouble, fault.Error())
		}
	}()
	defer backend.Caught(&fault)
	opts := metav1.ListOptions{Limit: maxBeside}
	note := func(what string, err error) {
		if err != nil && !apierrors.IsNotFound(err) { // a server without the API has none of them
			a.trouble = append(a.trouble, fmt.Sprintf("could not look for %s in %s: %s", what, ns, kubeapi.WhyNot(err)))
		}
	}
	if want&autoscalers != 0 {
		l, err := client.AutoscalingV2().HorizontalPodAutoscalers(ns).List(ctx, opts)
		if note("HPAs", err); err == nil {
			a.autoscalers = l.Items
		}
	}
	if want&budgets != 0 {
		l, err := client.PolicyV1().PodDisruptionBudgets(ns).List(ctx, opts)
		if note("PDBs", err); err == nil {
			a.budgets = l.Items
		}
	}
	if want&services != 0 {
		l, err := client.CoreV1().Services(ns).List(ctx, opts)
		if note("services", err); err == nil {
			a.services = l.Items
		}
	}
	return a
}

// troubles says what could not be looked for.
func (n neighbourhoods) troubles() []string {
	var out []string
	for _, a := range n {
		for _, s := range a.trouble {
			out = append(out, backend.T(s).Safe())
		}
	}
	slices.Sort(out)
	return out
}

// autoscalerOf says which autoscaler will undo scaling t to that many. At zero
// replicas an autoscaler rests (kube-controller-manager, pkg/controller/
// podautoscaler/horizontal.go, ScalingDisabled).
func autoscalerOf(a around, t kubeapi.Target, to int64) string {
	hpa := scaledBy(a, t.Obj)
	if hpa == nil {
		return ""
	}
	if to == 0 {
		return fmt.Sprintf("hpa %s stops working while it has no replicas", hpa.Name)
	}
	return fmt.Sprintf("hpa %s keeps it %s: it will undo this", hpa.Name, bounds(hpa))
}

// scaledBy is the autoscaler of a workload; nil when there is none.
func scaledBy(a around, o *unstructured.Unstructured) *autoscalingv2.HorizontalPodAutoscaler {
	for i, hpa := range a.autoscalers {
		if of := hpa.Spec.ScaleTargetRef; of.Kind == o.GetKind() && of.Name == o.GetName() {
			return &a.autoscalers[i]
		}
	}
	return nil
}

func bounds(hpa *autoscalingv2.HorizontalPodAutoscaler) string {
	low := int32(1)
	if hpa.Spec.MinReplicas != nil {
		low = *hpa.Spec.MinReplicas
	}
	return fmt.Sprintf("between %d and %d", low, hpa.Spec.MaxReplicas)
}

// budgetOf says which disruption budgets a deletion of the pod goes past.
func budgetOf(a around, pod *corev1.Pod) string {
	var names []string
	for _, b := range a.budgets {
		sel, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
		if err == nil && sel.Matches(labels.Set(pod.Labels)) {
			names = append(names, b.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "deleting goes past pdb " + kubeapi.Some(names) + "; eviction would ask it"
}

// servicesOf names the services that send to t's pods.
func servicesOf(a around, t kubeapi.Target) []string {
	pods, _, _ := unstructured.NestedStringMap(t.Obj.Object, "spec", "template", "metadata", "labels")
	var names []string
	for _, s := range a.services {
		if len(s.Spec.Selector) > 0 && labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(pods)) {
			names = append(names, s.Name)
		}
	}
	return names
}
