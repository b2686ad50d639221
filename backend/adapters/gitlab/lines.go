package gitlab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	client "gitlab.com/gitlab-org/api/client-go"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/webapi"
)

// mostWait is between two looks at a log that is so long that reading it takes
// its time: GitLab sends all of it each time.
const (
	mostWait = 30 * time.Second
	perWait  = 2 << 20 // bytes of a log for which one look more is left out
)

// Tail implements backend.Lines for builds, and for single jobs of them. Lines of
// a build are those of its jobs, one after another as far as these do not run
// beside each other.
func (g *GitLab) Tail(ctx context.Context, q backend.LogQuery, sink backend.LineSink) error {
	if err := sensible(q); err != nil {
		return err
	}
	done := make(chan error, len(q.Of))
	for _, r := range q.Of {
		go func() {
			f := follower{g: g, q: q, ref: r, sink: sink, traces: map[int64]*trace{}}
			done <- f.follow(ctx)
		}()
	}
	var first error
	for range q.Of {
		if err := <-done; first == nil {
			first = err
		}
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return first
}

func sensible(q backend.LogQuery) error {
	if q.Match != "" {
		return &backend.Error{Code: backend.Invalid, Op: "read logs", Human: "GitLab does not sift its logs. Search in what is shown instead."}
	}
	for _, r := range q.Of {
		if _, err := idOf(r); err != nil {
			return err
		}
	}
	return nil
}

// A follower follows the logs of one build.
type follower struct {
	g      *GitLab
	q      backend.LogQuery
	ref    backend.Ref
	sink   backend.LineSink
	traces map[int64]*trace  // by job
	first  []backend.LogLine // of what is there already
	begun  bool              // that has come
	live   time.Time         // of the last whole look
	note   string            // what it does not show, and why; empty: it shows all
}

func (f *follower) follow(ctx context.Context) (err error) {
	defer backend.Caught(&err)
	for {
		over, bytes, err := f.round(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f.tell(err)
		if over && err == nil {
			return nil
		}
		step := f.g.limits.trace
		if !wait(ctx, max(min(step*time.Duration(1+bytes/perWait), max(step, mostWait)), time.Until(f.g.pace.until()))) {
			return ctx.Err()
		}
	}
}

// tell says whether the lines come.
func (f *follower) tell(err error) {
	now := time.Now()
	h := backend.Health{State: backend.Live, Since: now, Reason: backend.T(f.note)}
	if err != nil {
		h = backend.Health{State: backend.Down, Since: now, Reason: backend.T(err.Error()), NextTry: now.Add(f.g.limits.trace)}
		if until := f.g.pace.until(); until.After(h.NextTry) {
			h.NextTry = until
		}
		switch code := backend.CodeOf(err); {
		case code == backend.Denied || code == backend.Expired:
			h.State = backend.Forbidden
		case !f.live.IsZero():
			h.State, h.Since = backend.Stale, f.live
		}
	} else {
		f.live = now
	}
	f.sink.Health(f.ref, h)
}

// round reads what is new in the logs of all jobs. over says that nothing more can
// come, bytes is how long the longest is that may still grow.
func (f *follower) round(ctx context.Context) (over bool, bytes int64, err error) {
	w, jobs, err := f.g.logged(ctx, f.ref, f.q.Previous)
	if err != nil {
		return false, 0, err
	}
	status := w.pipeline.Status
	over = !going(status) || f.ref.Sub != "" && len(jobs) > 0
	f.note = w.note(f.ref, jobs, f.q.Previous)
	for _, j := range append(f.replaced(w, jobs), jobs...) { // one whose log can't be read does not stand before the others
		// What may still be played in a build that has ended is not waited for.
		ended := !going(j.Status) || !going(status) && stateOf(j.Status) != delivery.Running
		n, wrong := f.read(ctx, j, ended)
		if err = cmp.Or(err, wrong); wrong != nil && ctx.Err() != nil {
			return false, bytes, wrong
		}
		if !ended {
			over, bytes = false, max(bytes, n)
		}
	}
	if !f.begun {
		f.begun = true
		f.sink.Lines(f.first...)
		f.first = nil
	}
	return over && err == nil, bytes, err
}

// replaced are the jobs that were retried since the last look: in what they wrote in
// the end they say why.
func (f *follower) replaced(w whole, jobs []*client.Job) (out []*client.Job) {
	for _, j := range w.jobs {
		if t := f.traces[j.ID]; t != nil && !t.over && !slices.Contains(jobs, j) {
			out = append(out, j)
		}
	}
	return out
}

// read reads what is new in the log of one job, and gives how long that is.
func (f *follower) read(ctx context.Context, j *client.Job, ended bool) (int64, error) {
	t := f.traces[j.ID]
	if t == nil {
		t = &trace{job: j.ID, from: j.Name}
		f.traces[j.ID] = t
	}
	if j.StartedAt == nil && stateOf(j.Status) != delivery.Failed {
		t.over = ended // it has no log, or not yet
		return 0, nil
	}
	if t.over {
		return 0, nil
	}
	emit := f.sink.Lines
	if !f.begun {
		emit = func(lines ...backend.LogLine) { f.first = last(append(f.first, f.since(lines)...), f.q.Last) }
	}
	err := f.g.read(ctx, f.ref, t, ended, emit)
	if backend.CodeOf(err) == backend.NotFound { // it was erased
		t.over, err = ended, nil
	}
	var status *webapi.StatusError
	var told *backend.Error
	if errors.As(err, &status) && errors.As(err, &told) { // of this one alone
		err = &backend.Error{Code: told.Code, Op: told.Op, Ref: f.ref, Human: backend.T("The log of job " + j.Name + " can't be read: " + told.Human).Safe(), Err: err}
	}
	return t.offset, err
}

// since leaves out lines that are older than is wanted.
func (f *follower) since(lines []backend.LogLine) []backend.LogLine {
	if f.q.Since.IsZero() {
		return lines
	}
	return slices.DeleteFunc(slices.Clone(lines), func(l backend.LogLine) bool { return l.At != 0 && l.At < f.q.Since.UnixNano() })
}

// last are the n last lines, in the same memory.
func last(lines []backend.LogLine, n int) []backend.LogLine {
	if more := len(lines) - n; more > 0 {
		return lines[:copy(lines, lines[more:])]
	}
	return lines
}

// logged are the jobs of a build whose logs a ref is about, in their order: all, or
// the one that it names, or that attempt of one by its ID. previous asks for those that were retried, of each the
// last. The build is as it was before they were read.
func (g *GitLab) logged(ctx context.Context, r backend.Ref, previous bool) (w whole, jobs []*client.Job, err error) {
	id, err := idOf(r)
	if err != nil {
		return w, nil, err
	}
	w, err = g.whole(ctx, r.Scope, id)
	if err != nil {
		return w, nil, err
	}
	jobs = w.newest()
	if previous {
		jobs = w.retried()
	}
	if r.Sub == "" {
		return w, jobs, nil
	}
	name := r.Sub
	if i := slices.IndexFunc(w.jobs, func(j *client.Job) bool { return strconv.FormatInt(j.ID, 10) == r.Sub }); i >= 0 {
		if !previous {
			return w, w.jobs[i : i+1], nil
		}
		name = w.jobs[i].Name
	}
	other := func(j *client.Job) bool { return j.Name != name }
	if !slices.ContainsFunc(w.jobs, func(j *client.Job) bool { return !other(j) }) {
		return w, nil, &backend.Error{Code: backend.NotFound, Op: "read logs", Ref: r, Human: backend.T(fmt.Sprintf("%s has no such job %q. Look at its stages.", called(r.Scope, r.Name), r.Sub)).Safe()}
	}
	return w, slices.DeleteFunc(jobs, other), nil
}

// note says what is missing in the logs of these jobs.
func (w whole) note(r backend.Ref, jobs []*client.Job, previous bool) string {
	switch {
	case previous && len(jobs) == 0 && r.Sub != "":
		return fmt.Sprintf("Job %s of %s was not retried: there is no attempt before this one.", r.Sub, called(r.Scope, r.Name))
	case previous && len(jobs) == 0:
		return fmt.Sprintf("No job of %s was retried: there are no attempts before these.", called(r.Scope, r.Name))
	}
	return whole{jobsLeft: w.jobsLeft}.unread()
}

// Before implements backend.Lines. GitLab sends a log from its beginning only: each
// page reads it up to where the last one began, and keeps only what is wanted.
func (g *GitLab) Before(ctx context.Context, q backend.LogQuery, c backend.Cursor, n int) ([]backend.LogLine, backend.Cursor, error) {
	if err := sensible(q); err != nil {
		return nil, backend.Cursor{}, err
	}
	job, offset := place(c)
	found := job == 0
	var out []backend.LogLine
	for _, r := range slices.Backward(q.Of) {
		w, jobs, err := g.logged(ctx, r, q.Previous)
		if err != nil {
			return nil, c, err
		}
		if job != 0 {
			if jobs, found = w.with(jobs, job); !found {
				continue // it is in one before
			}
		}
		for _, j := range slices.Backward(jobs) {
			if job != 0 && j.ID != job {
				continue
			}
			if job != 0 && offset == 0 { // of this one there is no more
				job = 0
				continue
			}
			var of []backend.LogLine
			t := &trace{job: j.ID, from: j.Name, until: offset}
			err := g.read(ctx, r, t, true, func(lines ...backend.LogLine) { of = last(append(of, lines...), n-len(out)) })
			if err != nil {
				return nil, c, err
			}
			out = append(of, out...)
			if len(out) >= n {
				return out, backend.Cursor{State: out[0].ID}, nil
			}
			job, offset = 0, 0 // all of the ones before
		}
	}
	if !found {
		return nil, c, &backend.Error{
			Code: backend.NotFound, Op: "read logs", Ref: q.Of[0],
			Human: backend.T(fmt.Sprintf("Job %d, in whose log one has come so far, is not among those of %s any more. Read the log again from its end.", job, called(q.Of[0].Scope, q.Of[0].Name))).Safe(),
		}
	}
	return out, backend.Cursor{}, nil
}

// with are the jobs with the one of that ID among them: in the place of the one by
// which it was retried meanwhile.
func (w whole) with(jobs []*client.Job, id int64) ([]*client.Job, bool) {
	is := func(j *client.Job) bool { return j.ID == id }
	if slices.ContainsFunc(jobs, is) {
		return jobs, true
	}
	i := slices.IndexFunc(w.jobs, is)
	if i < 0 {
		return jobs, false
	}
	at := slices.IndexFunc(jobs, func(j *client.Job) bool { return j.Name == w.jobs[i].Name })
	if at < 0 {
		return jobs, false
	}
	jobs[at] = w.jobs[i]
	return jobs, true
}

// place is how far a cursor has come: a job, and where in its log.
func place(c backend.Cursor) (job, offset int64) {
	state := c.State
	if state == "" {
		state = c.Oldest.ID
	}
	first, second, _ := strings.Cut(state, ":")
	job, err := strconv.ParseInt(first, 10, 64)
	if err != nil {
		return 0, 0
	}
	offset, err = strconv.ParseInt(second, 10, 64)
	if err != nil {
		return 0, 0
	}
	return job, offset
}
