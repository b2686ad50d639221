package ui

import (
	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// notice is a dialog that only says something.
type notice struct {
	heading string
	lines   []string
}

func (n *notice) title() string { return n.heading }

func (n *notice) want(_ *Shell, maxW, _ int) (w, h int) {
	w = min(maxW, 76)
	return w, len(screen.WrapAll(n.lines, w)) + 2
}

func (n *notice) draw(_ *Shell, f screen.Frame) {
	for y, l := range screen.WrapAll(n.lines, f.Width()) {
		f.Text(0, y, themes.Plain, l)
	}
	f.Text(0, f.Height()-1, themes.Dim, "enter or esc closes")
}

func (n *notice) update(_ *Shell, msg tea.Msg) (bool, tea.Cmd) {
	k, ok := msg.(tea.KeyPressMsg)
	return ok && k.String() == "enter", nil
}

func (n *notice) dismissed(*Shell) {}

func (w *waiting) title() string { return w.action.Title }

func (w *waiting) want(_ *Shell, maxW, _ int) (int, int) { return min(maxW, 50), 3 }

func (w *waiting) draw(_ *Shell, f screen.Frame) {
	f.Text(0, 0, themes.Moving, f.Signs.Level[backend.Moving]+" "+w.what)
	f.Text(0, f.Height()-1, themes.Dim, "esc gives up; nothing was sent")
}

func (w *waiting) update(*Shell, tea.Msg) (bool, tea.Cmd) { return false, nil }

func (w *waiting) dismissed(*Shell) {
	w.gone = true
	w.cancel()
}
