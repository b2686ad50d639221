package jenkins

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/webapi"
)

const answering = "answer input"

// which is the parameter that says which of several inputs is answered.
const which = "input"

// A pending is one input that a build waits for.
type pending struct {
	ID      string
	Message string
	Inputs  []struct {
		Type, Name, Description string
		Definition              struct {
			DefaultVal any
			Choices    []string
		}
	}
}

// pendings are the inputs that a build waits for.
func (j *Jenkins) pendings(ctx context.Context, r backend.Ref) (all []pending, err error) {
	err = j.api.JSON(ctx, webapi.Request{Op: answering, Ref: r, What: "what " + called(r) + " waits for", Path: buildPath(r) + "/wfapi/pendingInputActions"}, &all)
	return all, err
}

// params are what an input asks for.
func (p pending) params(of string) (out []backend.Param, err error) {
	for _, in := range p.Inputs {
		d := definition{Name: in.Name, Type: in.Type, Description: in.Description, Choices: in.Definition.Choices}
		if v := in.Definition.DefaultVal; v != nil {
			d.DefaultParameterValue = &struct{ Value any }{v}
		}
		param, asked, err := d.param(of)
		if err != nil {
			return nil, err
		}
		if asked {
			out = append(out, param)
		}
	}
	return out, nil
}

// inputParams are what is asked of who answers: which input, where there are
// several, and what those take.
func (j *Jenkins) inputParams(ctx context.Context, action string, r backend.Ref) ([]backend.Param, error) {
	all, err := j.pendings(ctx, r)
	if err != nil {
		return nil, err
	}
	var out []backend.Param
	if len(all) > 1 {
		choice := backend.Param{Name: which, Title: "Input", Type: backend.Choice, Required: true}
		var help []string
		for _, p := range all {
			choice.Choices = append(choice.Choices, p.ID)
			help = append(help, p.ID+": "+p.Message)
		}
		choice.Help = backend.T(strings.Join(help, "; ")).Safe()
		out = append(out, choice)
	}
	if action == delivery.BuildReject {
		return out, nil
	}
	for _, p := range all {
		params, err := p.params(called(r))
		if err != nil {
			return nil, err
		}
		for _, param := range params {
			if !slices.ContainsFunc(out, func(o backend.Param) bool { return o.Name == param.Name }) {
				out = append(out, param)
			}
		}
	}
	return out, nil
}

// An answer is one that is given to an input.
type answer struct {
	ref  backend.Ref
	yes  bool
	id   string
	path string
	form url.Values
}

func (j *Jenkins) planAnswer(ctx context.Context, action string, r backend.Ref, args backend.Args) (backend.Step, []string, error) {
	all, err := j.pendings(ctx, r)
	if err != nil {
		return backend.Step{}, nil, err
	}
	p, err := choose(all, r, args[which])
	if err != nil {
		return backend.Step{}, nil, err
	}
	a := answer{ref: r, yes: action == delivery.BuildApprove, id: p.ID, path: buildPath(r) + "/input/" + url.PathEscape(p.ID) + "/abort", form: url.Values{}}
	told := ""
	if a.yes {
		if told, err = a.fill(p, args); err != nil {
			return backend.Step{}, nil, err
		}
	}
	var fields []string
	if told != "" {
		fields = append(fields, "json="+told)
	}
	return backend.Step{
		Target:  r,
		Request: backend.T(strings.TrimSpace("POST " + a.path + "  " + told)).Safe(),
		CLI:     j.byHand(a.path, fields...),
		Guard:   backend.Facts{{Name: "state", Value: delivery.Waiting}, {Name: "input", Value: p.ID}},
		Do:      func(ctx context.Context, progress backend.Progress) error { return j.answer(ctx, a, progress) },
	}, []string{backend.T("it asks: " + p.Message).Safe()}, nil
}

// choose finds the input that is meant. Jenkins begins an ID with a capital letter,
// whatever the pipeline's text says.
func choose(all []pending, r backend.Ref, id string) (pending, error) {
	if len(all) == 0 {
		return pending{}, fail(backend.Conflict, answering, r, nil, "%s does not wait for anybody any more. Look at it again.", called(r))
	}
	if id == "" && len(all) == 1 {
		return all[0], nil
	}
	first, n := utf8.DecodeRuneInString(id)
	id = string(unicode.ToUpper(first)) + id[n:]
	var names []string
	for _, p := range all {
		if p.ID == id {
			return p, nil
		}
		names = append(names, p.ID)
	}
	return pending{}, fail(backend.Invalid, answering, r, nil, "%s waits for %s. Say which with %s.", called(r), strings.Join(names, ", "), which)
}

// fill makes the request of a yes; told is its body as may be told.
func (a *answer) fill(p pending, args backend.Args) (told string, err error) {
	if len(p.Inputs) == 0 {
		a.path = strings.TrimSuffix(a.path, "abort") + "proceedEmpty"
		return "", nil
	}
	params, err := p.params(called(a.ref))
	if err != nil {
		return "", err
	}
	type one struct {
		Name  string `json:"name"`
		Value any    `json:"value"`
	}
	values, shown := []one{}, []one{}
	for _, param := range params {
		v := one{param.Name, args[param.Name]}
		if args[param.Name] == "" {
			v.Value = param.Default
		}
		if param.Type == backend.Bool {
			v.Value = args.Bool(param.Name) || args[param.Name] == "" && param.Default == "true"
		}
		values = append(values, v)
		if param.Secret {
			v.Value = "…"
		}
		shown = append(shown, v)
	}
	body := func(all []one) (string, error) {
		text, err := json.Marshal(map[string]any{"parameter": all})
		return string(text), err
	}
	sent, err := body(values)
	if err != nil {
		return "", fail(backend.Invalid, answering, a.ref, err, "The answer can't be written as JSON. Change it and try again.")
	}
	a.form.Set("json", sent)
	a.path = buildPath(a.ref) + "/wfapi/inputSubmit?inputId=" + url.QueryEscape(p.ID)
	return body(shown)
}

// answer gives it and looks whether it was taken. Only one answer is ever taken, so
// that one whose fate is unknown may be given again.
func (j *Jenkins) answer(ctx context.Context, a answer, progress backend.Progress) error {
	defer j.stir()
	waits, err := j.waits(ctx, a)
	if err != nil {
		return err
	}
	if !waits {
		return j.beaten(ctx, a)
	}
	_, before, err := j.answered(ctx, a)
	if err != nil {
		return err
	}
	request := webapi.Request{Op: answering, Ref: a.ref, What: called(a.ref), Path: a.path}
	got := j.insist(ctx, request, a.form, j.limits.look, func() bool {
		waits, err = j.waits(ctx, a)
		return err == nil && !waits
	})
	switch {
	case got.refused != nil:
		return j.refused(ctx, a, got.refused)
	case got.settled && !got.heard: // by us, or by somebody faster
		if me, now, err := j.answered(ctx, a); err == nil && now > before {
			progress(1, 1, a.came()+", by "+backend.T(me).Safe())
			return nil
		}
		return j.beaten(ctx, a)
	case got.settled:
		progress(1, 1, a.came())
		return nil
	case got.heard:
		return fail(backend.Failed, answering, a.ref, nil, "%s took the answer and still waits for %s. Look into its log.", called(a.ref), a.id)
	}
	return fail(backend.Unknown, answering, a.ref, got.last, "%s may have been answered: the answers are lost. Look at it before you ask again.", called(a.ref))
}

// refused is why an answer was not taken.
func (j *Jenkins) refused(ctx context.Context, a answer, why error) error {
	if waits, err := j.waits(ctx, a); err == nil && !waits {
		return j.beaten(ctx, a)
	}
	return why
}

// came is what an answer has brought about.
func (a answer) came() string {
	if a.yes {
		return "it goes on"
	}
	return "it is refused"
}

// waits says whether the input still waits.
func (j *Jenkins) waits(ctx context.Context, a answer) (bool, error) {
	all, err := j.pendings(ctx, a.ref)
	return slices.ContainsFunc(all, func(p pending) bool { return p.ID == a.id }), err
}

// answered counts our answers of this kind to the build's inputs so far.
func (j *Jenkins) answered(ctx context.Context, a answer) (me string, n int, err error) {
	var who struct{ Name string }
	if err := j.api.JSON(ctx, webapi.Request{Op: answering, What: "your login", Path: "/whoAmI" + treeQuery("name")}, &who); err != nil {
		return "", 0, err
	}
	b, err := j.build(ctx, a.ref)
	for _, name := range b.answers(a.yes) {
		if name == who.Name {
			n++
		}
	}
	return who.Name, n, err
}

// answers are who has let the build go on, or refused it, as far as it tells.
func (b build) answers(yes bool) (out []string) {
	for _, one := range b.Actions {
		if yes && one.UserID != "" {
			out = append(out, one.UserID)
		}
		for _, c := range one.Causes {
			if !yes && c.User.ID != "" {
				out = append(out, c.User.ID)
			}
		}
	}
	return out
}

// beaten is what is said to who comes second.
func (j *Jenkins) beaten(ctx context.Context, a answer) error {
	by := "somebody else"
	if b, err := j.build(ctx, a.ref); err == nil {
		if all := slices.Concat(b.answers(true), b.answers(false)); len(all) > 0 {
			by = all[len(all)-1]
		}
	}
	return fail(backend.Conflict, answering, a.ref, nil, "%s was answered before you, as it seems by %s. Look at how it goes on.", fmt.Sprintf("%s of %s", a.id, called(a.ref)), by)
}
