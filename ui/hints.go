package ui

import (
	"slices"
	"strings"
)

// hint is one key in the footer.
type hint struct {
	key, title string
	dim        bool // it can't be done now; pressing it says why
}

// maxHints is how many actions of the selection the footer shows, and maxAsked of how
// many of the selected objects it asks whether they can be done: it is drawn with every
// picture. The key itself asks of all.
const (
	maxHints = 5
	maxAsked = 50
)

// A Hinter is a view whose own likeliest commands stand in the footer.
type Hinter interface {
	// Hints are their ids with a word for each.
	Hints() [][2]string
}

// hints are the likeliest actions of the selection by key, then the shell's.
func (s *Shell) hints() []hint {
	var out []hint
	sel := s.top().Selection()
	sel.Refs = sel.Refs[:min(len(sel.Refs), maxAsked)]
	for _, a := range s.actions(sel) {
		key := s.keyOf(a.ID)
		if key == "" || len(out) == maxHints {
			continue
		}
		out = append(out, hint{key, strings.ToLower(a.Title), s.o.Desk.Why(a.ID, sel.Refs) != ""})
	}
	var rest [][2]string
	if v, ok := s.top().(Hinter); ok {
		rest = v.Hints()
	}
	rest = append(rest, [2]string{"shell.filter", "filter"}, [2]string{"shell.actions", "actions"}, [2]string{"shell.command", "command"},
		[2]string{"shell.palette", "palette"}, [2]string{"shell.help", "help"})
	all := s.commands()
	for _, h := range rest {
		i := slices.IndexFunc(all, func(c Command) bool { return c.ID == h[0] })
		if key := s.keyOf(h[0]); i >= 0 && key != "" {
			out = append(out, hint{key, h[1], all[i].Why != ""})
		}
	}
	return out
}

// keyOf is the first key that a command is on here; empty when it has none.
func (s *Shell) keyOf(command string) string {
	if keys := s.o.Keys.Keys(s.scopes(), command); len(keys) > 0 {
		return keys[0]
	}
	return ""
}
