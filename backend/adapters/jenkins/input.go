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
	ref   backend.Ref
	yes   bool
	id    string
	guard backend.Facts
	path  string
	form  url.Values
}

// facts are what an answer is given on: the next input of a build may have the same
// ID and ask for something else.
func (p pending) facts() backend.Facts {
	var names []string
	for _, in := range p.Inputs {
		names = append(names, in.Name)
	}
	return backend.Facts{
		{Name: "state", Value: delivery.Waiting},
		{Name: "input", Value: p.ID},
		{Name: "question", Value: backend.T(p.Message).Safe()},
		{Name: "parameters", Value: backend.T(strings.Join(names, " ")).Safe()},
	}
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
	a := answer{ref: r, yes: action == delivery.BuildApprove, id: p.ID, guard: p.facts(), path: buildPath(r) + "/input/" + url.PathEscape(p.ID) + "/abort", form: url.Values{}}
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
		Guard:   a.guard,
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
			for _, in := range p.Inputs { // a secret's own is not told, and kept where nothing is given
				if in.Name == param.Name && param.Secret && in.Type != "PasswordParameterDefinition" && in.Definition.DefaultVal != nil {
					v.Value = in.Definition.DefaultVal
				}
			}
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

// answer gives it, once, and looks whether it was taken: given again, it could be
// taken by the build's next input.
func (j *Jenkins) answer(ctx context.Context, a answer, progress backend.Progress) error {
	defer j.stir()
	me, err := j.me(ctx, answering)
	if err != nil {
		return err
	}
	before, err := j.standing(ctx, a)
	if err != nil {
		return err
	}
	if !before.waits() {
		return j.beaten(ctx, a)
	}
	if changed := a.guard.Changed(before.facts); changed != "" {
		return fail(backend.Conflict, answering, a.ref, nil, "%s asks for something else meanwhile: %s. Look at it and answer that.", called(a.ref), changed)
	}
	got := j.once(ctx, webapi.Request{Op: answering, Ref: a.ref, What: called(a.ref), Path: a.path}, a.form, j.limits.look, func() bool {
		now, err := j.standing(ctx, a)
		return err == nil && now.moved(before)
	})
	switch {
	case got.refused != nil:
		return j.refused(ctx, a, got.refused)
	case got.settled && got.heard:
		progress(1, 1, a.came())
		return nil
	case got.settled: // by us, or by somebody faster: who it was stands there by now
		now, err := j.standing(ctx, a)
		switch {
		case err == nil && now.by(me, a.yes) > before.by(me, a.yes):
			progress(1, 1, a.came()+", by "+backend.T(me).Safe())
			return nil
		case err == nil && now.given() > before.given():
			return j.beaten(ctx, a)
		}
		return fail(backend.Unknown, answering, a.ref, got.last, "%s waits for %s no more, and does not tell who has answered: the answer to you is lost. Look at how it goes on.", called(a.ref), a.id)
	case got.heard:
		return fail(backend.Failed, answering, a.ref, nil, "%s took the answer, and waits for %s still or again. Look into its log.", called(a.ref), a.id)
	}
	return fail(backend.Unknown, answering, a.ref, got.last, "%s may have been answered: the answer to you is lost, and it was not seen to go on. Look at it before you ask again.", called(a.ref))
}

// A standing is how it stands with an input.
type standing struct {
	facts backend.Facts // nil: it does not wait
	alone bool          // no other of the build's inputs waits
	yes   []string      // who has answered inputs of the build so far
	no    []string
}

// standing looks. The build comes first: who answers between the two is then not
// taken for one who has answered before.
func (j *Jenkins) standing(ctx context.Context, a answer) (s standing, err error) {
	b, err := j.build(ctx, a.ref)
	if err != nil {
		return s, err
	}
	all, err := j.pendings(ctx, a.ref)
	s.yes, s.no, s.alone = b.answers(true), b.answers(false), len(all) < 2
	for _, p := range all {
		if p.ID == a.id {
			s.facts = p.facts()
		}
	}
	return s, err
}

func (s standing) waits() bool { return s.facts != nil }

func (s standing) given() int { return len(s.yes) + len(s.no) }

// by counts somebody's answers of a kind.
func (s standing) by(who string, yes bool) (n int) {
	all := s.no
	if yes {
		all = s.yes
	}
	for _, one := range all {
		if one == who {
			n++
		}
	}
	return n
}

// moved says whether the input was answered: it does not wait, or another does that
// has its ID. Where others wait beside it, an answer may have been to one of those.
func (s standing) moved(before standing) bool {
	return !s.waits() || before.facts.Changed(s.facts) != "" || before.alone && s.given() > before.given()
}

// refused is why an answer was not taken.
func (j *Jenkins) refused(ctx context.Context, a answer, why error) error {
	if now, err := j.standing(ctx, a); err == nil && !now.waits() {
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
