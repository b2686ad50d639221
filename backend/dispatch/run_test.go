package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/dispatch"
)

func TestEnds(t *testing.T) {
	conflict := &backend.Error{Code: backend.Conflict, Human: "Replicas was 3, is 4. Plan it again."}
	forbidden := &backend.Error{Code: backend.Denied, Human: "Not permitted. Ask for it."}
	lost := &backend.Error{Code: backend.Unknown, Human: "The answer was lost. Look at it."}
	tests := []struct {
		name string
		errs map[string]error // by target; x, y, z are asked for as far as they are named here
		err  any              // code, or nil
		want string
	}{
		{"one done", map[string]error{"x": nil}, nil, "Scale of deployment shop/x on a was done in 0s: 3 to 5."},
		{"all done", map[string]error{"x": nil, "y": nil}, nil, "Scale of 2 deployments on a was done in 0s: 3 to 5."},
		{"one conflict", map[string]error{"x": conflict}, backend.Conflict, "Scale of deployment shop/x on a failed after 0s: Replicas was 3, is 4. Plan it again."},
		{"one lost", map[string]error{"x": lost}, backend.Unknown, "Scale of deployment shop/x on a was left unclear after 0s: The answer was lost. Look at it."},
		{"a plain error", map[string]error{"x": errors.New("oh\x1b[2J")}, backend.Failed, "Scale of deployment shop/x on a failed after 0s: oh·. Look at it before you try again."},
		{"some", map[string]error{"x": nil, "y": conflict, "z": nil}, backend.Partly, "Scale of 3 deployments on a: 2 of 3 done in 0s, 1 failed. First deployment shop/y on a: Replicas was 3, is 4. Plan it again."},
		{"some lost", map[string]error{"x": nil, "y": lost, "z": forbidden}, backend.Partly, "Scale of 3 deployments on a: 1 of 3 done in 0s, 1 failed, 1 unclear. First deployment shop/y on a: The answer was lost. Look at it."},
		{"all for one reason", map[string]error{"x": forbidden, "y": forbidden}, backend.Denied, "Scale of 2 deployments on a: 0 of 2 done in 0s, 2 failed. First deployment shop/x on a: Not permitted. Ask for it."},
		{"all for several", map[string]error{"x": forbidden, "y": conflict}, backend.Failed, "Scale of 2 deployments on a: 0 of 2 done in 0s, 2 failed. First deployment shop/x on a: Not permitted. Ask for it."},
		{"one lost, one not", map[string]error{"x": forbidden, "y": lost}, backend.Unknown, "Scale of 2 deployments on a: 0 of 2 done in 0s, 1 failed, 1 unclear. First deployment shop/x on a: Not permitted. Ask for it."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := one(t, &actor{do: func(_ context.Context, r backend.Ref, progress backend.Progress) error {
					progress(0, 0, "3 to 5")
					return tt.errs[r.Name]
				}})
				var refs []backend.Ref
				for _, name := range []string{"x", "y", "z"} {
					if _, ok := tt.errs[name]; ok {
						refs = append(refs, deployment("a", name))
					}
				}
				r := w.run(t, w.scale(t, refs...))
				if r.Outcome != tt.want {
					t.Errorf("outcome = %q\n   want %q", r.Outcome, tt.want)
				}
				last := w.record.entries[len(w.record.entries)-1].Outcome
				if last == nil || last.Sentence != r.Outcome {
					t.Errorf("last on record: %+v, want the outcome", last)
				}
				if tt.err == nil {
					if r.Err != nil || last.Code != "done" {
						t.Errorf("error = %v, code %s; want none, done", r.Err, last.Code)
					}
					return
				}
				wantCode(t, r.Err, tt.err.(backend.Code))
				if r.Err.Error() != r.Outcome || last.Code != tt.err.(backend.Code).String() {
					t.Errorf("error = %q, code %s; want it to say the outcome", r.Err, last.Code)
				}
			})
		})
	}
}

func TestPanic(t *testing.T) {
	w := one(t, &actor{do: func(_ context.Context, r backend.Ref, _ backend.Progress) error {
		if r.Name == "x" {
			panic("oh")
		}
		return nil
	}})
	r := w.run(t, w.scale(t, deployment("a", "x"), deployment("a", "y")))
	wantCode(t, r.Err, backend.Partly)
	if r.Steps[0].Phase != backend.StepFailed || r.Steps[1].Phase != backend.StepDone {
		t.Errorf("steps = %+v, want failed and done", r.Steps)
	}
	wantCode(t, r.Steps[0].Err, backend.Unknown)
	if n := len(w.record.words()); n != 4 {
		t.Errorf("on record: %v, want intent, two steps, outcome", w.record.words())
	}
}

// TestLanes: steps of one target in order, the rest undone after a failure;
// targets beside each other, no more than four at once.
func TestLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var going, most atomic.Int32
		a := &actor{do: func(_ context.Context, r backend.Ref, _ backend.Progress) error {
			most.Store(max(most.Load(), going.Add(1)))
			time.Sleep(time.Second)
			going.Add(-1)
			if r.Name == "x" {
				return errors.New("no")
			}
			return nil
		}}
		a.plan = func(_ context.Context, _ []backend.Ref, p *backend.Plan) error {
			p.Steps = append(p.Steps, p.Steps...)
			return nil
		}
		var refs []backend.Ref
		for _, name := range strings.Split("xuvwyz", "") {
			refs = append(refs, deployment("a", name))
		}
		w := one(t, a)
		r := w.run(t, w.scale(t, refs...))
		if most.Load() != 4 {
			t.Errorf("%d at once, want 4", most.Load())
		}
		if r.Steps[0].Phase != backend.StepFailed || r.Steps[6].Phase != backend.StepWaiting || r.Done() != 10 {
			t.Errorf("steps = %+v, want the first failed, its second not begun, ten done", r.Steps)
		}
		if want := "10 of 12 done in 4s, 1 failed, 1 not begun."; !strings.Contains(r.Outcome, want) {
			t.Errorf("outcome = %q, want %q in it", r.Outcome, want)
		}
	})
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rung atomic.Int32
		var late backend.Progress
		a := &actor{do: func(_ context.Context, _ backend.Ref, progress backend.Progress) error {
			late = progress
			for i := range 3 {
				progress(i+1, 3, fmt.Sprint("moved ", i+1))
				time.Sleep(time.Second)
			}
			return nil
		}}
		w := newWorld(t, dispatch.Options{Changed: func() { rung.Add(1) }}, map[string]dispatch.Route{"a": {Actor: a}})
		p := w.scale(t, deployment("a", "x"))
		id, err := w.Start(t.Context(), p, yes(p))
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond)
		got := w.Runs()[0].Steps[0]
		if diff := cmp.Diff(backend.StepState{Phase: backend.StepGoing, Done: 2, Total: 3, Note: "moved 2"}, got); diff != "" {
			t.Error(diff)
		}
		got.Note = "mine" // a snapshot: changes nothing
		if _, err := w.Wait(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		before := rung.Load()
		late(9, 9, "too late")
		if s := w.Runs()[0].Steps[0]; s.Note != "moved 3" || rung.Load() != before {
			t.Errorf("after the end: %+v", s)
		}
		if before < 6 {
			t.Errorf("rung %d times, want at least for begin, three notes, step and end", before)
		}
	})
}

func TestCancel(t *testing.T) {
	waits := func(ctx context.Context, _ backend.Ref, _ backend.Progress) error {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Minute):
			return nil
		}
	}
	short := func(context.Context, backend.Ref, backend.Progress) error {
		time.Sleep(1500 * time.Millisecond)
		return nil
	}
	refs := func(n int) (out []backend.Ref) {
		for i := range n {
			out = append(out, deployment("a", fmt.Sprint("x", i)))
		}
		return out
	}
	tests := []struct {
		name string
		do   func(context.Context, backend.Ref, backend.Progress) error
		n    int
		code backend.Code
		want string
	}{
		{"steps that end soon are awaited", short, 6, backend.Partly, "4 of 6 done in 1.5s, 2 not begun because it was stopped. Do it again for what is left."},
		{"steps that do not are cancelled", waits, 6, backend.Unknown, "0 of 6 done in 3s, 4 unclear, 2 not begun because it was stopped. First deployment shop/x0"},
		{"one", waits, 1, backend.Unknown, "left unclear after 3s: It was stopped while it waited"},
	}
	for _, tt := range tests {
		for _, how := range []string{"Cancel", "ctx"} {
			t.Run(tt.name+" by "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := one(t, &actor{do: tt.do})
					p := w.scale(t, refs(tt.n)...)
					ctx, cancel := context.WithCancel(t.Context())
					defer cancel()
					id, err := w.Start(ctx, p, yes(p))
					if err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Second)
					if how == "ctx" {
						cancel()
					} else {
						w.Cancel(id)
						w.Cancel(id)
					}
					r, err := w.Wait(t.Context(), id)
					if err != nil {
						t.Fatal(err)
					}
					wantCode(t, r.Err, tt.code)
					if !strings.Contains(r.Outcome, tt.want) {
						t.Errorf("outcome = %q\n   want %q in it", r.Outcome, tt.want)
					}
					for i := 4; i < tt.n; i++ {
						if r.Steps[i].Phase != backend.StepWaiting {
							t.Errorf("step %d = %+v, want it not begun", i, r.Steps[i])
						}
					}
					w.Cancel(id) // of what has ended: nothing
					time.Sleep(time.Minute)
				})
			})
		}
	}
}

func TestWaitGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := one(t, &actor{do: func(context.Context, backend.Ref, backend.Progress) error { time.Sleep(time.Minute); return nil }})
		p := w.scale(t, deployment("a", "x"))
		id, err := w.Start(t.Context(), p, yes(p))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		r, err := w.Wait(ctx, id)
		if !errors.Is(err, context.DeadlineExceeded) || !r.Ended.IsZero() {
			t.Errorf("Wait = %v, %v; want the run going on, and the deadline", r.Ended, err)
		}
		_, err = w.Wait(t.Context(), "99")
		wantCode(t, err, backend.NotFound)
		if r, err := w.Wait(t.Context(), id); err != nil || r.Err != nil {
			t.Errorf("Wait = %v, %v", r.Err, err)
		}
	})
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := one(t, &actor{do: func(_ context.Context, r backend.Ref, _ backend.Progress) error {
			if r.Name == "deaf" {
				<-release // heeds nothing
			}
			return nil
		}})
		p, q := w.scale(t, deployment("a", "deaf")), w.scale(t, deployment("a", "y"))
		id, err := w.Start(t.Context(), p, yes(p))
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		w.Close(ctx)
		if took := time.Since(began); took != 3*time.Second {
			t.Errorf("Close took %v, want what ctx gave", took)
		}
		r, err := w.Wait(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		wantCode(t, r.Err, backend.Unknown)
		if !strings.Contains(r.Outcome, "Its end is not known: the console closed") {
			t.Errorf("outcome = %q", r.Outcome)
		}
		_, err = w.Start(t.Context(), q, yes(q))
		wantCode(t, err, backend.Failed)
		close(release)
		synctest.Wait()
		if diff := cmp.Diff([]string{"intent", "outcome unknown", "step done"}, w.record.words()); diff != "" {
			t.Errorf("on record, with the truth that came too late (-want +got):\n%s", diff)
		}
		if again, _ := w.Wait(t.Context(), id); again.Outcome != r.Outcome || again.Steps[0].Phase != backend.StepFailed {
			t.Errorf("the end changed to %q, %+v", again.Outcome, again.Steps)
		}
	})
}

// TestRunsKept: outcomes that were read make room, others never.
func TestRunsKept(t *testing.T) {
	w := one(t, &actor{})
	for i := range 210 {
		w.run(t, w.scale(t, deployment("a", fmt.Sprint("x", i))))
	}
	unread := w.Unread()
	if len(unread) != 210 || unread[0].ID != "1" {
		t.Fatalf("%d unread, the first is %s; want 210 from the oldest on", len(unread), unread[0].ID)
	}
	w.Acknowledge("1", "2", "210", "none")
	if n := len(w.Runs()); n != 207 {
		t.Errorf("%d runs, want the 207 that were not read", n)
	}
	for _, r := range w.Unread() {
		w.Acknowledge(r.ID)
	}
	if runs := w.Runs(); len(runs) != 200 || runs[0].ID != "209" || len(w.Unread()) != 0 {
		t.Errorf("%d runs, the newest %s; want the last 200", len(runs), runs[0].ID)
	}
}
