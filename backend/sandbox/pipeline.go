package sandbox

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"time"
)

// The errors of what can't be done.
var (
	ErrNone    = errors.New("there is none")
	ErrOff     = errors.New("it is switched off")
	ErrEnded   = errors.New("it has ended")
	ErrNotHere = errors.New("nobody is waited for there")
)

// pipeline is a Pipeline with what came of it.
type pipeline struct {
	Pipeline
	builds []*Build // oldest first
	last   int      // number of the newest, even if that is deleted
}

// Add brings a pipeline into the world, or changes the one of its name, whose builds
// stay.
func (w *World) Add(p Pipeline) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if known, err := w.find(p.Name); err == nil {
		known.Pipeline = p
		return
	}
	w.last += p.Built
	w.pipelines = append(w.pipelines, &pipeline{Pipeline: p, last: p.Built})
}

// Pipelines are those that a system builds.
func (w *World) Pipelines(on string) []Pipeline {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []Pipeline
	for _, p := range w.pipelines {
		if p.On == "" || p.On == on {
			out = append(out, p.Pipeline)
		}
	}
	return out
}

// Remove takes a pipeline and its builds out of the world.
func (w *World) Remove(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pipelines = slices.DeleteFunc(w.pipelines, func(p *pipeline) bool { return p.Name == name })
}

// Builds are those of a pipeline, newest first, as they stand now.
func (w *World) Builds(name string) []Build {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.find(name)
	if err != nil {
		return nil
	}
	var out []Build
	for _, b := range slices.Backward(p.builds) {
		b.move(w.now())
		out = append(out, b.copy())
	}
	return out
}

// Build is one of them, by its number within the pipeline.
func (w *World) Build(name string, number int) (Build, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, err := w.build(name, number)
	if err != nil {
		return Build{}, err
	}
	return b.copy(), nil
}

// BuildOf is one of them, by the number that it has among those of all pipelines.
func (w *World) BuildOf(name string, id int) (Build, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.find(name)
	if err != nil {
		return Build{}, err
	}
	i, is := slices.BinarySearchFunc(p.builds, id, func(b *Build, id int) int { return b.ID - id })
	if !is {
		return Build{}, fmt.Errorf("build with the ID %d of %s: %w", id, name, ErrNone)
	}
	p.builds[i].move(w.now())
	return p.builds[i].copy(), nil
}

// Trigger puts a build into the queue.
func (w *World) Trigger(name string, o Order) (Build, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.find(name)
	if err != nil {
		return Build{}, err
	}
	if p.Off {
		return Build{}, ErrOff
	}
	b := w.enqueue(p, o)
	b.move(w.now())
	return b.copy(), nil
}

// Conclude is Trigger of a build that has run already, and whose last stage passes now.
// Whoever it would have waited for has let it go on.
func (w *World) Conclude(name string, o Order) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.find(name)
	if err != nil {
		return err
	}
	b := w.enqueue(p, o)
	b.Began = w.now()
	for _, s := range b.Stages {
		b.Began = b.Began.Add(-s.takes)
	}
	b.Queued = b.Began.Add(-w.wait)
	for i := range b.Stages {
		if b.Stages[i].plan.Gate != nil {
			b.Stages[i].By, b.Stages[i].answered = o.By, b.Began
		}
	}
	b.move(w.now())
	return nil
}

// enqueue puts a build at the end of its pipeline's.
func (w *World) enqueue(p *pipeline, o Order) *Build {
	w.last++
	p.last++
	b := &Build{
		ID: w.last, Number: p.last, Order: o, Queued: w.now(), Began: w.now().Add(w.wait),
		Commit: commit(p.Name, w.last), Tag: o.Params["VERSION"],
	}
	if b.Tag == "" {
		b.Tag = fmt.Sprintf("2.%d.0", p.last)
	}
	if b.Branch == "" {
		b.Branch = p.Branch
	}
	for _, s := range p.Stages {
		b.Stages = append(b.Stages, Stage{Name: s.Name, State: Created, plan: s, takes: s.took(b.Commit)})
	}
	p.builds = append(p.builds, b)
	return b
}

// Stop ends a build, or takes it out of the queue.
func (w *World) Stop(name string, number int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, err := w.build(name, number)
	if err != nil {
		return err
	}
	if b.Done() {
		return ErrEnded
	}
	b.end(w.now(), Stopped)
	return nil
}

// Describe writes a note on a build.
func (w *World) Describe(name string, number int, note string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, err := w.build(name, number)
	if err == nil {
		b.Note = note
	}
	return err
}

// Retry does again what of an ended build has not passed.
func (w *World) Retry(name string, number int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, err := w.build(name, number)
	if err != nil {
		return err
	}
	if b.State != Failed && b.State != Stopped {
		return ErrNotHere
	}
	b.again(w.now())
	return nil
}

// Delete takes a build out of the world; its number is not given again.
func (w *World) Delete(name string, number int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.find(name)
	if err == nil {
		p.builds = slices.DeleteFunc(p.builds, func(b *Build) bool { return b.Number == number })
	}
	return err
}

// Answer lets a stage begin that waits for a person, or with a no ends the build.
func (w *World) Answer(name string, number int, stage, by string, yes bool, args map[string]string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	b, err := w.build(name, number)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(b.Stages, func(s Stage) bool { return s.Name == stage })
	if i < 0 || b.Stages[i].State != Waiting {
		return ErrNotHere
	}
	if !yes {
		b.Stages[i].By = by
		b.end(w.now(), Stopped)
		return nil
	}
	b.Stages[i].By, b.Stages[i].Args, b.Stages[i].answered = by, args, w.now()
	b.move(w.now())
	return nil
}

func (w *World) find(name string) (*pipeline, error) {
	for _, p := range w.pipelines {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("pipeline %s: %w", name, ErrNone)
}

func (w *World) build(name string, number int) (*Build, error) {
	p, err := w.find(name)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(p.builds, func(b *Build) bool { return b.Number == number })
	if i < 0 {
		return nil, fmt.Errorf("build %d of %s: %w", number, name, ErrNone)
	}
	b := p.builds[i]
	b.move(w.now())
	return b, nil
}

// deliver brings all builds to where they stand, and what comes of them about.
func (w *World) deliver() {
	for _, p := range w.pipelines {
		for _, b := range p.builds {
			b.move(w.at)
			for i := range b.Stages {
				if s := &b.Stages[i]; s.State == Passed && !s.told {
					s.told = true
					w.passed(p, b, s)
				}
			}
		}
	}
}

// passed is what comes of a stage that has passed.
func (w *World) passed(p *pipeline, b *Build, s *Stage) {
	pr := w.program(p.Program)
	if pr == nil {
		return
	}
	if s.plan.Publishes {
		if pr.Versions == nil {
			pr.Versions = map[string]Version{}
		}
		if _, known := pr.Versions[b.Tag]; !known {
			pr.Versions[b.Tag] = Version{}
		}
	}
	if s.plan.Releases {
		w.events = append(w.events, Event{At: s.Ended, Program: p.Program, Tag: b.Tag, By: b.By, Build: fmt.Sprintf("%s #%d", p.Name, b.Number)})
	}
}

// took is how long the stage takes for a commit: the same each time it is asked.
func (p Plan) took(commit string) time.Duration {
	sum := sha256.Sum256([]byte(commit + p.Name))
	return time.Duration(float64(p.Takes) * (1 + p.Give*(float64(sum[0])/127.5-1))).Round(10 * time.Millisecond)
}

// commit is what a build is made of.
func commit(pipeline string, id int) string {
	sum := sha256.Sum256(fmt.Append(nil, pipeline, id))
	return fmt.Sprintf("%x", sum[:20])
}
