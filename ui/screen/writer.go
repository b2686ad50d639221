package screen

import (
	"hash/maphash"
	"strconv"

	"wheelhouse/themes"
)

// writer turns the difference between two pictures into bytes. It belongs to
// the Screen's goroutine. The sequences are those of ECMA-48 and the VT100's
// scrolling region (DECSTBM); autowrap is off, see Terminal.
type writer struct {
	palette *Palette
	shown   *grid // what the terminal shows
	blank   bool  // the terminal has to be cleared first
	buf     []byte

	x, y   int // the terminal's cursor; x is -1 when it is not known
	pen    themes.Pen
	hashes [2][]uint64 // of rows: shown, wanted
	seed   maphash.Seed
	seeded bool
}

// synced is from how many bytes on a picture is bracketed as one update
// (mode 2026), so that no half of it is seen. Terminals that don't know the
// mode ignore it.
const synced = 1024

// forget makes the next picture a whole one.
func (w *writer) forget(width, height int) {
	w.shown, w.blank = newGrid(width, height), true
	for i := range w.shown.cells {
		w.shown.cells[i] = cell{" ", themes.Plain, 1}
	}
}

// paint appends the bytes that lead from what is shown to g to w.buf.
func (w *writer) paint(g *grid) {
	w.x = -1
	if w.blank {
		w.buf = append(w.buf, "\x1b[m\x1b[2J\x1b[H"...)
		w.x, w.y, w.pen, w.blank = 0, 0, themes.Plain, false
	} else {
		w.scroll(g)
	}
	for y := range g.h {
		w.row(y, w.shown.row(y), g.row(y))
	}
	if w.pen != themes.Plain {
		w.turn(themes.Plain)
	}
	if len(w.buf) > synced {
		w.buf = append(append([]byte("\x1b[?2026h"), w.buf...), "\x1b[?2026l"...)
	}
	copy(w.shown.cells, g.cells)
}

// same says whether two cells look the same: the colour of a blank is not seen.
func same(a, b cell) bool {
	if a == b {
		return true
	}
	return a.text == " " && b.text == " " && seen(a.pen) == seen(b.pen) && a.width == b.width
}

// seen is what of a pen is seen on a blank.
func seen(p themes.Pen) themes.Pen {
	if p&(themes.Reverse|themes.Underline) != 0 {
		return p
	}
	return p & (themes.Glow | themes.Bar)
}

// gap is how many unchanged cells are cheaper to write again than to jump over.
const gap = 4

// row writes what differs in one row.
func (w *writer) row(y int, old, now []cell) {
	end := len(now) // behind the last cell that is not blank
	for end > 0 && blank(now[end-1]) {
		end--
	}
	rest := false // something behind end has to go
	for _, c := range old[end:] {
		rest = rest || !blank(c)
	}
	for x := 0; x < end; x++ {
		if same(old[x], now[x]) && now[x].width != 0 {
			continue
		}
		if now[x].width == 0 { // the right half is written with the left
			if same(old[x], now[x]) || x == 0 {
				continue
			}
			x--
		}
		x = w.stretch(y, x, end, old, now)
	}
	if rest {
		w.goTo(end, y)
		w.turnFor(cell{" ", themes.Plain, 1})
		w.buf = append(w.buf, "\x1b[K"...)
	}
}

// blank says whether a cell is one that erasing leaves.
func blank(c cell) bool { return c.text == " " && seen(c.pen) == 0 }

// stretch writes cells from x on until gap unchanged ones follow each other, and
// gives the last x that it wrote.
func (w *writer) stretch(y, x, end int, old, now []cell) int {
	w.goTo(x, y)
	last := x
	for i := x; i < end; i++ {
		if same(old[i], now[i]) {
			if i-last > gap {
				break
			}
			continue
		}
		last = i
	}
	if last+1 < end && now[last+1].width == 0 {
		last++
	}
	for i := x; i <= last; i++ {
		if now[i].width > 0 {
			w.goTo(i, y) // says nothing while the cursor is known to be there
			w.write(now[i], len(now))
		}
	}
	return last
}

// write writes one cell where the cursor stands.
func (w *writer) write(c cell, width int) {
	w.turnFor(c)
	w.buf = append(w.buf, c.text...)
	w.x += int(c.width)
	// Terminals don't agree on the width of clusters and of wide characters,
	// and a cursor behind the last column is somewhere else in each of them.
	if w.x >= width || len(c.text) > 4 || c.width == 2 {
		w.x = -1
	}
}

// turnFor takes the pen that c needs; a blank takes any without a background.
func (w *writer) turnFor(c cell) {
	if c.pen == w.pen || c.text == " " && seen(c.pen) == 0 && seen(w.pen) == 0 {
		return
	}
	w.turn(c.pen)
}

func (w *writer) turn(p themes.Pen) {
	w.buf = append(w.buf, w.palette.step(w.pen, p)...)
	w.pen = p
}

// goTo moves the cursor by the shortest sequence.
func (w *writer) goTo(x, y int) {
	known := w.x >= 0
	down := y - w.y
	switch {
	case w.x == x && down == 0:
	case known && down == 0 && x > w.x:
		w.csi('C', x-w.x)
	case known && x == 0 && (down == 0 || down == 1):
		w.buf = append(w.buf, "\r\n"[:1+down]...)
	case x == w.x && down == 1:
		w.buf = append(w.buf, '\n')
	default:
		w.buf = append(w.buf, "\x1b["...)
		w.buf = strconv.AppendInt(w.buf, int64(y+1), 10)
		if x > 0 {
			w.buf = append(w.buf, ';')
			w.buf = strconv.AppendInt(w.buf, int64(x+1), 10)
		}
		w.buf = append(w.buf, 'H')
	}
	w.x, w.y = x, y
}

// csi writes a sequence with one number, which 1 leaves out.
func (w *writer) csi(final byte, n int) {
	w.buf = append(w.buf, "\x1b["...)
	if n != 1 {
		w.buf = strconv.AppendInt(w.buf, int64(n), 10)
	}
	w.buf = append(w.buf, final)
}
