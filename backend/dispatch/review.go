package dispatch

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"wheelhouse/backend"
)

const (
	// reviewTime is how long the servers may take to say what is permitted.
	reviewTime = 5 * time.Second
	// reviewers is how many such questions are on their way at once.
	reviewers = 8
)

// A Verdict is what a server said about one permission.
type Verdict struct {
	Permission backend.Permission
	Target     backend.Ref // without a name: for all objects of its kind and scope
	OK         bool
	Reason     string // the server's, as it came; may be empty
	Err        error  // it could not be asked; OK says nothing then
}

// question is one permission on objects that only their names tell apart.
type question struct {
	permission backend.Permission
	targets    []backend.Ref // distinct
}

// review asks each distinct permission of steps. It never fails: what can't be
// asked is a verdict with an Err, and the server decides when the request comes.
func (d *Desk) review(ctx context.Context, steps []backend.Step) []Verdict {
	ctx, cancel := context.WithTimeout(ctx, reviewTime)
	defer cancel()
	questions := questionsOf(steps)
	answers := make([][]Verdict, len(questions))
	slots := make(chan struct{}, reviewers)
	var wg sync.WaitGroup
	for i, q := range questions {
		wg.Go(func() { answers[i] = d.answer(ctx, q, slots) })
	}
	wg.Wait()
	var out []Verdict
	for _, a := range answers {
		out = append(out, a...)
	}
	return out
}

// questionsOf groups what steps need, in order of first appearance.
func questionsOf(steps []backend.Step) []question {
	type group struct {
		permission backend.Permission
		of         backend.Ref // without a name
	}
	type single struct {
		permission backend.Permission
		target     backend.Ref
	}
	var out []question
	at, seen := map[group]int{}, map[single]bool{}
	for _, s := range steps {
		for _, p := range s.Needs {
			if seen[single{p, s.Target.Key()}] {
				continue
			}
			seen[single{p, s.Target.Key()}] = true
			g := group{p, wide(s.Target)}
			i, ok := at[g]
			if !ok {
				i = len(out)
				at[g] = i
				out = append(out, question{permission: p})
			}
			out[i].targets = append(out[i].targets, s.Target)
		}
	}
	return out
}

// wide is r as all objects of its kind and scope.
func wide(r backend.Ref) backend.Ref {
	return backend.Ref{Link: r.Link, Kind: r.Kind, Scope: r.Scope}
}

// answer asks once for all targets, and only when that is not granted for each
// by its name: permissions can be given for single objects.
func (d *Desk) answer(ctx context.Context, q question, slots chan struct{}) []Verdict {
	if len(q.targets) > 1 {
		all := d.may(ctx, q.permission, wide(q.targets[0]), slots)
		if all.OK || all.Err != nil {
			return []Verdict{all}
		}
	}
	out := make([]Verdict, len(q.targets))
	var wg sync.WaitGroup
	for i, t := range q.targets {
		wg.Go(func() { out[i] = d.may(ctx, q.permission, t, slots) })
	}
	wg.Wait()
	return out
}

func (d *Desk) may(ctx context.Context, p backend.Permission, target backend.Ref, slots chan struct{}) (v Verdict) {
	v = Verdict{Permission: p, Target: target}
	defer backend.Caught(&v.Err)
	route, _ := d.o.Route(target)
	if route.Actor == nil {
		v.Err = &backend.Error{Code: backend.Unreachable, Op: "ask for permission", Human: target.Link + " is not connected."}
		return v
	}
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		v.Err = ctx.Err()
		return v
	}
	v, err := ask(ctx, func() (Verdict, error) {
		ok, reason, err := route.Actor.May(ctx, p, target)
		return Verdict{Permission: p, Target: target, OK: ok && err == nil, Reason: reason}, err
	})
	v.Permission, v.Target, v.Err = p, target, err
	return v
}

// about is what a verdict is about, in a sentence: "patch deployments.apps/scale
// of deployment shop/checkout on prod-eu".
func (v Verdict) about() string {
	where := " on " + v.Target.Link
	switch {
	case v.Target.Name != "":
		where = " of " + naming(v.Target)
	case v.Target.Scope != "":
		where = " in " + backend.T(v.Target.Scope).Safe() + where
	}
	return v.Permission.String() + where
}

// denied is the sentence that refuses, naming the permissions that lack; "" when
// none does.
func denied(verdicts []Verdict) string {
	const shown = 3
	var lacking []string
	for _, v := range verdicts {
		if v.OK || v.Err != nil {
			continue
		}
		text := v.about()
		if v.Reason != "" {
			text += " (" + strings.TrimSuffix(backend.T(v.Reason).Safe(), ".") + ")"
		}
		lacking = append(lacking, text)
	}
	if len(lacking) == 0 {
		return ""
	}
	if more := len(lacking) - shown; more > 0 {
		lacking = append(lacking[:shown], fmt.Sprintf("%d more", more))
	}
	return "You may not " + enumerate(lacking, "and") + ". Nothing was sent; ask for that permission, or act as someone who has it."
}

// unasked warns once a link of permissions that nobody could say anything about.
func unasked(verdicts []Verdict) []string {
	var out []string
	told := map[string]bool{}
	for _, v := range verdicts {
		if v.Err == nil || told[v.Target.Link] {
			continue
		}
		told[v.Target.Link] = true
		out = append(out, fmt.Sprintf("%s could not be asked whether you may %s: %s. It decides when the request comes.",
			v.Target.Link, v.Permission, strings.TrimSuffix(human(v.Err), ".")))
	}
	return out
}
