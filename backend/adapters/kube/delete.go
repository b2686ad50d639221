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
	"wheelhouse/backend/kubeapi"
)

// planDelete plans pod.delete.
func (c *Cluster) planDelete(ctx context.Context, ts []kubeapi.Target, args backend.Args) (backend.Plan, error) {
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
	var changes []kubeapi.Change
	for _, t := range ts {
		changes = append(changes, deletion(t, opts, force))
	}
	steps, err := c.Steps(changes)
	return backend.Plan{
		Sentence: fmt.Sprintf("Deletes %s on %s%s.", kubeapi.All(ts), c.Link().Alias(), how),
		Warnings: c.deleteWarnings(ctx, ts, force),
		Steps:    steps,
	}, err
}

// deletion is the deletion of one pod, of this one alone: the server checks
// the UID. Repeating it does no harm.
func deletion(t kubeapi.Target, opts metav1.DeleteOptions, force bool) kubeapi.Change {
	ch := kubeapi.Change{
		Target: t, Verb: "delete",
		Words: "only if uid is " + t.Ref.UID,
		CLI:   []string{"delete", "pod", t.Ref.Name},
		Note:  "accepted; the pod ends within its grace period",
		Guard: kubeapi.Life(t.Obj),
		Facts: kubeapi.Life,
		Body: func(*unstructured.Unstructured) any {
			opts := opts
			opts.TypeMeta = metav1.TypeMeta{Kind: "DeleteOptions", APIVersion: "v1"}
			opts.Preconditions = &metav1.Preconditions{UID: (*types.UID)(&t.Ref.UID)}
			return opts
		},
		Landed: func(before, now *unstructured.Unstructured) kubeapi.Verdict {
			if now == nil || now.GetUID() != before.GetUID() {
				return kubeapi.Done
			}
			if before.GetDeletionTimestamp() == nil && now.GetDeletionTimestamp() != nil && !force {
				return kubeapi.Done
			}
			return kubeapi.NotDone
		},
	}
	switch {
	case force:
		ch.Words = "grace period: 0 s; " + ch.Words
		ch.CLI = append(ch.CLI, "--force", "--grace-period=0")
		ch.Note = "accepted; the server has forgotten the pod"
	case opts.GracePeriodSeconds != nil:
		ch.Words = fmt.Sprintf("grace period: %d s; %s", *opts.GracePeriodSeconds, ch.Words)
		ch.CLI = append(ch.CLI, fmt.Sprintf("--grace-period=%d", *opts.GracePeriodSeconds))
	}
	return ch
}

// deleteWarnings says what is lost with the pods, what brings them back, and
// what a plain deletion goes past.
func (c *Cluster) deleteWarnings(ctx context.Context, ts []kubeapi.Target, force bool) []string {
	near := c.lookAround(ctx, ts, budgets)
	w := kubeapi.Cautions{Of: len(ts)}
	for _, t := range ts {
		var pod corev1.Pod
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(t.Obj.Object, &pod); err != nil {
			w.Say(t, fmt.Sprintf("could not be read whole, so warnings may be missing: %v", err))
			continue
		}
		if pod.DeletionTimestamp != nil {
			w.Say(t, "it is already being deleted")
		}
		w.Say(t, comeback(&pod))
		w.Say(t, localData(&pod))
		w.Say(t, budgetOf(near[t.Ref.Scope], &pod))
		if force && pod.Spec.NodeName != "" {
			w.Say(t, forced(&pod))
		}
	}
	return append(w.Lines(), near.troubles()...)
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
	return "its emptyDir data goes with it: " + kubeapi.Some(names)
}

func forced(pod *corev1.Pod) string {
	s := "it may still run on node " + pod.Spec.NodeName
	if owner := metav1.GetControllerOf(pod); owner != nil && owner.Kind == "StatefulSet" {
		s += ", beside its successor of the same name"
	}
	return s
}
