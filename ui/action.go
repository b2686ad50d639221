package ui

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/dispatch"
)

// planTime is how long the servers may take to answer what a plan asks them.
const planTime = 10 * time.Second

// planned is the answer to a request for a plan; started to one to begin it.
type planned struct {
	wait     *waiting // the dialog that waits for it
	proposal dispatch.Proposal
	err      error
}

// asked is the answer to what parameters the target of an action names.
type asked struct {
	wait   *waiting
	params []backend.Param
	err    error
}

type started struct {
	dialog *confirm
	id     string
	err    error
}

// begin asks for the parameters that are missing, then for a plan.
func (s *Shell) begin(a backend.Action, sel Selection, given backend.Args) tea.Cmd {
	if why := s.o.Desk.Bars(a.ID, sel.Refs); why != "" {
		s.Say(fmt.Sprintf("%s can't be done now: %s", a.Title, why), backend.Warning)
		return nil
	}
	if a.Asks {
		return s.ask(a, sel, given)
	}
	for _, p := range a.Params {
		if _, ok := given[p.Name]; p.Required && !ok {
			return s.fill(a, sel, given)
		}
	}
	return s.plan(a, sel, given)
}

// fill opens the form of an action's parameters.
func (s *Shell) fill(a backend.Action, sel Selection, given backend.Args) tea.Cmd {
	if why := s.o.Desk.Why(a.ID, sel.Refs); why != "" { // before somebody types in vain
		s.Say(fmt.Sprintf("%s may be refused: %s", a.Title, why), backend.Warning)
	}
	s.open(newForm(a, sel, given))
	return nil
}

// ask asks which parameters the target names, for the form.
func (s *Shell) ask(a backend.Action, sel Selection, given backend.Args) tea.Cmd {
	w := &waiting{action: a, sel: sel, args: given, what: "asking the server what it takes …"}
	return s.await(w, func(ctx context.Context) tea.Msg {
		params, err := s.o.Desk.Params(ctx, a.ID, sel.Refs)
		return asked{w, params, err}
	})
}

// asked opens the form with what the target names; where that is nothing, there is
// nothing to fill in.
func (s *Shell) asked(msg asked) tea.Cmd {
	w := msg.wait
	if w.gone {
		return nil
	}
	s.shut(w)
	if msg.err != nil {
		s.refused(w.action, msg.err)
		return nil
	}
	a := w.action
	if a.Params = msg.params; len(a.Params) == 0 {
		return s.plan(a, w.sel, w.args)
	}
	return s.fill(a, w.sel, w.args)
}

func (s *Shell) refused(a backend.Action, err error) {
	s.open(&notice{heading: a.Title + " can't be done", lines: []string{backend.T(err.Error()).Safe()}})
}

// plan asks dispatch what would be done; meanwhile a dialog says so.
func (s *Shell) plan(a backend.Action, sel Selection, given backend.Args) tea.Cmd {
	w := &waiting{action: a, sel: sel, args: given, what: "asking the servers what this would do …"}
	return s.await(w, func(ctx context.Context) tea.Msg {
		p, err := s.o.Desk.Plan(ctx, a.ID, sel.Refs, given)
		return planned{w, p, err}
	})
}

// await opens a dialog that stands until f has answered, and gives it up with Esc.
func (s *Shell) await(w *waiting, f func(context.Context) tea.Msg) tea.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), planTime)
	w.cancel = cancel
	s.open(w)
	return s.Work(func() tea.Msg {
		defer cancel()
		return f(ctx)
	})
}

// planned shows what would be done, or why it can't be.
func (s *Shell) planned(msg planned) tea.Cmd {
	if msg.wait.gone {
		return nil
	}
	s.shut(msg.wait)
	if msg.err != nil {
		s.refused(msg.wait.action, msg.err)
		return nil
	}
	if h := msg.wait.sel.Hidden; h > 0 {
		msg.proposal.Warnings = append(msg.proposal.Warnings,
			fmt.Sprintf("%d of the %d marked are hidden by the filter; they are included.", h, len(msg.wait.sel.Refs)))
	}
	c := newConfirm(msg.proposal, msg.wait.sel, s.who())
	if msg.proposal.Risk == backend.Low && len(msg.proposal.Warnings) == 0 && msg.proposal.Refused == "" {
		return s.start(c, dispatch.Consent{Confirmed: true})
	}
	s.open(c)
	return nil
}

// start begins a proposal that was consented to. The dialog stays until the
// record of the intent is written and the run has begun.
func (s *Shell) start(c *confirm, consent dispatch.Consent) tea.Cmd {
	return s.Work(func() tea.Msg {
		id, err := s.o.Desk.Start(context.Background(), c.proposal, consent)
		return started{c, id, err}
	})
}

func (s *Shell) started(msg started) tea.Cmd {
	c := msg.dialog
	c.sent = false
	switch {
	case msg.err == nil:
		s.shut(c)
	case !s.stands(c):
		s.open(&notice{heading: c.proposal.Action.Title + " was not begun", lines: []string{backend.T(msg.err.Error()).Safe()}})
	case errors.Is(msg.err, dispatch.ErrUnrecorded):
		c.wrong = msg.err.Error()
		c.askReason()
	case backend.CodeOf(msg.err) == backend.Unconfirmed:
		c.wrong = msg.err.Error()
	default:
		s.shut(c)
		s.open(&notice{heading: c.proposal.Action.Title + " was not begun", lines: []string{backend.T(msg.err.Error()).Safe()}})
	}
	return nil
}

// waiting stands on the screen while the servers are asked.
type waiting struct {
	action backend.Action
	sel    Selection
	args   backend.Args
	what   string
	cancel context.CancelFunc
	gone   bool
}

// runBook is what the shell knows of the runs: taken from dispatch whenever
// something has changed.
type runBook struct {
	going    int
	unread   int
	progress string
	told     time.Time // when the run ended that was told last
}

// look counts what goes on and tells the newest end.
func (b *runBook) look(s *Shell) {
	b.going, b.progress = 0, ""
	for _, r := range s.o.Desk.Runs() {
		if r.Ended.IsZero() {
			b.going++
			b.progress = progress(r)
		}
	}
	if b.going > 1 {
		b.progress = Count(b.going, "run")
	}
	unread := s.o.Desk.Unread()
	b.unread = len(unread)
	for _, r := range slices.SortedFunc(slices.Values(unread), func(a, b backend.Run) int { return a.Ended.Compare(b.Ended) }) {
		if r.Ended.After(b.told) {
			b.told = r.Ended
			s.Say(Outcome(r), OutcomeLevel(r))
		}
	}
}

// OutcomeLevel is the level that a run is drawn with.
func OutcomeLevel(r backend.Run) backend.Level {
	switch {
	case r.Ended.IsZero():
		return backend.Moving
	case r.Err == nil:
		return backend.Good
	case backend.CodeOf(r.Err) == backend.Conflict || backend.CodeOf(r.Err) == backend.Partly || backend.CodeOf(r.Err) == backend.Unknown:
		return backend.Warning
	}
	return backend.Critical
}

// Outcome is a run's end, or how far it has come, in a sentence.
func Outcome(r backend.Run) string {
	if r.Ended.IsZero() {
		return progress(r)
	}
	return backend.T(r.Outcome).Safe()
}

func progress(r backend.Run) string {
	for _, st := range r.Steps {
		if st.Phase == backend.StepGoing && len(r.Steps) == 1 && st.Note != "" {
			return r.Plan.Action + ": " + backend.T(st.Note).Safe()
		}
	}
	return fmt.Sprintf("%s %d/%d", r.Plan.Action, r.Done(), len(r.Steps))
}
