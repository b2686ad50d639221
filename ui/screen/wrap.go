package screen

import (
	"strings"

	"wheelhouse/themes"
)

// WrapAll is Wrap of each line.
func WrapAll(lines []string, w int) []string {
	var out []string
	for _, l := range lines {
		out = append(out, Wrap(l, w)...)
	}
	return out
}

// Wrap breaks a line at blanks so that no row of it is wider than w cells; a
// word that is wider is broken too.
func Wrap(line string, w int) []string {
	if w <= 0 || Width(line) <= w {
		return []string{line}
	}
	var out []string
	row := ""
	for _, word := range strings.Fields(line) {
		for n := Cut(word, w); n < len(word); n = Cut(word, w) {
			if row != "" {
				out, row = append(out, row), ""
			}
			if n == 0 {
				return append(out, word)
			}
			out, word = append(out, word[:n]), word[n:]
		}
		switch {
		case row == "":
			row = word
		case Width(row)+1+Width(word) <= w:
			row += " " + word
		default:
			out, row = append(out, row), word
		}
	}
	return append(out, row)
}

// Paragraph draws a text in as many rows as it takes, w cells wide, the last one
// that there is room for cut with an ellipsis, and gives how many it drew.
func (f Frame) Paragraph(x, y, w int, pen themes.Pen, text string) (rows int) {
	lines := Wrap(text, w)
	room := f.Height() - y
	for i, l := range lines {
		if i >= room {
			break
		}
		if i == room-1 && i+1 < len(lines) {
			l += strings.Repeat(" ", w) // too wide: Fit shows that something is missing
		}
		f.Fit(x, y+i, w, pen, l, false)
		rows++
	}
	return rows
}
