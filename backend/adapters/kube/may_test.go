package kube

import (
	"net/http"
	"runtime"
	"strings"
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/link"
)

func TestMay(t *testing.T) {
	a := newAPI(t)
	c, rec := a.connect(t)
	need := backend.Permission{Verb: "patch", Group: "apps", Resource: "deployments", Sub: "scale"}
	ok, reason, err := c.May(t.Context(), need, deploymentRef)
	if !ok || reason != "by the· test" || err != nil {
		t.Errorf("%v %q %v", ok, reason, err)
	}
	a.rules = []map[string]any{}
	if ok, _, err := c.May(t.Context(), need, deploymentRef); ok || err != nil {
		t.Errorf("%v %v, want no", ok, err)
	}
	if w := rec.writes(); len(w) > 0 {
		t.Errorf("asking wrote %v", w)
	}
	a.Close()
	if _, _, err := c.May(t.Context(), need, deploymentRef); backend.CodeOf(err) != backend.Unreachable {
		t.Error(err)
	}
}

// live connects the link, waits until its probe has had an answer, and gives a
// channel that receives the rules reviews that the server has answered.
func live(t *testing.T, a *api) (*Cluster, *link.Set, chan string) {
	t.Helper()
	reviewed := make(chan string, 100)
	a.meddle = func(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter)) bool {
		if !strings.HasSuffix(r.URL.Path, "selfsubjectrulesreviews") {
			return false
		}
		serve(w)
		reviewed <- r.URL.Path
		return true
	}
	c, set := a.cluster(t, link.Options{})
	await(t, c, set, func() { set.Connect("prod-eu") }, backend.Live)
	return c, set, reviewed
}

// await does something to the link and waits until its state is the one.
func await(t *testing.T, c *Cluster, set *link.Set, do func(), want backend.State) {
	t.Helper()
	turned := make(chan struct{}, 100)
	stop := set.Subscribe(func(*link.Link) { turned <- struct{}{} })
	defer stop()
	do()
	for c.Link().Health().State != want {
		select {
		case <-turned:
		case <-t.Context().Done():
			t.Fatal("the link never came to be", want)
		}
	}
}

func TestWhy(t *testing.T) {
	part := podRef
	part.Sub = "app"
	a := newAPI(t)
	a.rules = []map[string]any{{"verbs": []string{"get", "list", "delete"}, "apiGroups": []string{""}, "resources": []string{"pods"}}}
	c, set, reviewed := live(t, a)
	if why := c.Why(cluster.WorkloadScale, []backend.Ref{deploymentRef}); why != "" {
		t.Errorf("refused before the rules are known: %s", why)
	}
	<-reviewed
	for c.Why(cluster.WorkloadScale, []backend.Ref{deploymentRef}) == "" { // the answer is on its way through the client
		runtime.Gosched()
	}
	for _, tc := range []struct {
		action, why string
		refs        []backend.Ref
	}{
		{cluster.PodDelete, "", []backend.Ref{podRef, podRef}},
		{cluster.WorkloadScale, "you may not patch deployments.apps/scale in shop on prod-eu", []backend.Ref{deploymentRef}},
		{cluster.WorkloadRestart, "you may not patch daemonsets.apps in shop on prod-eu", []backend.Ref{daemonRef}},
		{cluster.WorkloadScale, "Scale does not go with a daemonset.apps; it takes deployment.apps, statefulset.apps", []backend.Ref{daemonRef}},
		{cluster.PodDelete, "Delete takes the whole pod, not app of it", []backend.Ref{part}},
	} {
		if why := c.Why(tc.action, tc.refs); why != tc.why {
			t.Errorf("%s %v: %q, want %q", tc.action, tc.refs, why, tc.why)
		}
	}
	if len(reviewed) > 0 {
		t.Error("the rules were asked for again")
	}
	await(t, c, set, func() { set.Disconnect("prod-eu") }, backend.Off)
	if why := c.Why(cluster.PodDelete, []backend.Ref{podRef}); why != "prod-eu is not connected" {
		t.Error(why)
	}
}

// A read-only link refuses in the link itself, and the step says so.
func TestReadOnlyLink(t *testing.T) {
	a := newAPI(t)
	a.furnish()
	c, _ := a.cluster(t, link.Options{ReadOnly: true})
	s := step(t, c, cluster.WorkloadScale, deploymentRef, backend.Args{"replicas": "5"})
	if err := s.Do(t.Context(), quiet); backend.CodeOf(err) != backend.Denied || !strings.Contains(err.Error(), "read-only") || replicasAt(a) != 3 {
		t.Error(err)
	}
}
