// Package argo is Argo Rollouts in a cluster of the embedded world: its kinds, and
// what its controller does with them. A canary is as large as its share of the pods,
// as nothing routes traffic here; what its analysis measures is what the world does.
//
// Facts are those of argo-rollouts v1.9 (rollout/canary.go, sync.go, pause.go and
// analysis.go, analysis/analysis.go, utils/replicaset/canary.go).
package argo

import (
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/kube"
)

// Rollout is how a Rollout is kept.
type Rollout = kube.Loose[rolloutName]

// Run is how an AnalysisRun is kept.
type Run = kube.Loose[runName]

// Template is how an AnalysisTemplate is kept.
type Template = kube.Loose[templateName]

// What tells their Go types apart.
type (
	rolloutName  struct{}
	runName      struct{}
	templateName struct{}
)

// ModelName implements kube.Named.
func (rolloutName) ModelName() string { return "io.argoproj.v1alpha1.Rollout" }

// ModelName implements kube.Named.
func (runName) ModelName() string { return "io.argoproj.v1alpha1.AnalysisRun" }

// ModelName implements kube.Named.
func (templateName) ModelName() string { return "io.argoproj.v1alpha1.AnalysisTemplate" }

const from = "rollouts-controller" // whoever writes the events

func version() schema.GroupVersion {
	return schema.GroupVersion{Group: "argoproj.io", Version: "v1alpha1"}
}

// Kinds are what a cluster knows of it.
func Kinds() []kube.Kind {
	return []kube.Kind{
		{
			GroupVersion: version(), Kind: "Rollout", Resource: "rollouts", Short: []string{"ro"}, Namespaced: true, JSON: true, Status: true, Scale: true,
			Object: &Rollout{}, List: &kube.LooseList[rolloutName]{}, Valid: valid,
			Columns: []kube.Column{
				kube.ColumnOf("Desired", func(r *Rollout) any { return r.Spec.Int("replicas") }),
				kube.ColumnOf("Current", func(r *Rollout) any { return r.Status.Int("replicas") }),
				kube.ColumnOf("Up-to-date", func(r *Rollout) any { return r.Status.Int("updatedReplicas") }),
				kube.ColumnOf("Available", func(r *Rollout) any { return r.Status.Int("availableReplicas") }),
			},
		},
		{
			GroupVersion: version(), Kind: "AnalysisRun", Resource: "analysisruns", Short: []string{"ar"}, Namespaced: true, JSON: true,
			Object: &Run{}, List: &kube.LooseList[runName]{},
			Columns: []kube.Column{kube.ColumnOf("Status", func(r *Run) any { return r.Status["phase"] })},
		},
		{
			GroupVersion: version(), Kind: "AnalysisTemplate", Resource: "analysistemplates", Short: []string{"at"}, Namespaced: true, JSON: true,
			Object: &Template{}, List: &kube.LooseList[templateName]{},
		},
	}
}

// Controllers are what acts on them.
func Controllers(w *sandbox.World) []kube.Controller {
	return []kube.Controller{
		{Of: &Rollout{}, Reconcile: func(c *kube.Cluster, namespace, name string) { reconcile(c, w, namespace, name) }},
		{Of: &Run{}, Reconcile: func(c *kube.Cluster, namespace, name string) { measure(c, w, namespace, name) }},
	}
}

// valid refuses what is no rollout, and what would need something that is not here:
// a mesh that routes traffic, experiments, plugins, another workload.
func valid(obj, _ runtime.Object) (errs field.ErrorList) {
	s, at := spec{}, field.NewPath("spec")
	if err := obj.(*Rollout).Spec.Decode(&s); err != nil {
		return append(errs, field.Invalid(at, "", err.Error()))
	}
	const why = "is not installed in this cluster"
	if len(s.WorkloadRef) > 0 {
		errs = append(errs, field.Forbidden(at.Child("workloadRef"), "a rollout has a template of its own in this cluster"))
	}
	if s.Strategy.BlueGreen != nil {
		errs = append(errs, field.Forbidden(at.Child("strategy", "blueGreen"), "services lead to all pods in this cluster"))
	}
	canary := s.Strategy.Canary
	if canary == nil {
		return errs
	}
	at = at.Child("strategy", "canary")
	if len(canary.TrafficRouting) > 0 {
		errs = append(errs, field.Forbidden(at.Child("trafficRouting"), "a router of traffic "+why))
	}
	for i, st := range canary.Steps {
		for name, has := range map[string]bool{"experiment": len(st.Experiment) > 0, "plugin": len(st.Plugin) > 0} {
			if has {
				errs = append(errs, field.Forbidden(at.Child("steps").Index(i).Child(name), name+" "+why))
			}
		}
	}
	return errs
}
