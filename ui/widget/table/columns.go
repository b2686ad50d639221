package table

import (
	"slices"

	"wheelhouse/ui/screen"
)

// gutter is the cells before the first column: cursor, mark, sign, blank. gap
// is the blanks between columns.
const (
	gutter = 4
	gap    = 2
)

// Limits of a column's width, in cells: of one that says none itself, and of
// the name before other columns are dropped for it.
const (
	maxColumn = 40
	minName   = 10
	fairName  = 30
)

// layout is where the columns stand. Widths come from what is visible and only
// grow, so that nothing jumps while rows pass by.
type layout struct {
	widths []int   // by column, what has been seen; nil: to be measured anew
	frame  int     // width of the frame they are for
	pan    int     // columns that are scrolled out to the left
	places []place // as last drawn, from left to right
	hidden int     // columns that are wanted and have no place
	more   bool    // some of them are to the right
}

// place is where one column stands.
type place struct{ column, x, w int }

// Choose shows the columns of these IDs in that order; unknown ones are left
// out, and the name comes first when it is missing. None is what the columns
// themselves say.
func (t *Table[T]) Choose(ids []string) {
	t.chosen, t.wide = nil, false
	for _, id := range ids {
		if i := t.column(id); i >= 0 && !slices.Contains(t.chosen, i) {
			t.chosen = append(t.chosen, i)
		}
	}
	if len(t.chosen) == 0 {
		for i, c := range t.columns {
			if !c.Hidden {
				t.chosen = append(t.chosen, i)
			}
		}
	}
	if !slices.Contains(t.chosen, t.name) {
		t.chosen = slices.Insert(t.chosen, 0, t.name)
	}
	t.layout = layout{}
}

// Chosen gives the IDs of the columns that are chosen, in order.
func (t *Table[T]) Chosen() []string {
	var ids []string
	for _, i := range t.chosen {
		ids = append(ids, t.columns[i].ID)
	}
	return ids
}

// Omit leaves out the columns that say the same in every row; Wide shows them
// all the same.
func (t *Table[T]) Omit(ids ...string) {
	if !slices.Equal(t.omitted, ids) {
		t.omitted, t.layout = ids, layout{}
	}
}

// Wide shows all columns instead of the chosen ones, or these again.
func (t *Table[T]) Wide() {
	t.wide = !t.wide
	t.layout = layout{}
}

// wanted is the columns to be shown, in order: the chosen ones, and behind them
// the others when all are wanted, else the one that is sorted by.
func (t *Table[T]) wanted() []int {
	if !t.wide {
		some := slices.Clone(t.chosen)
		if t.sort >= 0 && !slices.Contains(some, t.sort) {
			some = append(some, t.sort)
		}
		return slices.DeleteFunc(some, func(i int) bool { return slices.Contains(t.omitted, t.columns[i].ID) })
	}
	all := slices.Clone(t.chosen)
	for i := range t.columns {
		if !slices.Contains(all, i) {
			all = append(all, i)
		}
	}
	return all
}

// Pan scrolls by n columns to the right, or to the left. The name stays.
func (t *Table[T]) Pan(n int) {
	l := &t.layout
	for ; n > 0 && (l.more || l.pan == 0 && l.hidden > 0); n-- {
		l.pan++
		t.arrange(l.frame)
	}
	l.pan = max(0, l.pan+min(n, 0))
	t.arrange(l.frame)
}

// ColumnAt gives the ID of the column at x of the last drawing; empty for none.
func (t *Table[T]) ColumnAt(x int) string {
	for _, p := range t.layout.places {
		if x >= p.x && x < p.x+p.w {
			return t.columns[p.column].ID
		}
	}
	return ""
}

// width is how much room a cell wants.
func (c Cell) width() int {
	w := screen.Width(c.Text)
	if n := len(c.Track); n > 0 && w > 0 {
		w += n + 1
	} else {
		w += n
	}
	return w
}

// remeasure forgets the widths.
func (t *Table[T]) remeasure() { t.layout.widths = nil }

// measure widens the columns to what the visible cells want. cells are by row,
// then as wanted.
func (t *Table[T]) measure(cells [][]Cell, wanted []int) {
	l := &t.layout
	if l.widths == nil {
		l.widths = make([]int, len(t.columns))
		for i, c := range t.columns {
			l.widths[i] = max(c.Min, screen.Width(c.Title)+1) // and the arrow
		}
	}
	for _, row := range cells {
		for k, i := range wanted {
			limit := t.columns[i].Max
			if limit == 0 {
				limit = maxColumn
			}
			if w := row[k].width(); w > l.widths[i] {
				l.widths[i] = max(l.widths[i], min(w, limit))
			}
		}
	}
}

// arrange gives the wanted columns their places in w cells. Where they don't
// all fit, those go first whose Keep is highest; of columns that are scrolled,
// those at the right.
func (t *Table[T]) arrange(w int) {
	l := &t.layout
	if l.widths == nil {
		return
	}
	wanted := slices.Clone(t.wanted())
	all := len(wanted)
	l.frame, l.more = w, false
	scrolled := 0
	wanted = slices.DeleteFunc(wanted, func(i int) bool {
		out := i != t.name && scrolled < l.pan
		if out {
			scrolled++
		}
		return out
	})
	name := max(min(l.widths[t.name], fairName), t.columns[t.name].Min, minName)
	for len(wanted) > 1 && t.others(wanted)+name > w-gutter {
		last := t.leastKept(wanted)
		if l.pan > 0 {
			last = len(wanted) - 1
			if wanted[last] == t.name {
				last--
			}
			l.more = true
		}
		wanted = slices.Delete(wanted, last, last+1)
	}
	l.hidden = all - len(wanted)
	name = max(0, w-gutter-t.others(wanted))
	if most := t.columns[t.name].Max; most > 0 {
		name = min(name, max(most, l.widths[t.name]))
	}
	l.places = l.places[:0]
	x := gutter
	for _, i := range wanted {
		width := l.widths[i]
		if i == t.name {
			width = name
		}
		l.places = append(l.places, place{i, x, width})
		x += width + gap
	}
}

// others is the cells that all but the name take, with their gaps.
func (t *Table[T]) others(wanted []int) int {
	n := 0
	for _, i := range wanted {
		if i != t.name {
			n += t.layout.widths[i] + gap
		}
	}
	return n
}

// leastKept gives the index within wanted of the column to be dropped first. The
// one that is sorted by is of those that stay longest: without it nobody sees
// the order.
func (t *Table[T]) leastKept(wanted []int) int {
	keep := func(i int) int {
		if i == t.sort {
			return min(t.columns[i].Keep, 2)
		}
		return t.columns[i].Keep
	}
	least := -1
	for k, i := range wanted {
		if i != t.name && (least < 0 || keep(i) >= keep(wanted[least])) {
			least = k
		}
	}
	return least
}
