package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/dispatch"
)

func TestWhy(t *testing.T) {
	tests := []struct {
		name     string
		readOnly bool
		route    dispatch.Route
		action   string
		refs     []backend.Ref
		want     string
	}{
		{name: "can be done", action: scale.ID, refs: []backend.Ref{deployment("a", "x")}},
		{name: "no such action", action: "pod.fly", want: "no action pod.fly"},
		{name: "nothing selected", action: scale.ID, want: "nothing is selected"},
		{name: "wrong kind", action: scale.ID, refs: []backend.Ref{pod("a", "x")}, want: "it takes deployments or statefulsets, not pods"},
		{name: "mixed", action: scale.ID, refs: []backend.Ref{deployment("a", "x"), pod("a", "x"), pod("a", "y")}, want: "not pods (2 of the 3 selected)"},
		{name: "console read-only", readOnly: true, action: scale.ID, refs: []backend.Ref{deployment("a", "x")}, want: "this console is read-only"},
		{name: "link read-only", route: dispatch.Route{ReadOnly: true}, action: scale.ID, refs: []backend.Ref{deployment("a", "x")}, want: "a is read-only"},
		{name: "not connected", action: scale.ID, refs: []backend.Ref{deployment("a", "x"), deployment("b", "x")}, want: "b is not connected"},
		{name: "no link", action: scale.ID, refs: []backend.Ref{deployment("z", "x")}, want: `no link called "z"`},
		{name: "the actor knows", route: dispatch.Route{Actor: &actor{why: "it is paused"}}, action: scale.ID, refs: []backend.Ref{deployment("a", "x")}, want: "it is paused"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.route.Actor == nil {
				tt.route.Actor = &actor{}
			}
			w := newWorld(t, dispatch.Options{ReadOnly: tt.readOnly}, map[string]dispatch.Route{"a": tt.route, "b": {}})
			got := w.Why(tt.action, tt.refs)
			if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("Why = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestActionsByKind(t *testing.T) {
	w := one(t, &actor{})
	var ids []string
	for _, a := range w.For("pod") {
		ids = append(ids, a.ID)
	}
	if diff := cmp.Diff([]string{"pod.delete", "pod.note"}, ids); diff != "" {
		t.Error(diff)
	}
	if _, ok := w.Find("pod.delete"); !ok || len(w.Actions()) != 3 {
		t.Error("the actions given are not found")
	}
}

// TestReadOnlyAsksNoServer: for every action, neither plan nor run reaches an actor.
func TestReadOnlyAsksNoServer(t *testing.T) {
	for _, tt := range []struct {
		name   string
		o      dispatch.Options
		linked bool
	}{{"console", dispatch.Options{ReadOnly: true}, false}, {"link", dispatch.Options{}, true}} {
		a := &actor{}
		w := newWorld(t, tt.o, map[string]dispatch.Route{"a": {Actor: a, ReadOnly: tt.linked}})
		for _, action := range w.Actions() {
			t.Run(tt.name+" "+action.ID, func(t *testing.T) {
				ref := pod("a", "x")
				ref.Kind = action.Kinds[0]
				_, err := w.Plan(t.Context(), action.ID, []backend.Ref{ref}, nil)
				wantCode(t, err, backend.Denied)
			})
		}
		if calls := a.asked(); len(calls) > 0 {
			t.Errorf("%s: the actor was asked %v", tt.name, calls)
		}
		if diff := cmp.Diff([]string{"refusal read-only", "refusal read-only", "refusal read-only"}, w.record.words()); diff != "" {
			t.Error(diff)
		}
	}
}

func TestPlanMergesLinks(t *testing.T) {
	a, b := &actor{}, &actor{}
	w := newWorld(t, dispatch.Options{}, map[string]dispatch.Route{"a": {Actor: a}, "b": {Actor: b}})
	same := deployment("b", "z")
	same.UID = deployment("a", "x").UID // the same object through another link
	p := w.scale(t, deployment("a", "x"), deployment("b", "y"), deployment("a", "x"), same, deployment("a", "w"))
	var got []string
	for _, s := range p.Steps {
		got = append(got, s.Target.Link+"/"+s.Target.Name)
	}
	if diff := cmp.Diff([]string{"a/x", "a/w", "b/y"}, got); diff != "" {
		t.Error(diff)
	}
	if want := "Scales 2 on a to 5. Scales 1 on b to 5."; p.Sentence != want {
		t.Errorf("sentence = %q, want %q", p.Sentence, want)
	}
	warnings := strings.Join(p.Warnings, "\n")
	for _, want := range []string{"2 of the selected were selected twice", "2 systems at once: a and b"} {
		if !strings.Contains(warnings, want) {
			t.Errorf("warnings = %q, want %q among them", warnings, want)
		}
	}
	if p.Risk != backend.High || p.TypeToConfirm != "scale 3" {
		t.Errorf("risk %v, to type %q; want high and %q", p.Risk, p.TypeToConfirm, "scale 3")
	}
}

func TestPlanFails(t *testing.T) {
	gone := &backend.Error{Code: backend.NotFound, Human: "There is no deployment \x1b[31mx. Look at the list."}
	tests := []struct {
		name string
		plan func(ctx context.Context, refs []backend.Ref, p *backend.Plan) error // of link b
		code backend.Code
		want string
	}{
		{"an error", func(context.Context, []backend.Ref, *backend.Plan) error { return gone }, backend.NotFound, "b: There is no deployment ·x. Look at the list. Nothing was sent."},
		{"no answer", func(ctx context.Context, _ []backend.Ref, _ *backend.Plan) error { <-ctx.Done(); return ctx.Err() }, backend.Unreachable, "b: no answer in time"},
		{"no answer whatever happens", func(context.Context, []backend.Ref, *backend.Plan) error { time.Sleep(time.Hour); return nil }, backend.Unreachable, "b: no answer in time"},
		{"a panic", func(context.Context, []backend.Ref, *backend.Plan) error { panic("oh") }, backend.Failed, "b: a fault in wheelhouse, a panic with a string in dispatch_test."},
		{"a step elsewhere", func(_ context.Context, _ []backend.Ref, p *backend.Plan) error {
			p.Steps[0].Target.Link = "a"
			return nil
		}, backend.Failed, "b: the plan is faulty"},
		{"a step that can't be done", func(_ context.Context, _ []backend.Ref, p *backend.Plan) error { p.Steps[0].Do = nil; return nil }, backend.Failed, "b: the plan is faulty"},
		{"too much", func(_ context.Context, _ []backend.Ref, p *backend.Plan) error {
			p.Steps = slices.Repeat(p.Steps, 1001)
			return nil
		}, backend.Invalid, "choose fewer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := &actor{}, &actor{plan: tt.plan}
				w := newWorld(t, dispatch.Options{}, map[string]dispatch.Route{"a": {Actor: a}, "b": {Actor: b}})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				_, err := w.Plan(ctx, scale.ID, []backend.Ref{deployment("a", "x"), deployment("b", "x")}, five)
				wantCode(t, err, tt.code)
				if err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("error = %q, want %q in it", err, tt.want)
				}
				time.Sleep(2 * time.Hour) // what was left behind ends
			})
		})
	}
}

func TestPlanRefusesNonsense(t *testing.T) {
	nothing := func(_ context.Context, _ []backend.Ref, p *backend.Plan) error { p.Steps = nil; return nil }
	tests := []struct {
		name   string
		actor  *actor
		action string
		refs   []backend.Ref
		args   backend.Args
		code   backend.Code
		want   string
	}{
		{"no action", &actor{}, "pod.fly", nil, nil, backend.Invalid, "no action"},
		{"nothing selected", &actor{}, scale.ID, nil, five, backend.Invalid, "nothing is selected"},
		{"wrong argument", &actor{}, scale.ID, []backend.Ref{deployment("a", "x")}, backend.Args{"replicas": "many"}, backend.Invalid, "whole number"},
		{"missing argument", &actor{}, scale.ID, []backend.Ref{deployment("a", "x")}, nil, backend.Invalid, "replicas is needed"},
		{"not connected", &actor{}, scale.ID, []backend.Ref{deployment("off", "x")}, five, backend.Unreachable, "off is not connected"},
		{"nothing to do", &actor{plan: nothing}, scale.ID, []backend.Ref{deployment("a", "x")}, five, backend.Invalid, "nothing to do"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := one(t, tt.actor)
			w.route("off", func(*dispatch.Route) {})
			_, err := w.Plan(t.Context(), tt.action, tt.refs, tt.args)
			wantCode(t, err, tt.code)
			if err != nil && !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error = %q, want %q in it", err, tt.want)
			}
			if words := w.record.words(); len(words) > 0 {
				t.Errorf("on record: %v, want nothing", words)
			}
		})
	}
}

func TestRisk(t *testing.T) {
	many := func(n int) (out []backend.Ref) {
		for i := range n {
			out = append(out, pod("a", fmt.Sprint("p", i)))
		}
		return out
	}
	hostile := pod("a", "x\u202ey")
	tests := []struct {
		name      string
		protected bool
		action    string
		refs      []backend.Ref
		risk      backend.Risk
		toType    string
	}{
		{"low", false, note.ID, many(1), backend.Low, ""},
		{"medium", false, remove.ID, many(10), backend.Medium, ""},
		{"many", false, remove.ID, many(11), backend.High, "delete 11"},
		{"protected", true, remove.ID, many(1), backend.High, "p0"},
		{"protected, low", true, note.ID, many(1), backend.High, "p0"},
		{"a name that can't be typed", true, remove.ID, []backend.Ref{hostile}, backend.High, "a"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := one(t, &actor{})
			w.route("a", func(r *dispatch.Route) { r.Protected = tt.protected })
			p, err := w.Plan(t.Context(), tt.action, tt.refs, nil)
			if err != nil {
				t.Fatal(err)
			}
			if p.Risk != tt.risk || p.TypeToConfirm != tt.toType {
				t.Errorf("risk %v, to type %q; want %v and %q", p.Risk, p.TypeToConfirm, tt.risk, tt.toType)
			}
			if warned := strings.Contains(strings.Join(p.Warnings, " "), "a is protected"); warned != tt.protected {
				t.Errorf("warnings = %v", p.Warnings)
			}
		})
	}
}

func TestSecretsAreKeptOut(t *testing.T) {
	w := one(t, &actor{})
	p, err := w.Plan(t.Context(), scale.ID, []backend.Ref{deployment("a", "x")}, backend.Args{"replicas": "5", "token": "hunter2"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(backend.Args{"replicas": "5"}, p.Args); diff != "" {
		t.Error(diff)
	}
	w.run(t, p)
	if in := w.record.entries[0].Intent; in.Args["replicas"] != "5" || len(in.Args) != 1 {
		t.Errorf("on record: %v", in.Args)
	}
}

func TestReview(t *testing.T) {
	refs := []backend.Ref{deployment("a", "x"), deployment("a", "y"), deployment("a", "z")}
	only := func(names ...string) func(context.Context, backend.Permission, backend.Ref) (bool, string, error) {
		return func(_ context.Context, _ backend.Permission, r backend.Ref) (bool, string, error) {
			return slices.Contains(names, r.Name), "no \x1b[1mrule", nil
		}
	}
	tests := []struct {
		name     string
		may      func(context.Context, backend.Permission, backend.Ref) (bool, string, error)
		refs     []backend.Ref
		asked    []string // in any order
		verdicts int
		refused  string
		warning  string
	}{
		{"one object is asked by name", only("x"), refs[:1], []string{"may x"}, 1, "", ""},
		{"many by one question", nil, refs, []string{"may "}, 1, "", ""},
		{"granted by name only", only("x", "y", "z"), refs, []string{"may ", "may x", "may y", "may z"}, 3, "", ""},
		{
			"one is not", only("x", "y"), refs,
			[]string{"may ", "may x", "may y", "may z"},
			3,
			"You may not patch deployments.apps/scale of deployment shop/z on a (no ·rule). Nothing was sent", "",
		},
		{
			"can't be asked", func(context.Context, backend.Permission, backend.Ref) (bool, string, error) {
				return true, "", errors.New("no reviews here")
			}, refs, []string{"may "}, 1, "", "a could not be asked whether you may patch deployments.apps/scale: no reviews here. It decides",
		},
		{
			"does not answer", func(ctx context.Context, _ backend.Permission, _ backend.Ref) (bool, string, error) {
				<-ctx.Done()
				return true, "", nil
			}, refs[:1], []string{"may x"}, 1, "", "could not be asked",
		},
		{
			"panics", func(context.Context, backend.Permission, backend.Ref) (bool, string, error) { panic("oh") },
			refs[:1],
			[]string{"may x"},
			1, "", "could not be asked",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &actor{may: tt.may}
				w := one(t, a)
				p := w.scale(t, tt.refs...)
				calls := a.asked()[1:] // the first is the plan
				slices.Sort(calls)
				if diff := cmp.Diff(tt.asked, calls); diff != "" {
					t.Error(diff)
				}
				if len(p.Verdicts) != tt.verdicts {
					t.Errorf("verdicts = %v, want %d", p.Verdicts, tt.verdicts)
				}
				if !strings.Contains(p.Refused, tt.refused) || (p.Refused == "") != (tt.refused == "") {
					t.Errorf("refused = %q, want %q", p.Refused, tt.refused)
				}
				if !strings.Contains(strings.Join(p.Warnings, "\n"), tt.warning) {
					t.Errorf("warnings = %q, want %q", p.Warnings, tt.warning)
				}
				_, err := w.Start(t.Context(), p, yes(p))
				if tt.refused == "" {
					if err != nil {
						t.Error(err)
					}
					return
				}
				wantCode(t, err, backend.Denied)
				if diff := cmp.Diff([]string{"refusal denied", "refusal denied"}, w.record.words()); diff != "" {
					t.Error(diff)
				}
				w.Decline(p) // what was refused is not recorded as declined, too
				if n := len(w.record.words()); n != 2 {
					t.Errorf("%d on record after Decline, want 2", n)
				}
			})
		})
	}
}

// BenchmarkWhy is asked for every action whenever a selection is drawn.
func BenchmarkWhy(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			d := dispatch.New(dispatch.Options{
				Actions: []backend.Action{scale},
				Route:   func(backend.Ref) (dispatch.Route, bool) { return dispatch.Route{Actor: &actor{}}, true },
			})
			refs := slices.Repeat([]backend.Ref{deployment("a", "x")}, n)
			for b.Loop() {
				if why := d.Why(scale.ID, refs); why != "" {
					b.Fatal(why)
				}
			}
		})
	}
}
