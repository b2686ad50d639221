package dispatch

import (
	"fmt"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/audit"
)

// maxArg bounds an argument in the record, in bytes: some are whole files.
const maxArg = 4 << 10

// intent is what the record says before anything is sent.
func intent(id string, p Proposal, reason string) audit.Entry {
	in := audit.Intent{
		Run: id, Action: p.Action.ID, Undoes: p.undoes, Sentence: p.Sentence, Warnings: p.Warnings,
		Args: map[string]string{}, Reason: reason, Links: p.links,
	}
	for name, v := range public(p.Action, p.Args) {
		if len(v) > maxArg {
			v = fmt.Sprintf("%s … (%d bytes)", v[:maxArg], len(v))
		}
		in.Args[name] = v
	}
	for _, s := range p.Steps {
		planned := audit.Planned{Target: s.Target.String(), UID: s.Target.UID, Request: s.Request, CLI: s.CLI, Guard: s.Guard, Before: s.Before}
		if noun(s.Target.Kind) == "secret" { // whatever the adapter did: never a Secret's content
			planned.Before = nil
		}
		in.Steps = append(in.Steps, planned)
	}
	return audit.Entry{Intent: &in}
}

// stepEnd is what the record says of one step, n from 1.
func stepEnd(id string, n int, target backend.Ref, s backend.StepState) audit.Entry {
	end := audit.Step{Run: id, N: n, Target: target.String(), Code: word(s.Err), Note: s.Note}
	if s.Err != nil {
		end.Error = s.Err.Error()
	}
	return audit.Entry{Step: &end}
}

// outcome is what the record says of a run's end.
func outcome(id string, e end, took time.Duration) audit.Entry {
	return audit.Entry{Outcome: &audit.Outcome{
		Run: id, Code: word(e.asError()), Sentence: e.sentence, Seconds: took.Seconds(), Done: e.done, Of: e.of,
	}}
}

func word(err error) string {
	if err == nil {
		return "done"
	}
	return backend.CodeOf(err).String()
}

// keepRefusal records what was asked for and not begun, now or when it can be.
func (d *Desk) keepRefusal(a backend.Action, refs []backend.Ref, cause audit.Cause, reason string) {
	r := audit.Refusal{Action: a.ID, Cause: cause, Reason: strings.TrimSpace(reason)}
	for _, ref := range refs {
		r.Targets = append(r.Targets, ref.String())
	}
	_ = d.o.Record.Keep(audit.Entry{Refusal: &r}) // it is kept in any case
}
