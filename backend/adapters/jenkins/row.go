package jenkins

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
)

// mark is the name of a parameter by which a build is known again. A job that
// defines it can be triggered with certainty over the worst of lines.
const mark = "WHEELHOUSE_ID"

// maxAbout is how long a build's parameters may be that stand for a title.
const maxAbout = 80

func (j *Jenkins) pipelines(ctx context.Context, _ backend.Scope) ([]delivery.Pipeline, error) {
	shot, err := j.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]delivery.Pipeline, 0, len(shot.jobs))
	for _, one := range shot.jobs {
		row := delivery.Pipeline{Link: j.api.Link().Alias(), Name: one.FullName, Branch: one.branch}
		if !*one.Buildable {
			row.Off = "is switched off"
		}
		if len(one.Builds) > 0 {
			last := j.buildRow(one, one.Builds[0])
			row.Last, row.State, row.Began = last.Number, last.State, last.Began
			row.Branch = cmp.Or(row.Branch, last.Branch)
		}
		out = append(out, row)
	}
	return out, j.leftOut(shot, 0)
}

// leftOut says what is not shown.
func (j *Jenkins) leftOut(shot *snapshot, builds int) error {
	var all []string
	say := func(n int, format string, most int) {
		if n > 0 {
			all = append(all, fmt.Sprintf("%d more "+format, n, most))
		}
	}
	say(shot.more, "jobs (only the first %d are)", j.limits.jobs)
	say(shot.deep, "folders (they lie deeper than %d folders)", depth)
	say(builds, "builds (only the newest %d are)", j.limits.rows)
	if len(all) == 0 {
		return nil
	}
	return fail(backend.Partly, "read jobs", backend.Ref{}, nil, "Not shown are %s. Look at those in a browser.", strings.Join(all, ", "))
}

func (j *Jenkins) builds(ctx context.Context, s backend.Scope) ([]delivery.Build, error) {
	shot, err := j.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	wanted := func(name string) bool { return len(s.Namespaces) == 0 || slices.Contains(s.Namespaces, name) }
	var out []delivery.Build
	for _, i := range shot.queue {
		if name := i.job(); wanted(name) {
			out = append(out, j.queuedRow(i))
		}
	}
	for _, one := range shot.jobs {
		if wanted(one.FullName) {
			for _, b := range one.Builds {
				out = append(out, j.buildRow(one, b))
			}
		}
	}
	builds := 0                   // that are left out
	if len(out) > j.limits.rows { // the oldest are left out
		slices.SortStableFunc(out, func(a, b delivery.Build) int { return cmp.Compare(max(b.Began, b.Queued), max(a.Began, a.Queued)) })
		builds, out = len(out)-j.limits.rows, out[:j.limits.rows]
	}
	return out, j.leftOut(shot, builds)
}

func (j *Jenkins) queuedRow(i item) delivery.Build {
	return delivery.Build{
		Link: j.api.Link().Alias(), Pipeline: i.job(), Number: queuedName(i.ID), State: delivery.Queued, Detail: i.Why,
		By: by(i.Actions), Title: about(i.Actions), Queued: i.InQueueSince / 1000,
	}
}

func (j *Jenkins) buildRow(in job, b build) delivery.Build {
	row := delivery.Build{
		Link: j.api.Link().Alias(), Pipeline: in.FullName, Number: strconv.Itoa(b.Number),
		Branch: in.branch, By: by(b.Actions), Title: cmp.Or(b.Description, about(b.Actions)), State: stateOf(b),
		Began: b.Timestamp / 1000, Usual: int32(min(max(b.EstimatedDuration, 0)/1000, 1<<30)),
	}
	if !b.Building {
		row.Ended = (b.Timestamp + b.Duration) / 1000
	}
	branch, commit := source(b.Actions)
	row.Branch, row.Commit = cmp.Or(row.Branch, branch), commit
	k := j.stages.of(in.FullName, b)
	row.Stages = delivery.PackStages(k.all)
	if b.Building && k.waits {
		row.State = delivery.Waiting
	}
	row.Detail = k.detail
	return row
}

// stateOf is how a build stands, without what its stages say.
func stateOf(b build) string {
	if b.Building {
		return delivery.Running
	}
	switch b.Result {
	case "SUCCESS":
		return delivery.Passed
	case "UNSTABLE":
		return delivery.Unstable
	case "FAILURE":
		return delivery.Failed
	case "ABORTED":
		return delivery.Stopped
	case "NOT_BUILT":
		return delivery.Skipped
	}
	return b.Result
}

// by is who or what began it: a person where there is one.
func by(all []action) string {
	other := ""
	for _, a := range all {
		for _, c := range a.Causes {
			switch {
			case c.UserName != "" || c.UserID != "":
				return cmp.Or(c.UserName, c.UserID)
			case other != "":
			case c.UpstreamProject != "":
				other = fmt.Sprintf("%s #%d", c.UpstreamProject, c.UpstreamBuild)
			default:
				other = strings.TrimPrefix(strings.TrimPrefix(c.ShortDescription, "Started by "), "an ")
			}
		}
	}
	return other
}

// source is what was built: of the first repository, others are libraries.
func source(all []action) (branch, commit string) {
	for _, a := range all {
		if r := a.LastBuiltRevision; r != nil {
			if len(r.Branch) > 0 && r.Branch[0].Name != "detached" {
				branch = r.Branch[0].Name
				for _, prefix := range []string{"refs/remotes/", "refs/heads/", "origin/"} {
					branch = strings.TrimPrefix(branch, prefix)
				}
			}
			return branch, r.SHA1
		}
	}
	return "", ""
}

// about are a build's parameters, those with a value that may be told.
func about(all []action) string {
	var words []string
	for _, a := range all {
		for _, p := range a.Parameters {
			if p.Value != nil && p.Value != "" && p.Name != mark && !delivery.Secretive(p.Name) {
				words = append(words, fmt.Sprintf("%s=%v", p.Name, p.Value))
			}
		}
	}
	s := strings.Join(words, " ")
	if r := []rune(s); len(r) > maxAbout {
		s = string(r[:maxAbout]) + "…"
	}
	return s
}
