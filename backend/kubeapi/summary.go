package kubeapi

import (
	"cmp"
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
)

const (
	eventsRead  = 100             // events of an object that are read
	eventsShown = 5               // of them, the newest
	glance      = 2 * time.Second // that a look at what is only a help may take
)

// summarise is the lines beside a list: what an engineer wants to know of the
// object first. All that it takes is asked for at once.
func (f *Faces) summarise(ctx context.Context, res Resource, r backend.Ref) ([]backend.Line, error) {
	var obj *unstructured.Unstructured
	var news []corev1.Event
	var noNews error
	var add func(*Summary, *unstructured.Unstructured) error
	g, ctx := errgroup.WithContext(ctx)
	ask := func(what func() error) {
		g.Go(func() (err error) {
			defer backend.Caught(&err)
			return what()
		})
	}
	ask(func() (err error) { obj, err = f.Read(ctx, res, r); return err })
	ask(func() error { news, noNews = f.events(ctx, res, r); return nil })
	ask(func() error { add = f.Lines(ctx, r); return nil })
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var s Summary
	if add == nil {
		s.Add(backend.None, "kind", obj.GetAPIVersion()+" "+obj.GetKind())
		s.Conditions(obj)
	} else if err := add(&s, obj); err != nil {
		return nil, f.Refused("summarise "+res.Word, res, r, res.May("get", ""), err)
	}
	s.Add(backend.None, "managed", Delivery(obj))
	s.Add(backend.None, "age", Since(obj.GetCreationTimestamp().Time))
	s.news(obj.GetUID(), news, noNews)
	return s.Lines, nil
}

// Conditions adds the conditions that are not as they should be. Nearly all are
// good when true; those that are good when false say so by their names.
func (s *Summary) Conditions(obj *unstructured.Unstructured) {
	list, _, _ := unstructured.NestedSlice(obj.Object, "status", "conditions")
	for _, item := range list {
		m, _ := item.(map[string]any)
		field := func(name string) string { v, _ := m[name].(string); return v }
		kind := field("type")
		good := "True"
		for _, bad := range []string{"Failure", "Failed", "Pressure", "Unavailable", "Stalled", "Deletion", "Paused"} {
			if strings.Contains(kind, bad) {
				good = "False"
			}
		}
		if field("status") == good {
			continue
		}
		s.Add(backend.Warning, "condition", Join(": ", kind+"="+field("status"), Join(" ", field("reason"), field("message"))))
	}
}

// events reads the events of the object, or, while its UID is unknown, of all
// that have had its name.
func (c *Client) events(ctx context.Context, res Resource, r backend.Ref) ([]corev1.Event, error) {
	client, err := c.Typed()
	if err != nil {
		return nil, err
	}
	of := fields.OneTermEqualSelector("involvedObject.uid", r.UID)
	if r.UID == "" {
		of = fields.SelectorFromSet(fields.Set{"involvedObject.name": r.Name, "involvedObject.kind": res.GVK.Kind})
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
func (s *Summary) news(uid types.UID, all []corev1.Event, err error) {
	if err != nil {
		s.Add(backend.Idle, "events", WhyNot(err))
		return
	}
	all = slices.DeleteFunc(all, func(e corev1.Event) bool { return e.InvolvedObject.UID != uid })
	slices.SortFunc(all, func(a, b corev1.Event) int { // times are whole seconds; what was written later came later
		return cmp.Or(seen(&b).Compare(seen(&a)), cmp.Compare(len(b.ResourceVersion), len(a.ResourceVersion)), strings.Compare(b.ResourceVersion, a.ResourceVersion))
	})
	for _, e := range all[:min(eventsShown, len(all))] {
		level, times := backend.None, ""
		if e.Type == corev1.EventTypeWarning {
			level = backend.Warning
		}
		if n := count(&e); n > 1 {
			times = fmt.Sprintf(" ×%d", n)
		}
		s.Add(level, Since(seen(&e)), fmt.Sprintf("%s%s %s", e.Reason, times, strings.TrimSpace(e.Message)))
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

// OwnedBy adds the controller that the object is part of.
func (s *Summary) OwnedBy(obj *unstructured.Unstructured) {
	if o := metav1.GetControllerOf(obj); o != nil {
		s.Add(backend.None, "owner", strings.ToLower(o.Kind)+" "+o.Name)
	}
}

// Join joins what is not empty.
func Join(sep string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(p string) bool { return p == "" }), sep)
}
