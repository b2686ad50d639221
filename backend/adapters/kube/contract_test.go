package kube

import (
	"errors"
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/link"
)

// What a loss does to a watch does not depend on how the list before was read, and to
// find out that a server is silent takes its time: one world does.
var silenceOnce = backendtest.Without{Case: "survives silence", Why: "workloads by pages show it"}

func TestPodsStreamed(t *testing.T) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[cluster.Pod] { return newWorld(t, true, (*Cluster).Pods, pods) }, silenceOnce)
}

func TestPodsByPages(t *testing.T) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[cluster.Pod] { return newWorld(t, false, (*Cluster).Pods, pods) }, silenceOnce)
}

func TestWorkloadsStreamed(t *testing.T) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[cluster.Workload] {
		return newWorld(t, true, (*Cluster).Workloads, workloads)
	}, silenceOnce)
}

func TestWorkloadsByPages(t *testing.T) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[cluster.Workload] {
		return newWorld(t, false, (*Cluster).Workloads, workloads)
	})
}

func pods(string) string { return "pods" }

// workloads spreads objects over the kinds, by their names.
func workloads(name string) string {
	return []string{"deployments", "statefulsets", "daemonsets"}[int(name[0])%3]
}

// world is a plane at the end of a line, and a cluster that is connected to it.
type world[T backend.Object] struct {
	plane    *plane
	line     *backendtest.Line
	links    *link.Set
	c        *Cluster
	source   func(*Cluster) backend.Source[T]
	resource func(name string) string
}

func newWorld[T backend.Object](t *testing.T, streams bool, source func(*Cluster) backend.Source[T], resource func(string) string) *world[T] {
	t.Helper()
	p := newPlane(t, streams)
	line := backendtest.NewLine(t, p.Listener.Addr().String())
	set := loadLinks(t, "http://"+line.Addr(), link.Options{})
	set.Start()
	c := New(kubeapi.New(set.All()[0]))
	return &world[T]{p, line, set, c, source, resource}
}

func (w *world[T]) Source() backend.Source[T] { return w.source(w.c) }
func (w *world[T]) Scopes() [3]string         { return [3]string{"one", "two", "three"} }
func (w *world[T]) All() backend.Scope        { return backend.Scope{} }
func (w *world[T]) Forget()                   { w.plane.forget() }

func (w *world[T]) Put(scope, name, word string) { w.plane.put(w.resource(name), scope, name, word) }
func (w *world[T]) Remove(scope, name string)    { w.plane.remove(w.resource(name), scope, name) }

func (w *world[T]) Of(row T) backendtest.Object { return backendtest.Shown(row) }

func (w *world[T]) Be(m backendtest.Mood) {
	switch m {
	case backendtest.Closed:
		w.plane.permit([]string{})
	case backendtest.Narrow:
		w.plane.permit([]string{"one"})
	default:
		w.plane.permit(nil)
	}
	if m != backendtest.Silent {
		w.line.Be(m)
		return
	}
	introduced(w.links, w.c.Link()) // or the probe comes only when that has been given up
	w.line.Be(m)
	w.c.Link().Report(errors.New("a request got no answer")) // or it would be looked at a little later
}

// introduced waits until a link knows who it is on its server.
func introduced(links *link.Set, l *link.Link) {
	turned := make(chan struct{}, 1)
	stop := links.Subscribe(func(*link.Link) {
		select {
		case turned <- struct{}{}:
		default:
		}
	})
	defer stop()
	for l.Info().User == "" {
		<-turned
	}
}
