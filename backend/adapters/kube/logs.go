package kube

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
)

// mostLogs is how many containers are read at once for one query: each is a
// connection.
const mostLogs = 50

// logKinds are what has a log: pods, and what keeps pods by a selector.
func logKinds() kubeapi.Kinds {
	all := kinds()
	delete(all, cluster.KindNamespace)
	all["replicaset.apps"] = kubeapi.Resource{
		Word: "replicaset", Plural: "replicasets", Scoped: true, GVK: schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "ReplicaSet"},
	}
	all["rollout.argoproj.io"] = kubeapi.Resource{
		Word: "rollout", Plural: "rollouts", Scoped: true, GVK: schema.GroupVersionKind{Group: "argoproj.io", Version: "v1alpha1", Kind: "Rollout"},
	}
	return all
}

// Logged are the kinds whose logs can be read.
func Logged() (kinds []string) {
	for kind := range logKinds() {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

var _ backend.Lines = (*Cluster)(nil)

// Tail implements backend.Lines. Of a pod, Sub is the container; of any other ref
// it is all containers of all pods that its selector finds, as they come and go.
func (c *Cluster) Tail(ctx context.Context, q backend.LogQuery, sink backend.LineSink) error {
	if err := checkLogs(q); err != nil {
		return err
	}
	slots := make(chan struct{}, mostLogs)
	errs := make([]error, len(q.Of))
	var all sync.WaitGroup
	for i, ref := range q.Of {
		all.Go(func() {
			defer backend.Caught(&errs[i])
			errs[i] = newCrew(c, q, ref, sink, slots).follow(ctx)
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(errs...)
}

// checkLogs says what is wrong with a query.
func checkLogs(q backend.LogQuery) error {
	refused := func(format string, args ...any) error {
		return &backend.Error{Code: backend.Invalid, Op: "read log", Human: backend.T(fmt.Sprintf(format, args...)).Safe()}
	}
	known := logKinds()
	switch i := slices.IndexFunc(q.Of, func(r backend.Ref) bool { return known[r.Kind].Plural == "" || r.Name == "" || r.Scope == "" }); {
	case len(q.Of) == 0:
		return refused("Whose log? Name a pod or a workload.")
	case i >= 0:
		return refused("%s has no log. Pods have, and what keeps pods.", q.Of[i])
	case q.Match != "":
		return refused("A cluster does not sift the logs of its pods; take %q off, / searches in what has come.", "-q "+q.Match)
	}
	return nil
}

// A selection is which pods a log is of.
type selection struct{ labels, fields string }

// selected asks for the pods of a ref.
func (c *Cluster) selected(ctx context.Context, ref backend.Ref) (selection, error) {
	if ref.Kind == cluster.KindPod {
		return selection{fields: "metadata.name=" + ref.Name}, nil
	}
	res := logKinds()[ref.Kind]
	obj, err := c.Read(ctx, res, ref)
	if err != nil {
		return selection{}, err
	}
	labels, err := selectorOf(obj)
	if err != nil {
		human := fmt.Sprintf("%s does not say which pods are its own: %v. Read the log of a pod instead.", kubeapi.Upper(res.Named(ref)), err)
		return selection{}, &backend.Error{Code: backend.Invalid, Op: "read log", Ref: ref, Human: backend.T(human).Safe(), Err: err}
	}
	return selection{labels: labels}, nil
}

// selectorOf is the selector as a request says it. A rollout of another workload's
// pods has it in its status alone.
func selectorOf(obj *unstructured.Unstructured) (string, error) {
	spec, found, err := unstructured.NestedMap(obj.Object, "spec", "selector")
	if err != nil {
		return "", err
	}
	if !found {
		if s, _, _ := unstructured.NestedString(obj.Object, "status", "selector"); s != "" {
			return s, nil
		}
		return "", errors.New("it has no selector")
	}
	var selector metav1.LabelSelector
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(spec, &selector); err != nil {
		return "", fmt.Errorf("read its selector: %w", err)
	}
	by, err := metav1.LabelSelectorAsSelector(&selector)
	if err != nil {
		return "", fmt.Errorf("read its selector: %w", err)
	}
	if by.Empty() {
		return "", errors.New("its selector is empty")
	}
	return by.String(), nil
}

// logHealth is the health that an error of a log is told as.
func logHealth(err error, had bool) backend.Health {
	h := backend.Health{State: backend.Down, Since: time.Now(), Reason: backend.T(err.Error())}
	switch code := backend.CodeOf(err); {
	case code == backend.Denied, code == backend.Expired:
		h.State = backend.Forbidden
	case had:
		h.State = backend.Stale
	}
	return h
}
