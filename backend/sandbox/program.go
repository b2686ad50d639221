package sandbox

import (
	"fmt"
	"slices"
	"time"
)

// A Program is what a team writes. Its processes take the calls that come to it
// evenly, and call other programs for them.
type Program struct {
	Name   string
	Enters float64 // calls a second that come from outside at the busiest time of a day
	Calls  []Call

	Takes   time.Duration // its own work for a call, unhurried
	CPU     float64       // cores that 100 calls a second need
	Busy    float64       // cores that it takes whether it is called or not
	Memory  int64         // MiB at rest
	Grows   int64         // MiB more with 100 calls a second
	Threads int           // calls that a process works on at a time
	Starts  time.Duration // until it takes calls
	Writes  bool          // it keeps something on its machine's disk, and fails when that is full
	Does    []string      // what its calls are: "POST /orders"

	Versions map[string]Version // by tag; there are no others
}

// A Call is one program's need of another, through a breaker of the other's name.
type Call struct {
	To       string
	Each     float64       // calls for each of its own
	Optional bool          // it has an answer without
	Patience time.Duration // after which it gives up; 0: never
	Failing  float64       // share of failures, in percent, that opens the breaker
	Slow     float64       // share of slow calls, in percent, that opens it
	SlowFrom time.Duration // a call is slow that takes this long; 0: a minute, as Resilience4j has it
}

// A Version is how good a program is. The zero Version is as good as it should be.
type Version struct {
	Failing float64 // share of the calls that it fails by itself
	Says    string  // with this error
	Slow    float64 // times longer than the program takes; 0: as long
	Leaks   float64 // MiB a minute of memory that it never gives back
	Chatty  float64 // MiB a minute that it leaves on its machine's disk
	Crashes string  // it ends as it starts, with this last word
}

// A Fault is something that goes wrong by itself.
type Fault struct {
	Program string    // that fails or is slow
	Failing float64   // share of its calls
	Slow    float64   // times longer; 0: as long
	Machine MachineID // on which something else leaves what it writes
	Chatty  float64   // MiB a minute
}

// program is a Program with what is counted of it while the world moves.
type program struct {
	Program
	up      []*process    // that take calls
	comes   float64       // calls a second
	failing float64       // share of them
	takes   time.Duration // on average
	fault   Fault         // all that is wrong with it by itself
}

// Install makes a program known, or another one of that name. What it calls must be
// known before it, so that nothing ever calls itself.
func (w *World) Install(p Program) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range p.Calls {
		if w.program(c.To) == nil {
			return fmt.Errorf("program %s, which %s calls: %w", c.To, p.Name, ErrNone)
		}
	}
	if old := w.program(p.Name); old != nil {
		old.Program = p
		return nil
	}
	w.programs = slices.Insert(w.programs, 0, &program{Program: p})
	return nil
}

// Publish makes a version of a program one that can be run.
func (w *World) Publish(name, tag string, v Version) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.program(name)
	if p == nil {
		return fmt.Errorf("program %s: %w", name, ErrNone)
	}
	if p.Versions == nil {
		p.Versions = map[string]Version{}
	}
	p.Versions[tag] = v
	return nil
}

// Programs are all of them, callers before those that they call.
func (w *World) Programs() []Program {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Program
	for _, p := range w.programs {
		out = append(out, p.Program)
	}
	return out
}

func (w *World) program(name string) *program {
	for _, p := range w.programs {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Inflict lets something go wrong from now on; under the same name something else takes its
// place, and a zero Fault ends it.
func (w *World) Inflict(name string, f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[name] = f
}

// ail has the faults act.
func (w *World) ail(d time.Duration) {
	for _, p := range w.programs {
		p.fault = Fault{Slow: 1}
	}
	for _, f := range w.faults {
		if p := w.program(f.Program); p != nil {
			p.fault.Failing = max(p.fault.Failing, f.Failing)
			p.fault.Slow = max(p.fault.Slow, f.Slow)
		}
		if m := w.machines[f.Machine]; m != nil && m.Up {
			m.written += f.Chatty * d.Minutes()
		}
	}
}
