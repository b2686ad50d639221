package kube

import (
	"context"
	"fmt"
	"reflect"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/registry/rest"
)

// scale is how many there are of something, and are to be, whatever it is.
type scale struct{ store *registry.Store }

// New implements rest.Storage.
func (scale) New() runtime.Object { return &autoscalingv1.Scale{} }

// Destroy implements rest.Storage.
func (scale) Destroy() {}

// GroupVersionKind implements rest.GroupVersionKindProvider.
func (scale) GroupVersionKind(schema.GroupVersion) schema.GroupVersionKind {
	return autoscalingv1.SchemeGroupVersion.WithKind("Scale")
}

// Get implements rest.Getter.
func (s scale) Get(ctx context.Context, name string, o *metav1.GetOptions) (runtime.Object, error) {
	obj, err := s.store.Get(ctx, name, o)
	if err != nil {
		return nil, err
	}
	return scaleOf(obj), nil
}

// Update implements rest.Updater.
func (s scale) Update(ctx context.Context, name string, info rest.UpdatedObjectInfo, _ rest.ValidateObjectFunc, valid rest.ValidateObjectUpdateFunc, _ bool, o *metav1.UpdateOptions) (runtime.Object, bool, error) {
	obj, _, err := s.store.Update(ctx, name, scaled{info}, nil, func(context.Context, runtime.Object, runtime.Object) error { return nil }, false, o)
	if err != nil {
		return nil, false, err
	}
	return scaleOf(obj), false, nil
}

// ConvertToTable implements rest.TableConvertor.
func (scale) ConvertToTable(ctx context.Context, obj, o runtime.Object) (*metav1.Table, error) {
	return rest.NewDefaultTableConvertor(schema.GroupResource{Group: autoscalingv1.GroupName, Resource: "scales"}).ConvertToTable(ctx, obj, o)
}

// scaled is the change of a scale as one of the object behind it.
type scaled struct{ info rest.UpdatedObjectInfo }

// Preconditions implements rest.UpdatedObjectInfo.
func (s scaled) Preconditions() *metav1.Preconditions { return s.info.Preconditions() }

// UpdatedObject implements rest.UpdatedObjectInfo.
func (s scaled) UpdatedObject(ctx context.Context, old runtime.Object) (runtime.Object, error) {
	before := scaleOf(old)
	obj, err := s.info.UpdatedObject(ctx, before)
	if err != nil {
		return nil, err
	}
	now, ok := obj.(*autoscalingv1.Scale)
	switch {
	case !ok:
		return nil, apierrors.NewBadRequest(fmt.Sprintf("expected a Scale, not %T", obj))
	case now.Spec.Replicas < 0:
		return nil, apierrors.NewBadRequest(fmt.Sprintf("spec.replicas: Invalid value: %d: must be greater than or equal to 0", now.Spec.Replicas))
	}
	out := old.DeepCopyObject()
	setReplicas(out, now.Spec.Replicas)
	if v := now.ResourceVersion; v != "" {
		metaOf(out).SetResourceVersion(v)
	}
	return out, nil
}

func setReplicas(obj runtime.Object, n int32) {
	spec, _ := part(obj, "Spec")
	if f, ok := spec.Interface().(Fields); ok {
		if f == nil {
			f = Fields{}
		}
		f["replicas"] = int64(n)
		spec.Set(reflect.ValueOf(f))
		return
	}
	spec.FieldByName("Replicas").Set(reflect.ValueOf(&n))
}

func scaleOf(obj runtime.Object) *autoscalingv1.Scale {
	m := metaOf(obj)
	out := &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{
		Namespace: m.GetNamespace(), Name: m.GetName(), UID: m.GetUID(), ResourceVersion: m.GetResourceVersion(), CreationTimestamp: m.GetCreationTimestamp(),
	}}
	spec, _ := part(obj, "Spec")
	status, _ := part(obj, "Status")
	if f, ok := spec.Interface().(Fields); ok {
		of, _ := status.Interface().(Fields)
		out.Spec.Replicas, out.Status.Replicas = f.Int("replicas"), of.Int("replicas")
		out.Status.Selector, _ = of["selector"].(string)
		return out
	}
	if n, ok := spec.FieldByName("Replicas").Interface().(*int32); ok && n != nil {
		out.Spec.Replicas = *n
	}
	out.Status.Replicas = int32(status.FieldByName("Replicas").Int()) //nolint:gosec // it is one
	if of, ok := spec.FieldByName("Selector").Interface().(*metav1.LabelSelector); ok {
		out.Status.Selector = metav1.FormatLabelSelector(of)
	}
	return out
}
