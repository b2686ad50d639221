package dispatch

import (
	"context"
	"fmt"
	"slices"

	"wheelhouse/backend"
)

// keptRuns is how many ended runs are kept once their outcomes were read.
const keptRuns = 200

// Runs gives the runs that go on and those that ended, newest first, as they
// are now. The last 200 ended ones are kept, and all that were not acknowledged.
func (d *Desk) Runs() []backend.Run {
	d.mu.Lock()
	runs := slices.Clone(d.runs)
	d.mu.Unlock()
	out := make([]backend.Run, 0, len(runs))
	for _, r := range slices.Backward(runs) {
		out = append(out, r.snapshot())
	}
	return out
}

// Unread gives the runs that ended and were not acknowledged, oldest first: the
// outcomes that nobody has seen.
func (d *Desk) Unread() []backend.Run {
	d.mu.Lock()
	runs := slices.Clone(d.runs)
	d.mu.Unlock()
	var out []backend.Run
	for _, r := range runs {
		if ended, read := r.status(); ended && !read {
			out = append(out, r.snapshot())
		}
	}
	return out
}

// Acknowledge says that the outcomes of these runs were seen.
func (d *Desk) Acknowledge(runIDs ...string) {
	for _, id := range runIDs {
		if r, err := d.find(id); err == nil {
			r.acknowledge()
		}
	}
	d.prune()
	d.o.Changed()
}

// Cancel begins no further step of a run; steps that were begun get a moment to
// end by themselves. Nothing happens when it has ended or is not there.
func (d *Desk) Cancel(runID string) {
	if r, err := d.find(runID); err == nil {
		r.stop()
	}
}

// Wait returns a run when it has ended, or as it is with ctx's error when ctx
// ends before.
func (d *Desk) Wait(ctx context.Context, runID string) (backend.Run, error) {
	r, err := d.find(runID)
	if err != nil {
		return backend.Run{}, err
	}
	select {
	case <-r.ended:
		return r.snapshot(), nil
	case <-ctx.Done():
		return r.snapshot(), fmt.Errorf("wait for run %s: %w", runID, ctx.Err())
	}
}

// Close lets nothing new begin, stops all runs and waits for them to end, but
// no longer than ctx lasts: what is going on then is recorded as unknown. The
// record can be closed when it returns.
func (d *Desk) Close(ctx context.Context) {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	begun := make(chan struct{})
	go func() {
		d.starting.Wait()
		close(begun)
	}()
	select {
	case <-begun:
	case <-ctx.Done(): // the disk hangs; what it holds up has sent nothing
	}
	d.mu.Lock()
	runs := slices.Clone(d.runs)
	d.mu.Unlock()
	for _, r := range runs {
		r.stop()
	}
	for _, r := range runs {
		select {
		case <-r.ended:
		case <-ctx.Done():
			r.end()
		}
	}
}

func (d *Desk) find(runID string) (*run, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, r := range d.runs {
		if r.id == runID {
			return r, nil
		}
	}
	return nil, &backend.Error{Code: backend.NotFound, Op: "find run", Human: fmt.Sprintf("There is no run %q; see the list of outcomes.", backend.T(runID).Safe())}
}

// prune forgets the oldest runs whose outcomes were read.
func (d *Desk) prune() {
	d.mu.Lock()
	defer d.mu.Unlock()
	over := -keptRuns
	for _, r := range d.runs {
		if ended, _ := r.status(); ended {
			over++
		}
	}
	d.runs = slices.DeleteFunc(d.runs, func(r *run) bool {
		ended, read := r.status()
		drop := over > 0 && ended && read
		if drop {
			over--
		}
		return drop
	})
}

func (r *run) status() (ended, read bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.state.Ended.IsZero(), r.read
}

func (r *run) acknowledge() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.read = r.read || !r.state.Ended.IsZero()
}
