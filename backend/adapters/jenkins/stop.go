package jenkins

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/webapi"
)

const stopping = "stop build"

// mostForced bounds what is remembered of builds that did not stop.
const mostForced = 1000

// forces are how a build is stopped, gently first. A pipeline that goes on when it
// was asked to stop can be terminated, and then killed.
func forces() []string { return []string{"stop", "term", "kill"} }

func (j *Jenkins) planStop(ctx context.Context, r backend.Ref) (backend.Step, []string, error) {
	if id, ok := queuedID(r); ok {
		return j.planCancel(ctx, r, id)
	}
	b, err := j.build(ctx, r)
	if err != nil {
		return backend.Step{}, nil, err
	}
	if !b.Building {
		return backend.Step{}, nil, fail(backend.Conflict, stopping, r, nil, "%s has ended already: %s. Nothing is left to stop.", called(r), strings.ToLower(stateOf(b)))
	}
	verb, warnings := "stop", []string(nil)
	if n := j.forced(r); n > 0 && strings.HasSuffix(b.Class, "WorkflowRun") {
		verb = forces()[min(n, len(forces())-1)]
		warnings = append(warnings, "it did not stop when it was asked: this is harder, and what it was doing is left as it is")
	}
	path := buildPath(r) + "/" + verb
	return backend.Step{
		Target: r, Request: backend.T("POST " + path).Safe(), CLI: j.byHand(path), Guard: backend.Facts{{Name: "state", Value: "going"}},
		Do: func(ctx context.Context, progress backend.Progress) error { return j.stop(ctx, r, path, progress) },
	}, warnings, nil
}

func (j *Jenkins) forced(r backend.Ref) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.force[r.Key()]
}

// harder remembers that a build did not stop.
func (j *Jenkins) harder(r backend.Ref) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.force) >= mostForced {
		clear(j.force)
	}
	j.force[r.Key()]++
}

// stop asks a build to end, once, as asking a pipeline again stops what it does to
// end; and waits until it has.
func (j *Jenkins) stop(ctx context.Context, r backend.Ref, path string, progress backend.Progress) error {
	defer j.stir()
	b, err := j.build(ctx, r)
	if err != nil {
		return err
	}
	if !b.Building {
		return fail(backend.Conflict, stopping, r, nil, "%s has ended meanwhile: %s. Nothing is left to stop.", called(r), strings.ToLower(stateOf(b)))
	}
	a := j.once(ctx, webapi.Request{Op: stopping, Ref: r, What: called(r), Path: path}, nil, j.limits.wait, func() bool {
		progress(0, 0, "asked to stop")
		now, err := j.build(ctx, r)
		if err == nil {
			b = now
		}
		return err == nil && !b.Building
	})
	switch {
	case a.refused != nil:
		return a.refused
	case a.settled && stateOf(b) == delivery.Stopped:
		progress(1, 1, "it is stopped")
		return nil
	case a.settled:
		progress(1, 1, "it ended before it could be stopped: "+strings.ToLower(stateOf(b)))
		return nil
	case ctx.Err() != nil || !a.heard:
		return fail(backend.Unknown, stopping, r, a.last, "%s may have been asked to stop: the answer was lost, and it was not seen to end. Look at it before you ask again.", called(r))
	}
	j.harder(r)
	return fail(backend.Failed, stopping, r, nil, "%s was asked to stop and still runs after %s. Wait, or ask again: that is harder.", called(r), j.limits.wait)
}

func (j *Jenkins) planCancel(ctx context.Context, r backend.Ref, id int64) (backend.Step, []string, error) {
	i, err := j.item(ctx, id)
	if err == nil {
		err = left(r, i)
	}
	if err != nil {
		return backend.Step{}, nil, err
	}
	path := fmt.Sprintf("/queue/cancelItem?id=%d", id)
	return backend.Step{
		Target: r, Request: "POST " + path, CLI: j.byHand(path), Guard: backend.Facts{{Name: "state", Value: "queued"}},
		Do: func(ctx context.Context, progress backend.Progress) error { return j.cancel(ctx, r, id, progress) },
	}, nil, nil
}

// left is why an item can't be taken out of the queue; nil when it can.
func left(r backend.Ref, i item) error {
	switch {
	case i.Executable != nil:
		return fail(backend.Conflict, stopping, r, nil, "%s has begun as build #%d. Stop that one.", called(r), i.Executable.Number)
	case i.Cancelled:
		return fail(backend.Conflict, stopping, r, nil, "%s was taken out of the queue already. Nothing is left to stop.", called(r))
	}
	return nil
}

// cancel takes an order out of the queue, and looks whether it is.
func (j *Jenkins) cancel(ctx context.Context, r backend.Ref, id int64, progress backend.Progress) error {
	defer j.stir()
	i, err := j.item(ctx, id)
	if err == nil {
		err = left(r, i)
	}
	if err != nil {
		return err
	}
	request := webapi.Request{Op: stopping, Ref: r, What: called(r), Path: "/queue/cancelItem"}
	var begun error
	a := j.insist(ctx, request, url.Values{"id": {fmt.Sprint(id)}}, j.limits.look, func() bool {
		i, err := j.item(ctx, id)
		if err == nil && i.Executable != nil {
			begun = left(r, i)
		}
		return err == nil && (i.Cancelled || begun != nil)
	})
	if backend.CodeOf(a.refused) == backend.NotFound { // it has left the queue, one way or the other
		if i, err := j.item(ctx, id); err == nil {
			a.refused = left(r, i)
		}
	}
	switch {
	case a.refused != nil:
		return a.refused
	case begun != nil:
		return begun
	case a.settled:
		progress(1, 1, "it is taken out of the queue")
		return nil
	}
	return fail(backend.Unknown, stopping, r, a.last, "%s may have been taken out of the queue: the answers are lost. Look at it before you ask again.", called(r))
}
