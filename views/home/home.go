// Package home is the first view: what is wrong now, what is on its way or waits
// for somebody, what changed just before, of all domains and all links.
package home

import (
	"cmp"
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/story"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/widget/table"
)

// Opener is how ':' and the palette open it. lead is the ':' line that shows an
// object among its like.
func Opener(b *story.Book, lead func(backend.Ref) string, shared list.Shared) ui.Opener {
	return ui.Opener{
		Name: "home", Alias: []string{"now", "wrong"}, Title: "Home: what is wrong, on its way, changed just before",
		Open: func(with ui.OpenWith) ui.View {
			return &home{b, list.New(list.Spec[story.Item]{
				Name: "home", Noun: "object", Feed: b.Feed(), Columns: Columns(), Sort: "now", Scoped: true,
				None:   "Nothing is wrong, nothing is on its way, nothing has changed",
				Note:   func(i *story.Item) (backend.Level, string) { return i.Level, what(i) + ": " + i.Says },
				Broken: func(i *story.Item) bool { return i.Section == story.Wrong },
				Beside: func(s backend.Scope) { b.Watch(context.Background(), s) },
				Enter:  func(i story.Item) tea.Cmd { return follow(lead(i.Of)) },
			}, shared, with)}
		},
	}
}

func follow(line string) tea.Cmd {
	return ui.Ask(func(s *ui.Shell) tea.Cmd { return s.Command(line) })
}

// home is a list whose rows are made of all others.
type home struct {
	book *story.Book
	*list.List[story.Item]
}

// Open implements ui.View.
func (h *home) Open(p ui.Place) {
	h.List.Open(p)
	h.book.Turn()
}

// Update implements ui.View: what has changed elsewhere is taken in first.
func (h *home) Update(msg tea.Msg) tea.Cmd {
	if _, ok := msg.(ui.Changed); ok {
		h.book.Turn()
	}
	return h.List.Update(msg)
}

// Columns are what a row of home shows.
func Columns() []table.Column[story.Item] {
	return []table.Column[story.Item]{
		{
			ID: "now", Title: "NOW", Keep: 1, Text: section,
			Cell: func(i *story.Item, _ time.Time) table.Cell { return table.Cell{Text: section(i), Level: i.Level} },
			Less: first,
		},
		list.Text("name", "WHAT", 0, what),
		list.Name("says", "SAYS", func(i *story.Item) string { return i.Says }),
		list.Text("namespace", "NAMESPACE", 4, func(i *story.Item) string { return i.Of.Scope }),
		list.Text("link", "LINK", 3, func(i *story.Item) string { return i.Of.Link }),
		list.Age("since", "SINCE", func(i *story.Item) int64 { return i.Since }),
	}
}

func section(i *story.Item) string { return i.Section.String() }

// what is the object as people call it: "rollout checkout".
func what(i *story.Item) string {
	kind, _, _ := strings.Cut(i.Of.Kind, ".")
	if kind == cluster.KindCluster {
		kind = "link" // which leads to a system as well
	}
	return kind + " " + i.Of.Name
}

// first is the order in which people want to know: what is wrong, the worst first,
// and of the like the newest first.
func first(a, b *story.Item) int {
	return cmp.Or(int(a.Section)-int(b.Section), int(b.Level)-int(a.Level), cmp.Compare(b.Since, a.Since))
}
