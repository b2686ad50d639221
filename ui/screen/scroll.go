package screen

import (
	"hash/maphash"
	"slices"
	"strconv"

	"wheelhouse/themes"
)

// minScroll is how many rows must have moved together before moving them costs
// less than writing them.
const minScroll = 4

// band is rows that moved together: what stands at top..bottom-1 in the new
// picture stood by rows lower in the old one (higher when by is negative).
type band struct{ top, bottom, by int }

// scroll moves rows that are only elsewhere, so that a table that scrolls by a
// line costs that line.
func (w *writer) scroll(g *grid) {
	differ := 0
	for y := range g.h {
		if !slices.EqualFunc(w.shown.row(y), g.row(y), same) {
			differ++
		}
	}
	if differ < minScroll {
		return
	}
	w.hash(0, w.shown)
	w.hash(1, g)
	b := w.moved()
	if b.bottom-b.top < minScroll {
		return
	}
	top, bottom := b.top, b.bottom
	if b.by > 0 {
		bottom += b.by
	} else {
		top += b.by
	}
	if w.pen != themes.Plain {
		w.turn(themes.Plain) // rows that scroll in take the background
	}
	w.buf = append(w.buf, "\x1b["...)
	w.buf = strconv.AppendInt(w.buf, int64(top+1), 10)
	w.buf = append(w.buf, ';')
	w.buf = strconv.AppendInt(w.buf, int64(bottom), 10)
	w.buf = append(w.buf, 'r')
	if b.by > 0 {
		w.csi('S', b.by)
	} else {
		w.csi('T', -b.by)
	}
	w.buf = append(w.buf, "\x1b[r"...) // homes the cursor
	w.x, w.y = 0, 0
	w.shift(top, bottom, b.by)
}

// shift does to the shown picture what the terminal did.
func (w *writer) shift(top, bottom, by int) {
	g := w.shown
	region := g.cells[top*g.w : bottom*g.w]
	n := by * g.w
	var fresh []cell
	if n > 0 {
		copy(region, region[n:])
		fresh = region[len(region)-n:]
	} else {
		copy(region[-n:], region)
		fresh = region[:-n]
	}
	for i := range fresh {
		fresh[i] = cell{" ", themes.Plain, 1}
	}
}

// moved finds the largest band of rows that differ from what stands in their
// place and stood elsewhere. A band may hold rows that match in both places.
func (w *writer) moved() (best band) {
	old, now := w.hashes[0], w.hashes[1]
	gain := 0
	for by := 1 - len(now); by < len(now); by++ {
		if by == 0 {
			continue
		}
		for y := max(0, -by); y < min(len(now), len(now)-by); {
			b := band{y, y, by}
			saved := 0
			for b.bottom < min(len(now), len(now)-by) && now[b.bottom] == old[b.bottom+by] {
				if now[b.bottom] != old[b.bottom] {
					saved++
				}
				b.bottom++
			}
			if saved >= minScroll && saved > gain {
				best, gain = b, saved
			}
			y = b.bottom + 1
		}
	}
	return best
}

// hash gives each row of g a number that equal rows share.
func (w *writer) hash(which int, g *grid) {
	if !w.seeded {
		w.seed, w.seeded = maphash.MakeSeed(), true
	}
	w.hashes[which] = w.hashes[which][:0]
	for y := range g.h {
		var h maphash.Hash
		h.SetSeed(w.seed)
		for _, c := range g.row(y) {
			_, _ = h.WriteString(c.text)
			_ = h.WriteByte(byte(c.pen))
			_ = h.WriteByte(byte(c.pen >> 8))
		}
		w.hashes[which] = append(w.hashes[which], h.Sum64())
	}
}
