package table

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// Draw draws the heading and the visible rows, and keeps what it has measured:
// the number of rows that fit and the widths. It calls Cell for visible rows
// only.
func (t *Table[T]) Draw(f screen.Frame) {
	if f.Width() != t.layout.frame {
		t.remeasure()
	}
	if h := max(0, f.Height()-1); h != t.cursor.height {
		t.cursor.height = h
		t.show()
	}
	wanted := t.wanted()
	rows := t.lens.Window(t.cursor.top, t.cursor.height)
	cells := make([][]Cell, len(rows))
	for y, row := range rows {
		cells[y] = t.cells(row.Value, wanted, f.Now)
	}
	t.measure(cells, wanted)
	t.arrange(f.Width())
	t.drawHead(f)
	var next time.Time
	for y, row := range rows {
		next = sooner(next, t.drawRow(f, y+1, row, at(cells[y], wanted)))
	}
	if t.rest.After(f.Now) {
		next = sooner(next, t.rest)
	}
	f.Until(next)
}

// cells gives a row's cells, as wanted.
func (t *Table[T]) cells(v *T, wanted []int, now time.Time) []Cell {
	out := make([]Cell, len(wanted))
	for k, i := range wanted {
		out[k] = t.columns[i].Cell(v, now)
	}
	return out
}

// at makes a row's cells to be had by column.
func at(cells []Cell, wanted []int) func(column int) (Cell, bool) {
	return func(column int) (Cell, bool) {
		for k, i := range wanted {
			if i == column {
				return cells[k], true
			}
		}
		return Cell{}, false
	}
}

// sooner is the earlier of two times; zero is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func (t *Table[T]) drawHead(f screen.Frame) {
	if n := t.layout.hidden; n > 0 {
		f.Text(0, 0, themes.Dim, "+"+strconv.Itoa(n))
	}
	for _, p := range t.layout.places {
		c := t.columns[p.column]
		title, pen := c.Title, themes.Head
		if p.column == t.sort {
			arrow := f.Signs.Up
			if t.down {
				arrow = f.Signs.Down
			}
			pen |= themes.Bold
			if c.Right {
				title = arrow + title
			} else {
				title += arrow
			}
		}
		f.Fit(p.x, 0, p.w, pen, title, c.Right)
	}
}

// drawRow draws one row on line y, and gives the time when it changes by itself.
func (t *Table[T]) drawRow(f screen.Frame, y int, row feed.Row[T], cell func(int) (Cell, bool)) (next time.Time) {
	ref := (*row.Value).Ref()
	key, faded := ref.Key(), t.faded != nil && t.faded(ref)
	here, marked := key == t.cursor.key && !t.blurred, t.marked(key)
	if here {
		f.Text(0, y, themes.Accent|themes.Bold, f.Signs.Cursor)
	}
	if marked {
		f.Text(1, y, themes.Marked, f.Signs.Mark)
	}
	level := t.level(row.Value, f.Now, cell)
	f.Text(2, y, themes.Of(level), f.Signs.Level[level])
	for _, p := range t.layout.places {
		c, _ := cell(p.column)
		next = sooner(next, c.Until)
		switch {
		case marked && p.column == t.name:
			c.Pen = themes.Marked
		case faded:
			c.Pen = themes.Dim
		}
		if until := t.glows(p.column, row, f.Now); !until.IsZero() {
			c.Pen |= themes.Glow
			next = sooner(next, until)
		}
		t.drawCell(f, p, y, c)
		if p.column == t.name {
			t.drawName(f, p, y, c.Text, here)
		}
	}
	return next
}

// drawCell draws the signs of a cell's track, where there are any, and its text.
func (t *Table[T]) drawCell(f screen.Frame, p place, y int, c Cell) {
	for _, level := range c.Track[:min(len(c.Track), p.w)] {
		f.Text(p.x, y, themes.Of(level), f.Signs.Level[level])
		p.x, p.w = p.x+1, p.w-1
	}
	if len(c.Track) > 0 {
		p.x, p.w = p.x+1, max(0, p.w-1)
	}
	f.Fit(p.x, y, p.w, c.Pen, c.Text, t.columns[p.column].Right)
}

// glows gives until when a cell is marked as changed; zero for one that has not
// changed within the last second.
func (t *Table[T]) glows(column int, row feed.Row[T], now time.Time) time.Time {
	if len(row.Past) == 0 {
		return time.Time{}
	}
	text := func(v *T) string { return t.columns[column].Cell(v, now).Text }
	after := text(row.Value)
	for _, p := range slices.Backward(row.Past) {
		before := text(p.Was)
		if until := p.At.Add(feed.Glow); before != after && now.Before(until) {
			return until
		}
		after = before
	}
	return time.Time{}
}

// drawName shows in the name what the filter matched, and the cursor: only what
// is written is reversed, so that moving the cursor sends two names and no more.
func (t *Table[T]) drawName(f screen.Frame, p place, y int, name string, here bool) {
	for _, word := range t.sieve.words {
		if i := matched(name, word, p.w); i >= 0 {
			f.Repen(p.x+i, y, min(len(word), p.w-i), func(p themes.Pen) themes.Pen { return p&^0xff | themes.Match })
		}
	}
	if here {
		f.Repen(p.x, y, min(screen.Width(name), p.w), func(p themes.Pen) themes.Pen { return p | themes.Bold | themes.Reverse })
	}
}

// matched gives the cell in which word, in lower case, begins in the first w of
// name; -1 when it is not there, or bytes are not cells.
func matched(name, word string, w int) int {
	name = name[:min(len(name), w)]
	for i := range len(name) {
		if name[i] < 0x20 || name[i] >= 0x7f {
			return -1
		}
	}
	return strings.Index(strings.ToLower(name), word)
}

// level is the row's sign: of the first column that has one, shown or not.
func (t *Table[T]) level(v *T, now time.Time, cell func(int) (Cell, bool)) backend.Level {
	for i := range t.columns {
		c, ok := cell(i)
		if !ok {
			c = t.columns[i].Cell(v, now)
		}
		if c.Level != backend.None {
			return c.Level
		}
	}
	return backend.None
}
