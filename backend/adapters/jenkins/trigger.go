package jenkins

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/webapi"
)

const trigger = "trigger build"

// A target is a job as somebody who wants to build it must know it.
type target struct {
	Buildable       bool
	InQueue         bool
	ConcurrentBuild *bool
	LastBuild       *struct{ Building bool }
	Property        []struct{ ParameterDefinitions []definition }
}

// A definition is one parameter of a job.
type definition struct {
	Name, Type, Description string
	DefaultParameterValue   *struct{ Value any }
	Choices                 []string
}

func (j *Jenkins) target(ctx context.Context, name string) (t target, err error) {
	err = j.api.JSON(ctx, webapi.Request{
		Op: trigger, Ref: delivery.Pipeline{Link: j.api.Link().Alias(), Name: name}.Ref(), What: name,
		Path: jobPath(name) + treeQuery("buildable,inQueue,concurrentBuild,lastBuild[building],property[parameterDefinitions[name,type,description,defaultParameterValue[value],choices]]"),
	}, &t)
	return t, err
}

// definitions are a job's parameters. Some servers tell of them twice.
func (t target) definitions() (out []definition) {
	for _, p := range t.Property {
		for _, d := range p.ParameterDefinitions {
			if !slices.ContainsFunc(out, func(o definition) bool { return o.Name == d.Name }) {
				out = append(out, d)
			}
		}
	}
	return out
}

// facts are what a plan to build is made on.
func (t target) facts() backend.Facts {
	var names []string
	for _, d := range t.definitions() {
		names = append(names, d.Name)
	}
	can := "yes"
	if !t.Buildable {
		can = "no"
	}
	return backend.Facts{{Name: "can be built", Value: can}, {Name: "parameters", Value: strings.Join(names, " ")}}
}

// param is the definition as a parameter that is asked for. One that only a browser
// can fill is left to its default, and refused where it has none.
func (d definition) param(of string) (p backend.Param, asked bool, err error) {
	p = backend.Param{Name: d.Name, Title: d.Name, Help: backend.T(d.Description).Safe()}
	if d.DefaultParameterValue != nil && d.DefaultParameterValue.Value != nil {
		p.Default = fmt.Sprint(d.DefaultParameterValue.Value)
	}
	switch d.Type {
	case "StringParameterDefinition", "TextParameterDefinition":
		if delivery.Secretive(d.Name) {
			p.Secret, p.Default = true, ""
		}
	case "BooleanParameterDefinition":
		p.Type = backend.Bool
	case "ChoiceParameterDefinition":
		p.Type, p.Choices = backend.Choice, d.Choices
	case "PasswordParameterDefinition":
		p.Secret, p.Default = true, "" // Jenkins has its own where nothing is given
	default:
		if p.Default == "" {
			return p, false, fail(backend.Invalid, trigger, backend.Ref{}, nil, "%s wants %s, a %s, which can't be given from here. Start it in a browser.", of, d.Name, strings.TrimSuffix(cmp.Or(d.Type, "parameter of no known type"), "Definition"))
		}
		return p, false, nil
	}
	return p, d.Name != mark, nil
}

// triggerParams are what a job asks for.
func (j *Jenkins) triggerParams(ctx context.Context, name string) ([]backend.Param, error) {
	t, err := j.target(ctx, name)
	if err != nil {
		return nil, err
	}
	var out []backend.Param
	for _, d := range t.definitions() {
		p, asked, err := d.param(name)
		if err != nil {
			return nil, err
		}
		if asked {
			out = append(out, p)
		}
	}
	return out, nil
}

// An order is a build that is asked for.
type order struct {
	job    string
	ref    backend.Ref
	guard  backend.Facts
	params bool // the job has some
	form   url.Values
	hidden []string // names of those whose values are nobody's business
	id     string   // by which the build is known again; empty where the job has no parameter for it
}

func (j *Jenkins) planTrigger(ctx context.Context, r backend.Ref, args backend.Args) (backend.Step, []string, error) {
	name := r.Name
	if r.Kind == delivery.KindBuild {
		name = r.Scope
	}
	t, err := j.target(ctx, name)
	if err != nil {
		return backend.Step{}, nil, err
	}
	if !t.Buildable {
		return backend.Step{}, nil, fail(backend.Conflict, trigger, r, nil, "%s is switched off. Enable it in Jenkins, then ask again.", name)
	}
	o := order{job: name, ref: r, guard: t.facts(), form: url.Values{}, params: len(t.definitions()) > 0}
	if err := o.fill(t, args); err != nil {
		return backend.Step{}, nil, err
	}
	var warnings []string
	running := t.LastBuild != nil && t.LastBuild.Building
	switch {
	case t.InQueue:
		warnings = append(warnings, "a build of it is queued already: with the same parameters it stays that one")
	case running && t.ConcurrentBuild != nil && !*t.ConcurrentBuild:
		warnings = append(warnings, "a build of it runs, and it builds one at a time: yours will wait")
	case running:
		warnings = append(warnings, "a build of it runs already: yours runs beside it")
	}
	path, fields := o.path(), o.words()
	return backend.Step{
		Target:  r,
		Request: backend.T(strings.TrimSpace("POST " + path + "  " + strings.Join(fields, "  "))).Safe(),
		CLI:     j.byHand(path, fields...),
		Guard:   o.guard,
		Do:      func(ctx context.Context, progress backend.Progress) error { return j.trigger(ctx, o, progress) },
	}, warnings, nil
}

// fill takes the values.
func (o *order) fill(t target, args backend.Args) error {
	known := map[string]bool{}
	for _, d := range t.definitions() {
		p, asked, err := d.param(o.job)
		if err != nil {
			return err
		}
		if d.Name == mark {
			o.id = rand.Text()
			o.form.Set(mark, o.id)
		}
		known[d.Name] = asked
		v, given := args[d.Name]
		if !asked || !given {
			continue
		}
		o.form.Set(d.Name, v)
		if p.Secret {
			o.hidden = append(o.hidden, d.Name)
		}
	}
	for name := range args {
		if !known[name] {
			return fail(backend.Invalid, trigger, o.ref, nil, "%s takes no %q. Look at its parameters and ask again.", o.job, name)
		}
	}
	return nil
}

func (o order) path() string {
	if o.params {
		return jobPath(o.job) + "/buildWithParameters"
	}
	return jobPath(o.job) + "/build"
}

// words are the parameters as may be told.
func (o order) words() (out []string) {
	for name := range o.form {
		v := o.form.Get(name)
		if slices.Contains(o.hidden, name) {
			v = "…"
		}
		out = append(out, name+"="+v)
	}
	slices.Sort(out)
	return out
}

// trigger sends an order, exactly once: after a lost answer it is looked for, and
// sent again only where it has never left.
func (j *Jenkins) trigger(ctx context.Context, o order, progress backend.Progress) error {
	defer j.stir()
	if o.id == "" { // orders that look the same are told apart by going one after another
		done, err := j.alone(ctx, o.job)
		if err != nil {
			return fail(backend.Failed, trigger, o.ref, err, "Stopped before it was sent: nothing was triggered. Ask again if it is still wanted.")
		}
		defer done()
	}
	t, err := j.target(ctx, o.job)
	if err != nil {
		return err
	}
	if changed := o.guard.Changed(t.facts()); changed != "" {
		return fail(backend.Conflict, trigger, o.ref, nil, "%s was changed meanwhile: %s. Look and ask again.", o.job, changed)
	}
	s := search{order: o}
	if o.id == "" {
		if err := j.begin(ctx, &s); err != nil {
			return err
		}
	}
	a, err := j.send(ctx, webapi.Request{Op: trigger, Ref: o.ref, What: o.job, Path: o.path()}, o.form)
	switch {
	case err == nil:
		id, ok := location(a.Header)
		if !ok {
			return fail(backend.Failed, trigger, o.ref, nil, "Jenkins took the request and scheduled no build of %s: something in it decides so. Look into its log.", o.job)
		}
		if a.Status == http.StatusSeeOther {
			progress(0, 0, "queued already with the same parameters: it stays that one")
		}
		return j.follow(ctx, o, id, progress)
	case unsure(err):
		return j.seek(ctx, &s, err, progress)
	}
	return err
}

// alone waits until nobody else triggers the job from here.
func (j *Jenkins) alone(ctx context.Context, job string) (done func(), err error) {
	j.mu.Lock()
	turn := j.turns[job]
	if turn == nil {
		turn = make(chan struct{}, 1)
		j.turns[job] = turn
	}
	j.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// location is the queue item that an answer leads to.
func location(h http.Header) (id int64, ok bool) {
	_, tail, ok := strings.Cut(h.Get("Location"), "/queue/item/")
	id, err := strconv.ParseInt(strings.TrimSuffix(tail, "/"), 10, 64)
	return id, ok && err == nil
}

// follow waits until what was queued has become a build, for a while: it is asked
// for, whatever comes then.
func (j *Jenkins) follow(ctx context.Context, o order, id int64, progress backend.Progress) error {
	var end error
	note := "is queued"
	until(ctx, j.limits.wait, j.limits.pause, func() bool {
		i, err := j.item(ctx, id)
		switch {
		case err != nil:
			return false
		case i.Cancelled:
			end = fail(backend.Conflict, trigger, o.ref, nil, "%s was queued, and somebody took it out of the queue. Ask who, or trigger it again.", o.job)
			return true
		case i.Executable != nil:
			note = fmt.Sprintf("build #%d began", i.Executable.Number)
			return true
		}
		note = "queued: " + backend.T(i.Why).Safe()
		progress(0, 0, note)
		return false
	})
	if end == nil {
		progress(1, 1, note)
	}
	return end
}
