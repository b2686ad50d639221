package backend_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
)

// acts says why r must not reach a terminal; "" when it may. It is written from
// the Unicode names, not from the code under test.
func acts(before, r rune) string {
	switch {
	case r < 0x20 || r == 0x7f:
		return "a C0 control"
	case r >= 0x80 && r <= 0x9f:
		return "a C1 control"
	case unicode.Is(unicode.Bidi_Control, r):
		return "a bidirectional control"
	case r >= 0xe0000 && r <= 0xe0fff:
		return "a tag or a selector"
	case r == 0x2028 || r == 0x2029:
		return "a line end"
	case r == 0x200d || r == 0xfe0f:
		if before < 0x2190 {
			return "a joiner or selector that joins no emoji"
		}
	case r >= 0x200b && r <= 0x200c, r >= 0x2060 && r <= 0x206f, r == 0xfeff, r == 0xad, r >= 0xfe00 && r <= 0xfe0e, r == 0x180e, r == 0x34f:
		return "a character that can't be seen"
	case r >= 0xfff0 && r <= 0xfffb:
		return "an interlinear control"
	}
	return ""
}

// checkSafe fails where a text could do anything but be read.
func checkSafe(t *testing.T, from, safe string) {
	t.Helper()
	if !utf8.ValidString(safe) {
		t.Errorf("%.200q: not UTF-8: %.200q", from, safe)
	}
	before, marks := rune(0), 0
	for _, r := range safe {
		if why := acts(before, r); why != "" {
			t.Errorf("%.200q: %U is %s: %.200q", from, r, why, safe)
			return
		}
		if marks++; !unicode.In(r, unicode.Mn, unicode.Me) {
			marks = 0
		}
		if marks > 8 {
			t.Errorf("%.200q: a flood of marks: %.200q", from, safe)
			return
		}
		before = r
	}
}

// withoutSGR takes the sequences out that only set colours, as ECMA-48 has them.
func withoutSGR(s string) string {
	var b strings.Builder
	for {
		head, rest, ok := strings.Cut(s, "\x1b[")
		b.WriteString(head)
		if !ok {
			return b.String()
		}
		params := rest[:len(rest)-len(strings.TrimLeft(rest, "0123456789;:"))]
		if !strings.HasPrefix(rest[len(params):], "m") {
			b.WriteString("\x1b[") // stays, to be found
			s = rest
			continue
		}
		s = rest[len(params)+1:]
	}
}

// TestHostile: whatever was said, what may be shown of it only shows.
func TestHostile(t *testing.T) {
	for name, text := range backendtest.Hostile(t, "..") {
		t.Run(name, func(t *testing.T) {
			checkSafe(t, text, backend.T(text).Safe())
			checkSafe(t, text, withoutSGR(backend.T(text).SGR()))
			if got, want := backend.T(text).Plain(), withoutSGR(backend.T(text).SGR()); got != want {
				t.Errorf("Plain gives %q, not SGR's without what sets colours: %q", got, want)
			}
			if backend.T(text).Raw() != text {
				t.Error("Raw is not what came")
			}
		})
	}
}

// TestSafe: what is left of a text is what a person has to see of it.
func TestSafe(t *testing.T) {
	for _, c := range []struct{ name, text, safe, sgr string }{
		{"plain", "checkout-7d9f", "checkout-7d9f", "checkout-7d9f"},
		{"nothing", "", "", ""},
		{"a sequence is one dot", "a\x1b[2Jb", "a·b", "a·b"},
		{"a run is one dot", "a\x1b[2J\x00\u202e\x1b]0;x\x07b", "a·b", "a·b"},
		{"colour", "a\x1b[1;31mb\x1b[mc", "a·b·c", "a\x1b[1;31mb\x1b[mc"},
		{"colour with colons", "\x1b[38:5:1mx", "·x", "\x1b[38:5:1mx"},
		{"what only looks like a colour", "a\x1b[>4;2mb", "a·b", "a·b"},
		{"8-bit is not UTF-8", "a\x9b31mb", "a\ufffd31mb", "a\ufffd31mb"},
		{"what an unended string hides is shown", "a\x1b]0;evil", "a·0;evil", "a·0;evil"},
		{"a string's end is found", "a\x1b]8;;https://evil\x1b\\click", "a·click", "a·click"},
		{"what backspaces would hide is shown", "good\b\b\b\bevil", "good·evil", "good·evil"},
		{"what a return would hide is shown", "shown\rHIDE", "shown·HIDE", "shown·HIDE"},
		{"line ends and tabs are blanks", "a\r\nb\nc\td", "a b c d", "a b c d"},
		{"marks are kept", "o\u0301e\u0302\u0303", "o\u0301e\u0302\u0303", "o\u0301e\u0302\u0303"},
		{"a flood is cut", "o" + strings.Repeat("\u0301", 9) + "k", "o\u0301\u0301\u0301\u0301k", "o\u0301\u0301\u0301\u0301k"},
		{"a family is kept", "👩\u200d👧", "👩\u200d👧", "👩\u200d👧"},
		{"a heart is kept", "❤\ufe0f", "❤\ufe0f", "❤\ufe0f"},
		{"a joiner of letters is not", "a\u200db", "a·b", "a·b"},
		{"CJK and accents", "日本語 é", "日本語 é", "日本語 é"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := backend.T(c.text).Safe(); got != c.safe {
				t.Errorf("Safe gives %q, not %q", got, c.safe)
			}
			if got := backend.T(c.text).SGR(); got != c.sgr {
				t.Errorf("SGR gives %q, not %q", got, c.sgr)
			}
		})
	}
}

// FuzzSafe: no text at all gets through, and what is safe stays as it is.
func FuzzSafe(f *testing.F) {
	for _, text := range backendtest.Hostile(f, "..") {
		f.Add(text[:min(len(text), 200)])
	}
	f.Fuzz(func(t *testing.T, text string) {
		safe := backend.T(text).Safe()
		checkSafe(t, text, safe)
		checkSafe(t, text, withoutSGR(backend.T(text).SGR()))
		if again := backend.T(safe).Safe(); again != safe {
			t.Errorf("%q: safe twice is %q, once %q", text, again, safe)
		}
	})
}
