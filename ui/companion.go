package ui

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// A Companion goes along with the person at the screen and is no view: a drill that is
// played, a tour. It has its say at the bottom and changes nothing else.
type Companion interface {
	// Commands are those that it brings to every view.
	Commands() []Command
	// Status stands at the right end of the last line; empty for nothing.
	Status(now time.Time) string
	// Line stands above the last line; empty for nothing.
	Line() string
	// Look is called after everything that has happened, with what came of it.
	Look(Scene) tea.Cmd
	// Leave is asked first when Esc is pressed on a view: true when it had something to
	// end, and that was all.
	Leave() bool
}

// A Scene is what a companion sees of the screen.
type Scene struct {
	View   View
	Prompt bool   // something is typed into the command line or the filter
	Dialog string // the title of the one on top; empty: there is none
}

// accompanied lets the companions see what has happened, and carries out what they want
// besides cmd.
func (s *Shell) accompanied(cmd tea.Cmd) tea.Cmd {
	if len(s.o.Companions) == 0 {
		return cmd
	}
	now := Scene{View: s.top(), Prompt: s.prompt != nil}
	if d := s.dialog(); d != nil {
		now.Dialog = d.title()
	}
	all := []tea.Cmd{cmd}
	for _, c := range s.o.Companions {
		all = append(all, c.Look(now))
	}
	return tea.Batch(all...)
}

// left says whether one of the companions had something that Esc ends.
func (s *Shell) left() bool {
	for _, c := range s.o.Companions {
		if c.Leave() {
			return true
		}
	}
	return false
}

// drawLines draws what the companions say at the end of f, and gives what is left of it.
func (s *Shell) drawLines(f screen.Frame) screen.Frame {
	for _, c := range s.o.Companions {
		line := c.Line()
		if line == "" || f.Height() < 3 {
			continue
		}
		last := f.Sub(0, f.Height()-1, f.Width(), 1)
		last.Fill(themes.Plain | themes.Bar)
		x := last.Text(1, 0, themes.Accent|themes.Bar, f.Signs.Level[backend.Moving])
		last.Text(x+1, 0, themes.Plain|themes.Bar, line)
		f = f.Sub(0, 0, f.Width(), f.Height()-1)
	}
	return f
}
