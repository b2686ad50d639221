package kube

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

func quiet(int, int, string) {}

func TestPlan(t *testing.T) {
	second := ref(cluster.KindPod, "checkout-9kk2p")
	for name, tc := range map[string]struct {
		action   string
		refs     []backend.Ref
		args     backend.Args
		sentence string
		requests []string
		cli      string // of the first step
		needs    string
		guard    backend.Facts
		undo     string
	}{
		"delete": {
			action: cluster.PodDelete, refs: []backend.Ref{podRef},
			sentence: "Deletes pod shop/checkout-x2x4k on prod-eu.",
			requests: []string{"DELETE pods/shop/checkout-x2x4k  only if uid is uid-checkout-x2x4k"},
			cli:      "kubectl --context prod-eu -n shop delete pod checkout-x2x4k",
			needs:    "delete pods",
			guard:    backend.Facts{{Name: "uid", Value: "uid-checkout-x2x4k"}, {Name: "being deleted", Value: "no"}},
		},
		"delete two with grace": {
			action: cluster.PodDelete, refs: []backend.Ref{podRef, second}, args: backend.Args{"grace": "5"},
			sentence: "Deletes 2 pods in shop on prod-eu with a grace period of 5s.",
			requests: []string{
				"DELETE pods/shop/checkout-x2x4k  grace period: 5 s; only if uid is uid-checkout-x2x4k",
				"DELETE pods/shop/checkout-9kk2p  grace period: 5 s; only if uid is uid-checkout-9kk2p",
			},
			cli:   "kubectl --context prod-eu -n shop delete pod checkout-x2x4k --grace-period=5",
			needs: "delete pods",
			guard: backend.Facts{{Name: "uid", Value: "uid-checkout-x2x4k"}, {Name: "being deleted", Value: "no"}},
		},
		"delete by force": {
			action: cluster.PodDelete, refs: []backend.Ref{podRef}, args: backend.Args{"force": "true"},
			sentence: "Deletes pod shop/checkout-x2x4k on prod-eu by force.",
			requests: []string{"DELETE pods/shop/checkout-x2x4k  grace period: 0 s; only if uid is uid-checkout-x2x4k"},
			cli:      "kubectl --context prod-eu -n shop delete pod checkout-x2x4k --force --grace-period=0",
			needs:    "delete pods",
			guard:    backend.Facts{{Name: "uid", Value: "uid-checkout-x2x4k"}, {Name: "being deleted", Value: "no"}},
		},
		"scale": {
			action: cluster.WorkloadScale, refs: []backend.Ref{deploymentRef}, args: backend.Args{"replicas": "5"},
			sentence: "Scales deployment shop/checkout on prod-eu from 3 to 5.",
			requests: []string{"PATCH deployments/shop/checkout/scale  replicas: 5"},
			cli:      "kubectl --context prod-eu -n shop scale deployment/checkout --current-replicas=3 --replicas=5",
			needs:    "patch deployments.apps/scale",
			guard:    backend.Facts{{Name: "uid", Value: "uid-checkout"}, {Name: "being deleted", Value: "no"}, {Name: "replicas", Value: "3"}},
			undo:     "PATCH deployments/shop/checkout/scale  replicas: 3",
		},
		"scale two kinds": {
			action: cluster.WorkloadScale, refs: []backend.Ref{statefulRef, deploymentRef}, args: backend.Args{"replicas": "1"},
			sentence: "Scales 2 workloads in shop on prod-eu to 1.",
			requests: []string{"PATCH statefulsets/shop/db/scale  replicas: 1", "PATCH deployments/shop/checkout/scale  replicas: 1"},
			cli:      "kubectl --context prod-eu -n shop scale statefulset/db --current-replicas=3 --replicas=1",
			needs:    "patch statefulsets.apps/scale",
			guard:    backend.Facts{{Name: "uid", Value: "uid-db"}, {Name: "being deleted", Value: "no"}, {Name: "replicas", Value: "3"}},
			undo:     "PATCH statefulsets/shop/db/scale  replicas: 3",
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			a.furnish()
			a.put("/api/v1/namespaces/shop/pods/checkout-9kk2p", `{"kind":"Pod","apiVersion":"v1","metadata":{}}`)
			c, rec := a.connect(t)
			p, err := c.Plan(t.Context(), tc.action, tc.refs, tc.args)
			if err != nil {
				t.Fatal(err)
			}
			if p.Action != tc.action || p.Sentence != tc.sentence {
				t.Errorf("%s: %q, want %q", p.Action, p.Sentence, tc.sentence)
			}
			var requests []string
			for _, s := range p.Steps {
				requests = append(requests, s.Request)
			}
			if d := cmp.Diff(tc.requests, requests); d != "" {
				t.Error(d)
			}
			s := p.Steps[0]
			if short(s.CLI) != tc.cli || s.Needs[0].String() != tc.needs {
				t.Errorf("CLI %q, needs %s", s.CLI, s.Needs[0])
			}
			if d := cmp.Diff(tc.guard, s.Guard); d != "" {
				t.Error(d)
			}
			undo := ""
			if s.Undo != nil {
				undo = s.Undo.Request
			}
			if undo != tc.undo {
				t.Errorf("undo %q, want %q", undo, tc.undo)
			}
			if before := string(s.Before); !strings.Contains(before, "name: "+tc.refs[0].Name) || strings.Contains(before, "managedFields") {
				t.Errorf("pre-image:\n%s", before)
			}
			if w := rec.writes(); len(w) > 0 {
				t.Errorf("planning wrote %v", w)
			}
		})
	}
}

// Every action, carried out, sends what its plan says and nothing else that
// changes anything.
func TestSendsWhatThePlanSays(t *testing.T) {
	args := map[string]backend.Args{cluster.WorkloadScale: {"replicas": "7"}}
	refs := map[string]backend.Ref{
		cluster.KindPod: podRef, cluster.KindDeployment: deploymentRef,
		cluster.KindStatefulSet: statefulRef, cluster.KindDaemonSet: daemonRef,
	}
	for _, action := range cluster.Actions() {
		for _, kind := range action.Kinds {
			t.Run(action.ID+" "+kind, func(t *testing.T) {
				a := newAPI(t)
				a.furnish()
				c, rec := a.connect(t)
				p, err := c.Plan(t.Context(), action.ID, []backend.Ref{refs[kind]}, args[action.ID])
				if err != nil {
					t.Fatal(err)
				}
				said := ""
				for i := range p.Steps {
					if err := p.Steps[i].Do(t.Context(), quiet); err != nil {
						t.Fatal(err)
					}
					said, _, _ = strings.Cut(p.Steps[i].Request, "  ")
				}
				var sent []string
				for _, w := range rec.writes() {
					method, path, _ := strings.Cut(w, " ")
					at := strings.Split(path[strings.Index(path, "/namespaces/")+len("/namespaces/"):], "/")
					at[0], at[1] = at[1], at[0] // namespace and plural
					sent = append(sent, method+" "+strings.Join(at, "/"))
				}
				if d := cmp.Diff([]string{said}, sent); d != "" {
					t.Error(d)
				}
			})
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	t.Parallel()
	old := podRef
	old.UID = "an-older-one"
	part := podRef
	part.Sub = "app"
	other := podRef
	other.Link = "idc-bj"
	for name, tc := range map[string]struct {
		action string
		refs   []backend.Ref
		args   backend.Args
		answer func(w http.ResponseWriter, r *http.Request) bool
		code   backend.Code
		says   string
	}{
		"no such action":   {"pod.dance", []backend.Ref{podRef}, nil, nil, backend.Invalid, `no action "pod.dance"`},
		"nothing chosen":   {cluster.PodDelete, nil, nil, nil, backend.Invalid, "choose it first"},
		"wrong kind":       {cluster.WorkloadScale, []backend.Ref{daemonRef}, backend.Args{"replicas": "1"}, nil, backend.Invalid, "does not go with a daemonset.apps"},
		"a container":      {cluster.PodDelete, []backend.Ref{part}, nil, nil, backend.Invalid, "takes the whole pod"},
		"another link":     {cluster.PodDelete, []backend.Ref{other}, nil, nil, backend.Invalid, "belongs to idc-bj"},
		"no number":        {cluster.WorkloadScale, []backend.Ref{deploymentRef}, nil, nil, backend.Invalid, "replicas is needed"},
		"force with grace": {cluster.PodDelete, []backend.Ref{podRef}, backend.Args{"force": "true", "grace": "5"}, nil, backend.Invalid, "leave grace out"},
		"grace of zero":    {cluster.PodDelete, []backend.Ref{podRef}, backend.Args{"grace": "0"}, nil, backend.Invalid, "grace takes a number from 1"},
		"made anew":        {cluster.PodDelete, []backend.Ref{old}, nil, nil, backend.Conflict, "made anew under its name"},
		"not there":        {cluster.PodDelete, []backend.Ref{ref(cluster.KindPod, "gone")}, nil, nil, backend.NotFound, "Pod shop/gone is not there"},
		"denied": {cluster.PodDelete, []backend.Ref{podRef}, nil, func(w http.ResponseWriter, _ *http.Request) bool {
			fail(w, http.StatusForbidden, "Forbidden", "pods is forbidden")
			return true
		}, backend.Denied, "You may not get pods in shop on prod-eu"},
		"login expired": {cluster.PodDelete, []backend.Ref{podRef}, nil, func(w http.ResponseWriter, _ *http.Request) bool {
			fail(w, http.StatusUnauthorized, "Unauthorized", "Unauthorized")
			return true
		}, backend.Expired, "Log in again"},
		"no answer": {cluster.PodDelete, []backend.Ref{podRef}, nil, func(w http.ResponseWriter, _ *http.Request) bool {
			cut(w)
			return true
		}, backend.Unreachable, "prod-eu does not answer"},
		"not an object": {cluster.PodDelete, []backend.Ref{podRef}, nil, func(w http.ResponseWriter, _ *http.Request) bool {
			answer(w, http.StatusOK, []int{1})
			return true
		}, backend.Failed, "Look at it with kubectl"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			a.furnish()
			if tc.answer != nil {
				a.meddle = func(w http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) bool { return tc.answer(w, r) }
			}
			c, _ := a.connect(t)
			_, err := c.Plan(t.Context(), tc.action, tc.refs, tc.args)
			if err == nil || backend.CodeOf(err) != tc.code || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v: %v\nwant %v: …%s…", backend.CodeOf(err), err, tc.code, tc.says)
			}
			if err != nil && strings.Contains(fmt.Sprintf("%+v", err), "hidden-token") {
				t.Error("the error holds the token")
			}
		})
	}
}

func TestPlanLeavesOutWhatIsGone(t *testing.T) {
	a := newAPI(t)
	a.furnish()
	c, _ := a.connect(t)
	p, err := c.Plan(t.Context(), cluster.PodDelete, []backend.Ref{ref(cluster.KindPod, "gone"), podRef}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Steps) != 1 || p.Steps[0].Target.Name != podRef.Name || p.Warnings[0] != "pod shop/gone is not there any more: it is left out" {
		t.Errorf("%d steps, warnings %q", len(p.Steps), p.Warnings)
	}
}

func TestPausedIsNotRestarted(t *testing.T) {
	a := newAPI(t)
	a.furnish()
	a.edit(deploymentPath, true, func(o map[string]any) { o["spec"].(map[string]any)["paused"] = true })
	c, _ := a.connect(t)
	_, err := c.Plan(t.Context(), cluster.WorkloadRestart, []backend.Ref{deploymentRef}, nil)
	if backend.CodeOf(err) != backend.Invalid || !strings.HasSuffix(short(err), "kubectl --context prod-eu -n shop rollout resume deployment/checkout") {
		t.Error(err)
	}
}

// TestRedirected: what stands before the server and sends elsewhere is not
// followed with the credentials, and its page is no answer.
func TestRedirected(t *testing.T) {
	a := newAPI(t)
	a.furnish()
	c, _ := a.connect(t)
	s := step(t, c, cluster.PodDelete, podRef, nil)
	var elsewhere []string
	a.meddle = func(w http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) bool {
		if r.URL.Path == "/login" {
			elsewhere = append(elsewhere, r.Method)
			return true
		}
		if r.Method != http.MethodDelete {
			return false
		}
		http.Redirect(w, r, "/login", http.StatusFound)
		return true
	}
	err := s.Do(t.Context(), quiet)
	if backend.CodeOf(err) != backend.Failed || !strings.Contains(err.Error(), "redirect") || len(elsewhere) > 0 {
		t.Errorf("%v; it was followed: %v", err, elsewhere)
	}
}
