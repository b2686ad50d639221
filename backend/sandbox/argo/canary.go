package argo

import (
	"cmp"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend/sandbox/kube"
)

// Reasons to pause.
const (
	atStep       = "CanaryPauseStep"
	inconclusive = "InconclusiveAnalysisRun"
)

// run does what a rollout with a replica set for its template is due.
func (w *work) run() {
	w.now = status{RestartedAt: w.was.RestartedAt, StableRS: w.was.StableRS, Canary: canaryStatus{}}
	if w.scaledMeanwhile() {
		w.resize()
		w.find()
		w.now = w.was
		w.count()
		w.write()
		return
	}
	if w.changed() {
		w.begin()
		return
	}
	if w.restart() {
		return
	}
	w.tidy()
	w.analyse()
	if len(w.pause) == 0 && !w.resize() {
		w.hold()
	}
	w.find() // the sets, as they are now
	w.sync()
}

// scaledMeanwhile says whether the wanted number of pods is another one than that the
// sets were made for.
func (w *work) scaledMeanwhile() bool {
	for _, r := range []*appsv1.ReplicaSet{w.fresh, w.stable} {
		if r != nil && *r.Spec.Replicas > 0 && r.Annotations[desiredMark] != fmt.Sprint(w.spec.replicas()) {
			return true
		}
	}
	return false
}

// changed says whether it is to be begun anew: with another template, or other steps.
func (w *work) changed() bool {
	return w.was.CurrentStepHash != w.spec.stepsHash(w.ro.Spec) || w.was.CurrentPodHash != "" && w.was.CurrentPodHash != w.fresh.Labels[hashLabel]
}

// begin puts it before its first step; behind the last one where the template is the
// stable one again.
func (w *work) begin() {
	w.base()
	w.clear, w.revived = true, true
	w.now.RestartedAt = w.spec.RestartAt
	w.now.PromoteFull = false
	if steps := w.steps(); steps > 0 {
		w.now.CurrentStepIndex = new(int32)
		switch {
		case w.was.StableRS == w.fresh.Labels[hashLabel]:
			w.tell("SkipSteps", "Rollback to stable ReplicaSets")
			*w.now.CurrentStepIndex = steps
		case w.withinWindow() && *w.fresh.Spec.Replicas > 0:
			w.tell("SkipSteps", "Rollback to active ReplicaSets within RollbackWindow")
			*w.now.CurrentStepIndex = steps
		}
	}
	w.finish()
}

// withinWindow says whether an older version is taken back that is young enough to
// need no steps.
func (w *work) withinWindow() bool {
	if w.spec.RollbackWindow == nil || w.stable == nil || !w.fresh.CreationTimestamp.Before(&w.stable.CreationTimestamp) {
		return false
	}
	between := int32(0)
	for _, r := range w.all() {
		if r.CreationTimestamp.Before(&w.stable.CreationTimestamp) && w.fresh.CreationTimestamp.Before(&r.CreationTimestamp) {
			between++
		}
	}
	return between < w.spec.RollbackWindow.Revisions
}

func (w *work) steps() int32 { return int32(len(w.spec.Strategy.Canary.Steps)) } //nolint:gosec // a handful

// current is the step that it is at; nil: none is left.
func (w *work) current() (*step, int32) {
	at := or(w.was.CurrentStepIndex, 0)
	if at < 0 || at >= w.steps() {
		return nil, at
	}
	return &w.spec.Strategy.Canary.Steps[at], at
}

// count writes down how many pods there are.
func (w *work) count() {
	w.now.Replicas, w.now.ReadyReplicas, w.now.AvailableReplicas, w.now.UpdatedReplicas = 0, 0, 0, 0
	for _, r := range w.all() {
		w.now.Replicas += r.Status.Replicas
		w.now.ReadyReplicas += r.Status.ReadyReplicas
		w.now.AvailableReplicas += r.Status.AvailableReplicas
	}
	if w.fresh != nil {
		w.now.UpdatedReplicas = w.fresh.Status.Replicas
	}
	w.now.HPAReplicas = w.now.Replicas
}

// base is what is written down whatever happens.
func (w *work) base() {
	w.count()
	w.now.CurrentPodHash = w.fresh.Labels[hashLabel]
	w.now.CurrentStepHash = w.spec.stepsHash(w.ro.Spec)
	w.now.Selector = metav1.FormatLabelSelector(w.spec.Selector)
	w.now.Conditions = slices.DeleteFunc(slices.Clone(w.was.Conditions), func(c condition) bool { return c.Type == "InvalidSpec" })
	w.now.PromoteFull = w.now.CurrentPodHash != w.now.StableRS && w.was.PromoteFull
}

// sync finds out how far it has come, and writes it down.
func (w *work) sync() {
	if w.fresh == nil {
		return // deleted under its feet: it is made again
	}
	w.base()
	at, index := w.current()
	if w.was.PromoteFull || w.withinWindow() {
		w.clear, w.revived = true, true
		if w.steps() > 0 {
			index = w.steps()
		}
	}
	switch why := w.promotes(); {
	case why != "":
		w.promote(why)
		w.finish()
		return
	case w.aborted():
		index = 0
		if w.now.StableRS == w.now.CurrentPodHash {
			index = w.steps()
		}
	case w.passed(at):
		index++
		w.now.Canary.Step = nil
		w.tell("RolloutStepCompleted", fmt.Sprintf("Rollout step %d/%d completed (%s)", index, w.steps(), at))
		w.ended = true
	}
	if w.steps() > 0 {
		w.now.CurrentStepIndex = &index
	}
	w.finish()
}

// finish writes everything down.
func (w *work) finish() {
	w.conditions()
	w.pauses()
	w.write()
	if (len(w.was.PauseConditions) > 0) != (len(w.now.PauseConditions) > 0) {
		switch {
		case len(w.now.PauseConditions) > 0:
			w.tell("RolloutPaused", fmt.Sprintf("Rollout is paused (%s)", w.now.PauseConditions[0].Reason))
		case w.now.AbortedAt == nil:
			w.tell("RolloutResumed", "Rollout is resumed")
		}
	}
}

func (w *work) aborted() bool { return !w.revived && (w.abort != "" || w.was.Abort) }

// pauses writes down what holds it: nothing where it is aborted.
func (w *work) pauses() {
	if w.aborted() {
		w.now.Abort, w.now.AbortedAt = true, w.was.AbortedAt
		if w.now.AbortedAt == nil {
			now := w.clock()
			w.now.AbortedAt = &now
		}
		return
	}
	if w.clear {
		return
	}
	held := w.was.ControllerPause
	for _, p := range w.was.PauseConditions {
		if p.Reason != atStep || !w.ended {
			w.now.PauseConditions = append(w.now.PauseConditions, p)
		}
	}
	for _, reason := range w.pause {
		if w.pausedFor(reason) == nil {
			w.now.PauseConditions = append(w.now.PauseConditions, pauseReason{Reason: reason, StartTime: w.clock()})
			held = true
		}
	}
	if len(w.now.PauseConditions) > 0 {
		w.now.ControllerPause = held
	}
}

func (w *work) pausedFor(reason string) *pauseReason {
	i := slices.IndexFunc(w.was.PauseConditions, func(p pauseReason) bool { return p.Reason == reason })
	if i < 0 {
		return nil
	}
	return &w.was.PauseConditions[i]
}

// promotes is why the version of the template is the stable one from now on; "" where
// it is not yet.
func (w *work) promotes() string {
	switch _, at := w.current(); {
	case w.stable == nil:
		return "Initial deploy"
	case w.aborted() || w.fresh.Status.AvailableReplicas < w.spec.replicas():
		return ""
	case w.was.PromoteFull:
		return "Full promotion requested"
	case w.withinWindow():
		return "Rollback within window"
	case at == w.steps():
		return fmt.Sprintf("Completed all %d canary steps", w.steps())
	}
	return ""
}

func (w *work) promote(why string) {
	w.clear, w.revived = true, true
	w.now.PromoteFull = false
	if n := w.steps(); n > 0 {
		w.now.CurrentStepIndex = &n
	}
	if w.now.StableRS != w.now.CurrentPodHash {
		w.now.StableRS = w.now.CurrentPodHash
		w.tell("RolloutCompleted", fmt.Sprintf("Rollout completed update to revision %d (%s): %s", revision(w.ro), w.now.CurrentPodHash, why))
	}
}

// hold pauses it at a step that says so, and looks again when that is over.
func (w *work) hold() {
	at, _ := w.current()
	if at == nil || at.Pause == nil || w.spec.Paused || w.was.PromoteFull {
		return
	}
	held := w.pausedFor(atStep)
	if held == nil {
		if !w.was.ControllerPause { // else somebody has just ended it
			w.pause = append(w.pause, atStep)
		}
		return
	}
	if d, ok := at.Pause.takes(); ok {
		if left := held.StartTime.Add(d).Sub(w.world.Now()); left >= 0 {
			w.c.After(w.ro, left+1)
		}
	}
}

// passed says whether a step has done what it is for.
func (w *work) passed(at *step) bool {
	switch {
	case at == nil || w.spec.Paused || w.was.PromoteFull:
		return false
	case at.Pause != nil:
		held := w.pausedFor(atStep)
		d, ends := at.Pause.takes()
		return held == nil && w.was.ControllerPause || held != nil && ends && w.world.Now().After(held.StartTime.Add(d))
	case at.SetWeight != nil || at.SetCanaryScale != nil:
		return w.settled()
	case at.Analysis != nil:
		return w.step != nil && w.step.Status["phase"] == successful
	}
	return at.SetHeaderRoute != nil || at.SetMirrorRoute != nil
}

// settled says whether both versions have the pods that they should.
func (w *work) settled() bool {
	fresh, stable := w.counts()
	for _, r := range w.others {
		if r.Status.AvailableReplicas > 0 {
			return false
		}
	}
	return *w.fresh.Spec.Replicas == fresh && w.fresh.Status.AvailableReplicas == fresh &&
		w.stable != nil && *w.stable.Spec.Replicas == stable && w.stable.Status.Replicas == stable
}

// resize gives each version its pods; the others go. It says whether something was
// done, after which everything is looked at again.
func (w *work) resize() bool {
	if w.spec.Paused || w.pausedFor(inconclusive) != nil {
		return false
	}
	fresh, stable := w.counts()
	if w.stable != nil && w.stable != w.fresh && w.scale(w.stable, stable) {
		return true
	}
	return w.scale(w.fresh, fresh) || w.retire()
}

// retire takes pods of versions away that are neither stable nor new: those first that
// are not ready, then as many as may be missed.
func (w *work) retire() (done bool) {
	available := int32(0)
	for _, r := range w.all() {
		available += r.Status.AvailableReplicas
	}
	_, away := w.spec.bounds()
	spare := available - (w.spec.replicas() - away)
	old := slices.Clone(w.others)
	slices.SortFunc(old, func(a, b *appsv1.ReplicaSet) int { return cmp.Compare(revision(b), revision(a)) })
	for _, r := range old {
		stay := min(*r.Spec.Replicas, r.Status.AvailableReplicas)
		less := max(0, min(stay, spare))
		spare -= less
		if *r.Spec.Replicas > 0 && w.scale(r, stay-less) {
			done = true
		}
	}
	return done
}

// restart ends pods that are older than somebody wants them, as many at a time as may
// be missed. It says whether some were.
func (w *work) restart() bool {
	at := w.spec.RestartAt
	if at == nil || w.was.RestartedAt.Equal(at) {
		return false
	}
	if left := at.Sub(w.world.Now()); left > 0 {
		w.c.After(w.ro, left)
		return false
	}
	var old []*corev1.Pod
	available, total := int32(0), int32(0)
	for _, r := range w.all() {
		total += *r.Spec.Replicas
		available += r.Status.AvailableReplicas
		for _, p := range kube.Owned[*corev1.Pod](w.c, r) {
			if p.CreationTimestamp.Before(at) {
				old = append(old, p)
			}
		}
	}
	if len(old) == 0 {
		w.now.RestartedAt = at
		return false
	}
	_, away := w.spec.bounds()
	may := available - max(w.spec.replicas(), total) + max(away, 1)
	restarted := false
	for _, p := range old {
		if may > 0 && p.DeletionTimestamp == nil && w.c.Evict(p) == nil {
			may--
			restarted = true
		}
	}
	w.c.After(w.ro, restartLook)
	return restarted
}
