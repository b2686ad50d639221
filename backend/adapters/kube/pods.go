package kube

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/encoding/protowire"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
)

// container is what a pod's row needs of one container. Numbers are those of
// k8s.io/api/core/v1/generated.proto.
type container struct {
	name     string
	restarts int32
	ready    bool
	started  bool
	sidecar  bool // an init container that goes on (restartPolicy Always)

	waiting, ended bool
	running        bool
	reason         string // of waiting or ended
	exit, signal   int32
	finished       int64
	lastReason     string // of the run before
	lastExit       int32
	lastFinished   int64
	lastEnded      bool
}

// podFacts is what a pod's row is made of, whichever way it was decoded.
type podFacts struct {
	kubeapi.Meta
	node, ip, image  string
	phase, reason    string
	declared         int // containers of the spec
	declaredInits    int // init containers of the spec, sidecars among them
	sidecars         int // sidecars of the spec
	inits            []container
	containers       []container
	ready, scheduled bool // conditions: Ready is True; PodScheduled is not False
	gated            bool // it waits for scheduling gates
	initialised      bool // condition Initialized is True
}

// podRow projects a pod. w shares strings between rows.
func podRow(raw []byte, link string, w kubeapi.Words) (cluster.Pod, string, error) {
	f := podFacts{scheduled: true}
	sidecars := map[string]bool{}
	err := kubeapi.Walk(raw, func(num protowire.Number, v []byte, _ uint64) {
		switch num {
		case 1:
			_ = f.Meta.Read(v, w) // told by the outer walk's caller when the name is missing
		case 2:
			f.spec(v, w, sidecars)
		case 3:
			f.status(v, w)
		}
	})
	if err == nil && f.Name == "" {
		err = fmt.Errorf("a pod without a name")
	}
	for i := range f.inits {
		f.inits[i].sidecar = sidecars[f.inits[i].name]
	}
	return f.row(link, w), f.Version, err
}

func (f *podFacts) spec(b []byte, w kubeapi.Words, sidecars map[string]bool) {
	_ = kubeapi.Walk(b, func(num protowire.Number, v []byte, _ uint64) { // what came before the break stands
		switch num {
		case 2:
			if f.declared++; f.declared == 1 {
				f.image = w.Of([]byte(kubeapi.TextAt(v, 2)))
			}
		case 10:
			f.node = w.Of(v)
		case 20:
			f.declaredInits++
			if kubeapi.TextAt(v, 24) == "Always" {
				f.sidecars++
				sidecars[kubeapi.TextAt(v, 1)] = true
			}
		}
	})
}

func (f *podFacts) status(b []byte, w kubeapi.Words) {
	_ = kubeapi.Walk(b, func(num protowire.Number, v []byte, _ uint64) { // what came before the break stands
		switch num {
		case 1:
			f.phase = w.Of(v)
		case 2:
			f.condition(kubeapi.TextAt(v, 1), kubeapi.TextAt(v, 2), kubeapi.TextAt(v, 5))
		case 4:
			f.reason = w.Of(v)
		case 6:
			f.ip = string(v)
		case 8:
			f.containers = append(f.containers, containerOf(v, w))
		case 10:
			f.inits = append(f.inits, containerOf(v, w))
		}
	})
}

func (f *podFacts) condition(kind, status, reason string) {
	switch kind {
	case "Ready":
		f.ready = status == "True"
	case "PodScheduled":
		f.scheduled = status != "False"
		f.gated = reason == "SchedulingGated"
	case "Initialized":
		f.initialised = status == "True"
	}
}

func containerOf(b []byte, w kubeapi.Words) (c container) {
	_ = kubeapi.Walk(b, func(num protowire.Number, v []byte, n uint64) { // what came before the break stands
		switch num {
		case 1:
			c.name = w.Of(v)
		case 2:
			c.state(v, w)
		case 3:
			c.before(v, w)
		case 4:
			c.ready = n != 0
		case 5:
			c.restarts = int32(n)
		case 9:
			c.started = n != 0
		}
	})
	return c
}

func (c *container) state(b []byte, w kubeapi.Words) {
	_ = kubeapi.Walk(b, func(num protowire.Number, v []byte, _ uint64) { // as above
		switch num {
		case 1:
			c.waiting, c.reason = true, w.Of([]byte(kubeapi.TextAt(v, 1)))
		case 2:
			c.running = true
		case 3:
			c.ended = true
			c.exit, c.signal, c.reason, c.finished = endOf(v, w)
		}
	})
}

func (c *container) before(b []byte, w kubeapi.Words) {
	_ = kubeapi.At(b, func(v []byte, _ uint64) {
		c.lastEnded = true
		c.lastExit, _, c.lastReason, c.lastFinished = endOf(v, w)
	}, 3)
}

func endOf(b []byte, w kubeapi.Words) (exit, signal int32, reason string, finished int64) {
	e := kubeapi.NumberAt(b, 1)
	s := kubeapi.NumberAt(b, 2)
	_ = kubeapi.At(b, func(v []byte, _ uint64) { finished = kubeapi.Seconds(v) }, 6) // none: it has no end time
	return int32(e), int32(s), w.Of([]byte(kubeapi.TextAt(b, 3))), finished
}

// row makes the row; the state is the word that kubectl prints. The rules are
// those of its printer (kubernetes pkg/printers/internalversion, printPod).
func (f *podFacts) row(link string, w kubeapi.Words) cluster.Pod {
	p := cluster.Pod{
		Link: link, Namespace: f.Namespace, Name: f.Name, UID: f.UID, Node: f.node, IP: f.ip, Owner: f.Owner,
		Image: f.image, Created: f.Created, Containers: uint16(f.declared + f.sidecars),
	}
	word, sidecars, initialising := f.initWord(&p)
	if !initialising || f.initialised { // a sidecar that starts anew takes no pod back to its beginning
		p.Restarts, p.LastRestart = sidecars.restarts, sidecars.lastFinished
		word = f.word(word, &p)
	}
	p.State = w.Of([]byte(f.ending(word)))
	p.Detail = w.Of([]byte(f.detail()))
	p.Level = f.level(p, initialising)
	return p
}

// initWord is the state while init containers are still to be done: "Init:0/2",
// "Init:Error", "Init:ExitCode:1", else the phase or its reason. It counts into
// p up to the one that is not done; sidecars holds what of that is sidecars'.
func (f *podFacts) initWord(p *cluster.Pod) (word string, sidecars container, initialising bool) {
	word = f.phase
	if f.reason != "" {
		word = f.reason
	}
	if f.gated {
		word = "SchedulingGated"
	}
	for i, c := range f.inits {
		p.Restarts += c.restarts
		p.LastRestart = max(p.LastRestart, c.lastFinished)
		if c.sidecar {
			sidecars.restarts += c.restarts
			sidecars.lastFinished = max(sidecars.lastFinished, c.lastFinished)
		}
		switch {
		case c.ended && c.exit == 0:
			continue
		case c.sidecar && c.started:
			if c.ready {
				p.Ready++
			}
			continue
		case c.ended:
			word = "Init:" + endWord(c)
		case c.waiting && c.reason != "" && c.reason != "PodInitializing":
			word = "Init:" + c.reason
		default:
			word = "Init:" + strconv.Itoa(i) + "/" + strconv.Itoa(f.declaredInits)
		}
		return word, sidecars, true
	}
	return word, sidecars, false
}

func endWord(c container) string {
	switch {
	case c.reason != "":
		return c.reason
	case c.signal != 0:
		return "Signal:" + strconv.Itoa(int(c.signal))
	}
	return "ExitCode:" + strconv.Itoa(int(c.exit))
}

// word is the state once the init containers are done. It counts containers
// into p as it goes: the first that is not well names the state.
func (f *podFacts) word(word string, p *cluster.Pod) string {
	running, failed := false, ""
	for i := len(f.containers) - 1; i >= 0; i-- {
		c := f.containers[i]
		p.Restarts += c.restarts
		p.LastRestart = max(p.LastRestart, c.lastFinished)
		switch {
		case c.waiting && c.reason != "":
			word = c.reason
		case c.ended:
			word = endWord(c)
			if c.exit != 0 {
				failed = word
			}
		case c.ready && c.running:
			running = true
			p.Ready++
		}
	}
	switch {
	case word != "Completed":
	case running && f.ready:
		return "Running"
	case failed != "":
		return failed
	case running:
		return "NotReady"
	}
	return word
}

// ending puts the word of a pod that is being deleted in place of its state.
func (f *podFacts) ending(word string) string {
	switch {
	case f.Deleted && f.reason == "NodeLost":
		return "Unknown"
	case f.Deleted && f.phase != "Failed" && f.phase != "Succeeded":
		return "Terminating"
	}
	return word
}

// detail is what stands behind the state: how the last run of a container that
// is not well ended.
func (f *podFacts) detail() string {
	for _, c := range append(f.inits[:len(f.inits):len(f.inits)], f.containers...) {
		switch {
		case c.ended && c.exit != 0:
			return exitWord(c.name, c.exit, c.reason)
		case c.waiting && c.lastEnded:
			return exitWord(c.name, c.lastExit, c.lastReason)
		}
	}
	if f.phase == "Pending" && !f.scheduled && !f.gated {
		return "no node takes it"
	}
	return ""
}

func exitWord(name string, code int32, reason string) string {
	s := name + ": exit " + strconv.Itoa(int(code))
	if reason != "" && reason != "Error" && reason != "Completed" {
		s += " " + reason
	}
	return s
}

// level says how much the pod needs a look.
func (f *podFacts) level(p cluster.Pod, initialising bool) backend.Level {
	switch p.State {
	case "Running":
		if p.Ready < p.Containers {
			return backend.Warning
		}
		return backend.Good
	case "Succeeded", "Completed":
		return backend.Idle
	case "Terminating", "ContainerCreating", "PodInitializing":
		return backend.Moving
	case "NotReady", "Unknown", "SchedulingGated":
		return backend.Warning
	case "Pending":
		if f.scheduled {
			return backend.Moving
		}
		return backend.Warning
	}
	if initialising && !f.failing() {
		return backend.Moving
	}
	return backend.Critical
}

// failing says whether an init container has failed or can't start.
func (f *podFacts) failing() bool {
	for _, c := range f.inits {
		if c.ended && c.exit != 0 || c.waiting && c.reason != "" && c.reason != "PodInitializing" {
			return true
		}
	}
	return false
}
