package jenkins

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/webapi"
)

// shownCommits is how many of a build's commits are shown.
const shownCommits = 20

// Fetch implements backend.Details.
func (j *Jenkins) Fetch(ctx context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error) {
	id, queued := queuedID(r)
	switch {
	case r.Kind == delivery.KindPipeline && a == backend.YAML:
		return j.raw(ctx, r, r.Name, jobPath(r.Name)+"/api/json")
	case r.Kind == delivery.KindPipeline:
		return j.jobDoc(ctx, r)
	case queued && a == backend.YAML:
		return j.raw(ctx, r, called(r), fmt.Sprintf("/queue/item/%d/api/json", id))
	case queued:
		return j.queuedDoc(ctx, r, id)
	case a == backend.YAML:
		return j.raw(ctx, r, called(r), buildPath(r)+"/api/json")
	}
	return j.buildDoc(ctx, r, a)
}

// raw is what Jenkins says, as it says it: JSON, which is YAML.
func (j *Jenkins) raw(ctx context.Context, r backend.Ref, title, path string) (backend.Doc, error) {
	doc := backend.Doc{Title: title}
	request := webapi.Request{Op: "read details", Ref: r, What: title, Path: path}
	var all any
	if err := j.api.JSON(ctx, request, &all); err != nil {
		return doc, err
	}
	hide(all, "")
	var text bytes.Buffer
	out := json.NewEncoder(&text)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(all); err != nil {
		return doc, j.api.Refused(request.Op, title, r, err)
	}
	for line := range strings.Lines(text.String()) {
		doc.Lines = append(doc.Lines, backend.Line{Text: backend.T(strings.TrimRight(line, "\n"))})
	}
	return doc, nil
}

// hide takes out the values of what calls itself a secret; name is that of what v is in.
func hide(v any, name string) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			hide(one, name)
		}
	case map[string]any:
		if own, ok := v["name"].(string); ok {
			name = own
		}
		for key, one := range v {
			params, _ := one.(string)
			if key == "value" && delivery.Secretive(name) || key == "params" && delivery.Secretive(strings.ReplaceAll(params, "=", "\n")) {
				v[key] = "…"
			}
			hide(one, name)
		}
	}
}

// A page is a Doc in the making.
type page struct{ backend.Doc }

func (p *page) add(level backend.Level, label, text string) {
	if text != "" {
		p.Lines = append(p.Lines, backend.Line{Level: level, Label: label, Text: backend.T(text)})
	}
}

// several adds lines under one label.
func (p *page) several(label string, texts []string) {
	for _, t := range texts {
		p.add(backend.None, label, t)
		label = ""
	}
}

func (j *Jenkins) jobDoc(ctx context.Context, r backend.Ref) (backend.Doc, error) {
	p := page{backend.Doc{Title: r.Name}}
	t, err := j.target(ctx, r.Name)
	if err != nil {
		return p.Doc, err
	}
	if !t.Buildable {
		p.add(backend.Idle, "state", "switched off")
	}
	if t.InQueue {
		p.add(backend.Moving, "queue", "a build waits in it")
	}
	if t.ConcurrentBuild != nil && !*t.ConcurrentBuild {
		p.add(backend.None, "builds", "one at a time")
	}
	var params []string
	for _, d := range t.definitions() {
		words := d.Name + "  " + strings.ToLower(strings.TrimSuffix(d.Type, "ParameterDefinition"))
		if v := d.DefaultParameterValue; v != nil && v.Value != nil && v.Value != "" && !delivery.Secretive(d.Name) {
			words += fmt.Sprintf(", default %v", v.Value)
		}
		if len(d.Choices) > 0 {
			words += ": " + strings.Join(d.Choices, ", ")
		}
		params = append(params, words)
	}
	p.several("parameters", params)
	return p.Doc, nil
}

func (j *Jenkins) queuedDoc(ctx context.Context, r backend.Ref, id int64) (backend.Doc, error) {
	p := page{backend.Doc{Title: called(r)}}
	i, err := j.item(ctx, id)
	if err != nil {
		return p.Doc, err
	}
	switch {
	case i.Executable != nil:
		p.add(backend.Moving, "state", fmt.Sprintf("has begun as build #%d", i.Executable.Number))
	case i.Cancelled:
		p.add(backend.Idle, "state", "was taken out of the queue")
	default:
		p.add(backend.Moving, "state", "queued: "+i.Why)
	}
	p.add(backend.None, "since", clock(i.InQueueSince))
	p.add(backend.None, "by", by(i.Actions))
	p.several("parameters", given(i.Actions))
	return p.Doc, nil
}

func (j *Jenkins) buildDoc(ctx context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error) {
	p := page{backend.Doc{Title: called(r)}}
	b, err := j.build(ctx, r)
	if err != nil {
		return p.Doc, err
	}
	row := j.buildRow(job{FullName: r.Scope}, b)
	k, err := ask(ctx, j.api, buildKey{job: r.Scope, number: b.Number})
	if err == nil && b.Building && k.waits {
		row.State = delivery.Waiting
	}
	p.add(row.Level(), "state", strings.ToLower(row.State))
	p.add(backend.None, "why", cmp.Or(k.detail, row.Detail))
	p.add(backend.None, "by", row.By)
	p.add(backend.None, "began", clock(b.Timestamp))
	if !b.Building {
		p.add(backend.None, "took", (time.Duration(b.Duration) * time.Millisecond).Round(time.Second).String())
	}
	p.add(backend.None, "branch", row.Branch)
	p.add(backend.None, "commit", row.Commit)
	p.add(backend.None, "note", b.Description)
	p.several("parameters", given(b.Actions))
	for i, s := range k.all {
		label := ""
		if i == 0 {
			label = "stages"
		}
		p.add(delivery.LevelOf(s.State), label, fmt.Sprintf("%s  %s  %s", s.Name, strings.ToLower(s.State), time.Duration(s.Seconds)*time.Second))
	}
	if a == backend.Describe {
		j.describe(ctx, r, b, &p)
	}
	return p.Doc, nil
}

// describe adds what is asked for only when all is wanted.
func (j *Jenkins) describe(ctx context.Context, r backend.Ref, b build, p *page) {
	var causes []string
	for _, a := range b.Actions {
		for _, c := range a.Causes {
			causes = append(causes, c.ShortDescription)
		}
	}
	p.several("causes", causes)
	p.several("approved by", b.answers(true))
	if all, err := j.pendings(ctx, r); err == nil {
		for _, one := range all {
			p.add(backend.Waiting, "waits for", one.ID+": "+one.Message)
		}
	}
	type set struct {
		Items []struct{ CommitID, Msg string }
	}
	var changed struct {
		ChangeSets []set
		ChangeSet  set // of a build that is no pipeline's
	}
	err := j.api.JSON(ctx, webapi.Request{
		Op: "read changes", Ref: r, What: called(r), Path: buildPath(r) + treeQuery("changeSets[items[commitId,msg]],changeSet[items[commitId,msg]]"),
	}, &changed)
	if err != nil {
		p.add(backend.Idle, "commits", err.Error())
	}
	var commits []string
	for _, s := range append(changed.ChangeSets, changed.ChangeSet) {
		for _, i := range s.Items {
			commits = append(commits, i.CommitID[:min(len(i.CommitID), 8)]+"  "+i.Msg)
		}
	}
	p.several("commits", commits[:min(len(commits), shownCommits)])
	p.add(backend.None, "address", strings.TrimSuffix(j.api.Link().Info().Server, "/")+buildPath(r)+"/")
}

// given are the parameters, a line each. A password's value Jenkins never tells.
func given(all []action) (out []string) {
	for _, a := range all {
		for _, p := range a.Parameters {
			if p.Value == nil || delivery.Secretive(p.Name) {
				out = append(out, p.Name+"  …")
				continue
			}
			out = append(out, fmt.Sprintf("%s  %v", p.Name, p.Value))
		}
	}
	return out
}

func clock(millis int64) string {
	if millis == 0 {
		return ""
	}
	return time.UnixMilli(millis).Local().Format(time.DateTime)
}
