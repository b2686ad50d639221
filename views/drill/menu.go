package drill

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/screen"
)

// menu is what there is to practise on.
type menu struct {
	player *Player
	at     int
}

// Name implements ui.View.
func (*menu) Name() string { return menus }

// Scopes implements ui.View.
func (*menu) Scopes() []string { return []string{"drill", "list"} }

// Title implements ui.View.
func (m *menu) Title() ui.Title {
	return ui.Title{What: menus, Counts: ui.Count(len(m.player.o.All), "incident") + " to practise on"}
}

// Open implements ui.View.
func (*menu) Open(ui.Place) {}

// Close implements ui.View.
func (*menu) Close() {}

// Update implements ui.View.
func (*menu) Update(tea.Msg) tea.Cmd { return nil }

// Selection implements ui.View.
func (*menu) Selection() ui.Selection { return ui.Selection{} }

// Settled implements ui.View.
func (*menu) Settled() bool { return true }

// Draw implements ui.View.
func (m *menu) Draw(f screen.Frame) {
	now, playing := m.player.now()
	wide := 0
	for _, d := range m.player.o.All {
		wide = max(wide, screen.Width(d.Name))
	}
	f.Text(1, 0, themes.Dim, "DRILL")
	f.Text(wide+3, 0, themes.Dim, " TIME  WHAT THE PAGER CALLS IT")
	for i, d := range m.player.o.All {
		row := f.Sub(0, 1+i, f.Width(), 1)
		pen := themes.Plain
		if i == m.at {
			pen |= themes.Reverse
			row.Fill(pen)
		}
		row.Text(1, 0, pen, d.Name)
		title := d.Title
		if playing && d.Name == now.Name {
			title += "  (" + string(now.Phase) + ")"
		}
		row.Text(wide+3, 0, pen, fmt.Sprintf("%5s  %s", span(d.Lost), title))
	}
	below := f.Sub(0, len(m.player.o.All)+2, f.Width(), max(0, f.Height()-len(m.player.o.All)-2))
	below.Paragraph(1, 0, min(widest, f.Width()-2), themes.Dim,
		"enter opens a new world with that drill in it; what goes on in this one ends. A drill of your own is a YAML file: wheelhouse demo --drill ./mine.yaml, and wheelhouse drill check says what is wrong with it.")
}

// Hints implements ui.Hinter.
func (*menu) Hints() [][2]string { return [][2]string{{"drill.go", "play"}} }

// Commands implements ui.View.
func (m *menu) Commands() []ui.Command {
	to := func(id, title string, at func() int) ui.Command {
		return ui.Command{ID: id, Title: title, Group: "drill", Quiet: true, Run: func() tea.Cmd {
			m.at = max(0, min(at(), len(m.player.o.All)-1))
			return nil
		}}
	}
	return []ui.Command{
		to("list.down", "Down", func() int { return m.at + 1 }), to("list.up", "Up", func() int { return m.at - 1 }),
		to("list.top", "First", func() int { return 0 }), to("list.bottom", "Last", func() int { return len(m.player.o.All) }),
		{ID: "drill.go", Title: "Play the drill", Group: "drill", Run: func() tea.Cmd { return m.player.o.Start(m.player.o.All[m.at].Name) }},
	}
}
