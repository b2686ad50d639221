package gitlab

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"

	"wheelhouse/backend/sandbox"
)

// perBuild is how many jobs a pipeline has room for.
const perBuild = 100

// jobID is unique among all jobs.
func jobID(b sandbox.Build, g sandbox.Stage) int {
	return b.ID*perBuild + 1 + slices.IndexFunc(b.Stages, func(other sandbox.Stage) bool { return other.Name == g.Name })
}

// jobs come newest first.
func (s *server) jobs(w http.ResponseWriter, r *request) {
	stages := slices.Clone(r.build.Stages)
	slices.Reverse(stages)
	page(w, r, stages, func(g sandbox.Stage) object { return s.drawJob(r.project, r.build, g) })
}

// bridges: no pipeline of the world begins another.
func (s *server) bridges(w http.ResponseWriter, r *request) {
	page(w, r, nil, func(object) object { return nil })
}

func (s *server) job(w http.ResponseWriter, r *request) {
	answer(w, http.StatusOK, s.drawJob(r.project, r.build, r.build.Stages[r.stage]))
}

// jobStatus is how GitLab calls a stage's state: what has not begun waits for its
// turn, and has none any more when the pipeline has ended.
func jobStatus(b sandbox.Build, g sandbox.Stage) string {
	switch {
	case g.State != sandbox.Created:
		return statusOf(g.State)
	case b.State == sandbox.Failed:
		return "skipped"
	case b.Done():
		return statusOf(b.State)
	case b.State == sandbox.Created && g.Name == b.Stages[0].Name:
		return "pending"
	}
	return "created"
}

func (s *server) drawJob(p sandbox.Pipeline, b sandbox.Build, g sandbox.Stage) object {
	by := g.By
	if by == "" {
		by = b.By
	}
	o := object{
		"id": jobID(b, g), "name": g.Name, "stage": g.Name, "status": jobStatus(b, g), "ref": b.Branch, "tag": false, "allow_failure": false,
		"created_at": stamp(b.Queued), "started_at": nil, "finished_at": stamp(g.Ended), "duration": nil, "queued_duration": nil,
		"user": s.basicUser(by), "web_url": fmt.Sprintf("%s/%s/-/jobs/%d", s.o.URL, p.Name, jobID(b, g)), "coverage": nil,
		"pipeline": object{"id": b.ID, "iid": b.Number, "project_id": s.id(p.Name), "sha": b.Commit, "ref": b.Branch, "status": statusOf(b.State)},
		"commit": object{
			"id": b.Commit, "short_id": b.Commit[:8], "title": b.Title, "message": b.Title + "\n", "author_name": b.By, "created_at": stamp(b.Queued),
		},
	}
	if begun(g) {
		end := g.Ended
		if end.IsZero() {
			end = s.world.Now()
		}
		o["started_at"], o["duration"] = stamp(g.Began), end.Sub(g.Began).Seconds()
	}
	if g.State == sandbox.Failed {
		o["failure_reason"] = "script_failure"
	}
	return o
}

// begun says whether a stage has run, or does: one that was stopped while it
// waited has not.
func begun(g sandbox.Stage) bool {
	return !g.Began.IsZero() && g.State != sandbox.Waiting && (g.Gate() == nil || g.By != "")
}

// trace sends a job's whole log, whatever range was asked for.
func (s *server) trace(w http.ResponseWriter, r *request) {
	w.Header().Set("Content-Type", "text/plain")
	g := r.build.Stages[r.stage]
	if !begun(g) {
		return
	}
	fmt.Fprintf(w, "section_start:%d:step_script\r\x1b[0K\x1b[0K\x1b[36;1mExecuting \"step_script\" stage of the job script\x1b[0;m\x1b[0;m\n", g.Began.Unix())
	_, _ = io.WriteString(w, g.Log(s.world.Now()))
	if g.Ended.IsZero() {
		return
	}
	fmt.Fprintf(w, "section_end:%d:step_script\r\x1b[0K", g.Ended.Unix())
	switch g.State {
	case sandbox.Passed:
		fmt.Fprint(w, "\x1b[32;1mJob succeeded\x1b[0;m\n")
	case sandbox.Failed:
		fmt.Fprint(w, "\x1b[31;1mERROR: Job failed: exit code 1\n\x1b[0;m\n")
	default:
		fmt.Fprint(w, "\x1b[31;1mERROR: Job failed: canceled\n\x1b[0;m\n")
	}
}

func (s *server) play(w http.ResponseWriter, r *request) {
	var asked struct {
		Variables []struct{ Key, Value string } `json:"job_variables_attributes"`
	}
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil && r.ContentLength != 0 {
		answer(w, http.StatusBadRequest, object{"message": "400 Bad request"})
		return
	}
	args := map[string]string{}
	for _, v := range asked.Variables {
		args[v.Key] = v.Value
	}
	if s.world.Answer(r.project.Name, r.build.Number, r.build.Stages[r.stage].Name, r.user.Name, true, args) != nil {
		answer(w, http.StatusBadRequest, object{"message": "400 Bad request - Unplayable Job"})
		return
	}
	s.jobNow(w, r, http.StatusOK)
}

// cancelJob ends the pipeline too: its jobs come one after another.
func (s *server) cancelJob(w http.ResponseWriter, r *request) {
	if g := r.build.Stages[r.stage]; g.State == sandbox.Running || g.State == sandbox.Waiting {
		_ = s.world.Stop(r.project.Name, r.build.Number) // one that has just ended stays as it is
	}
	s.jobNow(w, r, http.StatusCreated)
}

func (s *server) retryJob(w http.ResponseWriter, r *request) {
	g := r.build.Stages[r.stage]
	if g.State != sandbox.Failed && g.State != sandbox.Stopped || s.world.Retry(r.project.Name, r.build.Number) != nil {
		answer(w, http.StatusForbidden, object{"message": "403 Forbidden - Job is not retryable"})
		return
	}
	s.jobNow(w, r, http.StatusCreated)
}

// jobNow answers with the job as it is now.
func (s *server) jobNow(w http.ResponseWriter, r *request, status int) {
	b, err := s.world.Build(r.project.Name, r.build.Number)
	if err != nil {
		missing(w, "")
		return
	}
	answer(w, status, s.drawJob(r.project, b, b.Stages[r.stage]))
}
