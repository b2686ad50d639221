package pager

import (
	"strings"
	"unicode/utf8"

	"wheelhouse/backend"
	"wheelhouse/ui/screen"
)

// document is a Doc as a Text.
type document struct {
	backend.Doc
	label int
}

// mostLabel is how wide the labels' column of a document may become, in cells.
const mostLabel = 24

// Doc makes a Text of a document.
func Doc(d backend.Doc) Text {
	out := document{d, 0}
	for _, l := range d.Lines {
		out.label = max(out.label, min(screen.Width(l.Label), mostLabel))
	}
	return out
}

// Len implements Text.
func (d document) Len() int { return len(d.Lines) }

// Line implements Text.
func (d document) Line(i int) backend.Line { return d.Lines[i] }

// Label implements Text.
func (d document) Label() int { return d.label }

// Holds says whether text has find in it, which must be in lower case, whatever the
// case of its letters; nothing holds nothing. Plain ASCII, which most lines are,
// costs no copy.
func Holds(text, find string) bool {
	if find == "" {
		return false
	}
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return strings.Contains(strings.ToLower(text), find)
		}
	}
	for at := range len(text) - len(find) + 1 {
		if c := text[at]; (c == find[0] || c|0x20 == find[0]) && strings.EqualFold(text[at:at+len(find)], find) {
			return true
		}
	}
	return false
}
