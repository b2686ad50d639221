package table

import (
	"cmp"
	"maps"
	"slices"

	"wheelhouse/backend"
)

// marks is which rows are marked: by address, with the UID that was marked. One
// that was made anew under the same name is not.
type marks struct {
	keys   map[backend.Ref]string
	anchor backend.Ref // the last one that was marked by itself
	left   uint64      // rows that had left the store when marks were last looked after
	lost   int         // marked rows that are gone

	fresh    bool // what follows holds
	selected []backend.Ref
	hidden   int
}

// Mark marks the row under the cursor, or takes its mark off.
func (t *Table[T]) Mark() {
	row, ok := t.Current()
	if !ok {
		return
	}
	ref := (*row).Ref()
	key := ref.Key()
	if t.marked(key) {
		delete(t.marks.keys, key)
	} else {
		t.marks.keys[key] = ref.UID
		t.marks.anchor = key
	}
	t.marks.fresh, t.marks.lost = false, 0
}

// MarkRange marks the rows from the last one that was marked to the cursor.
func (t *Table[T]) MarkRange() {
	from, to := t.lens.Index(t.marks.anchor), t.cursor.at
	if from < 0 {
		from = to
	}
	first, last := min(from, to), max(from, to)
	for _, row := range t.lens.Window(first, last-first+1) {
		ref := (*row.Value).Ref()
		t.marks.keys[ref.Key()] = ref.UID
	}
	t.marks.anchor, t.marks.fresh, t.marks.lost = t.cursor.key, false, 0
}

// MarkAll marks all rows that are shown.
func (t *Table[T]) MarkAll() {
	for v := range t.lens.Shown() {
		ref := (*v).Ref()
		t.marks.keys[ref.Key()] = ref.UID
	}
	t.marks.fresh, t.marks.lost = false, 0
}

// ClearMarks takes all marks off.
func (t *Table[T]) ClearMarks() {
	clear(t.marks.keys)
	t.marks.anchor, t.marks.fresh, t.marks.lost = backend.Ref{}, false, 0
}

// Marked counts the marked rows, shown or hidden.
func (t *Table[T]) Marked() int {
	t.look()
	return len(t.marks.keys)
}

// LostMarks counts the marked rows that are not there any more, since a mark was last set or
// taken off.
func (t *Table[T]) LostMarks() int { return t.marks.lost }

// HiddenMarked counts the marked rows that the filter hides.
func (t *Table[T]) HiddenMarked() int {
	t.look()
	return t.marks.hidden
}

// Selected is what an action would be done to: the marked rows, hidden ones too,
// or the row under the cursor when none is marked. The slice is the table's own.
func (t *Table[T]) Selected() []backend.Ref {
	if len(t.marks.keys) == 0 {
		if row, ok := t.Current(); ok {
			return []backend.Ref{(*row).Ref()}
		}
		return nil
	}
	t.look()
	return t.marks.selected
}

func (t *Table[T]) marked(key backend.Ref) bool {
	_, ok := t.marks.keys[key]
	return ok
}

// look works out what is selected and what of it is hidden, once for each state
// of rows and marks.
func (t *Table[T]) look() {
	m := &t.marks
	if m.fresh {
		return
	}
	m.fresh, m.hidden, m.selected = true, 0, nil
	for key, uid := range m.keys {
		switch v, ok := t.store.Get(key); {
		case ok && v.Ref().UID == uid:
			m.selected = append(m.selected, v.Ref())
		case ok:
			delete(m.keys, key)
			m.lost++
		}
	}
	slices.SortFunc(m.selected, func(a, b backend.Ref) int {
		return cmp.Or(cmp.Compare(a.Link, b.Link), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Sub, b.Sub))
	})
	if t.lens.Counts().Hidden() == 0 { // by a filter, or by the place
		return
	}
	m.hidden = len(m.keys)
	for v := range t.lens.Shown() {
		if t.marked((*v).Ref().Key()) {
			m.hidden--
		}
	}
}

// dropMarks takes the marks off rows that are gone. Which those are is known only
// when all are there that are wanted.
func (t *Table[T]) dropMarks() {
	m := &t.marks
	m.fresh = false
	c := t.lens.Counts()
	if m.left == c.Left || c.Loading > 0 {
		return
	}
	m.left = c.Left
	before := len(m.keys)
	maps.DeleteFunc(m.keys, func(key backend.Ref, _ string) bool {
		_, ok := t.store.Get(key)
		return !ok
	})
	m.lost += before - len(m.keys)
}
