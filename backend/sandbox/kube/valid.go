package kube

import (
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// selectorOf is by what a set knows its pods; nil where there is no set.
func selectorOf(set runtime.Object) *metav1.LabelSelector {
	if set == nil {
		return nil
	}
	spec, _ := part(set, "Spec")
	of, _ := spec.FieldByName("Selector").Interface().(*metav1.LabelSelector)
	return of
}

// validSet says what is wrong with what makes pods for as long as it is there: was is
// its selector before, nil where it is new.
func validSet(selector, was *metav1.LabelSelector, t *corev1.PodTemplateSpec, replicas *int32) (out field.ErrorList) {
	at := field.NewPath("spec")
	s, err := metav1.LabelSelectorAsSelector(selector)
	switch {
	case selector == nil:
		out = append(out, field.Required(at.Child("selector"), ""))
	case err != nil:
		out = append(out, field.Invalid(at.Child("selector"), selector, err.Error()))
	}
	if err == nil && (s.Empty() || !s.Matches(labels.Set(t.Labels))) {
		out = append(out, field.Invalid(at.Child("template", "metadata", "labels"), t.Labels, "`selector` does not match template `labels`"))
	}
	if replicas != nil {
		out = append(out, apivalidation.ValidateNonnegativeField(int64(*replicas), at.Child("replicas"))...)
	}
	if was != nil && !apiequality.Semantic.DeepEqual(selector, was) {
		out = append(out, field.Invalid(at.Child("selector"), selector, "field is immutable"))
	}
	return append(out, validTemplate(t, corev1.RestartPolicyAlways)...)
}

func validTemplate(t *corev1.PodTemplateSpec, restarts ...corev1.RestartPolicy) field.ErrorList {
	at := field.NewPath("spec", "template")
	out := metavalidation.ValidateLabels(t.Labels, at.Child("labels"))
	out = append(out, apivalidation.ValidateAnnotations(t.Annotations, at.Child("annotations"))...)
	return append(out, validPodSpec(&t.Spec, at.Child("spec"), restarts...)...)
}

func validDeployment(obj, old runtime.Object) field.ErrorList {
	d := obj.(*appsv1.Deployment)
	out := validSet(d.Spec.Selector, selectorOf(old), &d.Spec.Template, d.Spec.Replicas)
	if u := d.Spec.Strategy.RollingUpdate; u != nil && zero(u.MaxUnavailable) && zero(u.MaxSurge) {
		out = append(out, field.Invalid(field.NewPath("spec", "strategy", "rollingUpdate", "maxUnavailable"), u.MaxUnavailable, "may not be 0 when `maxSurge` is 0"))
	}
	return out
}

// zero says whether a number, or a share, is none.
func zero(n *intstr.IntOrString) bool { return n == nil || n.String() == "0" || n.String() == "0%" }

func validReplicaSet(obj, old runtime.Object) field.ErrorList {
	r := obj.(*appsv1.ReplicaSet)
	return validSet(r.Spec.Selector, selectorOf(old), &r.Spec.Template, r.Spec.Replicas)
}

// validStatefulSet knows of the volumes that a pod of it will have.
func validStatefulSet(obj, old runtime.Object) field.ErrorList {
	s := obj.(*appsv1.StatefulSet)
	t := s.Spec.Template
	t.Spec.Volumes = slices.Clone(t.Spec.Volumes)
	for _, claim := range s.Spec.VolumeClaimTemplates {
		t.Spec.Volumes = append(slices.DeleteFunc(t.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == claim.Name }), corev1.Volume{Name: claim.Name})
	}
	return validSet(s.Spec.Selector, selectorOf(old), &t, s.Spec.Replicas)
}

func validDaemonSet(obj, old runtime.Object) field.ErrorList {
	d := obj.(*appsv1.DaemonSet)
	out := validSet(d.Spec.Selector, selectorOf(old), &d.Spec.Template, nil)
	if d.Spec.Selector == nil {
		out = out[1:] // it is not asked for, only that it matches
	}
	if u := d.Spec.UpdateStrategy.RollingUpdate; u != nil && zero(u.MaxUnavailable) && zero(u.MaxSurge) {
		out = append(out, field.Required(field.NewPath("spec", "updateStrategy", "rollingUpdate", "maxUnavailable"), "cannot be 0 when maxSurge is 0"))
	}
	return out
}

func validJob(obj, _ runtime.Object) (out field.ErrorList) {
	j, at := obj.(*batchv1.Job), field.NewPath("spec")
	out = append(out, apivalidation.ValidateNonnegativeField(int64(deref(j.Spec.Parallelism)), at.Child("parallelism"))...)
	out = append(out, apivalidation.ValidateNonnegativeField(int64(deref(j.Spec.Completions)), at.Child("completions"))...)
	out = append(out, apivalidation.ValidateNonnegativeField(int64(deref(j.Spec.BackoffLimit)), at.Child("backoffLimit"))...)
	if j.Spec.Template.Spec.RestartPolicy == corev1.RestartPolicyAlways {
		out = append(out, field.Required(at.Child("template", "spec", "restartPolicy"), `valid values: "OnFailure", "Never"`))
	}
	return append(out, validTemplate(&j.Spec.Template, corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)...)
}

func validService(obj, old runtime.Object) (out field.ErrorList) {
	s, at := obj.(*corev1.Service), field.NewPath("spec")
	kinds := []corev1.ServiceType{corev1.ServiceTypeClusterIP, corev1.ServiceTypeExternalName, corev1.ServiceTypeLoadBalancer, corev1.ServiceTypeNodePort}
	switch {
	case !slices.Contains(kinds, s.Spec.Type):
		out = append(out, field.NotSupported(at.Child("type"), s.Spec.Type, kinds))
	case s.Spec.Type == corev1.ServiceTypeExternalName && s.Spec.ExternalName == "":
		out = append(out, field.Required(at.Child("externalName"), ""))
	case s.Spec.Type != corev1.ServiceTypeExternalName && s.Spec.ClusterIP != corev1.ClusterIPNone && len(s.Spec.Ports) == 0:
		out = append(out, field.Required(at.Child("ports"), ""))
	}
	seen := map[string]bool{}
	for i, p := range s.Spec.Ports {
		at := at.Child("ports").Index(i)
		if p.Name != "" || len(s.Spec.Ports) > 1 {
			out = append(out, named(at.Child("name"), p.Name, seen, validation.IsDNS1123Label)...)
		}
		out = append(out, invalid(at.Child("port"), p.Port, validation.IsValidPortNum(int(p.Port)))...)
		if p.TargetPort.Type == intstr.Int {
			out = append(out, invalid(at.Child("targetPort"), p.TargetPort.IntValue(), validation.IsValidPortNum(p.TargetPort.IntValue()))...)
		} else {
			out = append(out, invalid(at.Child("targetPort"), p.TargetPort.String(), validation.IsValidPortName(p.TargetPort.String()))...)
		}
	}
	if old != nil {
		was := old.(*corev1.Service).Spec
		if was.Type == s.Spec.Type && was.ClusterIP != "" && was.ClusterIP != s.Spec.ClusterIP {
			out = append(out, field.Invalid(at.Child("clusterIPs").Index(0), s.Spec.ClusterIPs, "may not change once set"))
		}
	}
	return out
}

func validClaim(obj, _ runtime.Object) (out field.ErrorList) {
	c, at := obj.(*corev1.PersistentVolumeClaim), field.NewPath("spec")
	if len(c.Spec.AccessModes) == 0 {
		out = append(out, field.Required(at.Child("accessModes"), "at least 1 access mode is required"))
	}
	if _, ok := c.Spec.Resources.Requests[corev1.ResourceStorage]; !ok {
		out = append(out, field.Required(at.Child("resources").Key(string(corev1.ResourceStorage)), ""))
	}
	return out
}

// validKeys says what is wrong with what files are called that are made of values.
func validKeys[T any](of map[string]T, name string) (out field.ErrorList) {
	for _, key := range slices.Sorted(maps.Keys(of)) {
		out = append(out, invalid(field.NewPath(name).Key(key), key, validation.IsConfigMapKey(key))...)
	}
	return out
}

func validConfig(obj, _ runtime.Object) field.ErrorList {
	c := obj.(*corev1.ConfigMap)
	return append(validKeys(c.Data, "data"), validKeys(c.BinaryData, "binaryData")...)
}

func validSecret(obj, _ runtime.Object) field.ErrorList {
	return validKeys(obj.(*corev1.Secret).Data, "data")
}

func validBudget(obj, _ runtime.Object) (out field.ErrorList) {
	b, at := obj.(*policyv1.PodDisruptionBudget), field.NewPath("spec")
	if b.Spec.MinAvailable != nil && b.Spec.MaxUnavailable != nil {
		out = append(out, field.Invalid(at, struct { // as the server has it inside
			MinAvailable               *intstr.IntOrString
			Selector                   *metav1.LabelSelector
			MaxUnavailable             *intstr.IntOrString
			UnhealthyPodEvictionPolicy *policyv1.UnhealthyPodEvictionPolicyType
		}{b.Spec.MinAvailable, b.Spec.Selector, b.Spec.MaxUnavailable, b.Spec.UnhealthyPodEvictionPolicy}, "minAvailable and maxUnavailable cannot be both set"))
	}
	out = append(out, validShare(b.Spec.MinAvailable, at.Child("minAvailable"))...)
	return append(out, validShare(b.Spec.MaxUnavailable, at.Child("maxUnavailable"))...)
}

// validShare says what is wrong with a number, or a share, of pods; nil is neither.
func validShare(n *intstr.IntOrString, at *field.Path) field.ErrorList {
	switch {
	case n == nil:
		return nil
	case n.Type == intstr.String:
		return invalid(at, n.String(), validation.IsValidPercent(n.String()))
	}
	return apivalidation.ValidateNonnegativeField(int64(n.IntValue()), at)
}

func validIngress(obj, _ runtime.Object) field.ErrorList {
	if i := obj.(*networkingv1.Ingress); i.Spec.DefaultBackend == nil && len(i.Spec.Rules) == 0 {
		return field.ErrorList{field.Invalid(field.NewPath("spec"), nil, "either `defaultBackend` or `rules` must be specified")}
	}
	return nil
}

func validClass(obj, _ runtime.Object) field.ErrorList {
	if obj.(*storagev1.StorageClass).Provisioner == "" {
		return field.ErrorList{field.Required(field.NewPath("provisioner"), "")}
	}
	return nil
}
