package kube

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
)

// writing is whether a request changes something.
func writing(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodPost }

// step plans an action on one object and gives its step.
func step(t *testing.T, c *Cluster, action string, r backend.Ref, args backend.Args) backend.Step {
	t.Helper()
	p, err := c.Plan(t.Context(), action, []backend.Ref{r}, args)
	if err != nil {
		t.Fatal(err)
	}
	return p.Steps[0]
}

func setReplicas(n float64) func(map[string]any) {
	return func(o map[string]any) { o["spec"].(map[string]any)["replicas"] = n }
}

func heartbeat(o map[string]any) { o["status"] = map[string]any{"readyReplicas": 2.0} }

// What may happen between a plan and the answer to its request, and how the
// step must end.
func TestCarryOut(t *testing.T) {
	t.Parallel()
	five := backend.Args{"replicas": "5"}
	type moment struct { // when a write arrives, the n-th, from 1
		a     *api
		n     int
		w     http.ResponseWriter
		serve func(http.ResponseWriter)
	}
	nowhere := func(m moment) { m.serve(httptest.NewRecorder()) } // done, but nobody hears of it
	for name, tc := range map[string]struct {
		action string
		on     backend.Ref
		args   backend.Args
		before func(a *api)                // between plan and step
		arrive func(m moment) (taken bool) // when a write arrives
		code   backend.Code
		says   string // empty: it must succeed
		writes int    // that reached the server
	}{
		"scale": {action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 1},
		"heartbeat before it": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 1,
			before: func(a *api) { a.edit(deploymentPath, false, heartbeat) },
		},
		"heartbeats between read and write": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 3,
			arrive: func(m moment) bool {
				if m.n < 3 {
					m.a.edit(deploymentPath, false, heartbeat)
				}
				return false
			},
		},
		"heartbeats without end": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: kubeapi.MaxTries,
			arrive: func(m moment) bool { m.a.edit(deploymentPath, false, heartbeat); return false },
			code:   backend.Conflict, says: "Deployment shop/checkout on prod-eu keeps being changed by others",
		},
		"scaled by another before it": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five,
			before: func(a *api) { a.edit(deploymentPath, true, setReplicas(4)) },
			code:   backend.Conflict, says: "replicas was 3, is 4: another change came first. Look and ask again.",
		},
		"scaled by another between read and write": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 1,
			arrive: func(m moment) bool { m.a.edit(deploymentPath, true, setReplicas(4)); return false },
			code:   backend.Conflict, says: "replicas was 3, is 4: another change came first. Look and ask again.",
		},
		"made anew": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five,
			before: func(a *api) {
				a.edit(deploymentPath, true, func(o map[string]any) { o["metadata"].(map[string]any)["uid"] = "u2" })
			},
			code: backend.Conflict, says: "uid was uid-checkout, is u2",
		},
		"gone": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five,
			before: func(a *api) { a.remove(deploymentPath) },
			code:   backend.NotFound, says: "Deployment shop/checkout is not there on prod-eu",
		},
		"denied": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 1,
			arrive: func(m moment) bool {
				fail(m.w, 403, "Forbidden", `deployments.apps "checkout" is forbidden`)
				return true
			},
			code: backend.Denied, says: "You may not patch deployments.apps/scale in shop on prod-eu",
		},
		"refused by a webhook": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 1,
			arrive: func(m moment) bool {
				fail(m.w, 403, "Forbidden", "admission webhook \"freeze.corp\" denied the request: \x1b]0;x\x07frozen till Monday.")
				return true
			},
			code: backend.Denied, says: `prod-eu refuses: admission webhook "freeze.corp" denied the request: ·frozen till Monday. Mend`,
		},
		"too many": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 1,
			arrive: func(m moment) bool { fail(m.w, 422, "Invalid", "spec.replicas: must be less"); return true },
			code:   backend.Invalid, says: "spec.replicas: must be less",
		},
		"busy for a moment": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 2,
			arrive: func(m moment) bool {
				if m.n > 1 {
					return false
				}
				m.w.Header().Set("Retry-After", "1")
				fail(m.w, 429, "TooManyRequests", "slow down")
				return true
			},
		},
		"busy for an hour": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 1,
			arrive: func(m moment) bool {
				m.w.Header().Set("Retry-After", "3600")
				fail(m.w, 429, "TooManyRequests", "slow down")
				return true
			},
			code: backend.Failed, says: "too busy and asks to be left alone for 1h0m0s. Nothing was changed",
		},
		"answer lost, done": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 1,
			arrive: func(m moment) bool { nowhere(m); cut(m.w); return true },
		},
		"answer lost, not done": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 2,
			arrive: func(m moment) bool {
				if m.n == 1 {
					cut(m.w)
				}
				return m.n == 1
			},
		},
		"answer lost, done with a timeout of the server that asks for a retry": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 1,
			arrive: func(m moment) bool {
				nowhere(m)
				m.w.Header().Set("Retry-After", "1")
				fail(m.w, 504, "Timeout", "request did not complete within the allotted timeout")
				return true
			},
		},
		"answer lost, done, changed once more since": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 1,
			arrive: func(m moment) bool {
				nowhere(m)
				m.a.edit(deploymentPath, true, setReplicas(3))
				cut(m.w)
				return true
			},
			code: backend.Unknown, says: "kubectl --context prod-eu -n shop get deployment checkout -o yaml",
		},
		"answer lost, another's change came instead": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: 1,
			arrive: func(m moment) bool { m.a.edit(deploymentPath, true, setReplicas(9)); cut(m.w); return true },
			code:   backend.Conflict, says: "replicas was 3, is 9",
		},
		"never an answer": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: kubeapi.MaxTries,
			arrive: func(m moment) bool { cut(m.w); return true },
			code:   backend.Unknown, says: "may have been changed (replicas: 5), or not",
		},
		"an error without end": {
			action: cluster.WorkloadScale, on: deploymentRef, args: five, writes: kubeapi.MaxTries,
			arrive: func(m moment) bool { fail(m.w, 500, "InternalError", "etcd is unwell"); return true },
			code:   backend.Failed, says: "prod-eu answered: etcd is unwell",
		},
		"restart, answer lost, done": {
			action: cluster.WorkloadRestart, on: statefulRef, writes: 1,
			arrive: func(m moment) bool { nowhere(m); cut(m.w); return true },
		},
		"restart after another's": {
			action: cluster.WorkloadRestart, on: deploymentRef,
			before: func(a *api) {
				a.edit(deploymentPath, true, func(o map[string]any) {
					o["spec"].(map[string]any)["template"].(map[string]any)["metadata"].(map[string]any)["annotations"] = map[string]any{restartedAt: "2026-01-01T00:00:00Z"}
				})
			},
			code: backend.Conflict, says: "restarted at was none, is 2026-01-01T00:00:00Z",
		},
		"restart, paused meanwhile": {
			action: cluster.WorkloadRestart, on: deploymentRef,
			before: func(a *api) {
				a.edit(deploymentPath, true, func(o map[string]any) { o["spec"].(map[string]any)["paused"] = true })
			},
			code: backend.Conflict, says: "paused was no, is yes",
		},
		"delete, made anew between read and write": {
			action: cluster.PodDelete, on: podRef, writes: 1,
			arrive: func(m moment) bool {
				m.a.edit(podPath, false, func(o map[string]any) { o["metadata"].(map[string]any)["uid"] = "u2" })
				return false
			},
			code: backend.Conflict, says: "uid was uid-checkout-x2x4k, is u2",
		},
		"delete, deleted by another": {
			action: cluster.PodDelete, on: podRef,
			before: func(a *api) {
				a.edit(podPath, false, func(o map[string]any) {
					o["metadata"].(map[string]any)["deletionTimestamp"] = "2026-01-01T00:00:00Z"
				})
			},
			code: backend.Conflict, says: "being deleted was no, is yes",
		},
		"delete, gone between read and write": {
			action: cluster.PodDelete, on: podRef, writes: 1,
			arrive: func(m moment) bool { m.a.remove(podPath); return false },
			code:   backend.NotFound, says: "Pod shop/checkout-x2x4k is not there",
		},
		"delete, answer lost, ending": {
			action: cluster.PodDelete, on: podRef, writes: 1,
			arrive: func(m moment) bool { nowhere(m); cut(m.w); return true },
		},
		"delete by force, answer lost, gone": {
			action: cluster.PodDelete, on: podRef, args: backend.Args{"force": "true"}, writes: 1,
			arrive: func(m moment) bool { nowhere(m); cut(m.w); return true },
		},
		"delete, answer lost, not done": {
			action: cluster.PodDelete, on: podRef, writes: 2,
			arrive: func(m moment) bool {
				if m.n == 1 {
					cut(m.w)
				}
				return m.n == 1
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAPI(t)
			a.furnish()
			c, _ := a.connect(t)
			s := step(t, c, tc.action, tc.on, tc.args)
			if tc.before != nil {
				tc.before(a)
			}
			var mu sync.Mutex
			writes := 0
			a.meddle = func(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter)) bool {
				if !writing(r) {
					return false
				}
				mu.Lock()
				writes++
				n := writes
				mu.Unlock()
				return tc.arrive != nil && tc.arrive(moment{a, n, w, serve})
			}
			err := s.Do(t.Context(), quiet)
			if (err == nil) != (tc.says == "") {
				t.Fatalf("%v, want %q", err, tc.says)
			}
			if err != nil && (backend.CodeOf(err) != tc.code || !strings.Contains(short(err), tc.says)) {
				t.Errorf("%v: %v\nwant %v: …%s…", backend.CodeOf(err), err, tc.code, tc.says)
			}
			if writes != tc.writes {
				t.Errorf("%d writes reached the server, want %d", writes, tc.writes)
			}
			if err == nil && tc.action == cluster.WorkloadScale && replicasAt(a) != 5 {
				t.Error("acknowledged, but not done")
			}
		})
	}
}

// A console that is left while the server is at work says what became of it,
// as far as one look tells.
func TestCancelledWhileSent(t *testing.T) {
	for name, tc := range map[string]struct {
		finish bool
		code   backend.Code
	}{
		"done all the same": {finish: true},
		"can't be told":     {code: backend.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t)
			a.furnish()
			c, _ := a.connect(t)
			s := step(t, c, cluster.WorkloadScale, deploymentRef, backend.Args{"replicas": "5"})
			ctx, cancel := context.WithCancel(t.Context())
			a.meddle = func(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter)) bool {
				if !writing(r) {
					return false
				}
				if tc.finish {
					serve(httptest.NewRecorder())
				}
				_, _ = io.ReadAll(r.Body) // a server sees its client go only after that
				cancel()
				<-r.Context().Done()
				return true
			}
			err := s.Do(ctx, quiet)
			if (err == nil) != tc.finish || err != nil && backend.CodeOf(err) != tc.code {
				t.Error(err)
			}
		})
	}
}

func TestCancelledBeforeSending(t *testing.T) {
	a := newAPI(t)
	a.furnish()
	c, rec := a.connect(t)
	s := step(t, c, cluster.WorkloadScale, deploymentRef, backend.Args{"replicas": "5"})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Do(ctx, quiet); err == nil || !strings.Contains(err.Error(), "Stopped before deployment shop/checkout on prod-eu was changed") || len(rec.writes()) > 0 {
		t.Error(err, rec.writes())
	}
}

func TestUndo(t *testing.T) {
	a := newAPI(t)
	a.furnish()
	c, _ := a.connect(t)
	s := step(t, c, cluster.WorkloadScale, deploymentRef, backend.Args{"replicas": "5"})
	if err := s.Do(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	if err := s.Undo.Do(t.Context(), quiet); err != nil {
		t.Fatal(err)
	}
	if n := replicasAt(a); n != 3 {
		t.Errorf("%d replicas after the undo", n)
	}
	if err := s.Undo.Do(t.Context(), quiet); backend.CodeOf(err) != backend.Conflict {
		t.Errorf("a second undo: %v", err)
	}
}
