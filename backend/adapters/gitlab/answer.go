package gitlab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	client "gitlab.com/gitlab-org/api/client-go"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/webapi"
)

// settles is how often it is looked what became of a change.
const settles = 15

// stop cancels a pipeline, which GitLab answers with 200 whatever its state is: what
// it then is, is read. Asking twice is asking once.
func (g *GitLab) stop(ctx context.Context, r backend.Ref, progress backend.Progress) error {
	defer g.touch(r.Scope)
	name := called(r.Scope, r.Name)
	b, err := g.pipeline(ctx, r)
	if err != nil {
		return err
	}
	if changed := endedFacts("running").Changed(endedFacts(b.Status)); changed != "" {
		return conflict(delivery.BuildStop, r, fmt.Sprintf("%s has ended meanwhile: %s. Look at it.", name, strings.ToLower(stateOf(b.Status))))
	}
	a := about{op: delivery.BuildStop, what: name, ref: r}
	var lost error
	for sent := 1; sent <= mostSends; sent++ {
		_, _, lost = call(ctx, g, a, func(o client.RequestOptionFunc) (*client.Pipeline, *client.Response, error) {
			return g.rest.Pipelines.CancelPipelineBuild(r.Scope, b.ID, o)
		})
		if lost != nil && certain(lost) {
			return lost
		}
		progress(0, 1, "waiting until it is stopped")
		status, err := g.stopped(ctx, r, lost == nil)
		switch {
		case status == "canceled":
			progress(1, 1, "it is stopped")
			return nil
		case status == "canceling":
			progress(1, 1, "it is being stopped: its jobs are cleaning up")
			return nil
		case status != "" && !going(status):
			return conflict(delivery.BuildStop, r, fmt.Sprintf("%s has ended before it could be stopped: %s. Look at it.", name, strings.ToLower(stateOf(status))))
		}
		if lost = cmp.Or(err, lost); lost == nil || ctx.Err() != nil {
			break
		}
	}
	if lost == nil && ctx.Err() == nil {
		return &backend.Error{Code: backend.Failed, Op: a.op, Ref: r, Human: backend.T(fmt.Sprintf("GitLab has taken it, and %s goes on all the same. Look at its jobs: some can't be interrupted.", name)).Safe()}
	}
	return doubt(a, lost, fmt.Sprintf("Whether %s is being stopped can't be seen: answers are lost. Look at it before asking again.", name))
}

// stopped reads how a pipeline is until it is on its way to its end, for as long as
// one is looked for; not patient, only until there is an answer. The status is
// empty where there was none.
func (g *GitLab) stopped(ctx context.Context, r backend.Ref, patient bool) (status string, err error) {
	for try := range settles {
		if try > 0 && !wait(ctx, g.limits.settle) {
			return "", ctx.Err()
		}
		var now *client.Pipeline
		if now, err = g.pipeline(ctx, r); err != nil {
			continue
		}
		if status = now.Status; !patient || status == "canceling" || !going(status) {
			break
		}
	}
	return status, err
}

// play lets a manual job begin. GitLab takes that once: who comes second learns who
// was first.
func (g *GitLab) play(ctx context.Context, r backend.Ref, job *client.Job, progress backend.Progress) error {
	defer g.touch(r.Scope)
	a := about{op: delivery.BuildApprove, what: "job " + job.Name + " of " + called(r.Scope, r.Name), ref: r}
	now, err := g.readJob(ctx, a, job.ID)
	if err != nil {
		return err
	}
	if jobFacts(job).Changed(jobFacts(now)) != "" {
		return faster(a, now)
	}
	ours := false // one of ours may have got through
	for sent := 1; ; sent++ {
		now, _, err = call(ctx, g, a, func(o client.RequestOptionFunc) (*client.Job, *client.Response, error) {
			return g.rest.Jobs.PlayJob(r.Scope, job.ID, nil, o)
		})
		switch {
		case err == nil:
			progress(1, 1, "job "+job.Name+" is "+strings.ToLower(stateOf(now.Status)))
			return nil
		case certain(err) && !unplayable(err):
			return err
		case !certain(err):
			ours = true
		}
		progress(0, 1, "looking whether it has begun")
		lost := err
		if now, err = g.settled(ctx, a, job.ID); err != nil {
			return doubt(a, lost, fmt.Sprintf("Whether %s has begun can't be seen: answers are lost. Look at it before asking again.", a.what))
		}
		if now.Status != "manual" {
			return g.whose(ctx, a, now, ours, progress)
		}
		if unplayable(lost) {
			return conflict(a.op, r, fmt.Sprintf("GitLab says that %s can't be played, and that it waits for that. Look at it, and at its environment.", a.what))
		}
		if sent == mostSends {
			return doubt(a, lost, fmt.Sprintf("It was sent %d times and never answered, and %s still waits. Look at it before asking again.", sent, a.what))
		}
	}
}

// settled reads a job until there is an answer, for as long as one is looked for:
// to play it does no harm twice, so that it need not be certain what has become
// of the first time.
func (g *GitLab) settled(ctx context.Context, a about, id int64) (now *client.Job, err error) {
	for try := range settles {
		if try > 0 && !wait(ctx, g.limits.settle) {
			return nil, ctx.Err()
		}
		if now, err = g.readJob(ctx, a, id); err == nil {
			return now, nil
		}
	}
	return nil, err
}

// whose tells of a job that does not wait any more whether that was us, where our
// answers were lost: GitLab notes who plays a job as its user.
func (g *GitLab) whose(ctx context.Context, a about, now *client.Job, ours bool, progress backend.Progress) error {
	if !ours {
		return faster(a, now)
	}
	who, err := g.me(ctx)
	if err != nil || now.User == nil {
		return doubt(a, err, fmt.Sprintf("It was sent, but the answer was lost: %s does not wait any more, and who let it begin can't be seen. Look at it.", a.what))
	}
	if now.User.Username != who {
		return faster(a, now)
	}
	progress(1, 1, "job "+now.Name+" is "+strings.ToLower(stateOf(now.Status)))
	return nil
}

func faster(a about, now *client.Job) error {
	is := strings.ToLower(stateOf(now.Status))
	if state := stateOf(now.Status); now.User != nil && state != delivery.Stopped && state != delivery.Skipped {
		is += ", played by " + now.User.Username
	}
	return conflict(a.op, a.ref, fmt.Sprintf("%s does not wait any more: it is %s. Nothing was done here: look at it.", webapi.Upper(a.what), is))
}

// unplayable: GitLab's words are "400 Bad request - Unplayable Job".
func unplayable(err error) bool {
	var status *webapi.StatusError
	return errors.As(err, &status) && status.Status == http.StatusBadRequest && strings.Contains(status.Said, "Unplayable")
}

func (g *GitLab) readJob(ctx context.Context, a about, id int64) (*client.Job, error) {
	j, _, err := call(ctx, g, a, func(o client.RequestOptionFunc) (*client.Job, *client.Response, error) {
		return g.rest.Jobs.GetJob(a.ref.Scope, id, o)
	})
	return j, err
}
