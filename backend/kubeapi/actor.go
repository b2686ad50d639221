package kubeapi

import (
	"context"
	"fmt"
	"strings"

	"wheelhouse/backend"
)

var _ backend.Actor = (*Actor)(nil)

// Verbs is what an adapter's actions differ in.
type Verbs struct {
	Actions []backend.Action
	Kinds   Kinds // that the actions are done to
	// Needs is the permission without which there is no use in asking.
	Needs func(action string, res Resource) backend.Permission
	// Plan makes the plan for targets that have just been read; at least one.
	Plan func(ctx context.Context, action string, ts []Target, args backend.Args) (backend.Plan, error)
}

// Actor implements backend.Actor for an adapter's verbs.
type Actor struct {
	*Client
	Verbs
}

// Why implements backend.Actor. What the server permits is known from its
// rules review, which is fetched in the background when a namespace is first
// asked about; until it is there, nothing is refused for that reason.
func (a *Actor) Why(action string, refs []backend.Ref) string {
	if _, err := a.asked(action, refs); err != nil {
		return strings.TrimSuffix(err.Error(), ".")
	}
	switch h := a.link.Health(); h.State {
	case backend.Off:
		return a.link.Alias() + " is not connected"
	case backend.Stale, backend.Down:
		return a.link.Alias() + " is not reachable"
	case backend.Forbidden:
		return a.link.Alias() + ": " + h.Reason.Safe()
	}
	type asked struct{ kind, scope string }
	seen := map[asked]bool{}
	for _, r := range refs {
		if seen[asked{r.Kind, r.Scope}] {
			continue
		}
		seen[asked{r.Kind, r.Scope}] = true
		if need := a.Needs(action, a.Kinds[r.Kind]); a.forbids(r.Scope, need) {
			return backend.T(fmt.Sprintf("you may not %s%s on %s", need, in(r.Scope), a.link.Alias())).Safe()
		}
	}
	return ""
}

// asked gives the action when it can be asked of refs at all, or an Invalid
// error.
func (a *Actor) asked(action string, refs []backend.Ref) (backend.Action, error) {
	bad := func(r backend.Ref, form string, args ...any) (backend.Action, error) {
		return backend.Action{}, &backend.Error{Code: backend.Invalid, Op: action, Ref: r, Human: backend.T(fmt.Sprintf(form, args...)).Safe()}
	}
	var verb backend.Action
	for _, known := range a.Actions {
		if known.ID == action {
			verb = known
		}
	}
	if verb.ID == "" {
		return bad(backend.Ref{}, "A cluster has no action %q.", action)
	}
	if len(refs) == 0 {
		return bad(backend.Ref{}, "%s needs something to be done to: choose it first.", verb.Title)
	}
	for _, r := range refs {
		switch res, known := a.Kinds[r.Kind]; {
		case !known || !verb.Takes(r.Kind):
			return bad(r, "%s does not go with a %s; it takes %s.", verb.Title, r.Kind, strings.Join(verb.Kinds, ", "))
		case r.Link != a.link.Alias():
			return bad(r, "%s belongs to %s, not to %s.", Upper(res.Named(r)), r.Link, a.link.Alias())
		case r.Scope == "" || r.Name == "":
			return bad(r, "%s needs a namespace and a name.", verb.Title)
		case r.Sub != "":
			return bad(r, "%s takes the whole %s, not %s of it.", verb.Title, res.Word, r.Sub)
		}
	}
	return verb, nil
}

// Plan implements backend.Actor. It reads every target; what else bears on the
// change the adapter reads. Objects that are gone leave the plan with a warning,
// unless none are left.
func (a *Actor) Plan(ctx context.Context, action string, refs []backend.Ref, args backend.Args) (backend.Plan, error) {
	verb, err := a.asked(action, refs)
	if err != nil {
		return backend.Plan{}, err
	}
	if args, err = verb.Check(args); err != nil {
		return backend.Plan{}, err
	}
	targets, gone, err := a.targets(ctx, action, refs)
	if err != nil {
		return backend.Plan{}, err
	}
	p, err := a.Verbs.Plan(ctx, action, targets, args)
	if err != nil {
		return backend.Plan{}, err
	}
	p.Action, p.Sentence = action, backend.T(p.Sentence).Safe()
	p.Warnings, p.Gone = append(leftOut(gone), p.Warnings...), refsOf(gone)
	return p, nil
}
