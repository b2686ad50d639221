package kube

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"
	recordutil "k8s.io/client-go/tools/record/util"

	"wheelhouse/backend/sandbox"
)

const (
	eventsFor  = time.Hour   // after it was last written an event is forgotten
	eventsLook = time.Minute // between two looks at which are to be
	mostEvents = 2000        // are kept of a cluster; of a real one as many as there are in that time
)

// chronicle writes down what has happened, as the recorder of a controller does: the
// same again is only counted, much that differs only in its words is put together, and
// what comes too often about one object is left out.
type chronicle struct {
	*record.EventCorrelator
	moments *moments
	swept   time.Time
	newest  int // events that have come since
}

func newChronicle(w *sandbox.World) *chronicle {
	m := &moments{world: w}
	return &chronicle{EventCorrelator: record.NewEventCorrelatorWithOptions(record.CorrelatorOptions{Clock: m, LRUCacheSize: mostEvents}), moments: m}
}

// moments is the time of a world, as client-go asks for it. No moment comes twice: an
// event is named by when it was, and they are read in the order of their names.
type moments struct {
	world *sandbox.World
	mu    sync.Mutex
	last  time.Time
}

// Now implements clock.PassiveClock.
func (m *moments) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := m.world.Now(); now.After(m.last) {
		m.last = now
	} else {
		m.last = m.last.Add(1)
	}
	return m.last
}

// Since implements clock.PassiveClock.
func (m *moments) Since(t time.Time) time.Duration { return m.world.Now().Sub(t) }

// Event writes down that something has happened to an object.
func (c *Cluster) Event(about runtime.Object, from, kind, reason, message string) {
	c.record(c.event(about, corev1.EventSource{Component: from}, kind, reason, message))
}

// event is one that the recorder of a component writes.
func (c *Cluster) event(about runtime.Object, from corev1.EventSource, kind, reason, message string) *corev1.Event {
	m, k, now := metaOf(about), c.kindOf(about), c.chronicle.moments.Now()
	at := metav1.NewTime(now)
	return &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Namespace: cmp.Or(m.GetNamespace(), metav1.NamespaceDefault), Name: recordutil.GenerateEventName(m.GetName(), now.UnixNano())},
		InvolvedObject: corev1.ObjectReference{
			APIVersion: k.GroupVersion.String(), Kind: k.Kind, Namespace: m.GetNamespace(), Name: m.GetName(), UID: m.GetUID(), ResourceVersion: m.GetResourceVersion(),
		},
		Type: kind, Reason: reason, Message: message, Count: 1, FirstTimestamp: at, LastTimestamp: at,
		Source: from, ReportingController: from.Component, ReportingInstance: from.Host,
	}
}

// record writes an event, or one more into that which says the same.
func (c *Cluster) record(e *corev1.Event) {
	seen, err := c.chronicle.EventCorrelate(e)
	if err != nil || seen.Skip {
		return
	}
	e = seen.Event
	if Get[*corev1.Event](c, e.Namespace, e.Name) == nil {
		c.write(e)
	} else {
		Change(c, e.Namespace, e.Name, func(known *corev1.Event) {
			known.Count, known.LastTimestamp, known.Message = e.Count, e.LastTimestamp, e.Message
		})
	}
	c.chronicle.UpdateState(e)
}

func (c *Cluster) write(e *corev1.Event) {
	e.ResourceVersion = ""
	c.Put(e)
	if c.chronicle.newest++; c.chronicle.newest > mostEvents/2 {
		c.sweep()
	}
}

// kubeletEvent is one of a pod's node about one of the pod's containers.
func (c *Cluster) kubeletEvent(p *corev1.Pod, one *corev1.Container, kind, reason, message string) {
	e := c.event(p, corev1.EventSource{Component: "kubelet", Host: p.Spec.NodeName}, kind, reason, message)
	e.InvolvedObject.FieldPath = fmt.Sprintf("spec.containers{%s}", one.Name)
	c.record(e)
}

// schedulerEvent is one of the scheduler, whose recorder is of a newer kind: it counts
// nothing and says what was being done.
func (c *Cluster) schedulerEvent(p *corev1.Pod, kind, reason, action, message string) {
	e := c.event(p, corev1.EventSource{}, kind, reason, message)
	e.EventTime, e.Action = metav1.NewMicroTime(e.FirstTimestamp.Time), action
	e.ReportingController, e.ReportingInstance = corev1.DefaultSchedulerName, corev1.DefaultSchedulerName+"-"+c.o.Name
	e.Count, e.FirstTimestamp, e.LastTimestamp = 0, metav1.Time{}, metav1.Time{}
	c.write(e)
}

// sweep forgets the events that are over, and the oldest ones beyond those that are
// kept.
func (c *Cluster) sweep() {
	now := c.world.Now()
	c.chronicle.swept, c.chronicle.newest = now, 0
	all := All[*corev1.Event](c, "")
	slices.SortStableFunc(all, func(a, b *corev1.Event) int { return written(a).Compare(written(b)) })
	for i, e := range all {
		if now.Sub(written(e)) < eventsFor && len(all)-i <= mostEvents {
			return
		}
		c.Remove(e)
	}
}

// written is when an event was last written.
func written(e *corev1.Event) time.Time {
	if e.LastTimestamp.After(e.CreationTimestamp.Time) {
		return e.LastTimestamp.Time
	}
	return e.CreationTimestamp.Time
}
