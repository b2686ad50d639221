package kube

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
)

// A crew is everybody who writes into the log of one ref: the containers of a pod,
// or of all pods of a workload. It watches the pods, as any feed of them does, has
// a logStream read each container, and tells how all of that is.
type crew struct {
	c     *Cluster
	q     backend.LogQuery
	ref   backend.Ref
	sink  backend.LineSink
	slots chan struct{} // one for each container that is read; shared with other crews
	all   sync.WaitGroup

	mu      sync.Mutex
	ctx     context.Context // of what reads
	turned  chan struct{}   // closed and replaced at each change of pods
	synced  bool            // pods are those that there are
	begun   bool            // those who were there at the beginning are read
	seen    bool            // there was a pod
	pods    map[string]logPod
	streams map[string]*logStream // by pod's UID and container
	watch   backend.Health        // of the watch of pods
	told    backend.Health
	err     error  // why it ended
	end     func() // ends ctx
}

func newCrew(c *Cluster, q backend.LogQuery, ref backend.Ref, sink backend.LineSink, slots chan struct{}) *crew {
	return &crew{
		c: c, q: q, ref: ref, sink: sink, slots: slots,
		turned: make(chan struct{}), pods: map[string]logPod{}, streams: map[string]*logStream{},
	}
}

// follow reads until ctx ends, or nothing more can come, which is nil.
func (w *crew) follow(ctx context.Context) error {
	which, err := w.find(ctx)
	if err != nil {
		return err
	}
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	w.ctx, w.end = inner, cancel
	pods := kubeapi.Source(w.c.Client, kubeapi.Collection[logPod]{Res: kinds()[cluster.KindPod], Labels: which.labels, Fields: which.fields, Row: logPodRow})
	_ = pods.Watch(inner, backend.Scope{Namespaces: []string{w.ref.Scope}}, podsOf{w}) // it returns when inner has ended
	w.all.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// find finds out which pods they are, however long that takes.
func (w *crew) find(ctx context.Context) (selection, error) {
	wait := w.c.BackOff()
	for {
		epoch, err := w.c.Link().Await(ctx, func(h backend.Health) { w.sink.Health(w.ref, h) })
		if err != nil {
			return selection{}, err
		}
		which, err := w.c.selected(epoch, w.ref)
		if code := backend.CodeOf(err); err == nil || code == backend.NotFound || code == backend.Invalid {
			return which, err
		}
		w.sink.Health(w.ref, logHealth(err, false))
		if !rest(ctx, again(err, wait.NextBackOff())) {
			return selection{}, ctx.Err()
		}
	}
}

// again is how long to wait: what only people can mend is asked for seldom.
func again(err error, soon time.Duration) time.Duration {
	if code := backend.CodeOf(err); code == backend.Denied || code == backend.Expired {
		return 15 * time.Second
	}
	return soon
}

func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// podsOf is the crew as the sink of its pods.
type podsOf struct{ *crew }

// Begin implements backend.Sink.
func (w podsOf) Begin(backend.Part) backend.Load[logPod] {
	return &podLoad{podsOf: w, seen: map[string]bool{}}
}

// Health implements backend.Sink.
func (w podsOf) Health(_ backend.Part, h backend.Health) {
	w.change(func() { w.watch = h })
}

// End implements backend.Sink: who may not see the pods any more may still read.
func (w podsOf) End(backend.Part) {}

// podLoad is one load of pods.
type podLoad struct {
	podsOf
	seen   map[string]bool
	synced bool
}

// Put implements backend.Load.
func (l *podLoad) Put(pods ...logPod) {
	l.change(func() {
		for _, p := range pods {
			l.pods[p.meta.Name] = p
			l.seen[p.meta.Name] = true
		}
	})
}

// Delete implements backend.Load.
func (l *podLoad) Delete(refs ...backend.Ref) {
	l.change(func() {
		for _, r := range refs {
			if l.pods[r.Name].meta.UID == r.UID {
				delete(l.pods, r.Name)
			}
		}
	})
}

// Synced implements backend.Load.
func (l *podLoad) Synced() {
	l.change(func() {
		if !l.synced {
			maps.DeleteFunc(l.pods, func(name string, _ logPod) bool { return !l.seen[name] })
		}
		l.crew.synced, l.synced, l.seen = true, true, map[string]bool{}
	})
}

// change makes a change to what is known, has somebody read each container, and
// tells how it is.
func (w *crew) change(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	close(w.turned)
	w.turned = make(chan struct{})
	if w.synced {
		w.man()
		w.judge()
	}
	w.tell()
}

// man has somebody read each container that is there. w.mu is held.
func (w *crew) man() {
	w.seen = w.seen || len(w.pods) > 0
	for _, name := range slices.Sorted(maps.Keys(w.pods)) {
		p := w.pods[name]
		for _, c := range p.containers {
			key := p.meta.UID + "/" + c.name
			if w.streams[key] != nil || w.ref.Sub != "" && w.ref.Sub != c.name {
				continue
			}
			s := &logStream{crew: w, pod: p.Ref(), container: c.name, from: fromOf(w.q, p.meta.Name, c.name), history: !w.begun && c.hasRun(), whole: -1, state: backend.Health{State: backend.Connecting}}
			var ctx context.Context
			ctx, s.stop = context.WithCancel(w.ctx)
			w.streams[key] = s
			w.all.Go(func() { s.run(ctx) })
		}
	}
	w.begun = true
}

// parting is how long the log of a pod that is gone may take to end.
const parting = 5 * time.Second

// judge ends what can bring nothing more. w.mu is held.
func (w *crew) judge() {
	reading := false
	for key, s := range w.streams {
		switch gone := w.pods[s.pod.Name].meta.UID != s.pod.UID; {
		case gone && s.done:
			delete(w.streams, key) // another may come under its name
		case gone && !s.leaving:
			s.leaving = true
			time.AfterFunc(parting, s.stop)
		}
		reading = reading || !s.done
	}
	switch {
	case reading || w.err != nil:
	case w.ref.Kind != cluster.KindPod:
		if w.q.Previous {
			w.end()
		}
	default:
		w.judgePod()
	}
}

// judgePod is judge for a single pod, of which nobody reads. w.mu is held.
func (w *crew) judgePod() {
	p, there := w.pods[w.ref.Name]
	last := there && w.ref.Sub != "" && w.streams[p.meta.UID+"/"+w.ref.Sub] != nil
	switch {
	case !there && !w.seen:
		w.err = w.missing("is not there")
	case there && w.ref.Sub != "" && !slices.Contains(p.declared, w.ref.Sub):
		w.err = w.missing(fmt.Sprintf("has no container %q; it has %s", w.ref.Sub, strings.Join(p.declared, ", ")))
	case there && !p.over() && !last && (!w.q.Previous || len(w.streams) == 0):
		return
	}
	w.end()
}

func (w *crew) missing(why string) error {
	human := fmt.Sprintf("%s %s on %s. Look at the list of pods again.", kubeapi.Upper(kinds()[cluster.KindPod].Named(w.ref)), why, w.ref.Link)
	return &backend.Error{Code: backend.NotFound, Op: "read log", Ref: w.ref, Human: backend.T(human).Safe()}
}

// tell tells how it is, when that has changed. w.mu is held.
func (w *crew) tell() {
	h := w.health()
	if h.State == w.told.State && h.Reason == w.told.Reason {
		return
	}
	if h.Since.IsZero() {
		h.Since = time.Now()
	}
	w.told = h
	w.sink.Health(w.ref, h)
}

// health is how it is: what is wrong with the watch of the pods before what is
// wrong with a container, before that one has no answer yet.
func (w *crew) health() backend.Health {
	if !w.synced || w.watch.State > backend.Live {
		return w.watch
	}
	var all census
	for _, key := range slices.Sorted(maps.Keys(w.streams)) {
		all.add(w.streams[key])
	}
	switch {
	case all.worst.State != 0:
		return all.worst
	case all.asked:
		return backend.Health{State: backend.Connecting}
	case all.left > 0:
		return backend.Health{State: backend.Stale, Reason: backend.T(fmt.Sprintf(
			"%d of %d containers are not read: %d at once are the most; l on one pod reads it", all.left, len(w.streams), mostLogs))}
	case all.live || len(w.pods) == 0 && w.ref.Kind != cluster.KindPod:
		return backend.Health{State: backend.Live}
	}
	return backend.Health{State: backend.Connecting, Reason: backend.T(cmp.Or(all.waits, w.waits()))}
}

// A census is how the containers are, taken together.
type census struct {
	worst backend.Health // of those that are in trouble
	live  bool           // one is read, or was
	asked bool           // one has no answer yet
	left  int            // that are too many
	waits string         // what the first one waits for that has not begun
}

func (t *census) add(s *logStream) {
	switch {
	case s.state.State > backend.Live && s.state.State > t.worst.State:
		t.worst = s.state
	case s.left:
		t.left++
	case s.done || s.state.State == backend.Live:
		t.live = true
	case !s.state.Reason.IsZero():
		t.waits = cmp.Or(t.waits, s.state.Reason.Safe())
	default:
		t.asked = true
	}
}

// waits is what pods wait for of whose containers there is no word yet.
func (w *crew) waits() string {
	for _, name := range slices.Sorted(maps.Keys(w.pods)) {
		return "pod " + name + " waits: " + kubeapi.Join(": ", w.pods[name].phase, w.pods[name].reason)
	}
	return ""
}
