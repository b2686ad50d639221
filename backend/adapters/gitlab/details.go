package gitlab

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	client "gitlab.com/gitlab-org/api/client-go"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/webapi"
)

// Fetch implements backend.Details.
func (g *GitLab) Fetch(ctx context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error) {
	if r.Kind == delivery.KindPipeline {
		return g.fetchProject(ctx, r, a)
	}
	id, err := idOf(r)
	if err != nil {
		return backend.Doc{}, err
	}
	doc := backend.Doc{Title: called(r.Scope, r.Name)}
	if a == backend.YAML {
		doc.Lines, err = g.raw(ctx, r, "projects/"+url.PathEscape(r.Scope)+"/pipelines/"+r.Name)
		return doc, err
	}
	w, err := g.whole(ctx, r.Scope, id)
	if err != nil {
		return doc, err
	}
	doc.Lines = w.lines(time.Now(), a == backend.Describe)
	if a == backend.Describe {
		doc.Lines = append(doc.Lines, g.variableLines(ctx, r, id)...)
	}
	return doc, nil
}

func line(label, text string) backend.Line { return backend.Line{Label: label, Text: backend.T(text)} }

// lines say of a pipeline who began it and how far its jobs are.
func (w whole) lines(now time.Time, long bool) []backend.Line {
	p := w.pipeline
	out := []backend.Line{{Level: delivery.LevelOf(stateOf(p.Status)), Label: "state", Text: backend.T(strings.ToLower(stateOf(p.Status)))}}
	add := func(label, text string) {
		if text != "" {
			out = append(out, line(label, text))
		}
	}
	add("by", strings.TrimSuffix(w.by()+", "+strings.ReplaceAll(string(p.Source), "_", " "), ", "))
	add("branch", branch(p.Ref))
	add("commit", strings.TrimSpace(short(p.SHA)+"  "+w.title()))
	add("begun", local(cmp.Or(p.StartedAt, p.CreatedAt)))
	add("ended", local(p.FinishedAt))
	if p.Duration > 0 {
		add("took", (time.Duration(p.Duration) * time.Second).String())
	}
	add("mistake", p.YamlErrors)
	if long {
		add("name", p.Name)
		add("whole commit", p.SHA)
		add("address", p.WebURL)
	}
	stage := ""
	for _, j := range w.newest() {
		label := ""
		if j.Stage != stage {
			stage, label = j.Stage, j.Stage
		}
		text := fmt.Sprintf("%-24s %s", j.Name, tell(j, now))
		if long {
			text += fmt.Sprintf("  job %d", j.ID)
		}
		level := delivery.LevelOf(jobState(j))
		if j.Status == created {
			level = backend.Idle
		}
		out = append(out, backend.Line{Level: level, Label: label, Text: backend.T(text)})
	}
	for _, b := range w.bridges {
		text := strings.ToLower(bridgeState(b))
		if d := b.DownstreamPipeline; d != nil {
			text += fmt.Sprintf("  #%d", d.ID)
			if long {
				text += "  " + d.WebURL
			}
		}
		out = append(out, backend.Line{Level: delivery.LevelOf(bridgeState(b)), Label: b.Name, Text: backend.T(text)})
	}
	add("", w.unread())
	return out
}

// tell says how a job stands, and how long it took.
func tell(j *client.Job, now time.Time) string {
	words := []string{strings.ToLower(jobState(j))}
	if j.Status == created {
		words[0] = "waits for those before it"
	}
	if j.StartedAt != nil {
		end := now
		if j.FinishedAt != nil {
			end = *j.FinishedAt
		}
		words = append(words, max(0, end.Sub(*j.StartedAt)).Round(time.Second).String())
	}
	if j.FailureReason != "" {
		words = append(words, strings.ReplaceAll(j.FailureReason, "_", " "))
	}
	if j.Status == "manual" && j.AllowFailure {
		words = append(words, "can be played, and need not be")
	}
	return strings.Join(words, "  ")
}

func local(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Local().Format(time.DateTime)
}

// variableLines name the variables that a pipeline was given: their values may be
// secret.
func (g *GitLab) variableLines(ctx context.Context, r backend.Ref, id int64) []backend.Line {
	variables, _, err := call(ctx, g, about{op: "read variables", what: "the variables of " + called(r.Scope, r.Name), ref: r}, func(o client.RequestOptionFunc) ([]*client.PipelineVariable, *client.Response, error) {
		return g.rest.Pipelines.GetPipelineVariables(r.Scope, id, o)
	})
	if err != nil {
		return []backend.Line{{Level: backend.Idle, Label: "variables", Text: backend.T(err.Error())}}
	}
	var names []string
	for _, v := range variables {
		names = append(names, v.Key)
	}
	if len(names) == 0 {
		return []backend.Line{line("variables", "none")}
	}
	return []backend.Line{line("variables", strings.Join(names, ", "))}
}

// raw is what GitLab says of something, as it says it: JSON, which is YAML. What is
// secret in it is not shown.
func (g *GitLab) raw(ctx context.Context, r backend.Ref, path string) ([]backend.Line, error) {
	req := webapi.Request{Op: "read " + r.Kind, What: r.Kind + " " + r.Name, Ref: r, Path: restPath + path}
	var object json.RawMessage
	if err := g.api.JSON(ctx, req, &object); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	plain, err := masked(object)
	if err == nil {
		err = json.Indent(&text, plain, "", "  ")
	}
	if err != nil {
		return nil, g.api.Refused(req.Op, req.What, r, fmt.Errorf("its answer can't be shown: %w", err))
	}
	var out []backend.Line
	for l := range strings.Lines(text.String()) {
		out = append(out, line("", strings.TrimRight(l, "\n")))
	}
	return out, nil
}

// fetchProject says what a project builds.
func (g *GitLab) fetchProject(ctx context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error) {
	doc := backend.Doc{Title: r.Name}
	if a == backend.YAML {
		var err error
		doc.Lines, err = g.raw(ctx, r, "projects/"+url.PathEscape(r.Name))
		return doc, err
	}
	p, err := g.project(ctx, r.Name)
	if err != nil {
		return doc, err
	}
	doc.Lines = append(doc.Lines, line("default branch", p.DefaultBranch), line("address", p.WebURL))
	if p.Description != "" {
		doc.Lines = append(doc.Lines, line("about", p.Description))
	}
	if help := g.branches(ctx, r.Name); a == backend.Describe && help != "" {
		doc.Lines = append(doc.Lines, line("", help))
	}
	found, left, err := all(ctx, g, about{op: "list builds", what: "the builds of " + r.Name, ref: r}, g.limits.builds,
		func(page client.ListOptions, o client.RequestOptionFunc) ([]*client.PipelineInfo, *client.Response, error) {
			return g.rest.Pipelines.ListProjectPipelines(r.Name, &client.ListProjectPipelinesOptions{ListOptions: page}, o)
		})
	if err != nil {
		return doc, err
	}
	for _, b := range found {
		doc.Lines = append(doc.Lines, backend.Line{
			Level: delivery.LevelOf(stateOf(b.Status)), Label: "#" + strconv.FormatInt(b.ID, 10),
			Text: backend.T(strings.Join([]string{strings.ToLower(stateOf(b.Status)), branch(b.Ref), short(b.SHA), local(b.CreatedAt)}, "  ")),
		})
	}
	if left != 0 {
		more := "older ones are not shown"
		if left > 0 {
			more = strconv.Itoa(left) + " " + more
		}
		doc.Lines = append(doc.Lines, line("", more))
	}
	return doc, nil
}
