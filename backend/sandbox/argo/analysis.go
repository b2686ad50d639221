package argo

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/jsonpath"

	"wheelhouse/backend/sandbox/kube"
)

const (
	typeLabel   = "rollout-type"
	indexLabel  = "step-index"
	restartLook = 30 * time.Second
	keptRuns    = 5 // of those that were successful, and of the others
)

// analyse starts the analyses that are due, ends those that are not any more, and takes
// in what the others have found.
func (w *work) analyse() {
	w.now.Canary = canaryStatus{}
	if w.aborted() || w.was.PromoteFull || w.was.StableRS == "" || w.withinWindow() {
		w.stop(append(slices.Clone(w.idle), w.step, w.background)...)
		w.now.Canary.Step, w.now.Canary.Background = seen(w.step), seen(w.background)
		return
	}
	w.step = w.stepRun()
	w.background = w.backgroundRun()
	w.now.Canary.Step, w.now.Canary.Background = seen(w.step), seen(w.background)
	w.idle = slices.DeleteFunc(w.idle, func(r *Run) bool { return same(r, w.step) || same(r, w.background) })
	w.stop(w.idle...)
	w.forget()
	w.changes(w.was.Canary.Step, w.step, "Step")
	w.changes(w.was.Canary.Background, w.background, "Background")
}

func same(a, b *Run) bool { return b != nil && a.Name == b.Name }

// seen is what a rollout writes down of an analysis.
func seen(r *Run) *runStatus {
	if r == nil {
		return nil
	}
	phase, _ := r.Status["phase"].(string)
	message, _ := r.Status["message"].(string)
	return &runStatus{Name: r.Name, Status: phase, Message: message}
}

// stepRun is the analysis of the current step; nil where it has none.
func (w *work) stepRun() *Run {
	if len(w.was.PauseConditions) > 0 || w.was.Abort {
		return w.step
	}
	at, index := w.current()
	if at == nil || at.Analysis == nil || len(at.Analysis.Templates) == 0 || w.step != nil && w.step.Labels[indexLabel] != strconv.Itoa(int(index)) {
		w.stop(w.step)
		return nil
	}
	if w.needs(w.step) {
		number := strconv.Itoa(int(index))
		return w.start(at.Analysis, number, map[string]string{typeLabel: "Step", indexLabel: number})
	}
	w.heed(w.step, "Step-based")
	return w.step
}

// backgroundRun is the one that runs beside the steps.
func (w *work) backgroundRun() *Run {
	b := w.spec.Strategy.Canary.Analysis
	if b == nil || len(b.Templates) == 0 {
		w.stop(w.background)
		return nil
	}
	_, index := w.current()
	if w.was.StableRS == w.was.CurrentPodHash || w.was.CurrentPodHash == "" || index < or(b.StartingStep, 0) {
		return nil
	}
	if w.pausedFor(inconclusive) != nil {
		return w.background
	}
	if w.needs(w.background) {
		return w.start(&b.analysis, "", map[string]string{typeLabel: "Background"})
	}
	w.heed(w.background, "Background")
	return w.background
}

// needs says whether an analysis is to be begun: for the first time, or again after an
// inconclusive one that somebody has passed over, or after an abort.
func (w *work) needs(r *Run) bool {
	switch {
	case r == nil:
		return true
	case w.was.ControllerPause && w.pausedFor(atStep) == nil:
		return r.Status["phase"] == inconclusively
	}
	return w.was.AbortedAt != nil
}

// heed does what follows from what an analysis has found.
func (w *work) heed(r *Run, which string) {
	switch r.Status["phase"] {
	case inconclusively:
		w.pause = append(w.pause, inconclusive)
	case failed, errored:
		w.abort = which + " analysis phase error/failed"
		if why, _ := r.Status["message"].(string); why != "" {
			w.abort += ": " + why
		}
	}
}

// stop ends analyses that nobody waits for.
func (w *work) stop(runs ...*Run) {
	for _, r := range runs {
		if r != nil && !over(r.Status["phase"]) && r.Spec["terminate"] != true {
			kube.Change(w.c, r.Namespace, r.Name, func(r *Run) {
				r.Spec["terminate"] = true
				r.Generation++
			})
		}
	}
}

// forget deletes the oldest analyses.
func (w *work) forget() {
	runs := slices.Clone(w.idle)
	slices.SortStableFunc(runs, func(a, b *Run) int { return b.CreationTimestamp.Compare(a.CreationTimestamp.Time) })
	kept := map[bool]int{}
	for _, r := range runs {
		good := r.Status["phase"] == successful
		if !over(r.Status["phase"]) {
			continue
		}
		if kept[good]++; kept[good] > keptRuns {
			w.c.Delete(r)
		}
	}
}

// changes tells of an analysis that has come to something else.
func (w *work) changes(was *runStatus, r *Run, which string) {
	if r == nil {
		return
	}
	phase, _ := r.Status["phase"].(string)
	if phase == "" || was != nil && (was.Name != r.Name || was.Status == phase) {
		return
	}
	before, kind := "NoPreviousStatus", corev1.EventTypeNormal
	if was != nil {
		before = was.Status
	}
	if phase == failed || phase == errored {
		kind = corev1.EventTypeWarning
	}
	w.c.Event(w.ro, from, kind, "AnalysisRun"+phase, fmt.Sprintf("%s Analysis Run '%s' Status New: '%s' Previous: '%s'", which, r.Name, phase, before))
}

// start begins an analysis, under a name that is free; nil where a template is gone.
func (w *work) start(a *analysis, infix string, labels map[string]string) *Run {
	var metrics, args []any
	for _, t := range a.Templates {
		template := kube.Get[*Template](w.c, w.ro.Namespace, t.TemplateName)
		if template == nil {
			return nil // gone since it was looked for
		}
		template = template.DeepCopy()
		more, _ := template.Spec["metrics"].([]any)
		metrics = append(metrics, more...)
		more, _ = template.Spec["args"].([]any)
		args = append(args, more...)
	}
	hash := w.fresh.Labels[hashLabel]
	labels[hashLabel] = hash
	for k, v := range w.spec.Selector.MatchLabels {
		labels[k] = v
	}
	parts := []string{w.ro.Name, hash, w.ro.Annotations[revisionMark]}
	if infix != "" {
		parts = append(parts, infix)
	}
	base := strings.Join(parts, "-")
	name := base
	for n := 1; kube.Get[*Run](w.c, w.ro.Namespace, name) != nil; n++ {
		name = fmt.Sprintf("%s.%d", base, n)
	}
	w.c.Create(&Run{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.ro.Namespace, Name: name, Labels: labels, Annotations: map[string]string{revisionMark: w.ro.Annotations[revisionMark]},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(w.ro, version().WithKind("Rollout"))},
		},
		Spec: kube.Fields{"metrics": metrics, "args": w.args(args, a.Args)},
	})
	return kube.Get[*Run](w.c, w.ro.Namespace, name)
}

// args are those of the templates, with the values that the rollout gives them.
func (w *work) args(known []any, given []arg) []any {
	values := map[string]string{}
	for _, g := range given {
		values[g.Name] = w.value(g)
	}
	out := make([]any, 0, len(known))
	for _, k := range known {
		one, _ := k.(map[string]any)
		name, _ := one["name"].(string)
		if v, ok := values[name]; ok {
			one = map[string]any{"name": name, "value": v}
		}
		out = append(out, one)
	}
	return out
}

// value is what an argument comes to.
func (w *work) value(a arg) string {
	switch {
	case a.Value != nil:
		return *a.Value
	case a.ValueFrom == nil:
		return ""
	case a.ValueFrom.PodTemplateHashValue == "Latest":
		return w.fresh.Labels[hashLabel]
	case a.ValueFrom.PodTemplateHashValue == "Stable":
		return w.was.StableRS
	case a.ValueFrom.FieldRef == nil:
		return ""
	}
	j := jsonpath.New(a.Name).AllowMissingKeys(true)
	if j.Parse("{."+a.ValueFrom.FieldRef.FieldPath+"}") != nil {
		return ""
	}
	var b strings.Builder
	whole := map[string]any{"metadata": map[string]any{"name": w.ro.Name, "namespace": w.ro.Namespace, "labels": w.ro.Labels, "annotations": w.ro.Annotations}, "spec": map[string]any(w.ro.Spec), "status": map[string]any(w.ro.Status)}
	if j.Execute(&b, whole) != nil {
		return ""
	}
	return b.String()
}
