package gitlab

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	client "gitlab.com/gitlab-org/api/client-go"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/webapi"
)

// The parameters that are no variables of the project's own.
const (
	paramRef       = "ref"
	paramVariables = "variables"
	paramJob       = "job"
)

// shownBranches is how many are named as a help.
const shownBranches = 12

// variable is one that a project names for whoever begins a pipeline.
type variable struct {
	Key, Value, Description string
	ValueOptions            []string
}

// told remembers what projects name, by path: what the form was made of is what
// the plan compares with. Safe for concurrent use.
type told struct {
	mu        sync.Mutex
	variables map[string][]variable
}

func newTold() *told { return &told{variables: map[string][]variable{}} }

func (t *told) keep(path string, all []variable) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.variables) > 1000 {
		clear(t.variables)
	}
	t.variables[path] = all
}

// value is a variable's own, which GitLab gives it where nobody says another.
func (t *told) value(path, key string) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, v := range t.variables[path] {
		if v.Key == key {
			return v.Value, true
		}
	}
	return "", false
}

// Params implements backend.Asker: what a pipeline can be told, or which of
// several manual jobs is meant.
func (g *GitLab) Params(ctx context.Context, action string, r backend.Ref) ([]backend.Param, error) {
	switch action {
	case delivery.BuildTrigger:
		return g.triggerParams(ctx, r)
	case delivery.BuildApprove:
		jobs, err := g.manual(ctx, r)
		if err != nil || len(jobs) < 2 || r.Sub != "" {
			return nil, err
		}
		p := backend.Param{Name: paramJob, Title: "Job", Type: backend.Choice, Required: true, Help: "Which one may begin."}
		for _, j := range jobs {
			p.Choices = append(p.Choices, j.Name)
		}
		return []backend.Param{p}, nil
	}
	return nil, nil
}

func (g *GitLab) triggerParams(ctx context.Context, r backend.Ref) ([]backend.Param, error) {
	path := pathOf(r)
	p, err := g.project(ctx, path)
	if err != nil {
		return nil, err
	}
	of := p.DefaultBranch
	if r.Kind == delivery.KindBuild {
		b, err := g.pipeline(ctx, r)
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(b.Ref, "refs/") { // of a merge request: nobody can begin such a one
			of = b.Ref
		}
	}
	variables, ready, err := g.variables(ctx, path, of)
	if err != nil {
		return nil, err
	}
	g.told.keep(path, variables)
	out := []backend.Param{{Name: paramRef, Title: "Branch or tag", Required: true, Default: of, Help: g.branches(ctx, path)}}
	for _, v := range variables {
		if v.Key == paramRef || v.Key == paramVariables {
			continue // to be given among the others
		}
		param := backend.Param{Name: v.Key, Title: v.Key, Help: v.Description, Default: v.Value, Choices: v.ValueOptions}
		if len(v.ValueOptions) > 0 {
			param.Type = backend.Choice
		}
		if delivery.Secretive(v.Key) {
			param.Secret, param.Default = true, ""
		}
		out = append(out, param)
	}
	help := `Others, as KEY=value KEY2="two words".`
	if !ready {
		help = `As KEY=value KEY2="two words". Which ones the project names, GitLab does not tell.`
	}
	return append(out, backend.Param{Name: paramVariables, Title: "Variables", Help: help}), nil
}

// pathOf is the full path of the project that a ref is about.
func pathOf(r backend.Ref) string {
	if r.Kind == delivery.KindBuild {
		return r.Scope
	}
	return r.Name
}

// branches names some of a project's. Without an answer there is no help.
func (g *GitLab) branches(ctx context.Context, path string) string {
	all, res, err := call(ctx, g, about{op: "list branches", what: "the branches of " + path}, func(o client.RequestOptionFunc) ([]*client.Branch, *client.Response, error) {
		return g.rest.Branches.ListBranches(path, &client.ListBranchesOptions{ListOptions: client.ListOptions{PerPage: shownBranches}}, o)
	})
	if err != nil || len(all) == 0 {
		return ""
	}
	var names []string
	for _, b := range all {
		names = append(names, b.Name)
	}
	help := "Branches: " + backend.T(strings.Join(names, ", ")).Safe()
	if more := int(res.TotalItems) - len(all); more > 0 {
		help += fmt.Sprintf(" and %d more", more)
	}
	return help + "."
}

// variables asks what a pipeline of a ref can be told. GitLab reads that in the
// background, and null is its answer until it has; ready is false where it never
// says, or has no GraphQL.
func (g *GitLab) variables(ctx context.Context, path, ref string) (all []variable, ready bool, err error) {
	const tries = 6
	body, err := json.Marshal(map[string]any{"query": variablesQuery, "variables": map[string]string{"fullPath": path, "ref": ref}})
	if err != nil {
		return nil, false, err
	}
	for try := range tries {
		var answer struct {
			Data struct {
				Project *struct{ CiConfigVariables *[]variable }
			}
		}
		err = g.api.JSON(ctx, webapi.Request{
			Op: "ask for variables", What: "the variables of " + path, Method: http.MethodPost, Path: graphqlPath, Body: body,
		}, &answer)
		switch code := backend.CodeOf(err); {
		case err != nil && (code == backend.NotFound || code == backend.Denied || code == backend.Invalid):
			return nil, false, nil
		case err != nil:
			return nil, false, err
		case answer.Data.Project == nil:
			return nil, false, nil
		case answer.Data.Project.CiConfigVariables != nil:
			for _, v := range *answer.Data.Project.CiConfigVariables {
				if v.Description != "" || len(v.ValueOptions) > 0 { // the others are not meant for people
					all = append(all, v)
				}
			}
			return all, true, nil
		}
		if try < tries-1 && !wait(ctx, g.limits.variable) {
			return nil, false, ctx.Err()
		}
	}
	return nil, false, nil
}

// pipeline reads the one that a build's ref names.
func (g *GitLab) pipeline(ctx context.Context, r backend.Ref) (*client.Pipeline, error) {
	id, err := idOf(r)
	if err != nil {
		return nil, err
	}
	p, _, err := call(ctx, g, about{op: "read build", what: called(r.Scope, r.Name), ref: r}, func(o client.RequestOptionFunc) (*client.Pipeline, *client.Response, error) {
		return g.rest.Pipelines.GetPipeline(r.Scope, id, o)
	})
	return p, err
}

// idOf is the number of a build's ref.
func idOf(r backend.Ref) (int64, error) {
	id, err := strconv.ParseInt(r.Name, 10, 64)
	if r.Kind != delivery.KindBuild || err != nil || r.Scope == "" {
		return 0, &backend.Error{Code: backend.Invalid, Op: "find build", Ref: r, Human: backend.T(fmt.Sprintf("%q is no build of GitLab: those have a project and a number, as in build/group%%2Fproject/812. Look at the list of builds.", r.String())).Safe()}
	}
	return id, nil
}

// manual are the jobs of a build that wait for a person.
func (g *GitLab) manual(ctx context.Context, r backend.Ref) (out []*client.Job, err error) {
	id, err := idOf(r)
	if err != nil {
		return nil, err
	}
	w, err := g.whole(ctx, r.Scope, id)
	for _, j := range w.newest() {
		if j.Status == "manual" && (r.Sub == "" || r.Sub == j.Name) {
			out = append(out, j)
		}
	}
	return out, err
}
