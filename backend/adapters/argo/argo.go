// Package argo is the adapter for Argo Rollouts: how rollouts and their revisions
// become rows, and what promoting, pausing, aborting send. It lives on a cluster;
// how that is spoken to is kubeapi's.
//
// Facts of the wire are those of argo-rollouts v1.9, pkg/kubectl-argo-rollouts/cmd
// and utils/rollout.
package argo

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/kubeapi"
)

// kinds are the resources that are known here.
func kinds() kubeapi.Kinds {
	return kubeapi.Kinds{
		delivery.KindRollout: {
			Word: "rollout", Plural: "rollouts", Scoped: true,
			GVK: schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Rollout"},
		},
		delivery.KindRevision: {
			Word: "replicaset", Plural: "replicasets", Scoped: true,
			GVK: appsv1.SchemeGroupVersion.WithKind("ReplicaSet"),
		},
	}
}

// Rollouts is one cluster's part of them. Safe for concurrent use.
type Rollouts struct {
	*kubeapi.Client
	kubeapi.Actor
	kubeapi.Faces
}

var (
	_ backend.Actor   = (*Rollouts)(nil)
	_ backend.Details = (*Rollouts)(nil)
)

// New makes the adapter for the cluster behind a client.
func New(api *kubeapi.Client) *Rollouts {
	r := &Rollouts{Client: api}
	r.Actor = kubeapi.Actor{Client: api, Verbs: kubeapi.Verbs{Actions: delivery.Actions(), Kinds: kinds(), Needs: needed, Plan: r.plan}}
	r.Faces = kubeapi.Faces{Client: api, Kinds: kinds(), Lines: r.lines}
	return r
}

// Rollouts is the source of rollouts.
func (r *Rollouts) Rollouts() backend.Source[delivery.Rollout] {
	return kubeapi.Source(r.Client, kubeapi.Collection[delivery.Rollout]{Res: kinds()[delivery.KindRollout], JSON: true, Row: rolloutRow})
}

// hashLabel is on every replica set of a rollout, and on its pods.
const hashLabel = "rollouts-pod-template-hash"

// Revisions is the source of the rollouts' revisions: their replica sets.
func (r *Rollouts) Revisions() backend.Source[delivery.Revision] {
	return kubeapi.Source(r.Client, kubeapi.Collection[delivery.Revision]{Res: kinds()[delivery.KindRevision], Labels: hashLabel, Row: revisionRow})
}

// lines says of a rollout where it stands and what its revisions are.
func (r *Rollouts) lines(ctx context.Context, ref backend.Ref) func(*kubeapi.Summary, *unstructured.Unstructured) error {
	if ref.Kind != delivery.KindRollout {
		return nil
	}
	sets, noSets := r.revisions(ctx, ref.Scope)
	return func(s *kubeapi.Summary, obj *unstructured.Unstructured) error {
		raw, err := obj.MarshalJSON()
		if err != nil {
			return fmt.Errorf("read rollout: %w", err)
		}
		o, err := parse(raw)
		if err != nil {
			return err
		}
		row := o.row(ref.Link)
		progressLines(s, row, o)
		if noSets != nil {
			s.Add(backend.Idle, "revisions", kubeapi.WhyNot(noSets))
		}
		for _, set := range sets {
			if metav1.IsControlledBy(&set, obj) {
				revisionLine(s, row, &set)
			}
		}
		s.Add(verdictLevel(row.Verdict), "analysis", kubeapi.Join(": ", row.Verdict, o.analysis().Message))
		if row.Level == backend.Critical { // of one that is well many are false: not complete yet, not healthy yet
			s.Conditions(obj)
		}
		return nil
	}
}

// progressLines says how far it has come, a line for each step.
func progressLines(s *kubeapi.Summary, row delivery.Rollout, o *rollout) {
	s.Add(row.Level, "state", kubeapi.Join(": ", row.State, row.Detail))
	if row.Paused != 0 {
		s.Add(backend.Waiting, "waits", kubeapi.Since(time.Unix(row.Paused, 0)))
	}
	s.Add(backend.None, "strategy", row.Strategy)
	for i, step := range o.stepWords() {
		label := ""
		if i == 0 {
			label = "steps"
		}
		s.Add(stepLevel(i, row), label, step)
	}
	if row.Weight >= 0 {
		s.Add(backend.None, "weight", fmt.Sprintf("%d %%", row.Weight))
	}
}

// revisionLine says what runs of a revision; old ones without pods are left out.
func revisionLine(s *kubeapi.Summary, row delivery.Rollout, set *appsv1.ReplicaSet) {
	hash, label, desired := set.Labels[hashLabel], "old", int32(1)
	if set.Spec.Replicas != nil {
		desired = *set.Spec.Replicas
	}
	switch {
	case hash == row.Stable:
		label = "stable"
	case hash == row.Current:
		label = "new"
	case desired == 0:
		return
	}
	level, image := backend.Good, ""
	if set.Status.ReadyReplicas < desired {
		level = backend.Moving
	}
	if c := set.Spec.Template.Spec.Containers; len(c) > 0 {
		image = c[0].Image
	}
	s.Add(level, label, fmt.Sprintf("%s  %d/%d  %s", image, set.Status.ReadyReplicas, desired, hash))
}

func stepLevel(i int, r delivery.Rollout) backend.Level {
	switch {
	case r.Aborted: // it is at no step
		return backend.Idle
	case i < int(r.Step):
		return backend.Good
	case i > int(r.Step):
		return backend.Idle
	case r.Paused != 0:
		return backend.Waiting
	}
	return backend.Moving
}

func (r *Rollouts) revisions(ctx context.Context, namespace string) ([]appsv1.ReplicaSet, error) {
	client, err := r.Typed()
	if err != nil {
		return nil, err
	}
	list, err := client.AppsV1().ReplicaSets(namespace).List(ctx, metav1.ListOptions{LabelSelector: hashLabel, Limit: 500})
	if err != nil {
		return nil, fmt.Errorf("list replica sets: %w", err)
	}
	return list.Items, nil
}
