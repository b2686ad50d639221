package backend

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// SafeJSON writes what could act on a terminal unseen (C1, bidi, invisible
// characters) as \u escapes, so that JSON may be printed as it is. It says the
// same.
func SafeJSON(b []byte) []byte {
	hidden := func(r rune) bool { return r >= 0x7f && !unicode.IsPrint(r) } // JSON has none below 0x20
	if !bytes.ContainsFunc(b, hidden) {
		return b
	}
	out := make([]byte, 0, len(b)+len(b)/8)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case !hidden(r):
			out = append(out, b[:n]...)
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		b = b[n:]
	}
	return out
}
