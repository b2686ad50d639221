package shop

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// caller asks a served cluster.
type caller struct {
	t     *testing.T
	way   http.RoundTripper
	base  string
	token string
}

// ask sends a request, and gives the status and the body.
func (c caller) ask(method, path, kind, body string) (int, map[string]any) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, bytes.NewBufferString(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	req.Header.Set("Content-Type", kind)
	resp, err := c.way.RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		c.t.Fatalf("%s %s: %v in %s", method, path, err, b)
	}
	return resp.StatusCode, out
}

func at(o map[string]any, path ...string) any {
	var v any = o
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

const (
	merge    = "application/merge-patch+json"
	jsonOnes = "application/json-patch+json"
)

// TestWire: what people send to rollouts and pools, on a served company.
func TestWire(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	s, err := Open(Options{Seed: 1, Past: 20 * time.Minute, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	pass := func(d time.Duration) {
		for range int(d / time.Second) {
			now = now.Add(time.Second)
			s.Step()
		}
	}
	cloud, house := func(token string) caller {
		return caller{t, trusts(t, s.identity), "https://" + serve(t, s.Clusters[0], s.identity, token), token}
	}(token(Admin)), func(token string) caller {
		return caller{t, trusts(t, s.identity), "https://" + serve(t, s.Clusters[1], s.identity, token), token}
	}(token(Admin))

	const checkout = "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/checkout"
	_, ro := cloud.ask(http.MethodGet, checkout, "", "")
	if at(ro, "status", "phase") != "Paused" || at(ro, "status", "message") != "CanaryPauseStep" {
		t.Fatalf("it stands at %v", ro["status"])
	}
	promote := fmt.Sprintf(`{"metadata": {"resourceVersion": %q}, "status": {"pauseConditions": null}}`, at(ro, "metadata", "resourceVersion"))
	if code, got := cloud.ask(http.MethodPatch, checkout+"/status", merge, promote); code != http.StatusOK || at(got, "status", "pauseConditions") != nil || at(got, "status", "controllerPause") != true {
		t.Fatalf("the first to promote gets %d: %v", code, got)
	}
	if code, got := cloud.ask(http.MethodPatch, checkout+"/status", merge, promote); code != http.StatusConflict || got["reason"] != "Conflict" || !strings.Contains(fmt.Sprint(got["message"]), `rollouts.argoproj.io "checkout": the object has been modified`) {
		t.Errorf("the second to promote gets %d: %v", code, got)
	}
	pass(25 * time.Second)
	if _, ro = cloud.ask(http.MethodGet, checkout, "", ""); at(ro, "status", "phase") != "Degraded" || at(ro, "status", "abort") != true || !strings.Contains(fmt.Sprint(at(ro, "status", "message")), "success-rate") {
		t.Errorf("the bad version stands at %v", ro["status"])
	}

	// A status is written apart from the rest, as undo and pause are from it.
	_, sets := cloud.ask(http.MethodGet, "/apis/apps/v1/namespaces/shop/replicasets?labelSelector=rollouts-pod-template-hash%3D"+fmt.Sprint(at(ro, "status", "stableRS")), "", "")
	list, _ := sets["items"].([]any)
	if len(list) != 1 {
		t.Fatalf("the stable version has %d sets", len(list))
	}
	old := at(list[0].(map[string]any), "spec", "template").(map[string]any)
	delete(at(old, "metadata", "labels").(map[string]any), "rollouts-pod-template-hash")
	b, err := json.Marshal([]any{object{"op": "replace", "path": "/spec/template", "value": old}})
	if err != nil {
		t.Fatal(err)
	}
	if code, got := cloud.ask(http.MethodPatch, checkout, jsonOnes, string(b)); code != http.StatusOK {
		t.Fatalf("undo gets %d: %v", code, got)
	}
	pass(20 * time.Second)
	if _, ro = cloud.ask(http.MethodGet, checkout, "", ""); at(ro, "status", "phase") != "Healthy" || at(ro, "status", "abort") != nil {
		t.Errorf("taken back it stands at %v", ro["status"])
	}
	if code, got := cloud.ask(http.MethodPatch, checkout, merge, `{"spec": {"strategy": {"canary": {"trafficRouting": {"istio": {}}}}}, "status": {"phase": "Best"}}`); code != http.StatusUnprocessableEntity || got["reason"] != "Invalid" {
		t.Errorf("a router of traffic gets %d: %v", code, got)
	}

	const pool = "/apis/cluster.x-k8s.io/v1beta2/namespaces/metal/machinedeployments/idc-workers/scale"
	if code, got := house.ask(http.MethodPatch, pool, merge, `{"spec": {"replicas": 5}}`); code != http.StatusOK || got["kind"] != "Scale" || at(got, "spec", "replicas") != 5.0 || !strings.Contains(fmt.Sprint(at(got, "status", "selector")), "deployment-name=idc-workers") {
		t.Fatalf("scaling gets %d: %v", code, got)
	}
	pass(70 * time.Second)
	if code, n := house.ask(http.MethodGet, "/api/v1/nodes/cn-bj-05", "", ""); code != http.StatusOK || !strings.HasPrefix(fmt.Sprint(at(n, "spec", "providerID")), "metal3://metal/cn-bj-05/idc-workers-") {
		t.Errorf("the new node gets %d: %v", code, n["spec"])
	}
	if code, got := house.ask(http.MethodPatch, "/apis/controlplane.cluster.x-k8s.io/v1beta2/namespaces/metal/kubeadmcontrolplanes/idc/scale", merge, `{"spec": {"replicas": 2}}`); code == http.StatusOK || !strings.Contains(fmt.Sprint(got["message"]), "even number when etcd is stacked") {
		t.Errorf("two of a control plane get %d: %v", code, got)
	}
	for path, want := range map[string]int{
		"/apis/argoproj.io/v1alpha1/namespaces/shop/experiments":                           http.StatusNotFound,
		"/apis/infrastructure.cluster.x-k8s.io/v1beta2/namespaces/metal/metal3machines":    http.StatusNotFound,
		"/apis/argoproj.io/v1alpha1/namespaces/shop/analysistemplates/success-rate/status": http.StatusNotFound,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, cloud.base+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+cloud.token)
		resp, err := cloud.way.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close() // it is not read
		if resp.StatusCode != want {
			t.Errorf("%s gets %d, wanted %d", path, resp.StatusCode, want)
		}
	}
}
