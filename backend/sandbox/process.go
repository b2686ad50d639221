package sandbox

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// ProcessID says which process is meant: a container of a pod of a cluster.
type ProcessID struct{ Cluster, Namespace, Pod, Container string }

func (id ProcessID) compare(other ProcessID) int {
	return cmp.Or(strings.Compare(id.Cluster, other.Cluster), strings.Compare(id.Namespace, other.Namespace),
		strings.Compare(id.Pod, other.Pod), strings.Compare(id.Container, other.Container))
}

// A Command is what is to run, and where.
type Command struct {
	ProcessID
	Image   string
	Machine string
	Asks    Usage         // that it is promised
	May     Usage         // that it may take; zero: what there is
	Lasts   time.Duration // after which it ends by itself, where it is of no known program; 0: never
}

// MachineID is the machine that it runs on.
func (c Command) MachineID() MachineID { return MachineID{c.Cluster, c.Machine} }

// ProcessState is how a process stands.
type ProcessState string

// The states.
const (
	Pulling  ProcessState = "pulling"  // its image
	Unpulled ProcessState = "unpulled" // there is no such image
	Up       ProcessState = "up"
	Ended    ProcessState = "ended"
)

// A Process is a Command that was carried out, and how that goes.
type Process struct {
	Command
	State ProcessState
	Since time.Time // it is in that state
	Ready bool      // it takes calls
	Run   int       // how often it was started, from 1
	Began time.Time // when this run came up; zero: not yet

	Exit   int    // of the last run that has ended
	Reason string // of the same: Completed, Error, OOMKilled; or why there is no image

	Uses    Usage
	Left    int64         // MiB that it has left on its machine's disk
	Calls   float64       // that come a second
	Failing float64       // share of them
	Takes   time.Duration // that one takes on average
}

// process is a Process with what is counted of it.
type process struct {
	Process
	program  *program // nil: of none that is known, and it only idles
	version  Version
	readyAt  time.Time
	killed   time.Time // when it will have ended, as it was asked to; zero: nobody has
	written  float64   // MiB that it has left on its machine's disk
	share    float64   // of its calls that it could not even begin
	breakers []*breaker
	log      pages
}

// Times that things take.
const (
	pullTime  = 3 * time.Second
	againTime = 500 * time.Millisecond // where the image is there already
	idleStart = time.Second
	goodbye   = 2 * time.Second // a process takes to end when it is asked to
)

// Run starts a process, or starts it again after it has ended. One that runs is left
// as it is, unless it is to run another image or elsewhere.
func (w *World) Run(c Command) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.processes[c.ProcessID]
	if old != nil && old.Command == c && old.State != Ended && old.State != Unpulled {
		return
	}
	p := &process{Process: Process{Command: c, State: Pulling, Since: w.clock(), Run: 1}}
	took := pullTime
	if old != nil {
		p.Run, p.Exit, p.Reason, p.written, p.log = old.Run+1, old.Exit, old.Reason, old.written, old.log
		if old.Image == c.Image {
			took = againTime
		}
		if p.Run > 1 && old.State == Unpulled {
			p.Run = old.Run
		}
	}
	name, tag := Image(c.Image)
	p.program = w.program(name)
	p.readyAt = p.Since.Add(took)
	if p.program != nil {
		p.version = p.program.Versions[tag]
		p.breakers = p.program.breakers()
	}
	w.processes[c.ProcessID] = p
	w.stale = true
	w.touch(c.ProcessID)
}

// Shelve names the images of no program that can be pulled, of whatever version. Without
// it all can.
func (w *World) Shelve(names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shelf = append(w.shelf, names...)
}

// Image takes an image's name apart: the program, without where it is kept, and its tag.
func Image(image string) (program, tag string) {
	program, tag, _ = strings.Cut(path.Base(image), ":")
	return program, tag
}

// Kill asks a process to end, which it does within seconds.
func (w *World) Kill(id ProcessID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if p := w.processes[id]; p != nil && p.killed.IsZero() {
		p.killed = w.clock().Add(goodbye)
		p.Ready = false
		w.touch(id)
	}
}

// Forget takes a process out of the world with all that it has written, whether it has
// ended or not.
func (w *World) Forget(id ProcessID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.processes, id)
	w.stale = true
}

// Process is one of them.
func (w *World) Process(id ProcessID) (Process, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.processes[id]
	if p == nil {
		return Process{}, fmt.Errorf("process %s of %s: %w", id.Container, id.Pod, ErrNone)
	}
	out := p.Process
	out.Left = int64(p.written)
	return out, nil
}

// Touched are the processes of a cluster whose state has changed since it was last
// asked.
func (w *World) Touched(cluster string) []ProcessID {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []ProcessID
	for id := range w.touched[cluster] {
		out = append(out, id)
	}
	delete(w.touched, cluster)
	slices.SortFunc(out, ProcessID.compare)
	return out
}

func (w *World) touch(id ProcessID) {
	if w.touched[id.Cluster] == nil {
		w.touched[id.Cluster] = map[ProcessID]bool{}
	}
	w.touched[id.Cluster][id] = true
}

// clock is the time up to which everything has happened: that of the last step, or
// before the first one the world's.
func (w *World) clock() time.Time {
	if w.at.IsZero() {
		return w.now()
	}
	return w.at
}

// order has the processes stand in the order of their IDs.
func (w *World) order() {
	if !w.stale {
		return
	}
	w.stale, w.ordered, w.serving = false, w.ordered[:0], w.serving[:0]
	for _, p := range w.processes {
		w.ordered = append(w.ordered, p)
	}
	slices.SortFunc(w.ordered, func(a, b *process) int { return a.ProcessID.compare(b.ProcessID) })
	for _, p := range w.ordered {
		if p.program != nil {
			w.serving = append(w.serving, p)
		}
	}
}

// settle brings a process from one state into the next where it is time.
func (p *process) settle(w *World) {
	switch {
	case p.State == Ended || p.State == Unpulled:
	case !p.killed.IsZero() && !w.at.Before(p.killed):
		p.end(w, 143, "Error", "Graceful shutdown complete")
	case p.program == nil && p.Lasts > 0 && p.State == Up && w.at.Sub(p.Began) >= p.Lasts:
		p.end(w, 0, "Completed", "")
	case w.at.Before(p.readyAt):
	case p.State == Pulling:
		p.pulled(w)
	case !p.Ready && p.killed.IsZero():
		if p.version.Crashes != "" {
			p.end(w, 1, "Error", p.version.Crashes)
			return
		}
		p.Ready = true
		if p.program != nil {
			p.says(w, "INFO", "Started "+p.program.Name+" in "+p.program.Starts.String())
		}
		w.touch(p.ProcessID)
	}
}

// pulled begins the run, if there is such an image.
func (p *process) pulled(w *World) {
	name, tag := Image(p.Image)
	p.Since = w.at
	defer w.touch(p.ProcessID)
	known := w.shelf == nil || slices.Contains(w.shelf, name)
	if p.program != nil {
		_, known = p.program.Versions[tag]
	}
	if !known {
		p.State, p.Reason = Unpulled, fmt.Sprintf("failed to resolve reference %q: not found", p.Image)
		return
	}
	p.State, p.Began, p.readyAt = Up, w.at, w.at.Add(idleStart)
	p.Uses = Usage{CPU: 0.01, Memory: 24}
	if p.program != nil {
		p.readyAt = w.at.Add(p.program.Starts)
		p.Uses = Usage{CPU: 0.4, Memory: p.program.Memory}
	}
	p.log.turn()
	p.says(w, "INFO", fmt.Sprintf("Starting %s %s on %s with PID 1", name, tag, p.Machine))
}

// end is the end of a run. With nothing to say it ends without a word.
func (p *process) end(w *World, exit int, reason, says string) {
	if says != "" {
		level := "INFO"
		if exit != 0 && exit != 143 {
			level = "ERROR"
		}
		p.says(w, level, says)
	}
	p.State, p.Since, p.Ready, p.Exit, p.Reason = Ended, w.clock(), false, exit, reason
	p.Uses, p.Calls, p.Failing, p.Takes = Usage{}, 0, 0, 0
	w.touch(p.ProcessID)
}
