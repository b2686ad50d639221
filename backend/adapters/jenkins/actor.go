package jenkins

import (
	"context"
	"fmt"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
)

// Why implements backend.Actor. What the state of a build says against it the row
// knows.
func (j *Jenkins) Why(action string, refs []backend.Ref) string {
	l := j.api.Link()
	switch action {
	case delivery.BuildTrigger, delivery.BuildStop, delivery.BuildApprove, delivery.BuildReject:
	default:
		return "Jenkins has no " + action
	}
	switch h := l.Health(); h.State {
	case backend.Off:
		return l.Alias() + " is not connected"
	case backend.Stale, backend.Down:
		return l.Alias() + " is not reachable"
	case backend.Forbidden:
		return l.Alias() + ": " + h.Reason.Safe()
	}
	return unfit(action, refs)
}

// unfit is why an action makes no sense for refs; "" when it does.
func unfit(action string, refs []backend.Ref) string {
	for _, r := range refs {
		_, queued := queuedID(r)
		switch {
		case r.Kind != delivery.KindBuild && (r.Kind != delivery.KindPipeline || action != delivery.BuildTrigger):
			return r.Kind + " is no build"
		case queued && (action == delivery.BuildApprove || action == delivery.BuildReject):
			return "it is still queued"
		}
	}
	return ""
}

// May implements backend.Actor: Jenkins can't be asked about rights in advance, and
// says so when something is done.
func (j *Jenkins) May(context.Context, backend.Permission, backend.Ref) (bool, string, error) {
	return true, "", nil
}

// Params implements backend.Asker.
func (j *Jenkins) Params(ctx context.Context, action string, r backend.Ref) ([]backend.Param, error) {
	switch {
	case action == delivery.BuildTrigger && r.Kind == delivery.KindBuild:
		return j.triggerParams(ctx, r.Scope)
	case action == delivery.BuildTrigger:
		return j.triggerParams(ctx, r.Name)
	case action == delivery.BuildApprove, action == delivery.BuildReject:
		return j.inputParams(ctx, action, r)
	}
	return nil, nil
}

// Plan implements backend.Actor: a step for each ref.
func (j *Jenkins) Plan(ctx context.Context, action string, refs []backend.Ref, args backend.Args) (backend.Plan, error) {
	if why := unfit(action, refs); why != "" || len(refs) == 0 {
		return backend.Plan{}, fail(backend.Invalid, action, backend.Ref{}, nil, "%s can't be done: %s. Choose builds, or a job to build.", action, why)
	}
	p := backend.Plan{Action: action}
	for _, r := range refs {
		var step backend.Step
		var warnings []string
		var err error
		switch action {
		case delivery.BuildTrigger:
			step, warnings, err = j.planTrigger(ctx, r, args)
		case delivery.BuildStop:
			step, warnings, err = j.planStop(ctx, r)
		default:
			step, warnings, err = j.planAnswer(ctx, action, r, args)
		}
		if err != nil {
			return backend.Plan{}, err
		}
		p.Steps, p.Warnings = append(p.Steps, step), append(p.Warnings, warnings...)
	}
	p.Sentence = j.sentence(action, refs)
	return p, nil
}

func (j *Jenkins) sentence(action string, refs []backend.Ref) string {
	what := fmt.Sprintf("%d builds", len(refs))
	if len(refs) == 1 {
		what = called(refs[0])
	}
	verb, end := map[string]string{
		delivery.BuildStop: "Stops", delivery.BuildApprove: "Lets", delivery.BuildReject: "Refuses",
	}[action], "."
	switch {
	case action == delivery.BuildTrigger && len(refs) == 1:
		r := refs[0]
		verb, what = "Begins", "a new build of "+r.Name
		if r.Kind == delivery.KindBuild {
			what = "a new build of " + r.Scope
		}
	case action == delivery.BuildTrigger:
		verb, what = "Begins", fmt.Sprintf("new builds of %d jobs", len(refs))
	case action == delivery.BuildApprove:
		end = " go on."
	case action == delivery.BuildReject:
		end = ", which ends it."
	}
	return backend.T(verb + " " + what + " on " + j.api.Link().Alias() + end).Safe()
}
