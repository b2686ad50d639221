// Package input is a line that can be edited: bubbles' text input for the
// editing, drawn on a canvas. It knows nothing of what the line is for.
package input

import (
	"strings"
	"unicode/utf8"

	"charm.land/bubbles/v2/textinput"
	tea "charm.land/bubbletea/v2"

	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// Input is one editable line. Use New.
type Input struct {
	edit  textinput.Model
	ghost string // the rest of a completion, drawn dim behind the text
	blank bool   // draw dots instead of what was typed
	whole bool   // all of it is selected: what is typed next takes its place
}

// New gives an input that holds value, with the cursor at its end. A secret one
// is drawn as dots.
func New(value string, secret bool) Input {
	e := textinput.New()
	e.Prompt = ""
	e.SetValue(value)
	e.CursorEnd()
	e.Focus()
	return Input{edit: e, blank: secret}
}

// Value is the line as it stands.
func (in *Input) Value() string { return in.edit.Value() }

// Set replaces the line and puts the cursor at its end.
func (in *Input) Set(value string) {
	in.edit.SetValue(value)
	in.edit.CursorEnd()
}

// Select selects all of the line: what is typed or pasted next takes its place;
// keys that move the cursor leave it.
func (in *Input) Select() { in.whole = true }

// AtEnd says whether the cursor stands behind the last character.
func (in *Input) AtEnd() bool { return in.edit.Position() >= len([]rune(in.edit.Value())) }

// Ghost sets what a completion would add, drawn dim behind the line.
func (in *Input) Ghost(rest string) { in.ghost = rest }

// Update lets the line take a key press or a paste.
func (in *Input) Update(msg tea.Msg) {
	if in.whole {
		in.whole = false
		if replaces(msg) {
			in.edit.SetValue("")
		}
	}
	in.edit, _ = in.edit.Update(msg)
}

// replaces says whether a message is something typed, pasted or deleted.
func replaces(msg tea.Msg) bool {
	switch msg := msg.(type) {
	case tea.PasteMsg:
		return true
	case tea.KeyPressMsg:
		return msg.Text != "" || msg.String() == "backspace" || msg.String() == "delete"
	}
	return false
}

// Draw draws the line from x on in w cells; what does not fit scrolls so that
// the cursor stays in sight. The cursor is a reversed cell: the terminal's own
// stays hidden.
func (in *Input) Draw(f screen.Frame, x, y, w int, pen themes.Pen) {
	if w <= 0 {
		return
	}
	runes := []rune(in.edit.Value())
	at := min(in.edit.Position(), len(runes))
	before, under, after := string(runes[:at]), " ", ""
	if at < len(runes) {
		under, after = string(runes[at]), string(runes[at+1:])
	}
	if in.blank {
		before, after = strings.Repeat("*", at), strings.Repeat("*", max(0, len(runes)-at-1))
		if at < len(runes) {
			under = "*"
		}
	}
	if screen.Width(under) == 0 { // a mark alone has no cell to reverse
		under = " "
	}
	if in.whole && len(runes) > 0 {
		pen |= themes.Reverse
	}
	line := f.Sub(x, y, w, 1)
	before = tail(before, w-screen.Width(under))
	next := line.Text(0, 0, pen, before)
	next = line.Text(next, 0, pen|themes.Reverse, under)
	next = line.Text(next, 0, pen, after)
	line.Text(next, 0, themes.Dim, in.ghost)
}

// tail is the end of s that fits into w cells. It measures rune by rune, so that
// a text that is huge or floods one cell with marks costs no more than its length.
func tail(s string, w int) string {
	from := len(s)
	for left := w; from > 0; {
		r, n := utf8.DecodeLastRuneInString(s[:from])
		if left -= screen.Width(string(r)); left < 0 {
			break
		}
		from -= n
	}
	for from < len(s) && screen.Width(s[from:]) > w { // together they may be wider, as an emoji and its selector are
		_, n := utf8.DecodeRuneInString(s[from:])
		from += n
	}
	return s[from:]
}
