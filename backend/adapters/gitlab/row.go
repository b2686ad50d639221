package gitlab

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	client "gitlab.com/gitlab-org/api/client-go"

	"wheelhouse/backend/delivery"
)

// whole is a pipeline with its jobs, oldest first, retried ones among them, and
// its bridges: jobs that begin pipelines elsewhere.
type whole struct {
	pipeline *client.Pipeline
	jobs     []*client.Job
	bridges  []*client.Bridge

	jobsLeft, bridgesLeft int // that were not read; -1: nobody knows how many
}

// created is the status of a job that those before it must let begin.
const created = "created"

// stateOf is the word for a status, of a pipeline or of a job in it; a pipeline
// that is manual waits for a person.
func stateOf(status string) string {
	switch status {
	case created, "waiting_for_resource", "preparing", "pending", "scheduled", "waiting_for_callback":
		return delivery.Queued
	case "running":
		return delivery.Running
	case "manual":
		return delivery.Waiting
	case "success":
		return delivery.Passed
	case "failed":
		return delivery.Failed
	case "canceled", "canceling":
		return delivery.Stopped
	case "skipped":
		return delivery.Skipped
	}
	return status
}

// going says whether a status is not the last. One that is being cancelled is
// looked at until it is.
func going(status string) bool {
	switch stateOf(status) {
	case delivery.Queued, delivery.Running, delivery.Waiting:
		return true
	}
	return status == "canceling"
}

// jobState is that of a job in its pipeline: one that may fail leaves only a mark,
// and one that may be played, and need not, is left out.
func jobState(j *client.Job) string {
	state := stateOf(j.Status)
	switch {
	case j.AllowFailure && state == delivery.Failed:
		return delivery.Unstable
	case j.AllowFailure && state == delivery.Waiting:
		return delivery.Skipped
	}
	return state
}

// firstRow is what a list says of a pipeline.
func (g *GitLab) firstRow(path string, p *client.PipelineInfo) delivery.Build {
	row := delivery.Build{
		Link: g.api.Link().Alias(), Pipeline: path, Number: strconv.FormatInt(p.ID, 10),
		Branch: branch(p.Ref), Commit: short(p.SHA), Title: p.Name, State: stateOf(p.Status), Queued: seconds(p.CreatedAt),
	}
	if !going(p.Status) {
		row.Ended = seconds(p.UpdatedAt)
	}
	return row
}

// row is the whole of it.
func (w whole) row(alias, path string, now time.Time) delivery.Build {
	p := w.pipeline
	row := delivery.Build{
		Link: alias, Pipeline: path, Number: strconv.FormatInt(p.ID, 10),
		Branch: branch(p.Ref), Commit: short(p.SHA), Title: cmp.Or(p.Name, w.title()), By: w.by(), State: stateOf(p.Status),
		Stages: delivery.PackStages(w.stages(now)), Queued: seconds(p.CreatedAt), Began: seconds(p.StartedAt), Ended: seconds(p.FinishedAt),
	}
	if row.Ended == 0 && !going(p.Status) {
		row.Ended = seconds(p.UpdatedAt)
	}
	jobs := w.newest()
	if row.State == delivery.Passed && slices.ContainsFunc(jobs, func(j *client.Job) bool { return jobState(j) == delivery.Unstable }) {
		row.State = delivery.Unstable
	}
	row.Detail = w.detail(jobs, row.State)
	return row
}

// took is how long one took that has passed, without what it waited for people.
func (w whole) took() int32 {
	if w.pipeline.Status != "success" {
		return 0
	}
	return int32(min(w.pipeline.Duration, 1<<30))
}

func (w whole) title() string {
	for _, j := range w.jobs {
		if j.Commit != nil {
			return j.Commit.Title
		}
	}
	return ""
}

func (w whole) by() string {
	if w.pipeline.User == nil {
		return ""
	}
	return w.pipeline.User.Username
}

// detail says why a build waits or has failed.
func (w whole) detail(jobs []*client.Job, state string) string {
	var out []string
	for _, j := range jobs {
		if why := reason(j, state); why != "" {
			out = append(out, why)
		}
	}
	for _, b := range w.bridges {
		if state == delivery.Failed && bridgeState(b) == state {
			out = append(out, strings.TrimSuffix(b.Name+": "+b.FailureReason, ": "))
		}
	}
	if len(out) == 0 {
		return w.pipeline.YamlErrors
	}
	const shown = 3
	if more := len(out) - shown; more > 0 {
		out = append(out[:shown], strconv.Itoa(more)+" more")
	}
	return strings.Join(out, ", ")
}

// reason is what a job adds to why its build is in a state; "" for nothing.
func reason(j *client.Job, state string) string {
	switch is := jobState(j); {
	case is != state:
	case state == delivery.Failed, state == delivery.Unstable:
		return strings.TrimSuffix(j.Name+": "+j.FailureReason, ": ")
	case state == delivery.Waiting:
		return j.Name
	case state == delivery.Queued && j.Status != created && j.Status != "pending":
		return j.Name + ": " + strings.ReplaceAll(j.Status, "_", " ")
	}
	return ""
}

// newest are the jobs without those that were retried, in the order of the stages,
// and in them of the first attempts: one that is retried keeps its place.
func (w whole) newest() []*client.Job {
	stages, attempts, last := w.first(), map[string]int64{}, map[string]*client.Job{}
	for _, j := range w.jobs {
		if last[j.Name] == nil {
			attempts[j.Name] = j.ID
		}
		last[j.Name] = j
	}
	out := slices.Collect(maps.Values(last))
	slices.SortFunc(out, func(a, b *client.Job) int {
		return cmp.Or(cmp.Compare(stages[a.Stage], stages[b.Stage]), cmp.Compare(attempts[a.Name], attempts[b.Name]))
	})
	return out
}

// first is each stage's oldest job, which tells the order of the stages: GitLab
// makes the jobs in that order, and retried ones later.
func (w whole) first() map[string]int64 {
	out := map[string]int64{}
	for _, j := range w.jobs {
		if _, ok := out[j.Stage]; !ok {
			out[j.Stage] = j.ID
		}
	}
	return out
}

// retried are the jobs that were, of each name the last attempt but for the newest.
func (w whole) retried() []*client.Job {
	newest := w.newest()
	w.jobs = slices.DeleteFunc(slices.Clone(w.jobs), func(j *client.Job) bool { return slices.Contains(newest, j) })
	return w.newest()
}

// unread says what of it was not read; empty: nothing.
func (w whole) unread() string {
	var out []string
	for what, left := range map[string]int{"jobs": w.jobsLeft, "pipelines elsewhere": w.bridgesLeft} {
		if left != 0 {
			out = append(out, others(left, what))
		}
	}
	if len(out) == 0 {
		return ""
	}
	slices.Sort(out)
	return fmt.Sprintf("%s are not shown: only the newest %d are.", strings.Join(out, " and "), mostJobs)
}

func bridgeState(b *client.Bridge) string {
	state := stateOf(b.Status)
	if b.DownstreamPipeline != nil {
		state = stateOf(b.DownstreamPipeline.Status)
	}
	if b.AllowFailure && state == delivery.Failed {
		return delivery.Unstable
	}
	return state
}

// stages are GitLab's, each with the worst of its jobs, and the bridges, each as
// one by its own name.
func (w whole) stages(now time.Time) []delivery.Stage {
	type part struct {
		first      int64
		began, end time.Time
		delivery.Stage
	}
	var out []*part
	byName := map[string]*part{}
	for _, j := range w.newest() {
		p := byName[j.Stage]
		if p == nil {
			p = &part{first: w.first()[j.Stage], Stage: delivery.Stage{Name: j.Stage, State: jobState(j)}}
			byName[j.Stage], out = p, append(out, p)
		}
		p.State = worse(p.State, jobState(j))
		if j.StartedAt == nil {
			continue
		}
		if p.began.IsZero() || j.StartedAt.Before(p.began) {
			p.began = *j.StartedAt
		}
		if j.FinishedAt == nil {
			p.end = now
		} else if j.FinishedAt.After(p.end) {
			p.end = *j.FinishedAt
		}
	}
	for _, b := range w.bridges {
		p := &part{first: b.ID, Stage: delivery.Stage{Name: b.Name, State: bridgeState(b)}}
		if b.StartedAt != nil {
			p.began, p.end = *b.StartedAt, now
			if b.FinishedAt != nil {
				p.end = *b.FinishedAt
			}
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b *part) int { return cmp.Compare(a.first, b.first) })
	var stages []delivery.Stage
	for _, p := range out {
		if !p.began.IsZero() {
			p.Seconds = int32(max(0, min(p.end.Sub(p.began), 1<<30*time.Second)).Seconds())
		}
		stages = append(stages, p.Stage)
	}
	return stages
}

// worse is the one of two states of which a person must know first.
func worse(a, b string) string {
	order := []string{
		delivery.Failed, delivery.Waiting, delivery.Running, delivery.Queued, delivery.Unstable, delivery.Stopped, delivery.Passed, delivery.Skipped,
	}
	if i := slices.Index(order, b); i >= 0 && i < slices.Index(order, a) {
		return b
	}
	return a
}

// branch is a ref as people say it; that of a merge request is its number.
func branch(ref string) string {
	if rest, ok := strings.CutPrefix(ref, "refs/merge-requests/"); ok {
		number, _, _ := strings.Cut(rest, "/")
		return "!" + number
	}
	return strings.TrimPrefix(ref, "refs/heads/")
}

// short is as much of a commit as GitLab shows.
func short(sha string) string { return sha[:min(len(sha), 8)] }

func seconds(t *time.Time) int64 {
	if t == nil {
		return 0
	}
	return t.Unix()
}
