package list

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/ui"
	"wheelhouse/ui/widget/chooser"
)

// What was chosen about columns and order is kept under these keys.
func (l *List[T]) columnsKey() string { return "columns." + l.spec.Name }
func (l *List[T]) sortKey() string    { return "sort." + l.spec.Name }

// recall brings back what was chosen in an earlier session.
func (l *List[T]) recall() {
	if ids := l.shared.Memory.Get(l.columnsKey()); len(ids) > 0 {
		l.table.Choose(ids)
	}
	order := l.spec.Sort
	if kept := l.shared.Memory.Get(l.sortKey()); len(kept) == 1 {
		order = kept[0]
	}
	l.table.SortBy(order)
}

// sorting sorts by a column; once more turns the order round.
func (l *List[T]) sorting(id string) func() tea.Cmd {
	return l.keep(func() {
		if l.table.Sorted() == id {
			id = "-" + id
		}
		l.table.SortBy(id)
	})
}

// keep runs f and keeps the order that it leaves.
func (l *List[T]) keep(f func()) func() tea.Cmd {
	return l.moved(func() {
		f()
		l.shared.Memory.Put(l.sortKey(), []string{l.table.Sorted()})
	})
}

// chooseColumns lists the columns: picking one shows or hides it, and the
// dialog comes back until Esc; a column that is shown again goes to the end.
func (l *List[T]) chooseColumns() tea.Cmd {
	shown := l.table.Chosen()
	var items []chooser.Item
	for _, id := range shown {
		items = append(items, l.columnItem(id, "[x] "))
	}
	for _, c := range l.spec.Columns {
		if !slices.Contains(shown, c.ID) {
			items = append(items, l.columnItem(c.ID, "[ ] "))
		}
	}
	return ui.Ask(func(s *ui.Shell) tea.Cmd {
		s.Choose("Columns", items, func(it chooser.Item) tea.Cmd {
			l.toggleColumn(it.ID)
			return l.chooseColumns()
		})
		return nil
	})
}

func (l *List[T]) columnItem(id, box string) chooser.Item {
	for _, c := range l.spec.Columns {
		if c.ID == id {
			return chooser.Item{ID: id, Title: box + strings.ToLower(c.Title), Detail: "enter shows or hides"}
		}
	}
	return chooser.Item{ID: id, Title: box + id}
}

func (l *List[T]) toggleColumn(id string) {
	var ids []string
	for _, other := range l.table.Chosen() {
		if other != id {
			ids = append(ids, other)
		}
	}
	if len(ids) == len(l.table.Chosen()) {
		ids = append(ids, id)
	}
	l.table.Choose(ids)
	l.shared.Memory.Put(l.columnsKey(), ids)
}
