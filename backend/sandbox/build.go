package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Pipeline is how something is built.
type Pipeline struct {
	Name   string   // with its folders: "shop/checkout"
	Branch string   // that is built where nothing is said
	More   []string // branches besides it
	Params []Param
	Stages []Plan // one after another
	Off    bool   // nothing can be built

	Program string // that is built; empty: nothing that runs
	On      string // the system that builds it; empty: each
	Built   int    // builds that there were before, which are not kept
}

// Param is something that a build can be told.
type Param struct {
	Name, Help string
	Kind       string // string, text, boolean, choice, password, file
	Default    string
	Choices    []string
}

// Plan is a stage before it is run.
type Plan struct {
	Name  string
	Takes time.Duration
	Give  float64  // share by which it may take more or less; zero: it takes as long each time
	Fails string   // the stage fails where the parameter of this name is "true"
	Says  []string // lines of its log, spread over its time
	Wrong []string // and at its end, where it fails
	Gate  *Gate    // a person must let it begin; nil: nobody need

	Publishes bool // when it has passed, the version that was built can be run
	Releases  bool // when it has passed, that version is to be run: it is an Event
}

// Gate is what a person is asked.
type Gate struct {
	Message string
	Params  []Param
}

// Order is what a build was asked for with.
type Order struct {
	By     string
	Branch string
	Title  string
	Params map[string]string
}

// State is how a build, or a stage of it, stands.
type State string

// The states.
const (
	Created State = "created" // not begun
	Running State = "running"
	Waiting State = "waiting" // for a person
	Passed  State = "passed"
	Failed  State = "failed"
	Stopped State = "stopped"
)

// Build is one run of a pipeline.
type Build struct {
	Order
	ID     int // among all builds
	Number int // within the pipeline, from 1
	Commit string
	Tag    string // of the version that is built
	Note   string // that somebody has written on it
	State  State
	Stages []Stage
	Queued time.Time
	Began  time.Time // when it leaves the queue, even if that is to come
	Ended  time.Time // zero while it has not
}

// Stage is one part of a build.
type Stage struct {
	Name     string
	State    State
	Began    time.Time // zero while it has not; while it waits, since when
	Ended    time.Time
	By       string // who has answered
	Args     map[string]string
	plan     Plan
	takes    time.Duration
	answered time.Time
	again    time.Time // it does not begin before, as it is done once more
	told     bool      // what came of its passing has come about
}

// Gate is what a person is asked before the stage; nil where nobody is.
func (s Stage) Gate() *Gate { return s.plan.Gate }

// Done says whether it has ended.
func (b *Build) Done() bool { return !b.Ended.IsZero() }

// Usual is how long a build takes when nobody lets it wait.
func (p Pipeline) Usual() (d time.Duration) {
	for _, s := range p.Stages {
		d += s.Takes
	}
	return d
}

// move brings a build to where it stands at a time.
func (b *Build) move(now time.Time) {
	if b.Done() {
		return
	}
	b.State = Created
	at := b.Began
	if now.Before(at) {
		return
	}
	b.State = Running
	for i := range b.Stages {
		s := &b.Stages[i]
		if s.again.After(at) {
			at = s.again
		}
		if s.plan.Gate != nil && s.answered.IsZero() {
			s.State, s.Began, b.State = Waiting, at, Waiting
			return
		}
		if s.answered.After(at) {
			at = s.answered
		}
		s.State, s.Began = Running, at
		if at = at.Add(s.takes); now.Before(at) {
			return
		}
		s.State, s.Ended = Passed, at
		if s.plan.Fails != "" && b.Params[s.plan.Fails] == "true" {
			s.State = Failed
			b.State, b.Ended = Failed, at
			return
		}
	}
	b.State, b.Ended = Passed, at
}

// end ends it, and the stage that it is at.
func (b *Build) end(now time.Time, as State) {
	b.State, b.Ended = as, now
	for i := range b.Stages {
		if s := &b.Stages[i]; s.State == Running || s.State == Waiting {
			s.State, s.Ended = as, now
		}
	}
}

// again has an ended build go on where it did not pass.
func (b *Build) again(now time.Time) {
	b.Ended = time.Time{}
	if b.Began.After(now) {
		b.Began = now
	}
	for i := range b.Stages {
		if s := &b.Stages[i]; s.State != Passed {
			s.State, s.Began, s.Ended, s.answered, s.again = Created, time.Time{}, time.Time{}, time.Time{}, now
		}
	}
	b.move(now)
}

func (b *Build) copy() Build {
	out := *b
	out.Stages = slices.Clone(b.Stages)
	return out
}

// Log is what a stage has written until now, each line with its end.
func (s Stage) Log(now time.Time) string {
	var b strings.Builder
	if s.Began.IsZero() || s.State == Waiting {
		return ""
	}
	end := now
	if !s.Ended.IsZero() {
		end = s.Ended
	}
	fmt.Fprintf(&b, "[%s] begins\n", s.Name)
	for i, line := range s.plan.Says {
		if at := s.Began.Add(s.takes * time.Duration(i+1) / time.Duration(len(s.plan.Says)+1)); !at.After(end) {
			b.WriteString(line + "\n")
		}
	}
	if s.State == Failed {
		for _, line := range s.plan.Wrong {
			b.WriteString(line + "\n")
		}
	}
	if !s.Ended.IsZero() {
		fmt.Fprintf(&b, "[%s] %s\n", s.Name, s.State)
	}
	return b.String()
}

// Log is what a build has written until now: that of its stages, one after another.
func (b Build) Log(now time.Time) string {
	var out strings.Builder
	if !now.Before(b.Began) {
		fmt.Fprintf(&out, "Started by %s\n", b.By)
	}
	for _, s := range b.Stages {
		out.WriteString(s.Log(now))
	}
	if b.Done() {
		fmt.Fprintf(&out, "Finished: %s\n", b.State)
	}
	return out.String()
}
