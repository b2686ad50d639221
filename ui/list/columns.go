package list

import (
	"cmp"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/ui"
	"wheelhouse/ui/widget/chooser"
	"wheelhouse/ui/widget/table"
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
		l.keepOrder()
	})
}

func (l *List[T]) keepOrder() { l.shared.Memory.Put(l.sortKey(), []string{l.table.Sorted()}) }

// chooseColumns lists the columns: those that are shown, in their order, then the
// others.
func (l *List[T]) chooseColumns() tea.Cmd {
	return ui.Ask(func(s *ui.Shell) tea.Cmd {
		s.Arrange("Columns: enter shows or hides, < > move", l.columnItems, map[string]func(string){
			"enter": func(id string) { l.choose(toggled(l.table.Chosen(), id)) },
			"<":     func(id string) { l.choose(shifted(l.table.Chosen(), id, -1)) },
			">":     func(id string) { l.choose(shifted(l.table.Chosen(), id, 1)) },
		})
		return nil
	})
}

func (l *List[T]) columnItems() []chooser.Item {
	var items []chooser.Item
	add := func(id, box string) {
		i := slices.IndexFunc(l.spec.Columns, func(c table.Column[T]) bool { return c.ID == id })
		items = append(items, chooser.Item{ID: id, Title: box + strings.ToLower(cmp.Or(l.spec.Columns[i].Title, id))})
	}
	shown := l.table.Chosen()
	for _, id := range shown {
		add(id, "[x] ")
	}
	for _, c := range l.spec.Columns {
		if !slices.Contains(shown, c.ID) {
			add(c.ID, "[ ] ")
		}
	}
	return items
}

// choose shows these columns in that order, and keeps that.
func (l *List[T]) choose(ids []string) {
	l.table.Choose(ids)
	l.shared.Memory.Put(l.columnsKey(), l.table.Chosen())
}

// toggled are ids without id, or with it at the end.
func toggled(ids []string, id string) []string {
	if i := slices.Index(ids, id); i >= 0 {
		return slices.Delete(ids, i, i+1)
	}
	return append(ids, id)
}

// shifted are ids with id moved by one place, where it is one of them and there
// is such a place.
func shifted(ids []string, id string, by int) []string {
	i := slices.Index(ids, id)
	if to := i + by; i >= 0 && to >= 0 && to < len(ids) {
		ids[i], ids[to] = ids[to], ids[i]
	}
	return ids
}
