package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"wheelhouse/backend"
	"wheelhouse/backend/audit"
	"wheelhouse/backend/dispatch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	patch = backend.Permission{Verb: "patch", Group: "apps", Resource: "deployments", Sub: "scale"}

	scale = backend.Action{
		ID: "workload.scale", Title: "Scale", Kinds: []string{"deployment.apps", "statefulset.apps"}, Risk: backend.Medium,
		Params: []backend.Param{{Name: "replicas", Type: backend.Int, Required: true, Max: 100}, {Name: "token", Secret: true}},
	}
	remove = backend.Action{ID: "pod.delete", Title: "Delete", Kinds: []string{"pod"}, Risk: backend.Medium}
	note   = backend.Action{ID: "pod.note", Title: "Note", Kinds: []string{"pod"}, Risk: backend.Low}
)

func deployment(link, name string) backend.Ref {
	return backend.Ref{Link: link, Kind: "deployment.apps", Scope: "shop", Name: name, UID: "uid-" + link + name}
}

func pod(link, name string) backend.Ref {
	return backend.Ref{Link: link, Kind: "pod", Scope: "shop", Name: name, UID: "uid-" + link + name}
}

// actor is a link's actor that does what the test says; by default everything
// is possible, permitted and done at once. It notes what it was asked.
type actor struct {
	why  string
	plan func(ctx context.Context, refs []backend.Ref, p *backend.Plan) error // changes the plan made so far
	may  func(ctx context.Context, p backend.Permission, target backend.Ref) (bool, string, error)
	do   func(ctx context.Context, target backend.Ref, progress backend.Progress) error

	mu    sync.Mutex
	calls []string
}

func (a *actor) note(format string, args ...any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = append(a.calls, fmt.Sprintf(format, args...))
}

// asked gives what the actor was asked so far.
func (a *actor) asked() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

func (a *actor) Why(string, []backend.Ref) string { return a.why }

func (a *actor) Plan(ctx context.Context, action string, refs []backend.Ref, args backend.Args) (backend.Plan, error) {
	a.note("plan %s", refs[0].Link)
	p := backend.Plan{Action: action, Sentence: fmt.Sprintf("Scales %d on %s to %s.", len(refs), refs[0].Link, args["replicas"])}
	for _, r := range refs {
		s := a.step(r, "set")
		undo := a.step(r, "reset")
		s.Undo = &undo
		p.Steps = append(p.Steps, s)
	}
	if a.plan != nil {
		if err := a.plan(ctx, refs, &p); err != nil {
			return backend.Plan{}, err
		}
	}
	return p, nil
}

func (a *actor) step(r backend.Ref, verb string) backend.Step {
	return backend.Step{
		Target: r, Request: "PATCH " + r.Name, CLI: "kubectl scale " + r.Name, Needs: []backend.Permission{patch},
		Guard: backend.Facts{{Name: "replicas", Value: "3"}}, Before: []byte("replicas: 3\n"),
		Do: func(ctx context.Context, progress backend.Progress) error {
			a.note("%s %s", verb, r.Name)
			if a.do != nil {
				return a.do(ctx, r, progress)
			}
			progress(1, 1, "3 to 5")
			return nil
		},
	}
}

func (a *actor) May(ctx context.Context, p backend.Permission, target backend.Ref) (bool, string, error) {
	a.note("may %s", target.Name)
	if a.may != nil {
		return a.may(ctx, p, target)
	}
	return true, "", nil
}

// record keeps entries in memory; it fails while told so.
type record struct {
	mu      sync.Mutex
	fails   error
	entries []audit.Entry
	late    []audit.Entry
}

func (r *record) Write(e audit.Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fails == nil {
		r.entries = append(r.entries, e)
	}
	return r.fails
}

func (r *record) Keep(e audit.Entry) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fails == nil {
		r.entries = append(r.entries, e)
	} else {
		r.late = append(r.late, e)
	}
	return r.fails
}

// words gives what is on record, a word for each entry.
func (r *record) words() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return words(r.entries)
}

func words(entries []audit.Entry) []string {
	var out []string
	for _, e := range entries {
		switch {
		case e.Intent != nil:
			out = append(out, "intent")
		case e.Step != nil:
			out = append(out, "step "+e.Step.Code)
		case e.Outcome != nil:
			out = append(out, "outcome "+e.Outcome.Code)
		case e.Refusal != nil:
			out = append(out, "refusal "+string(e.Refusal.Cause))
		}
	}
	return out
}

// world is a desk with its links and record.
type world struct {
	*dispatch.Desk
	mu     sync.Mutex
	routes map[string]dispatch.Route
	record *record
}

func newWorld(t *testing.T, o dispatch.Options, routes map[string]dispatch.Route) *world {
	t.Helper()
	w := &world{routes: routes, record: &record{}}
	o.Actions = []backend.Action{scale, remove, note}
	o.Route = func(to backend.Ref) (dispatch.Route, bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		r, ok := w.routes[to.Link]
		return r, ok
	}
	if o.Record == nil {
		o.Record = w.record
	}
	w.Desk = dispatch.New(o)
	return w
}

// one is a world of one link, a.
func one(t *testing.T, a *actor) *world {
	t.Helper()
	return newWorld(t, dispatch.Options{}, map[string]dispatch.Route{"a": {Actor: a, Server: "https://a", User: "mlin"}})
}

func (w *world) route(link string, change func(*dispatch.Route)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.routes[link]
	change(&r)
	w.routes[link] = r
}

var five = backend.Args{"replicas": "5"}

func (w *world) scale(t *testing.T, refs ...backend.Ref) dispatch.Proposal {
	t.Helper()
	p, err := w.Plan(t.Context(), scale.ID, refs, five)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func yes(p dispatch.Proposal) dispatch.Consent {
	return dispatch.Consent{Confirmed: true, Typed: p.TypeToConfirm}
}

// run starts a proposal and waits for its end.
func (w *world) run(t *testing.T, p dispatch.Proposal) backend.Run {
	t.Helper()
	id, err := w.Start(t.Context(), p, yes(p))
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.Wait(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func wantCode(t *testing.T, err error, want backend.Code) {
	t.Helper()
	var e *backend.Error
	if !errors.As(err, &e) || e.Code != want {
		t.Errorf("error = %v (%v), want a backend.Error with code %v", err, backend.CodeOf(err), want)
	}
}
