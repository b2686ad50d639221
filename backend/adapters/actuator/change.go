package actuator

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/service"
)

// A verb is what an action asks of an instance: the verbs are not the states.
type verb struct {
	sends, state string
	sentence     string // "Opens %s": the object follows
	warning      string
}

func verbOf(action string) (verb, bool) {
	switch action {
	case service.BreakerTrip:
		return verb{"FORCE_OPEN", service.ForcedOpen, "Opens %s: calls are refused until somebody closes it.", "callers get a refusal or their fallback at once"}, true
	case service.BreakerClose:
		return verb{"CLOSE", service.Closed, "Closes %s: calls are tried again.", ""}, true
	}
	return verb{}, false
}

// Why implements backend.Actor. What the state of a breaker says against it the
// row knows.
func (b *Breakers) Why(action string, refs []backend.Ref) string {
	l := b.api.Link()
	if _, ok := verbOf(action); !ok {
		return "breakers have no " + action
	}
	switch h := l.Health(); h.State {
	case backend.Off:
		return l.Alias() + " is not connected"
	case backend.Stale, backend.Down:
		return l.Alias() + " is not reachable"
	case backend.Forbidden:
		return l.Alias() + ": " + h.Reason.Safe()
	}
	for _, r := range refs {
		if r.Kind != service.KindBreaker {
			return r.Kind + " is no breaker"
		}
	}
	return ""
}

// May implements backend.Actor: who may reach the instance may ask it.
func (b *Breakers) May(ctx context.Context, p backend.Permission, target backend.Ref) (ok bool, reason string, err error) {
	return b.finder.may(ctx, p, target.Scope, target.Sub)
}

// Plan implements backend.Actor: a step for each instance. A breaker that no
// instance has is refused here, as the server would make one of that name.
func (b *Breakers) Plan(ctx context.Context, action string, refs []backend.Ref, _ backend.Args) (backend.Plan, error) {
	v, ok := verbOf(action)
	if !ok || len(refs) == 0 {
		return backend.Plan{}, &backend.Error{Code: backend.Invalid, Op: action, Human: fmt.Sprintf("Breakers have no action %q; they have %s and %s.", action, service.BreakerTrip, service.BreakerClose)}
	}
	var scopes []string
	for _, r := range refs {
		if r.Scope != "" && !slices.Contains(scopes, r.Scope) {
			scopes = append(scopes, r.Scope)
		}
	}
	found, err := b.finder.find(ctx, backend.Scope{Namespaces: scopes})
	if err != nil {
		return backend.Plan{}, err
	}
	p := backend.Plan{Action: action}
	readings := readAll(ctx, ofThem(found, refs))
	for _, ref := range refs {
		steps, warnings, err := b.steps(v, ref, readings)
		if err != nil {
			return backend.Plan{}, err
		}
		p.Steps, p.Warnings = append(p.Steps, steps...), append(p.Warnings, warnings...)
	}
	if v.warning != "" {
		p.Warnings = append(p.Warnings, v.warning)
	}
	p.Warnings = append(p.Warnings, "it lasts until the process ends: an instance that starts anew begins closed")
	p.Sentence = backend.T(fmt.Sprintf(v.sentence, called(refs, len(p.Steps))+" on "+b.api.Link().Alias())).Safe()
	return p, nil
}

// ofThem are the instances of the services that refs are about.
func ofThem(all []instance, refs []backend.Ref) []instance {
	return slices.DeleteFunc(slices.Clone(all), func(i instance) bool {
		return !slices.ContainsFunc(refs, func(r backend.Ref) bool { return concerns(r, i) })
	})
}

func concerns(r backend.Ref, i instance) bool {
	return r.Scope == i.scope && strings.HasPrefix(r.Name, i.service+".") && (r.Sub == "" || r.Sub == i.name)
}

// called is how the sentence calls the targets.
func called(refs []backend.Ref, steps int) string {
	if len(refs) > 1 {
		return fmt.Sprintf("%d breakers on %d instances", len(refs), steps)
	}
	svc, name, _ := strings.Cut(refs[0].Name, ".")
	if refs[0].Sub != "" {
		return fmt.Sprintf("breaker %s of %s on its instance %s", name, svc, refs[0].Sub)
	}
	if steps == 1 {
		return fmt.Sprintf("breaker %s of %s", name, svc)
	}
	return fmt.Sprintf("breaker %s of %s on its %d instances", name, svc, steps)
}

// steps are those for one breaker.
func (b *Breakers) steps(v verb, ref backend.Ref, readings []reading) (steps []backend.Step, warnings []string, err error) {
	svc, name, _ := strings.Cut(ref.Name, ".")
	var has []string
	for _, r := range readings {
		if !concerns(ref, r.instance) {
			continue
		}
		if r.err != nil {
			warnings = append(warnings, backend.T(r.name+" can't be read and is left out: "+r.err.Error()).Safe())
			continue
		}
		br, ok := r.breakers[name]
		if !ok {
			for other := range r.breakers {
				has = append(has, other)
			}
			continue
		}
		steps = append(steps, b.step(v, ref, r.instance, name, br.State))
	}
	if len(steps) > 0 {
		return steps, warnings, nil
	}
	e := &backend.Error{Code: backend.NotFound, Op: "find breaker", Ref: ref}
	slices.Sort(has)
	switch {
	case len(has) > 0:
		e.Human = fmt.Sprintf("%s has no breaker %q; it has %s. Look at the list again.", svc, name, strings.Join(slices.Compact(has), ", "))
	case len(warnings) > 0:
		e.Code = backend.Unreachable
		e.Human = "None of the instances of " + svc + " answers. " + strings.Join(warnings, " ")
	default:
		e.Human = fmt.Sprintf("There is no instance of %s with breakers. It may have been deleted: look at the list again.", svc)
	}
	e.Human = backend.T(e.Human).Safe()
	return nil, nil, e
}

// step asks one instance.
func (b *Breakers) step(v verb, ref backend.Ref, i instance, name, state string) backend.Step {
	ref.Sub = i.name
	s := backend.Step{
		Target:  ref,
		Request: backend.T(fmt.Sprintf("POST %s%s  updateState: %s", i.name, i.path(name), v.sends)).Safe(),
		CLI:     backend.T(i.byHand(i.path(name), body(v.sends))).Safe(),
		Needs:   b.finder.needs(),
		Guard:   facts(state),
		Do: func(ctx context.Context, progress backend.Progress) error {
			defer b.api.Stir()
			return carryOut(ctx, v, i, name, facts(state), progress)
		},
	}
	if back := opposite(v, state); back != nil {
		undo := s
		undo.Request = backend.T(fmt.Sprintf("POST %s%s  updateState: %s", i.name, i.path(name), back.sends)).Safe()
		undo.CLI = backend.T(i.byHand(i.path(name), body(back.sends))).Safe()
		undo.Guard = facts(v.state)
		undo.Do = func(ctx context.Context, progress backend.Progress) error {
			defer b.api.Stir()
			return carryOut(ctx, *back, i, name, facts(v.state), progress)
		}
		s.Undo = &undo
	}
	return s
}

// opposite takes a verb back: what a person has opened or closed. What the breaker
// has done by itself can't be brought about.
func opposite(v verb, before string) *verb {
	var back verb
	switch {
	case v.state == service.ForcedOpen && byItself(before):
		back, _ = verbOf(service.BreakerClose)
	case v.state == service.Closed && before == service.ForcedOpen:
		back, _ = verbOf(service.BreakerTrip)
	default:
		return nil
	}
	return &back
}

func byItself(state string) bool {
	return state == service.Closed || state == service.Open || state == service.HalfOpen
}

// facts are what a plan is made on: only what people have set, as the rest changes
// with every call.
func facts(state string) backend.Facts {
	if byItself(state) {
		state = ""
	}
	return backend.Facts{{Name: "state set by hand", Value: state}}
}

// settle is how long a lost answer is looked into before it is asked again.
const settle = 200 * time.Millisecond

// carryOut looks, asks, and believes what it then reads. Asking twice is asking
// once, so that after a lost answer it looks, and asks again where that did not
// come about.
func carryOut(ctx context.Context, v verb, i instance, name string, guard backend.Facts, progress backend.Progress) error {
	state, err := i.stateOf(ctx, name)
	switch {
	case err != nil:
		return err
	case state == v.state:
		progress(1, 1, "it is "+state+" already")
		return nil
	}
	if changed := guard.Changed(facts(state)); changed != "" {
		return &backend.Error{Code: backend.Conflict, Op: "set breaker", Human: backend.T(fmt.Sprintf("Breaker %s of %s was changed meanwhile: %s. Look and ask again.", name, i.name, changed)).Safe()}
	}
	for try := range 3 {
		_, err = i.set(ctx, name, v.sends)
		if code := backend.CodeOf(err); err != nil && code != backend.Unknown {
			return explain(err, i)
		}
		lost := err
		if state, err = i.stateOf(ctx, name); err == nil && state == v.state {
			progress(1, 1, "it is "+state)
			return nil
		}
		if err == nil && lost == nil {
			break // it has answered, and done something else
		}
		if try == 2 || !wait(ctx, settle) {
			return &backend.Error{Code: backend.Unknown, Op: "set breaker", Err: lost, Human: backend.T(fmt.Sprintf("Breaker %s of %s may have been set: its answers are lost. Look at it before asking again.", name, i.name)).Safe()}
		}
	}
	return &backend.Error{Code: backend.Failed, Op: "set breaker", Human: backend.T(fmt.Sprintf("%s answered, but breaker %s is %s and not %s. Look at its log.", i.name, name, state, v.state)).Safe()}
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// stateOf reads one breaker's state. It must exist: asking for another state
// makes one of any name.
func (i instance) stateOf(ctx context.Context, name string) (string, error) {
	all, err := i.breakers(ctx)
	if err != nil {
		return "", err
	}
	br, ok := all[name]
	if !ok {
		return "", &backend.Error{Code: backend.NotFound, Op: "find breaker", Human: backend.T(fmt.Sprintf("%s has no breaker %q any more. Look at the list again.", i.name, name)).Safe()}
	}
	return br.State, nil
}

// explain says more of what a service means that lets nobody write: Spring Boot
// leaves the operation out then (management.endpoints.access), and answers 405
// or 404.
func explain(err error, i instance) error {
	if code := backend.CodeOf(err); code != backend.NotFound && !strings.Contains(err.Error(), "405") {
		return err
	}
	return &backend.Error{
		Code: backend.Denied, Op: "set breaker", Err: err,
		Human: backend.T(i.name + " lets nobody change its breakers: its actuator is read-only (management.endpoint.circuitbreakers.access). Change that, or ask those who run it.").Safe(),
	}
}
