package kube

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// maxReads is how many objects are read at a time while a plan is made.
const maxReads = 8

// A target is one object of an action, as it was read for the plan.
type target struct {
	ref backend.Ref // with the UID that was read
	res resource
	obj *unstructured.Unstructured
}

func (t target) named() string { return t.res.named(t.ref) }

// Plan implements backend.Actor. It reads every target, and what else lives
// beside them for the warnings. Objects that are gone leave the plan with a
// warning, unless none are left.
func (c *Cluster) Plan(ctx context.Context, action string, refs []backend.Ref, args backend.Args) (backend.Plan, error) {
	a, err := c.asked(action, refs)
	if err != nil {
		return backend.Plan{}, err
	}
	if args, err = a.Check(args); err != nil {
		return backend.Plan{}, err
	}
	targets, gone, err := c.targets(ctx, action, refs)
	if err != nil {
		return backend.Plan{}, err
	}
	var p backend.Plan
	switch action {
	case cluster.PodDelete:
		p, err = c.planDelete(ctx, targets, args)
	case cluster.WorkloadScale:
		p, err = c.planScale(ctx, targets, args)
	case cluster.WorkloadRestart:
		p, err = c.planRestart(targets)
	}
	if err != nil {
		return backend.Plan{}, err
	}
	p.Action, p.Sentence = action, backend.T(p.Sentence).Safe()
	p.Warnings, p.Gone = append(leftOut(gone), p.Warnings...), refsOf(gone)
	return p, nil
}

// leftOut are the warnings about targets that are not there.
func leftOut(gone []target) []string {
	var out []string
	for _, t := range gone {
		out = append(out, backend.T(t.named()+" is not there any more: it is left out").Safe())
	}
	return out
}

func refsOf(ts []target) []backend.Ref {
	var out []backend.Ref
	for _, t := range ts {
		out = append(out, t.ref)
	}
	return out
}

// targets reads all refs; gone are those that are not there.
func (c *Cluster) targets(ctx context.Context, action string, refs []backend.Ref) (found, gone []target, err error) {
	all, errs := make([]target, len(refs)), make([]error, len(refs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxReads)
	for i, ref := range refs {
		g.Go(func() error {
			all[i], errs[i] = c.target(ctx, action, ref)
			if backend.CodeOf(errs[i]) == backend.NotFound {
				return nil
			}
			return errs[i]
		})
	}
	if err := g.Wait(); err != nil {
		return nil, nil, err
	}
	for i, t := range all {
		if errs[i] == nil {
			found = append(found, t)
		} else {
			gone = append(gone, t)
		}
	}
	if len(found) == 0 {
		return nil, nil, errs[0]
	}
	return found, gone, nil
}

// target reads one ref. When the error is NotFound the target is still named.
func (c *Cluster) target(ctx context.Context, action string, ref backend.Ref) (target, error) {
	res, _ := resourceOf(ref.Kind) // asked has seen to it
	t := target{ref: ref, res: res}
	obj, err := c.read(ctx, res, ref)
	if err != nil {
		return t, err
	}
	if uid := string(obj.GetUID()); ref.UID != "" && ref.UID != uid {
		return t, &backend.Error{
			Code: backend.Conflict, Op: action, Ref: ref,
			Human: backend.T(fmt.Sprintf("%s on %s was deleted and made anew under its name since it was shown. Look and ask again.", upper(t.named()), c.link.Alias())).Safe(),
		}
	}
	t.obj, t.ref.UID = obj, string(obj.GetUID())
	return t, nil
}

// step turns a change into a step of a plan.
func (c *Cluster) step(ch change) (*backend.Step, error) {
	before, err := image(ch.obj)
	if err != nil {
		return nil, err
	}
	s := &backend.Step{
		Target:  ch.ref,
		Request: backend.T(ch.method() + " " + ch.res.path(ch.ref, ch.sub) + "  " + ch.words).Safe(),
		CLI:     backend.T(c.kubectl(ch.ref, ch.cli)).Safe(),
		Needs:   []backend.Permission{ch.need()},
		Guard:   ch.guard,
		Before:  before,
		Do: func(ctx context.Context, progress backend.Progress) error {
			return c.carryOut(ctx, ch, progress)
		},
	}
	if ch.undo != nil {
		if s.Undo, err = c.step(*ch.undo); err != nil {
			return nil, err
		}
		s.Undo.Before = nil // what it will edit is not there yet
	}
	return s, nil
}

// steps is the plan's steps for the changes.
func (c *Cluster) steps(changes []change) ([]backend.Step, error) {
	out := make([]backend.Step, 0, len(changes))
	for _, ch := range changes {
		s, err := c.step(ch)
		if err != nil {
			return nil, fmt.Errorf("plan %s: %w", ch.op(), err)
		}
		out = append(out, *s)
	}
	return out, nil
}

func (ch change) method() string {
	if ch.verb == "delete" {
		return http.MethodDelete
	}
	return http.MethodPatch
}

func (ch change) need() backend.Permission { return ch.res.may(ch.verb, ch.sub) }

func (ch change) op() string { return ch.verb + " " + ch.named() }

// image is the object as YAML, without the bookkeeping of field managers.
func image(obj *unstructured.Unstructured) ([]byte, error) {
	plain := obj.DeepCopy()
	plain.SetManagedFields(nil)
	raw, err := json.Marshal(plain.Object)
	if err == nil {
		raw, err = yaml.JSONToYAML(escaped(raw))
	}
	if err != nil {
		return nil, fmt.Errorf("write yaml: %w", err)
	}
	return raw, nil
}

// escaped writes the characters that JSON may hold as they are and YAML may not
// (YAML 1.1, 5.1: C1 controls, of which one is a line end there, DEL, byte order marks) as \u sequences.
func escaped(raw []byte) []byte {
	odd := func(r rune) bool {
		return r >= 0x7f && r <= 0x9f || r == 0xfeff || r == 0xfffe || r == 0xffff
	}
	if !bytes.ContainsFunc(raw, odd) {
		return raw
	}
	var out []byte
	for _, r := range string(raw) {
		if odd(r) {
			out = fmt.Appendf(out, "\\u%04x", r)
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// all is how a sentence calls the targets: "deployment shop/checkout", "3 pods
// in shop", "4 workloads in 2 namespaces".
func all(ts []target) string {
	if len(ts) == 1 {
		return ts[0].named()
	}
	what, spaces := ts[0].res.plural, map[string]bool{}
	for _, t := range ts {
		if t.res.plural != what {
			what = "workloads"
		}
		spaces[t.ref.Scope] = true
	}
	where := ts[0].ref.Scope
	if len(spaces) > 1 {
		where = strconv.Itoa(len(spaces)) + " namespaces"
	}
	return fmt.Sprintf("%d %s in %s", len(ts), what, where)
}

// kubectl is the command line that does the same to ref's cluster and
// namespace, fit to be pasted into a shell.
func (c *Cluster) kubectl(ref backend.Ref, words []string) string {
	line := []string{"kubectl", "--context", c.link.Contexts()[0]}
	if ref.Scope != "" {
		line = append(line, "-n", ref.Scope)
	}
	line = append(line, words...)
	for i, w := range line {
		line[i] = shellWord(w)
	}
	return strings.Join(line, " ")
}

// shellWord quotes w for a POSIX shell where that is needed.
func shellWord(w string) string {
	const bare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@,+%"
	if w != "" && strings.Trim(w, bare) == "" {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}
