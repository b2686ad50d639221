package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/audit"
	"wheelhouse/backend/dispatch"
)

func TestConsent(t *testing.T) {
	tests := []struct {
		name      string
		action    string
		protected bool
		consent   dispatch.Consent
		begins    bool
	}{
		{"low needs none", note.ID, false, dispatch.Consent{}, true},
		{"medium needs a yes", remove.ID, false, dispatch.Consent{}, false},
		{"medium has it", remove.ID, false, dispatch.Consent{Confirmed: true}, true},
		{"high needs the name", remove.ID, true, dispatch.Consent{Confirmed: true}, false},
		{"high has another name", remove.ID, true, dispatch.Consent{Confirmed: true, Typed: "y"}, false},
		{"high has a name but no yes", remove.ID, true, dispatch.Consent{Typed: "x"}, false},
		{"high has both", remove.ID, true, dispatch.Consent{Confirmed: true, Typed: " x "}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := one(t, &actor{})
			w.route("a", func(r *dispatch.Route) { r.Protected = tt.protected })
			p, err := w.Plan(t.Context(), tt.action, []backend.Ref{pod("a", "x")}, nil)
			if err != nil {
				t.Fatal(err)
			}
			id, err := w.Start(t.Context(), p, tt.consent)
			if !tt.begins {
				wantCode(t, err, backend.Unconfirmed)
				if errors.Is(err, dispatch.ErrUnrecorded) {
					t.Error("a lack of consent looks like a lack of a record")
				}
				if words := w.record.words(); len(words) > 0 {
					t.Errorf("on record: %v", words)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if _, err := w.Wait(t.Context(), id); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStartRefusesWhatChanged(t *testing.T) {
	tests := []struct {
		name   string
		change func(*dispatch.Route)
		code   backend.Code
		cause  string
	}{
		{"read-only", func(r *dispatch.Route) { r.ReadOnly = true }, backend.Denied, "read-only"},
		{"protected", func(r *dispatch.Route) { r.Protected = true }, backend.Conflict, "changed"},
		{"another user", func(r *dispatch.Route) { r.User = "eve" }, backend.Conflict, "changed"},
		{"another server", func(r *dispatch.Route) { r.Server = "https://b" }, backend.Conflict, "changed"},
		{"disconnected", func(r *dispatch.Route) { r.Actor = nil }, backend.Unreachable, "changed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := &actor{}
			w := one(t, a)
			p := w.scale(t, deployment("a", "x"))
			asked := len(a.asked())
			w.route("a", tt.change)
			_, err := w.Start(t.Context(), p, yes(p))
			wantCode(t, err, tt.code)
			if calls := a.asked(); len(calls) != asked {
				t.Errorf("the actor was asked %v", calls[asked:])
			}
			if diff := cmp.Diff([]string{"refusal " + tt.cause}, w.record.words()); diff != "" {
				t.Error(diff)
			}
		})
	}
	t.Run("the user became known", func(t *testing.T) {
		w := one(t, &actor{})
		w.route("a", func(r *dispatch.Route) { r.User = "" })
		p := w.scale(t, deployment("a", "x"))
		w.route("a", func(r *dispatch.Route) { r.User = "mlin" })
		w.run(t, p)
		if got := w.record.entries[0].Intent.Links; len(got) != 1 || got[0].User != "mlin" {
			t.Errorf("on record: %+v", got)
		}
	})
	t.Run("a proposal from nowhere", func(t *testing.T) {
		_, err := one(t, &actor{}).Start(t.Context(), dispatch.Proposal{Action: scale}, dispatch.Consent{Confirmed: true})
		wantCode(t, err, backend.Invalid)
	})
	t.Run("an ended context", func(t *testing.T) {
		w := one(t, &actor{})
		p := w.scale(t, deployment("a", "x"))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := w.Start(ctx, p, yes(p))
		wantCode(t, err, backend.Failed)
		w.run(t, p) // and it is not used up
	})
}

// TestIntentIsOnDisk: what is about to be done can be read from the disk while
// it is being done, and the outcome before anyone is told of it.
func TestIntentIsOnDisk(t *testing.T) {
	dir := t.TempDir()
	log, err := audit.Open(dir, audit.Session{Who: "mlin"})
	if err != nil {
		t.Fatal(err)
	}
	onDisk := func() string {
		data, err := os.ReadFile(log.Path())
		if err != nil {
			t.Error(err)
		}
		return string(data)
	}
	a := &actor{do: func(context.Context, backend.Ref, backend.Progress) error {
		if s := onDisk(); !strings.Contains(s, `"intent":`) || strings.Contains(s, `"outcome":`) {
			t.Errorf("on disk while it is done:\n%s", s)
		}
		if images, _ := filepath.Glob(filepath.Join(dir, "*.d", "*.yaml")); len(images) != 1 {
			t.Errorf("pre-images on disk while it is done: %v, want one", images)
		}
		return nil
	}}
	var w *world
	told := make(chan struct{})
	o := dispatch.Options{Record: log, Changed: func() {
		for _, r := range w.Runs() {
			if r.Ended.IsZero() {
				continue
			}
			if s := onDisk(); !strings.Contains(s, `"outcome":`) {
				t.Errorf("on disk when the end is told:\n%s", s)
			}
			close(told) // more than once is a panic: an end is told once
		}
	}}
	w = newWorld(t, o, map[string]dispatch.Route{"a": {Actor: a, Server: "https://a", User: "mlin"}})
	p := w.scale(t, deployment("a", "x"))
	if log.Path() != "" {
		t.Error("a plan alone made a file")
	}
	r := w.run(t, p)
	<-told
	if r.Plan.Steps[0].Before != nil {
		t.Error("the ended run still holds its pre-image")
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	records, err := audit.Tail(dir, 10)
	if err != nil || len(records) != 5 {
		t.Fatalf("Tail = %v, %v; want five records", records, err)
	}
	want := &audit.Intent{
		Run: "1", Action: "workload.scale", Sentence: "Scales 1 on a to 5.", Args: map[string]string{"replicas": "5"},
		Links: []audit.Identity{{Link: "a", Server: "https://a", User: "mlin"}},
		Steps: []audit.Planned{{
			Target: "a:deployment.apps/shop/x", UID: "uid-ax", Request: "PATCH x", CLI: "kubectl scale x",
			Guard: []backend.Fact{{Name: "replicas", Value: "3"}}, Image: records[1].Intent.Steps[0].Image,
		}},
	}
	if diff := cmp.Diff(want, records[1].Intent); diff != "" {
		t.Errorf("intent (-want +got):\n%s", diff)
	}
	if reports, err := audit.Verify(dir); err != nil || reports[0].State != audit.Whole {
		t.Errorf("Verify = %v, %v", reports, err)
	}
}

func TestNoSecretsBesideTheRecord(t *testing.T) {
	secret := func(_ context.Context, _ []backend.Ref, p *backend.Plan) error {
		p.Steps[0].Target.Kind = "secret"
		return nil
	}
	w := one(t, &actor{plan: secret})
	w.run(t, w.scale(t, deployment("a", "x")))
	if in := w.record.entries[0].Intent; in.Steps[0].Before != nil {
		t.Error("a Secret's content went to the record")
	}
}

func TestUnrecorded(t *testing.T) {
	a := &actor{}
	w := one(t, a)
	full := errors.New("no space left on device")
	w.record.fails = full
	p := w.scale(t, deployment("a", "x"))
	asked := len(a.asked())
	for _, reason := range []string{"", "  "} {
		c := yes(p)
		c.Reason = reason
		_, err := w.Start(t.Context(), p, c)
		wantCode(t, err, backend.Unconfirmed)
		if !errors.Is(err, dispatch.ErrUnrecorded) || !errors.Is(err, full) {
			t.Errorf("error = %v, want ErrUnrecorded and the disk's in its chain", err)
		}
	}
	if calls := a.asked(); len(calls) != asked {
		t.Errorf("without a record the actor was asked %v", calls[asked:])
	}
	c := yes(p)
	c.Reason = "site is down"
	id, err := w.Start(t.Context(), p, c)
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Wait(t.Context(), id)
	if err != nil || r.Err != nil || !strings.Contains(r.Outcome, "could not be recorded yet") {
		t.Errorf("run = %q, %v, %v; want it done, and said that the record lacks", r.Outcome, r.Err, err)
	}
	want := []string{"refusal unrecorded", "refusal unrecorded", "intent", "step done", "outcome done"}
	if diff := cmp.Diff(want, words(w.record.late)); diff != "" {
		t.Error(diff)
	}
	if got := w.record.late[2].Intent.Reason; got != "site is down" {
		t.Errorf("reason on record = %q", got)
	}
}

func TestManyStarts(t *testing.T) {
	a := &actor{}
	w := one(t, a)
	var wg sync.WaitGroup
	same := w.scale(t, deployment("a", "same"))
	var begun atomic.Int32
	for i := range 100 {
		wg.Go(func() {
			w.run(t, w.scale(t, deployment("a", fmt.Sprint("x", i))))
			if _, err := w.Start(t.Context(), same, yes(same)); err == nil {
				begun.Add(1)
			}
			w.Runs()
		})
	}
	wg.Wait()
	w.Close(t.Context())
	if begun.Load() != 1 {
		t.Errorf("one proposal was begun %d times", begun.Load())
	}
	ids := map[string]bool{}
	for _, r := range w.Runs() {
		ids[r.ID] = true
		if r.Err != nil || r.Ended.IsZero() {
			t.Errorf("run %s: %v", r.ID, r.Err)
		}
	}
	if len(ids) != 101 {
		t.Errorf("%d runs, want 101", len(ids))
	}
}

func TestDecline(t *testing.T) {
	w := one(t, &actor{})
	p := w.scale(t, deployment("a", "x"))
	w.Decline(p)
	w.Decline(p)
	w.Decline(dispatch.Proposal{})
	_, err := w.Start(t.Context(), p, yes(p))
	wantCode(t, err, backend.Conflict)
	q := w.scale(t, deployment("a", "x"))
	w.run(t, q)
	w.Decline(q)
	if diff := cmp.Diff([]string{"refusal cancelled", "intent", "step done", "outcome done"}, w.record.words()); diff != "" {
		t.Error(diff)
	}
}

func TestUndo(t *testing.T) {
	a := &actor{}
	a.plan = func(_ context.Context, _ []backend.Ref, p *backend.Plan) error {
		for i := range p.Steps {
			if p.Steps[i].Target.Name == "z" {
				p.Steps[i].Undo = nil
			}
		}
		p.Warnings = []string{"an autoscaler may set it back"}
		return nil
	}
	a.do = func(_ context.Context, r backend.Ref, _ backend.Progress) error {
		if r.Name == "bad" {
			return errors.New("no")
		}
		return nil
	}
	w := one(t, a)
	first := w.run(t, w.scale(t, deployment("a", "x"), deployment("a", "y"), deployment("a", "z"), deployment("a", "bad")))
	p, err := w.Undo(first.ID)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range p.Steps {
		names = append(names, s.Target.Name)
	}
	if diff := cmp.Diff([]string{"y", "x"}, names); diff != "" {
		t.Error(diff)
	}
	warned := strings.Join(p.Warnings, " ")
	if !strings.Contains(warned, "1 of the 3 steps done can't be taken back") || strings.Count(warned, "what is taken back: an autoscaler may") != 1 || p.Risk != backend.Medium {
		t.Errorf("warnings = %q, risk %v", p.Warnings, p.Risk)
	}
	r := w.run(t, p)
	if r.Err != nil || !strings.HasPrefix(r.Outcome, "Undo scale of 2 deployments on a was done") {
		t.Errorf("outcome = %q, %v", r.Outcome, r.Err)
	}
	calls := strings.Join(a.asked(), ",")
	if !strings.Contains(calls, "reset x") || !strings.Contains(calls, "reset y") || strings.Contains(calls, "reset bad") {
		t.Errorf("the actor was asked %s", calls)
	}
	for _, e := range w.record.entries {
		if e.Intent != nil && e.Intent.Run == r.ID && e.Intent.Undoes != first.ID {
			t.Errorf("the record does not say that run %s takes back run %s", r.ID, first.ID)
		}
	}
	_, err = w.Undo("99")
	wantCode(t, err, backend.NotFound)
	_, err = w.Undo(r.ID) // nothing takes back what took back
	wantCode(t, err, backend.Invalid)
	w.route("a", func(r *dispatch.Route) { r.ReadOnly = true })
	_, err = w.Undo(first.ID)
	wantCode(t, err, backend.Denied)
}
