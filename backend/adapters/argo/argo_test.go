package argo

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/kubeapi/kubeapitest"
)

// waiting is a canary that waits at its second step, as version 1.9 writes it.
const waiting = `{
	"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout",
	"metadata": {"name": "checkout", "namespace": "shop", "uid": "u-1", "resourceVersion": "88213", "generation": 3, "creationTimestamp": "2026-11-24T01:55:37Z"},
	"spec": {
		"replicas": 5,
		"strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {"duration": "20s"}}, {"analysis": {"templates": []}}]}},
		"template": {"spec": {"containers": [{"name": "app", "image": "demo/checkout:2"}, {"name": "proxy", "image": "demo/proxy:1"}]}}
	},
	"status": {
		"phase": "Paused", "message": "CanaryPauseStep", "observedGeneration": "3", "controllerPause": true, "currentStepIndex": 1,
		"currentPodHash": "84b7578579", "stableRS": "5d56fcf9c4", "readyReplicas": 5, "updatedReplicas": 1, "availableReplicas": 5, "replicas": 5,
		"pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-11-24T01:55:59Z"}], "canary": {}, "blueGreen": {}
	}
}`

// like is waiting with other fields: dotted paths and their values; nil takes one away.
func like(t *testing.T, fields map[string]any) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON([]byte(waiting)); err != nil {
		t.Fatal(err)
	}
	for path, v := range fields {
		at := strings.Split(path, ".")
		if v == nil {
			unstructured.RemoveNestedField(o.Object, at...)
		} else if err := unstructured.SetNestedField(o.Object, v, at...); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func rowOf(t *testing.T, fields map[string]any) delivery.Rollout {
	t.Helper()
	raw, err := like(t, fields).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	row, version, err := rolloutRow(raw, "prod", nil)
	if err != nil || version != "88213" {
		t.Fatal(version, err)
	}
	return row
}

func TestRolloutRow(t *testing.T) {
	want := delivery.Rollout{
		Link: "prod", Namespace: "shop", Name: "checkout", UID: "u-1", Strategy: "Canary", State: "Paused", Detail: "CanaryPauseStep",
		Steps: "20% pause 60% pause:20s analysis", Step: 1, Weight: 20, Stable: "5d56fcf9c4", Current: "84b7578579", Image: "demo/checkout:2",
		Created: time.Date(2026, 11, 24, 1, 55, 37, 0, time.UTC).Unix(), Paused: time.Date(2026, 11, 24, 1, 55, 59, 0, time.UTC).Unix(),
		Desired: 5, Ready: 5, Updated: 1, Available: 5, Level: backend.Waiting,
	}
	if diff := cmp.Diff(want, rowOf(t, nil)); diff != "" {
		t.Error(diff)
	}
	type words struct {
		State   string
		Level   backend.Level
		Weight  int16
		Verdict string
	}
	for name, c := range map[string]struct {
		fields map[string]any
		want   words
	}{
		"not seen yet":     {map[string]any{"metadata.generation": int64(4)}, words{"Progressing", backend.Moving, 20, ""}},
		"just resumed":     {map[string]any{"status.pauseConditions": nil}, words{"Progressing", backend.Moving, 20, ""}},
		"new":              {map[string]any{"status": map[string]any{}}, words{"Progressing", backend.Moving, -1, ""}},
		"through":          {map[string]any{"status.phase": "Healthy", "status.stableRS": "84b7578579"}, words{"Healthy", backend.Good, -1, ""}},
		"aborted":          {map[string]any{"status.phase": "Degraded", "status.abort": true, "status.abortedAt": "2026-11-24T01:59:00Z"}, words{"Aborted", backend.Critical, 0, ""}},
		"aborting":         {map[string]any{"status.abort": true}, words{"Aborting", backend.Moving, 0, ""}},
		"degraded":         {map[string]any{"status.phase": "Degraded"}, words{"Degraded", backend.Critical, 20, ""}},
		"routed":           {map[string]any{"status.canary.weights": map[string]any{"canary": map[string]any{"weight": int64(7)}}}, words{"Paused", backend.Waiting, 7, ""}},
		"further":          {map[string]any{"status.currentStepIndex": int64(3)}, words{"Paused", backend.Waiting, 60, ""}},
		"an index too far": {map[string]any{"status.currentStepIndex": int64(99)}, words{"Paused", backend.Waiting, 60, ""}},
		"inconclusive": {
			map[string]any{"status.canary.currentStepAnalysisRunStatus": map[string]any{"name": "a", "status": "Inconclusive"}},
			words{"Paused", backend.Waiting, 20, "Inconclusive"},
		},
		"in the background": {
			map[string]any{"status.canary.currentBackgroundAnalysisRunStatus": map[string]any{"name": "a", "status": "Running"}},
			words{"Paused", backend.Waiting, 20, "Running"},
		},
	} {
		row := rowOf(t, c.fields)
		if diff := cmp.Diff(c.want, words{row.State, row.Level, row.Weight, row.Verdict}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	for _, raw := range []string{"", "{", "[]", `{"metadata":{}}`, `{"metadata":{"name":"x"},"spec":7}`, `{"metadata":{"name":"x","creationTimestamp":"yesterday"}}`} {
		if _, _, err := rolloutRow([]byte(raw), "prod", nil); err == nil {
			t.Errorf("%q makes a row", raw)
		}
	}
}

func TestRevisionRow(t *testing.T) {
	three := int32(3)
	set := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Name: "checkout-84b7578579", Namespace: "shop", UID: "u-2", ResourceVersion: "9", CreationTimestamp: metav1.Unix(1_700_000_000, 0),
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "argoproj.io/v1alpha1", Kind: "Rollout", Name: "checkout"}},
		},
		Spec:   appsv1.ReplicaSetSpec{Replicas: &three, Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Image: "a:1"}, {Image: "b:1"}}}}},
		Status: appsv1.ReplicaSetStatus{Replicas: 3, ReadyReplicas: 2, AvailableReplicas: 1},
	}
	got, version, err := revisionRow(kubeapitest.Wired(t, set), "prod", kubeapi.Words{})
	want := delivery.Revision{
		Link: "prod", Namespace: "shop", Name: "checkout-84b7578579", UID: "u-2", Owner: "rollout.argoproj.io/checkout",
		Image: "a:1", Created: 1_700_000_000, Desired: 3, Ready: 2,
	}
	if diff := cmp.Diff(want, got); diff != "" || version != "9" || err != nil {
		t.Error(diff, version, err)
	}
	if r := rowOf(t, nil); r.Revision(r.Current) != (backend.Ref{Link: "prod", Kind: delivery.KindRevision, Scope: "shop", Name: got.Name}) {
		t.Errorf("the rollout calls it %v", r.Revision(r.Current))
	}
}

// TestVerbs: what is sent is what the command line of Argo Rollouts sends, under
// the version that was read, and no verb is planned that makes no sense.
func TestVerbs(t *testing.T) {
	held := map[string]any{"spec.paused": true}
	aborted := map[string]any{"status.phase": "Degraded", "status.abort": true, "status.pauseConditions": nil}
	through := map[string]any{"status.phase": "Healthy", "status.stableRS": "84b7578579", "status.pauseConditions": nil}
	inconclusive := map[string]any{"status.canary.currentStepAnalysisRunStatus": map[string]any{"name": "a", "status": "Inconclusive"}}
	containers := func(app string) string {
		return `"template":{"spec":{"containers":[{"image":"` + app + `","name":"app"},{"image":"demo/proxy:1","name":"proxy"}]}}`
	}
	for _, c := range []struct {
		action string
		fields map[string]any
		args   backend.Args
		want   string // the body without its version, or why not
	}{
		{delivery.RolloutPromote, nil, nil, `{"status":{"pauseConditions":null}}`},
		{delivery.RolloutPromote, inconclusive, nil, `{"status":{"controllerPause":false,"currentStepIndex":2,"pauseConditions":null}}`},
		{delivery.RolloutPromote, held, nil, "is paused by a person"},
		{delivery.RolloutPromote, through, nil, "does not wait for anybody"},
		{delivery.RolloutPromoteFull, nil, nil, `{"status":{"promoteFull":true}}`},
		{delivery.RolloutPromoteFull, through, nil, "no new version"},
		{delivery.RolloutSkipStep, nil, nil, `{"status":{"currentStepIndex":2,"pauseConditions":null}}`},
		{delivery.RolloutSkipStep, through, nil, "no new version"},
		{delivery.RolloutPause, nil, nil, `{"spec":{"paused":true}}`},
		{delivery.RolloutPause, held, nil, "paused already"},
		{delivery.RolloutResume, held, nil, `{"spec":{"paused":false}}`},
		{delivery.RolloutResume, nil, nil, "promote goes on"},
		{delivery.RolloutAbort, nil, nil, `{"status":{"abort":true}}`},
		{delivery.RolloutAbort, aborted, nil, "aborted already"},
		{delivery.RolloutRetry, aborted, nil, `{"status":{"abort":false}}`},
		{delivery.RolloutRetry, nil, nil, "is not aborted"},
		{delivery.RolloutSetImage, nil, backend.Args{"image": "demo/checkout:3"}, `{"spec":{` + containers("demo/checkout:3") + `}}`},
		{delivery.RolloutSetImage, nil, backend.Args{"image": "demo/checkout:2"}, "already"},
		{delivery.RolloutSetImage, nil, backend.Args{"image": "x", "container": "db"}, `no container "db"; it has app, proxy`},
		{delivery.RolloutSetImage, map[string]any{"spec.template": nil}, backend.Args{"image": "x"}, "refers to another workload"},
	} {
		o := like(t, c.fields)
		target := kubeapi.Target{Ref: backend.Ref{Link: "prod", Kind: delivery.KindRollout, Scope: "shop", Name: "checkout", UID: "u-1"}, Res: kinds()[delivery.KindRollout], Obj: o}
		args := backend.Args{}
		maps.Copy(args, c.args)
		v, err := verbOf(c.action, target, args)
		if err != nil {
			if backend.CodeOf(err) != backend.Invalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %s", c.action, err, c.want)
			}
			continue
		}
		change := v.change(target)
		body, _ := change.Body(o).(map[string]any)
		if diff := cmp.Diff(map[string]any{"resourceVersion": "88213"}, body["metadata"]); diff != "" {
			t.Errorf("%s is not held to the version that was read: %s", c.action, diff)
		}
		delete(body, "metadata")
		got, err := json.Marshal(body)
		if err != nil || string(got) != c.want {
			t.Errorf("%s sends %s (%v), want %s", c.action, got, err, c.want)
		}
		if (change.Sub == "status") != strings.HasPrefix(c.want, `{"status"`) || needed(c.action, target.Res) != target.Res.May(change.Verb, change.Sub) {
			t.Errorf("%s goes to %q, and asks for %v", c.action, change.Sub, needed(c.action, target.Res))
		}
		if change.Landed(o, o) != kubeapi.NotDone {
			t.Errorf("%s: nothing has changed, and it counts as done", c.action)
		}
		after := o.DeepCopy()
		merge(after.Object, body)
		if change.Landed(o, after) != kubeapi.Done {
			t.Errorf("%s: it was done, and does not count as done", c.action)
		}
		if after.SetUID("another"); change.Landed(o, after) != kubeapi.NotDone {
			t.Errorf("%s: it counts as done on another object", c.action)
		}
	}
}

// merge is RFC 7386.
func merge(into, patch map[string]any) {
	for k, v := range patch {
		deeper, isMap := v.(map[string]any)
		under, wasMap := into[k].(map[string]any)
		switch {
		case v == nil:
			delete(into, k)
		case isMap && wasMap:
			merge(under, deeper)
		default:
			if n, ok := v.(int); ok {
				v = int64(n)
			}
			into[k] = v
		}
	}
}

// TestGuards: whatever another person may have done in between is a fact.
func TestGuards(t *testing.T) {
	before := facts(like(t, nil))
	for what, fields := range map[string]map[string]any{
		"step was 2, is 3":                                {"status.currentStepIndex": int64(2)},
		"new version was 84b7578579, is x":                {"status.currentPodHash": "x"},
		"stable version was 5d56fcf9c4, is x":             {"status.stableRS": "x"},
		"waiting since was 2026-11-24T01:55:59Z, is none": {"status.pauseConditions": nil},
		"paused was no, is yes":                           {"spec.paused": true},
		"aborted was no, is yes":                          {"status.abort": true},
	} {
		if got := before.Changed(facts(like(t, fields))); got != what {
			t.Errorf("%q, want %q", got, what)
		}
	}
	if got := before.Changed(facts(like(t, map[string]any{"metadata.resourceVersion": "9", "status.readyReplicas": int64(1)}))); got != "" {
		t.Errorf("a heartbeat is a conflict: %s", got)
	}
}
