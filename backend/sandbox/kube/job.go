package kube

import (
	"fmt"
	"maps"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/duration"
)

func defaultJob(obj runtime.Object) {
	j := obj.(*batchv1.Job)
	if j.Spec.Parallelism == nil {
		some(&j.Spec.Completions, 1)
	}
	some(&j.Spec.Parallelism, 1)
	some(&j.Spec.BackoffLimit, 6)
	some(&j.Spec.CompletionMode, batchv1.NonIndexedCompletion)
	some(&j.Spec.Suspend, false)
	some(&j.Spec.ManualSelector, false)
	replaced := batchv1.TerminatingOrFailed
	if j.Spec.PodFailurePolicy != nil {
		replaced = batchv1.Failed
	}
	some(&j.Spec.PodReplacementPolicy, replaced)
	defaultPodSpec(&j.Spec.Template.Spec)
	if !*j.Spec.ManualSelector && j.Spec.Selector == nil && j.UID != "" {
		ownPods(j)
	}
	if len(j.Labels) == 0 {
		j.Labels = maps.Clone(j.Spec.Template.Labels)
	}
}

// ownPods has a job know its pods by its own identity.
func ownPods(j *batchv1.Job) {
	labels := Copied(j.Spec.Template.Labels)
	labels["controller-uid"], labels[batchv1.ControllerUidLabel] = string(j.UID), string(j.UID)
	labels["job-name"], labels[batchv1.JobNameLabel] = j.Name, j.Name
	j.Spec.Template.Labels = labels
	j.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{batchv1.ControllerUidLabel: string(j.UID)}}
}

// jobPods is how many pods of a job are in which state.
type jobPods struct{ done, failed, going, ready, ending int32 }

// finish has a job run its pods until enough have succeeded, or too many have failed.
func finish(c *Cluster, namespace, name string) {
	j := Get[*batchv1.Job](c, namespace, name)
	if j == nil || j.DeletionTimestamp != nil {
		return
	}
	if j.Spec.Selector == nil { // it was written by somebody to whom the server gave no identity
		Change(c, namespace, name, func(j *batchv1.Job) { defaultJob(j) })
		j = Get[*batchv1.Job](c, namespace, name)
	}
	var n jobPods
	for _, p := range Owned[*corev1.Pod](c, j) {
		switch {
		case p.Status.Phase == corev1.PodSucceeded:
			n.done++
		case p.Status.Phase == corev1.PodFailed:
			n.failed++
		case p.DeletionTimestamp != nil:
			n.ending++
		default:
			n.going++
			n.ready += boolTo(Ready(p))
		}
	}
	for !enough(j, n) && !*j.Spec.Suspend && n.going+n.ending < wants(j, n) {
		p := c.pod(j, c.name(name), &j.Spec.Template)
		if made, _ := c.brings(j, p, "job-controller", "Error creating: "); !made {
			break
		}
		c.Event(j, "job-controller", corev1.EventTypeNormal, "SuccessfulCreate", "Created pod: "+p.Name)
		n.going++
	}
	c.counted(j, n)
}

// wants is how many pods of a job are to run at a time. One of which nobody has said how
// many are to succeed begins no new ones when the first has.
func wants(j *batchv1.Job, n jobPods) int32 {
	switch {
	case j.Spec.Completions != nil:
		return min(*j.Spec.Parallelism, *j.Spec.Completions-n.done)
	case n.done > 0:
		return 0
	}
	return *j.Spec.Parallelism
}

// enough says whether a job needs no more pods.
func enough(j *batchv1.Job, n jobPods) bool {
	return j.Status.CompletionTime != nil || n.failed > *j.Spec.BackoffLimit || succeeded(j, n)
}

func succeeded(j *batchv1.Job, n jobPods) bool {
	if j.Spec.Completions == nil {
		return n.done > 0 && n.going == 0
	}
	return n.done >= *j.Spec.Completions
}

// counted writes down how far a job is.
func (c *Cluster) counted(j *batchv1.Job, n jobPods) {
	ended := len(j.Status.Conditions) > 0
	Change(c, j.Namespace, j.Name, func(j *batchv1.Job) {
		st, now := &j.Status, c.now()
		st.Active, st.Succeeded, st.Failed, st.Ready, st.Terminating = n.going, n.done, n.failed, &n.ready, &n.ending
		st.UncountedTerminatedPods = &batchv1.UncountedTerminatedPods{}
		some(&st.StartTime, now)
		end := func(reason, message string, kinds ...batchv1.JobConditionType) {
			for _, kind := range kinds {
				st.Conditions = append(st.Conditions, batchv1.JobCondition{Type: kind, Status: corev1.ConditionTrue, Reason: reason, Message: message, LastTransitionTime: now, LastProbeTime: now})
			}
		}
		switch {
		case ended:
		case succeeded(j, n):
			some(&st.CompletionTime, now)
			end("CompletionsReached", "Reached expected number of succeeded pods", batchv1.JobSuccessCriteriaMet, batchv1.JobComplete)
		case n.failed > *j.Spec.BackoffLimit:
			end("BackoffLimitExceeded", "Job has reached the specified backoff limit", batchv1.JobFailureTarget, batchv1.JobFailed)
		}
	})
	switch now := Get[*batchv1.Job](c, j.Namespace, j.Name); {
	case ended || now == nil || len(now.Status.Conditions) == 0:
	case now.Status.CompletionTime != nil:
		c.Event(j, "job-controller", corev1.EventTypeNormal, "Completed", "Job completed")
	default:
		c.Event(j, "job-controller", corev1.EventTypeWarning, "BackoffLimitExceeded", "Job has reached the specified backoff limit")
	}
}

func jobColumns() []Column {
	of := func(j *batchv1.Job, kind batchv1.JobConditionType) bool {
		for _, c := range j.Status.Conditions {
			if c.Type == kind {
				return c.Status == corev1.ConditionTrue
			}
		}
		return false
	}
	return []Column{
		ColumnOf("Status", func(j *batchv1.Job) any {
			for _, kind := range []batchv1.JobConditionType{batchv1.JobComplete, batchv1.JobFailed} {
				if of(j, kind) {
					return string(kind)
				}
			}
			if j.DeletionTimestamp != nil {
				return "Terminating"
			}
			for _, kind := range []batchv1.JobConditionType{batchv1.JobSuspended, batchv1.JobFailureTarget, batchv1.JobSuccessCriteriaMet} {
				if of(j, kind) {
					return string(kind)
				}
			}
			return "Running"
		}),
		ColumnOf("Completions", func(j *batchv1.Job) any {
			switch parallel := deref(j.Spec.Parallelism); {
			case j.Spec.Completions != nil:
				return fmt.Sprintf("%d/%d", j.Status.Succeeded, *j.Spec.Completions)
			case parallel > 1:
				return fmt.Sprintf("%d/1 of %d", j.Status.Succeeded, parallel)
			}
			return fmt.Sprintf("%d/1", j.Status.Succeeded)
		}),
		ColumnOf("Duration", func(j *batchv1.Job) any {
			switch {
			case j.Status.StartTime == nil:
				return ""
			case j.Status.CompletionTime == nil:
				return age(j.Status.StartTime.Time)
			}
			return duration.HumanDuration(j.Status.CompletionTime.Sub(j.Status.StartTime.Time))
		}),
		wide("Containers", func(j *batchv1.Job) any { c, _ := templated(&j.Spec.Template); return c }),
		wide("Images", func(j *batchv1.Job) any { _, i := templated(&j.Spec.Template); return i }),
		wide("Selector", func(j *batchv1.Job) any { return metav1.FormatLabelSelector(j.Spec.Selector) }),
	}
}
