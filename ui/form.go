package ui

import (
	"fmt"
	"slices"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
	"wheelhouse/ui/widget/input"
)

// form asks for an action's parameters, one line each.
type form struct {
	action backend.Action
	sel    Selection
	fields []input.Input
	at     int
	wrong  string
}

// newForm begins with what was given, else with what the view suggests, else
// with the parameter's own default.
func newForm(a backend.Action, sel Selection, given backend.Args) *form {
	fm := &form{action: a, sel: sel}
	for _, p := range a.Params {
		v, ok := given[p.Name]
		if !ok {
			v, ok = sel.Prefill[p.Name]
		}
		if !ok {
			v = p.Default
		}
		if p.Type == backend.Choice && !slices.Contains(p.Choices, v) && len(p.Choices) > 0 {
			v = p.Choices[0]
		}
		field := input.New(v, p.Secret)
		field.Select()
		fm.fields = append(fm.fields, field)
	}
	return fm
}

func (fm *form) title() string {
	if len(fm.sel.Refs) == 1 {
		r := fm.sel.Refs[0]
		return fm.action.Title + " " + backend.T(path(r)+" on "+r.Link).Safe()
	}
	return fm.action.Title + " " + Count(len(fm.sel.Refs), "object")
}

// mostHelp is how many rows the help of one parameter may take: servers write it,
// and some write pages.
const mostHelp = 4

// helpOf is a parameter's help in rows of w cells.
func helpOf(p backend.Param, w int) []string {
	if p.Help == "" {
		return nil
	}
	rows := screen.Wrap(backend.T(p.Help).Safe(), w)
	return rows[:min(len(rows), mostHelp)]
}

// rows is how many rows parameter i takes.
func (fm *form) rows(i, w int) int { return 1 + len(helpOf(fm.action.Params[i], w-2)) }

func (fm *form) want(_ *Shell, maxW, _ int) (w, h int) {
	w, h = min(maxW, 72), 3
	for i := range fm.action.Params {
		h += fm.rows(i, w)
	}
	return w, h
}

func (fm *form) draw(_ *Shell, f screen.Frame) {
	w := f.Width()
	body := f.Sub(0, 0, w, f.Height()-2)
	first, last := fm.window(w, body.Height())
	y := 0
	for i := first; i <= last; i++ {
		fm.drawField(body, i, y)
		y += fm.rows(i, w)
	}
	f.Fit(0, f.Height()-2, w, themes.Warning, fm.wrong, false)
	keys := "enter shows the plan · esc cancels"
	n := len(fm.fields)
	if n > 1 {
		keys = "tab next field · " + keys
	}
	if last-first+1 < n {
		keys = fmt.Sprintf("%d-%d of %d · ", first+1, last+1, n) + keys
	}
	f.Text(0, f.Height()-1, themes.Dim, keys)
}

// window is which fields are drawn where there is no room for all: as many before
// the current one as fit, so that it is the last, or all up to where room ends.
func (fm *form) window(w, h int) (first, last int) {
	left := h - fm.rows(fm.at, w)
	for first = fm.at; first > 0 && left-fm.rows(first-1, w) >= 0; first-- {
		left -= fm.rows(first-1, w)
	}
	for last = fm.at; last+1 < len(fm.fields) && left-fm.rows(last+1, w) >= 0; last++ {
		left -= fm.rows(last+1, w)
	}
	return first, last
}

func (fm *form) drawField(f screen.Frame, i, y int) {
	p := fm.action.Params[i]
	pen := themes.Dim
	if i == fm.at {
		f.Text(0, y, themes.Accent, f.Signs.Cursor)
		pen = themes.Plain | themes.Bold
	}
	w := fm.labels(f.Width())
	f.Fit(2, y, w, pen, backend.T(p.Title).Safe(), false)
	x := 2 + w + 2
	switch p.Type {
	case backend.Bool:
		f.Text(x, y, themes.Plain, "[ ] yes")
		if on, _ := strconv.ParseBool(fm.fields[i].Value()); on {
			f.Text(x, y, themes.Plain, "[x] yes")
		}
	case backend.Choice:
		at := slices.Index(p.Choices, fm.fields[i].Value())
		x = f.Text(x, y, themes.Plain, fm.fields[i].Value())
		f.Text(x+2, y, themes.Dim, fmt.Sprintf("%d of %d, left and right change it", at+1, len(p.Choices)))
	default:
		fm.fields[i].Draw(f, x, y, f.Width()-x, themes.Plain)
	}
	for n, row := range helpOf(p, f.Width()-2) {
		f.Text(2, y+1+n, themes.Dim, row)
	}
}

// labels is how wide the names of all fields are, in a form of w cells: what is filled
// in stands below each other.
func (fm *form) labels(w int) (widest int) {
	for _, p := range fm.action.Params {
		widest = max(widest, screen.Width(backend.T(p.Title).Safe()))
	}
	return min(widest, w/2)
}

func (fm *form) update(s *Shell, msg tea.Msg) (bool, tea.Cmd) {
	k, isKey := msg.(tea.KeyPressMsg)
	if isKey {
		switch k.String() {
		case "tab", "down":
			fm.at = (fm.at + 1) % len(fm.fields)
			return false, nil
		case "shift+tab", "up":
			fm.at = (fm.at + len(fm.fields) - 1) % len(fm.fields)
			return false, nil
		case "enter":
			return fm.enter(s)
		}
	}
	switch p := fm.action.Params[fm.at]; p.Type {
	case backend.Bool:
		if isKey && k.String() == "space" {
			on, _ := strconv.ParseBool(fm.fields[fm.at].Value())
			fm.fields[fm.at].Set(strconv.FormatBool(!on))
		}
	case backend.Choice:
		step := map[string]int{"right": 1, "space": 1, "left": len(p.Choices) - 1}
		if isKey && step[k.String()] != 0 && len(p.Choices) > 0 {
			at := max(0, slices.Index(p.Choices, fm.fields[fm.at].Value()))
			fm.fields[fm.at].Set(p.Choices[(at+step[k.String()])%len(p.Choices)])
		}
	default:
		fm.fields[fm.at].Update(msg)
	}
	return false, nil
}

// enter checks what was filled in and asks for the plan.
func (fm *form) enter(s *Shell) (bool, tea.Cmd) {
	given := backend.Args{}
	for i, p := range fm.action.Params {
		if v := fm.fields[i].Value(); v != "" || p.Type == backend.String && p.Default != "" {
			given[p.Name] = v // one that was emptied is meant to be empty
		}
	}
	if _, err := fm.action.Check(given); err != nil {
		fm.wrong = backend.T(err.Error()).Safe()
		return false, nil
	}
	return true, s.plan(fm.action, fm.sel, given)
}

func (fm *form) dismissed(s *Shell) { s.Say("Cancelled: nothing was sent.", backend.None) }
