package gitlab

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	client "gitlab.com/gitlab-org/api/client-go"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/webapi"
)

const (
	mostSends  = 3   // how often one order is sent
	mostLooked = 500 // pipelines that are looked through for one
	mostMarks  = 5000

	// beginning is how long a pipeline may take to begin: GitLab reads all that its
	// configuration includes, and ends a request after 60 s.
	beginning = time.Minute
)

// marks remembers which mark a pipeline has: that does not change. Safe for
// concurrent use.
type marks struct {
	mu sync.Mutex
	of map[int64]string // "" for none of ours
}

func newMarks() *marks { return &marks{of: map[int64]string{}} }

// begin sends an order until the server has said what came of it, and not once
// more. After a lost answer it looks for the pipeline by its mark; only where that
// is certainly not there, the same order is sent again, with the same mark.
func (g *GitLab) begin(ctx context.Context, o order, progress backend.Progress) error {
	a := about{op: delivery.BuildTrigger, what: o.path, ref: delivery.Pipeline{Link: g.api.Link().Alias(), Name: o.path}.Ref()}
	defer g.touch(o.path)
	before, err := g.newest(ctx, a)
	if err != nil {
		return err
	}
	for sent := 1; ; sent++ {
		id, err := g.post(ctx, a, o, false)
		switch {
		case err == nil && sent > 1:
			if err := doubled(a, id, g.lookOnce(ctx, a, before, g.marked(a, o))); err != nil {
				return err
			}
			fallthrough
		case err == nil:
			progress(1, 1, begun(o.path, id))
			return nil
		case sealed(err):
			if o.wanted() {
				return noVariables(a, err)
			}
			progress(0, 1, "the project takes no variables: it is sent without the mark")
			return g.beginBare(ctx, a, o, before, progress)
		case certain(err):
			return err
		}
		progress(0, 1, "its answer is lost: looking whether it was begun")
		saw := g.look(ctx, a, before, g.marked(a, o))
		if len(saw.found) == 1 {
			progress(1, 1, begun(o.path, saw.found[0]))
			return nil
		}
		if err := undecided(ctx, a, o, saw, err, sent); err != nil {
			return err
		}
	}
}

// undecided is why an order whose answer was lost is not sent again; nil where it
// certainly was not taken.
func undecided(ctx context.Context, a about, o order, saw sight, lost error, sent int) error {
	switch {
	case len(saw.found) > 1:
		return twice(a, lost, saw.found)
	case len(saw.maybe) > 0:
		return doubt(a, lost, fmt.Sprintf("It was sent, but the answer was lost. %s came since, by you, on %s, and may be it: the variables can't be read. Look at it before asking again.", numbers(saw.maybe), o.ref))
	case !saw.sure || ctx.Err() != nil:
		return doubt(a, lost, fmt.Sprintf("It was sent, but the answer was lost, and whether %s was begun can't be seen. Look at its builds before asking again.", o.path))
	case sent == mostSends:
		return doubt(a, lost, fmt.Sprintf("It was sent %d times and never answered, and %s shows no build of it. Look at its builds, and at the server, before asking again.", sent, o.path))
	}
	return nil
}

// marked says of a pipeline whether it has the order's mark. Of one on another
// branch it need not be known.
func (g *GitLab) marked(a about, o order) func(context.Context, *client.PipelineInfo) (bool, error) {
	plain := func(ref string) string { return strings.TrimPrefix(branch(ref), "refs/tags/") }
	return func(ctx context.Context, p *client.PipelineInfo) (bool, error) {
		mark, err := g.markOf(ctx, a, p.ID)
		if unreadable(err) && plain(p.Ref) != plain(o.ref) {
			return false, nil
		}
		return mark == o.mark, err
	}
}

// unreadable says that the server does not let us see something, now or ever.
func unreadable(err error) bool {
	code := backend.CodeOf(err)
	return err != nil && (code == backend.Denied || code == backend.NotFound)
}

// doubled is an error where an order that was answered, as id, was sent before, and
// may have come through then.
func doubled(a about, id int64, saw sight) error {
	if len(saw.found) > 1 {
		return twice(a, nil, saw.found)
	}
	others := slices.DeleteFunc(saw.maybe, func(n int64) bool { return n == id })
	if len(others) == 0 {
		return nil
	}
	return doubt(a, nil, fmt.Sprintf("It is %s #%d. An earlier request, whose answer was lost, may have begun %s as well: the variables can't be read. Look at it, and stop all but one of them.", a.what, id, numbers(others)))
}

func twice(a about, err error, found []int64) error {
	return doubt(a, err, fmt.Sprintf("%s was begun more than once, as %s: answers were lost, and an earlier request came through late. Stop all but one of them.", a.what, numbers(found)))
}

func begun(path string, id int64) string { return fmt.Sprintf("it is %s #%d", path, id) }

// beginBare sends an order without a mark, once. Which pipeline it was after a lost
// answer is told by when, who, which branch, how and which commit; where several,
// or none, may be it, nobody knows.
func (g *GitLab) beginBare(ctx context.Context, a about, o order, before int64, progress backend.Progress) error {
	commit := g.commit(ctx, a, o.ref)
	id, err := g.post(ctx, a, o, true)
	if err == nil {
		progress(1, 1, begun(o.path, id))
		return nil
	}
	if certain(err) {
		return err
	}
	progress(0, 1, "its answer is lost: looking whether it was begun")
	found := g.look(ctx, a, before, func(_ context.Context, p *client.PipelineInfo) (bool, error) {
		return p.Ref == o.ref && (commit == "" || p.SHA == commit), nil
	}).found
	switch len(found) {
	case 1:
		progress(1, 1, begun(o.path, found[0])+", the only one that you have begun on "+o.ref+" since")
		return nil
	case 0:
		return doubt(a, err, fmt.Sprintf("It was sent, but the answer was lost, and %s shows no new build on %s. It may still come: look at its builds before asking again.", o.path, o.ref))
	}
	return doubt(a, err, fmt.Sprintf("It was sent, but the answer was lost, and any of %s may be the one. Look at them before asking again.", numbers(found)))
}

func numbers(ids []int64) string {
	var out []string
	for _, id := range ids {
		out = append(out, fmt.Sprintf("#%d", id))
	}
	return strings.Join(out, ", ")
}

func doubt(a about, err error, human string) error {
	return &backend.Error{Code: backend.Unknown, Op: a.op, Ref: a.ref, Human: backend.T(human).Safe(), Err: err}
}

// sealed says whether a project refuses variables. GitLab's words are
// "Insufficient permissions to set pipeline variables", with 400.
func sealed(err error) bool {
	var status *webapi.StatusError
	return errors.As(err, &status) && (status.Status == http.StatusBadRequest || status.Status == http.StatusForbidden) && strings.Contains(status.Said, "pipeline variables")
}

func noVariables(a about, err error) error {
	return &backend.Error{
		Code: backend.Denied, Op: a.op, Ref: a.ref, Err: err,
		Human: backend.T(a.what + " does not let you set variables of its pipelines (Settings, CI/CD, Variables, minimum role). Nothing was begun: ask for that right, or leave the variables as they are.").Safe(),
	}
}

func (g *GitLab) post(ctx context.Context, a about, o order, bare bool) (int64, error) {
	a.patience = beginning
	p, _, err := call(ctx, g, a, func(with client.RequestOptionFunc) (*client.Pipeline, *client.Response, error) {
		return g.rest.Pipelines.CreatePipeline(o.path, o.options(bare), with)
	})
	if err != nil {
		return 0, err
	}
	return p.ID, nil
}

// newest is the number of a project's newest pipeline; 0 where there is none.
func (g *GitLab) newest(ctx context.Context, a about) (int64, error) {
	found, _, err := call(ctx, g, a, func(o client.RequestOptionFunc) ([]*client.PipelineInfo, *client.Response, error) {
		return g.rest.Pipelines.ListProjectPipelines(a.what, &client.ListProjectPipelinesOptions{ListOptions: client.ListOptions{PerPage: 1}}, o)
	})
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0].ID, nil
}

// commit is the one that a branch or a tag has; empty where that is not told.
func (g *GitLab) commit(ctx context.Context, a about, ref string) string {
	c, _, err := call(ctx, g, a, func(o client.RequestOptionFunc) (*client.Commit, *client.Response, error) {
		return g.rest.Commits.GetCommit(a.what, ref, nil, o)
	})
	if err != nil {
		return ""
	}
	return c.ID
}

// A sight is what a look for pipelines of ours saw.
type sight struct {
	found []int64 // that are meant
	maybe []int64 // that may be, and can't be looked into
	sure  bool    // all of them were seen
}

// look looks again and again for pipelines that came since, by us, through the
// API, and are those that are meant.
func (g *GitLab) look(ctx context.Context, a about, since int64, is func(context.Context, *client.PipelineInfo) (bool, error)) (saw sight) {
	for _, d := range g.limits.looks {
		if !wait(ctx, d) {
			return sight{maybe: saw.maybe}
		}
		if saw = g.lookOnce(ctx, a, since, is); len(saw.found) > 0 {
			break
		}
	}
	return saw
}

func (g *GitLab) lookOnce(ctx context.Context, a about, since int64, is func(context.Context, *client.PipelineInfo) (bool, error)) (saw sight) {
	who, err := g.me(ctx)
	if err != nil {
		return sight{}
	}
	for page := int64(1); page <= mostLooked/perPage; page++ {
		some, res, err := call(ctx, g, a, func(o client.RequestOptionFunc) ([]*client.PipelineInfo, *client.Response, error) {
			return g.rest.Pipelines.ListProjectPipelines(a.what, &client.ListProjectPipelinesOptions{
				ListOptions: client.ListOptions{PerPage: perPage, Page: page}, Source: new(string(client.PipelineSourceAPI)), Username: &who,
			}, o)
		})
		if err != nil {
			return saw
		}
		for _, p := range some {
			if p.ID <= since {
				saw.sure = len(saw.maybe) == 0
				return saw
			}
			ours, err := is(ctx, p)
			switch {
			case unreadable(err):
				if !slices.Contains(saw.maybe, p.ID) {
					saw.maybe = append(saw.maybe, p.ID)
				}
			case err != nil:
				return saw
			case ours && !slices.Contains(saw.found, p.ID):
				saw.found = append(saw.found, p.ID)
			}
		}
		if res.NextPage == 0 {
			saw.sure = len(saw.maybe) == 0
			return saw
		}
	}
	return saw
}

// markOf reads the mark of a pipeline. One that may not be seen may be ours all the
// same: a project can keep its variables from those who begin its pipelines.
func (g *GitLab) markOf(ctx context.Context, a about, id int64) (string, error) {
	m := g.marks
	m.mu.Lock()
	mark, known := m.of[id]
	m.mu.Unlock()
	if known {
		return mark, nil
	}
	variables, _, err := call(ctx, g, a, func(o client.RequestOptionFunc) ([]*client.PipelineVariable, *client.Response, error) {
		return g.rest.Pipelines.GetPipelineVariables(a.what, id, o)
	})
	if err != nil {
		return "", err
	}
	for _, v := range variables {
		if v.Key == markKey {
			mark = v.Value
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.of) > mostMarks {
		clear(m.of)
	}
	m.of[id] = mark
	return mark, nil
}

// me is who the server takes us for. It is asked each time: the login may be
// another since.
func (g *GitLab) me(ctx context.Context) (string, error) {
	u, _, err := call(ctx, g, about{op: "ask who we are"}, func(o client.RequestOptionFunc) (*client.User, *client.Response, error) {
		return g.rest.Users.CurrentUser(o)
	})
	if err != nil {
		return "", err
	}
	return u.Username, nil
}
