package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"wheelhouse/backend"
	"wheelhouse/backend/audit"
)

const (
	// manyTargets is the number of objects above which a risk is High.
	manyTargets = 10
	// maxSteps bounds one plan, so that a person and the record can hold it.
	maxSteps = 1000
)

// A Proposal is a plan that was checked and waits for consent. Copies are the
// same proposal: it can be started once.
type Proposal struct {
	backend.Plan
	Action backend.Action
	Args   backend.Args // with defaults, without those of secret parameters
	Risk   backend.Risk // the action's, raised where the targets call for it
	// Verdicts are the servers' answers to whether this is permitted.
	Verdicts []Verdict
	// TypeToConfirm is what must be typed when the risk is High, else empty.
	TypeToConfirm string
	// Refused is the sentence for what the servers do not permit: Start will not
	// begin it. Empty: nothing is known against it.
	Refused string

	undoes string           // the run that it takes back
	said   []string         // the warnings of those who know the system
	links  []audit.Identity // who would act, as known when it was planned, and when it begins
	begun  *atomic.Bool
}

// Plan works out what doing an action to refs would send, and asks the servers
// whether it is permitted. Refs of several links are planned together; when one
// link fails, there is no plan and the error names the link. What the servers do
// not permit is given with the reason in Refused; what can't even be planned
// (read-only, nothing selected, nothing to do, wrong arguments) is a
// backend.Error. Nothing is changed. The end of ctx bounds how long the servers
// are waited for.
func (d *Desk) Plan(ctx context.Context, action string, refs []backend.Ref, args backend.Args) (Proposal, error) {
	a, ok := d.Find(action)
	if !ok {
		var ids []string
		for _, a := range d.o.Actions {
			ids = append(ids, a.ID)
		}
		return Proposal{}, &backend.Error{Code: backend.Invalid, Op: "plan", Human: fmt.Sprintf("There is no action %q%s (`wheelhouse actions` lists them).", backend.T(action).Safe(), backend.Near(action, ids))}
	}
	if code, why := d.barred(a, refs); why != "" {
		err := refuse(code, a, why)
		if code == backend.Denied {
			d.keepRefusal(a, refs, audit.ReadOnly, err.Error())
		}
		return Proposal{}, err
	}
	refs, doubles := distinct(refs)
	var err error
	if a.Params, err = d.params(ctx, a, refs); err != nil {
		return Proposal{}, err
	}
	given, err := a.Check(args)
	if err != nil {
		return Proposal{}, err
	}
	plan, err := d.planAll(ctx, a, refs, given)
	if err != nil {
		return Proposal{}, err
	}
	if doubles > 0 {
		plan.Warnings = append(plan.Warnings, fmt.Sprintf("%d of the selected were selected twice; each is done once.", doubles))
	}
	return d.propose(ctx, Proposal{Plan: plan, Action: a, Args: public(a, given)})
}

// propose adds to a plan what holds for every change: the warnings, the risk
// and the servers' permission.
func (d *Desk) propose(ctx context.Context, p Proposal) (Proposal, error) {
	if len(p.Steps) > maxSteps {
		return Proposal{}, refuse(backend.Invalid, p.Action, fmt.Sprintf("%d requests at once are more than %d; choose fewer objects", len(p.Steps), maxSteps))
	}
	if len(p.Steps) == 0 {
		return Proposal{}, refuse(backend.Invalid, p.Action, strings.TrimSpace("there is nothing to do. "+p.Sentence))
	}
	p.begun, p.said = new(atomic.Bool), slices.Clone(p.Warnings)
	refs, links := targets(p.Steps)
	p.Risk = p.Action.Risk
	if len(links) > 1 {
		p.Risk = backend.High
		p.Warnings = append(p.Warnings, fmt.Sprintf("This goes to %d systems at once: %s.", len(links), enumerate(links, "and")))
	}
	for _, g := range d.byActor(refs) {
		if slices.ContainsFunc(p.links, func(i audit.Identity) bool { return i.Link == g.link }) {
			continue
		}
		p.links = append(p.links, audit.Identity{Link: g.link, Server: g.route.Server, User: g.route.User})
		if g.route.Protected {
			p.Risk = backend.High
			p.Warnings = append(p.Warnings, g.link+" is protected.")
		}
	}
	if len(refs) > manyTargets {
		p.Risk = backend.High
	}
	if p.Risk == backend.High {
		p.TypeToConfirm = toType(p.Action, refs)
	}
	p.Verdicts = d.review(ctx, p.Steps)
	p.Warnings = append(p.Warnings, unasked(p.Verdicts)...)
	if p.Refused = denied(p.Verdicts); p.Refused != "" {
		d.keepRefusal(p.Action, refs, audit.Denied, p.Refused)
	}
	return p, nil
}

// toType is what a person types to show that they know what they are about to
// do: the name of the one object, or the verb and the number of objects. A name
// that can't be typed gives way to its link's.
func toType(a backend.Action, refs []backend.Ref) string {
	if len(refs) > 1 {
		return fmt.Sprintf("%s %d", strings.ToLower(a.Title), len(refs))
	}
	for _, r := range refs[0].Name {
		if r <= ' ' || r > '~' {
			return refs[0].Link
		}
	}
	return refs[0].Name
}

// planAll has every actor plan its own refs, at the same time and for as long as
// ctx lasts, and joins what they say in the order of the refs.
func (d *Desk) planAll(ctx context.Context, a backend.Action, refs []backend.Ref, args backend.Args) (backend.Plan, error) {
	groups := d.byActor(refs)
	plans, errs := make([]backend.Plan, len(groups)), make([]error, len(groups))
	var wg sync.WaitGroup
	for i, g := range groups {
		wg.Go(func() {
			plans[i], errs[i] = ask(ctx, func() (backend.Plan, error) { return g.route.Actor.Plan(ctx, a.ID, g.refs, args) })
			if errs[i] == nil {
				errs[i] = sound(plans[i].Steps, g.link)
			}
		})
	}
	wg.Wait()
	if err := notPlanned(a, groups, errs); err != nil {
		return backend.Plan{}, err
	}
	all := backend.Plan{Action: a.ID}
	for _, p := range plans {
		all.Sentence = strings.TrimSpace(all.Sentence + " " + p.Sentence)
		all.Warnings = append(all.Warnings, p.Warnings...)
		all.Gone = append(all.Gone, p.Gone...)
		all.Steps = append(all.Steps, p.Steps...)
	}
	return all, nil
}

// notPlanned makes one error of those of the links, each named; nil when there
// are none.
func notPlanned(a backend.Action, groups []group, errs []error) error {
	out := &backend.Error{Op: a.ID, Err: errors.Join(errs...)}
	if out.Err == nil {
		return nil
	}
	var said []string
	for i, err := range errs {
		if err == nil {
			continue
		}
		code, text := backend.CodeOf(err), human(err)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			code, text = backend.Unreachable, "no answer in time. Try again, or look at the link's health."
		case errors.Is(err, context.Canceled):
			text = "cancelled before it had answered."
		}
		if said == nil {
			out.Code = code
			var e *backend.Error
			if errors.As(err, &e) {
				out.Ref = e.Ref
			}
		}
		said = append(said, groups[i].link+": "+strings.TrimSuffix(text, ".")+".")
	}
	out.Human = strings.Join(said, " ") + " Nothing was sent."
	return out
}

// sound says what of a link's plan can't be carried out by the rules here:
// gates are kept for each step's own link.
func sound(steps []backend.Step, link string) error {
	for _, s := range steps {
		if s.Do == nil || s.Target.Link != link {
			return &backend.Error{Code: backend.Failed, Op: "plan", Ref: s.Target, Human: "the plan is faulty, which is a mistake of this program: please report it."}
		}
	}
	return nil
}

// ask calls an actor and waits for it no longer than ctx lasts, whether the
// actor heeds ctx or not. A panic becomes an error.
func ask[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		var a answer
		defer func() { answers <- a }()
		defer backend.Caught(&a.err)
		a.value, a.err = f()
	}()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// distinct leaves out refs that address an object once more, also through
// another link to the same system, and says how many it left out.
func distinct(refs []backend.Ref) (out []backend.Ref, doubles int) {
	type identity struct{ kind, uid, sub string }
	keys, uids := map[backend.Ref]bool{}, map[identity]bool{}
	for _, r := range refs {
		id := identity{r.Kind, r.UID, r.Sub}
		if keys[r.Key()] || r.UID != "" && uids[id] {
			doubles++
			continue
		}
		keys[r.Key()], uids[id] = true, true
		out = append(out, r)
	}
	return out, doubles
}

// public is args without the values of secret parameters.
func public(a backend.Action, args backend.Args) backend.Args {
	out := backend.Args{}
	for _, p := range a.Params {
		if v, ok := args[p.Name]; ok && !p.Secret {
			out[p.Name] = v
		}
	}
	return out
}
