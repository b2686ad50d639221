package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/types"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

const (
	eventsRead  = 100 // events of an object that are read
	eventsShown = 5   // of them, the newest
)

// summarise is the lines beside a list: what an engineer wants to know of the
// object first. All that it takes is asked for at once.
func (c *Cluster) summarise(ctx context.Context, res resource, r backend.Ref) ([]backend.Line, error) {
	var obj *unstructured.Unstructured
	var news []corev1.Event
	var near neighbourhoods
	var quotas []backend.Line
	var noNews error
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { obj, err = c.read(ctx, res, r); return err })
	g.Go(func() error { news, noNews = c.events(ctx, res, r); return nil })
	switch r.Kind {
	case cluster.KindDeployment, cluster.KindStatefulSet:
		g.Go(func() error { near = c.lookAround(ctx, []target{{ref: r, res: res}}, autoscalers); return nil })
	case cluster.KindNamespace:
		g.Go(func() error { quotas = c.quotas(ctx, r.Name); return nil })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var s summary
	var err error
	switch r.Kind {
	case cluster.KindPod:
		err = s.pod(obj)
	case cluster.KindDeployment, cluster.KindStatefulSet, cluster.KindDaemonSet:
		err = s.workload(obj)
		s.autoscaler(near[r.Scope], obj)
	case cluster.KindNamespace:
		err = s.namespace(obj)
		s.lines = append(s.lines, quotas...)
	default:
		s.add(backend.None, "kind", obj.GetAPIVersion()+" "+obj.GetKind())
		s.conditions(obj)
	}
	if err != nil {
		return nil, c.refused("summarise "+res.word, res, r, res.may("get", ""), err)
	}
	s.add(backend.None, "managed", delivery(obj))
	s.add(backend.None, "age", since(obj.GetCreationTimestamp().Time))
	s.news(obj.GetUID(), news, noNews)
	return s.lines, nil
}

// conditions adds the conditions that are not as they should be. Nearly all are
// good when true; those that are good when false say so by their names.
func (s *summary) conditions(obj *unstructured.Unstructured) {
	list, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
	for _, item := range list {
		m, _ := item.(map[string]any)
		field := func(name string) string { v, _ := m[name].(string); return v }
		kind := field("type")
		good := "True"
		for _, bad := range []string{"Failure", "Failed", "Pressure", "Unavailable", "Stalled", "Deletion"} {
			if strings.Contains(kind, bad) {
				good = "False"
			}
		}
		if field("status") == good {
			continue
		}
		s.add(backend.Warning, "condition", join(": ", kind+"="+field("status"), join(" ", field("reason"), field("message"))))
	}
}

// events reads the events of the object, or, while its UID is unknown, of all
// that have had its name.
func (c *Cluster) events(ctx context.Context, res resource, r backend.Ref) ([]corev1.Event, error) {
	client, err := c.Client()
	if err != nil {
		return nil, err
	}
	of := fields.OneTermEqualSelector("involvedObject.uid", r.UID)
	if r.UID == "" {
		of = fields.SelectorFromSet(fields.Set{"involvedObject.name": r.Name, "involvedObject.kind": res.gvk.Kind})
	}
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	list, err := client.CoreV1().Events(r.Scope).List(ctx, metav1.ListOptions{FieldSelector: of.String(), Limit: eventsRead})
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return list.Items, nil
}

// news adds the newest events of the object, or why there are none to be had.
func (s *summary) news(uid types.UID, all []corev1.Event, err error) {
	if err != nil {
		s.add(backend.Idle, "events", whyNot(err))
		return
	}
	all = slices.DeleteFunc(all, func(e corev1.Event) bool { return e.InvolvedObject.UID != uid })
	slices.SortFunc(all, func(a, b corev1.Event) int { return seen(&b).Compare(seen(&a)) })
	for _, e := range all[:min(eventsShown, len(all))] {
		level, times := backend.None, ""
		if e.Type == corev1.EventTypeWarning {
			level = backend.Warning
		}
		if n := count(&e); n > 1 {
			times = fmt.Sprintf(" ×%d", n)
		}
		s.add(level, since(seen(&e)), fmt.Sprintf("%s%s %s", e.Reason, times, strings.TrimSpace(e.Message)))
	}
}

// seen is when an event was last seen: old and new writers fill in different
// fields (Kubernetes API reference, Event).
func seen(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
}

func count(e *corev1.Event) int32 {
	if e.Series != nil {
		return e.Series.Count
	}
	return e.Count
}

// owner adds the controller that the object is part of.
func (s *summary) owner(obj *unstructured.Unstructured) {
	if o := metav1.GetControllerOf(obj); o != nil {
		s.add(backend.None, "owner", strings.ToLower(o.Kind)+" "+o.Name)
	}
}

// join joins what is not empty.
func join(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), sep)
}
