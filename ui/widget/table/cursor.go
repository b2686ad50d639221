package table

import "wheelhouse/backend"

// cursor is the row that is pointed at, by address, and where that is. Other
// rows come and go; the cursor's keeps its line on the screen.
type cursor struct {
	key    backend.Ref   // zero while there are no rows
	at     int           // its index among the shown rows
	top    int           // index of the first visible row
	height int           // visible rows, as of the last Draw
	moved  bool          // by the person: it does not stay at the top while rows are loading
	loaded int           // parts that were there with all of their rows when it last found its row
	sought bool          // a filter has changed since it last found its row
	goal   backend.Ref   // to go to as soon as it is there; zero for none
	near   []backend.Ref // what was visible, for a neighbour to go to
}

// At is the index of the cursor's row.
func (t *Table[T]) At() int { return t.cursor.at }

// Move moves the cursor by n rows.
func (t *Table[T]) Move(n int) { t.put(t.cursor.at + n) }

// Page moves it by n windows.
func (t *Table[T]) Page(n int) {
	step := n * max(t.cursor.height, 1)
	t.cursor.top += step
	t.put(t.cursor.at + step)
}

// HalfPage moves it by n half windows.
func (t *Table[T]) HalfPage(n int) {
	step := n * max(t.cursor.height/2, 1)
	t.cursor.top += step
	t.put(t.cursor.at + step)
}

// Home moves it to the first row.
func (t *Table[T]) Home() { t.put(0) }

// End moves it to the last row.
func (t *Table[T]) End() { t.put(t.Counts().Shown - 1) }

// Goto moves it to the row of that address, at once or when it comes, unless the
// person moves it elsewhere before.
func (t *Table[T]) Goto(r backend.Ref) {
	t.cursor.goal = r.Key()
	t.follow()
}

// RowAt gives the index of the shown row that is drawn on line y; -1 for none.
func (t *Table[T]) RowAt(y int) int {
	if i := t.cursor.top + y - 1; y > 0 && y <= t.cursor.height && i < t.Counts().Shown {
		return i
	}
	return -1
}

// Click does what a click at that place of the last drawing means: on a heading
// it sorts, once more the other way round; on a row it moves the cursor there.
func (t *Table[T]) Click(x, y int) {
	if y == 0 {
		if i := t.column(t.ColumnAt(x)); i >= 0 {
			t.sortBy(i, i == t.sort && !t.down)
		}
		return
	}
	if i := t.RowAt(y); i >= 0 {
		t.put(i)
	}
}

// put puts the cursor on the i-th row, or the nearest that there is, because the
// person said so.
func (t *Table[T]) put(i int) {
	t.cursor.moved, t.cursor.sought, t.cursor.goal = true, false, backend.Ref{}
	t.stand(i)
}

// stand puts the cursor on the i-th row, or the nearest that there is.
func (t *Table[T]) stand(i int) {
	c := &t.cursor
	c.at = max(0, min(i, t.Counts().Shown-1))
	c.key = backend.Ref{}
	if row, ok := t.lens.At(c.at); ok {
		c.key = (*row.Value).Ref().Key()
	}
	t.show()
}

// show makes the cursor's line visible, and notes what stands around it.
func (t *Table[T]) show() {
	c := &t.cursor
	c.top = min(c.top, c.at, max(0, t.Counts().Shown-c.height))
	c.top = max(c.top, c.at-max(c.height, 1)+1, 0)
	c.near = c.near[:0]
	for _, row := range t.lens.Window(c.top, max(c.height, 1)) {
		c.near = append(c.near, (*row.Value).Ref().Key())
	}
}

// follow finds the cursor's row again after rows have come, gone or moved.
func (t *Table[T]) follow() {
	c, counts := &t.cursor, t.Counts()
	if c.goal != (backend.Ref{}) {
		if i := t.lens.Index(c.goal); i >= 0 {
			c.top = i - c.height/2
			t.put(i)
			return
		}
	}
	loaded := counts.Parts - counts.Loading
	loading := counts.Loading > 0 || loaded != c.loaded
	c.loaded = loaded
	if c.key == (backend.Ref{}) || !c.moved && loading {
		t.stand(0)
		return
	}
	i := t.lens.Index(c.key)
	switch {
	case i >= 0:
		c.sought = c.sought && counts.Filtering
		t.slide(i)
	case counts.Filtering: // it may come back
		c.at = max(0, min(c.at, counts.Shown-1))
		t.show()
	case c.sought: // a filter has hidden it: what fits best stands first
		c.sought, c.moved = false, false
		t.stand(0)
	default:
		t.slide(t.neighbour())
		t.stand(c.at)
	}
}

// slide moves the cursor to index i without moving its line.
func (t *Table[T]) slide(i int) {
	t.cursor.top += i - t.cursor.at
	t.cursor.at = i
	t.show()
}

// neighbour gives the index of the row that stands where the one that is gone
// stood: of the next that was visible behind it, or the one after the last that
// was visible before it.
func (t *Table[T]) neighbour() int {
	c := &t.cursor
	was := 0
	for was < len(c.near) && c.near[was] != c.key {
		was++
	}
	for i := was + 1; i < len(c.near); i++ {
		if at := t.lens.Index(c.near[i]); at >= 0 {
			return at
		}
	}
	last := t.Counts().Shown - 1
	for i := min(was, len(c.near)) - 1; i >= 0; i-- {
		if at := t.lens.Index(c.near[i]); at >= 0 {
			return min(at+1, last)
		}
	}
	return max(0, min(c.at, last))
}
