package ui

import (
	"cmp"
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
)

// key gives a key press to the dialog on top, else to the prompt, else to the
// command that the keymap has on it. Every key is answered within the frame.
func (s *Shell) key(msg tea.KeyPressMsg) tea.Cmd {
	s.flash.clear()
	name := msg.String()
	if name == "ctrl+c" {
		return s.askQuit()
	}
	if d := s.dialog(); d != nil {
		return s.toDialog(d, msg)
	}
	if s.prompt != nil {
		return s.promptKey(msg)
	}
	if name == "esc" && s.left() {
		return nil
	}
	bound, ok := s.o.Keys.Lookup(s.scopes(), name)
	if !ok {
		s.Say(fmt.Sprintf("%s does nothing here. ? shows every key.", name), backend.None)
		return nil
	}
	return s.Invoke(bound)
}

// scopes are the keymap's scopes that hold now, innermost first.
func (s *Shell) scopes() []string { return append(s.top().Scopes(), "shell") }

// Invoke runs a command by its id; arguments for an action may follow it:
// "pod.delete force=true". One that begins with ':' is a command line.
func (s *Shell) Invoke(line string) tea.Cmd {
	if typed, ok := strings.CutPrefix(line, ":"); ok {
		return s.Command(typed)
	}
	id, rest, _ := strings.Cut(line, " ")
	if c, ok := s.find(id); ok {
		if c.Why != "" {
			s.Say(fmt.Sprintf("%s can't be done now: %s", c.Title, c.Why), backend.Warning)
			return nil
		}
		return c.Run()
	}
	if a, ok := s.o.Desk.Find(id); ok {
		return s.begin(a, s.top().Selection(), args(rest))
	}
	s.Say(fmt.Sprintf("%s does nothing on this view. ? shows every key.", cmp.Or(s.keyOf(id), id)), backend.None)
	return nil
}

func args(words string) backend.Args {
	out := backend.Args{}
	for _, w := range strings.Fields(words) {
		k, v, _ := strings.Cut(w, "=")
		out[k] = v
	}
	return out
}

// typed gives pasted text to whatever is being typed into.
func (s *Shell) typed(msg tea.Msg) tea.Cmd {
	if d := s.dialog(); d != nil {
		return s.toDialog(d, msg)
	}
	if s.prompt != nil {
		return s.promptKey(msg)
	}
	s.Say("There is nothing to paste into. : opens the command line, / the filter.", backend.None)
	return nil
}

// mouse gives the wheel and clicks to the view; dialogs are for keys.
func (s *Shell) mouse(msg tea.MouseMsg) tea.Cmd {
	if s.dialog() != nil || s.prompt != nil {
		return nil
	}
	return s.top().Update(msg)
}
