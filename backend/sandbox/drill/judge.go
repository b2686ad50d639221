package drill

import (
	"path"
	"slices"
	"sync"
	"time"

	"wheelhouse/backend/sandbox"
)

// A Stage is what a drill is played on, besides the world itself. Its methods are
// called while the judge steps, one after another.
type Stage interface {
	// Release brings a version to where its program runs, or that many pods beside it.
	Release(r Release)
	// Run begins a job on a machine.
	Run(j Job, on sandbox.MachineID)
	// Runs finds the machine that runs a pod of namespace shop whose name begins so.
	Runs(cluster, pod string) (sandbox.MachineID, bool)
}

// Phase is how a drill stands.
type Phase string

// The phases.
const (
	Briefing  Phase = "briefing" // nothing has happened yet
	Running   Phase = "running"
	Mitigated Phase = "mitigated"
	Lost      Phase = "lost"
)

// Over says whether nothing more comes.
func (p Phase) Over() bool { return p == Mitigated || p == Lost }

// A State is a drill as it stands, and what whoever plays it may know.
type State struct {
	Name, Title, Briefing string
	Phase                 Phase
	Now                   time.Time
	Began                 time.Time     // zero: not yet
	Noticed               time.Time     // zero: nobody has
	Ended                 time.Time     // when it was mitigated, before that had held for a while, or lost
	Limit                 time.Duration // after which it is lost
	Hints                 []string      // that were taken
	Left                  int           // hints that were not
	Way                   []Press       // once it is over
}

// A Judge plays a drill in a world: it lets happen what is to happen, and says when it
// is over. Safe for concurrent use.
type Judge struct {
	drill Drill
	world *sandbox.World
	stage Stage

	mu    sync.Mutex
	state State
	next  int            // cause
	were  map[string]int // processes of each program at the beginning
	hurt  bool           // it was not as it should be
	since time.Time      // it is as it should be; zero: it is not
}

// NewJudge makes the judge of a drill that nobody has begun yet.
func NewJudge(d Drill, w *sandbox.World, s Stage) *Judge {
	d.Cause = slices.Clone(d.Cause)
	slices.SortStableFunc(d.Cause, func(a, b Step) int { return int(a.At - b.At) })
	return &Judge{drill: d, world: w, stage: s, state: State{
		Name: d.Name, Title: d.Title, Briefing: d.Briefing, Phase: Briefing, Limit: d.Lost, Left: len(d.Hints),
	}}
}

// State is how it stands.
func (j *Judge) State() State {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.state
	s.Now = j.world.Now()
	s.Hints = slices.Clone(s.Hints)
	if s.Phase.Over() {
		s.Way = j.drill.Way
	}
	return s
}

// Begin lets it begin, once.
func (j *Judge) Begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state.Phase != Briefing {
		return
	}
	j.state.Phase, j.state.Began = Running, j.world.Now()
	j.were = map[string]int{}
	for _, p := range j.world.Programs() {
		j.were[p.Name] = j.world.Rate(p.Name, "").Up
	}
}

// Hint takes the next hint, where there is one.
func (j *Judge) Hint() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state.Phase == Running && j.state.Left > 0 {
		j.state.Hints = append(j.state.Hints, j.drill.Hints[len(j.state.Hints)])
		j.state.Left--
	}
}

// Look tells that somebody looks at an object, as in "cloud:pod/shop/checkout-1".
func (j *Judge) Look(object string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state.Phase != Running || !j.state.Noticed.IsZero() {
		return
	}
	for _, sign := range j.drill.Signs {
		if ok, _ := path.Match(sign, object); ok { // a pattern that is none matches nothing
			j.state.Noticed = j.world.Now()
		}
	}
}

// Step lets happen what is due, and looks whether it is over. Called by whoever moves
// the world, each time that it has moved.
func (j *Judge) Step() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.state.Phase != Running {
		return
	}
	now := j.world.Now()
	for j.next < len(j.drill.Cause) && !now.Before(j.state.Began.Add(j.drill.Cause[j.next].At)) {
		j.act(j.drill.Cause[j.next])
		j.next++
	}
	switch good := j.good(); {
	case !good:
		j.hurt, j.since = true, time.Time{}
	case j.since.IsZero():
		j.since = now
	}
	held := !j.since.IsZero() && now.Sub(j.since) >= j.drill.Mitigated.Held
	over := now.Sub(j.state.Began) >= j.drill.Lost
	switch {
	case held && (j.hurt && j.next == len(j.drill.Cause) || over): // what never came to hurt was prevented, which only the end shows
		j.state.Phase, j.state.Ended = Mitigated, j.since
	case over:
		j.state.Phase, j.state.Ended = Lost, now
	}
}

// act lets one thing happen.
func (j *Judge) act(s Step) {
	switch {
	case s.Publish != nil:
		v := s.Publish
		_ = j.world.Publish(v.Program, v.Version, sandbox.Version{ // the program is there: the drill was checked
			Failing: v.Failing / 100, Says: v.Says, Slow: v.Slow, Leaks: v.Leaks, Chatty: v.Writes, Crashes: v.Crashes,
		})
	case s.Release != nil:
		j.stage.Release(*s.Release)
	case s.Fault != nil:
		j.world.Inflict(j.drill.Name+" "+s.Fault.Program, sandbox.Fault{Program: s.Fault.Program, Failing: s.Fault.Failing / 100, Slow: s.Fault.Slow})
	case s.Breaker != nil:
		j.set(*s.Breaker)
	case s.Halt != nil:
		if m, ok := j.find(*s.Halt); ok {
			_ = j.world.Halt(m) // it was there a moment ago
		}
	case s.Run != nil:
		if m, ok := j.find(s.Run.On); ok {
			j.stage.Run(*s.Run, m)
		}
	}
}

// set gives a program's breaker other settings.
func (j *Judge) set(b Breaker) {
	for _, p := range j.world.Programs() {
		if p.Name != b.Program {
			continue
		}
		p.Calls = slices.Clone(p.Calls)
		for i := range p.Calls {
			if c := &p.Calls[i]; c.To == b.To {
				c.SlowFrom = b.From
				if b.Failing > 0 {
					c.Failing = b.Failing
				}
				if b.Slow > 0 {
					c.Slow = b.Slow
				}
			}
		}
		_ = j.world.Install(p) // it calls what it has called before
	}
}

func (j *Judge) find(p Place) (sandbox.MachineID, bool) {
	if p.Machine != "" {
		return sandbox.MachineID{Cluster: p.Cluster, Name: p.Machine}, true
	}
	return j.stage.Runs(p.Cluster, p.Runs)
}

// each stands for every program in a condition.
const each = "*"

// good says whether all is as it must be.
func (j *Judge) good() bool {
	for _, c := range j.drill.Mitigated.When {
		for name := range j.were {
			if (c.Program == each || c.Program == name) && !j.holds(c, name) {
				return false
			}
		}
	}
	return true
}

func (j *Judge) holds(c Condition, name string) bool {
	r := j.world.Rate(name, "")
	switch {
	case c.Failing > 0 && 100*r.Failing >= c.Failing, c.Takes > 0 && r.Takes >= c.Takes:
		return false
	case c.Missing != nil && j.were[name]-r.Up > *c.Missing:
		return false
	}
	return c.Without == "" || j.world.Rate(name, c.Without).Up == 0
}
