package kube

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metainternalversion "k8s.io/apimachinery/pkg/apis/meta/internalversion"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/rest"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"

	"wheelhouse/backend/sandbox"
)

// metered is what of the cluster is measured, as metrics-server tells it: read only,
// and only listed.
type metered struct {
	of, list runtime.Object
	name     string
	scoped   bool
	read     func(namespace string, s labels.Selector) []runtime.Object
}

func (c *Cluster) metered() []metered {
	return []metered{
		{&metricsv1beta1.NodeMetrics{}, &metricsv1beta1.NodeMetricsList{}, "node", false, c.nodeMetrics},
		{&metricsv1beta1.PodMetrics{}, &metricsv1beta1.PodMetricsList{}, "pod", true, c.podMetrics},
	}
}

func measured(u sandbox.Usage) corev1.ResourceList {
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewMilliQuantity(int64(u.CPU*1000), resource.DecimalSI),
		corev1.ResourceMemory: *resource.NewQuantity(u.Memory*mib, resource.BinarySI),
	}
}

func (c *Cluster) nodeMetrics(_ string, s labels.Selector) (out []runtime.Object) {
	uses := map[string]sandbox.Machine{}
	for _, m := range c.world.Machines(c.o.Name) {
		uses[m.Name] = m
	}
	for _, n := range All[*corev1.Node](c, "") {
		if m, ok := uses[n.Name]; ok && m.Up && s.Matches(labels.Set(n.Labels)) {
			out = append(out, &metricsv1beta1.NodeMetrics{
				ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: n.Labels, CreationTimestamp: c.now()},
				Timestamp:  c.now(), Window: metav1.Duration{Duration: 10 * time.Second}, Usage: measured(m.Uses),
			})
		}
	}
	return out
}

func (c *Cluster) podMetrics(namespace string, s labels.Selector) (out []runtime.Object) {
	for _, p := range All[*corev1.Pod](c, namespace) {
		if p.Status.Phase != corev1.PodRunning || !s.Matches(labels.Set(p.Labels)) {
			continue
		}
		m := &metricsv1beta1.PodMetrics{
			ObjectMeta: metav1.ObjectMeta{Namespace: p.Namespace, Name: p.Name, Labels: p.Labels, CreationTimestamp: c.now()},
			Timestamp:  c.now(), Window: metav1.Duration{Duration: 10 * time.Second},
		}
		for _, one := range p.Spec.Containers {
			if proc, err := c.world.Process(c.id(p, one.Name)); err == nil && proc.State == sandbox.Up {
				m.Containers = append(m.Containers, metricsv1beta1.ContainerMetrics{Name: one.Name, Usage: measured(proc.Uses)})
			}
		}
		if len(m.Containers) > 0 {
			out = append(out, m)
		}
	}
	return out
}

// New implements rest.Storage.
func (m metered) New() runtime.Object { return fresh(m.of) }

// Destroy implements rest.Storage.
func (metered) Destroy() {}

// Kind implements rest.KindProvider.
func (m metered) Kind() string {
	return map[bool]string{true: "PodMetrics", false: "NodeMetrics"}[m.scoped]
}

// NewList implements rest.Lister.
func (m metered) NewList() runtime.Object { return fresh(m.list) }

// NamespaceScoped implements rest.Scoper.
func (m metered) NamespaceScoped() bool { return m.scoped }

// GetSingularName implements rest.SingularNameProvider.
func (m metered) GetSingularName() string { return m.name }

// List implements rest.Lister.
func (m metered) List(ctx context.Context, o *metainternalversion.ListOptions) (runtime.Object, error) {
	s := labels.Everything()
	if o != nil && o.LabelSelector != nil {
		s = o.LabelSelector
	}
	list := fresh(m.list)
	return list, meta.SetList(list, m.read(namespaceOf(ctx), s))
}

// Get implements rest.Getter.
func (m metered) Get(ctx context.Context, name string, _ *metav1.GetOptions) (runtime.Object, error) {
	for _, obj := range m.read(namespaceOf(ctx), labels.Everything()) {
		if metaOf(obj).GetName() == name {
			return obj, nil
		}
	}
	return nil, apierrors.NewNotFound(schema.GroupResource{Group: metricsv1beta1.GroupName, Resource: m.name + "s"}, name)
}

// ConvertToTable implements rest.TableConvertor.
func (m metered) ConvertToTable(ctx context.Context, obj, o runtime.Object) (*metav1.Table, error) {
	return rest.NewDefaultTableConvertor(schema.GroupResource{Group: metricsv1beta1.GroupName, Resource: m.name + "s"}).ConvertToTable(ctx, obj, o)
}
