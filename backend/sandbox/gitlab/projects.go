package gitlab

import (
	"encoding/json"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"wheelhouse/backend/sandbox"
)

func (s *server) projects(w http.ResponseWriter, r *request) {
	q := r.URL.Query()
	var all []sandbox.Pipeline
	active := map[string]time.Time{}
	for _, p := range s.world.Pipelines("gitlab") {
		level := r.user.level(p.Name)
		if level == 0 || level < number(q.Get("min_access_level"), 0) || !strings.Contains(p.Name, q.Get("search")) {
			continue
		}
		all = append(all, p)
		active[p.Name] = s.active(p.Name)
	}
	draw := func(p sandbox.Pipeline) object { return s.drawProject(p, r.user.level(p.Name)) }
	id := func(p sandbox.Pipeline) int { return s.id(p.Name) }
	if q.Get("pagination") == "keyset" {
		if q.Get("order_by") != "id" {
			answer(w, http.StatusMethodNotAllowed, object{"error": "Keyset pagination is not yet available for this type of request"})
			return
		}
		keyset(w, r, all, id, draw)
		return
	}
	slices.SortFunc(all, func(a, b sandbox.Pipeline) int {
		if q.Get("order_by") == "last_activity_at" {
			if c := active[b.Name].Compare(active[a.Name]); c != 0 {
				return c
			}
		}
		return id(b) - id(a)
	})
	if q.Get("sort") == "asc" {
		slices.Reverse(all)
	}
	page(w, r, all, draw)
}

func (s *server) active(name string) time.Time {
	if all := s.world.Builds(name); len(all) > 0 {
		return all[0].Queued
	}
	return time.Time{}
}

func (s *server) project(w http.ResponseWriter, r *request) {
	answer(w, http.StatusOK, s.drawProject(r.project, r.level))
}

func (s *server) drawProject(p sandbox.Pipeline, level int) object {
	access := "enabled"
	if p.Off {
		access = "disabled"
	}
	return object{
		"id": s.id(p.Name), "name": path.Base(p.Name), "path": path.Base(p.Name), "path_with_namespace": p.Name,
		"name_with_namespace": strings.ReplaceAll(p.Name, "/", " / "), "description": nil, "default_branch": p.Branch,
		"web_url": s.o.URL + "/" + p.Name, "archived": false, "visibility": "private", "created_at": stamp(time.Unix(1700000000, 0)),
		"last_activity_at": stamp(s.active(p.Name)), "jobs_enabled": !p.Off, "builds_access_level": access,
		"permissions": object{"project_access": object{"access_level": level, "notification_level": 3}, "group_access": nil},
	}
}

func (s *server) branches(w http.ResponseWriter, r *request) {
	page(w, r, branchesOf(r.project), func(name string) object {
		return object{"name": name, "default": name == r.project.Branch, "merged": false, "protected": name == r.project.Branch, "can_push": true}
	})
}

func branchesOf(p sandbox.Pipeline) []string {
	return append([]string{p.Branch}, p.More...)
}

// graphql answers the one query that is known here. As in GitLab, the variables
// are read in the background: null is the first answer.
func (s *server) graphql(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Query     string
		Variables map[string]string
	}
	if json.NewDecoder(r.Body).Decode(&asked) != nil || !strings.Contains(asked.Query, "ciConfigVariables") {
		answer(w, http.StatusOK, object{"errors": []object{{"message": "Field doesn't exist on type 'Query'"}}})
		return
	}
	u, ok := s.who(r)
	if !ok {
		answer(w, http.StatusUnauthorized, object{"errors": []object{{"message": "Invalid token"}}})
		return
	}
	name := asked.Variables["fullPath"]
	i := slices.IndexFunc(s.world.Pipelines("gitlab"), func(p sandbox.Pipeline) bool { return p.Name == name })
	if i < 0 || u.level(name) == 0 {
		answer(w, http.StatusOK, object{"data": object{"project": nil}})
		return
	}
	s.mu.Lock()
	ready := s.reading[name]
	s.reading[name] = true
	s.mu.Unlock()
	var variables []object
	if ready {
		variables = drawn(s.world.Pipelines("gitlab")[i].Params, drawParam)
	}
	answer(w, http.StatusOK, object{"data": object{"project": object{"ciConfigVariables": variables}}})
}

func drawParam(p sandbox.Param) object {
	o := object{"key": p.Name, "value": p.Default, "description": p.Help, "valueOptions": nil}
	if len(p.Choices) > 0 {
		o["valueOptions"] = p.Choices
	}
	return o
}
