package kube

import (
	"fmt"
	"slices"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

func autoscalerColumns() []Column {
	type hpa = *autoscalingv2.HorizontalPodAutoscaler
	return []Column{
		ColumnOf("Reference", func(h hpa) any { return h.Spec.ScaleTargetRef.Kind + "/" + h.Spec.ScaleTargetRef.Name }),
		ColumnOf("Targets", func(h hpa) any { return targets(h) }),
		ColumnOf("MinPods", func(h hpa) any {
			if h.Spec.MinReplicas == nil {
				return "<unset>"
			}
			return fmt.Sprint(*h.Spec.MinReplicas)
		}),
		ColumnOf("MaxPods", func(h hpa) any { return h.Spec.MaxReplicas }),
		ColumnOf("Replicas", func(h hpa) any { return h.Status.CurrentReplicas }),
	}
}

// targets are what an autoscaler holds its pods to, and how they stand, as kubectl
// shows it: two of them, and how many there are more.
func targets(h *autoscalingv2.HorizontalPodAutoscaler) string {
	const shown = 2
	var out []string
	for i, m := range h.Spec.Metrics {
		name, target, ok := measuredBy(&m)
		if !ok {
			out = append(out, "<unknown>/"+foreign(&m))
			continue
		}
		is, want := "<unknown>", "<auto>"
		if i < len(h.Status.CurrentMetrics) {
			if current := currently(&h.Status.CurrentMetrics[i]); target.AverageValue != nil && current != nil {
				is = current.AverageValue.String()
			} else if current != nil && current.AverageUtilization != nil {
				is = fmt.Sprintf("%d%%", *current.AverageUtilization)
			}
		}
		switch {
		case target.AverageValue != nil:
			want = target.AverageValue.String()
		case target.AverageUtilization != nil:
			want = fmt.Sprintf("%d%%", *target.AverageUtilization)
		}
		out = append(out, fmt.Sprintf("%s: %s/%s", name, is, want))
	}
	switch {
	case len(out) == 0:
		return "<none>"
	case len(out) > shown:
		return fmt.Sprintf("%s + %d more...", strings.Join(out[:shown], ", "), len(out)-shown)
	}
	return strings.Join(out, ", ")
}

// foreign is the target of a metric that nobody here measures.
func foreign(m *autoscalingv2.MetricSpec) string {
	var t autoscalingv2.MetricTarget
	switch {
	case m.Pods != nil:
		return m.Pods.Target.AverageValue.String()
	case m.Object != nil:
		t = m.Object.Target
	case m.External != nil:
		t = m.External.Target
	}
	if t.AverageValue != nil {
		return t.AverageValue.String() + " (avg)"
	}
	return t.Value.String()
}

// measuredBy is what of the pods, or of a container of theirs, a metric is about; not ok
// where metrics-server knows nothing of it.
func measuredBy(m *autoscalingv2.MetricSpec) (of corev1.ResourceName, target autoscalingv2.MetricTarget, ok bool) {
	switch {
	case m.Resource != nil:
		return m.Resource.Name, m.Resource.Target, true
	case m.ContainerResource != nil:
		return m.ContainerResource.Name, m.ContainerResource.Target, true
	}
	return "", autoscalingv2.MetricTarget{}, false
}

func currently(m *autoscalingv2.MetricStatus) *autoscalingv2.MetricValueStatus {
	switch {
	case m.Resource != nil:
		return &m.Resource.Current
	case m.ContainerResource != nil:
		return &m.ContainerResource.Current
	}
	return nil
}

// The rules of an autoscaler that has some, but not all.
func rulesUp() *autoscalingv2.HPAScalingRules {
	most := autoscalingv2.MaxChangePolicySelect
	return &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: new(int32), SelectPolicy: &most, Policies: []autoscalingv2.HPAScalingPolicy{
		{Type: autoscalingv2.PodsScalingPolicy, Value: 4, PeriodSeconds: 15}, {Type: autoscalingv2.PercentScalingPolicy, Value: 100, PeriodSeconds: 15},
	}}
}

func rulesDown() *autoscalingv2.HPAScalingRules {
	most := autoscalingv2.MaxChangePolicySelect
	return &autoscalingv2.HPAScalingRules{SelectPolicy: &most, Policies: []autoscalingv2.HPAScalingPolicy{
		{Type: autoscalingv2.PercentScalingPolicy, Value: 100, PeriodSeconds: 15},
	}}
}

func defaultAutoscaler(obj runtime.Object) {
	s := &obj.(*autoscalingv2.HorizontalPodAutoscaler).Spec
	some(&s.MinReplicas, 1)
	if len(s.Metrics) == 0 {
		s.Metrics = []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
			Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: new(int32(80))},
		}}}
	}
	if s.Behavior == nil {
		return
	}
	s.Behavior.ScaleUp, s.Behavior.ScaleDown = wholeRules(s.Behavior.ScaleUp, rulesUp()), wholeRules(s.Behavior.ScaleDown, rulesDown())
}

// wholeRules are rules with what they leave out.
func wholeRules(r, with *autoscalingv2.HPAScalingRules) *autoscalingv2.HPAScalingRules {
	if r == nil {
		return with
	}
	if r.SelectPolicy == nil {
		r.SelectPolicy = with.SelectPolicy
	}
	if r.StabilizationWindowSeconds == nil {
		r.StabilizationWindowSeconds = with.StabilizationWindowSeconds
	}
	if r.Policies == nil {
		r.Policies = with.Policies
	}
	return r
}

func validAutoscaler(obj, _ runtime.Object) (out field.ErrorList) {
	s, at := obj.(*autoscalingv2.HorizontalPodAutoscaler).Spec, field.NewPath("spec")
	if *s.MinReplicas < 1 {
		out = append(out, field.Invalid(at.Child("minReplicas"), *s.MinReplicas, "must be greater than or equal to 1"))
	}
	switch {
	case s.MaxReplicas == 0:
		out = append(out, field.Required(at.Child("maxReplicas"), "must be set and greater than 0"))
	case s.MaxReplicas < 0:
		out = append(out, field.Invalid(at.Child("maxReplicas"), s.MaxReplicas, "must be greater than or equal to 1"))
	}
	if s.MaxReplicas < *s.MinReplicas {
		out = append(out, field.Invalid(at.Child("maxReplicas"), s.MaxReplicas, "must be greater than or equal to `minReplicas`"))
	}
	for name, value := range map[string]string{"kind": s.ScaleTargetRef.Kind, "name": s.ScaleTargetRef.Name} {
		if value == "" {
			out = append(out, field.Required(at.Child("scaleTargetRef", name), ""))
		}
	}
	for i := range s.Metrics {
		out = append(out, validMetric(&s.Metrics[i], at.Child("metrics").Index(i))...)
	}
	if s.Behavior != nil {
		out = append(out, validRules(s.Behavior.ScaleUp, at.Child("behavior", "scaleUp"))...)
		out = append(out, validRules(s.Behavior.ScaleDown, at.Child("behavior", "scaleDown"))...)
	}
	return out
}

func validMetric(m *autoscalingv2.MetricSpec, at *field.Path) (out field.ErrorList) {
	kinds := []autoscalingv2.MetricSourceType{
		autoscalingv2.ContainerResourceMetricSourceType, autoscalingv2.ExternalMetricSourceType, autoscalingv2.ObjectMetricSourceType, autoscalingv2.PodsMetricSourceType, autoscalingv2.ResourceMetricSourceType,
	}
	present := map[autoscalingv2.MetricSourceType]bool{
		kinds[0]: m.ContainerResource != nil, kinds[1]: m.External != nil, kinds[2]: m.Object != nil, kinds[3]: m.Pods != nil && m.Pods.Target.AverageValue != nil, kinds[4]: m.Resource != nil,
	}
	switch {
	case m.Type == "":
		return append(out, field.Required(at.Child("type"), "must specify a metric source type"))
	case !slices.Contains(kinds, m.Type):
		return append(out, field.NotSupported(at.Child("type"), m.Type, kinds))
	case !present[m.Type]:
		name := strings.ToLower(string(m.Type[:1])) + string(m.Type[1:])
		return append(out, field.Required(at.Child(name), "must populate information for the given metric source"))
	}
	_, t, ok := measuredBy(m)
	if !ok {
		return out
	}
	to := at.Child(strings.ToLower(string(m.Type[:1]))+string(m.Type[1:]), "target")
	if t.Type == "" {
		out = append(out, field.Required(to.Child("type"), "must specify a metric target type"))
	}
	if !slices.Contains([]autoscalingv2.MetricTargetType{autoscalingv2.UtilizationMetricType, autoscalingv2.ValueMetricType, autoscalingv2.AverageValueMetricType}, t.Type) {
		out = append(out, field.Invalid(to.Child("type"), t.Type, "must be either Utilization, Value, or AverageValue"))
	}
	if t.AverageValue != nil && t.AverageValue.Cmp(resource.Quantity{}) <= 0 {
		out = append(out, field.Invalid(to.Child("averageValue"), t.AverageValue, "must be positive"))
	}
	if t.AverageUtilization != nil && *t.AverageUtilization < 1 {
		out = append(out, field.Invalid(to.Child("averageUtilization"), *t.AverageUtilization, "must be greater than 0"))
	}
	switch {
	case t.AverageUtilization == nil && t.AverageValue == nil:
		out = append(out, field.Required(to.Child("averageUtilization"), "must set either a target raw value or a target utilization"))
	case t.AverageUtilization != nil && t.AverageValue != nil:
		out = append(out, field.Forbidden(to.Child("averageValue"), "may not set both a target raw value and a target utilization"))
	}
	return out
}

// longestWindow is how long an autoscaler may look back, in seconds.
const longestWindow = 3600

func validRules(r *autoscalingv2.HPAScalingRules, at *field.Path) (out field.ErrorList) {
	if n := deref(r.StabilizationWindowSeconds); n < 0 {
		out = append(out, field.Invalid(at.Child("stabilizationWindowSeconds"), n, "must be greater than or equal to zero"))
	} else if n > longestWindow {
		out = append(out, field.Invalid(at.Child("stabilizationWindowSeconds"), n, fmt.Sprintf("must be less than or equal to %d", longestWindow)))
	}
	choices := []autoscalingv2.ScalingPolicySelect{autoscalingv2.DisabledPolicySelect, autoscalingv2.MaxChangePolicySelect, autoscalingv2.MinChangePolicySelect}
	if !slices.Contains(choices, *r.SelectPolicy) {
		out = append(out, field.NotSupported(at.Child("selectPolicy"), *r.SelectPolicy, choices))
	}
	if len(r.Policies) == 0 {
		out = append(out, field.Required(at.Child("policies"), "must specify at least one Policy"))
	}
	for i, p := range r.Policies {
		at := at.Child("policies").Index(i)
		kinds := []autoscalingv2.HPAScalingPolicyType{autoscalingv2.PercentScalingPolicy, autoscalingv2.PodsScalingPolicy}
		if !slices.Contains(kinds, p.Type) {
			out = append(out, field.NotSupported(at.Child("type"), p.Type, kinds))
		}
		if p.Value <= 0 {
			out = append(out, field.Invalid(at.Child("value"), p.Value, "must be greater than zero"))
		}
		if p.PeriodSeconds <= 0 {
			out = append(out, field.Invalid(at.Child("periodSeconds"), p.PeriodSeconds, "must be greater than zero"))
		}
	}
	return out
}
