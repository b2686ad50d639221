package ui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
)

// commands is everything that can be done here and now, but for the actions:
// the view's own commands first, then the shell's.
func (s *Shell) commands() []Command {
	out := append(s.top().Commands(), s.own()...)
	for _, c := range s.o.Companions {
		out = append(out, c.Commands()...)
	}
	return out
}

func (s *Shell) find(id string) (Command, bool) {
	for _, c := range s.commands() {
		if c.ID == id {
			return c, true
		}
	}
	return Command{}, false
}

// own is the shell's commands.
func (s *Shell) own() []Command {
	search := ""
	if _, ok := s.top().(Searcher); !ok {
		search = "there is nothing to filter on this view"
	}
	return []Command{
		{ID: "shell.command", Title: "Command line", Group: "go", Run: s.openPrompt(':')},
		{ID: "shell.filter", Title: "Filter, or search in a text", Group: "go", Why: search, Run: s.openPrompt('/')},
		{ID: "shell.palette", Title: "Palette: views, objects, actions", Group: "go", Run: s.openPalette},
		{ID: "shell.actions", Title: "Actions on the selection", Group: "go", Run: s.openMenu},
		{ID: "shell.help", Title: "Help: every key of this view", Group: "go", Run: s.openHelp},
		{ID: "shell.back", Title: "Back: clear the filter, then the view before", Group: "go", Run: s.escape},
		{ID: "shell.previous", Title: "The view before", Group: "go", Run: s.Back},
		{ID: "shell.forward", Title: "The view that was gone back from", Group: "go", Run: s.Forward},
		{ID: "shell.last", Title: "Between the last two views", Group: "go", Run: s.other},
		{ID: "shell.outcomes", Title: "Outcomes: what was done and how it ended", Group: "go", Run: s.openOutcomes},
		{ID: "shell.refresh", Title: "Try the links that are not live again; all else is live", Group: "go", Run: s.retryLinks},
		{ID: "shell.redraw", Title: "Draw the whole screen anew", Group: "go", Run: func() tea.Cmd { s.o.Repaint(); return nil }},
		{ID: "shell.quit", Title: "Quit", Group: "go", Run: s.askQuit},
	}
}

// other goes to the view that one came from, or came back from.
func (s *Shell) other() tea.Cmd {
	if s.stack.at < len(s.stack.views)-1 {
		return s.Forward()
	}
	return s.Back()
}

// escape takes back the innermost thing: the filter, then the view. A filter that
// the view was opened with goes with the view, where there is one to go back to.
func (s *Shell) escape() tea.Cmd {
	v, ok := s.top().(Searcher)
	if !ok {
		return s.Back()
	}
	first := s.stack.views[s.stack.at].filter
	switch v.Query() {
	case "":
		return s.Back()
	case first:
		if s.stack.at > 0 {
			return s.Back()
		}
		first = ""
	}
	_ = v.Search(first, true) // it was good before
	return s.top().Update(Changed{})
}

func (s *Shell) retryLinks() tea.Cmd {
	var tried []string
	for _, l := range s.o.Links.States() {
		if st := l.Health.State; st == backend.Down || st == backend.Stale || st == backend.Forbidden {
			tried = append(tried, l.Alias)
		}
	}
	if len(tried) == 0 {
		s.Say("Every link that is asked for is live.", backend.Good)
		return nil
	}
	s.Say("Trying again: "+strings.Join(tried, ", "), backend.Moving)
	return s.Work(func() tea.Msg {
		for _, alias := range tried {
			s.o.Links.Retry(alias)
		}
		return nil
	})
}

// askQuit ends the program; while runs go on it asks first.
func (s *Shell) askQuit() tea.Cmd {
	if s.runs.going == 0 {
		return s.Quit()
	}
	if _, asking := s.dialog().(*question); asking {
		return s.Quit()
	}
	s.open(&question{
		heading: "Quit while work is going on?",
		lines:   []string{Count(s.runs.going, "run") + " would be stopped where it can be, and the record says how far it came."},
		buttons: buttons{yes: "Quit"}, do: s.Quit,
	})
	return nil
}

// Quit ends the program.
func (s *Shell) Quit() tea.Cmd {
	s.quit = true
	return tea.Quit
}

// Command runs a ':' line: a view with arguments, or one of a few words.
//
//	pods shop,pay @prod-eu /crash     a view, namespaces, links, a filter
func (s *Shell) Command(line string) tea.Cmd {
	line = s.o.Aliases.Resolve(strings.TrimSpace(line))
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "":
		return nil
	case "quit", "q", "q!", "exit":
		return s.askQuit()
	case "help":
		return s.openHelp()
	}
	for _, o := range s.o.Openers {
		if o.Name == word || slices.Contains(o.Alias, word) {
			return s.openView(o, rest)
		}
	}
	_, command := s.find(word)
	_, action := s.o.Desk.Find(word)
	if command || action {
		return s.Invoke(line)
	}
	known := s.words()
	for _, c := range s.commands() {
		known = append(known, c.ID)
	}
	s.Say("No view or command is called "+backend.T(word).Safe()+backend.Near(word, known)+". : and Tab lists them.", backend.Warning)
	return nil
}

// Show runs a ':' line and stands on an object of the view that it opens.
func (s *Shell) Show(line string, on backend.Ref) tea.Cmd {
	s.o.Stand = on
	return s.Command(line)
}

// openView opens a view with what stands behind its name on a ':' line.
func (s *Shell) openView(o Opener, rest string) tea.Cmd {
	l := line{Place: s.stack.place}
	err := l.read(rest)
	switch {
	case err != nil:
		s.Say(err.Error(), backend.Warning)
		return nil
	case o.Word != nil && l.words != nil:
		return s.Command(strings.TrimSpace(o.Word(strings.Join(l.words, ",")) + " " + l.behind))
	}
	with := OpenWith{Ref: s.o.Stand, Filter: l.filter}
	switch {
	case o.Refs != nil:
		if with.Refs, err = o.Refs(l.words); err != nil {
			s.Say(backend.T(err.Error()).Safe(), backend.Warning)
			return nil
		}
	case l.words != nil:
		l.Namespaces = some(l.words)
	}
	if !s.reach(l.Place) {
		return nil
	}
	s.o.Stand = backend.Ref{}
	v := o.Open(with)
	cmd := s.Push(v)
	if f, ok := v.(Filtered); ok && f.Wrong() != "" {
		s.Say("All are shown: "+f.Wrong(), backend.Warning)
	}
	return cmd
}
