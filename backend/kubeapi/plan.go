package kubeapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"wheelhouse/backend"
)

// maxReads is how many objects are read at a time while a plan is made.
const maxReads = 8

// A Target is one object of an action, as it was read for the plan.
type Target struct {
	Ref backend.Ref // with the UID that was read
	Res Resource
	Obj *unstructured.Unstructured
}

// Named is how sentences call it: "deployment shop/checkout".
func (t Target) Named() string { return t.Res.Named(t.Ref) }

// leftOut are the warnings about targets that are not there.
func leftOut(gone []Target) []string {
	var out []string
	for _, t := range gone {
		out = append(out, backend.T(t.Named()+" is not there any more: it is left out").Safe())
	}
	return out
}

func refsOf(ts []Target) []backend.Ref {
	var out []backend.Ref
	for _, t := range ts {
		out = append(out, t.Ref)
	}
	return out
}

// targets reads all refs; gone are those that are not there.
func (a *Actor) targets(ctx context.Context, action string, refs []backend.Ref) (found, gone []Target, err error) {
	all, errs := make([]Target, len(refs)), make([]error, len(refs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxReads)
	for i, ref := range refs {
		g.Go(func() (err error) {
			defer backend.Caught(&err)
			all[i], errs[i] = a.target(ctx, action, ref)
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
func (a *Actor) target(ctx context.Context, action string, ref backend.Ref) (Target, error) {
	res := a.Kinds[ref.Kind] // asked has seen to it
	t := Target{Ref: ref, Res: res}
	obj, err := a.Read(ctx, res, ref)
	if err != nil {
		return t, err
	}
	if uid := string(obj.GetUID()); ref.UID != "" && ref.UID != uid {
		return t, &backend.Error{
			Code: backend.Conflict, Op: action, Ref: ref,
			Human: backend.T(fmt.Sprintf("%s on %s was deleted and made anew under its name since it was shown. Look and ask again.", Upper(t.Named()), a.link.Alias())).Safe(),
		}
	}
	t.Obj, t.Ref.UID = obj, string(obj.GetUID())
	return t, nil
}

// step turns a change into a step of a plan.
func (c *Client) step(ch Change) (*backend.Step, error) {
	before, err := image(ch.Obj)
	if err != nil {
		return nil, err
	}
	byHand := c.Kubectl
	if ch.Plugin {
		byHand = c.plugin
	}
	s := &backend.Step{
		Target:  ch.Ref,
		Request: backend.T(ch.method() + " " + ch.Res.path(ch.Ref, ch.Sub) + "  " + ch.Words).Safe(),
		CLI:     backend.T(byHand(ch.Ref, ch.CLI)).Safe(),
		Needs:   []backend.Permission{ch.need()},
		Guard:   ch.Guard,
		Before:  before,
		Do: func(ctx context.Context, progress backend.Progress) error {
			return c.carryOut(ctx, ch, progress)
		},
	}
	if ch.Undo != nil {
		if s.Undo, err = c.step(*ch.Undo); err != nil {
			return nil, err
		}
		s.Undo.Before = nil // what it will edit is not there yet
	}
	return s, nil
}

// Steps is the plan's Steps for the changes.
func (c *Client) Steps(changes []Change) ([]backend.Step, error) {
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

func (ch Change) method() string {
	if ch.Verb == "delete" {
		return http.MethodDelete
	}
	return http.MethodPatch
}

func (ch Change) need() backend.Permission { return ch.Res.May(ch.Verb, ch.Sub) }

func (ch Change) op() string { return ch.Verb + " " + ch.Named() }

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

// All is how a sentence calls the targets: "deployment shop/checkout", "3 pods
// in shop", "4 workloads in 2 namespaces".
func All(ts []Target) string {
	if len(ts) == 1 {
		return ts[0].Named()
	}
	what, spaces := ts[0].Res.Plural, map[string]bool{}
	for _, t := range ts {
		if t.Res.Plural != what {
			what = "workloads"
		}
		spaces[t.Ref.Scope] = true
	}
	where := ts[0].Ref.Scope
	if len(spaces) > 1 {
		where = strconv.Itoa(len(spaces)) + " namespaces"
	}
	return fmt.Sprintf("%d %s in %s", len(ts), what, where)
}

// Kubectl is the command line that does the same to ref's cluster and
// namespace, fit to be pasted into a shell.
func (c *Client) Kubectl(ref backend.Ref, words []string) string {
	return shellLine(slices.Concat([]string{"kubectl"}, c.whereTo(ref), words))
}

// plugin is Kubectl for one of kubectl's plugins, which take its flags only
// behind their own words.
func (c *Client) plugin(ref backend.Ref, words []string) string {
	return shellLine(slices.Concat([]string{"kubectl"}, words, c.whereTo(ref)))
}

func (c *Client) whereTo(ref backend.Ref) []string {
	flags := c.link.Kubectl()
	if ref.Scope != "" {
		flags = append(flags, "-n", ref.Scope)
	}
	return flags
}

func shellLine(words []string) string {
	for i, w := range words {
		words[i] = shellWord(w)
	}
	return strings.Join(words, " ")
}

// shellWord quotes w for a POSIX shell where that is needed.
func shellWord(w string) string {
	const bare = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@,+%"
	if w != "" && strings.Trim(w, bare) == "" {
		return w
	}
	return "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
}
