package argo

import (
	"context"
	"fmt"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/kubeapi"
)

// needed is the permission that an action needs: what the controller keeps is
// changed in the status, what people ask for in the spec.
func needed(action string, res kubeapi.Resource) backend.Permission {
	switch action {
	case delivery.RolloutPause, delivery.RolloutResume, delivery.RolloutSetImage:
		return res.May("patch", "")
	}
	return res.May("patch", "status")
}

// A verb is what an action sends for one rollout, and how it is told.
type verb struct {
	status   map[string]any // what of the status is changed, or
	spec     map[string]any // of the spec
	words    string         // the same in words
	cli      []string       // behind kubectl argo rollouts
	sentence string         // "Promotes %s": the object follows
	note     string
	warning  string
	landed   func(before, now *unstructured.Unstructured) bool
}

func (r *Rollouts) plan(_ context.Context, action string, ts []kubeapi.Target, args backend.Args) (backend.Plan, error) {
	var changes []kubeapi.Change
	warnings := kubeapi.Cautions{Of: len(ts)}
	sentence := ""
	for _, t := range ts {
		v, err := verbOf(action, t, args)
		if err != nil {
			return backend.Plan{}, err
		}
		ch := v.change(t)
		if back := opposite(action); back != "" {
			if undo, err := verbOf(back, t, nil); err == nil {
				u := undo.change(t)
				u.Guard = nil // what it takes back is not done yet
				ch.Undo = &u
			}
		}
		changes = append(changes, ch)
		sentence = v.sentence
		warnings.Say(t, v.warning)
		warnings.Say(t, kubeapi.ManagedBy(t.Obj))
	}
	steps, err := r.Steps(changes)
	return backend.Plan{
		Sentence: fmt.Sprintf(sentence, kubeapi.All(ts)+" on "+r.Link().Alias()),
		Warnings: warnings.Lines(), Steps: steps,
	}, err
}

// opposite is the verb that takes one back; "" where none does.
func opposite(action string) string {
	switch action {
	case delivery.RolloutPause:
		return delivery.RolloutResume
	case delivery.RolloutResume:
		return delivery.RolloutPause
	}
	return ""
}

// verbOf works out what an action sends to t, as the command line of Argo Rollouts
// does (promote.go, pause.go, abort.go, retry.go), or why that makes no sense now.
// Without args it is not asked whether it does.
func verbOf(action string, t kubeapi.Target, args backend.Args) (verb, error) {
	raw, err := t.Obj.MarshalJSON()
	if err != nil {
		return verb{}, fmt.Errorf("read rollout: %w", err)
	}
	o, err := parse(raw)
	if err != nil {
		return verb{}, err
	}
	row := o.row(t.Ref.Link)
	if why := row.Why(action); why != "" && args != nil {
		return verb{}, &backend.Error{
			Code: backend.Invalid, Op: action, Ref: t.Ref,
			Human: backend.T(why + ".").Safe(),
		}
	}
	next := min(o.stepIndex()+1, o.steps())
	switch action {
	case delivery.RolloutPromote:
		return o.promote(next), nil
	case delivery.RolloutPromoteFull:
		return verb{
			status: map[string]any{"promoteFull": true}, words: "promoteFull: true", cli: []string{"promote", "--full"},
			sentence: "Gives the new version of %s to everybody.", note: "accepted; all steps that are left are passed over",
			warning: "no pause or analysis that is left is waited for",
			landed: func(_, now *unstructured.Unstructured) bool {
				return flag(now, "status", "promoteFull") || text(now, "stableRS") == text(now, "currentPodHash")
			},
		}, nil
	case delivery.RolloutSkipStep:
		return verb{
			status: map[string]any{"pauseConditions": nil, "currentStepIndex": next}, words: fmt.Sprintf("currentStepIndex: %d", next),
			cli: []string{"promote", "--skip-current-step"}, sentence: "Skips the step that %s is at.",
			note: fmt.Sprintf("accepted; it goes to step %d", next+1), warning: "what the step would have waited for is not waited for",
			landed: func(_, now *unstructured.Unstructured) bool { return index(now) >= int64(next) },
		}, nil
	case delivery.RolloutPause, delivery.RolloutResume:
		return hold(action == delivery.RolloutPause), nil
	case delivery.RolloutAbort:
		return verb{
			status: map[string]any{"abort": true}, words: "abort: true", cli: []string{"abort"},
			sentence: "Sends everybody of %s back to the stable version.", note: "accepted; the new version's pods are taken away",
			landed: func(_, now *unstructured.Unstructured) bool { return flag(now, "status", "abort") },
		}, nil
	case delivery.RolloutRetry:
		return verb{
			status: map[string]any{"abort": false}, words: "abort: false", cli: []string{"retry", "rollout"},
			sentence: "Begins the aborted %s again.", note: "accepted; it begins at its first step",
			landed: func(_, now *unstructured.Unstructured) bool { return !flag(now, "status", "abort") },
		}, nil
	}
	return setImage(t, args)
}

// promote ends the pause. One that an inconclusive analysis has brought about
// needs the step ended too (promote.go, isInconclusive).
func (o *rollout) promote(next int) verb {
	v := verb{
		status: map[string]any{"pauseConditions": nil}, words: "pauseConditions: none", cli: []string{"promote"},
		sentence: "Promotes %s: its pause ends and the next step begins.", note: "accepted; the next step begins",
		landed: func(before, now *unstructured.Unstructured) bool { return pausedAt(now) != pausedAt(before) },
	}
	if a := o.Status.Canary.CurrentStepAnalysisRunStatus; a != nil && a.Status == "Inconclusive" && o.Status.ControllerPause {
		v.status = map[string]any{"pauseConditions": nil, "controllerPause": false, "currentStepIndex": next}
		v.words = fmt.Sprintf("pauseConditions: none, currentStepIndex: %d", next)
		v.warning = "its analysis was inconclusive: " + a.Message
	}
	return v
}

func hold(paused bool) verb {
	v := verb{
		spec: map[string]any{"paused": paused}, words: fmt.Sprintf("paused: %t", paused), cli: []string{"pause"},
		sentence: "Holds %s where it is.", note: "accepted; it waits until it is resumed",
		landed: func(_, now *unstructured.Unstructured) bool { return flag(now, "spec", "paused") == paused },
	}
	if !paused {
		v.cli, v.sentence, v.note = []string{"promote"}, "Lets %s go on.", "accepted; it goes on"
	}
	return v
}

// setImage changes one container. A merge patch replaces lists whole, so all
// containers are sent as they were read.
func setImage(t kubeapi.Target, args backend.Args) (verb, error) {
	bad := func(human string) (verb, error) {
		return verb{}, &backend.Error{Code: backend.Invalid, Op: delivery.RolloutSetImage, Ref: t.Ref, Human: backend.T(human).Safe()}
	}
	list, _, _ := unstructured.NestedSlice(t.Obj.Object, "spec", "template", "spec", "containers")
	if len(list) == 0 {
		return bad(fmt.Sprintf("%s has no containers of its own: it refers to another workload. Set the image there.", kubeapi.Upper(t.Named())))
	}
	image, want, name := args["image"], args["container"], ""
	var names []string
	for _, item := range list {
		c, _ := item.(map[string]any)
		this, _ := c["name"].(string)
		names = append(names, this)
		if name == "" && (want == "" || want == this) {
			if c["image"] == image {
				return bad(fmt.Sprintf("%s has the image %s already.", kubeapi.Upper(t.Named()), image))
			}
			name, c["image"] = this, image
		}
	}
	if name == "" {
		return bad(fmt.Sprintf("%s has no container %q; it has %s.", kubeapi.Upper(t.Named()), want, kubeapi.Some(names)))
	}
	return verb{
		spec:  map[string]any{"template": map[string]any{"spec": map[string]any{"containers": list}}},
		words: fmt.Sprintf("image of %s: %s", name, image), cli: []string{"set", "image", name + "=" + image},
		sentence: "Begins to roll out " + image + " on %s.", note: "accepted; the new version comes by its steps",
		landed: func(_, now *unstructured.Unstructured) bool {
			list, _, _ := unstructured.NestedSlice(now.Object, "spec", "template", "spec", "containers")
			for _, item := range list {
				if c, _ := item.(map[string]any); c["name"] == name {
					return c["image"] == image
				}
			}
			return false
		},
	}, nil
}

// change is how a verb is carried out. Every request carries the resourceVersion
// that it was made on: of two people who promote at the same time the second is
// told, and no step is skipped.
func (v verb) change(t kubeapi.Target) kubeapi.Change {
	sub, part, field := "status", v.status, "status"
	if v.spec != nil {
		sub, part, field = "", v.spec, "spec"
	}
	cli := append([]string{"argo", "rollouts", v.cli[0]}, v.cli[1:]...)
	if v.cli[0] == "set" {
		cli = []string{"argo", "rollouts", "set", "image", t.Ref.Name, v.cli[2]}
	} else {
		cli = append(cli, t.Ref.Name)
	}
	return kubeapi.Change{
		Target: t, Verb: "patch", Sub: sub, Words: v.words, CLI: cli, Plugin: true, Note: v.note, Guard: facts(t.Obj), Facts: facts,
		Body: func(now *unstructured.Unstructured) any {
			return map[string]any{"metadata": map[string]any{"resourceVersion": now.GetResourceVersion()}, field: part}
		},
		Landed: func(before, now *unstructured.Unstructured) kubeapi.Verdict {
			switch {
			case now == nil || now.GetUID() != before.GetUID():
				return kubeapi.NotDone
			case v.landed(before, now):
				return kubeapi.Done
			}
			return kubeapi.NotDone
		},
	}
}

// facts are what a plan on a rollout is made on.
func facts(o *unstructured.Unstructured) backend.Facts {
	yes := func(b bool) string {
		if b {
			return "yes"
		}
		return "no"
	}
	return append(kubeapi.Life(o),
		backend.Fact{Name: "step", Value: strconv.FormatInt(index(o)+1, 10)},
		backend.Fact{Name: "new version", Value: text(o, "currentPodHash")},
		backend.Fact{Name: "stable version", Value: text(o, "stableRS")},
		backend.Fact{Name: "waiting since", Value: pausedAt(o)},
		backend.Fact{Name: "paused", Value: yes(flag(o, "spec", "paused"))},
		backend.Fact{Name: "aborted", Value: yes(flag(o, "status", "abort"))},
	)
}

func flag(o *unstructured.Unstructured, path ...string) bool {
	b, _, _ := unstructured.NestedBool(o.Object, path...)
	return b
}

func text(o *unstructured.Unstructured, field string) string {
	s, _, _ := unstructured.NestedString(o.Object, "status", field)
	return s
}

func index(o *unstructured.Unstructured) int64 {
	n, _, _ := unstructured.NestedInt64(o.Object, "status", "currentStepIndex")
	return n
}

// pausedAt tells one pause from another: when it began.
func pausedAt(o *unstructured.Unstructured) string {
	list, _, _ := unstructured.NestedSlice(o.Object, "status", "pauseConditions")
	if len(list) == 0 {
		return ""
	}
	c, _ := list[0].(map[string]any)
	at, _ := c["startTime"].(string)
	return at
}
