package dispatch

import (
	"fmt"
	"strings"
	"time"

	"wheelhouse/backend"
)

// end is how a run ended.
type end struct {
	err      *backend.Error // nil when all was done
	sentence string
	done, of int // steps
}

// asError is err as an interface that is nil when err is.
func (e end) asError() error {
	if e.err == nil {
		return nil
	}
	return e.err
}

// count is how many steps of a run ended in which way.
type count struct {
	done, failed, unclear, waiting int
	first                          int // the first that failed or is unclear; -1 for none
	codes                          map[backend.Code]bool
}

func tally(steps []backend.StepState) count {
	c := count{first: -1, codes: map[backend.Code]bool{}}
	for i, s := range steps {
		switch s.Phase {
		case backend.StepDone:
			c.done++
			continue
		case backend.StepWaiting:
			c.waiting++
			continue
		}
		if c.first < 0 {
			c.first = i
		}
		code := backend.CodeOf(s.Err)
		c.codes[code] = true
		if code == backend.Unknown {
			c.unclear++
		} else {
			c.failed++
		}
	}
	return c
}

// code is the kind of end: Partly as soon as anything was done, else what the
// failures agree on.
func (c count) code() backend.Code {
	switch {
	case c.done > 0:
		return backend.Partly
	case len(c.codes) == 1:
		for code := range c.codes {
			return code
		}
	case c.unclear > 0:
		return backend.Unknown
	}
	return backend.Failed
}

// conclude says how a run ended whose steps have all ended or were not begun.
func conclude(a backend.Action, r backend.Run, stopped bool, took time.Duration) end {
	c := tally(r.Steps)
	e := end{done: c.done, of: len(r.Steps)}
	subject := a.Title + " of " + Subject(r.Plan.Steps)
	if c.done == e.of {
		e.sentence = fmt.Sprintf("%s was done in %s%s.", subject, span(took), note(r.Steps))
		return e
	}
	e.err = &backend.Error{Code: c.code(), Op: a.ID}
	if c.first >= 0 {
		e.err.Err, e.err.Ref = r.Steps[c.first].Err, r.Plan.Steps[c.first].Target
	}
	switch {
	case c.first < 0 && c.done == 0:
		e.sentence = subject + " was stopped before anything was sent. Begin it again if it is still wanted."
	case e.of == 1 && c.unclear == 1:
		e.sentence = fmt.Sprintf("%s was left unclear after %s: %s", subject, span(took), human(e.err.Err))
	case e.of == 1:
		e.sentence = fmt.Sprintf("%s failed after %s: %s", subject, span(took), human(e.err.Err))
	default:
		e.sentence = subject + ": " + c.sentence(e.of, took, stopped)
		if c.first >= 0 {
			e.sentence += fmt.Sprintf(" First %s: %s", naming(e.err.Ref), human(e.err.Err))
		} else {
			e.sentence += " Do it again for what is left."
		}
	}
	e.err.Human = e.sentence
	return e
}

// sentence counts: "2 of 3 done in 4s, 1 failed."
func (c count) sentence(of int, took time.Duration, stopped bool) string {
	parts := []string{fmt.Sprintf("%d of %d done in %s", c.done, of, span(took))}
	if c.failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", c.failed))
	}
	if c.unclear > 0 {
		parts = append(parts, fmt.Sprintf("%d unclear", c.unclear))
	}
	if c.waiting > 0 {
		text := fmt.Sprintf("%d not begun", c.waiting)
		if stopped {
			text += " because it was stopped"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ") + "."
}

// note is what the steps said at their end, where they all said the same.
func note(steps []backend.StepState) string {
	for _, s := range steps {
		if s.Note == "" || s.Note != steps[0].Note {
			return ""
		}
	}
	return ": " + strings.TrimSuffix(backend.T(steps[0].Note).Safe(), ".")
}
