package screen

import (
	"image/color"
	"strconv"
	"strings"

	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"wheelhouse/themes"
)

// Palette is how pens are written: the SGR sequence of each, made once for a
// theme and what the terminal can do. Not safe for concurrent use.
type Palette struct {
	theme   themes.Theme
	profile colorprofile.Profile
	made    map[themes.Pen]string
	steps   map[[2]themes.Pen]string
}

// NewPalette makes the palette of a theme for a terminal.
func NewPalette(t themes.Theme, profile colorprofile.Profile) *Palette {
	return &Palette{theme: t, profile: profile, made: map[themes.Pen]string{}, steps: map[[2]themes.Pen]string{}}
}

// sgr is the sequence that takes a terminal from anything to p.
func (p *Palette) sgr(pen themes.Pen) string {
	s, ok := p.made[pen]
	if !ok {
		s = p.make(pen)
		p.made[pen] = s
	}
	return s
}

func (p *Palette) make(pen themes.Pen) string {
	look := p.theme.Look(pen)
	params := []string{""}
	add := func(on bool, n string) {
		if on {
			params = append(params, n)
		}
	}
	if p.profile > colorprofile.NoTTY {
		add(look.Bold, "1")
		add(look.Underline, "4")
		add(look.Reverse, "7")
	}
	if p.profile >= colorprofile.ANSI {
		params = append(params, p.colour(look.Fg, 30)...)
		params = append(params, p.colour(look.Bg, 40)...)
	}
	return "\x1b[" + strings.Join(params, ";") + "m"
}

// step is the shortest sequence that takes a terminal from one pen to another.
func (p *Palette) step(from, to themes.Pen) string {
	key := [2]themes.Pen{from, to}
	s, ok := p.steps[key]
	if !ok {
		s = p.sgr(to)
		if d := p.delta(p.theme.Look(from), p.theme.Look(to)); d != "" && len(d) < len(s) {
			s = d
		}
		p.steps[key] = s
	}
	return s
}

// delta sets only what differs; "" where something has to be taken off that
// only a reset takes off for certain.
func (p *Palette) delta(a, b themes.Look) string {
	if p.profile < colorprofile.ANSI || a.Bold && !b.Bold || a.Underline && !b.Underline {
		return ""
	}
	var params []string
	add := func(on bool, n string) {
		if on {
			params = append(params, n)
		}
	}
	add(b.Bold && !a.Bold, "1")
	add(b.Underline && !a.Underline, "4")
	add(b.Reverse && !a.Reverse, "7")
	add(a.Reverse && !b.Reverse, "27")
	if a.Fg != b.Fg {
		params = append(params, orDefault(p.colour(b.Fg, 30), "39")...)
	}
	if a.Bg != b.Bg {
		params = append(params, orDefault(p.colour(b.Bg, 40), "49")...)
	}
	return "\x1b[" + strings.Join(params, ";") + "m"
}

func orDefault(params []string, without string) []string {
	if len(params) == 0 {
		return []string{without}
	}
	return params
}

// colour are the SGR parameters of a colour in this terminal; base is 30 for
// the foreground, 40 for the background (ECMA-48, and xterm's 38/48 forms). Nil
// is the terminal's own.
func (p *Palette) colour(c color.Color, base int) []string {
	if c == nil {
		return nil
	}
	switch c := p.profile.Convert(c).(type) {
	case nil:
		return nil
	case ansi.BasicColor:
		if c >= 8 {
			return []string{strconv.Itoa(base + 60 + int(c) - 8)}
		}
		return []string{strconv.Itoa(base + int(c))}
	case ansi.IndexedColor:
		return []string{strconv.Itoa(base + 8), "5", strconv.Itoa(int(c))}
	default:
		r, g, b, _ := c.RGBA()
		return []string{strconv.Itoa(base + 8), "2", strconv.Itoa(int(r >> 8)), strconv.Itoa(int(g >> 8)), strconv.Itoa(int(b >> 8))}
	}
}

// ANSI is the picture with colours: lines joined by '\n', each ended by a reset.
func (c Canvas) ANSI(p *Palette) string {
	var b strings.Builder
	for y := range c.h {
		if y > 0 {
			b.WriteByte('\n')
		}
		pen := themes.Plain
		for _, v := range c.g.row(c.y + y)[c.x : c.x+c.w] {
			if v.width == 0 {
				continue
			}
			if v.pen != pen {
				b.WriteString(p.sgr(v.pen))
				pen = v.pen
			}
			b.WriteString(v.text)
		}
		if pen != themes.Plain {
			b.WriteString(p.sgr(themes.Plain))
		}
	}
	return b.String()
}
