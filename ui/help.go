package ui

import (
	"sort"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/keymap"
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
	t.page.Set(pager.Doc(backend.Doc{Lines: lines}), 0)
	s.open(t)
}

// openHelp shows every key of exactly this view, with the reason beside what
// can't be done now.
func (s *Shell) openHelp() tea.Cmd {
	s.openText("Help: "+s.top().Name(), s.helpLines())
	return nil
}

// A SearchHelper is a view that says by itself what can be typed behind '/'.
type SearchHelper interface {
	SearchHelp() []backend.Line
}

// helpLines are the keys of all that can be done here, by group, each key once.
func (s *Shell) helpLines() []backend.Line {
	b := book{keys: s.o.Keys.InForce(s.scopes()), groups: map[string][]backend.Line{}, told: map[string]bool{}}
	sel := s.top().Selection()
	for _, a := range s.actions(sel) {
		b.add("actions on the selection", a.ID, a.Title+": "+a.Help, s.o.Desk.Why(a.ID, sel.Refs))
	}
	for _, c := range s.commands() {
		b.add(c.Group, c.ID, c.Title, c.Why)
	}
	for _, k := range b.keys {
		if line, ok := strings.CutPrefix(k.Command, ":"); ok {
			b.line("your own keys", k.Key, ":"+line)
		}
	}
	out := b.lines()
	if v, ok := s.top().(SearchHelper); ok {
		out = append(append(out, backend.Line{}), v.SearchHelp()...)
	}
	return out
}

// book is a help being written.
type book struct {
	keys   []keymap.Binding
	groups map[string][]backend.Line
	order  []string
	told   map[string]bool // ids
}

// add writes the keys of a command, then those on which it has arguments.
func (b *book) add(group, id, title, why string) {
	if b.told[id] { // the view has its own of that name
		return
	}
	b.told[id] = true
	if why != "" {
		title += "  (not now: " + why + ")"
	}
	byArgs, order := map[string][]string{}, []string(nil)
	for _, k := range b.keys {
		word, args, _ := strings.Cut(k.Command, " ")
		if word != id {
			continue
		}
		if byArgs[args] == nil {
			order = append(order, args)
		}
		byArgs[args] = append(byArgs[args], k.Key)
	}
	sort.Strings(order) // without arguments first
	for _, args := range order {
		said := title
		if args != "" {
			name, _, _ := strings.Cut(title, ": ")
			said = name + " with " + args
		}
		b.line(group, strings.Join(byArgs[args], " "), said)
	}
}

func (b *book) line(group, keys, text string) {
	if b.groups[group] == nil {
		b.order = append(b.order, group)
	}
	b.groups[group] = append(b.groups[group], backend.Line{Label: keys, Text: backend.T(text)})
}

// lines are the groups, a blank line between them.
func (b *book) lines() []backend.Line {
	sort.SliceStable(b.order, func(i, j int) bool { return rank(b.order[i]) < rank(b.order[j]) })
	var out []backend.Line
	for i, g := range b.order {
		if i > 0 {
			out = append(out, backend.Line{})
		}
		out = append(out, backend.Line{Text: backend.T(strings.ToUpper(g))})
		out = append(out, b.groups[g]...)
	}
	return out
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
