// Package table draws a live table: columns over a feed's lens, a cursor, marks
// and a filter. It is a plain state machine: methods change it, Draw draws it.
// What it costs depends on the rows that are visible, not on those that are held.
//
// It knows no noun, no action and no message loop; what a column says is given
// to it, and what an empty table means is for its caller to say.
package table

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/themes"
)

// A Column is one column as data. Its functions depend on the row alone (Cell on
// the time, too; those of a column with a Version on what is joined to the row),
// and are called from other goroutines as well.
type Column[T any] struct {
	ID    string // "restarts": in filters, saved files and what is remembered
	Title string // "RESTARTS"

	Min, Max int  // cells; Max zero: as wide as what is seen, within reason
	Right    bool // aligned right, as numbers are
	Name     bool // names the row: never dropped, takes the room that is left, up to its Max where it has one
	Keep     int  // lower survives narrow terminals longest
	Hidden   bool // shown only when chosen

	Cell func(v *T, now time.Time) Cell
	Text func(v *T) string // for filters, saving and copying

	Less   feed.Less[T]       // nil: sorted by Text
	Number func(*T) float64   // nil where the column is no number; for "restarts:>5"
	Since  func(*T) time.Time // nil where the column is no age; for "age:<1h"

	// Version and Frozen are set where the column is of something that is joined to
	// the row and changes without it: a number that is another one after each change,
	// and an order by what is joined as it is now, whatever changes later.
	Version func() uint64
	Frozen  func() feed.Less[T]
}

// A Cell is what stands in one column of one row.
type Cell struct {
	Text  string // may hold anything; the canvas makes it harmless
	Pen   themes.Pen
	Track []backend.Level // signs before the text, one for each part of what it is about: the steps of a rollout
	Level backend.Level   // its sign stands before the row; None leaves it to other columns
	Until time.Time       // when the text changes by itself, as ages do; zero: never
}

// Table is the widget. It belongs to one goroutine. Use New, and Close.
type Table[T backend.Object] struct {
	store   *feed.Store[T]
	lens    *feed.Lens[T]
	columns []Column[T]
	name    int // index of the column that names rows
	chosen  []int
	omitted []string // columns that say the same in every row
	wide    bool     // all columns are shown instead of the chosen ones
	sort    int      // index of the column; -1: by address
	down    bool     // sorted the other way round
	joined  uint64   // Version of the column that it is sorted by, when it was
	sieve   sieve[T]
	cursor  cursor
	marks   marks
	layout  layout
	faded   func(backend.Ref) bool
	blurred bool
	joining time.Time // when it was begun to sort by what is joined; zero: it is not being done
	rest    time.Time // before which nothing is joined anew
}

// New makes a table of all rows of the store. columns must not be empty; where
// none is the Name, the first one is.
func New[T backend.Object](store *feed.Store[T], columns []Column[T]) *Table[T] {
	t := &Table[T]{
		store: store, lens: store.Lens(nil, feed.Keep[T]{}), columns: slices.Clone(columns), sort: -1,
		cursor: cursor{height: 20}, marks: marks{keys: map[backend.Ref]mark{}},
	}
	t.name = max(0, slices.IndexFunc(columns, func(c Column[T]) bool { return c.Name }))
	for i := range t.columns {
		if c := &t.columns[i]; c.Less == nil {
			c.Less = func(a, b *T) int { return strings.Compare(c.Text(a), c.Text(b)) }
		}
	}
	t.Choose(nil)
	t.follow()
	return t
}

// Fade draws the rows of which old is true in the theme's dim colour: what they
// say is no longer sure. It is asked of visible rows; nil fades none.
func (t *Table[T]) Fade(old func(backend.Ref) bool) { t.faded = old }

// Blur hides the cursor, or shows it again: the keys go elsewhere.
func (t *Table[T]) Blur(on bool) { t.blurred = on }

// Close ends what the table does elsewhere.
func (t *Table[T]) Close() { t.lens.Close() }

// Refresh takes in what has changed, and says whether anything has. The cursor
// and the marks follow their rows.
func (t *Table[T]) Refresh() bool {
	changed := t.lens.Refresh()
	t.followMarks()
	sorted := !t.joining.IsZero() && !t.lens.Counts().Sorting
	if sorted {
		t.rest, t.joining = time.Now().Add(share*time.Since(t.joining)), time.Time{}
	}
	if !t.rejoin() && !changed {
		return false
	}
	t.settle(sorted)
	return true
}

// settle finds the cursor's row again. In a new order that is the first one, where
// nobody chose the one that it is on.
func (t *Table[T]) settle(sorted bool) {
	if sorted && !t.cursor.moved {
		t.stand(0)
		return
	}
	t.follow()
}

// Counts gives the numbers as of the last Refresh, of the rows that the table is of:
// those of its links, and that Only accepts.
func (t *Table[T]) Counts() feed.Counts { return t.lens.Counts() }

// Current is the row under the cursor; ok is false when there is none, or it is
// hidden by a filter that is still being worked out.
func (t *Table[T]) Current() (row *T, ok bool) {
	r, ok := t.lens.At(t.cursor.at)
	if !ok || (*r.Value).Ref().Key() != t.cursor.key {
		return nil, false
	}
	return r.Value, true
}

// Hides says whether a row is there and the filter keeps it from being shown.
func (t *Table[T]) Hides(r backend.Ref) bool {
	_, there := t.store.Get(r)
	return there && t.lens.Index(r) < 0
}

// Find gives up to n rows of those that the table is of, shown or not, whose name
// holds query in any case.
func (t *Table[T]) Find(query string, n int) []backend.Ref {
	query = strings.ToLower(query)
	var found []backend.Ref
	for v := range t.lens.All() {
		if len(found) == n {
			break
		}
		if strings.Contains(strings.ToLower(t.columns[t.name].Text(v)), query) {
			found = append(found, (*v).Ref())
		}
	}
	return found
}

// SortBy sorts by the column of that ID, "-" before it for the other way round.
// An unknown one changes nothing.
func (t *Table[T]) SortBy(id string) {
	id, down := strings.CutPrefix(id, "-")
	if i := t.column(id); i >= 0 {
		t.sortBy(i, down)
	}
}

// SortNext sorts by the next of the columns that are shown, from the last one
// on by the first.
func (t *Table[T]) SortNext() {
	shown := t.wanted()
	t.sortBy(shown[(slices.Index(shown, t.sort)+1)%len(shown)], false)
}

// Reverse turns the order round.
func (t *Table[T]) Reverse() { t.sortBy(max(t.sort, 0), !t.down) }

// Sorted gives what SortBy takes; empty while nothing was ever sorted.
func (t *Table[T]) Sorted() string {
	switch {
	case t.sort < 0:
		return ""
	case t.down:
		return "-" + t.columns[t.sort].ID
	}
	return t.columns[t.sort].ID
}

func (t *Table[T]) sortBy(i int, down bool) {
	t.sort, t.down = i, down
	c := &t.columns[i]
	if c.Version != nil {
		t.join()
	} else {
		t.joining = time.Time{}
		t.lens.SortBy(turned(c.Less, down))
	}
	t.settle(true)
}

func turned[T any](less feed.Less[T], down bool) feed.Less[T] {
	if !down {
		return less
	}
	return func(a, b *T) int { return cmp.Compare(0, less(a, b)) }
}

// join sorts by what is joined as it is now.
func (t *Table[T]) join() {
	c, down := t.columns[t.sort], t.down
	t.joined, t.joining = c.Version(), time.Now() // first: what changes meanwhile is sorted once more
	t.lens.Reorder(func() feed.Less[T] { return turned(c.Frozen(), down) })
}

// share is how many times as long as joining anew took it is left alone then.
const share = 20

// rejoin sorts and filters anew where what that goes by has changed beside the
// rows, and says whether it has.
func (t *Table[T]) rejoin() (changed bool) {
	if time.Now().Before(t.rest) {
		return false
	}
	if t.sort >= 0 && t.joining.IsZero() {
		if c := &t.columns[t.sort]; c.Version != nil && c.Version() != t.joined {
			t.join()
			changed = true
		}
	}
	if s := &t.sieve; s.joined != nil && s.joined() != s.version && !t.lens.Counts().Filtering {
		_, _ = t.Filter(s.text) // it was good before
		changed = true
	}
	return changed
}

// column gives the index of the column of that ID, -1 for none.
func (t *Table[T]) column(id string) int {
	return slices.IndexFunc(t.columns, func(c Column[T]) bool { return c.ID == id })
}
