package kube

import (
	"context"
	"fmt"
	"path"
	"reflect"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	genericapirequest "k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/generic/registry"
	"k8s.io/apiserver/pkg/storage"
	"k8s.io/apiserver/pkg/storage/names"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// A Kind is one kind of object that a cluster has, and what its API knows of it.
type Kind struct {
	schema.GroupVersion
	Kind, Resource string // Pod, pods
	Short          []string
	Namespaced     bool
	Object, List   runtime.Object // empty ones

	Categories []string
	Status     bool                                          // its status is written apart from the rest
	Scale      bool                                          // spec.replicas is a scale
	JSON       bool                                          // it is not spoken in protobuf
	Numbered   bool                                          // changes of what is meant are counted in its generation; those of JSON are anyway
	Columns    []Column                                      // beside name and age
	Bare       bool                                          // it is shown without these two
	Fields     map[string]func(runtime.Object) string        // by which it can be selected, besides name and namespace
	Default    func(runtime.Object)                          // fills in what was left out; may be nil
	Called     apivalidation.ValidateNameFunc                // how its objects may be; nil: as a DNS subdomain
	Valid      func(obj, old runtime.Object) field.ErrorList // old: nil when it is new; may be nil
	Grace      func(runtime.Object) int64                    // seconds that it is given to end; nil: none
}

// prefix is where the objects of a kind lie in the memory.
func (k Kind) prefix() string { return "/" + path.Join(k.Group, k.Resource) }

// key is where one of them lies.
func (k Kind) key(namespace, name string) string { return path.Join(k.prefix(), namespace, name) }

func (k Kind) gvk() schema.GroupVersionKind { return k.WithKind(k.Kind) }

func fresh(obj runtime.Object) runtime.Object {
	return reflect.New(reflect.TypeOf(obj).Elem()).Interface().(runtime.Object)
}

// part is a field of an object: Spec or Status; not ok where it has none.
func part(obj runtime.Object, name string) (v reflect.Value, ok bool) {
	v = reflect.ValueOf(obj).Elem().FieldByName(name)
	return v, v.IsValid()
}

// called is what its objects may be called.
func (k Kind) called() apivalidation.ValidateNameFunc {
	if k.Called == nil {
		return apivalidation.NameIsDNSSubdomain
	}
	return k.Called
}

// numbered says whether the objects of a kind have generations.
func (k Kind) numbered() bool { return k.Numbered || k.JSON }

// begin gives an object that is new its first generation.
func (k Kind) begin(obj runtime.Object) {
	if !k.numbered() {
		return
	}
	metaOf(obj).SetGeneration(1)
	if d, ok := obj.(*appsv1.DaemonSet); ok {
		d.Annotations = Copied(d.Annotations)
		d.Annotations[generationMark] = "1"
	}
}

// count gives an object the next generation where something else is meant by it than
// before.
func (k Kind) count(obj, old runtime.Object) {
	now, was := metaOf(obj), metaOf(old)
	now.SetGeneration(was.GetGeneration())
	if k.numbered() && !apiequality.Semantic.DeepEqual(meant(obj), meant(old)) {
		now.SetGeneration(was.GetGeneration() + 1)
	}
	if d, ok := obj.(*appsv1.DaemonSet); ok {
		before := old.(*appsv1.DaemonSet)
		n, _ := strconv.Atoi(before.Annotations[generationMark])
		if !apiequality.Semantic.DeepEqual(d.Spec.Template, before.Spec.Template) {
			n++
		}
		d.Annotations = Copied(d.Annotations)
		d.Annotations[generationMark] = strconv.Itoa(max(n, 1))
	}
}

// meant is what of an object says how it is to be.
func meant(obj runtime.Object) []any {
	if s, ok := obj.(*discoveryv1.EndpointSlice); ok {
		return []any{s.AddressType, s.Endpoints, s.Ports, s.Labels}
	}
	var out []any
	if spec, ok := part(obj, "Spec"); ok {
		out = append(out, spec.Interface())
	}
	if d, ok := obj.(*appsv1.Deployment); ok {
		out = append(out, d.Annotations) // its replica sets have them, too
	}
	return out
}

// attributes are what a kind's objects can be selected by.
func (k Kind) attributes(obj runtime.Object) (labels.Set, fields.Set, error) {
	m, err := meta.Accessor(obj)
	if err != nil {
		return nil, nil, fmt.Errorf("select by: %w", err)
	}
	set := fields.Set{"metadata.name": m.GetName()}
	if k.Namespaced {
		set["metadata.namespace"] = m.GetNamespace()
	}
	for name, of := range k.Fields {
		set[name] = of(obj)
	}
	return m.GetLabels(), set, nil
}

// store is the registry of a kind.
func (k Kind) store(m *memory, scheme *runtime.Scheme) *registry.Store {
	s := strategy{ObjectTyper: scheme, NameGenerator: names.SimpleNameGenerator, kind: k}
	prefix := k.prefix()
	out := &registry.Store{
		NewFunc:                   func() runtime.Object { return fresh(k.Object) },
		NewListFunc:               func() runtime.Object { return fresh(k.List) },
		DefaultQualifiedResource:  k.WithResource(k.Resource).GroupResource(),
		SingularQualifiedResource: k.WithResource(strings.ToLower(k.Kind)).GroupResource(),
		KeyRootFunc:               func(ctx context.Context) string { return registry.NamespaceKeyRootFunc(ctx, prefix) },
		KeyFunc: func(ctx context.Context, name string) (string, error) {
			if k.Namespaced {
				return registry.NamespaceKeyFunc(ctx, prefix, name)
			}
			return registry.NoNamespaceKeyFunc(ctx, prefix, name)
		},
		ObjectNameFunc: func(obj runtime.Object) (string, error) { return metaOf(obj).GetName(), nil },
		PredicateFunc: func(l labels.Selector, f fields.Selector) storage.SelectionPredicate {
			return storage.SelectionPredicate{Label: l, Field: f, GetAttrs: k.attributes}
		},
		EnableGarbageCollection: true,
		CreateStrategy:          s, UpdateStrategy: s, DeleteStrategy: s, ResetFieldsStrategy: s,
		TableConvertor: tables{k},
	}
	out.Storage.Storage = shelf{memory: m, kind: out.NewFunc}
	out.Storage.Codec = serializer.NewCodecFactory(scheme).LegacyCodec(k.GroupVersion) // with which a dry run copies
	if !k.Namespaced {
		out.KeyRootFunc = func(context.Context) string { return prefix }
	}
	return out
}

// A strategy is what is done to an object before it is written.
type strategy struct {
	runtime.ObjectTyper
	names.NameGenerator
	kind   Kind
	status bool // only the status is written
}

// NamespaceScoped implements the strategies of package rest.
func (s strategy) NamespaceScoped() bool { return s.kind.Namespaced }

// PrepareForCreate implements rest.RESTCreateStrategy.
func (s strategy) PrepareForCreate(_ context.Context, obj runtime.Object) {
	s.kind.begin(obj)
	if v, ok := part(obj, "Status"); ok && s.kind.Status {
		v.SetZero()
	}
	if s.kind.Default != nil {
		s.kind.Default(obj)
	}
}

// PrepareForUpdate implements rest.RESTUpdateStrategy.
func (s strategy) PrepareForUpdate(_ context.Context, obj, old runtime.Object) {
	now, before := reflect.ValueOf(obj).Elem(), reflect.ValueOf(old).Elem()
	if s.status {
		status, _ := part(obj, "Status")
		kept := reflect.New(status.Type()).Elem()
		kept.Set(status)
		managed, rv := metaOf(obj).GetManagedFields(), metaOf(obj).GetResourceVersion()
		now.Set(before)
		status.Set(kept)
		metaOf(obj).SetManagedFields(managed)
		metaOf(obj).SetResourceVersion(rv)
		return
	}
	if s.kind.Status {
		status, _ := part(obj, "Status")
		was, _ := part(old, "Status")
		status.Set(was)
	}
	if s.kind.Default != nil {
		s.kind.Default(obj)
	}
	s.kind.count(obj, old)
}

// GetResetFields implements rest.ResetFieldsStrategy: who applies the one does not own
// the other.
func (s strategy) GetResetFields() map[fieldpath.APIVersion]*fieldpath.Set {
	if !s.kind.Status {
		return nil
	}
	reset := fieldpath.NewSet(fieldpath.MakePathOrDie("status"))
	if s.status {
		reset = fieldpath.NewSet(fieldpath.MakePathOrDie("spec"), fieldpath.MakePathOrDie("metadata", "labels"), fieldpath.MakePathOrDie("metadata", "annotations"))
	}
	return map[fieldpath.APIVersion]*fieldpath.Set{fieldpath.APIVersion(s.kind.GroupVersion.String()): reset}
}

// Validate implements rest.RESTCreateStrategy.
func (s strategy) Validate(_ context.Context, obj runtime.Object) field.ErrorList {
	out := apivalidation.ValidateObjectMetaAccessor(metaOf(obj), s.kind.Namespaced, s.kind.called(), field.NewPath("metadata"))
	for i, f := range metaOf(obj).GetFinalizers() {
		known := []string{metav1.FinalizerOrphanDependents, metav1.FinalizerDeleteDependents, string(corev1.FinalizerKubernetes)}
		if !s.kind.JSON && !strings.Contains(f, "/") && !slices.Contains(known, f) {
			out = append(out, field.Invalid(field.NewPath("metadata", "finalizers").Index(i), f, "name is neither a standard finalizer name nor is it fully qualified"))
		}
	}
	if s.kind.Valid != nil {
		out = append(out, s.kind.Valid(obj, nil)...)
	}
	return out
}

// ValidateUpdate implements rest.RESTUpdateStrategy.
func (s strategy) ValidateUpdate(_ context.Context, obj, old runtime.Object) field.ErrorList {
	out := apivalidation.ValidateObjectMetaAccessorUpdate(metaOf(obj), metaOf(old), field.NewPath("metadata"))
	if s.kind.Valid != nil && !s.status {
		out = append(out, s.kind.Valid(obj, old)...)
	}
	return out
}

// WarningsOnCreate implements rest.RESTCreateStrategy.
func (strategy) WarningsOnCreate(_ context.Context, obj runtime.Object) []string {
	use := "Pod names and hostnames"
	switch obj.(type) {
	case *corev1.Pod:
		use = "the Pod's hostname"
	case *appsv1.Deployment, *appsv1.ReplicaSet, *batchv1.Job:
	default:
		return nil
	}
	if why := validation.IsDNS1123Label(metaOf(obj).GetName()); len(why) > 0 {
		return []string{fmt.Sprintf("metadata.name: this is used in %s, which can result in surprising behavior; a DNS label is recommended: %v", use, why)}
	}
	return nil
}

// WarningsOnUpdate implements rest.RESTUpdateStrategy.
func (strategy) WarningsOnUpdate(context.Context, runtime.Object, runtime.Object) []string {
	return nil
}

// Canonicalize implements the strategies of package rest.
func (strategy) Canonicalize(runtime.Object) {}

// AllowCreateOnUpdate implements rest.RESTUpdateStrategy.
func (strategy) AllowCreateOnUpdate() bool { return false }

// AllowUnconditionalUpdate implements rest.RESTUpdateStrategy.
func (strategy) AllowUnconditionalUpdate() bool { return true }

// CheckGracefulDelete implements rest.RESTGracefulDeleteStrategy.
func (s strategy) CheckGracefulDelete(_ context.Context, obj runtime.Object, o *metav1.DeleteOptions) bool {
	if s.kind.Grace == nil || o == nil {
		return false
	}
	grace := s.kind.Grace(obj)
	if o.GracePeriodSeconds != nil && grace > 0 {
		grace = *o.GracePeriodSeconds
	}
	o.GracePeriodSeconds = &grace
	return true
}

// whole is the registry of a kind as discovery tells of it.
type whole struct {
	*registry.Store
	kind Kind
}

// ShortNames implements rest.ShortNamesProvider.
func (w whole) ShortNames() []string { return w.kind.Short }

// Categories implements rest.CategoriesProvider.
func (w whole) Categories() []string { return w.kind.Categories }

// statusOf is the registry of its status.
func (k Kind) statusOf(s *registry.Store) *status {
	of := *s
	st := s.UpdateStrategy.(strategy)
	st.status = true
	of.UpdateStrategy, of.ResetFieldsStrategy = st, st
	return &status{&of}
}

// A status is what of an object is written by whoever runs it.
type status struct{ store *registry.Store }

// namespaceOf is the namespace that a request is about.
func namespaceOf(ctx context.Context) string { return genericapirequest.NamespaceValue(ctx) }
