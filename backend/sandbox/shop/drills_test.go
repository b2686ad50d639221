package shop_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend"
	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/argo"
	"wheelhouse/backend/sandbox/capi"
	"wheelhouse/backend/sandbox/drill"
	"wheelhouse/backend/sandbox/kube"
	"wheelhouse/backend/sandbox/shop"
)

// played is a drill in its company, and its clock.
type played struct {
	*shop.Shop
	now time.Time
}

// begin opens the company of a drill at an hour of a day and begins it.
func begin(t *testing.T, name string, hour int) *played {
	t.Helper()
	d, err := drill.Load(name, shop.Setting())
	if err != nil {
		t.Fatal(err)
	}
	p := &played{now: time.Date(2026, 11, 28, hour, 0, 0, 0, time.UTC)}
	p.Shop, err = shop.Open(shop.Options{Seed: d.Seed, Drill: &d, Past: 4 * time.Minute, Now: func() time.Time { return p.now }})
	if err != nil {
		t.Fatal(err)
	}
	p.Drill.Begin()
	return p
}

// pass lets time go by, second by second, but not beyond the end of the drill.
func (p *played) pass(d time.Duration) {
	for range d / time.Second {
		if p.Drill.State().Phase.Over() {
			return
		}
		p.now = p.now.Add(time.Second)
		p.Step()
	}
}

// TestDrillsAreLostAlone: whoever does nothing loses each of them, before dawn and in the
// evening.
func TestDrillsAreLostAlone(t *testing.T) {
	for _, name := range drill.Names() {
		for _, hour := range []int{4, 20} {
			t.Run(fmt.Sprint(name, " at ", hour), func(t *testing.T) {
				t.Parallel()
				p := begin(t, name, hour)
				p.pass(time.Hour)
				if s := p.Drill.State(); s.Phase != drill.Lost || s.Ended.Sub(s.Began) != s.Limit || !s.Noticed.IsZero() || len(s.Way) == 0 {
					t.Errorf("it ends as %+v", s)
				}
			})
		}
	}
}

// TestSigns: whatever there is to look at can be a sign, and nothing else.
func TestSigns(t *testing.T) {
	p := begin(t, "bad-canary", 12)
	p.pass(10 * time.Second)
	var seen []string
	for _, c := range p.Clusters {
		of := func(kind string, o metav1.Object) {
			seen = append(seen, backend.Ref{Link: c.Name(), Kind: kind, Scope: o.GetNamespace(), Name: o.GetName()}.String())
		}
		for _, o := range kube.All[*corev1.Pod](c, "") {
			of("pod", o)
		}
		for _, o := range kube.All[*appsv1.Deployment](c, "") {
			of("deployment.apps", o)
		}
		for _, o := range kube.All[*appsv1.StatefulSet](c, "") {
			of("statefulset.apps", o)
		}
		for _, o := range kube.All[*appsv1.DaemonSet](c, "") {
			of("daemonset.apps", o)
		}
		for _, o := range kube.All[*argo.Rollout](c, "") {
			of("rollout.argoproj.io", o)
		}
		for _, o := range kube.All[*capi.Machine](c, "") {
			of("machine.cluster.x-k8s.io", o)
		}
		for _, o := range kube.All[*corev1.Namespace](c, "") {
			of("namespace", o)
		}
	}
	if len(seen) < 80 {
		t.Fatalf("there are only %d", len(seen))
	}
	file, err := drill.Text("bad-canary")
	if err != nil {
		t.Fatal(err)
	}
	for sign := range slices.Values(append(seen, "idc:pod/shop/checkout-1")) {
		_, err := drill.Parse([]byte(strings.Replace(string(file), "cloud:pod/shop/checkout-*", sign, 1)), shop.Setting())
		if wrong := sign == "idc:pod/shop/checkout-1"; wrong != (err != nil) {
			t.Errorf("%s: %v", sign, err)
		}
	}
}

// TestDrillsAreTheSame: one seed is one drill.
func TestDrillsAreTheSame(t *testing.T) {
	told := func() []sandbox.Line {
		p := begin(t, "noisy-neighbour", 12)
		p.pass(3 * time.Minute)
		return p.World.Lines(0, 1e6)
	}
	if a, b := told(), told(); len(a) < 500 || !cmp.Equal(a, b) {
		t.Errorf("%d lines, %d lines", len(a), len(b))
	}
}

// trip opens the breakers for fraud on every instance of payments, as their actuators
// do when they are told to.
func (p *played) trip() error {
	n := 0
	for _, pod := range kube.All[*corev1.Pod](p.Clusters[1], "shop") {
		if !strings.HasPrefix(pod.Name, "payments-") {
			continue
		}
		n++
		id := sandbox.ProcessID{Cluster: shop.House, Namespace: "shop", Pod: pod.Name, Container: "app"}
		if _, err := p.World.SetBreaker(id, "fraud", sandbox.ForcedOpen); err != nil {
			return fmt.Errorf("trip on %s: %w", pod.Name, err)
		}
	}
	if n == 0 {
		return fmt.Errorf("payments has no pods")
	}
	return nil
}

// TestSlowDependency: the breaker that should have opened is tripped by hand, and the
// callers' breakers close by themselves; to look is to notice, and hints come in order.
func TestSlowDependency(t *testing.T) {
	for _, hour := range []int{4, 20} {
		p := begin(t, "slow-dependency", hour)
		p.pass(2 * time.Minute)
		p.Drill.Look("cloud:pod/shop/gateway-1")
		if s := p.Drill.State(); !s.Noticed.IsZero() || s.Left != 4 || s.Way != nil {
			t.Errorf("%+v", s)
		}
		p.Drill.Look("idc:pod/shop/fraud-1")
		p.Drill.Hint()
		if err := p.trip(); err != nil {
			t.Fatal(err)
		}
		p.pass(5 * time.Minute)
		s := p.Drill.State()
		if s.Phase != drill.Mitigated || s.Noticed.Sub(s.Began) != 2*time.Minute || s.Ended.Sub(s.Began) > 4*time.Minute || len(s.Hints) != 1 || s.Left != 3 {
			t.Errorf("at %d: %+v", hour, s)
		}
	}
}

// TestPrevented: what is put an end to before it hurts anybody is no loss.
func TestPrevented(t *testing.T) {
	p := begin(t, "slow-dependency", 12)
	if err := p.trip(); err != nil {
		t.Fatal(err)
	}
	p.pass(time.Hour)
	if s := p.Drill.State(); s.Phase != drill.Mitigated {
		t.Errorf("%+v", s)
	}
}
