package delivery

import (
	"testing"
	"time"

	"wheelhouse/backend"
)

func TestRolloutTells(t *testing.T) {
	base := Rollout{Link: "eu", Namespace: "shop", Name: "cart", Steps: "20% pause 60% pause", Step: 1, Stable: "1", Current: "2", Weight: 20}
	for says, c := range map[string]func(*Rollout){
		"paused at step 2/4, canary 20 %": func(r *Rollout) {
			r.State, r.Level, r.Paused, r.Detail = "Paused", backend.Waiting, 1000, "CanaryPauseStep"
		},
		"progressing at step 4/4, canary 60 %": func(r *Rollout) { r.State, r.Level, r.Step, r.Weight = "Progressing", backend.Moving, 4, 60 },
		"aborted, analysis failed, no good": func(r *Rollout) {
			r.State, r.Level, r.Aborted, r.Weight, r.Verdict, r.Detail = "Aborted", backend.Critical, true, 0, "Failed", "RolloutAborted: no good"
		},
		"": func(r *Rollout) { r.State, r.Level, r.Current = "Healthy", backend.Good, "1" },
	} {
		r := base
		c(&r)
		f, ok := r.Finding()
		if ok != (says != "") || ok && f.Sentence.Safe() != says || r.Paused != 0 && !f.Since.Equal(time.Unix(1000, 0)) {
			t.Errorf("got %q, %v, %v, want %q", f.Sentence.Safe(), f.Since, ok, says)
		}
	}
}

func TestRevisionTells(t *testing.T) {
	r := Revision{Link: "eu", Namespace: "shop", Name: "cart-1", Owner: "rollout.argoproj.io/cart", Image: "cart:2", Created: 1000, Desired: 1}
	c, ok := r.Change()
	if !ok || c.Ref != (backend.Ref{Link: "eu", Kind: KindRollout, Scope: "shop", Name: "cart"}) || c.Sentence.Safe() != "new version cart:2" || c.At.Unix() != 1000 {
		t.Errorf("%+v, %v", c, ok)
	}
	r.Desired = 0
	if _, ok := r.Change(); ok {
		t.Error("an old revision is told of")
	}
}
