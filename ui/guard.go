package ui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
)

// guard runs the shell so that a panic in it ends the program in order: the
// terminal is given back before anything is said.
type guard struct{ s *Shell }

// Init begins the shell.
func (g guard) Init() (cmd tea.Cmd) {
	defer g.ends(&cmd)
	defer backend.Caught(&g.s.fault)
	return g.s.Init()
}

// Update gives the shell a message.
func (g guard) Update(msg tea.Msg) (tea.Model, tea.Cmd) { return g, g.update(msg) }

func (g guard) update(msg tea.Msg) (cmd tea.Cmd) {
	defer g.ends(&cmd)
	defer backend.Caught(&g.s.fault)
	_, work := g.s.Update(msg)
	if work == nil {
		return nil
	}
	return func() tea.Msg { return guarded(work) }
}

// View draws; a panic in it is found by the next Update.
func (g guard) View() (v tea.View) {
	if g.s.fault != nil {
		return v
	}
	defer func() {
		if g.s.fault != nil {
			g.s.wakeNow()
		}
	}()
	defer backend.Caught(&g.s.fault)
	return g.s.View()
}

func (g guard) ends(cmd *tea.Cmd) {
	if g.s.fault != nil {
		*cmd = tea.Quit
	}
}

// guarded makes a panic of a command a message.
func guarded(f func() tea.Msg) (msg tea.Msg) {
	var err error
	defer func() {
		if err != nil {
			msg = fault{err}
		}
	}()
	defer backend.Caught(&err)
	return f()
}

// fault is the message that a command panicked.
type fault struct{ err error }

// beside runs f on a goroutine of its own; a panic in it ends the program.
func beside(end context.CancelCauseFunc, f func()) {
	go func() {
		var err error
		defer func() {
			if err != nil {
				end(err)
			}
		}()
		defer backend.Caught(&err)
		f()
	}()
}
