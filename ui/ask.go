package ui

import (
	tea "charm.land/bubbletea/v2"

	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// buttons is the last line of a dialog that asks: Cancel, which is the default,
// and what is asked for.
type buttons struct {
	yes    string
	chosen bool // the cursor stands on yes
}

// update moves between the two; done says that one was chosen.
func (b *buttons) update(key string) (done bool) {
	switch key {
	case "left", "right", "tab", "shift+tab", "h", "l":
		b.chosen = !b.chosen
	case "enter":
		return true
	}
	return false
}

func (b *buttons) draw(f screen.Frame, y int) {
	cancel, yes := "  Cancel  ", "  "+b.yes+"  "
	pens := [2]themes.Pen{themes.Plain | themes.Reverse, themes.Plain}
	if b.chosen {
		pens = [2]themes.Pen{themes.Plain, themes.Critical | themes.Reverse}
		yes = "[ " + b.yes + " ]"
	} else {
		cancel = "[ Cancel ]"
	}
	x := max(0, f.Width()-screen.Width(cancel+yes)-3)
	x = f.Text(x, y, pens[0], cancel)
	f.Text(x+2, y, pens[1], yes)
}

// question asks yes or no about something that is no action on a system.
type question struct {
	heading string
	lines   []string
	buttons buttons
	do      func() tea.Cmd
}

func (q *question) title() string { return q.heading }

func (q *question) want(_ *Shell, maxW, _ int) (w, h int) {
	w = screen.Width(q.heading) + 4
	for _, l := range q.lines {
		w = max(w, screen.Width(l))
	}
	w = min(w, maxW)
	return w, 2 + len(screen.WrapAll(q.lines, w))
}

func (q *question) draw(_ *Shell, f screen.Frame) {
	for y, l := range screen.WrapAll(q.lines, f.Width()) {
		f.Text(0, y, themes.Plain, l)
	}
	q.buttons.draw(f, f.Height()-1)
}

func (q *question) update(_ *Shell, msg tea.Msg) (bool, tea.Cmd) {
	k, ok := msg.(tea.KeyPressMsg)
	if !ok || !q.buttons.update(k.String()) {
		return false, nil
	}
	if q.buttons.chosen {
		return true, q.do()
	}
	return true, nil
}

func (q *question) dismissed(*Shell) {}
