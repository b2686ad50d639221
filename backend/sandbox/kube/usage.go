package kube

import (
	"errors"
	"fmt"
	"math"
	"strings"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/labels"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

// need is how many pods one metric asks for, what it is called, and how it stands.
func (c *Cluster) need(namespace string, current int32, selector labels.Selector, m *autoscalingv2.MetricSpec, is *autoscalingv2.MetricStatus) (n int32, name string, err error) {
	of, target, ok := measuredBy(m)
	if !ok {
		return 0, "", unmeasured(namespace, m)
	}
	container, format, what := "", resource.DecimalSI, "usage"
	if m.ContainerResource != nil {
		container = m.ContainerResource.Container
	}
	if of == corev1.ResourceMemory {
		format = resource.BinarySI
	}
	if target.AverageValue == nil {
		what = "utilization"
	}
	l, err := c.load(namespace, selector, of, container, what == "utilization")
	if err != nil {
		return 0, "", fmt.Errorf("failed to get %s %s: %w", of, what, err)
	}
	_, share, each := l.ratio(target)
	now := autoscalingv2.MetricValueStatus{AverageValue: resource.NewMilliQuantity(each, format)}
	name = string(of)
	if container != "" {
		name += " container"
	}
	name += " resource"
	if what == "utilization" {
		now.AverageUtilization = &share
		name += " utilization (percentage of request)"
	}
	is.Type = m.Type
	if container == "" {
		is.Resource = &autoscalingv2.ResourceMetricStatus{Name: of, Current: now}
	} else {
		is.ContainerResource = &autoscalingv2.ContainerResourceMetricStatus{Name: of, Container: container, Current: now}
	}
	return l.propose(current, target), name, nil
}

// metricName is what a metric is in an error.
func metricName(m *autoscalingv2.MetricSpec) string {
	switch {
	case m.Resource != nil:
		return string(m.Resource.Name) + " resource"
	case m.ContainerResource != nil:
		return string(m.ContainerResource.Name) + " container"
	case m.External != nil:
		return m.External.Metric.Name + " external"
	}
	return strings.ToLower(string(m.Type))
}

// unmeasured says of a metric that nobody measures it: metrics-server knows only what
// pods use.
func unmeasured(namespace string, m *autoscalingv2.MetricSpec) error {
	const none = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
	switch {
	case m.Pods != nil:
		return fmt.Errorf("unable to get metric %s: %s", m.Pods.Metric.Name, none)
	case m.Object != nil:
		o := m.Object.DescribedObject
		return fmt.Errorf("unable to get metric %s: %s on %s %s/%s", m.Object.Metric.Name, o.Kind, namespace, o.Name, none)
	}
	selector := "nil"
	if m.External.Metric.Selector != nil {
		selector = m.External.Metric.Selector.String()
	}
	name := m.External.Metric.Name
	return fmt.Errorf("unable to get external metric %s/%s/%s: unable to fetch metrics from external metrics API: the server could not find the requested resource (get %s.external.metrics.k8s.io)", namespace, name, selector, name)
}

// A load is what the pods of an autoscaler use, in thousandths, of what they ask for.
type load struct {
	uses, asks       map[string]int64 // by pod
	ready            int
	unready, missing []string
}

// load is that of the pods that a selector takes, of all their containers or of one.
func (c *Cluster) load(namespace string, selector labels.Selector, of corev1.ResourceName, container string, share bool) (*load, error) {
	metrics := map[string]*metricsv1beta1.PodMetrics{}
	for _, obj := range c.podMetrics(namespace, selector) {
		m := obj.(*metricsv1beta1.PodMetrics)
		metrics[m.Name] = m
	}
	if len(metrics) == 0 {
		return nil, fmt.Errorf("unable to get metrics for resource %s: no metrics returned from resource metrics API", of)
	}
	l := &load{uses: map[string]int64{}, asks: map[string]int64{}}
	for _, p := range All[*corev1.Pod](c, namespace) {
		if !selector.Matches(labels.Set(p.Labels)) {
			continue
		}
		asks, err := request(p, of, container)
		if err != nil && share {
			return nil, err
		}
		l.asks[p.Name] = asks
		m := metrics[p.Name]
		switch {
		case p.DeletionTimestamp != nil || p.Status.Phase == corev1.PodFailed:
		case p.Status.Phase == corev1.PodPending || m != nil && of == corev1.ResourceCPU && c.starting(p, m):
			l.unready = append(l.unready, p.Name)
		case m == nil:
			l.missing = append(l.missing, p.Name)
		default:
			l.ready++
			for _, one := range m.Containers {
				if container == "" || container == one.Name {
					q := one.Usage[of]
					l.uses[p.Name] += q.MilliValue()
				}
			}
		}
	}
	if len(l.uses) == 0 {
		return nil, errors.New("did not receive metrics for targeted pods (pods might be unready)")
	}
	return l, nil
}

// starting says of a pod that what it takes is not yet what its calls cost.
func (c *Cluster) starting(p *corev1.Pod, m *metricsv1beta1.PodMetrics) bool {
	if p.Status.StartTime == nil {
		return true
	}
	for _, cond := range p.Status.Conditions {
		if cond.Type != corev1.PodReady {
			continue
		}
		not := cond.Status == corev1.ConditionFalse
		if c.world.Now().Before(p.Status.StartTime.Add(cpuSettles)) {
			return not || m.Timestamp.Time.Before(cond.LastTransitionTime.Add(m.Window.Duration))
		}
		return not && p.Status.StartTime.Add(firstReady).After(cond.LastTransitionTime.Time)
	}
	return true
}

// request is what a pod, or one container of it, asks for.
func request(p *corev1.Pod, of corev1.ResourceName, container string) (sum int64, err error) {
	found := false
	for _, one := range p.Spec.Containers {
		if container != "" && container != one.Name {
			continue
		}
		q, ok := one.Resources.Requests[of]
		if !ok {
			return 0, fmt.Errorf("missing request for %s in container %s of Pod %s", of, one.Name, p.Name)
		}
		found = true
		sum += q.MilliValue()
	}
	if !found {
		return 0, fmt.Errorf("container %s not found in Pod %s", container, p.Name)
	}
	return sum, nil
}

// ratio is how much of its target a load is, which share of what is asked for, and how
// much of each pod.
func (l *load) ratio(t autoscalingv2.MetricTarget) (ratio float64, share int32, each int64) {
	var uses, asks int64
	for name, n := range l.uses {
		uses += n
		asks += l.asks[name]
	}
	each = uses / int64(len(l.uses))
	if t.AverageValue != nil {
		return float64(each) / float64(t.AverageValue.MilliValue()), 0, each
	}
	share = int32(uses * 100 / max(asks, 1)) //nolint:gosec // per cent
	return float64(share) / float64(*t.AverageUtilization), share, each
}

// propose is how many pods a load needs: what is not known of a pod counts against a
// change.
func (l *load) propose(current int32, t autoscalingv2.MetricTarget) int32 {
	ratio, _, _ := l.ratio(t)
	near := func(r float64) bool { return math.Abs(r-1) <= tolerance }
	count := func(r float64, n int) int32 { return int32(math.Ceil(r * float64(n))) }
	rising := len(l.unready) > 0 && ratio > 1
	if !rising && len(l.missing) == 0 {
		if near(ratio) {
			return current
		}
		return count(ratio, l.ready)
	}
	for _, name := range l.missing {
		switch {
		case ratio >= 1:
			l.uses[name] = 0
		case t.AverageValue != nil:
			l.uses[name] = t.AverageValue.MilliValue()
		default:
			l.uses[name] = l.asks[name] * int64(max(100, *t.AverageUtilization)) / 100
		}
	}
	if rising {
		for _, name := range l.unready {
			l.uses[name] = 0
		}
	}
	again, _, _ := l.ratio(t)
	n := count(again, len(l.uses))
	turned := ratio < 1 && again > 1 || ratio > 1 && again < 1 || again < 1 && n > current || again > 1 && n < current
	if near(again) || turned {
		return current
	}
	return n
}
