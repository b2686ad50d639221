package kube

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// picture is a document as text: the level's word, the label, the line.
func picture(d backend.Doc) string {
	var b strings.Builder
	for _, l := range d.Lines {
		fmt.Fprintf(&b, "%s|%s|%s\n", l.Level, l.Label, l.Text.Raw())
	}
	return b.String()
}

func ago(d time.Duration) string { return time.Now().Add(-d).UTC().Format(time.RFC3339) }

func fetch(t *testing.T, a *api, r backend.Ref, aspect backend.Aspect) backend.Doc {
	t.Helper()
	c, rec := a.connect(t)
	d, err := c.Fetch(t.Context(), r, aspect)
	if err != nil {
		t.Fatal(err)
	}
	if w := rec.writes(); len(w) > 0 {
		t.Errorf("looking wrote %v", w)
	}
	return d
}

func TestSummaryOfPod(t *testing.T) {
	a := newAPI(t)
	a.put(podPath, fmt.Sprintf(`{"kind":"Pod","apiVersion":"v1","metadata":{"creationTimestamp":%q,
		"ownerReferences":[{"kind":"ReplicaSet","name":"checkout-7d9f","controller":true}]},
		"spec":{"nodeName":"ecs-14","containers":[{"name":"app","image":"demo/checkout:2"}]},
		"status":{"phase":"Running","podIP":"10.2.3.4",
		"conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady","message":"containers with unready status: [app]"},{"type":"PodScheduled","status":"True"}],
		"initContainerStatuses":[{"name":"migrate","state":{"terminated":{"exitCode":0}}},{"name":"wait","state":{"waiting":{"reason":"PodInitializing"}}}],
		"containerStatuses":[
			{"name":"app","restartCount":14,"state":{"waiting":{"reason":"CrashLoopBackOff","message":"back-off 5m0s"}},"lastState":{"terminated":{"exitCode":137,"reason":"OOMKilled","finishedAt":%q}}},
			{"name":"sidecar","ready":true,"state":{"running":{"startedAt":%q}}},
			{"name":"slow","state":{"running":{"startedAt":%q}}},
			{"name":"old","state":{"terminated":{"exitCode":1,"reason":"Error"}}}]}}`,
		ago(9*time.Minute), ago(41*time.Second), ago(9*time.Minute), ago(3*time.Hour)))
	for i := range 7 {
		a.put(fmt.Sprint("/api/v1/namespaces/shop/events/e", i), fmt.Sprintf(
			`{"metadata":{},"involvedObject":{"uid":"uid-checkout-x2x4k"},"type":"Normal","reason":"Pulled","message":"Image number %d\n","lastTimestamp":%q}`, i, ago(time.Duration(10+i)*time.Hour)))
	}
	a.put("/api/v1/namespaces/shop/events/backoff", fmt.Sprintf(
		`{"metadata":{},"involvedObject":{"uid":"uid-checkout-x2x4k"},"type":"Warning","reason":"BackOff","message":"restarting failed container","count":22,"lastTimestamp":%q}`, ago(5*time.Minute)))
	a.put("/api/v1/namespaces/shop/events/older", fmt.Sprintf(
		`{"metadata":{},"involvedObject":{"uid":"of-one-before"},"type":"Warning","reason":"Killing","message":"x","lastTimestamp":%q}`, ago(time.Minute)))
	d := fetch(t, a, podRef, backend.Summary)
	want := `moving|init wait|PodInitializing
failed|app|CrashLoopBackOff: back-off 5m0s, 14 restarts, last exit 137 OOMKilled 41s ago
ok|sidecar|running 9m
moving|slow|running 3h, not ready
failed|old|exit 1
|image|demo/checkout:2
|node|ecs-14
|ip|10.2.3.4
|owner|replicaset checkout-7d9f
warning|condition|Ready=False: ContainersNotReady containers with unready status: [app]
|age|9m
warning|5m|BackOff ×22 restarting failed container
|10h|Pulled Image number 0
|11h|Pulled Image number 1
|12h|Pulled Image number 2
|13h|Pulled Image number 3
`
	got := picture(d)
	for _, late := range []string{"42s ago", "43s ago", "44s ago"} { // a slow machine
		got = strings.Replace(got, late, "41s ago", 1)
	}
	if diff := cmp.Diff(want, got); diff != "" || d.Title != "pod shop/checkout-x2x4k" {
		t.Errorf("%s\n%s", d.Title, diff)
	}
}

func TestSummaryOfWorkloads(t *testing.T) {
	for name, tc := range map[string]struct {
		on     backend.Ref
		path   string
		change func(o map[string]any)
		want   string
	}{
		"deployment, trouble": {deploymentRef, deploymentPath, func(o map[string]any) {
			o["status"] = map[string]any{"updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 2, "observedGeneration": 1, "conditions": []any{
				map[string]any{"type": "Available", "status": "False", "reason": "MinimumReplicasUnavailable"},
				map[string]any{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "quota"},
				map[string]any{"type": "Progressing", "status": "True"},
			}}
			merge(o, map[string]any{
				"metadata": map[string]any{"generation": 2, "labels": map[string]any{"app.kubernetes.io/managed-by": "Helm"}},
				"spec":     map[string]any{"paused": true, "strategy": map[string]any{"type": "RollingUpdate", "rollingUpdate": map[string]any{"maxSurge": "25%", "maxUnavailable": 0}}},
			})
		}, `warning|replicas|3 desired, 1 updated, 2 ready, 2 available
waiting|paused|changes to the template wait until it is resumed
moving|pending|its controller has not seen the last change yet
|strategy|RollingUpdate maxSurge 25%
|image|demo/checkout:2
warning|condition|Available=False: MinimumReplicasUnavailable
warning|condition|ReplicaFailure=True: FailedCreate quota
|hpa|cart keeps it between 1 and 6, wants 4 now
|managed|Helm
`},
		"stateful set, asleep": {statefulRef, statefulPath, spec(map[string]any{"replicas": 0}), `off|replicas|0 desired, 3 updated, 3 ready, 3 available
|image|demo/checkout:2
`},
		"daemon set": {daemonRef, daemonPath, own("Operator", "agents"), `ok|replicas|5 desired, 5 updated, 5 ready, 5 available
|image|demo/agent:1
|owner|operator agents
`},
		"namespace": {backend.Ref{Link: "prod-eu", Kind: cluster.KindNamespace, Name: "shop"}, "/api/v1/namespaces/shop", nil, `ok|phase|Active
warning|quota limits|cpu 4 of 4
|quota limits|pods 12 of 50
`},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			a.furnish()
			a.put("/api/v1/namespaces/shop", `{"kind":"Namespace","apiVersion":"v1","metadata":{},"status":{"phase":"Active"}}`)
			a.put("/api/v1/namespaces/shop/resourcequotas/limits", `{"metadata":{},"status":{"hard":{"pods":"50","cpu":"4"},"used":{"pods":"12","cpu":"4"}}}`)
			a.put("/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/cart", `{"metadata":{},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"checkout"},"maxReplicas":6},"status":{"desiredReplicas":4}}`)
			if tc.change != nil {
				a.edit(tc.path, false, tc.change)
			}
			if d := cmp.Diff(tc.want, picture(fetch(t, a, tc.on, backend.Summary))); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestYAML(t *testing.T) {
	a := newAPI(t)
	a.furnish()
	got := picture(fetch(t, a, podRef, backend.YAML))
	if !strings.HasPrefix(got, "||apiVersion: v1\n||kind: Pod\n") || !strings.Contains(got, "||  nodeName: ecs-14\n") || strings.Contains(got, "managedFields") {
		t.Error(got)
	}
}

// discovers makes the server tell that it has secrets.
func discovers(a *api) {
	a.meddle = func(w http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) bool {
		switch r.URL.Path {
		case "/api":
			answer(w, http.StatusOK, map[string]any{"kind": "APIVersions", "versions": []string{"v1"}})
		case "/apis":
			answer(w, http.StatusOK, map[string]any{"kind": "APIGroupList", "apiVersion": "v1", "groups": []any{}})
		case "/api/v1":
			answer(w, http.StatusOK, map[string]any{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "v1", "resources": []any{
				map[string]any{"name": "secrets", "singularName": "secret", "namespaced": true, "kind": "Secret", "verbs": []string{"get"}},
			}})
		default:
			return false
		}
		return true
	}
}

func TestSecretsAreMasked(t *testing.T) {
	a := newAPI(t)
	a.put("/api/v1/namespaces/shop/secrets/bank", `{"kind":"Secret","apiVersion":"v1","metadata":{"annotations":{
		"kubectl.kubernetes.io/last-applied-configuration":"{\"data\":{\"pin\":\"MTIzNA==\"}}","team":"pay"}},"data":{"pin":"MTIzNA=="},"type":"Opaque"}`)
	discovers(a)
	for _, aspect := range []backend.Aspect{backend.YAML, backend.Describe, backend.Summary} {
		got := picture(fetch(t, a, ref("secret", "bank"), aspect))
		if strings.Contains(got, "MTIzNA") || strings.Contains(got, "1234") {
			t.Errorf("%s shows the secret:\n%s", aspect, got)
		}
		if aspect == backend.YAML && (!strings.Contains(got, "||  pin: '*** (4 bytes)'\n") || !strings.Contains(got, "team: pay")) {
			t.Error(got)
		}
	}
}

func TestDescribe(t *testing.T) {
	a := newAPI(t)
	a.furnish()
	for on, wants := range map[backend.Ref][]string{
		podRef:        {"Name:", "checkout-x2x4k", "Controlled By:", "ReplicaSet/checkout-7d9f"},
		deploymentRef: {"Replicas:", "3 desired | 3 updated"},
		statefulRef:   {"Replicas:", "3 desired | 3 total"},
		daemonRef:     {"Desired Number of Nodes Scheduled: 5"},
	} {
		got := picture(fetch(t, a, on, backend.Describe))
		for _, want := range wants {
			if !strings.Contains(got, want) {
				t.Errorf("%s has no %q:\n%s", on, want, got)
			}
		}
	}
}

func TestFetchRefuses(t *testing.T) {
	noNumber := func(o map[string]any) { delete(o["spec"].(map[string]any), "replicas") }
	for name, tc := range map[string]struct {
		on     backend.Ref
		aspect backend.Aspect
		code   backend.Code
		says   string
	}{
		"not there":               {ref(cluster.KindPod, "gone"), backend.Describe, backend.NotFound, "Pod shop/gone is not there on prod-eu"},
		"no such aspect":          {podRef, "smell", backend.Invalid, "Pod shop/checkout-x2x4k has no smell; it has summary, describe and yaml."},
		"no such kind":            {ref("dragon", "smaug"), backend.YAML, backend.NotFound, "prod-eu has no kind dragon. See what it has: kubectl --context prod-eu api-resources"},
		"a describer that panics": {deploymentRef, backend.Describe, backend.Failed, "in describe.describeDeployment"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			a.furnish()
			a.edit(deploymentPath, true, noNumber) // kubectl's describer follows the pointer
			discovers(a)
			c, _ := a.connect(t)
			_, err := c.Fetch(t.Context(), tc.on, tc.aspect)
			if backend.CodeOf(err) != tc.code || err == nil || !strings.Contains(short(err), tc.says) {
				t.Errorf("%v: %v", backend.CodeOf(err), err)
			}
		})
	}
}

// The cursor has moved on: nothing is waited for any more.
func TestFetchEnds(t *testing.T) {
	for _, aspect := range []backend.Aspect{backend.Summary, backend.Describe, backend.YAML} {
		a := newAPI(t)
		ctx, cancel := context.WithCancel(t.Context())
		a.meddle = func(_ http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) bool {
			cancel()
			<-r.Context().Done()
			return true
		}
		c, _ := a.connect(t)
		if _, err := c.Fetch(ctx, podRef, aspect); err == nil {
			t.Error(aspect, "was shown")
		}
	}
}
