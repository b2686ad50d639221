package ui

import (
	"context"
	"fmt"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/ui/widget/chooser"
)

// openOutcomes lists what was done in this session, newest first, and how it
// ended; enter reads one, stops it while it goes on, or takes it back.
func (s *Shell) openOutcomes() tea.Cmd {
	runs := s.o.Desk.Runs()
	for _, r := range runs {
		if !r.Ended.IsZero() { // what ends while they are read is told later
			s.o.Desk.Acknowledge(r.ID)
		}
	}
	s.runs.unread = len(s.o.Desk.Unread())
	if len(runs) == 0 {
		s.Say("Nothing was done in this session yet.", backend.None)
		return nil
	}
	byID := map[string]backend.Run{}
	var items []chooser.Item
	for _, r := range runs {
		byID[r.ID] = r
		items = append(items, chooser.Item{
			ID: r.ID, Group: r.Began.Format("15:04:05"), Detail: Outcome(r),
			Title: s.o.Signs.Level[OutcomeLevel(r)] + " " + r.Plan.Action,
		})
	}
	s.Choose("Outcomes", items, func(it chooser.Item) tea.Cmd { return s.openRun(byID[it.ID]) })
	return nil
}

// openRun offers what can be done with one run.
func (s *Shell) openRun(r backend.Run) tea.Cmd {
	items := []chooser.Item{{ID: "read", Title: "Read: every step and its answer"}}
	stop := chooser.Item{ID: "stop", Title: "Stop: begin none of the steps that are left"}
	if !r.Ended.IsZero() {
		stop.Why = "it has ended"
	}
	undo := chooser.Item{ID: "undo", Title: "Undo: plan the way back", Why: whyNoUndo(r)}
	s.Choose(r.Plan.Action, append(items, stop, undo), func(it chooser.Item) tea.Cmd {
		switch it.ID {
		case "stop":
			s.o.Desk.Cancel(r.ID)
			s.Say("Stopping; what was sent already can't be called back.", backend.Moving)
		case "undo":
			return s.undo(r)
		default:
			s.openText("Run "+r.ID, runLines(r))
		}
		return nil
	})
	return nil
}

func whyNoUndo(r backend.Run) string {
	if r.Ended.IsZero() {
		return "it still goes on"
	}
	for i, st := range r.Steps {
		if st.Phase == backend.StepDone && r.Plan.Steps[i].Undo != nil {
			return ""
		}
	}
	return "nothing that it did can be taken back"
}

// undo plans the way back like any other action.
func (s *Shell) undo(r backend.Run) tea.Cmd {
	_, cancel := context.WithCancel(context.Background())
	a, _ := s.o.Desk.Find(r.Plan.Action)
	w := &waiting{action: a, cancel: cancel}
	s.open(w)
	return s.Work(func() tea.Msg {
		p, err := s.o.Desk.Undo(r.ID)
		return planned{w, p, err}
	})
}

func runLines(r backend.Run) []backend.Line {
	lines := []backend.Line{
		{Label: "plan", Text: backend.T(r.Plan.Sentence)},
		{Label: "began", Text: backend.T(r.Began.Format("2006-01-02 15:04:05"))},
		{Label: "end", Level: OutcomeLevel(r), Text: backend.T(Outcome(r))},
	}
	for i, st := range r.Steps {
		step := r.Plan.Steps[i]
		lines = append(lines,
			backend.Line{},
			backend.Line{Label: fmt.Sprintf("step %d", i+1), Text: backend.T(step.Target.String())},
			backend.Line{Label: "request", Text: backend.T(step.Request)},
			backend.Line{Label: "same as", Text: backend.T(step.CLI)},
			backend.Line{Label: "answer", Text: backend.T(st.String())})
	}
	return lines
}
