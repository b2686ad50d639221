package chooser

import (
	"fmt"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

func items() []Item {
	return []Item{
		{ID: "pods", Group: "view", Title: "pods", Detail: "Pods"},
		{ID: "delete", Group: "action", Title: "Delete", Key: "ctrl+d", Detail: "ends the pod"},
		{ID: "scale", Group: "action", Title: "Scale", Key: "s", Why: "you may not patch deployments"},
		{ID: "object", Group: "object", Title: "shop/日本語-7d9f"},
	}
}

func press(c *Chooser, keys ...string) {
	codes := map[string]tea.KeyPressMsg{
		"up": {Code: tea.KeyUp}, "down": {Code: tea.KeyDown}, "pgup": {Code: tea.KeyPgUp}, "pgdown": {Code: tea.KeyPgDown}, "tab": {Code: tea.KeyTab},
		"ctrl+p": {Code: 'p', Mod: tea.ModCtrl}, "ctrl+n": {Code: 'n', Mod: tea.ModCtrl}, "ctrl+u": {Code: 'u', Mod: tea.ModCtrl},
		"backspace": {Code: tea.KeyBackspace}, "left": {Code: tea.KeyLeft},
	}
	for _, k := range keys {
		msg, ok := codes[k]
		if !ok {
			msg = tea.KeyPressMsg{Code: []rune(k)[0], Text: k}
		}
		c.Update(msg)
	}
}

// draw gives the picture, the bars on both sides of which must stay.
func draw(t *testing.T, c *Chooser, w, h int) []string {
	t.Helper()
	f := screen.Frame{Canvas: screen.New(w+2, h+1), Signs: themes.ASCII()}
	for y := range h + 1 {
		f.Text(0, y, themes.Plain, "|")
		f.Text(w+1, y, themes.Plain, "|")
	}
	c.Draw(f.Sub(1, 0, w, h))
	var rows []string
	for y, row := range strings.Split(f.Plain(), "\n") {
		if !strings.HasPrefix(row, "|") || !strings.HasSuffix(row, "|") || y == h && strings.Trim(row, "| ") != "" {
			t.Fatalf("%d×%d is drawn outside: %q", w, h, row)
		}
		if y < h {
			rows = append(rows, strings.TrimRight(strings.Trim(row, "|"), " "))
		}
	}
	return rows
}

func current(c *Chooser) string {
	it, ok := c.Current()
	if !ok {
		return "none"
	}
	return it.ID
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		keys []string
		want string
	}{
		{nil, "pods"},
		{[]string{"down"}, "delete"},
		{[]string{"ctrl+n", "tab"}, "scale"},
		{[]string{"down", "down", "up"}, "delete"},
		{[]string{"down", "ctrl+p"}, "pods"},
		{[]string{"up", "up"}, "pods"},
		{[]string{"pgdown"}, "object"},
		{[]string{"pgdown", "down", "up"}, "scale"},
		{[]string{"pgdown", "pgup"}, "pods"},
		{[]string{"d", "e", "l"}, "delete"},
		{[]string{"D", "E"}, "delete"},
		{[]string{"語"}, "object"},
		{[]string{"s", "c", "a"}, "scale"}, // what can't be chosen is found, to be told why
		{[]string{"v", "i", "e", "w"}, "pods"},
		{[]string{" ", " "}, "pods"},
		{[]string{"q", "q"}, "none"},
		{[]string{"q", "q", "down", "up", "pgdown"}, "none"},
		{[]string{"q", "q", "backspace", "backspace"}, "pods"},
		{[]string{"q", "ctrl+u"}, "pods"},
		{[]string{"down", "d"}, "delete"},
		{[]string{"down", "left"}, "delete"}, // moving in the line is no other search
	} {
		t.Run(strings.Join(c.keys, " "), func(t *testing.T) {
			ch := New(items(), nil)
			press(ch, c.keys...)
			if got := current(ch); got != c.want {
				t.Errorf("%s, not %s", got, c.want)
			}
			draw(t, ch, 40, 6)
		})
	}
}

// TestSearchBeginsAtTheTop: after typing, enter takes the best match, wherever
// the cursor stood before.
func TestSearchBeginsAtTheTop(t *testing.T) {
	c := New(items(), nil)
	press(c, "pgdown", "e")
	if got, _ := c.Current(); c.at != 0 || got.ID != c.shown[0].ID || len(c.shown) < 2 {
		t.Errorf("%+v at %d of %d", got, c.at, len(c.shown))
	}
}

func TestPaste(t *testing.T) {
	c := New(items(), nil)
	c.Update(tea.PasteMsg{Content: "dele\n"})
	if got := current(c); got != "delete" {
		t.Errorf("%s: a line end that came with a paste hides what it names", got)
	}
	c = New(items(), nil)
	c.Update(tea.PasteMsg{Content: strings.Repeat("x", 1<<20)})
	if got := current(c); got != "none" {
		t.Error(got)
	}
	draw(t, c, 40, 6)
	c = New([]Item{{ID: "long", Title: strings.Repeat("日x", 1<<18)}}, nil)
	press(c, "x")
	if got := current(c); got != "long" {
		t.Error(got)
	}
	draw(t, c, 40, 6)
}

func TestPicture(t *testing.T) {
	c := New(items(), nil)
	press(c, "down", "down")
	want := []string{
		"/",
		"  pods  Pods                        view",
		"  Delete  ends the pod     action ctrl+d",
		"> Scale  you may not patch deployments",
		"  shop/日本語-7d9f                object",
	}
	if got := draw(t, c, 40, 5); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	// The reason goes before the key: there is no use in a key that does nothing.
	if got := draw(t, c, 60, 5)[3]; got != "> Scale  you may not patch deployments"+strings.Repeat(" ", 14)+"action s" {
		t.Errorf("%q", got)
	}
	if got := draw(t, c, 20, 5)[3]; got != "> Scale  you may not" {
		t.Errorf("%q", got)
	}
	if c.Height() < 5 {
		t.Errorf("it asks for %d rows", c.Height())
	}
}

// TestPens: what can't be chosen is dim and its reason is not; the cursor is
// told without colour too.
func TestPens(t *testing.T) {
	c := New(items(), nil)
	press(c, "down", "down")
	f := screen.Frame{Canvas: screen.New(40, 5), Signs: themes.ASCII()}
	c.Draw(f)
	for _, p := range []struct {
		x, y int
		want themes.Pen
	}{
		{2, 1, themes.Plain},
		{2, 3, themes.Dim | themes.Bold},
		{9, 3, themes.Warning},
		{0, 3, themes.Accent},
		{34, 2, themes.Accent}, // the key
	} {
		f.Repen(p.x, p.y, 1, func(got themes.Pen) themes.Pen {
			if got != p.want {
				t.Errorf("%d,%d is %x, not %x", p.x, p.y, got, p.want)
			}
			return got
		})
	}
}

func TestEmpty(t *testing.T) {
	c := New(nil, nil)
	press(c, "down", "up", "pgdown", "pgup", "a", "backspace")
	c.Move(5)
	c.Move(-5)
	if got := current(c); got != "none" {
		t.Error(got)
	}
	if got := draw(t, c, 40, 3); got[1] != "  nothing matches" {
		t.Errorf("%q", got)
	}
	if c.Height() < 2 {
		t.Errorf("there is no room for the reason: %d", c.Height())
	}
}

// TestSmall draws at every size down to nothing, with the cursor everywhere,
// and keeps the cursor's item in sight where a row is left for it.
func TestSmall(t *testing.T) {
	for w := range 24 {
		for h := range 5 {
			c := New(items(), nil)
			for range 5 {
				rows := draw(t, c, w, h)
				it, _ := c.Current()
				if w >= 6 && h >= 2 && !strings.Contains(strings.Join(rows[1:], "\n"), "> "+it.Title[:4]) {
					t.Errorf("%d×%d: %s is out of sight in %q", w, h, it.Title, rows)
				}
				press(c, "down")
			}
			press(c, "q", "q", "日")
			draw(t, c, w, h)
		}
	}
}

// TestGrowing: a window that was too small for any item shows the cursor's when
// it grows again.
func TestGrowing(t *testing.T) {
	c := New(items(), nil)
	press(c, "down")
	for _, h := range []int{1, 0, 1, 3, 0, 2} {
		draw(t, c, 30, h)
	}
	if rows := draw(t, c, 30, 3); !strings.Contains(strings.Join(rows, "\n"), "\n> Delete") {
		t.Errorf("%q", rows)
	}
}

func TestScroll(t *testing.T) {
	var many []Item
	for i := range 100 {
		many = append(many, Item{ID: fmt.Sprint(i), Title: fmt.Sprintf("item %d", i)})
	}
	c := New(many, nil)
	for i := range 120 {
		rows := draw(t, c, 20, 6)
		want := fmt.Sprintf("> item %d", min(i, 99))
		if n := strings.Count(strings.Join(rows[1:], "\n")+"\n", want+"\n"); n != 1 {
			t.Fatalf("%q is drawn %d times in %q", want, n, rows)
		}
		press(c, "down")
	}
	c.Move(-1000)
	if rows := draw(t, c, 20, 6); rows[1] != "> item 0" {
		t.Errorf("%q", rows)
	}
}

func TestMore(t *testing.T) {
	var asked []string
	base := append(make([]Item, 0, 100), items()...) // with room, which appending must not use
	c := New(base, func(q string) []Item {
		asked = append(asked, q)
		return []Item{{ID: "more " + q, Title: "found " + q}}
	})
	press(c, " ", "z", "z")
	if got := current(c); got != "more zz" {
		t.Errorf("%s", got)
	}
	press(c, "left", "down")
	if want := "z,zz"; strings.Join(asked, ",") != want {
		t.Errorf("asked for %q, not %s", asked, want)
	}
	press(c, "ctrl+u", "backspace", "backspace", "backspace")
	for _, it := range base[:cap(base)][len(base):] {
		if it.ID != "" {
			t.Fatalf("the caller's items were written over with %q", it.ID)
		}
	}
}

func TestHostile(t *testing.T) {
	c := New([]Item{{ID: "x", Title: "a\x1b[2Jb\nc\td\u202e", Group: "\x1b]0;g\a", Key: "k\r", Detail: "\u009b31m", Why: ""}, {ID: "y", Title: "", Why: "\x1b[31mno\n"}}, nil)
	for w := range 40 {
		if got := strings.Join(draw(t, c, w, 4), ""); strings.ContainsAny(got, "\x1b\n\r\t\u009b\u202e") {
			t.Fatalf("%q", got)
		}
	}
}
