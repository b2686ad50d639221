package kube

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

const (
	eventsRead  = 100 // events of an object that are read
	eventsShown = 5   // of them, the newest
)

// summarize is the lines beside a list: what an engineer wants to know of the
// object first.
func (c *Cluster) summarize(ctx context.Context, res resource, r backend.Ref) ([]backend.Line, error) {
	obj, err := c.read(ctx, res, r)
	if err != nil {
		return nil, err
	}
	r.UID = string(obj.GetUID())
	var s summary
	switch r.Kind {
	case cluster.KindPod:
		err = s.pod(obj)
	case cluster.KindDeployment, cluster.KindStatefulSet, cluster.KindDaemonSet:
		err = s.workload(obj)
		near := c.lookAround(ctx, []target{{ref: r, res: res, obj: obj}}, autoscalers)
		s.autoscaler(near[r.Scope], obj)
	case cluster.KindNamespace:
		err = s.namespace(obj)
		c.quotas(ctx, &s, r.Name)
	default:
		s.add(backend.None, "kind", obj.GetAPIVersion()+" "+obj.GetKind())
		s.conditions(obj)
	}
	if err != nil {
		return nil, c.refused("summarize "+res.word, res, r, res.may("get", ""), err)
	}
	s.add(backend.None, "managed", delivery(obj))
	s.add(backend.None, "age", since(obj.GetCreationTimestamp().Time))
	c.events(ctx, &s, r)
	return s.lines, ctx.Err()
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

// events adds the newest events of the object.
func (c *Cluster) events(ctx context.Context, s *summary, r backend.Ref) {
	client, err := c.Client()
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	list, err := client.CoreV1().Events(r.Scope).List(ctx, metav1.ListOptions{
		FieldSelector: fields.OneTermEqualSelector("involvedObject.uid", r.UID).String(),
		Limit:         eventsRead,
	})
	if err != nil {
		s.add(backend.Idle, "events", "not to be had: "+quote(cause(err)))
		return
	}
	slices.SortFunc(list.Items, func(a, b corev1.Event) int { return cmp.Compare(seen(&b).UnixNano(), seen(&a).UnixNano()) })
	for _, e := range list.Items[:min(eventsShown, len(list.Items))] {
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
