package shop_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/argo"
	"wheelhouse/backend/sandbox/capi"
	"wheelhouse/backend/sandbox/kube"
	"wheelhouse/backend/sandbox/shop"
)

// opened is a company on a Saturday at noon, with some time behind it.
func opened(t *testing.T, seed uint64, past time.Duration) *shop.Shop {
	t.Helper()
	noon := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	s, err := shop.Open(shop.Options{Seed: seed, Past: past, Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// told is everything that can be seen of the pods and of what was written.
func told(t *testing.T, s *shop.Shop) string {
	t.Helper()
	var all []any
	for _, c := range s.Clusters {
		for _, p := range kube.All[*corev1.Pod](c, "") {
			all = append(all, p)
		}
	}
	for _, l := range s.World.Lines(0, 1e6) {
		all = append(all, l)
	}
	b, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestSame: one seed is one company, another is another.
func TestSame(t *testing.T) {
	const past = 10 * time.Minute // in which builds go live, and containers are started again
	a, b, c := told(t, opened(t, 1, past)), told(t, opened(t, 1, past)), told(t, opened(t, 2, past))
	if a != b {
		i := 0
		for a[i] == b[i] {
			i++
		}
		t.Errorf("the same seed gave another company: …%.200s…, …%.200s…", a[i:], b[i:])
	}
	if a == c {
		t.Error("another seed gave the same")
	}
}

// TestScene: what is worth seeing when the company is opened is there, by causes of
// its own; the rest is well.
func TestScene(t *testing.T) {
	s := opened(t, 1, 30*time.Minute)
	cloud := s.Clusters[0]
	var restarts int32
	for _, p := range kube.All[*corev1.Pod](cloud, "shop") {
		if p.Labels["app"] == "recommend" {
			for _, one := range p.Status.ContainerStatuses {
				restarts += one.RestartCount
				if last := one.LastTerminationState.Terminated; last != nil && last.Reason != "OOMKilled" {
					t.Errorf("it ended as %s", last.Reason)
				}
			}
		}
	}
	if restarts < 2 {
		t.Errorf("recommend was started again %d times", restarts)
	}
	for _, want := range []struct {
		pipeline string
		state    sandbox.State
	}{{"web/recommend", sandbox.Passed}, {"web/catalog", sandbox.Failed}, {"web/search", sandbox.Running}, {"shop/checkout", sandbox.Passed}} {
		if !slices.ContainsFunc(s.World.Builds(want.pipeline), func(b sandbox.Build) bool { return b.State == want.state }) {
			t.Errorf("no build of %s is %s", want.pipeline, want.state)
		}
	}
	for _, c := range s.Clusters {
		for _, d := range kube.All[*appsv1.Deployment](c, "") {
			if d.Name != "recommend" && d.Status.AvailableReplicas < *d.Spec.Replicas-1 {
				t.Errorf("%s of %s has %d of %d", d.Name, c.Name(), d.Status.AvailableReplicas, *d.Spec.Replicas)
			}
		}
	}
	if st := kube.Get[*argo.Rollout](cloud, "shop", "checkout").Status; st["phase"] != "Paused" || st["message"] != "CanaryPauseStep" || st.Int("updatedReplicas") != 1 || st.Int("availableReplicas") != 5 {
		t.Errorf("checkout's canary stands at %v", st)
	}
	if st := kube.Get[*capi.Deployment](s.Clusters[1], "metal", "idc-workers").Status; st["phase"] != "Running" || st.Int("availableReplicas") != 4 {
		t.Errorf("the data centre's machines stand at %v", st)
	}
	if r := s.World.Rate("gateway", ""); r.Up != 3 || r.Calls < 50 || r.Failing > 0.1 {
		t.Errorf("the gateway goes %+v", r)
	}
}

// TestBuildGoesLive: what a build has built runs when its last stage has passed.
func TestBuildGoesLive(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	s, err := shop.Open(shop.Options{Seed: 1, Past: 10 * time.Minute, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.World.Trigger("shop/account", sandbox.Order{By: "test", Params: map[string]string{"VERSION": "2.2.0"}}); err != nil {
		t.Fatal(err)
	}
	for range 300 {
		now = now.Add(time.Second)
		s.Step()
	}
	d := kube.Get[*appsv1.Deployment](s.Clusters[0], "shop", "account")
	if image := d.Spec.Template.Spec.Containers[0].Image; image != shop.Image("account", "2.2.0") || d.Status.UpdatedReplicas != 2 || d.Status.AvailableReplicas != 2 {
		t.Errorf("account runs %s, %+v", image, d.Status)
	}
	if cause := d.Annotations["kubernetes.io/change-cause"]; !strings.Contains(cause, "shop/account #") || !strings.HasSuffix(cause, "by test") {
		t.Errorf("because of %q", cause)
	}
}
