package sandbox_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"wheelhouse/backend/sandbox"
)

func TestBuild(t *testing.T) {
	now := time.Unix(1000, 0)
	w := sandbox.New(func() time.Time { return now }, 2*time.Second)
	w.Add(sandbox.Pipeline{Name: "shop/cart", Branch: "main", Stages: []sandbox.Plan{
		{Name: "compile", Takes: 10 * time.Second, Says: []string{"one", "two"}},
		{Name: "deploy", Takes: 5 * time.Second, Fails: "BREAK", Wrong: []string{"no such host"}, Gate: &sandbox.Gate{Message: "Really?"}},
	}})
	of := func(number int) sandbox.Build {
		t.Helper()
		b, err := w.Build("shop/cart", number)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if _, err := w.Trigger("shop/none", sandbox.Order{}); !errors.Is(err, sandbox.ErrNone) {
		t.Errorf("of no pipeline: %v", err)
	}
	for range 2 {
		if _, err := w.Trigger("shop/cart", sandbox.Order{By: "mlin", Params: map[string]string{"BREAK": "true"}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		after time.Duration
		state sandbox.State
		says  string
	}{
		{0, sandbox.Created, ""},
		{2 * time.Second, sandbox.Running, "Started by mlin\n[compile] begins\n"},
		{4 * time.Second, sandbox.Running, "Started by mlin\n[compile] begins\none\n"},
		{6 * time.Second, sandbox.Waiting, "Started by mlin\n[compile] begins\none\ntwo\n[compile] passed\n"},
	} {
		now = now.Add(step.after)
		if b := of(1); b.State != step.state || b.Log(now) != step.says {
			t.Errorf("at %s it is %s and says %q", now, b.State, b.Log(now))
		}
	}
	if err := w.Answer("shop/cart", 1, "compile", "ops", true, nil); !errors.Is(err, sandbox.ErrNotHere) {
		t.Errorf("where nobody is asked: %v", err)
	}
	if err := w.Answer("shop/cart", 1, "deploy", "ops", true, nil); err != nil {
		t.Error(err)
	}
	if err := w.Answer("shop/cart", 2, "deploy", "ops", false, nil); err != nil || of(2).State != sandbox.Stopped {
		t.Errorf("a no leaves it %s, %v", of(2).State, err)
	}
	now = now.Add(5 * time.Second)
	if b := of(1); b.State != sandbox.Failed || len(b.Commit) != 40 || b.Commit == of(2).Commit || strings.HasPrefix(b.Commit, "0000") || !strings.HasSuffix(b.Log(now), "no such host\n[deploy] failed\nFinished: failed\n") || b.Stages[1].By != "ops" {
		t.Errorf("it is %s and says %q", b.State, b.Log(now))
	}
	if err := w.Stop("shop/cart", 1); !errors.Is(err, sandbox.ErrEnded) {
		t.Errorf("stopping what has ended: %v", err)
	}
	if err := w.Retry("shop/cart", 1); err != nil || of(1).State != sandbox.Waiting {
		t.Errorf("done again it is %s, %v", of(1).State, err)
	}
	if err := w.Delete("shop/cart", 1); err != nil || of(2).Number != 2 {
		t.Errorf("without the first: %v", err)
	}
	if _, err := w.Build("shop/cart", 1); !errors.Is(err, sandbox.ErrNone) {
		t.Errorf("the deleted one: %v", err)
	}
	if b, err := w.Trigger("shop/cart", sandbox.Order{}); err != nil || b.Number != 3 {
		t.Errorf("the next is %d, %v", b.Number, err)
	}
	if all := w.Builds("shop/cart"); len(all) != 2 || all[0].Number != 3 {
		t.Errorf("they are %+v", all)
	}
}
