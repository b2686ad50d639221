package kube

import (
	"fmt"
	"regexp"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// of are the events about the objects of a kind, as a list has them.
func (p *plant) of(kind, reason string) []*corev1.Event {
	return slices.DeleteFunc(All[*corev1.Event](p.Cluster, ""), func(e *corev1.Event) bool {
		return e.InvolvedObject.Kind != kind || e.Reason != reason
	})
}

// TestEvents: what comes again is counted in the event that it came in first, much of
// a kind is put together, and all is forgotten an hour after it came last.
func TestEvents(t *testing.T) {
	p := newPlant(t)
	p.image("cart:2.0.0")
	p.pass(3 * time.Minute)
	again := p.of("Pod", "BackOff")
	if len(again) != 1 || again[0].Count < 3 || !again[0].FirstTimestamp.Before(&again[0].LastTimestamp) {
		t.Errorf("a container that can't start is told of in %+v", again)
	}
	for _, e := range All[*corev1.Event](p.Cluster, "shop") {
		if !regexp.MustCompile(`^cart[-a-z0-9]*\.[0-9a-f]{16}$`).MatchString(e.Name) || e.Generation != 0 {
			t.Errorf("an event is called %s, of generation %d", e.Name, e.Generation)
		}
	}
	for n := range 12 {
		p.Event(p.deployment(), "test", corev1.EventTypeNormal, "Said", fmt.Sprint(n))
	}
	if said := p.of("Deployment", "Said"); len(said) != 10 || said[9].Count != 3 || said[9].Message != "(combined from similar events): 11" {
		t.Errorf("of a dozen of a kind there are %+v", said)
	}
	p.Put(&corev1.Event{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "mine"}, Reason: "Mine"})
	p.mu.Lock()
	p.now = p.now.Add(59 * time.Minute)
	p.mu.Unlock()
	p.pass(time.Second)
	if len(p.of("", "Mine"))+len(p.of("Deployment", "Said")) != 11 {
		t.Error("they are forgotten too soon")
	}
	p.pass(2 * time.Minute)
	if n := len(p.of("", "Mine")) + len(p.of("Deployment", "Said")); n != 0 {
		t.Errorf("%d are never forgotten", n)
	}
	for n := range 3 * mostEvents {
		p.Event(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: fmt.Sprint(n)}}, "test", corev1.EventTypeNormal, "Made", "")
	}
	if n := len(All[*corev1.Event](p.Cluster, "")); n > mostEvents*3/2 {
		t.Errorf("%d are kept", n)
	}
}
