package gitlab

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	client "gitlab.com/gitlab-org/api/client-go"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
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
	h := backend.Health{State: backend.Live, Since: now}
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
	status, jobs, err := f.g.logged(ctx, f.ref, f.q.Previous)
	if err != nil {
		return false, 0, err
	}
	over = !going(status) || f.ref.Sub != "" && len(jobs) > 0
	for _, j := range jobs { // one whose log can't be read does not stand before the others
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

// logged are the jobs of a build whose logs a ref is about, in their order: all,
// or the one that it names. previous asks for those that were retried. status is
// the build's, as it was before they were read.
func (g *GitLab) logged(ctx context.Context, r backend.Ref, previous bool) (status string, jobs []*client.Job, err error) {
	id, err := idOf(r)
	if err != nil {
		return "", nil, err
	}
	w, err := g.whole(ctx, r.Scope, id)
	if err != nil {
		return "", nil, err
	}
	jobs = w.newest()
	if previous {
		older := slices.DeleteFunc(slices.Clone(w.jobs), func(j *client.Job) bool { return slices.Contains(jobs, j) })
		jobs = whole{jobs: older}.newest()
	}
	if r.Sub == "" {
		return w.pipeline.Status, jobs, nil
	}
	for _, j := range jobs {
		if j.Name == r.Sub || strconv.FormatInt(j.ID, 10) == r.Sub {
			return w.pipeline.Status, []*client.Job{j}, nil
		}
	}
	return "", nil, &backend.Error{Code: backend.NotFound, Op: "read logs", Ref: r, Human: backend.T(fmt.Sprintf("%s has no such job %q. Look at its stages.", called(r.Scope, r.Name), r.Sub)).Safe()}
}

// Before implements backend.Lines. GitLab sends a log from its beginning only: each
// page reads it up to where the last one began, and keeps only what is wanted.
func (g *GitLab) Before(ctx context.Context, q backend.LogQuery, c backend.Cursor, n int) ([]backend.LogLine, backend.Cursor, error) {
	if err := sensible(q); err != nil {
		return nil, backend.Cursor{}, err
	}
	job, offset := place(c)
	var out []backend.LogLine
	for _, r := range slices.Backward(q.Of) {
		_, jobs, err := g.logged(ctx, r, q.Previous)
		if err != nil {
			return nil, c, err
		}
		if job != 0 && !slices.ContainsFunc(jobs, func(j *client.Job) bool { return j.ID == job }) {
			continue // it is in one before
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
	return out, backend.Cursor{}, nil
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
