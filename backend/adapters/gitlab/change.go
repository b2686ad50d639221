package gitlab

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"

	client "gitlab.com/gitlab-org/api/client-go"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
)

// noNo is what GitLab has instead of a no.
const noNo = "GitLab knows no \"no\" to a manual job: it waits until somebody plays it. Stop the build instead"

// Why implements backend.Actor. What the state of a build says against it the row
// knows.
func (g *GitLab) Why(action string, refs []backend.Ref) string {
	l := g.api.Link()
	switch action {
	case delivery.BuildReject:
		return noNo
	case delivery.BuildTrigger, delivery.BuildStop, delivery.BuildApprove:
	default:
		return "GitLab has no " + action
	}
	switch h := l.Health(); h.State {
	case backend.Off:
		return l.Alias() + " is not connected"
	case backend.Stale, backend.Down:
		return l.Alias() + " is not reachable"
	case backend.Forbidden:
		return l.Alias() + ": " + h.Reason.Safe()
	}
	return ""
}

// needs is a right that a verb takes, in Kubernetes' words.
func needs(verb, resource string) []backend.Permission {
	return []backend.Permission{{Verb: verb, Resource: resource}}
}

// May implements backend.Actor: what the token's scopes and one's role in the
// project tell. All three verbs take the role of a developer; what protected
// branches and environments take besides, the server says when it is asked.
func (g *GitLab) May(ctx context.Context, _ backend.Permission, target backend.Ref) (ok bool, reason string, err error) {
	token, _, err := call(ctx, g, about{op: "ask for the token's scopes"}, func(o client.RequestOptionFunc) (*client.PersonalAccessToken, *client.Response, error) {
		return g.rest.PersonalAccessTokens.GetSinglePersonalAccessToken(o)
	})
	if err == nil && len(token.Scopes) > 0 && !hasAPI(token.Scopes) { // other tokens than access tokens tell nothing
		return false, "the token's scopes are " + strings.Join(token.Scopes, ", ") + ", and it takes api", nil
	}
	path := pathOf(target)
	if path == "" {
		return true, "", nil
	}
	p, err := g.project(ctx, path)
	if err != nil {
		return false, "", err
	}
	level := client.NoPermissions
	if p.Permissions != nil && p.Permissions.ProjectAccess != nil {
		level = p.Permissions.ProjectAccess.AccessLevel
	}
	if p.Permissions != nil && p.Permissions.GroupAccess != nil {
		level = max(level, p.Permissions.GroupAccess.AccessLevel)
	}
	if level > client.NoPermissions && level < client.DeveloperPermissions { // none at all is that of an administrator too
		return false, fmt.Sprintf("your role in %s is below Developer", path), nil
	}
	return true, "", nil
}

func hasAPI(scopes []string) bool {
	for _, s := range scopes {
		if s == "api" {
			return true
		}
	}
	return false
}

// Plan implements backend.Actor.
func (g *GitLab) Plan(ctx context.Context, action string, refs []backend.Ref, args backend.Args) (backend.Plan, error) {
	p := backend.Plan{Action: action}
	var plan func(context.Context, backend.Ref, backend.Args, *backend.Plan) (string, error)
	switch action {
	case delivery.BuildTrigger:
		plan = g.planTrigger
	case delivery.BuildStop:
		plan = g.planStop
	case delivery.BuildApprove:
		plan = g.planApprove
	case delivery.BuildReject:
		plan = g.planReject
	default:
		return p, &backend.Error{Code: backend.Invalid, Op: action, Human: fmt.Sprintf("GitLab has no action %q; `wheelhouse actions` lists what there is.", action)}
	}
	var sentences []string
	for _, r := range refs {
		says, err := plan(ctx, r, args, &p)
		switch {
		case backend.CodeOf(err) == backend.NotFound:
			p.Gone = append(p.Gone, r)
			p.Warnings = append(p.Warnings, err.Error())
		case err != nil:
			return backend.Plan{}, err
		default:
			sentences = append(sentences, says)
		}
	}
	p.Sentence = strings.Join(sentences, " ")
	if n := len(sentences); n > 3 {
		p.Sentence = fmt.Sprintf("%s And so for %d others.", sentences[0], n-1)
	}
	return p, nil
}

func (g *GitLab) planTrigger(ctx context.Context, r backend.Ref, args backend.Args, p *backend.Plan) (string, error) {
	path := pathOf(r)
	project, err := g.project(ctx, path)
	if err != nil {
		return "", err
	}
	mark := make([]byte, 12)
	_, _ = rand.Read(mark) // it never fails
	o, err := g.newOrder(path, project.DefaultBranch, args, hex.EncodeToString(mark))
	if err != nil {
		return "", err
	}
	if o.ref == "" {
		return "", &backend.Error{Code: backend.Invalid, Op: delivery.BuildTrigger, Ref: r, Human: path + " has no default branch: its repository may be empty. Say which branch is meant (ref)."}
	}
	p.Steps = append(p.Steps, backend.Step{
		Target: r, Request: backend.T(o.request()).Safe(), CLI: backend.T(o.byHand()).Safe(), Needs: needs("create", "pipelines"),
		Do: func(ctx context.Context, progress backend.Progress) error { return g.begin(ctx, o, progress) },
	})
	return backend.T(fmt.Sprintf("Begins a build of %s on %s, on %s.", o.path, o.ref, g.api.Link().Alias())).Safe(), nil
}

func (g *GitLab) planStop(ctx context.Context, r backend.Ref, _ backend.Args, p *backend.Plan) (string, error) {
	b, err := g.pipeline(ctx, r)
	if err != nil {
		return "", err
	}
	name := called(r.Scope, r.Name)
	if !going(b.Status) {
		return "", conflict(delivery.BuildStop, r, fmt.Sprintf("%s has ended already: %s. Look at it.", name, strings.ToLower(stateOf(b.Status))))
	}
	p.Steps = append(p.Steps, backend.Step{
		Target: r, Needs: needs("cancel", "pipelines"), Guard: endedFacts(b.Status),
		Request: backend.T(fmt.Sprintf("POST projects/%s/pipelines/%d/cancel", r.Scope, b.ID)).Safe(),
		CLI:     backend.T(fmt.Sprintf("glab ci cancel pipeline %d -R %s", b.ID, quoted(r.Scope))).Safe(),
		Do:      func(ctx context.Context, progress backend.Progress) error { return g.stop(ctx, r, progress) },
	})
	return backend.T(fmt.Sprintf("Stops build %s of %s on %s, which is %s.", r.Name, r.Scope, g.api.Link().Alias(), strings.ToLower(stateOf(b.Status)))).Safe(), nil
}

func (g *GitLab) planApprove(ctx context.Context, r backend.Ref, args backend.Args, p *backend.Plan) (string, error) {
	jobs, err := g.manual(ctx, r)
	if err != nil {
		return "", err
	}
	name := called(r.Scope, r.Name)
	var names []string
	var job *client.Job
	for _, j := range jobs {
		names = append(names, j.Name)
		if j.Name == args[paramJob] || len(jobs) == 1 && args[paramJob] == "" {
			job = j
		}
	}
	switch {
	case len(jobs) == 0:
		return "", conflict(delivery.BuildApprove, r, name+" does not wait for anybody any more. Look at it.")
	case job == nil && args[paramJob] != "":
		return "", conflict(delivery.BuildApprove, r, fmt.Sprintf("Job %s of %s does not wait; those that do: %s. Look at it and ask again.", args[paramJob], name, strings.Join(names, ", ")))
	case job == nil:
		return "", &backend.Error{Code: backend.Invalid, Op: delivery.BuildApprove, Ref: r, Human: backend.T(fmt.Sprintf("%s waits at several jobs: %s. Say which one may begin (job).", name, strings.Join(names, ", "))).Safe()}
	}
	p.Steps = append(p.Steps, backend.Step{
		Target: r, Needs: needs("play", "jobs"), Guard: jobFacts(job),
		Request: backend.T(fmt.Sprintf("POST projects/%s/jobs/%d/play  %s", r.Scope, job.ID, job.Name)).Safe(),
		CLI:     backend.T(fmt.Sprintf("glab ci trigger %d -R %s", job.ID, quoted(r.Scope))).Safe(),
		Do:      func(ctx context.Context, progress backend.Progress) error { return g.play(ctx, r, job, progress) },
	})
	return backend.T(fmt.Sprintf("Lets job %s of build %s of %s begin, on %s.", job.Name, r.Name, r.Scope, g.api.Link().Alias())).Safe(), nil
}

// planReject refuses, as GitLab has nothing for it.
func (g *GitLab) planReject(ctx context.Context, r backend.Ref, _ backend.Args, _ *backend.Plan) (string, error) {
	if _, err := g.pipeline(ctx, r); err != nil {
		return "", err
	}
	return "", &backend.Error{Code: backend.Invalid, Op: delivery.BuildReject, Ref: r, Human: noNo + " (" + delivery.BuildStop + ")."}
}

func conflict(op string, r backend.Ref, human string) error {
	return &backend.Error{Code: backend.Conflict, Op: op, Ref: r, Human: backend.T(human).Safe()}
}

// endedFacts: only that it has ended speaks against stopping it; its other states
// change by themselves.
func endedFacts(status string) backend.Facts {
	if going(status) {
		return backend.Facts{{Name: "end", Value: ""}}
	}
	return backend.Facts{{Name: "end", Value: strings.ToLower(stateOf(status))}}
}

func jobFacts(j *client.Job) backend.Facts {
	return backend.Facts{{Name: "job " + j.Name, Value: j.Status}}
}
