package kube

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// invalid says of a value whatever is wrong with it.
func invalid(at *field.Path, value any, why []string) (out field.ErrorList) {
	for _, one := range why {
		out = append(out, field.Invalid(at, value, one))
	}
	return out
}

// named says what is wrong with the name of one of several things, of which no two may
// have the same.
func named(at *field.Path, name string, seen map[string]bool, valid func(string) []string) field.ErrorList {
	switch {
	case name == "":
		return field.ErrorList{field.Required(at, "")}
	case seen[name]:
		return field.ErrorList{field.Duplicate(at, name)}
	}
	seen[name] = true
	return invalid(at, name, valid(name))
}

// validPodSpec says what is wrong with a pod, which may be started again as is listed.
func validPodSpec(s *corev1.PodSpec, at *field.Path, restarts ...corev1.RestartPolicy) (out field.ErrorList) {
	volumes, names := map[string]bool{}, map[string]bool{}
	for i, v := range s.Volumes {
		out = append(out, named(at.Child("volumes").Index(i).Child("name"), v.Name, volumes, validation.IsDNS1123Label)...)
	}
	if len(s.Containers) == 0 {
		out = append(out, field.Required(at.Child("containers"), ""))
	}
	for i := range s.Containers {
		at := at.Child("containers").Index(i)
		out = append(out, named(at.Child("name"), s.Containers[i].Name, names, validation.IsDNS1123Label)...)
		out = append(out, validContainer(&s.Containers[i], at, volumes)...)
	}
	for i := range s.InitContainers {
		at := at.Child("initContainers").Index(i)
		out = append(out, named(at.Child("name"), s.InitContainers[i].Name, names, validation.IsDNS1123Label)...)
		out = append(out, validContainer(&s.InitContainers[i], at, volumes)...)
	}
	if !slices.Contains(restarts, s.RestartPolicy) {
		out = append(out, field.NotSupported(at.Child("restartPolicy"), s.RestartPolicy, restarts))
	}
	out = append(out, metavalidation.ValidateLabels(s.NodeSelector, at.Child("nodeSelector"))...)
	for i, t := range s.Tolerations {
		if t.Key != "" {
			out = append(out, metavalidation.ValidateLabelName(t.Key, at.Child("tolerations").Index(i).Child("key"))...)
		}
	}
	return out
}

func validContainer(c *corev1.Container, at *field.Path, volumes map[string]bool) (out field.ErrorList) {
	switch trimmed := strings.TrimSpace(c.Image); {
	case trimmed == "":
		out = append(out, field.Required(at.Child("image"), ""))
	case trimmed != c.Image:
		out = append(out, field.Invalid(at.Child("image"), c.Image, "must not have leading or trailing whitespace"))
	}
	if pulls := []corev1.PullPolicy{corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever}; !slices.Contains(pulls, c.ImagePullPolicy) {
		out = append(out, field.NotSupported(at.Child("imagePullPolicy"), c.ImagePullPolicy, pulls))
	}
	for i, p := range c.Ports {
		at := at.Child("ports").Index(i)
		if p.Name != "" {
			out = append(out, invalid(at.Child("name"), p.Name, validation.IsValidPortName(p.Name))...)
		}
		out = append(out, invalid(at.Child("containerPort"), p.ContainerPort, validation.IsValidPortNum(int(p.ContainerPort)))...)
	}
	for i, e := range c.Env {
		out = append(out, named(at.Child("env").Index(i).Child("name"), e.Name, map[string]bool{}, validation.IsRelaxedEnvVarName)...)
	}
	for i, m := range c.VolumeMounts {
		at := at.Child("volumeMounts").Index(i)
		if !volumes[m.Name] {
			out = append(out, field.NotFound(at.Child("name"), m.Name))
		}
		if m.MountPath == "" {
			out = append(out, field.Required(at.Child("mountPath"), ""))
		}
	}
	out = append(out, validProbe(c.LivenessProbe, at.Child("livenessProbe"))...)
	out = append(out, validProbe(c.ReadinessProbe, at.Child("readinessProbe"))...)
	out = append(out, validProbe(c.StartupProbe, at.Child("startupProbe"))...)
	return append(out, validResources(&c.Resources, at.Child("resources"))...)
}

func validProbe(p *corev1.Probe, at *field.Path) (out field.ErrorList) {
	if p == nil {
		return nil
	}
	if p.ProbeHandler == (corev1.ProbeHandler{}) {
		out = append(out, field.Required(at, "must specify a handler type"))
	}
	for _, n := range []struct {
		name string
		is   int32
	}{{"initialDelaySeconds", p.InitialDelaySeconds}, {"timeoutSeconds", p.TimeoutSeconds}, {"periodSeconds", p.PeriodSeconds}, {"successThreshold", p.SuccessThreshold}, {"failureThreshold", p.FailureThreshold}} {
		out = append(out, apivalidation.ValidateNonnegativeField(int64(n.is), at.Child(n.name))...)
	}
	return out
}

func validResources(r *corev1.ResourceRequirements, at *field.Path) (out field.ErrorList) {
	for _, name := range slices.Sorted(maps.Keys(r.Limits)) {
		if most := r.Limits[name]; most.Sign() < 0 {
			out = append(out, field.Invalid(at.Child("limits").Key(string(name)), most.String(), apivalidation.IsNegativeErrorMsg))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		asked := r.Requests[name]
		most, limited := r.Limits[name]
		switch {
		case asked.Sign() < 0:
			out = append(out, field.Invalid(at.Child("requests").Key(string(name)), asked.String(), apivalidation.IsNegativeErrorMsg))
		case limited && asked.Cmp(most) > 0:
			out = append(out, field.Invalid(at.Child("requests"), asked.String(), "must be less than or equal to "+string(name)+" limit of "+most.String()))
		}
	}
	return out
}

// validPod lets nothing of a pod be changed but what the real server lets be: its
// images, its deadline, more tolerations.
func validPod(obj, old runtime.Object) field.ErrorList {
	p, at := obj.(*corev1.Pod), field.NewPath("spec")
	out := validPodSpec(&p.Spec, at, corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)
	if old == nil {
		return out
	}
	was := old.(*corev1.Pod).Spec.DeepCopy()
	for i := range was.Containers {
		if i < len(p.Spec.Containers) {
			was.Containers[i].Image = p.Spec.Containers[i].Image
		}
	}
	was.ActiveDeadlineSeconds, was.Tolerations, was.TerminationGracePeriodSeconds = p.Spec.ActiveDeadlineSeconds, p.Spec.Tolerations, p.Spec.TerminationGracePeriodSeconds
	if !apiequality.Semantic.DeepEqual(was, &p.Spec) {
		out = append(out, field.Forbidden(at, "pod updates may not change fields other than `spec.containers[*].image`, `spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to existing tolerations)"))
	}
	return out
}
