// Package guide is what goes along with whoever sits at the embedded world and is new
// there: what to do first, a tour of the console, and a word when the world has ended.
// Each shows nothing of its own but a line, and does nothing.
package guide

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/ui"
)

// Greeting is the companion that says on home what to do first, until something was done:
// another view, or Esc.
type Greeting struct{ begun, over bool }

// Commands implements ui.Companion.
func (*Greeting) Commands() []ui.Command { return nil }

// Status implements ui.Companion.
func (*Greeting) Status(time.Time) string { return "" }

// Line implements ui.Companion.
func (g *Greeting) Line() string {
	if !g.begun || g.over {
		return ""
	}
	return "Nothing can break here.  :tour shows around · :drills has incidents to solve"
}

// Look implements ui.Companion.
func (g *Greeting) Look(now ui.Scene) tea.Cmd {
	home := now.View.Name() == "home"
	g.over = g.over || g.begun && !home
	g.begun = g.begun || home
	return nil
}

// Leave implements ui.Companion.
func (g *Greeting) Leave() bool {
	was := g.Line() != ""
	g.over = true
	return was
}

// End is the companion that says when the world has ended that the console looks at: else
// every link would only say that its server is gone.
type End struct{ Of <-chan struct{} }

// Commands implements ui.Companion.
func (*End) Commands() []ui.Command { return nil }

// Status implements ui.Companion.
func (*End) Status(time.Time) string { return "" }

// Line implements ui.Companion.
func (e *End) Line() string {
	select {
	case <-e.Of:
		return "The embedded world has ended. :q leaves, `wheelhouse demo` opens another."
	default:
		return ""
	}
}

// Look implements ui.Companion.
func (*End) Look(ui.Scene) tea.Cmd { return nil }

// Leave implements ui.Companion.
func (*End) Leave() bool { return false }
