package argo

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/kube"
)

const (
	hashLabel    = "rollouts-pod-template-hash"
	revisionMark = "rollout.argoproj.io/revision"
	historyMark  = "rollout.argoproj.io/revision-history"
	desiredMark  = "rollout.argoproj.io/desired-replicas"
	instanceMark = "argo-rollouts.argoproj.io/controller-instance-id" // another controller's business
)

// work is one look at a rollout: what it is, what is there for it, and what is to be
// written down.
type work struct {
	c     *kube.Cluster
	world *sandbox.World
	ro    *Rollout // as it is in the cluster; never changed
	spec  spec
	was   status
	now   status

	fresh, stable *appsv1.ReplicaSet // of the template, and the one that is trusted; may be the same, or nil
	others        []*appsv1.ReplicaSet
	step          *Run // that the current step waits for
	background    *Run
	idle          []*Run // those of before

	pause   []string // reasons to pause that have come up
	ended   bool     // the pause step is over
	clear   bool     // no pause holds any more
	abort   string   // why it is aborted now; empty: it is not
	revived bool     // it is not aborted any more
}

// reconcile brings a rollout one step further.
func reconcile(c *kube.Cluster, world *sandbox.World, namespace, name string) {
	ro := kube.Get[*Rollout](c, namespace, name)
	if ro == nil || ro.DeletionTimestamp != nil || ro.Labels[instanceMark] != "" {
		return
	}
	w := &work{c: c, world: world, ro: ro}
	if ro.Spec.Decode(&w.spec) != nil || ro.Status.Decode(&w.was) != nil {
		return // valid has seen to the one, nobody but we writes the other
	}
	if why := w.wrong(); why != "" {
		w.c.After(ro, restartLook) // what it lacks may come
		w.now = w.was
		w.set("InvalidSpec", corev1.ConditionTrue, "InvalidSpec", fmt.Sprintf("The Rollout %q is invalid: %s", name, why))
		w.write()
		return
	}
	kube.DefaultTemplate(&w.spec.Template)
	if ro.Status == nil {
		w.tell("RolloutAddedToInformer", fmt.Sprintf("Rollout resource added to informer: %s/%s", namespace, name))
	}
	w.find()
	if w.pausedConditions() {
		return // written, and looked at again
	}
	if w.fresh == nil && !w.create() || !w.number() {
		return
	}
	w.run()
}

// wrong is why nothing can be done with a spec; "" where it can.
func (w *work) wrong() string {
	canary := w.spec.Strategy.Canary
	switch {
	case w.spec.Selector == nil:
		return "spec.selector: Required value: Rollout has missing field '.spec.selector'"
	case canary == nil:
		return "spec.strategy.strategy: Required value: Rollout has missing field '.spec.strategy.canary or .spec.strategy.blueGreen'"
	}
	missing := func(at string, a *analysis) string {
		for _, t := range a.Templates {
			if kube.Get[*Template](w.c, w.ro.Namespace, t.TemplateName) == nil {
				return fmt.Sprintf("%s.templates: Invalid value: %q: AnalysisTemplate '%[2]s' not found", at, t.TemplateName)
			}
		}
		return ""
	}
	for i, s := range canary.Steps {
		if s.Analysis != nil {
			if why := missing(fmt.Sprintf("spec.strategy.canary.steps[%d].analysis", i), s.Analysis); why != "" {
				return why
			}
		}
	}
	if canary.Analysis == nil {
		return ""
	}
	return missing("spec.strategy.canary.analysis", &canary.Analysis.analysis)
}

// find looks up what belongs to the rollout.
func (w *work) find() {
	hash := kube.TemplateHash(&w.spec.Template)
	w.fresh, w.stable, w.others = nil, nil, nil
	for _, r := range kube.Owned[*appsv1.ReplicaSet](w.c, w.ro) {
		of := r.Labels[hashLabel]
		if of == hash {
			w.fresh = r
		}
		if of == w.was.StableRS {
			w.stable = r
		}
		if of != hash && of != w.was.StableRS {
			w.others = append(w.others, r)
		}
	}
	w.step, w.background, w.idle = nil, nil, nil
	for _, r := range kube.Owned[*Run](w.c, w.ro) {
		switch s, b := w.was.Canary.Step, w.was.Canary.Background; {
		case s != nil && s.Name == r.Name:
			w.step = r
		case b != nil && b.Name == r.Name:
			w.background = r
		default:
			w.idle = append(w.idle, r)
		}
	}
}

// all are its replica sets.
func (w *work) all() []*appsv1.ReplicaSet {
	out := slices.Clone(w.others)
	if w.fresh != nil {
		out = append(out, w.fresh)
	}
	if w.stable != nil && w.stable != w.fresh {
		out = append(out, w.stable)
	}
	return out
}

func (w *work) tell(reason, message string) {
	w.c.Event(w.ro, from, corev1.EventTypeNormal, reason, message)
}

func (w *work) warn(reason, message string) {
	w.c.Event(w.ro, from, corev1.EventTypeWarning, reason, message)
}

func revision(m metav1.Object) int {
	n, _ := strconv.Atoi(m.GetAnnotations()[revisionMark])
	return n
}

// newest is the highest revision among the sets that are not of the template.
func (w *work) newest() (n int) {
	for _, r := range w.all() {
		if r != w.fresh {
			n = max(n, revision(r))
		}
	}
	return n
}

// create makes the replica set of a template that has none. The rollout is looked at
// again when it is there.
func (w *work) create() bool {
	hash := kube.TemplateHash(&w.spec.Template)
	n := strconv.Itoa(w.newest() + 1)
	labels := with(w.spec.Template.Labels, hash)
	r := &appsv1.ReplicaSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: w.ro.Namespace, Name: w.ro.Name + "-" + hash, Labels: labels, Annotations: w.notes(nil, n),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(w.ro, version().WithKind("Rollout"))},
		},
		Spec: appsv1.ReplicaSetSpec{
			Replicas: new(int32), MinReadySeconds: w.spec.MinReadySeconds, Template: *w.spec.Template.DeepCopy(),
			Selector: &metav1.LabelSelector{MatchLabels: with(w.spec.Selector.MatchLabels, hash), MatchExpressions: w.spec.Selector.MatchExpressions},
		},
	}
	r.Spec.Template.Labels = labels
	w.c.Create(r)
	w.mark(n)
	w.tell("NewReplicaSetCreated", fmt.Sprintf("Created ReplicaSet %s (revision %s)", r.Name, n))
	w.now = w.was
	w.set("Progressing", corev1.ConditionTrue, "NewReplicaSetCreated", fmt.Sprintf("Created new replica set %q", r.Name))
	w.write()
	return false
}

func with(labels map[string]string, hash string) map[string]string {
	out := map[string]string{hashLabel: hash}
	for k, v := range labels {
		out[k] = v
	}
	return out
}

// notes are the annotations of a replica set: those of the rollout, and its revision.
func (w *work) notes(old map[string]string, n string) map[string]string {
	out := map[string]string{desiredMark: strconv.Itoa(int(w.spec.replicas()))}
	for k, v := range old {
		out[k] = v
	}
	for k, v := range w.ro.Annotations {
		if k != corev1.LastAppliedConfigAnnotation && k != revisionMark {
			out[k] = v
		}
	}
	if was := out[revisionMark]; was != "" && was != n {
		out[historyMark] = join(out[historyMark], was)
	}
	out[revisionMark] = n
	return out
}

func join(list, one string) string {
	if list == "" {
		return one
	}
	return list + "," + one
}

// mark writes the revision on the rollout.
func (w *work) mark(n string) {
	if w.ro.Annotations[revisionMark] == n {
		return
	}
	kube.Change(w.c, w.ro.Namespace, w.ro.Name, func(r *Rollout) {
		r.Annotations = kube.Copied(r.Annotations)
		r.Annotations[revisionMark] = n
		if r.ResourceVersion == w.ro.ResourceVersion {
			w.ro = r
		}
	})
	w.tell("RolloutUpdated", "Rollout updated to revision "+n)
}

// number gives the set of the template the newest revision, which it has lost where an
// older version is taken back. Not so when that had to be done first.
func (w *work) number() bool {
	n := max(revision(w.fresh), 1)
	if newest := w.newest(); n <= newest {
		n = newest + 1
	}
	notes := w.notes(w.fresh.Annotations, strconv.Itoa(n))
	if revision(w.fresh) != n {
		kube.Change(w.c, w.fresh.Namespace, w.fresh.Name, func(r *appsv1.ReplicaSet) { r.Annotations = notes })
		return false
	}
	w.mark(strconv.Itoa(n))
	return true
}

// write writes down what has come of the look, unless somebody has changed the rollout
// meanwhile: then it is looked at again.
func (w *work) write() {
	w.now.ObservedGeneration = strconv.FormatInt(w.ro.Generation, 10)
	w.now.Phase, w.now.Message = w.spec.phase(&w.now)
	fields := kube.FieldsOf(w.now)
	kube.Change(w.c, w.ro.Namespace, w.ro.Name, func(r *Rollout) {
		if r.ResourceVersion != w.ro.ResourceVersion {
			return
		}
		for name, was := range r.Status { // what somebody has written out as false stays so, as in the real one, which only sends what is new
			if _, ok := fields[name]; !ok && was == false {
				fields[name] = false
			}
		}
		r.Status = fields
	})
}

// clock is now, as it is written down.
func (w *work) clock() metav1.Time { return metav1.NewTime(w.world.Now().Truncate(time.Second)) }

// scale has a replica set want another number of pods.
func (w *work) scale(r *appsv1.ReplicaSet, to int32) (scaled bool) {
	desired := strconv.Itoa(int(w.spec.replicas()))
	if *r.Spec.Replicas == to && r.Annotations[desiredMark] == desired {
		return false
	}
	old := *r.Spec.Replicas
	kube.Change(w.c, r.Namespace, r.Name, func(r *appsv1.ReplicaSet) {
		*r.Spec.Replicas = to
		r.Annotations = kube.Copied(r.Annotations)
		r.Annotations[desiredMark] = desired
		if old != to {
			r.Generation++
		}
	})
	if old == to {
		return false
	}
	verb := "up"
	if to < old {
		verb = "down"
	}
	w.tell("ScalingReplicaSet", fmt.Sprintf("Scaled %s ReplicaSet %s (revision %d) from %d to %d", verb, r.Name, revision(r), old, to))
	return true
}

// tidy forgets the oldest versions beyond those that are to be kept, and their
// analyses.
func (w *work) tidy() {
	old := slices.Clone(w.others)
	slices.SortFunc(old, func(a, b *appsv1.ReplicaSet) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(revision(a), revision(b)))
	})
	for _, r := range old[:max(0, len(old)-int(or(w.spec.RevisionHistoryLimit, 10)))] {
		if *r.Spec.Replicas > 0 || r.Status.Replicas > 0 {
			continue
		}
		w.c.Delete(r)
		for _, run := range w.idle {
			if run.Labels[hashLabel] == r.Labels[hashLabel] {
				w.c.Delete(run)
			}
		}
	}
}
