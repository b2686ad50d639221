package tour

import (
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/ui"
)

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
