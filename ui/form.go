package ui

import (
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
		field := input.New(v, p.Secret)
		field.Select()
		fm.fields = append(fm.fields, field)
	}
	return fm
}

func (fm *form) title() string {
	if len(fm.sel.Refs) == 1 {
		return fm.action.Title + " " + backend.T(path(fm.sel.Refs[0])).Safe()
	}
	return fm.action.Title + " " + Count(len(fm.sel.Refs), "object")
}

func (fm *form) want(_ *Shell, maxW, _ int) (w, h int) {
	w, h = min(maxW, 72), 3
	for _, p := range fm.action.Params {
		h += 1 + len(screen.Wrap(p.Help, w-2))
	}
	return w, h
}

func (fm *form) draw(_ *Shell, f screen.Frame) {
	y := 0
	for i, p := range fm.action.Params {
		pen := themes.Dim
		if i == fm.at {
			f.Text(0, y, themes.Accent, f.Signs.Cursor)
			pen = themes.Plain | themes.Bold
		}
		x := f.Text(2, y, pen, p.Title) + 2
		if p.Type == backend.Bool {
			f.Text(x, y, themes.Plain, "[ ] yes")
			if on, _ := strconv.ParseBool(fm.fields[i].Value()); on {
				f.Text(x, y, themes.Plain, "[x] yes")
			}
		} else {
			fm.fields[i].Draw(f, x, y, f.Width()-x, themes.Plain)
		}
		y += 1 + f.Paragraph(2, y+1, f.Width()-2, themes.Dim, p.Help)
	}
	f.Fit(0, f.Height()-2, f.Width(), themes.Warning, fm.wrong, false)
	f.Text(0, f.Height()-1, themes.Dim, "enter shows the plan · tab next field · esc cancels")
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
		case "space":
			if fm.action.Params[fm.at].Type == backend.Bool {
				on, _ := strconv.ParseBool(fm.fields[fm.at].Value())
				fm.fields[fm.at].Set(strconv.FormatBool(!on))
				return false, nil
			}
		}
	}
	if fm.action.Params[fm.at].Type != backend.Bool {
		fm.fields[fm.at].Update(msg)
	}
	return false, nil
}

// enter checks what was filled in and asks for the plan.
func (fm *form) enter(s *Shell) (bool, tea.Cmd) {
	given := backend.Args{}
	for i, p := range fm.action.Params {
		if v := fm.fields[i].Value(); v != "" {
			given[p.Name] = v
		}
	}
	if _, err := fm.action.Check(given); err != nil {
		fm.wrong = backend.T(err.Error()).Safe()
		return false, nil
	}
	return true, s.plan(fm.action, fm.sel, given)
}

func (fm *form) dismissed(s *Shell) { s.Say("Cancelled: nothing was sent.", backend.None) }
