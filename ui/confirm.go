package ui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/dispatch"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
	"wheelhouse/ui/widget/input"
)

// confirm shows a plan: what it does, what it touches, each request that will
// be sent. Cancel is the default; a high risk wants a name typed.
type confirm struct {
	proposal dispatch.Proposal
	sel      Selection
	who      string
	buttons  buttons
	typed    *input.Input // for a high risk, or a reason; nil: none asked
	reason   bool         // what is typed is the reason for going on unrecorded
	wrong    string       // why the last try was not taken
	sent     bool         // begun; the answer is awaited
	top      int          // first line shown, where there are more than fit
	rows     int          // lines that the last drawing had room for
}

func newConfirm(p dispatch.Proposal, sel Selection, who string) *confirm {
	c := &confirm{proposal: p, sel: sel, who: who, buttons: buttons{yes: p.Action.Title}}
	if p.Refused == "" && p.TypeToConfirm != "" {
		in := input.New("", false)
		c.typed = &in
	}
	return c
}

// askReason turns the dialog into one that wants a reason typed.
func (c *confirm) askReason() {
	in := input.New("", false)
	c.typed, c.reason = &in, true
}

func (c *confirm) title() string {
	return c.proposal.Action.Title + " " + dispatch.Subject(c.proposal.Steps)
}

func noun(kind string) string {
	short, _, _ := strings.Cut(kind, ".")
	return short
}

func path(r backend.Ref) string {
	if r.Scope == "" {
		return r.Name
	}
	return r.Scope + "/" + r.Name
}

// penned is a line of the dialog with its pen.
type penned struct {
	pen  themes.Pen
	text string
}

// body is all lines of the plan at width w.
func (c *confirm) body(w int, signs *themes.Signs) []penned {
	var out []penned
	add := func(pen themes.Pen, text string) {
		for _, row := range screen.Wrap(backend.T(text).Safe(), w) {
			out = append(out, penned{pen, row})
		}
	}
	add(themes.Plain, c.proposal.Sentence)
	for _, warning := range c.proposal.Warnings {
		add(themes.Warning, signs.Level[backend.Warning]+" "+warning)
	}
	for _, st := range c.proposal.Steps {
		add(themes.Accent, st.Request)
	}
	if len(c.proposal.Steps) > 0 {
		add(themes.Dim, "same as: "+c.proposal.Steps[0].CLI+more(len(c.proposal.Steps)-1))
	}
	add(themes.Dim, c.may()+" · recorded as "+orUnknown(c.who))
	if c.proposal.Refused != "" {
		add(themes.Critical, signs.Level[backend.Critical]+" "+c.proposal.Refused)
	}
	return out
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" … and %d more", n)
}

func orUnknown(who string) string {
	if who == "" {
		return "the link's user"
	}
	return who
}

// may says what the servers answered to "may I?".
func (c *confirm) may() string {
	unsure := 0
	for _, v := range c.proposal.Verdicts {
		switch {
		case v.Err != nil:
			unsure++
		case !v.OK:
			return "you may: no"
		}
	}
	if unsure > 0 {
		return "you may: the server did not say"
	}
	return "you may: yes"
}

func (c *confirm) tail() int {
	n := 2 // a blank line and the buttons
	if c.typed != nil {
		n += 2
	}
	if c.wrong != "" {
		n++
	}
	return n
}

func (c *confirm) want(s *Shell, maxW, maxH int) (w, h int) {
	w = min(maxW, 90)
	return w, min(maxH, len(c.body(w, s.o.Signs))+c.tail())
}

func (c *confirm) draw(s *Shell, f screen.Frame) {
	lines := c.body(f.Width(), f.Signs)
	c.rows = max(1, f.Height()-c.tail())
	c.top = max(0, min(c.top, len(lines)-c.rows))
	for y := 0; y < c.rows && c.top+y < len(lines); y++ {
		f.Text(0, y, lines[c.top+y].pen, lines[c.top+y].text)
	}
	if hidden := len(lines) - c.top - c.rows; hidden > 0 {
		f.Fit(0, c.rows-1, f.Width(), themes.Accent, fmt.Sprintf("%s %d more lines: down", f.Signs.Down, hidden+1), false)
	}
	y := f.Height() - c.tail()
	if c.wrong != "" {
		f.Fit(0, y, f.Width(), themes.Warning, backend.T(c.wrong).Safe(), false)
		y++
	}
	if c.typed != nil {
		ask := "type " + backend.T(c.proposal.TypeToConfirm).Safe() + ":"
		if c.reason {
			ask = "why go on unrecorded:"
		}
		x := f.Text(0, y+1, themes.Warning, ask) + 1
		c.typed.Draw(f, x, y+1, f.Width()-x, themes.Plain)
	}
	switch {
	case c.sent:
		f.Text(0, f.Height()-1, themes.Moving, f.Signs.Level[backend.Moving]+" sending …")
	case c.proposal.Refused != "":
		f.Text(0, f.Height()-1, themes.Dim, "enter or esc closes")
	default:
		c.options(s, f)
		c.buttons.draw(f, f.Height()-1)
	}
}

// options says by which key the optional parameters are reached.
func (c *confirm) options(_ *Shell, f screen.Frame) {
	if c.typed == nil && len(c.proposal.Action.Params) > 0 {
		x := f.Text(0, f.Height()-1, themes.Accent, "o")
		f.Text(x+1, f.Height()-1, themes.Dim, "options")
	}
}

func (c *confirm) update(s *Shell, msg tea.Msg) (bool, tea.Cmd) {
	k, isKey := msg.(tea.KeyPressMsg)
	if c.sent {
		return false, nil
	}
	if isKey {
		switch name := k.String(); name {
		case "down", "pgdown":
			c.top += c.step(name)
			return false, nil
		case "up", "pgup":
			c.top -= c.step(name)
			return false, nil
		case "enter", "tab", "left", "right":
			if c.proposal.Refused != "" { // there are no buttons
				return name == "enter", nil
			}
			if c.buttons.update(name) {
				return c.answer(s)
			}
			return false, nil
		case "o":
			if c.typed == nil && c.proposal.Refused == "" && len(c.proposal.Action.Params) > 0 {
				s.open(newForm(c.proposal.Action, c.sel, c.proposal.Args))
				return true, nil
			}
		}
	}
	if c.typed != nil {
		c.typed.Update(msg)
	} else if isKey {
		c.buttons.update(k.String())
	}
	return false, nil
}

// answer takes the button that the cursor stands on.
func (c *confirm) answer(s *Shell) (bool, tea.Cmd) {
	if !c.buttons.chosen {
		c.dismissed(s)
		return true, nil
	}
	consent := dispatch.Consent{Confirmed: true}
	if c.typed != nil {
		consent.Typed = c.typed.Value()
		if c.reason {
			consent.Typed, consent.Reason = c.proposal.TypeToConfirm, c.typed.Value()
		}
	}
	c.sent, c.wrong = true, ""
	return false, s.start(c, consent)
}

// dismissed records that it was looked at and not done.
func (c *confirm) dismissed(s *Shell) {
	switch {
	case c.proposal.Refused != "":
		return
	case c.sent:
		s.Say("It was confirmed and goes on; "+s.keyOf("shell.outcomes")+" shows how it ends.", backend.Moving)
		return
	}
	s.o.Desk.Decline(c.proposal)
	s.Say("Cancelled: nothing was sent.", backend.None)
}

// step is by how many lines a key scrolls.
func (c *confirm) step(key string) int {
	if key == "pgdown" || key == "pgup" {
		return c.rows
	}
	return 1
}
