package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
)

// eviction takes a pod away, unless a budget has none to spare.
type eviction struct {
	cluster *Cluster
	pods    *registry.Store
}

// New implements rest.Storage.
func (eviction) New() runtime.Object { return &policyv1.Eviction{} }

// Destroy implements rest.Storage.
func (eviction) Destroy() {}

// GroupVersionKind implements rest.GroupVersionKindProvider.
func (eviction) GroupVersionKind(schema.GroupVersion) schema.GroupVersionKind {
	return policyv1.SchemeGroupVersion.WithKind("Eviction")
}

// Create implements rest.NamedCreater.
func (e eviction) Create(ctx context.Context, name string, obj runtime.Object, _ rest.ValidateObjectFunc, o *metav1.CreateOptions) (runtime.Object, error) {
	asked, ok := obj.(*policyv1.Eviction)
	if !ok || asked.Name != "" && asked.Name != name {
		return nil, apierrors.NewBadRequest("name in URL does not match name in Eviction object")
	}
	found, err := e.pods.Get(ctx, name, &metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	e.cluster.mu.Lock() // one after another, or two would take the same spare
	defer e.cluster.mu.Unlock()
	p := found.(*corev1.Pod)
	budgets, err := e.cluster.spared(p)
	if err != nil {
		return nil, err
	}
	how := &metav1.DeleteOptions{}
	if asked.DeleteOptions != nil {
		how = asked.DeleteOptions
	}
	how.DryRun = append(how.DryRun, o.DryRun...)
	if _, _, err := e.pods.Delete(ctx, name, rest.ValidateAllObjectFunc, how); err != nil {
		return nil, err
	}
	for _, b := range budgets { // at once, so that the next one asked sees it
		budget(e.cluster, b.Namespace, b.Name)
	}
	return &metav1.Status{Status: metav1.StatusSuccess}, nil
}

// spared are the budgets of a pod; an error where they have none to spare.
func (c *Cluster) spared(p *corev1.Pod) ([]*policyv1.PodDisruptionBudget, error) {
	budgets := c.budgetsOf(p)
	counts := p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil
	switch {
	case len(budgets) > 1 && counts:
		return nil, apierrors.NewInternalError(fmt.Errorf("this pod has more than one PodDisruptionBudget, which the eviction subresource does not support"))
	case len(budgets) == 1 && counts && Ready(p) && c.spare(budgets[0]) <= 0:
		err := apierrors.NewTooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0)
		err.ErrStatus.Details.Causes = append(err.ErrStatus.Details.Causes, metav1.StatusCause{
			Type:    policyv1.DisruptionBudgetCause,
			Message: fmt.Sprintf("The disruption budget %s needs %d healthy pods and has %d currently", budgets[0].Name, budgets[0].Status.DesiredHealthy, budgets[0].Status.CurrentHealthy),
		})
		return nil, err
	}
	return budgets, nil
}

// Evict takes a pod away as a client's eviction does, for a controller; the error is
// what a client is told where a budget has none to spare.
func (c *Cluster) Evict(p *corev1.Pod) error {
	_, err := c.spared(p)
	if err != nil {
		return err
	}
	c.Delete(p)
	return nil
}

func (c *Cluster) budgetsOf(p *corev1.Pod) (out []*policyv1.PodDisruptionBudget) {
	for _, b := range All[*policyv1.PodDisruptionBudget](c, p.Namespace) {
		for _, one := range c.selected(p.Namespace, b.Spec.Selector) {
			if one.Name == p.Name {
				out = append(out, b)
			}
		}
	}
	return out
}

// spare is how many of a budget's pods may go now.
func (c *Cluster) spare(b *policyv1.PodDisruptionBudget) int32 {
	budget(c, b.Namespace, b.Name)
	if b = Get[*policyv1.PodDisruptionBudget](c, b.Namespace, b.Name); b == nil {
		return 1
	}
	return b.Status.DisruptionsAllowed
}

// budget counts the pods of a disruption budget.
func budget(c *Cluster, namespace, name string) {
	b := Get[*policyv1.PodDisruptionBudget](c, namespace, name)
	if b == nil {
		return
	}
	pods := c.selected(namespace, b.Spec.Selector)
	all, healthy := int32(len(pods)), ready(active(pods)) //nolint:gosec // pods of one budget
	need := all
	switch {
	case b.Spec.MinAvailable != nil:
		n, _ := intstr.GetScaledValueFromIntOrPercent(b.Spec.MinAvailable, int(all), true)
		need = int32(n) //nolint:gosec // not more than there are
	case b.Spec.MaxUnavailable != nil:
		n, _ := intstr.GetScaledValueFromIntOrPercent(b.Spec.MaxUnavailable, int(all), true)
		need = all - int32(n) //nolint:gosec // not more than there are
	}
	Change(c, namespace, name, func(b *policyv1.PodDisruptionBudget) {
		b.Status.ExpectedPods, b.Status.CurrentHealthy, b.Status.DesiredHealthy = all, healthy, max(need, 0)
		b.Status.DisruptionsAllowed, b.Status.ObservedGeneration = max(healthy-max(need, 0), 0), b.Generation
		allowed := metav1.Condition{Type: policyv1.DisruptionAllowedCondition, Status: metav1.ConditionFalse, Reason: policyv1.InsufficientPodsReason, ObservedGeneration: b.Generation, LastTransitionTime: c.now()}
		if b.Status.DisruptionsAllowed > 0 {
			allowed.Status, allowed.Reason = metav1.ConditionTrue, policyv1.SufficientPodsReason
		}
		meta.SetStatusCondition(&b.Status.Conditions, allowed)
	})
}
