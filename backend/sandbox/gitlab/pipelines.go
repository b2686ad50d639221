package gitlab

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"wheelhouse/backend/sandbox"
)

// statusOf is how GitLab calls a state.
func statusOf(s sandbox.State) string {
	switch s {
	case sandbox.Created:
		return "pending"
	case sandbox.Waiting:
		return "manual"
	case sandbox.Passed:
		return "success"
	case sandbox.Stopped:
		return "canceled"
	}
	return string(s) // running, failed
}

func (s *server) pipelines(w http.ResponseWriter, r *request) {
	if r.level < Reporter || r.project.Off {
		forbidden(w)
		return
	}
	q := r.URL.Query()
	after, _ := time.Parse(time.RFC3339, q.Get("updated_after"))
	not := func(name, is string) bool { return q.Has(name) && q.Get(name) != is }
	all := slices.DeleteFunc(s.world.Builds(r.project.Name), func(b sandbox.Build) bool {
		return not("ref", b.Branch) || not("username", b.By) || not("source", s.source(b)) || not("sha", b.Commit) ||
			not("status", statusOf(b.State)) || !updated(b).After(after)
	})
	slices.SortFunc(all, func(a, b sandbox.Build) int {
		if q.Get("order_by") == "updated_at" {
			if c := updated(b).Compare(updated(a)); c != 0 {
				return c
			}
		}
		return b.ID - a.ID
	})
	if q.Get("sort") == "asc" {
		slices.Reverse(all)
	}
	page(w, r, all, func(b sandbox.Build) object { return s.drawInfo(r.project, b) })
}

func (s *server) source(b sandbox.Build) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byAPI[b.ID] {
		return "api"
	}
	return "push"
}

// updated is when a pipeline's own status changed last; that of its jobs does not
// count.
func updated(b sandbox.Build) time.Time {
	at := b.Queued
	if b.State != sandbox.Created {
		at = b.Began
	}
	for _, g := range b.Stages {
		if g.State == sandbox.Waiting || g.By != "" {
			at = g.Began
		}
	}
	if b.Done() {
		at = b.Ended
	}
	return at
}

// drawInfo is a pipeline as lists have it.
func (s *server) drawInfo(p sandbox.Pipeline, b sandbox.Build) object {
	return object{
		"id": b.ID, "iid": b.Number, "project_id": s.id(p.Name), "sha": b.Commit, "ref": b.Branch, "status": statusOf(b.State),
		"source": s.source(b), "created_at": stamp(b.Queued), "updated_at": stamp(updated(b)), "web_url": fmt.Sprintf("%s/%s/-/pipelines/%d", s.o.URL, p.Name, b.ID), "name": nil,
	}
}

func (s *server) drawPipeline(p sandbox.Pipeline, b sandbox.Build) object {
	o := s.drawInfo(p, b)
	o["user"], o["tag"], o["yaml_errors"], o["coverage"] = s.basicUser(b.By), false, nil, nil
	o["before_sha"], o["committed_at"], o["duration"], o["queued_duration"] = fmt.Sprintf("%040d", 0), nil, nil, nil
	o["started_at"], o["finished_at"] = nil, stamp(b.Ended)
	if b.State != sandbox.Created {
		o["started_at"], o["queued_duration"] = stamp(b.Began), int(b.Began.Sub(b.Queued).Seconds())
	}
	if b.Done() {
		o["duration"] = int(max(0, b.Ended.Sub(b.Began)).Seconds())
	}
	o["detailed_status"] = object{"text": statusOf(b.State), "label": statusOf(b.State), "group": statusOf(b.State)}
	return o
}

func (s *server) pipeline(w http.ResponseWriter, r *request) {
	answer(w, http.StatusOK, s.drawPipeline(r.project, r.build))
}

// variables are for who began the pipeline, and for maintainers.
func (s *server) variables(w http.ResponseWriter, r *request) {
	if r.level < Maintainer && r.build.By != r.user.Name {
		forbidden(w)
		return
	}
	var keys []string
	for k := range r.build.Params {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	page(w, r, keys, func(k string) object {
		return object{"key": k, "value": r.build.Params[k], "variable_type": "env_var", "raw": false}
	})
}

func (s *server) create(w http.ResponseWriter, r *request) {
	if r.level < Developer || r.project.Off {
		forbidden(w)
		return
	}
	var asked struct {
		Ref       string
		Variables []struct{ Key, Value string }
	}
	asked.Ref = r.URL.Query().Get("ref")
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil && r.ContentLength != 0 {
		answer(w, http.StatusBadRequest, object{"message": "400 Bad request"})
		return
	}
	switch {
	case asked.Ref == "":
		answer(w, http.StatusBadRequest, object{"error": "ref is missing"})
		return
	case !slices.Contains(branchesOf(r.project), asked.Ref):
		refuse(w, "Reference not found")
		return
	case len(asked.Variables) > 0 && slices.Contains(s.o.Sealed, r.project.Name):
		refuse(w, "Insufficient permissions to set pipeline variables")
		return
	}
	params := map[string]string{}
	for _, v := range asked.Variables {
		params[v.Key] = v.Value
	}
	s.mu.Lock() // so that it is known to come from here as soon as it is seen
	b, err := s.world.Trigger(r.project.Name, sandbox.Order{By: r.user.Name, Branch: asked.Ref, Params: params})
	s.byAPI[b.ID] = true
	s.mu.Unlock()
	if err != nil {
		missing(w, "Project")
		return
	}
	answer(w, http.StatusCreated, s.drawPipeline(r.project, b))
}

func refuse(w http.ResponseWriter, why string) {
	answer(w, http.StatusBadRequest, object{"message": object{"base": []string{why}}})
}

// cancel answers 200 whatever the state.
func (s *server) cancel(w http.ResponseWriter, r *request) {
	err := s.world.Stop(r.project.Name, r.build.Number)
	if err != nil && !errors.Is(err, sandbox.ErrEnded) {
		missing(w, "")
		return
	}
	s.again(w, r, http.StatusOK)
}

func (s *server) retry(w http.ResponseWriter, r *request) {
	err := s.world.Retry(r.project.Name, r.build.Number)
	if err != nil && !errors.Is(err, sandbox.ErrNotHere) {
		missing(w, "")
		return
	}
	s.again(w, r, http.StatusCreated)
}

// again answers with the pipeline as it is now.
func (s *server) again(w http.ResponseWriter, r *request, status int) {
	b, err := s.world.Build(r.project.Name, r.build.Number)
	if err != nil {
		missing(w, "")
		return
	}
	answer(w, status, s.drawPipeline(r.project, b))
}
