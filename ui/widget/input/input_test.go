package input

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// see draws in into w cells of a row that has one more on both sides, which
// must stay as they were.
func see(t *testing.T, in *Input, w int) string {
	t.Helper()
	f := screen.Frame{Canvas: screen.New(w+2, 1), Signs: themes.ASCII()}
	f.Text(0, 0, themes.Plain, "|")
	f.Text(w+1, 0, themes.Plain, "|")
	in.Draw(f, 1, 0, w, themes.Plain)
	got := f.Plain()
	if !strings.HasPrefix(got, "|") || !strings.HasSuffix(got, "|") {
		t.Errorf("%q is drawn outside of its %d cells", got, w)
	}
	return strings.TrimRight(strings.Trim(got, "|"), " ")
}

// cursor is the cell that is reversed, -1 for none.
func cursor(in *Input, w int) (at int) {
	f := screen.Frame{Canvas: screen.New(w, 1), Signs: themes.ASCII()}
	in.Draw(f, 0, 0, w, themes.Plain)
	at = -1
	for x := range w {
		f.Repen(x, 0, 1, func(p themes.Pen) themes.Pen {
			if p&themes.Reverse != 0 && at < 0 {
				at = x
			}
			return p
		})
	}
	return at
}

func key(code rune) tea.KeyPressMsg { return tea.KeyPressMsg{Code: code} }

func ctrl(code rune) tea.KeyPressMsg { return tea.KeyPressMsg{Code: code, Mod: tea.ModCtrl} }

func text(s string) tea.KeyPressMsg { return tea.KeyPressMsg{Code: []rune(s)[0], Text: s} }

func TestEditing(t *testing.T) {
	for _, c := range []struct {
		name, from string
		keys       []tea.Msg
		want       string
		end        bool
	}{
		{"typed", "", []tea.Msg{text("a"), text("é"), text("日")}, "aé日", true},
		{"in the middle", "ac", []tea.Msg{key(tea.KeyLeft), text("b")}, "abc", false},
		{"backspace", "a日", []tea.Msg{key(tea.KeyBackspace)}, "a", true},
		{"backspace in nothing", "", []tea.Msg{key(tea.KeyBackspace), key(tea.KeyDelete), key(tea.KeyLeft), key(tea.KeyRight)}, "", true},
		{"delete", "ab", []tea.Msg{key(tea.KeyHome), key(tea.KeyDelete)}, "b", false},
		{"to the end", "ab", []tea.Msg{key(tea.KeyHome), key(tea.KeyEnd), text("c")}, "abc", true},
		{"a word back", "one two", []tea.Msg{ctrl('w')}, "one ", true},
		{"all before", "one two", []tea.Msg{ctrl('u')}, "", true},
		{"all behind", "one two", []tea.Msg{key(tea.KeyHome), ctrl('k')}, "", true},
		{"past both ends", "a", []tea.Msg{key(tea.KeyLeft), key(tea.KeyLeft), key(tea.KeyLeft), text("b")}, "ba", false},
		{"paste", "ad", []tea.Msg{key(tea.KeyLeft), tea.PasteMsg{Content: "bc"}}, "abcd", false},
		// A line is one line: what is pasted must not send it, nor act on the terminal.
		{"paste of lines", "", []tea.Msg{tea.PasteMsg{Content: "a\nb\r\nc\td"}}, "a b c d", true},
		{"paste of nothing", "a", []tea.Msg{tea.PasteMsg{}}, "a", true},
		{"keys that type nothing", "a", []tea.Msg{key(tea.KeyF5), ctrl('q'), key(tea.KeyPgUp)}, "a", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := New(c.from, false)
			for _, k := range c.keys {
				in.Update(k)
			}
			got := in.Value()
			if strings.HasPrefix(c.name, "paste of lines") {
				got = strings.Join(strings.Fields(got), " ") // how many blanks a tab makes is the editor's business
			}
			if got != c.want || in.AtEnd() != c.end || strings.ContainsAny(in.Value(), "\r\n\t\x1b") {
				t.Errorf("%q, at its end: %v; not %q, %v", in.Value(), in.AtEnd(), c.want, c.end)
			}
		})
	}
}

// TestSelect: what is typed takes the place of what is selected, and only once.
func TestSelect(t *testing.T) {
	for _, c := range []struct {
		name string
		keys []tea.Msg
		want string
	}{
		{"nothing pressed", nil, "40"},
		{"typed", []tea.Msg{text("9"), text("1")}, "91"},
		{"pasted", []tea.Msg{tea.PasteMsg{Content: "7"}}, "7"},
		{"deleted", []tea.Msg{key(tea.KeyBackspace)}, ""},
		{"moved first", []tea.Msg{key(tea.KeyLeft), text("9")}, "490"},
		{"end first", []tea.Msg{key(tea.KeyEnd), text("9")}, "409"},
	} {
		in := New("40", false)
		in.Select()
		for _, k := range c.keys {
			in.Update(k)
		}
		if in.Value() != c.want {
			t.Errorf("%s: %q, not %q", c.name, in.Value(), c.want)
		}
	}
}

func TestSet(t *testing.T) {
	in := New("first", false)
	in.Update(key(tea.KeyHome))
	in.Set("日本")
	if in.Value() != "日本" || !in.AtEnd() {
		t.Errorf("%q, %v", in.Value(), in.AtEnd())
	}
}

func TestDraw(t *testing.T) {
	for _, c := range []struct {
		name, text string
		home       bool
		w          int
		want       string
		cursor     int
	}{
		{"all of it", "abc", false, 6, "abc", 3},
		{"the end", "abcdef", false, 4, "def", 3},
		{"the beginning", "abcdef", true, 4, "abcd", 0},
		{"exactly", "abc", false, 4, "abc", 3},
		{"wide", "日本語", false, 5, "本語", 4},
		{"half a wide one does not fit", "日本語", false, 4, "語", 2},
		{"under the cursor", "日本語", true, 4, "日本", 0},
		{"one cell", "abc", false, 1, "", 0},
		{"one cell, wide", "日本", true, 1, "", 0},
		{"two cells, wide", "日本", true, 2, "日", 0},
		{"marks", "e\u0301e\u0301", false, 3, "e\u0301e\u0301", 2},
		{"nothing", "", false, 3, "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := New(c.text, false)
			if c.home {
				in.Update(key(tea.KeyHome))
			}
			if got := see(t, &in, c.w); got != c.want {
				t.Errorf("%q, not %q", got, c.want)
			}
			if got := cursor(&in, c.w); got != c.cursor {
				t.Errorf("the cursor is at %d, not %d", got, c.cursor)
			}
		})
	}
}

// TestCursorStaysInSight walks through mixed text at every width.
func TestCursorStaysInSight(t *testing.T) {
	const line = "ab日本\u200bc🚀e\u0301 ❤️x"
	for w := 1; w < 14; w++ {
		in := New(line, false)
		for range len([]rune(line)) + 1 {
			see(t, &in, w)
			if at := cursor(&in, w); at < 0 || at >= w {
				t.Fatalf("width %d: the cursor is at %d", w, at)
			}
			in.Update(key(tea.KeyLeft))
		}
	}
	in := New(line, false)
	if got := see(t, &in, 0); got != "" {
		t.Errorf("%q in no cells", got)
	}
	f := screen.Frame{Canvas: screen.New(5, 1), Signs: themes.ASCII()}
	in.Draw(f, 2, 0, -3, themes.Plain)
	if got := f.Plain(); got != "" {
		t.Errorf("%q in less than none", got)
	}
}

func TestSecret(t *testing.T) {
	in := New("hunter2", true)
	in.Update(tea.PasteMsg{Content: "pass日"})
	for range 12 {
		if got := see(t, &in, 20); strings.Trim(got, "* ") != "" || strings.Count(got, "*") != 12 {
			t.Fatalf("a secret is drawn as %q", got)
		}
		in.Update(key(tea.KeyLeft))
	}
	if in.Value() != "hunter2pass日" {
		t.Error(in.Value())
	}
}

func TestGhost(t *testing.T) {
	in := New("po", false)
	in.Ghost("ds")
	// The cursor stands between what is typed and what would be added.
	if got := see(t, &in, 10); got != "po ds" {
		t.Errorf("%q", got)
	}
	if got := see(t, &in, 4); got != "po d" {
		t.Errorf("%q", got)
	}
	in.Update(text("d"))
	in.Ghost("")
	if got := see(t, &in, 10); got != "pod" {
		t.Errorf("%q: the old completion stays", got)
	}
}

// TestHuge: with a time that grows with the square of the text, none of these
// would end.
func TestHuge(t *testing.T) {
	for name, one := range map[string]string{"ascii": "x", "wide": "日", "marks": "\u0301", "joiners": "\u200d", "emoji": "🚀"} {
		t.Run(name, func(t *testing.T) {
			in := New("", false)
			in.Update(tea.PasteMsg{Content: strings.Repeat(one, 1<<18/len(one))})
			if len(in.Value()) < 1<<17 {
				t.Fatalf("%d bytes of the paste are left", len(in.Value()))
			}
			for _, k := range []tea.Msg{text("a"), key(tea.KeyLeft), key(tea.KeyHome), key(tea.KeyEnd), key(tea.KeyBackspace)} {
				in.Update(k)
				see(t, &in, 20)
			}
			if cursor(&in, 20) < 0 {
				t.Error("no cursor is in sight")
			}
		})
	}
}
