package gitlab

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	client "gitlab.com/gitlab-org/api/client-go"
	"golang.org/x/sync/errgroup"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
)

// A board holds what was read of the projects, for both feeds. What it holds is
// touched only by whoever has the turn.
type board struct {
	turn     chan struct{} // one reads at a time
	projects map[string]*project
	mine     []string // paths of the most recently active ones that one is a member of
	more     int      // that one is a member of besides; -1: it is not known how many
	due      time.Time

	mu      sync.Mutex
	touched map[string]bool // projects in which something was just changed
}

func newBoard() *board {
	return &board{turn: make(chan struct{}, 1), projects: map[string]*project{}, touched: map[string]bool{}}
}

// project is one with its newest builds.
type project struct {
	path   string
	branch string
	off    string // why nothing can be built, as a row says it
	seen   time.Time
	due    time.Time
	builds []*build // newest first
	err    error    // of the last look at them
	gone   bool
}

// build is one pipeline.
type build struct {
	info client.PipelineInfo
	row  delivery.Build
	took int32 // seconds, for one that has passed
	read bool  // with its jobs, as they are or were in the end
}

// touch says that something was changed in a project, so that it is looked at now.
func (g *GitLab) touch(path string) {
	g.board.mu.Lock()
	g.board.touched[path] = true
	g.board.mu.Unlock()
	g.api.Stir()
}

// refresh looks at what is due of the projects in a scope, and hands them to use.
// An error is of those that could not be read; the others are as they are.
func (g *GitLab) refresh(ctx context.Context, scope []string, use func([]*project)) error {
	b := g.board
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := g.pace.spare(); err != nil {
		return err
	}
	b.mu.Lock()
	for path := range b.touched {
		if p := b.projects[path]; p != nil {
			p.due = time.Time{}
		}
	}
	clear(b.touched)
	b.mu.Unlock()
	all, left, err := g.within(ctx, scope)
	if err != nil {
		return err
	}
	g.each(ctx, all, func(p *project) bool { return !time.Now().Before(p.due) }, func(ctx context.Context, p *project) error {
		return g.readProject(ctx, p, g.spread(g.limits.still, len(all)))
	})
	err = g.readDetails(ctx, all)
	for _, p := range all {
		err = cmp.Or(err, p.err)
		if p.gone {
			b.due = time.Time{}
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	use(all)
	if err == nil && left != "" {
		err = &backend.Error{Code: backend.Partly, Op: "list projects", Human: left}
	}
	return err
}

// spread makes a time longer for more projects than usual, so that GitLab is asked no
// more often.
func (g *GitLab) spread(d time.Duration, projects int) time.Duration {
	return d * time.Duration(max(1, (projects+g.limits.projects-1)/g.limits.projects))
}

// each does something to those of the projects that want it, some at a time.
func (g *GitLab) each(ctx context.Context, all []*project, which func(*project) bool, do func(context.Context, *project) error) {
	var group errgroup.Group
	group.SetLimit(g.limits.atOnce)
	for _, p := range all {
		if which(p) {
			group.Go(func() (err error) {
				defer func() { p.err = err }()
				defer backend.Caught(&err)
				return do(ctx, p)
			})
		}
	}
	_ = group.Wait() // each project holds its own
}

// within gives the projects of a scope, and says which are left out.
func (g *GitLab) within(ctx context.Context, scope []string) (out []*project, left string, err error) {
	if len(scope) == 0 {
		if err := g.list(ctx); err != nil {
			return nil, "", err
		}
		scope = g.board.mine
		if g.board.more != 0 {
			left = fmt.Sprintf("%s are not shown: only the %d that were active last are. -n GROUP/PROJECT shows the builds of one by name.", others(g.board.more, "projects"), g.limits.projects)
		}
	} else {
		if more := len(scope) - g.limits.named; more > 0 {
			scope = scope[:g.limits.named]
			left = fmt.Sprintf("%s are not shown: only the first %d that are named are. Name fewer.", others(more, "projects"), g.limits.named)
		}
		if err := g.named(ctx, scope); err != nil {
			return nil, "", err
		}
	}
	for _, path := range scope {
		if p := g.board.projects[path]; p != nil && !slices.Contains(out, p) { // one may be named twice
			out = append(out, p)
		}
	}
	return out, left, nil
}

// list reads which projects one is a member of.
func (g *GitLab) list(ctx context.Context) error {
	b := g.board
	if time.Now().Before(b.due) {
		return nil
	}
	found, more, err := all(ctx, g, about{op: "list projects", what: "the list of projects"}, g.limits.projects,
		func(page client.ListOptions, o client.RequestOptionFunc) ([]*client.Project, *client.Response, error) {
			page.OrderBy, page.Sort = "last_activity_at", "desc"
			return g.rest.Projects.ListProjects(&client.ListProjectsOptions{ListOptions: page, Membership: new(true), Archived: new(false)}, o)
		})
	if err != nil {
		return err
	}
	b.mine, b.more, b.due = nil, more, time.Now().Add(g.limits.list)
	for _, p := range found {
		if !slices.Contains(b.mine, p.PathWithNamespace) { // one that moved up between two pages
			b.mine = append(b.mine, p.PathWithNamespace)
		}
		b.take(p)
	}
	b.forget(4 * g.spread(g.limits.list, g.limits.named))
	return nil
}

// take notes what a project's own answer says.
func (b *board) take(p *client.Project) {
	known := b.projects[p.PathWithNamespace]
	if known == nil {
		known = &project{path: p.PathWithNamespace}
		b.projects[p.PathWithNamespace] = known
	}
	known.branch, known.off, known.seen, known.gone = p.DefaultBranch, "", time.Now(), false
	switch {
	case p.Archived:
		known.off = "is archived"
	case p.BuildsAccessLevel == client.DisabledAccessControl:
		known.off = "has CI/CD switched off"
	}
}

// forget drops projects that nobody has asked for in a while.
func (b *board) forget(after time.Duration) {
	for path, p := range b.projects {
		if time.Since(p.seen) > after {
			delete(b.projects, path)
		}
	}
}

// named reads projects by their paths. One that is not there has no builds.
func (g *GitLab) named(ctx context.Context, paths []string) error {
	found, gone := make([]*client.Project, len(paths)), make([]bool, len(paths))
	var group errgroup.Group
	group.SetLimit(g.limits.atOnce)
	for i, path := range paths {
		if p := g.board.projects[path]; p != nil && time.Since(p.seen) < g.spread(g.limits.list, len(paths)) {
			continue
		}
		group.Go(func() (err error) {
			defer backend.Caught(&err)
			found[i], err = g.project(ctx, path)
			if gone[i] = backend.CodeOf(err) == backend.NotFound; gone[i] {
				return nil
			}
			return err
		})
	}
	err := group.Wait()
	for i, path := range paths {
		switch {
		case gone[i]:
			delete(g.board.projects, path)
		case found[i] != nil:
			g.board.take(found[i])
		}
	}
	return err
}

func (g *GitLab) project(ctx context.Context, path string) (*client.Project, error) {
	a := about{op: "read project", what: "project " + path, ref: delivery.Pipeline{Link: g.api.Link().Alias(), Name: path}.Ref()}
	p, _, err := call(ctx, g, a, func(o client.RequestOptionFunc) (*client.Project, *client.Response, error) {
		return g.rest.Projects.GetProject(path, nil, o)
	})
	return p, err
}

// readProject reads a project's newest pipelines, without their jobs. Where nothing
// goes on, it is looked at again after still.
func (g *GitLab) readProject(ctx context.Context, p *project, still time.Duration) error {
	found, _, err := all(ctx, g, about{op: "list builds", what: "the builds of " + p.path}, g.limits.builds,
		func(page client.ListOptions, o client.RequestOptionFunc) ([]*client.PipelineInfo, *client.Response, error) {
			return g.rest.Pipelines.ListProjectPipelines(p.path, &client.ListProjectPipelinesOptions{ListOptions: page}, o)
		})
	switch backend.CodeOf(err) {
	case backend.Denied: // there, and not for everybody; or its CI/CD is switched off
		found, err = nil, nil
		if p.off == "" {
			p.off = "does not let you see its builds"
		}
	case backend.NotFound:
		found, err = nil, nil
		p.gone = true // since it was listed
	}
	if err != nil {
		return err
	}
	known := map[int64]*build{}
	for _, b := range p.builds {
		known[b.info.ID] = b
	}
	p.builds = p.builds[:0:0]
	rest := still
	for _, info := range found {
		b := known[info.ID]
		if b == nil {
			b = &build{row: g.firstRow(p.path, info)}
		}
		if going(info.Status) || b.info.Status != info.Status || !same(b.info.UpdatedAt, info.UpdatedAt) {
			b.read = false
		}
		b.info = *info
		if going(info.Status) {
			rest = 0 // in the next round
		}
		p.builds = append(p.builds, b)
	}
	slices.SortFunc(p.builds, func(a, b *build) int { return cmp.Compare(b.info.ID, a.info.ID) })
	p.builds = slices.CompactFunc(p.builds, func(a, b *build) bool { return a.info.ID == b.info.ID }) // moved between two pages
	p.due = time.Now().Add(rest)
	return nil
}

func same(a, b *time.Time) bool { return a == b || a != nil && b != nil && a.Equal(*b) }

// readDetails reads the jobs of builds of which they are not known: of those that
// go on first, then of the newest; not of all at once.
func (g *GitLab) readDetails(ctx context.Context, all []*project) error {
	type open struct {
		of *project
		*build
	}
	var todo []open
	for _, p := range all {
		for _, b := range p.builds {
			if !b.read {
				todo = append(todo, open{p, b})
			}
		}
	}
	first := func(a, b open) int {
		if x, y := going(a.info.Status), going(b.info.Status); x != y {
			if x {
				return -1
			}
			return 1
		}
		return cmp.Compare(b.info.ID, a.info.ID)
	}
	slices.SortFunc(todo, first)
	var group errgroup.Group
	group.SetLimit(g.limits.atOnce)
	for _, one := range todo[:min(len(todo), g.limits.details)] {
		group.Go(func() (err error) {
			defer backend.Caught(&err)
			return g.readBuild(ctx, one.of.path, one.build)
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return nil
}

// readBuild reads a pipeline with its jobs. One that is gone, or that may not be
// seen, stays as the list has it.
func (g *GitLab) readBuild(ctx context.Context, path string, b *build) error {
	w, err := g.whole(ctx, path, b.info.ID)
	if code := backend.CodeOf(err); err != nil && (code == backend.NotFound || code == backend.Denied) {
		b.read = true
		return nil
	}
	if err != nil {
		return err
	}
	b.row, b.took = w.row(g.api.Link().Alias(), path, time.Now()), w.took()
	b.read = !going(w.pipeline.Status)
	return nil
}

// pipelineRows are the rows of projects.
func (g *GitLab) pipelineRows(ctx context.Context, _ backend.Scope) (out []delivery.Pipeline, err error) {
	alias := g.api.Link().Alias()
	err = g.refresh(ctx, nil, func(all []*project) {
		for _, p := range all {
			row := delivery.Pipeline{Link: alias, Name: p.path, Branch: p.branch, Off: p.off}
			if len(p.builds) > 0 {
				last := p.builds[0].row
				row.Last, row.State, row.Began = last.Number, last.State, cmp.Or(last.Began, last.Queued)
			}
			out = append(out, row)
		}
	})
	return out, err
}

// others stands for those that are not shown.
func others(n int, what string) string {
	if n < 0 {
		return "more " + what
	}
	return strconv.Itoa(n) + " more " + what
}

// buildRows are the rows of their pipelines.
func (g *GitLab) buildRows(ctx context.Context, s backend.Scope) (out []delivery.Build, err error) {
	err = g.refresh(ctx, s.Namespaces, func(all []*project) {
		for _, p := range all {
			took := map[string][]int32{}
			for _, b := range p.builds {
				if b.row.State == delivery.Passed && b.took > 0 {
					took[b.row.Branch] = append(took[b.row.Branch], b.took)
				}
			}
			for _, b := range p.builds {
				row := b.row
				row.Usual = median(took[row.Branch])
				out = append(out, row)
			}
		}
	})
	return out, err
}

func median(all []int32) int32 {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// whole reads a pipeline, its jobs and what it has begun elsewhere, in this order:
// once it has ended, so have they.
func (g *GitLab) whole(ctx context.Context, path string, id int64) (w whole, err error) {
	a := about{op: "read build", what: called(path, strconv.FormatInt(id, 10)), ref: buildRef(g.api.Link().Alias(), path, id)}
	w.pipeline, _, err = call(ctx, g, a, func(o client.RequestOptionFunc) (*client.Pipeline, *client.Response, error) {
		return g.rest.Pipelines.GetPipeline(path, id, o)
	})
	if err != nil {
		return w, err
	}
	w.jobs, w.jobsLeft, err = all(ctx, g, a, mostJobs, func(page client.ListOptions, o client.RequestOptionFunc) ([]*client.Job, *client.Response, error) {
		return g.rest.Jobs.ListPipelineJobs(path, id, &client.ListJobsOptions{ListOptions: page, IncludeRetried: new(true)}, o)
	})
	if err != nil {
		return w, err
	}
	w.bridges, w.bridgesLeft, err = all(ctx, g, a, mostJobs, func(page client.ListOptions, o client.RequestOptionFunc) ([]*client.Bridge, *client.Response, error) {
		return g.rest.Jobs.ListPipelineBridges(path, id, &client.ListJobsOptions{ListOptions: page}, o)
	})
	slices.SortFunc(w.jobs, func(a, b *client.Job) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(w.bridges, func(a, b *client.Bridge) int { return cmp.Compare(a.ID, b.ID) })
	return w, err
}

// mostJobs is how many jobs of a pipeline are read, and how many bridges.
const mostJobs = 500

func called(path, number string) string { return path + " #" + number }

func buildRef(alias, path string, id int64) backend.Ref {
	return delivery.Build{Link: alias, Pipeline: path, Number: strconv.FormatInt(id, 10)}.Ref()
}
