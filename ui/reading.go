package ui

import (
	tea "charm.land/bubbletea/v2"

	"wheelhouse/ui/widget/pager"
)

// PagerCommands are those that move and search in a text; after is called when one
// was done, with its id.
func PagerCommands(p *pager.Pager, after func(id string)) []Command {
	do := func(id, title string, f func()) Command {
		return Command{ID: id, Title: title, Group: "text", Quiet: true, Run: func() tea.Cmd {
			f()
			after(id)
			return nil
		}}
	}
	return []Command{
		do("pager.down", "Down", func() { p.Scroll(1) }),
		do("pager.up", "Up", func() { p.Scroll(-1) }),
		do("pager.pageDown", "Page down", func() { p.Page(1) }),
		do("pager.pageUp", "Page up", func() { p.Page(-1) }),
		do("pager.top", "First line", p.Top),
		do("pager.bottom", "Last line", p.Bottom),
		do("pager.left", "Left", func() { p.Pan(-8) }),
		do("pager.right", "Right", func() { p.Pan(8) }),
		do("pager.wrap", "Wrap long lines, or cut them", p.ToggleWrap),
		do("pager.next", "Next hit", func() { p.Next(1) }),
		do("pager.previous", "Hit before", func() { p.Next(-1) }),
	}
}
