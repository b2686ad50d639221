package dispatch

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"wheelhouse/backend"
)

const (
	// lanesAtOnce is how many targets of a run are worked on at the same time.
	lanesAtOnce = 4
	// grace is how long a step that was begun may take to end by itself after
	// the run was stopped: most requests are answered by then, and an answer
	// is better than not knowing.
	grace = 2 * time.Second
)

// run carries out one plan. Steps of one target are done in order, and one
// that fails leaves those behind it undone; targets do not wait for each other.
type run struct {
	id      string
	action  backend.Action
	said    []string // the plan's warnings by those who know the system
	record  Record
	changed func()
	cancel  context.CancelFunc // of the steps that were begun
	ended   chan struct{}
	ending  sync.Once

	mu      sync.Mutex
	state   backend.Run
	stopped bool
	read    bool
}

func newRun(id string, p Proposal, o Options, cancel context.CancelFunc) *run {
	return &run{
		id: id, action: p.Action, said: p.said, record: o.Record, changed: o.Changed, cancel: cancel, ended: make(chan struct{}),
		state: backend.Run{ID: id, Plan: p.Plan, Steps: make([]backend.StepState, len(p.Steps)), Began: time.Now()},
	}
}

// snapshot gives the run as it is now.
func (r *run) snapshot() backend.Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.state
	out.Steps = slices.Clone(out.Steps)
	return out
}

// stop begins no further step, and cancels those that were begun when they have
// not ended after the grace.
func (r *run) stop() {
	r.mu.Lock()
	first := !r.stopped && r.state.Ended.IsZero()
	r.stopped = true
	r.mu.Unlock()
	if first {
		time.AfterFunc(grace, r.cancel)
	}
}

// carryOut does the steps and returns when the run has ended.
func (r *run) carryOut(ctx context.Context) {
	lanes := r.lanes()
	queue := make(chan []int, len(lanes))
	for _, l := range lanes {
		queue <- l
	}
	close(queue)
	var wg sync.WaitGroup
	for range min(lanesAtOnce, len(lanes)) {
		wg.Go(func() {
			for lane := range queue {
				_ = r.follow(ctx, lane) // a step that a fault leaves going ends as unknown
			}
		})
	}
	wg.Wait()
	r.end()
}

// lanes gives the indices of the steps of each target, in order.
func (r *run) lanes() [][]int {
	var out [][]int
	at := map[backend.Ref]int{}
	for i, s := range r.state.Plan.Steps {
		l, ok := at[s.Target.Key()]
		if !ok {
			l = len(out)
			at[s.Target.Key()] = l
			out = append(out, nil)
		}
		out[l] = append(out[l], i)
	}
	return out
}

func (r *run) follow(ctx context.Context, lane []int) (err error) {
	defer backend.Caught(&err)
	for _, i := range lane {
		step, ok := r.begin(i)
		if !ok || r.do(ctx, i, step) != nil {
			break
		}
	}
	return nil
}

// begin marks a step as going, unless the run was stopped.
func (r *run) begin(i int) (backend.Step, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return backend.Step{}, false
	}
	r.state.Steps[i].Phase = backend.StepGoing
	return r.state.Plan.Steps[i], true
}

// do does one step and records its end.
func (r *run) do(ctx context.Context, i int, step backend.Step) error {
	r.changed()
	err := r.call(ctx, i, step)
	r.mu.Lock()
	s := r.state.Steps[i]
	s.Phase, s.Err = backend.StepDone, err
	if err != nil {
		s.Phase = backend.StepFailed
	}
	if r.state.Ended.IsZero() { // else the end said that it is unknown, and stays so
		r.state.Steps[i] = s
	}
	r.mu.Unlock()
	_ = r.record.Keep(stepEnd(r.id, i+1, step.Target, s)) // it is kept in any case
	r.changed()
	return err
}

// call runs a step's Do. The error, if any, has a backend.Error in its chain.
func (r *run) call(ctx context.Context, i int, step backend.Step) error {
	err := r.doing(ctx, i, step)
	var known *backend.Error
	var fault *backend.PanicError
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.As(err, &fault):
		return &backend.Error{
			Code: backend.Unknown, Op: r.action.ID, Ref: step.Target, Err: err,
			Human: "It met " + fault.Error() + ". Look whether it was done.",
		}
	case ctx.Err() != nil:
		return &backend.Error{
			Code: backend.Unknown, Op: r.action.ID, Ref: step.Target, Err: err,
			Human: "It was stopped while it waited for the answer. Look whether it was done.",
		}
	}
	return &backend.Error{Code: backend.Failed, Op: r.action.ID, Ref: step.Target, Err: err, Human: strings.TrimSuffix(human(err), ".") + ". Look at it before you try again."}
}

func (r *run) doing(ctx context.Context, i int, step backend.Step) (err error) {
	defer backend.Caught(&err)
	return step.Do(ctx, func(done, total int, note string) { r.progress(i, done, total, note) })
}

func (r *run) progress(i, done, total int, note string) {
	r.mu.Lock()
	going := r.state.Steps[i].Phase == backend.StepGoing
	if going {
		s := &r.state.Steps[i]
		s.Done, s.Total, s.Note = done, total, note
	}
	r.mu.Unlock()
	if going {
		r.changed()
	}
}

// end closes the run, once: steps that are still going are left as unknown. The
// outcome is on record before anyone can see it.
func (r *run) end() {
	r.ending.Do(func() {
		r.cancel()
		now := time.Now()
		r.mu.Lock()
		for i := range r.state.Steps {
			if s := &r.state.Steps[i]; s.Phase == backend.StepGoing {
				s.Phase, s.Err = backend.StepFailed, &backend.Error{
					Code: backend.Unknown, Op: r.action.ID, Ref: r.state.Plan.Steps[i].Target,
					Human: "Its end is not known: the console closed, or failed. Look whether it was done.",
				}
			}
		}
		took := now.Sub(r.state.Began)
		e := conclude(r.action, r.state, r.stopped, took)
		r.mu.Unlock()

		if r.record.Keep(outcome(r.id, e, took)) != nil {
			e.sentence += " It could not be recorded yet."
		}
		r.mu.Lock()
		r.state.Ended, r.state.Err, r.state.Outcome = now, e.asError(), e.sentence
		r.state.Plan = withoutImages(r.state.Plan)
		r.mu.Unlock()
		close(r.ended)
		r.changed()
	})
}

// withoutImages is p without the pre-images, which are on record by now.
func withoutImages(p backend.Plan) backend.Plan {
	p.Steps = slices.Clone(p.Steps)
	for i := range p.Steps {
		p.Steps[i].Before = nil
	}
	return p
}
