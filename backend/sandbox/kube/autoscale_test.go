package kube

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend/sandbox"
)

// autoscaler is one for the plant's deployment, that holds the CPU at so many per cent.
func autoscaler(least, most, percent int32) *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "cart"},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "cart"}, MinReplicas: &least, MaxReplicas: most,
			Metrics: []autoscalingv2.MetricSpec{{Type: autoscalingv2.ResourceMetricSourceType, Resource: &autoscalingv2.ResourceMetricSource{
				Name: corev1.ResourceCPU, Target: autoscalingv2.MetricTarget{Type: autoscalingv2.UtilizationMetricType, AverageUtilization: &percent},
			}}},
		},
	}
}

// enters has so many calls a second come to the plant's program, of which one takes a
// thousandth of the CPU that a pod asks for.
func (p *plant) enters(calls float64) {
	p.t.Helper()
	if err := p.world.Install(sandbox.Program{
		Name: "cart", Enters: calls, Takes: 10 * time.Millisecond, CPU: 0.5 / 10, Memory: 200, Threads: 100, Starts: 4 * time.Second, Versions: map[string]sandbox.Version{"1.0.0": {}},
	}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *plant) autoscaler() *autoscalingv2.HorizontalPodAutoscaler {
	return Get[*autoscalingv2.HorizontalPodAutoscaler](p.Cluster, "shop", "cart")
}

// stands are the conditions of the plant's autoscaler.
func (p *plant) stands() string {
	var out []string
	for _, c := range p.autoscaler().Status.Conditions {
		out = append(out, fmt.Sprintf("%s %s %s", c.Type, c.Status, c.Reason))
	}
	return strings.Join(out, ", ")
}

// TestAutoscale: more pods come when there is more to do, no more than may be, and go
// when for five minutes fewer were enough, no fewer than must be.
func TestAutoscale(t *testing.T) {
	p := newPlant(t)
	p.enters(3000)
	p.Create(autoscaler(2, 10, 50))
	p.pass(20 * time.Second)
	if h := p.autoscaler(); len(h.Status.CurrentMetrics) != 1 || h.Status.CurrentMetrics[0].Resource.Current.AverageUtilization == nil || !strings.Contains(p.stands(), "ScalingActive True ValidMetricFound") {
		t.Fatalf("it stands at %+v", h.Status)
	}
	rate := float64(*p.autoscaler().Status.CurrentMetrics[0].Resource.Current.AverageUtilization) / 100 * 3 // pods that are busy
	want := int32(rate/0.5 + 1)
	p.pass(2 * time.Minute)
	n := *p.deployment().Spec.Replicas
	if n < want-1 || n > want+1 || n <= 3 {
		t.Fatalf("for %.2f pods of work there are %d, %s", rate, n, p.stands())
	}
	if told := p.events(p.autoscaler()); !strings.Contains(told, fmt.Sprintf("SuccessfulRescale: New size: %d; reason: cpu resource utilization (percentage of request) above target", n)) {
		t.Errorf("it says %s", told)
	}
	p.enters(40000)
	p.pass(2 * time.Minute)
	if n := *p.deployment().Spec.Replicas; n != 10 || !strings.Contains(p.stands(), "ScalingLimited True TooManyReplicas") {
		t.Errorf("with far too much to do there are %d, %s", n, p.stands())
	}
	p.enters(1)
	p.pass(4 * time.Minute)
	if n := *p.deployment().Spec.Replicas; n != 10 || !strings.Contains(p.stands(), "AbleToScale True ScaleDownStabilized") {
		t.Errorf("four minutes after there are %d, %s", n, p.stands())
	}
	p.pass(3 * time.Minute)
	if n := *p.deployment().Spec.Replicas; n != 2 || !strings.Contains(p.stands(), "ScalingLimited True TooFewReplicas") || !strings.Contains(p.events(p.autoscaler()), "New size: 2; reason: All metrics below target") {
		t.Errorf("seven minutes after there are %d, %s", n, p.stands())
	}
}

// TestAutoscaleRules: policies say how many come and go at a time.
func TestAutoscaleRules(t *testing.T) {
	no, off := int32(0), autoscalingv2.DisabledPolicySelect
	one := []autoscalingv2.HPAScalingPolicy{{Type: autoscalingv2.PodsScalingPolicy, Value: 1, PeriodSeconds: 60}}
	for name, c := range map[string]struct {
		of    autoscalingv2.HorizontalPodAutoscalerBehavior
		want  []int32 // after each minute of far too much to do, and of nothing
		stood string
	}{
		"one up a minute":    {autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &autoscalingv2.HPAScalingRules{Policies: one}}, []int32{4, 5, 6}, "ScalingLimited True ScaleUpLimit"},
		"none up":            {autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleUp: &autoscalingv2.HPAScalingRules{SelectPolicy: &off}}, []int32{3, 3, 3}, "ScalingLimited True ScaleUpLimit"},
		"down at once":       {autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: &no}}, []int32{10, 10, 10, 1}, "ScalingLimited False DesiredWithinRange"},
		"one down at a time": {autoscalingv2.HorizontalPodAutoscalerBehavior{ScaleDown: &autoscalingv2.HPAScalingRules{StabilizationWindowSeconds: &no, Policies: one}}, []int32{10, 10, 10, 9, 8}, "ScalingLimited True ScaleDownLimit"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlant(t)
			p.enters(40000)
			h := autoscaler(1, 10, 50)
			h.Spec.Behavior = &c.of
			p.Create(h)
			p.pass(5 * time.Second)
			var got []int32
			for n := range c.want {
				if n == 3 {
					p.enters(0)
				}
				p.pass(time.Minute)
				got = append(got, *p.deployment().Spec.Replicas)
			}
			if d := cmp.Diff(c.want, got); d != "" || !strings.Contains(p.stands(), c.stood) {
				t.Errorf("it stands at %s, pods (-want +got):\n%s", p.stands(), d)
			}
		})
	}
}

// TestAutoscaleCannot: what an autoscaler can't find out it says, and leaves all as it is.
func TestAutoscaleCannot(t *testing.T) {
	for name, c := range map[string]struct {
		of         func(*plant, *autoscalingv2.HorizontalPodAutoscaler)
		want, says string
		replicas   int32
	}{
		"no target": {
			func(_ *plant, h *autoscalingv2.HorizontalPodAutoscaler) { h.Spec.ScaleTargetRef.Name = "none" },
			"AbleToScale False FailedGetScale", `Warning FailedGetScale: deployments.apps "none" not found`, 3,
		},
		"no such kind": {
			func(_ *plant, h *autoscalingv2.HorizontalPodAutoscaler) { h.Spec.ScaleTargetRef.Kind = "Car" },
			"AbleToScale False FailedGetScale", `no matches for kind "Car" in group "apps"`, 3,
		},
		"no request": {
			func(_ *plant, h *autoscalingv2.HorizontalPodAutoscaler) { h.Spec.Metrics[0].Resource.Name = "gpu" },
			"ScalingActive False FailedGetResourceMetric", "failed to get gpu utilization: missing request for gpu in container app of Pod cart-", 3,
		},
		"nobody measures": {
			func(_ *plant, h *autoscalingv2.HorizontalPodAutoscaler) {
				h.Spec.Metrics = []autoscalingv2.MetricSpec{{Type: autoscalingv2.PodsMetricSourceType, Pods: &autoscalingv2.PodsMetricSource{Metric: autoscalingv2.MetricIdentifier{Name: "calls"}}}}
			},
			"ScalingActive False FailedGetPodsMetric", "no custom metrics API (custom.metrics.k8s.io) registered", 3,
		},
		"none wanted": {
			func(p *plant, _ *autoscalingv2.HorizontalPodAutoscaler) { *p.deployment().Spec.Replicas = 0 },
			"ScalingActive False ScalingDisabled", "", 0,
		},
		"too few": {
			func(_ *plant, h *autoscalingv2.HorizontalPodAutoscaler) { h.Spec.MinReplicas = new(int32(5)) },
			"AbleToScale True", "New size: 5; reason: Current number of replicas below Spec.MinReplicas", 5,
		},
		"two of them": {
			func(p *plant, h *autoscalingv2.HorizontalPodAutoscaler) {
				other := h.DeepCopy()
				other.Name = "other"
				p.Create(other)
			},
			"ScalingActive False AmbiguousSelector", "pods by selector app=cart are controlled by multiple HPAs: [shop/cart shop/other]", 3,
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlant(t)
			h := autoscaler(1, 6, 1000)
			c.of(p, h)
			p.Create(h)
			p.pass(16 * time.Second)
			if n := *p.deployment().Spec.Replicas; n != c.replicas || !strings.Contains(p.stands(), c.want) || !strings.Contains(p.events(p.autoscaler()), c.says) {
				t.Errorf("%d pods, it stands at %s and says %s", n, p.stands(), p.events(p.autoscaler()))
			}
		})
	}
}

// TestPropose: what is not known of a pod counts against a change, and a target that is
// nearly met is met.
func TestPropose(t *testing.T) {
	half := autoscalingv2.MetricTarget{AverageUtilization: new(int32(50))}
	for name, c := range map[string]struct {
		uses             []int64 // of 1000 each
		unready, missing int
		want             int32
	}{
		"met":                    {[]int64{500, 500, 500}, 0, 0, 3},
		"nearly met":             {[]int64{540, 550, 540}, 0, 0, 3},
		"too much":               {[]int64{600, 600, 600}, 0, 0, 4},
		"twice":                  {[]int64{1000, 1000, 1000}, 0, 0, 6},
		"too little":             {[]int64{100, 100, 100}, 0, 0, 1},
		"one starts":             {[]int64{800, 800}, 1, 0, 3},
		"one starts of too few":  {[]int64{1000, 1000, 1000}, 1, 0, 6},
		"one is not measured":    {[]int64{300, 300}, 0, 1, 3},
		"one of many is unknown": {[]int64{100, 100, 100, 100, 100}, 0, 1, 3},
	} {
		l := &load{uses: map[string]int64{}, asks: map[string]int64{}, ready: len(c.uses)}
		for i := range len(c.uses) + c.unready + c.missing {
			l.asks[fmt.Sprint(i)] = 1000
		}
		for i, n := range c.uses {
			l.uses[fmt.Sprint(i)] = n
		}
		for i := range c.unready {
			l.unready = append(l.unready, fmt.Sprint(len(c.uses)+i))
		}
		for i := range c.missing {
			l.missing = append(l.missing, fmt.Sprint(len(c.uses)+i))
		}
		if got := l.propose(int32(len(l.asks)), half); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}
