package screen

import (
	"strings"

	"github.com/clipperhouse/displaywidth"

	"wheelhouse/backend"
	"wheelhouse/themes"
)

// A cell is one place of the grid: a cluster of runes, how it is drawn, and how
// wide it is. The right half of a wide one has width 0 and no text.
type cell struct {
	text  string
	pen   themes.Pen
	width uint8
}

// grid is the cells of a whole picture, row by row.
type grid struct {
	w, h  int
	cells []cell
}

func newGrid(w, h int) *grid { return &grid{w: w, h: h, cells: make([]cell, w*h)} }

func (g *grid) row(y int) []cell { return g.cells[y*g.w : (y+1)*g.w] }

// Canvas is a clipped window into a grid of cells: a value, cheap to pass. What
// falls outside of it is not drawn, and no control character survives being
// drawn. Belongs to one goroutine.
type Canvas struct {
	g          *grid
	x, y, w, h int
}

// New makes a blank canvas.
func New(w, h int) Canvas {
	w, h = max(0, w), max(0, h)
	c := Canvas{g: newGrid(w, h), w: w, h: h}
	c.Clear()
	return c
}

// Width is how many cells a row has.
func (c Canvas) Width() int { return c.w }

// Height is how many rows there are.
func (c Canvas) Height() int { return c.h }

// Sub is the part of c at x, y; what of it lies outside of c is cut off.
func (c Canvas) Sub(x, y, w, h int) Canvas {
	x0, y0 := min(max(0, x), c.w), min(max(0, y), c.h)
	x1, y1 := max(x0, min(x+w, c.w)), max(y0, min(y+h, c.h))
	return Canvas{g: c.g, x: c.x + x0, y: c.y + y0, w: x1 - x0, h: y1 - y0}
}

// Clear makes every cell blank and plain.
func (c Canvas) Clear() { c.Fill(themes.Plain) }

// Fill makes every cell blank in p.
func (c Canvas) Fill(p themes.Pen) {
	for y := range c.h {
		for x := range c.w {
			c.put(x, y, cell{" ", p, 1})
		}
	}
}

// put sets one cell; the halves of wide characters that it cuts become blank.
func (c Canvas) put(x, y int, v cell) {
	row := c.g.row(c.y + y)
	at := c.x + x
	if old := row[at]; old.width != 1 {
		if old.width == 0 && at > 0 && row[at-1].width == 2 {
			row[at-1] = cell{" ", row[at-1].pen, 1}
		}
		if old.width == 2 && at+1 < len(row) && row[at+1].width == 0 {
			row[at+1] = cell{" ", row[at+1].pen, 1}
		}
	}
	row[at] = v
}

// ascii is every printable character, so that a cell of one needs no memory.
const ascii = " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// maxCluster is how many bytes one cell may hold. Every emoji and every stack
// of marks that a person writes fits; a flood does not.
const maxCluster = 40

// Text draws s from x on and gives the x behind its last cell, also where that
// lies outside. A part left of the canvas (x < 0) is skipped. It costs what is
// visible, however long s is.
func (c Canvas) Text(x, y int, p themes.Pen, s string) (next int) {
	if y < 0 || y >= c.h {
		return x + Width(s)
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return c.clusters(x, y, p, s[i:])
		}
		if i+1 < len(s) && s[i+1] >= 0x80 { // it may carry marks
			return c.clusters(x, y, p, s[i:])
		}
		if x >= c.w {
			return x + Width(s[i:])
		}
		if x >= 0 {
			ch := s[i] - 0x20
			c.put(x, y, cell{ascii[ch : ch+1], p, 1})
		}
		x++
	}
	return x
}

// clusters draws text that is not plain ASCII.
func (c Canvas) clusters(x, y int, p themes.Pen, s string) int {
	s = visible(s, c.w-x)
	for g := displaywidth.StringGraphemes(s); g.Next(); {
		w := g.Width()
		if w == 0 {
			continue
		}
		switch {
		case x < 0 || x+w > c.w:
			for i := max(0, x); i < min(x+w, c.w); i++ {
				c.put(i, y, cell{" ", p, 1})
			}
		case !alone(g.Value(), w):
			for i := range w {
				c.put(x+i, y, cell{"·", p, 1})
			}
		default:
			c.put(x, y, cell{cut(g.Value(), maxCluster), p, uint8(w)})
			if w == 2 {
				c.put(x+1, y, cell{"", p, 0})
				row := c.g.row(c.y + y)
				row[c.x+x] = cell{cut(g.Value(), maxCluster), p, 2}
			}
		}
		x += w
	}
	return x
}

// alone says whether a cluster stays one between its neighbours: a skin tone
// without a hand joins what stands before it, a prepended sign what is behind.
func alone(cluster string, w int) bool { return displaywidth.String(" "+cluster+" ") == w+2 }

// visible is the safe form of as much of s as w cells can show.
func visible(s string, w int) string { return backend.T(cut(s, max(w, 1)*maxCluster)).Safe() }

// cut is the first n bytes of s, without half a rune at the end.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// fit is Frame.Fit with the frame's ellipsis.
func (c Canvas) fit(x, y, w int, p themes.Pen, s, ellipsis string, right bool) {
	if w <= 0 {
		return
	}
	c.Sub(x, y, w, 1).Fill(p)
	n := Width(s)
	switch {
	case n > w:
		e := Width(ellipsis)
		at := c.Sub(x, y, max(0, w-e), 1).Text(0, 0, p, s[:Cut(s, w-e)])
		c.Sub(x, y, w, 1).Text(at, 0, p, ellipsis)
	case right:
		c.Text(x+w-n, y, p, s)
	default:
		c.Text(x, y, p, s)
	}
}

// braille is every pattern of eight dots, in the order of their bits.
const braille = "⠀⠁⠂⠃⠄⠅⠆⠇⠈⠉⠊⠋⠌⠍⠎⠏⠐⠑⠒⠓⠔⠕⠖⠗⠘⠙⠚⠛⠜⠝⠞⠟⠠⠡⠢⠣⠤⠥⠦⠧⠨⠩⠪⠫⠬⠭⠮⠯⠰⠱⠲⠳⠴⠵⠶⠷⠸⠹⠺⠻⠼⠽⠾⠿" +
	"⡀⡁⡂⡃⡄⡅⡆⡇⡈⡉⡊⡋⡌⡍⡎⡏⡐⡑⡒⡓⡔⡕⡖⡗⡘⡙⡚⡛⡜⡝⡞⡟⡠⡡⡢⡣⡤⡥⡦⡧⡨⡩⡪⡫⡬⡭⡮⡯⡰⡱⡲⡳⡴⡵⡶⡷⡸⡹⡺⡻⡼⡽⡾⡿" +
	"⢀⢁⢂⢃⢄⢅⢆⢇⢈⢉⢊⢋⢌⢍⢎⢏⢐⢑⢒⢓⢔⢕⢖⢗⢘⢙⢚⢛⢜⢝⢞⢟⢠⢡⢢⢣⢤⢥⢦⢧⢨⢩⢪⢫⢬⢭⢮⢯⢰⢱⢲⢳⢴⢵⢶⢷⢸⢹⢺⢻⢼⢽⢾⢿" +
	"⣀⣁⣂⣃⣄⣅⣆⣇⣈⣉⣊⣋⣌⣍⣎⣏⣐⣑⣒⣓⣔⣕⣖⣗⣘⣙⣚⣛⣜⣝⣞⣟⣠⣡⣢⣣⣤⣥⣦⣧⣨⣩⣪⣫⣬⣭⣮⣯⣰⣱⣲⣳⣴⣵⣶⣷⣸⣹⣺⣻⣼⣽⣾⣿"

// Dots draws one cell of braille: a bit for each dot, as Unicode counts them (1 to 3
// and 7 down the left, 4 to 6 and 8 down the right). Lines are drawn of hundreds.
func (c Canvas) Dots(x, y int, p themes.Pen, dots uint8) {
	if x >= 0 && y >= 0 && x < c.w && y < c.h {
		const bytes = 3 // each takes as many
		at := int(dots) * bytes
		c.put(x, y, cell{braille[at : at+bytes], p, 1})
	}
}

// Repen changes the pens of n cells from x on.
func (c Canvas) Repen(x, y, n int, f func(themes.Pen) themes.Pen) {
	if y < 0 || y >= c.h {
		return
	}
	row := c.g.row(c.y + y)
	for i := max(0, x); i < min(x+n, c.w); i++ {
		row[c.x+i].pen = f(row[c.x+i].pen)
	}
}

// Plain is the picture as text: lines joined by '\n', blanks at their ends cut.
func (c Canvas) Plain() string {
	var b strings.Builder
	for y := range c.h {
		if y > 0 {
			b.WriteByte('\n')
		}
		var line strings.Builder
		for _, v := range c.g.row(c.y + y)[c.x : c.x+c.w] {
			line.WriteString(v.text)
		}
		b.WriteString(strings.TrimRight(line.String(), " "))
	}
	return b.String()
}

// maxWidth is how many bytes of a string are measured: no screen shows more.
const maxWidth = 16 << 10

// Width is how many cells Text takes for s; of a huge s, for its beginning.
func Width(s string) int {
	s = cut(s, maxWidth)
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return displaywidth.String(backend.T(s).Safe())
		}
	}
	return len(s)
}

// Cut is how many bytes of s fit into w cells.
func Cut(s string, w int) int {
	n := 0
	for g := displaywidth.StringGraphemes(s); g.Next(); {
		if w -= g.Width(); w < 0 {
			break
		}
		n += len(g.Value())
	}
	return n
}
