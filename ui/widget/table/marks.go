package table

import (
	"cmp"
	"maps"
	"slices"

	"wheelhouse/backend"
)

// marks is which rows are marked: by address, with the UID that was marked. One
// that was made anew under the same name is not. What is known of them is kept up
// with what changes: a picture asks for it, and may not count them.
type marks struct {
	keys   map[backend.Ref]mark
	look   int           // counts the looks for which of them are shown
	hidden int           // how many were not
	anchor backend.Ref   // the last one that was marked by itself
	unsure bool          // some may be gone; that is known once all rows are there
	lost   int           // marked rows that are gone
	sorted []backend.Ref // nil: to be sorted anew
}

// mark is one row's.
type mark struct {
	uid   string
	shown int // the look that saw it; hidden when that is not the last
}

// Mark marks the row under the cursor, or takes its mark off.
func (t *Table[T]) Mark() {
	row, ok := t.Current()
	if !ok {
		return
	}
	ref := (*row).Ref()
	if key := ref.Key(); t.marked(key) {
		t.unmark(key)
		t.marks.sorted = nil
	} else {
		t.mark(ref)
		t.marks.anchor = key
	}
	t.marks.lost = 0
}

// MarkRange marks the rows from the last one that was marked to the cursor.
func (t *Table[T]) MarkRange() {
	from, to := t.lens.Index(t.marks.anchor), t.cursor.at
	if from < 0 {
		from = to
	}
	first, last := min(from, to), max(from, to)
	for _, row := range t.lens.Window(first, last-first+1) {
		t.mark((*row.Value).Ref())
	}
	t.marks.anchor, t.marks.lost = t.cursor.key, 0
}

// MarkAll marks all rows that are shown.
func (t *Table[T]) MarkAll() {
	for v := range t.lens.Shown() {
		t.mark((*v).Ref())
	}
	t.marks.lost = 0
}

// ClearMarks takes all marks off.
func (t *Table[T]) ClearMarks() { t.marks = marks{keys: map[backend.Ref]mark{}} }

// Marked counts the marked rows, shown or hidden.
func (t *Table[T]) Marked() int { return len(t.marks.keys) }

// LostMarks counts the marked rows that are not there any more, since a mark was last set or
// taken off.
func (t *Table[T]) LostMarks() int { return t.marks.lost }

// HiddenMarked counts the marked rows that the filter hides.
func (t *Table[T]) HiddenMarked() int { return t.marks.hidden }

// Selected is what an action would be done to: the marked rows, hidden ones too,
// or the row under the cursor when none is marked. The slice never changes.
func (t *Table[T]) Selected() []backend.Ref {
	m := &t.marks
	if len(m.keys) == 0 {
		if row, ok := t.Current(); ok {
			return []backend.Ref{(*row).Ref()}
		}
		return nil
	}
	if m.sorted == nil {
		m.sorted = make([]backend.Ref, 0, len(m.keys))
		for key, is := range m.keys {
			key.UID = is.uid
			m.sorted = append(m.sorted, key)
		}
		slices.SortFunc(m.sorted, func(a, b backend.Ref) int {
			return cmp.Or(cmp.Compare(a.Link, b.Link), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Sub, b.Sub), cmp.Compare(a.Kind, b.Kind))
		})
	}
	return m.sorted
}

func (t *Table[T]) marked(key backend.Ref) bool {
	_, ok := t.marks.keys[key]
	return ok
}

// mark marks a row that is shown.
func (t *Table[T]) mark(ref backend.Ref) {
	m, key := &t.marks, ref.Key()
	if was, marked := m.keys[key]; marked && was.shown != m.look {
		m.hidden--
	}
	m.keys[key], m.sorted = mark{ref.UID, m.look}, nil
}

// unmark takes a mark off.
func (t *Table[T]) unmark(key backend.Ref) {
	m := &t.marks
	if m.keys[key].shown != m.look {
		m.hidden--
	}
	delete(m.keys, key)
}

// followMarks takes the marks off rows that are gone or were made anew, and learns
// which are hidden, after the lens was refreshed. It costs what has changed.
func (t *Table[T]) followMarks() {
	m := &t.marks
	if len(m.keys) == 0 {
		return
	}
	touched, ok := t.lens.Touched()
	loading := t.lens.Counts().Loading > 0
	if ok {
		for _, key := range touched {
			t.seeMark(key)
		}
	} else {
		t.hideMarks()
		m.unsure = true
	}
	if m.unsure && !loading {
		touched, m.unsure = slices.Collect(maps.Keys(m.keys)), false
	}
	t.dropMarks(touched, loading)
}

// dropMarks takes the marks of touched rows off that are gone, or were made anew. While
// rows are loading it is not known which are gone.
func (t *Table[T]) dropMarks(touched []backend.Ref, loading bool) {
	m := &t.marks
	before := len(m.keys)
	for _, key := range touched {
		is, marked := m.keys[key]
		if !marked {
			continue
		}
		switch v, there := t.store.Get(key); {
		case there && v.Ref().UID != is.uid, !there && !loading:
			t.unmark(key)
		case !there:
			m.unsure = true
		}
	}
	n := before - len(m.keys)
	m.lost += n
	if n > 0 && m.sorted != nil {
		left := make([]backend.Ref, 0, len(m.keys))
		for _, r := range m.sorted {
			if t.marked(r.Key()) {
				left = append(left, r)
			}
		}
		m.sorted = left
	}
}

// seeMark learns whether a marked row is shown.
func (t *Table[T]) seeMark(key backend.Ref) {
	m := &t.marks
	is, marked := m.keys[key]
	if !marked {
		return
	}
	if is.shown != m.look {
		m.hidden--
	}
	if is.shown = m.look; t.lens.Index(key) < 0 {
		is.shown--
		m.hidden++
	}
	m.keys[key] = is
}

// hideMarks learns of all marked rows whether they are shown.
func (t *Table[T]) hideMarks() {
	m := &t.marks
	m.look++
	m.hidden = len(m.keys)
	if m.hidden == 0 {
		return
	}
	for v := range t.lens.Shown() {
		key := (*v).Ref().Key()
		if is, marked := m.keys[key]; marked {
			is.shown = m.look
			m.keys[key] = is
			m.hidden--
		}
	}
}
