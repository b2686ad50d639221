// Package home is the first view: what is wrong now, what is on its way or waits
// for somebody, what changed just before, of all domains and all links.
package home

import (
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/story"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
)

// Opener is how ':' and the palette open it. lead is the ':' line that shows an
// object among its like.
func Opener(b *story.Book, lead func(backend.Ref) string, shared list.Shared) ui.Opener {
	return ui.Opener{
		Name: "home", Alias: []string{"now", "wrong"}, Title: "Home: what is wrong, on its way, changed just before",
		Open: func(with ui.OpenWith) ui.View {
			h := &home{book: b}
			for s, title := range []string{"WRONG NOW", "IN FLIGHT", "JUST BEFORE"} {
				section := story.Section(s)
				h.bands = append(h.bands, &band{title: title, List: list.New(list.Spec[story.Item]{
					Name: "home", Noun: "object", Feed: b.Feed(), Columns: Columns(), Sort: "since", Scoped: true, Alone: true,
					None:   "Nothing is wrong, nothing is on its way, nothing has changed",
					Only:   func(i *story.Item) bool { return i.Section == section },
					Note:   func(*story.Item) (backend.Level, string) { return backend.None, "" }, // it stands below all bands
					Broken: func(i *story.Item) bool { return i.Section == story.Wrong },
					Beside: func(s backend.Scope) { b.Watch(context.Background(), s) },
					Enter: func(i story.Item) tea.Cmd {
						return ui.Ask(func(s *ui.Shell) tea.Cmd { return s.Show(lead(i.Of), i.Of) })
					},
				}, shared, with)})
			}
			h.focus(0)
			return h
		},
	}
}

// home is three lists below each other, of which one has the cursor.
type home struct {
	book  *story.Book
	bands []*band
	at    int  // the band with the cursor
	moved bool // by the person: it stays in its band while rows come
}

// band is the items of one section.
type band struct {
	title string
	*list.List[story.Item]
	y, rows int // as last drawn
}

func (h *home) now() *band { return h.bands[h.at] }

func (h *home) focus(at int) {
	h.at = at
	for i, b := range h.bands {
		b.Focus(i == at)
	}
}

// step goes to the next band that has rows, or the one before, and says whether
// there is one.
func (h *home) step(n int) bool {
	for at := h.at + n; at >= 0 && at < len(h.bands); at += n {
		if h.bands[at].Len() > 0 {
			h.focus(at)
			return true
		}
	}
	return false
}

// Name is what ':' opens it by.
func (h *home) Name() string { return "home" }

// Scopes are those of a list.
func (h *home) Scopes() []string { return h.now().Scopes() }

// Open implements ui.View.
func (h *home) Open(p ui.Place) {
	for _, b := range h.bands {
		b.Open(p)
	}
	h.book.Turn()
}

// Close implements ui.View.
func (h *home) Close() {
	for _, b := range h.bands {
		b.Close()
	}
}

// Update implements ui.View: what has changed elsewhere is taken in first.
func (h *home) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.MouseClickMsg:
		for i, b := range h.bands {
			if y := msg.Y - 1 - b.y; y > 0 && y <= b.rows {
				h.moved = true
				h.focus(i)
				msg.Y -= b.y
				return b.Update(msg)
			}
		}
		return nil
	case tea.MouseWheelMsg:
		return h.now().Update(msg)
	case ui.Changed:
		h.book.Turn()
	}
	for _, b := range h.bands {
		b.Update(msg) // they have no details beside them to ask for
	}
	if h.now().Len() == 0 || !h.moved {
		h.focus(0)
		if h.now().Len() == 0 {
			h.step(1)
		}
	}
	return nil
}

// Selection is what is marked in all bands, or the item under the cursor.
func (h *home) Selection() ui.Selection {
	if h.now().Marked() == 0 {
		for _, b := range h.bands {
			if b.Marked() > 0 {
				return b.Selection()
			}
		}
	}
	return h.now().Selection()
}

// Settled implements ui.View.
func (h *home) Settled() bool {
	return h.bands[0].Settled() && h.bands[1].Settled() && h.bands[2].Settled()
}

// Hints implements ui.Hinter.
func (h *home) Hints() [][2]string {
	return append(h.now().Hints(), [2]string{"home.next", "next part"})
}

// Query implements ui.Searcher.
func (h *home) Query() string { return h.now().Query() }

// Search implements ui.Searcher, in all bands.
func (h *home) Search(query string, typed bool) (err error) {
	for _, b := range h.bands {
		if e := b.Search(query, typed); e != nil {
			err = e
		}
	}
	return err
}

// SearchHelp implements ui.SearchHelper.
func (h *home) SearchHelp() []backend.Line { return h.now().SearchHelp() }

// Find implements ui.Finder.
func (h *home) Find(query string, n int) (out []backend.Ref) {
	for _, b := range h.bands {
		out = append(out, b.Find(query, n-len(out))...)
	}
	return out
}

// Goto implements ui.Finder.
func (h *home) Goto(r backend.Ref) (said string) {
	h.moved = true
	for i, b := range h.bands {
		if b.Has(r) {
			h.focus(i)
			return b.Goto(r)
		}
	}
	return ""
}

// Commands are those of the band with the cursor; going down and up does not end at
// its edges.
func (h *home) Commands() []ui.Command {
	out := slices.DeleteFunc(h.now().Commands(), func(c ui.Command) bool { // each band has its order, and what is broken is one of them
		return c.ID == "list.broken" || strings.HasPrefix(c.ID, "list.sort") || strings.HasPrefix(c.ID, "list.columns") || c.ID == "list.wide"
	})
	for i := range out {
		c := &out[i]
		run := c.Run
		switch c.ID {
		case "list.down", "list.pageDown":
			c.Run = h.over(run, 1)
		case "list.up", "list.pageUp":
			c.Run = h.over(run, -1)
		}
	}
	return append(out, ui.Command{ID: "home.next", Title: "The next part", Group: "table", Run: func() tea.Cmd {
		h.moved = true
		if was := h.at; !h.step(1) { // round again, from before the first
			if h.at = -1; !h.step(1) {
				h.at = was
			}
		}
		return nil
	}})
}

// over moves within the band, and over its edge into the next.
func (h *home) over(within func() tea.Cmd, n int) func() tea.Cmd {
	return func() tea.Cmd {
		h.moved = true
		if h.now().AtEdge(n) && h.step(n) {
			h.now().GoToEdge(-n)
			return nil
		}
		return within()
	}
}

// Title counts each part.
func (h *home) Title() ui.Title {
	t := h.now().Title()
	wrong := " wrong, "
	if t.Health.State == backend.Forbidden {
		wrong = " wrong of what you may see, "
	}
	t.Counts = ui.Number(h.bands[story.Wrong].Len()) + wrong + ui.Number(h.bands[story.Flight].Len()) + " in flight"
	marked := 0
	for _, b := range h.bands {
		marked += b.Marked()
	}
	if marked > 0 {
		t.Counts += ", " + ui.Number(marked) + " marked"
	}
	if q := h.Query(); q != "" {
		t.Counts += " (/" + q + ")"
	}
	t.Failed = t.Failed && h.total() == 0
	return t
}

func (h *home) total() (n int) {
	for _, b := range h.bands {
		n += b.Len()
	}
	return n
}
