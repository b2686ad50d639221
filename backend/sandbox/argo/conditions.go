package argo

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func find(all []condition, kind string) *condition {
	i := slices.IndexFunc(all, func(c condition) bool { return c.Type == kind })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// set sets a condition behind the others, unless it is so already.
func (w *work) set(kind string, on corev1.ConditionStatus, reason, message string) (changed bool) {
	old := find(w.now.Conditions, kind)
	if old != nil && old.Status == on && old.Reason == reason {
		return false
	}
	now := w.clock()
	one := condition{Type: kind, Status: on, Reason: reason, Message: message, LastUpdateTime: now, LastTransitionTime: now}
	if old != nil && old.Status == on {
		one.LastTransitionTime = old.LastTransitionTime
	}
	w.now.Conditions = append(slices.DeleteFunc(slices.Clone(w.now.Conditions), func(c condition) bool { return c.Type == kind }), one)
	return true
}

func truth(b bool) corev1.ConditionStatus {
	if b {
		return corev1.ConditionTrue
	}
	return corev1.ConditionFalse
}

// pausedConditions says in the conditions that it is paused, or not any more, and that
// somebody tries again. It says whether something was written.
func (w *work) pausedConditions() bool {
	w.now = w.was
	paused := len(w.was.PauseConditions) > 0 || w.spec.Paused
	progress := find(w.was.Conditions, "Progressing")
	if progress != nil && progress.Reason == "RolloutAborted" {
		if w.was.Abort || !w.set("Progressing", corev1.ConditionUnknown, "RolloutRetry", "Retrying Rollout after abort") {
			return false
		}
		w.write()
		return true
	}
	wrote := false
	said := progress != nil && progress.Reason == "RolloutPaused"
	if paused != said && (w.was.StableRS == "" || w.was.StableRS != w.was.CurrentPodHash) {
		reason, message := "RolloutResumed", "Rollout is resumed"
		if paused {
			reason, message = "RolloutPaused", "Rollout is paused"
		}
		wrote = w.set("Progressing", corev1.ConditionUnknown, reason, message)
	}
	if cond := find(w.was.Conditions, "Paused"); paused != (cond != nil && cond.Status == corev1.ConditionTrue) {
		wrote = w.set("Paused", truth(paused), "RolloutPaused", "Rollout is paused") || wrote
	}
	if wrote {
		w.write()
	}
	return wrote
}

// healthy says whether everything is as it is wanted.
func (w *work) healthy() bool {
	want, n := w.spec.replicas(), &w.now
	return n.UpdatedReplicas == want && n.AvailableReplicas == want && n.Replicas == want && n.StableRS != "" && n.StableRS == n.CurrentPodHash &&
		(n.CurrentStepIndex == nil || *n.CurrentStepIndex == w.steps()) && w.was.ObservedGeneration == strconv.FormatInt(w.ro.Generation, 10)
}

// progressed says whether something has moved since it was last looked at.
func (w *work) progressed() bool {
	now, was := &w.now, &w.was
	return now.UpdatedReplicas != was.UpdatedReplicas || now.Replicas-now.UpdatedReplicas < was.Replicas-was.UpdatedReplicas ||
		now.ReadyReplicas > was.ReadyReplicas || now.AvailableReplicas > was.AvailableReplicas ||
		now.StableRS != was.StableRS || now.CurrentStepHash != was.CurrentStepHash ||
		now.CurrentStepIndex != nil && was.CurrentStepIndex != nil && *now.CurrentStepIndex != *was.CurrentStepIndex
}

// conditions says how it goes.
func (w *work) conditions() {
	paused := len(w.was.PauseConditions) > 0 || w.spec.Paused
	healthy, fell := w.healthy(), false
	switch {
	case healthy && !paused:
		w.set("Healthy", corev1.ConditionTrue, "RolloutHealthy", "Rollout is healthy")
	case find(w.was.Conditions, "Healthy") != nil:
		fell = w.set("Healthy", corev1.ConditionFalse, "RolloutHealthy", "Rollout is not healthy")
	}
	if w.aborted() {
		message := fmt.Sprintf("Rollout aborted update to revision %d", revision(w.ro))
		if w.abort != "" {
			message += ": " + w.abort
		}
		if w.set("Progressing", corev1.ConditionFalse, "RolloutAborted", message) {
			w.warn("RolloutAborted", message)
		}
	} else {
		w.progress(healthy, fell)
	}
	message := "Rollout does not have minimum availability"
	available := w.now.AvailableReplicas >= w.spec.replicas()
	if available {
		message = "Rollout has minimum availability"
	}
	w.set("Available", truth(available), "AvailableReason", message)
	completed := w.now.StableRS != "" && w.now.StableRS == w.now.CurrentPodHash
	if w.set("Completed", truth(completed), "RolloutCompleted", "RolloutCompleted") && !completed {
		w.tell("RolloutNotCompleted", fmt.Sprintf("Rollout not completed, started update to revision %d (%s)", revision(w.ro), w.now.CurrentPodHash))
	}
}

// progress says whether it comes on, and gives up when it has not for too long.
func (w *work) progress(healthy, fell bool) {
	cond := find(w.now.Conditions, "Progressing")
	switch {
	case healthy:
		w.set("Progressing", corev1.ConditionTrue, "NewReplicaSetAvailable", fmt.Sprintf("ReplicaSet %q has successfully progressed.", w.fresh.Name))
	case w.progressed() || fell:
		w.comesOn(cond, w.now.StableRS == w.now.CurrentPodHash && fell)
	case !w.waits() && cond != nil && cond.Reason != "RolloutAborted" && cond.Reason != "RolloutPaused":
		w.stuck(cond)
	}
}

// limit is how long it may take to come on.
func (w *work) limit() time.Duration {
	return time.Duration(or(w.spec.ProgressDeadlineSeconds, 600)) * time.Second
}

// comesOn writes down that something has moved, even if that was said before; lost: it
// is pods of the stable version that have gone.
func (w *work) comesOn(cond *condition, lost bool) {
	now := w.clock()
	one := condition{
		Type: "Progressing", Status: corev1.ConditionTrue, Reason: "ReplicaSetUpdated", Message: fmt.Sprintf("ReplicaSet %q is progressing.", w.fresh.Name),
		LastUpdateTime: now, LastTransitionTime: now,
	}
	if lost {
		one.Reason, one.Message = "ReplicaSetNotAvailable", "Rollout does not have minimum availability"
	}
	if cond != nil && cond.Status == corev1.ConditionTrue {
		one.LastTransitionTime = cond.LastTransitionTime
	}
	w.now.Conditions = append(slices.DeleteFunc(slices.Clone(w.now.Conditions), func(c condition) bool { return c.Type == one.Type }), one)
	w.c.After(w.ro, w.limit()+time.Second)
}

// stuck gives it up when nothing has moved for too long, and looks again where it is
// not that long yet.
func (w *work) stuck(cond *condition) {
	if still := w.world.Now().Sub(cond.LastUpdateTime.Time); cond.Reason != "ProgressDeadlineExceeded" && still <= w.limit() {
		w.c.After(w.ro, w.limit()-still+time.Second)
		return
	}
	message := fmt.Sprintf("ReplicaSet %q has timed out progressing.", w.fresh.Name)
	w.set("Progressing", corev1.ConditionFalse, "ProgressDeadlineExceeded", message)
	if w.spec.ProgressDeadlineAbort {
		w.abort = message
		w.warn("RolloutAborted", message)
	}
}

// waits says whether it is at a step that may take as long as it likes.
func (w *work) waits() bool {
	at, _ := w.current()
	cond := find(w.was.Conditions, "Paused")
	return at != nil && (at.Analysis != nil || at.Pause != nil) || cond != nil && cond.Status == corev1.ConditionTrue
}

// phase is how it stands, in a word, and why.
func (s *spec) phase(st *status) (phase, message string) {
	for _, c := range st.Conditions {
		if c.Type == "InvalidSpec" || c.Reason == "RolloutAborted" || c.Reason == "ProgressDeadlineExceeded" {
			return "Degraded", c.Reason + ": " + c.Message
		}
	}
	switch {
	case s.Paused:
		return "Paused", "manually paused"
	case len(st.PauseConditions) > 0:
		return "Paused", st.PauseConditions[0].Reason
	case s.RestartAt != nil && !st.RestartedAt.Equal(s.RestartAt):
		return "Progressing", "rollout is restarting"
	case st.UpdatedReplicas < s.replicas():
		return "Progressing", "more replicas need to be updated"
	case st.AvailableReplicas < st.UpdatedReplicas:
		return "Progressing", "updated replicas are still becoming available"
	case st.Replicas > st.UpdatedReplicas:
		return "Progressing", "old replicas are pending termination"
	case st.StableRS == "" || st.StableRS != st.CurrentPodHash:
		return "Progressing", "waiting for all steps to complete"
	}
	return "Healthy", ""
}
