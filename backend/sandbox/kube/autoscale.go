package kube

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	ofAutoscaler = "horizontal-pod-autoscaler"
	scaleEach    = 15 * time.Second // an autoscaler looks at its pods
	steadyFor    = 5 * time.Minute  // fewer must have been enough before some go, unless it says otherwise
	tolerance    = 0.1              // by which its target may be missed
	cpuSettles   = 5 * time.Minute  // what a pod takes at its start does not count
	firstReady   = 30 * time.Second // before which it has never been ready, if it is not
)

// scaling is what the controller remembers of an autoscaler.
type scaling struct {
	next   time.Time // it is looked at
	advice []sized   // what was needed
	moves  []sized   // by how many it was changed
}

// sized is a number of pods at a time.
type sized struct {
	at time.Time
	n  int32
}

// autoscale has as many pods as their load asks for.
func autoscale(c *Cluster, namespace, name string) {
	h, key, now := Get[*autoscalingv2.HorizontalPodAutoscaler](c, namespace, name), namespace+"/"+name, c.world.Now()
	if h == nil {
		delete(c.scalings, key)
		return
	}
	s := c.scalings[key]
	if s == nil {
		s = &scaling{next: now.Add(scaleEach)}
		c.scalings[key] = s
	}
	if now.Before(s.next) {
		c.After(h, s.next.Sub(now))
		return
	}
	s.next = now.Add(scaleEach)
	c.After(h, scaleEach)
	h = h.DeepCopy()
	c.rescale(h, s)
	Change(c, namespace, name, func(now *autoscalingv2.HorizontalPodAutoscaler) { now.Status = h.Status })
}

// rescale looks at the pods of an autoscaler, changes how many there are to be, and
// writes down how it stands.
func (c *Cluster) rescale(h *autoscalingv2.HorizontalPodAutoscaler, s *scaling) {
	key, is, err := c.scaleTarget(h)
	if err != nil {
		c.Event(h, ofAutoscaler, corev1.EventTypeWarning, "FailedGetScale", err.Error())
		c.scales(h, autoscalingv2.AbleToScale, false, "FailedGetScale", "the HPA controller was unable to get the target's current scale: "+err.Error())
		return
	}
	c.scales(h, autoscalingv2.AbleToScale, true, "SucceededGetScale", "the HPA controller was able to get the target's current scale")
	current, why := is.Spec.Replicas, ""
	if len(s.advice) == 0 {
		s.advice = append(s.advice, sized{c.world.Now(), current})
	}
	want := current
	var found []autoscalingv2.MetricStatus
	switch least, most := *h.Spec.MinReplicas, h.Spec.MaxReplicas; {
	case current == 0:
		c.scales(h, autoscalingv2.ScalingActive, false, "ScalingDisabled", "scaling is disabled since the replica count of the target is zero")
	case current > most:
		want, why = most, "Current number of replicas above Spec.MaxReplicas"
	case current < least:
		want, why = least, "Current number of replicas below Spec.MinReplicas"
	default:
		n, by := int32(0), ""
		n, by, found, err = c.needs(h, is)
		if err != nil {
			h.Status.CurrentReplicas, h.Status.CurrentMetrics = current, found
			c.Event(h, ofAutoscaler, corev1.EventTypeWarning, "FailedComputeMetricsReplicas", err.Error())
			return
		}
		why = by + " above target"
		if n < current {
			why = "All metrics below target"
		}
		want = c.steady(h, s, current, n)
	}
	if want != current {
		c.rewrite(key, func(obj runtime.Object) {
			setReplicas(obj, want)
			metaOf(obj).SetGeneration(metaOf(obj).GetGeneration() + 1)
		})
		c.scales(h, autoscalingv2.AbleToScale, true, "SucceededRescale", fmt.Sprintf("the HPA controller was able to update the target scale to %d", want))
		c.Event(h, ofAutoscaler, corev1.EventTypeNormal, "SuccessfulRescale", fmt.Sprintf("New size: %d; reason: %s", want, why))
		s.moves = recent(append(s.moves, sized{c.world.Now(), want - current}), c.world.Now())
		at := c.now()
		h.Status.LastScaleTime = &at
	}
	h.Status.CurrentReplicas, h.Status.DesiredReplicas, h.Status.CurrentMetrics = current, want, found
}

// scaleTarget finds what an autoscaler scales.
func (c *Cluster) scaleTarget(h *autoscalingv2.HorizontalPodAutoscaler) (key string, is *autoscalingv1.Scale, err error) {
	ref := h.Spec.ScaleTargetRef
	gv, err := schema.ParseGroupVersion(ref.APIVersion)
	if err != nil {
		return "", nil, err
	}
	k, ok := c.named(ref.APIVersion, ref.Kind)
	if !ok || !k.Namespaced {
		return "", nil, fmt.Errorf("no matches for kind %q in group %q", ref.Kind, gv.Group)
	}
	if !k.Scale {
		return "", nil, errors.New("the server could not find the requested resource")
	}
	key = k.key(h.Namespace, ref.Name)
	obj := c.memory.get(key)
	if obj == nil {
		return "", nil, apierrors.NewNotFound(k.WithResource(k.Resource).GroupResource(), ref.Name)
	}
	return key, scaleOf(obj), nil
}

// scales sets a condition of an autoscaler.
func (c *Cluster) scales(h *autoscalingv2.HorizontalPodAutoscaler, kind autoscalingv2.HorizontalPodAutoscalerConditionType, on bool, reason, message string) {
	status := corev1.ConditionFalse
	if on {
		status = corev1.ConditionTrue
	}
	all := &h.Status.Conditions
	i := slices.IndexFunc(*all, func(one autoscalingv2.HorizontalPodAutoscalerCondition) bool { return one.Type == kind })
	if i < 0 {
		*all = append(*all, autoscalingv2.HorizontalPodAutoscalerCondition{Type: kind})
		i = len(*all) - 1
	}
	one := &(*all)[i]
	if one.Status != status {
		one.LastTransitionTime = c.now()
	}
	one.Status, one.Reason, one.Message = status, reason, message
}

// needs is how many pods the metrics of an autoscaler ask for, the one that asks for
// most, and how they stand.
func (c *Cluster) needs(h *autoscalingv2.HorizontalPodAutoscaler, is *autoscalingv1.Scale) (n int32, by string, found []autoscalingv2.MetricStatus, err error) {
	selector, err := c.alone(h, is)
	if err != nil {
		return 0, "", nil, err
	}
	found = make([]autoscalingv2.MetricStatus, len(h.Spec.Metrics))
	var failed []error
	var reason, first string
	for i := range h.Spec.Metrics {
		m := &h.Spec.Metrics[i]
		proposed, one, err := c.need(h.Namespace, is.Spec.Replicas, selector, m, &found[i])
		if err != nil {
			failed = append(failed, err)
			if len(failed) == 1 {
				reason, first = "FailedGet"+string(m.Type)+"Metric", metricName(m)
				c.Event(h, ofAutoscaler, corev1.EventTypeWarning, reason, err.Error())
			}
		} else if by == "" || proposed > n {
			n, by = proposed, one
		}
	}
	if len(failed) == len(found) || len(failed) > 0 && n < is.Spec.Replicas {
		c.scales(h, autoscalingv2.ScalingActive, false, reason, "the HPA was unable to compute the replica count: "+failed[0].Error())
		return 0, "", found, fmt.Errorf("invalid metrics (%d invalid out of %d), first error is: failed to get %s metric value: %w", len(failed), len(found), first, failed[0])
	}
	c.scales(h, autoscalingv2.ScalingActive, true, "ValidMetricFound", "the HPA was able to successfully calculate a replica count from "+by)
	return n, by, found, nil
}

// alone is the selector of the pods that an autoscaler scales, which nobody else may.
func (c *Cluster) alone(h *autoscalingv2.HorizontalPodAutoscaler, is *autoscalingv1.Scale) (labels.Selector, error) {
	of := is.Status.Selector
	selector, err := labels.Parse(of)
	if err != nil || of == "" {
		c.Event(h, ofAutoscaler, corev1.EventTypeWarning, "SelectorRequired", "selector is required")
		c.scales(h, autoscalingv2.ScalingActive, false, "InvalidSelector", "the HPA target's scale is missing a selector")
		return nil, errors.New("selector is required")
	}
	var all []string
	for _, other := range All[*autoscalingv2.HorizontalPodAutoscaler](c, h.Namespace) {
		if _, its, err := c.scaleTarget(other); err == nil && its.Status.Selector == of {
			all = append(all, other.Namespace+"/"+other.Name)
		}
	}
	if len(all) > 1 {
		err := fmt.Errorf("pods by selector %s are controlled by multiple HPAs: %v", of, all)
		c.Event(h, ofAutoscaler, corev1.EventTypeWarning, "AmbiguousSelector", err.Error())
		c.scales(h, autoscalingv2.ScalingActive, false, "AmbiguousSelector", err.Error())
		return nil, err
	}
	return selector, nil
}

// steady is how many pods there are to be where so many are needed: no fewer than were
// needed lately, and no more, nor fewer, than its rules let come and go at a time.
func (c *Cluster) steady(h *autoscalingv2.HorizontalPodAutoscaler, s *scaling, current, needed int32) int32 {
	now, up, down := c.world.Now(), (*autoscalingv2.HPAScalingRules)(nil), (*autoscalingv2.HPAScalingRules)(nil)
	if h.Spec.Behavior != nil {
		up, down = h.Spec.Behavior.ScaleUp, h.Spec.Behavior.ScaleDown
	}
	stable := s.stable(current, needed, now, up, down)
	s.advice = recent(append(s.advice, sized{now, needed}), now)
	switch {
	case stable == needed:
		c.scales(h, autoscalingv2.AbleToScale, true, "ReadyForNewScale", "recommended size matches current size")
	case needed >= current:
		c.scales(h, autoscalingv2.AbleToScale, true, "ScaleUpStabilized", "recent recommendations were lower than current one, applying the lowest recent recommendation")
	default:
		c.scales(h, autoscalingv2.AbleToScale, true, "ScaleDownStabilized", "recent recommendations were higher than current one, applying the highest recent recommendation")
	}
	n, reason, message := stable, "DesiredWithinRange", "the desired count is within the acceptable range"
	most, least := max(s.most(current, now, up), current), min(s.least(current, now, down), current)
	switch {
	case stable > current && stable > min(most, h.Spec.MaxReplicas):
		n, reason, message = min(most, h.Spec.MaxReplicas), "TooManyReplicas", "the desired replica count is more than the maximum replica count"
		if most < h.Spec.MaxReplicas {
			reason, message = "ScaleUpLimit", "the desired replica count is increasing faster than the maximum scale rate"
		}
	case stable < current && stable < max(least, *h.Spec.MinReplicas), stable < *h.Spec.MinReplicas:
		n, reason, message = max(least, *h.Spec.MinReplicas), "TooFewReplicas", "the desired replica count is less than the minimum replica count"
		if least > *h.Spec.MinReplicas {
			reason, message = "ScaleDownLimit", "the desired replica count is decreasing faster than the maximum scale rate"
		}
	}
	c.scales(h, autoscalingv2.ScalingLimited, n != stable, reason, message)
	return n
}

// stable is the need of which others of late were neither higher nor lower, as far as
// rules look back.
func (s *scaling) stable(current, needed int32, now time.Time, up, down *autoscalingv2.HPAScalingRules) int32 {
	highest, lowest := needed, needed
	back := steadyFor
	if down != nil && down.StabilizationWindowSeconds != nil {
		back = time.Duration(*down.StabilizationWindowSeconds) * time.Second
	}
	for _, a := range s.advice {
		if !a.at.Before(now.Add(-back)) && back > 0 {
			highest = max(highest, a.n)
		}
		if up != nil && a.at.After(now.Add(-time.Duration(*up.StabilizationWindowSeconds)*time.Second)) {
			lowest = min(lowest, a.n)
		}
	}
	if up == nil {
		return highest
	}
	return min(max(current, lowest), highest)
}

// most is how many pods the rules let there be: without any, twice as many, or four.
func (s *scaling) most(current int32, now time.Time, r *autoscalingv2.HPAScalingRules) int32 {
	if r == nil {
		return max(2*current, 4)
	}
	return s.limit(current, now, r, func(from int32, p autoscalingv2.HPAScalingPolicy) int32 {
		if p.Type == autoscalingv2.PodsScalingPolicy {
			return from + p.Value
		}
		return int32(math.Ceil(float64(from) * (1 + float64(p.Value)/100)))
	}, slices.Max[[]int32], slices.Min[[]int32])
}

// least is how few pods the rules let there be: without any, none.
func (s *scaling) least(current int32, now time.Time, r *autoscalingv2.HPAScalingRules) int32 {
	if r == nil {
		return 0
	}
	return s.limit(current, now, r, func(from int32, p autoscalingv2.HPAScalingPolicy) int32 {
		if p.Type == autoscalingv2.PodsScalingPolicy {
			return from - p.Value
		}
		return int32(float64(from) * (1 - float64(p.Value)/100))
	}, slices.Min[[]int32], slices.Max[[]int32])
}

// limit is the one of the policies that is chosen: what it lets, from as many pods as
// there were when its period began.
func (s *scaling) limit(current int32, now time.Time, r *autoscalingv2.HPAScalingRules, lets func(int32, autoscalingv2.HPAScalingPolicy) int32, far, near func([]int32) int32) int32 {
	if *r.SelectPolicy == autoscalingv2.DisabledPolicySelect {
		return current
	}
	choose := far
	if *r.SelectPolicy == autoscalingv2.MinChangePolicySelect {
		choose = near
	}
	var out []int32
	for _, p := range r.Policies {
		from := current
		for _, m := range s.moves {
			if m.at.After(now.Add(-time.Duration(p.PeriodSeconds) * time.Second)) {
				from -= m.n
			}
		}
		out = append(out, lets(from, p))
	}
	return choose(out)
}

// recent are those that any rule still looks at.
func recent(all []sized, now time.Time) []sized {
	return slices.DeleteFunc(all, func(one sized) bool { return now.Sub(one.at) > longestWindow*time.Second })
}
