package ui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// A dialog stands above the view and takes every key until it is closed. Esc
// closes any of them.
type dialog interface {
	title() string
	// want is the size that it would like inside its border.
	want(s *Shell, maxW, maxH int) (w, h int)
	draw(s *Shell, f screen.Frame)
	// update takes a key or a paste; done says that it is finished.
	update(s *Shell, msg tea.Msg) (done bool, cmd tea.Cmd)
	// dismissed is called when Esc has closed it.
	dismissed(s *Shell)
}

// dialog is the one on top; nil when there is none.
func (s *Shell) dialog() dialog {
	if len(s.dialogs) == 0 {
		return nil
	}
	return s.dialogs[len(s.dialogs)-1]
}

func (s *Shell) open(d dialog) { s.dialogs = append(s.dialogs, d) }

// stands says whether d is still on the stack.
func (s *Shell) stands(d dialog) bool { return slices.Contains(s.dialogs, d) }

// shut takes d out of the stack, wherever it stands.
func (s *Shell) shut(d dialog) {
	for i, other := range s.dialogs {
		if other == d {
			s.dialogs = append(s.dialogs[:i], s.dialogs[i+1:]...)
			return
		}
	}
}

func (s *Shell) toDialog(d dialog, msg tea.Msg) tea.Cmd {
	if k, ok := msg.(tea.KeyPressMsg); ok && k.String() == "esc" {
		s.shut(d)
		d.dismissed(s)
		return nil
	}
	closed, cmd := d.update(s, msg)
	if closed {
		s.shut(d)
	}
	return cmd
}

// drawDialog draws d with its border in the middle of f. Where there is no room
// for a border it takes the whole screen.
func (s *Shell) drawDialog(f screen.Frame, d dialog) {
	if f.Width() < 12 || f.Height() < 5 {
		f.Clear()
		d.draw(s, f)
		return
	}
	w, h := d.want(s, f.Width()-8, f.Height()-4)
	w = max(min(w, f.Width()-4), min(screen.Width(d.title())+2, f.Width()-4))
	h = min(h, f.Height()-2)
	box := f.Sub((f.Width()-w-4)/2, (f.Height()-h-2)/2, w+4, h+2)
	box.Clear()
	border(box, d.title())
	d.draw(s, box.Sub(2, 1, w, h))
}

func border(f screen.Frame, title string) {
	g, w, h := f.Signs, f.Width(), f.Height()
	for x := 1; x < w-1; x++ {
		f.Text(x, 0, themes.Rule, g.Horizontal)
		f.Text(x, h-1, themes.Rule, g.Horizontal)
	}
	for y := 1; y < h-1; y++ {
		f.Text(0, y, themes.Rule, g.Vertical)
		f.Text(w-1, y, themes.Rule, g.Vertical)
	}
	f.Text(0, 0, themes.Rule, g.TopLeft)
	f.Text(w-1, 0, themes.Rule, g.TopRight)
	f.Text(0, h-1, themes.Rule, g.BottomLeft)
	f.Text(w-1, h-1, themes.Rule, g.BottomRight)
	f.Sub(2, 0, w-4, 1).Text(0, 0, themes.Accent|themes.Bold, " "+title+" ")
}
