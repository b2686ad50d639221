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

// Doc makes a Text of a document.
func Doc(d backend.Doc) Text {
	out := document{d, 0}
	for _, l := range d.Lines {
		out.label = max(out.label, screen.Width(l.Label))
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
// case of its letters; nothing holds nothing. What is searched for in ASCII, as most
// is, costs no copy.
func Holds(text, find string) bool {
	if find == "" {
		return false
	}
	for i := range len(find) {
		if find[i] >= utf8.RuneSelf {
			return strings.Contains(strings.ToLower(text), find)
		}
	}
	for at := range len(text) - len(find) + 1 {
		if lower(text[at]) == find[0] && begins(text[at:], find) {
			return true
		}
	}
	return false
}

// begins says whether text begins with find, which is ASCII, in any case: no byte of
// another letter is one of it.
func begins(text, find string) bool {
	for i := range len(find) {
		if lower(text[i]) != find[i] {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
