package dispatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"wheelhouse/backend"
	"wheelhouse/backend/audit"
)

// ErrUnrecorded is in the chain of the error that Start gives when the intent
// can't be recorded: it goes on only with a Consent that has a Reason.
var ErrUnrecorded = errors.New("the record can't be written")

// Consent is what a person said to a proposal.
type Consent struct {
	Confirmed bool   // needed from Medium on
	Typed     string // needed for High: Proposal.TypeToConfirm
	Reason    string // needed only when the record can't be written; recorded in any case
}

// fits says what lacks: nil, or an Unconfirmed error.
func (c Consent) fits(p Proposal) error {
	var why string
	switch {
	case p.Risk > backend.Low && !c.Confirmed:
		why = "it was not confirmed. Confirm it to go on."
	case p.Risk == backend.High && strings.TrimSpace(c.Typed) != p.TypeToConfirm:
		why = fmt.Sprintf("%q must be typed to confirm it.", backend.T(p.TypeToConfirm).Safe())
	default:
		return nil
	}
	return &backend.Error{Code: backend.Unconfirmed, Op: p.Action.ID, Human: p.Action.Title + " was not begun: " + why}
}

// Start begins a proposal and returns once its intent is on disk; the run goes
// on by itself; the end of ctx stops it as Cancel does, so ctx must not be that
// of the planning or of a screen. An error is a
// backend.Error, and nothing was sent: Denied (not permitted, read-only),
// Unconfirmed (consent does not fit; with ErrUnrecorded: a reason is needed),
// Conflict (begun before, or the link is not what it was when planned).
func (d *Desk) Start(ctx context.Context, p Proposal, c Consent) (runID string, err error) {
	if p.begun == nil {
		return "", refuse(backend.Invalid, p.Action, "it was not planned")
	}
	p.links = slices.Clone(p.links)
	if cause, err := d.unfit(p); err != nil {
		refs, _ := targets(p.Steps)
		d.keepRefusal(p.Action, refs, cause, err.Error())
		return "", err
	}
	if err := c.fits(p); err != nil {
		return "", err
	}
	if ctx.Err() != nil {
		return "", refuse(backend.Failed, p.Action, "it was cancelled before it began")
	}
	if !p.begun.CompareAndSwap(false, true) {
		return "", refuse(backend.Conflict, p.Action, "this plan was begun or declined before; plan it again")
	}
	id, err := d.begin(ctx, p, c)
	if err != nil {
		p.begun.Store(false)
	}
	return id, err
}

// unfit says what speaks against a proposal now, whatever it was when planned,
// and takes in who acts as it is known now.
func (d *Desk) unfit(p Proposal) (audit.Cause, error) {
	if p.Refused != "" {
		return audit.Denied, &backend.Error{Code: backend.Denied, Op: p.Action.ID, Human: p.Refused}
	}
	refs, _ := targets(p.Steps)
	if code, why := d.closedTo(refs); why != "" {
		if code != backend.Denied {
			return audit.Changed, refuse(code, p.Action, why)
		}
		return audit.ReadOnly, refuse(code, p.Action, why)
	}
	for i, was := range p.links {
		now, _ := d.o.Route(backend.Ref{Link: was.Link})
		switch {
		case now.Server != was.Server, was.User != "" && now.User != was.User:
			return audit.Changed, refuse(backend.Conflict, p.Action, "the login on "+was.Link+" changed since this was planned; plan it again")
		case now.Protected && p.Risk < backend.High:
			return audit.Changed, refuse(backend.Conflict, p.Action, was.Link+" became protected since this was planned; plan it again")
		}
		p.links[i].User = now.User // it may have been said only now
	}
	return "", nil
}

// begin records the intent and sets the run going.
func (d *Desk) begin(ctx context.Context, p Proposal, c Consent) (string, error) {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return "", refuse(backend.Failed, p.Action, "the console is closing")
	}
	d.starting.Add(1)
	defer d.starting.Done()
	d.last++
	id := strconv.Itoa(d.last)
	d.mu.Unlock()

	reason := strings.TrimSpace(c.Reason)
	in := intent(id, p, reason)
	if err := d.o.Record.Write(in); err != nil {
		if reason == "" {
			refs, _ := targets(p.Steps)
			d.keepRefusal(p.Action, refs, audit.Unrecorded, err.Error())
			return "", &backend.Error{
				Code: backend.Unconfirmed, Op: p.Action.ID, Err: fmt.Errorf("%w: %w", ErrUnrecorded, err),
				Human: fmt.Sprintf("%s was not begun: it can't be recorded now (%s). Type why it must go on all the same; that is recorded when writing works again.", p.Action.Title, human(err)),
			}
		}
		_ = d.o.Record.Keep(in) // late, as its reason says
	}
	steps, cancel := context.WithCancel(context.WithoutCancel(ctx)) // cancelled only after a grace
	r := newRun(id, p, d.o, cancel)
	d.mu.Lock()
	d.runs = append(d.runs, r)
	closed := d.closed
	d.mu.Unlock()
	if closed {
		r.stop()
	}
	go func() {
		defer context.AfterFunc(ctx, r.stop)()
		r.carryOut(steps)
		d.prune()
	}()
	d.o.Changed()
	return id, nil
}

// Decline records that a proposal was shown and not wanted. Once for each, and
// not for those that were refused or begun.
func (d *Desk) Decline(p Proposal) {
	if p.begun == nil || p.Refused != "" || !p.begun.CompareAndSwap(false, true) {
		return
	}
	refs, _ := targets(p.Steps)
	d.keepRefusal(p.Action, refs, audit.Cancelled, p.Sentence)
}

// Undo proposes to take back what an ended run did, last step first, as far as
// its steps can be; warnings say what can't. It is confirmed, guarded and
// started as any other proposal.
func (d *Desk) Undo(runID string) (Proposal, error) {
	r, err := d.find(runID)
	if err != nil {
		return Proposal{}, err
	}
	a, was := r.action, r.snapshot()
	a.Title, a.Params = "Undo "+strings.ToLower(a.Title), nil
	if was.Ended.IsZero() {
		return Proposal{}, refuse(backend.Conflict, a, "run "+runID+" still goes on; stop it first")
	}
	plan := backend.Plan{Action: a.ID, Sentence: fmt.Sprintf("Takes back what run %s did: %s", runID, was.Plan.Sentence)}
	for i := len(was.Steps) - 1; i >= 0; i-- {
		if undo := was.Plan.Steps[i].Undo; was.Steps[i].Phase == backend.StepDone && undo != nil {
			if err := sound([]backend.Step{*undo}, was.Plan.Steps[i].Target.Link); err != nil {
				return Proposal{}, err
			}
			plan.Steps = append(plan.Steps, *undo)
		}
	}
	if len(plan.Steps) == 0 {
		return Proposal{}, refuse(backend.Invalid, a, "nothing that run "+runID+" did can be taken back")
	}
	if left := was.Done() - len(plan.Steps); left > 0 {
		plan.Warnings = append(plan.Warnings, fmt.Sprintf("%d of the %d steps done can't be taken back.", left, was.Done()))
	}
	for _, w := range r.said { // it is still true that an autoscaler may set it back
		plan.Warnings = append(plan.Warnings, "It was warned of what is taken back: "+w)
	}
	refs, _ := targets(plan.Steps)
	if code, why := d.closedTo(refs); why != "" {
		err := refuse(code, a, why)
		if code == backend.Denied {
			d.keepRefusal(a, refs, audit.ReadOnly, err.Error())
		}
		return Proposal{}, err
	}
	// The questions to the servers are bounded in time by review.
	return d.propose(context.Background(), Proposal{Plan: plan, Action: a, undoes: runID})
}
