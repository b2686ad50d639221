package kube

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// annotate adds to one of an object's string maps.
func annotate(field, key, value string) func(map[string]any) {
	return func(o map[string]any) {
		merge(o, map[string]any{"metadata": map[string]any{field: map[string]any{key: value}}})
	}
}

func own(kind, name string) func(map[string]any) {
	return func(o map[string]any) {
		o["metadata"].(map[string]any)["ownerReferences"] = []any{map[string]any{"kind": kind, "name": name, "controller": true}}
	}
}

func spec(fields map[string]any) func(map[string]any) {
	return func(o map[string]any) { merge(o, map[string]any{"spec": fields}) }
}

func TestWarnings(t *testing.T) {
	const (
		hpa     = "/apis/autoscaling/v2/namespaces/shop/horizontalpodautoscalers/cart"
		pdb     = "/apis/policy/v1/namespaces/shop/poddisruptionbudgets/checkout"
		service = "/api/v1/namespaces/shop/services/checkout"
		another = "replicaset checkout-7d9f makes another"
	)
	hpaOf := `{"metadata":{},"spec":{"scaleTargetRef":{"kind":"Deployment","name":"checkout"},"minReplicas":3,"maxReplicas":6}}`
	for name, tc := range map[string]struct {
		action string
		on     backend.Ref
		args   backend.Args
		path   string                 // of what is changed before
		change func(o map[string]any) // nil: nothing
		put    map[string]string      // beside it
		want   []string
	}{
		"replica set":   {action: cluster.PodDelete, on: podRef, want: []string{another}},
		"stateful set":  {action: cluster.PodDelete, on: podRef, path: podPath, change: own("StatefulSet", "db"), want: []string{"statefulset db makes it anew under the same name"}},
		"daemon set":    {action: cluster.PodDelete, on: podRef, path: podPath, change: own("DaemonSet", "agent"), want: []string{"daemonset agent makes another on the same node"}},
		"job":           {action: cluster.PodDelete, on: podRef, path: podPath, change: own("Job", "nightly"), want: []string{"job nightly owns it and may make another"}},
		"bare":          {action: cluster.PodDelete, on: podRef, path: podPath, change: func(o map[string]any) { delete(o["metadata"].(map[string]any), "ownerReferences") }, want: []string{"nothing makes it anew: it is gone for good"}},
		"mirror":        {action: cluster.PodDelete, on: podRef, path: podPath, change: annotate("annotations", "kubernetes.io/config.mirror", "x"), want: []string{"the kubelet of ecs-14 brings it back: a file on the node makes it"}},
		"hostile owner": {action: cluster.PodDelete, on: podRef, path: podPath, change: own("ReplicaSet", "a\x1b[2Jb"), want: []string{"replicaset a·b makes another"}},
		"local data": {
			action: cluster.PodDelete, on: podRef, path: podPath, change: spec(map[string]any{"volumes": []any{map[string]any{"name": "cache", "emptyDir": map[string]any{}}}}),
			want: []string{another, "its emptyDir data goes with it: cache"},
		},
		"by force": {action: cluster.PodDelete, on: podRef, args: backend.Args{"force": "true"}, want: []string{another, "it may still run on node ecs-14"}},
		"by force, of a stateful set": {
			action: cluster.PodDelete, on: podRef, args: backend.Args{"force": "true"}, path: podPath, change: own("StatefulSet", "db"),
			want: []string{"statefulset db makes it anew under the same name", "it may still run on node ecs-14, beside its successor of the same name"},
		},
		"ending": {
			action: cluster.PodDelete, on: podRef, path: podPath,
			change: func(o map[string]any) {
				o["metadata"].(map[string]any)["deletionTimestamp"] = "2026-01-01T00:00:00Z"
			},
			want: []string{"it is already being deleted", another},
		},
		"budget": {
			action: cluster.PodDelete, on: podRef,
			put: map[string]string{
				pdb:           `{"metadata":{},"spec":{"selector":{"matchLabels":{"app":"checkout"}}}}`,
				pdb + "-else": `{"metadata":{},"spec":{"selector":{"matchLabels":{"app":"cart"}}}}`,
			},
			want: []string{another, "deleting goes past pdb checkout; eviction would ask it"},
		},
		"same number": {action: cluster.WorkloadScale, on: deploymentRef, args: backend.Args{"replicas": "3"}, want: []string{"it is already 3: nothing will change"}},
		"autoscaler": {
			action: cluster.WorkloadScale, on: deploymentRef, args: backend.Args{"replicas": "9"},
			put: map[string]string{hpa: hpaOf}, want: []string{"hpa cart keeps it between 3 and 6: it will undo this"},
		},
		"autoscaler of another": {
			action: cluster.WorkloadScale, on: statefulRef, args: backend.Args{"replicas": "9"}, put: map[string]string{hpa: hpaOf},
		},
		"to zero": {
			action: cluster.WorkloadScale, on: deploymentRef, args: backend.Args{"replicas": "0"},
			put: map[string]string{hpa: hpaOf, service: `{"metadata":{},"spec":{"selector":{"app":"checkout"}}}`, service + "-external": `{"metadata":{},"spec":{}}`},
			want: []string{
				"hpa cart stops working while it has no replicas",
				"it takes the service down: checkout selects it",
			},
		},
		"to zero without a service": {action: cluster.WorkloadScale, on: deploymentRef, args: backend.Args{"replicas": "0"}, want: []string{"it ends all of its pods"}},
		"claims go too": {
			action: cluster.WorkloadScale, on: statefulRef, args: backend.Args{"replicas": "1"}, path: statefulPath,
			change: spec(map[string]any{"persistentVolumeClaimRetentionPolicy": map[string]any{"whenScaled": "Delete"}}),
			want:   []string{"the volume claims of the pods that go are deleted with them"},
		},
		"operator": {action: cluster.WorkloadScale, on: deploymentRef, args: backend.Args{"replicas": "4"}, path: deploymentPath, change: own("Rollout", "checkout"), want: []string{"rollout checkout owns it and may undo this"}},
		"argo":     {action: cluster.WorkloadScale, on: deploymentRef, args: backend.Args{"replicas": "4"}, path: deploymentPath, change: annotate("annotations", "argocd.argoproj.io/tracking-id", "shop:apps/Deployment:shop/checkout"), want: []string{"Argo CD app shop manages it and may undo this"}},
		"flux":     {action: cluster.WorkloadRestart, on: deploymentRef, path: deploymentPath, change: annotate("labels", "kustomize.toolkit.fluxcd.io/name", "apps"), want: []string{"Flux kustomize /apps manages it and may undo this"}},
		"helm":     {action: cluster.WorkloadRestart, on: deploymentRef, path: deploymentPath, change: annotate("annotations", "meta.helm.sh/release-name", "checkout"), want: []string{"Helm release checkout manages it and may undo this"}},
		"recreate": {
			action: cluster.WorkloadRestart, on: deploymentRef, path: deploymentPath, change: spec(map[string]any{"strategy": map[string]any{"type": "Recreate"}}),
			want: []string{"its strategy is Recreate: all pods end before new ones start"},
		},
		"on delete": {
			action: cluster.WorkloadRestart, on: daemonRef, path: daemonPath, change: spec(map[string]any{"updateStrategy": map[string]any{"type": "OnDelete"}}),
			want: []string{"its strategy is OnDelete: a pod is replaced only when someone deletes it"},
		},
		"partition": {
			action: cluster.WorkloadRestart, on: statefulRef, path: statefulPath, change: spec(map[string]any{"updateStrategy": map[string]any{"rollingUpdate": map[string]any{"partition": 2}}}),
			want: []string{"its strategy has partition 2: only pods from that number on are replaced"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			a.furnish()
			if tc.change != nil {
				a.edit(tc.path, false, tc.change)
			}
			for path, object := range tc.put {
				a.put(path, object)
			}
			c, _ := a.connect(t)
			p, err := c.Plan(t.Context(), tc.action, []backend.Ref{tc.on}, tc.args)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, p.Warnings); d != "" {
				t.Error(d)
			}
		})
	}
}

// What is true of several targets is said once, with their names.
func TestWarningsOfSeveral(t *testing.T) {
	a := newAPI(t)
	a.furnish()
	refs := []backend.Ref{podRef}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		a.put("/api/v1/namespaces/shop/pods/"+name, `{"kind":"Pod","apiVersion":"v1","metadata":{}}`)
		refs = append(refs, ref(cluster.KindPod, name))
	}
	c, _ := a.connect(t)
	p, err := c.Plan(t.Context(), cluster.PodDelete, refs, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"checkout-x2x4k: replicaset checkout-7d9f makes another",
		"a, b, c and 2 more: nothing makes it anew: it is gone for good",
	}
	if d := cmp.Diff(want, p.Warnings); d != "" {
		t.Error(d)
	}
}

// A look for warnings that fails is told and blocks nothing, nor does one that
// hangs.
func TestLooksThatFail(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		meddle func(w http.ResponseWriter, r *http.Request)
		want   string
	}{
		"forbidden":   {func(w http.ResponseWriter, _ *http.Request) { fail(w, 403, "Forbidden", "hpas are forbidden") }, "could not look for HPAs in shop: you may not list them"},
		"hangs":       {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "could not look for HPAs in shop: no answer in time"},
		"no such api": {func(w http.ResponseWriter, _ *http.Request) { fail(w, 404, "NotFound", "404 page not found") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			a.furnish()
			a.meddle = func(w http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) bool {
				looks := strings.HasSuffix(r.URL.Path, "horizontalpodautoscalers")
				if looks {
					tc.meddle(w, r)
				}
				return looks
			}
			c, _ := a.connect(t)
			p, err := c.Plan(t.Context(), cluster.WorkloadScale, []backend.Ref{deploymentRef}, backend.Args{"replicas": "4"})
			if err != nil || len(p.Steps) != 1 {
				t.Fatal(err)
			}
			if got := strings.Join(p.Warnings, "; "); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}
