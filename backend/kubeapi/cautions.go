package kubeapi

import (
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
)

// maxNamed is how many objects one warning names.
const maxNamed = 3

// OwnedBy says whose part the workload is.
func OwnedBy(o *unstructured.Unstructured) string {
	owner := metav1.GetControllerOf(o)
	if owner == nil {
		return ""
	}
	return fmt.Sprintf("%s %s owns it and may undo this", strings.ToLower(owner.Kind), owner.Name)
}

// ManagedBy says which delivery tool keeps the workload as it is written
// elsewhere, by the marks that the tools leave on what they apply: Argo CD
// (docs, "Resource Tracking"), Flux (kustomize- and helm-controller), Helm.
func ManagedBy(o *unstructured.Unstructured) string {
	if tool := Delivery(o); tool != "" {
		return tool + " manages it and may undo this"
	}
	return ""
}

// Delivery names the tool that applies the object; empty when none is known.
func Delivery(o *unstructured.Unstructured) string {
	l, a := o.GetLabels(), o.GetAnnotations()
	if app, _, _ := strings.Cut(a["argocd.argoproj.io/tracking-id"], ":"); app != "" {
		return "Argo CD app " + app
	}
	if app := l["argocd.argoproj.io/instance"]; app != "" {
		return "Argo CD app " + app
	}
	for _, kind := range []string{"kustomize", "helm"} {
		if name := l[kind+".toolkit.fluxcd.io/name"]; name != "" {
			return "Flux " + kind + " " + l[kind+".toolkit.fluxcd.io/namespace"] + "/" + name
		}
	}
	if name := a["meta.helm.sh/release-name"]; name != "" {
		return "Helm release " + name
	}
	if l["app.kubernetes.io/managed-by"] == "Helm" {
		return "Helm"
	}
	return ""
}

// Cautions gathers warnings about targets: what is true of several is said
// once.
type Cautions struct {
	Of    int // how many targets there are
	order []string
	on    map[string][]string // names by what is said of them
}

// Say adds what is said of t; empty adds nothing.
func (w *Cautions) Say(t Target, what string) {
	if what == "" {
		return
	}
	if w.on == nil {
		w.on = map[string][]string{}
	}
	if w.on[what] == nil {
		w.order = append(w.order, what)
	}
	w.on[what] = append(w.on[what], t.Ref.Name)
}

// Lines is the warnings; with several targets each names those that it is about.
func (w *Cautions) Lines() []string {
	var out []string
	for _, what := range w.order {
		if w.Of > 1 {
			what = Some(w.on[what]) + ": " + what
		}
		out = append(out, backend.T(what).Safe())
	}
	return out
}

// Some is the first of names, and how many more there are.
func Some(names []string) string {
	if len(names) <= maxNamed {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:maxNamed], ", "), len(names)-maxNamed)
}
