package kube

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// planDelete plans pod.delete.
func (c *Cluster) planDelete(ctx context.Context, ts []target, args backend.Args) (backend.Plan, error) {
	grace, given := args.Int("grace")
	force := args.Bool("force")
	if force && given {
		return backend.Plan{}, &backend.Error{
			Code: backend.Invalid, Op: cluster.PodDelete,
			Human: "A forced delete waits for nothing: leave grace out, or force.",
		}
	}
	opts := metav1.DeleteOptions{}
	how := ""
	switch {
	case force:
		opts.GracePeriodSeconds = new(int64)
		how = " by force"
	case given:
		opts.GracePeriodSeconds = &grace
		how = fmt.Sprintf(" with a grace period of %s", time.Duration(grace)*time.Second)
	}
	var changes []change
	for _, t := range ts {
		changes = append(changes, deletion(t, opts, force))
	}
	steps, err := c.steps(changes)
	return backend.Plan{
		Sentence: fmt.Sprintf("Deletes %s on %s%s.", all(ts), c.link.Alias(), how),
		Warnings: c.deleteWarnings(ctx, ts, force),
		Steps:    steps,
	}, err
}

// deletion is the deletion of one pod, of this one alone: the server checks
// the UID. Repeating it does no harm.
func deletion(t target, opts metav1.DeleteOptions, force bool) change {
	ch := change{
		target: t, verb: "delete",
		words: "only if uid is " + t.ref.UID,
		cli:   []string{"delete", "pod", t.ref.Name},
		note:  "accepted; the pod ends within its grace period",
		guard: lifeOf(t.obj),
		facts: lifeOf,
		body: func(*unstructured.Unstructured) any {
			opts := opts
			opts.TypeMeta = metav1.TypeMeta{Kind: "DeleteOptions", APIVersion: "v1"}
			opts.Preconditions = &metav1.Preconditions{UID: (*types.UID)(&t.ref.UID)}
			return opts
		},
		landed: func(before, now *unstructured.Unstructured) verdict {
			if now == nil || now.GetUID() != before.GetUID() {
				return done
			}
			if before.GetDeletionTimestamp() == nil && now.GetDeletionTimestamp() != nil && !force {
				return done
			}
			return notDone
		},
	}
	switch {
	case force:
		ch.words = "grace period: 0 s; " + ch.words
		ch.cli = append(ch.cli, "--force", "--grace-period=0")
		ch.note = "accepted; the server has forgotten the pod"
	case opts.GracePeriodSeconds != nil:
		ch.words = fmt.Sprintf("grace period: %d s; %s", *opts.GracePeriodSeconds, ch.words)
		ch.cli = append(ch.cli, fmt.Sprintf("--grace-period=%d", *opts.GracePeriodSeconds))
	}
	return ch
}

// lifeOf is the facts that every guard begins with.
func lifeOf(o *unstructured.Unstructured) backend.Facts {
	deleting := "no"
	if o.GetDeletionTimestamp() != nil {
		deleting = "yes"
	}
	return backend.Facts{{Name: "uid", Value: string(o.GetUID())}, {Name: "being deleted", Value: deleting}}
}

// deleteWarnings says what is lost with the pods, what brings them back, and
// what a plain deletion goes past.
func (c *Cluster) deleteWarnings(ctx context.Context, ts []target, force bool) []string {
	near := c.lookAround(ctx, ts, budgets)
	w := cautions{of: len(ts)}
	for _, t := range ts {
		var pod corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(t.obj.Object, &pod); err != nil {
			w.say(t, fmt.Sprintf("could not be read whole, so warnings may be missing: %v", err))
			continue
		}
		if pod.DeletionTimestamp != nil {
			w.say(t, "it is already being deleted")
		}
		w.say(t, comeback(&pod))
		w.say(t, localData(&pod))
		w.say(t, budgetOf(near[t.ref.Scope], &pod))
		if force && pod.Spec.NodeName != "" {
			w.say(t, forced(&pod))
		}
	}
	return append(w.lines(), near.troubles()...)
}

// comeback says who makes the pod anew.
func comeback(pod *corev1.Pod) string {
	if _, mirror := pod.Annotations[corev1.MirrorPodAnnotationKey]; mirror {
		return "the kubelet of " + pod.Spec.NodeName + " brings it back: a file on the node makes it"
	}
	owner := metav1.GetControllerOf(pod)
	if owner == nil {
		return "nothing makes it anew: it is gone for good"
	}
	who := strings.ToLower(owner.Kind) + " " + owner.Name
	switch owner.Kind {
	case "StatefulSet":
		return who + " makes it anew under the same name"
	case "DaemonSet":
		return who + " makes another on the same node"
	case "ReplicaSet", "ReplicationController":
		return who + " makes another"
	}
	return who + " owns it and may make another"
}

// localData names what goes with the pod.
func localData(pod *corev1.Pod) string {
	var names []string
	for _, v := range pod.Spec.Volumes {
		if v.EmptyDir != nil {
			names = append(names, v.Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "its emptyDir data goes with it: " + some(names)
}

func forced(pod *corev1.Pod) string {
	s := "it may still run on node " + pod.Spec.NodeName
	if owner := metav1.GetControllerOf(pod); owner != nil && owner.Kind == "StatefulSet" {
		s += ", beside its successor of the same name"
	}
	return s
}
