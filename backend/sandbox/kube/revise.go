package kube

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// revise keeps the versions that a stateful set or a daemon set has had, as what takes
// it back is made from: the current one has the highest number, and of the others no
// more are kept than is asked for. It gives the name of the current one.
func (c *Cluster) revise(set runtime.Object, t *corev1.PodTemplateSpec, keep *int32, live map[string]bool) string {
	m := metaOf(set)
	hash := TemplateHash(t)
	name := m.GetName() + "-" + hash
	all := Owned[*appsv1.ControllerRevision](c, m)
	slices.SortFunc(all, func(a, b *appsv1.ControllerRevision) int { return cmp.Compare(a.Revision, b.Revision) })
	next := int64(1)
	if len(all) > 0 {
		next = all[len(all)-1].Revision + 1
	}
	switch i := slices.IndexFunc(all, func(r *appsv1.ControllerRevision) bool { return r.Name == name }); {
	case i < 0:
		labels := map[string]string{"controller.kubernetes.io/hash": hash}
		maps.Copy(labels, t.Labels)
		annotations := maps.Clone(m.GetAnnotations())
		delete(annotations, corev1.LastAppliedConfigAnnotation)
		c.Put(&appsv1.ControllerRevision{
			ObjectMeta: metav1.ObjectMeta{Namespace: m.GetNamespace(), Name: name, Labels: labels, Annotations: annotations, OwnerReferences: c.owner(set)},
			Data:       runtime.RawExtension{Raw: patchTo(t)}, Revision: next,
		})
	case i < len(all)-1:
		Change(c, m.GetNamespace(), name, func(r *appsv1.ControllerRevision) { r.Revision = next })
	}
	old := slices.DeleteFunc(all, func(r *appsv1.ControllerRevision) bool { return r.Name == name || live[r.Name] })
	for keep != nil && len(old) > int(*keep) {
		c.Remove(old[0])
		old = old[1:]
	}
	return name
}

// patchTo is the patch that makes a set have a template.
func patchTo(t *corev1.PodTemplateSpec) []byte {
	var template map[string]any
	b, err := json.Marshal(t)
	if err == nil {
		err = json.Unmarshal(b, &template)
	}
	if err != nil {
		panic(fmt.Sprintf("a pod template that is no JSON: %v", err))
	}
	template["$patch"] = "replace"
	b, err = json.Marshal(map[string]any{"spec": map[string]any{"template": template}})
	if err != nil {
		panic(fmt.Sprintf("a pod template that is no JSON: %v", err))
	}
	return b
}

func revisionColumns() []Column {
	return []Column{
		ColumnOf("Controller", func(r *appsv1.ControllerRevision) any {
			if o := metav1.GetControllerOf(r); o != nil {
				group, _, _ := strings.Cut(o.APIVersion, "/")
				return fmt.Sprintf("%s.%s/%s", strings.ToLower(o.Kind), group, o.Name)
			}
			return "<none>"
		}),
		ColumnOf("Revision", func(r *appsv1.ControllerRevision) any { return r.Revision }),
	}
}
