package ui

import (
	"runtime/debug"

	tea "charm.land/bubbletea/v2"
)

// fault is a panic of our own code.
type fault struct {
	reason any
	stack  []byte
}

// guard runs the shell so that a panic in it ends the program in order: the
// terminal is given back before anything is said.
type guard struct{ s *Shell }

// Init begins the shell.
func (g guard) Init() (cmd tea.Cmd) {
	defer g.caught(&cmd)
	return g.s.Init()
}

// Update gives the shell a message.
func (g guard) Update(msg tea.Msg) (m tea.Model, cmd tea.Cmd) {
	defer g.caught(&cmd)
	_, work := g.s.Update(msg)
	if work == nil {
		return g, nil
	}
	return g, func() tea.Msg { return guarded(work) }
}

// View draws; a panic in it is found by the next Update.
func (g guard) View() (v tea.View) {
	if g.s.fault != nil {
		return v
	}
	defer func() {
		if r := recover(); r != nil {
			g.s.fault = &fault{r, debug.Stack()}
			g.s.wakeNow()
		}
	}()
	return g.s.View()
}

func (g guard) caught(cmd *tea.Cmd) {
	if r := recover(); r != nil {
		g.s.fault = &fault{r, debug.Stack()}
	}
	if g.s.fault != nil {
		*cmd = tea.Quit
	}
}

// guarded makes a panic of a command a message.
func guarded(f func() tea.Msg) (msg tea.Msg) {
	defer func() {
		if r := recover(); r != nil {
			msg = &fault{r, debug.Stack()}
		}
	}()
	return f()
}
