package backend

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Text is what a server, a log or a label said. It can't be drawn by accident:
// it is readable only as Safe, Plain, SGR or Raw.
type Text struct{ s string }

// T wraps s, which may hold anything.
func T(s string) Text { return Text{s} }

// IsZero reports whether there is nothing in it.
func (t Text) IsZero() bool { return t.s == "" }

// Len is how many bytes it has.
func (t Text) Len() int { return len(t.s) }

// Raw is the text as it came: for saving, editing and searching, never for
// drawing (a lint rule keeps it out of ui and views).
func (t Text) Raw() string { return t.s }

// maxMarks is how many combining marks may follow one base character before
// the rest are left out: more than any script stacks, far fewer than a flood.
const maxMarks = 4

// Safe is the text with nothing in it that could move the cursor, change the
// terminal or reorder what stands beside it: control characters (C0, C1, DEL),
// escape sequences, bidirectional, zero-width and tag characters become one
// visible '·' each run; tabs and line ends become spaces; invalid UTF-8 becomes
// U+FFFD; floods of combining marks are cut. Plain text comes back as it is,
// without a copy. The zero-width joiner and variation selectors stay where they
// bind an emoji.
func (t Text) Safe() string {
	if plain(t.s) {
		return t.s
	}
	return clean(t.s, dotSGR)
}

// Plain is Safe without the escape sequences that only set colours and weight,
// which leave no dot: for lines whose writer coloured them.
func (t Text) Plain() string {
	if plain(t.s) {
		return t.s
	}
	return clean(t.s, dropSGR)
}

// SGR is Safe with the escape sequences kept that only set colours and weight
// (CSI … m). The caller ends it with a reset.
func (t Text) SGR() string {
	if plain(t.s) {
		return t.s
	}
	return clean(t.s, keepSGR)
}

// What becomes of the sequences that only set colours and weight.
type sgr uint8

const (
	dotSGR sgr = iota
	keepSGR
	dropSGR
)

// plain says whether s may be shown as it is: printable ASCII, and the letters of
// most scripts that stand alone in their cells. What it is not sure of is looked at
// more closely.
func plain(s string) bool {
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < 0x20 || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if !alone(r) {
			return false
		}
		i += n
	}
	return true
}

// alone says whether r is certainly a letter or sign that changes nothing beside it.
func alone(r rune) bool {
	switch {
	case r >= 0xc0 && r < 0x300: // Latin
	case r >= 0x3b1 && r <= 0x3c9: // Greek
	case r >= 0x410 && r <= 0x44f: // Cyrillic
	case r >= 0x3041 && r <= 0x3096, r >= 0x30a1 && r <= 0x30fa: // Hiragana, Katakana
	case r >= 0x4e00 && r <= 0x9fff: // Han
	case r >= 0xac00 && r <= 0xd7a3: // Hangul
	default:
		return false
	}
	return true
}

// A cleaner writes what may be shown of a text.
type cleaner struct {
	b      strings.Builder
	marks  int  // combining marks since the last letter
	dotted bool // the last that was written is the dot for what can't be shown
	open   bool // no string sequence ends in what is left of the text
	last   rune
}

func clean(s string, colours sgr) string {
	var c cleaner
	c.b.Grow(len(s))
	for i := 0; i < len(s); {
		if s[i] == 0x1b {
			end, sets := c.escapeEnd(s, i)
			switch {
			case sets && colours == keepSGR:
				c.b.WriteString(s[i:end])
			case !sets || colours == dotSGR:
				c.dot()
			}
			i = end
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		if r == '\r' && i < len(s) && s[i] == '\n' {
			continue // the line end after it stands for both
		}
		c.rune(r, n)
	}
	return c.b.String()
}

// rune writes one that took n bytes.
func (c *cleaner) rune(r rune, n int) {
	switch {
	case r >= 0x20 && r < 0x7f, alone(r), r == utf8.RuneError && n == 1, binds(c.last, r):
		c.b.WriteRune(r)
	case r == '\t' || r == '\n':
		c.b.WriteByte(' ')
	case invisible(r):
		c.dot()
		c.last = r
		return
	case unicode.In(r, unicode.Mn, unicode.Me):
		if c.marks++; c.marks <= maxMarks {
			c.b.WriteRune(r)
		}
		return
	default:
		c.b.WriteRune(r)
	}
	c.marks, c.dotted, c.last = 0, false, r
}

// dot stands for a run of what can't be shown.
func (c *cleaner) dot() {
	if !c.dotted {
		c.b.WriteRune('·')
	}
	c.dotted = true
}

// binds says whether r is a joiner or selector that belongs to the emoji before it.
func binds(last, r rune) bool {
	return (r == 0x200d || r == 0xfe0f) && last >= 0x2190 && unicode.In(last, unicode.So, unicode.Sk)
}

// invisible says whether r can act on the terminal or on its neighbours
// without being seen.
func invisible(r rune) bool {
	switch {
	case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs):
		return true
	case r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0000 && r <= 0xe0fff: // selectors and tags, also those that are not assigned yet
		return true
	case r == 0x2065, r >= 0xfff0 && r <= 0xfff8: // reserved for more of the kind (Default_Ignorable_Code_Point)
		return true
	}
	return r == 0x115f || r == 0x1160 || r == 0x3164 || r == 0xffa0 || r == 0x034f || r == 0x180e || r == 0x2800
}

// escapeEnd gives the index after the escape sequence that starts at s[i], and
// whether it is one that only sets colours. What a terminal would swallow as
// part of the sequence is swallowed; an unended string sequence (OSC, DCS, APC,
// PM, SOS) takes only its introducer, so that nothing behind it is hidden.
func (c *cleaner) escapeEnd(s string, i int) (end int, sgr bool) {
	i++
	if i >= len(s) {
		return i, false
	}
	switch b := s[i]; {
	case b == '[':
		return csiEnd(s, i+1)
	case strings.IndexByte("]P_^X", b) >= 0:
		return c.stringEnd(s, i+1), false
	case b >= 0x20 && b <= 0x2f: // nF: intermediates and a final
		for i++; i < len(s) && s[i] >= 0x20 && s[i] <= 0x2f; i++ {
		}
		return min(i+1, len(s)), false
	case b < 0x20 || b >= 0x7f:
		return i, false
	}
	return i + 1, false
}

func csiEnd(s string, i int) (end int, sgr bool) {
	start := i
	for i < len(s) && s[i] >= 0x20 && s[i] <= 0x3f {
		i++
	}
	if i >= len(s) || s[i] < 0x40 || s[i] > 0x7e {
		return i, false
	}
	return i + 1, s[i] == 'm' && strings.Trim(s[start:i], "0123456789;:") == ""
}

// stringEnd looks for the end once: a flood of sequences without one would else
// cost the square of its length.
func (c *cleaner) stringEnd(s string, i int) int {
	for j := i; j < len(s) && !c.open; j++ {
		if s[j] == 0x07 {
			return j + 1
		}
		if s[j] == 0x1b && j+1 < len(s) && s[j+1] == '\\' {
			return j + 2
		}
	}
	c.open = true
	return i
}

// AppendWords appends words to b, a blank between them: what most nouns are
// searched by.
func AppendWords(b []byte, words ...string) []byte {
	for i, w := range words {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, w...)
	}
	return b
}
