package ui

import (
	"sort"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
	"wheelhouse/ui/widget/pager"
)

// text is a dialog with lines to read.
type text struct {
	heading string
	page    pager.Pager
}

func (t *text) title() string { return t.heading }

func (t *text) want(_ *Shell, maxW, maxH int) (w, h int) {
	w = min(maxW, 96)
	return w, min(maxH, t.page.Rows(w)+2)
}

func (t *text) draw(_ *Shell, f screen.Frame) {
	t.page.Draw(f.Sub(0, 0, f.Width(), f.Height()-1))
	if t.page.Rows(f.Width()) >= f.Height() {
		f.Text(0, f.Height()-1, themes.Dim, t.page.Place()+" · space goes on, esc closes")
	}
}

func (t *text) update(_ *Shell, msg tea.Msg) (bool, tea.Cmd) {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return false, nil
	}
	switch k.String() {
	case "enter", "q", "?":
		return true, nil
	case "down", "j":
		t.page.Scroll(1)
	case "up", "k":
		t.page.Scroll(-1)
	case "pgdown", "space", "ctrl+f":
		t.page.Page(1)
	case "pgup", "ctrl+b":
		t.page.Page(-1)
	case "home", "g":
		t.page.Top()
	case "end", "G":
		t.page.Bottom()
	}
	return false, nil
}

func (t *text) dismissed(*Shell) {}

func (s *Shell) openText(heading string, lines []backend.Line) {
	t := &text{heading: heading}
	t.page.ToggleWrap()
	t.page.Set(backend.Doc{Lines: lines})
	s.open(t)
}

// openHelp shows every key of exactly this view, with the reason beside what
// can't be done now.
func (s *Shell) openHelp() tea.Cmd {
	s.openText("Help: "+s.top().Name(), s.helpLines())
	return nil
}

func (s *Shell) helpLines() []backend.Line {
	groups := map[string][]backend.Line{}
	var order []string
	add := func(group, id, title, why string) {
		keys := s.o.Keys.Keys(s.scopes(), id)
		if len(keys) == 0 {
			return
		}
		if groups[group] == nil {
			order = append(order, group)
		}
		if why != "" {
			title += "  (not now: " + why + ")"
		}
		groups[group] = append(groups[group], backend.Line{Label: strings.Join(keys, " "), Text: backend.T(title)})
	}
	sel := s.top().Selection()
	for _, a := range s.actions(sel) {
		add("actions on the selection", a.ID, a.Title+": "+a.Help, s.o.Desk.Why(a.ID, sel.Refs))
	}
	for _, c := range s.commands() {
		add(c.Group, c.ID, c.Title, c.Why)
	}
	sort.SliceStable(order, func(i, j int) bool { return rank(order[i]) < rank(order[j]) })
	var out []backend.Line
	for i, g := range order {
		if i > 0 {
			out = append(out, backend.Line{})
		}
		out = append(out, backend.Line{Text: backend.T(strings.ToUpper(g))})
		out = append(out, groups[g]...)
	}
	return append(out, filterHelp()...)
}

// rank puts the actions first and the ways to go last.
func rank(group string) int {
	switch group {
	case "actions on the selection":
		return 0
	case "go":
		return 2
	}
	return 1
}

// filterHelp is what can be typed behind '/'.
func filterHelp() []backend.Line {
	return []backend.Line{
		{},
		{Text: backend.T("FILTERS, ALL THAT ARE TYPED MUST MATCH")},
		{Label: "check", Text: backend.T("rows that hold it")},
		{Label: "check.*7d", Text: backend.T("rows that match the expression")},
		{Label: "!check", Text: backend.T("rows that don't")},
		{Label: "~ckout", Text: backend.T("rows that hold these letters in this order")},
		{Label: "state:crash", Text: backend.T("in this column; also restarts:>5 and age:<1h")},
		{Label: "-l app=cart", Text: backend.T("labels, asked of the server")},
	}
}
