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

// maxHints is how many actions of the selection the footer shows.
const maxHints = 5

// hints are the likeliest actions of the selection by key, then the shell's.
func (s *Shell) hints() []hint {
	var out []hint
	sel := s.top().Selection()
	for _, a := range s.actions(sel) {
		key := s.keyOf(a.ID)
		if key == "" || len(out) == maxHints {
			continue
		}
		out = append(out, hint{key, strings.ToLower(a.Title), s.o.Desk.Why(a.ID, sel.Refs) != ""})
	}
	always := [...]struct{ id, title string }{
		{"list.open", "open"},
		{"chart.left", "crosshair"},
		{"chart.zoom", "zoom"},
		{"shell.filter", "filter"},
		{"shell.actions", "actions"},
		{"shell.command", "command"},
		{"shell.palette", "palette"},
		{"shell.help", "help"},
	}
	all := s.commands()
	for _, h := range always {
		i := slices.IndexFunc(all, func(c Command) bool { return c.ID == h.id })
		if key := s.keyOf(h.id); i >= 0 && key != "" {
			out = append(out, hint{key, h.title, all[i].Why != ""})
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
