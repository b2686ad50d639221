package themes

import (
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"wheelhouse/backend"
)

func load(t *testing.T, name string) Theme {
	t.Helper()
	theme, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	return theme
}

func TestRolesHaveNames(t *testing.T) {
	names := roleNames()
	if len(names) != int(Roles) {
		t.Fatalf("%d names for %d roles", len(names), Roles)
	}
	sorted := slices.Sorted(slices.Values(names))
	if unique := slices.Compact(slices.Clone(sorted)); len(unique) != len(names) {
		t.Errorf("two roles have one name: %v", sorted)
	}
	for _, c := range []struct {
		pen  Pen
		name string
	}{{Plain, "plain"}, {Critical, "critical"}, {Marked, "marked"}, {Red, "red"}, {Grey, "grey"}} {
		if names[c.pen] != c.name {
			t.Errorf("pen %d is called %q, not %q", c.pen, names[c.pen], c.name)
		}
	}
}

// TestEveryRoleHasAColour: plain is the terminal's own in every theme.
func TestEveryRoleHasAColour(t *testing.T) {
	if got := Names(); !slices.Equal(got, []string{"contrast", "dark", "light", "mono"}) {
		t.Fatal(got)
	}
	for _, name := range Names() {
		theme := load(t, name)
		if theme.Name != name {
			t.Errorf("%s calls itself %q", name, theme.Name)
		}
		if name == "mono" {
			continue
		}
		want := slices.DeleteFunc(roleNames(), func(r string) bool { return r == "plain" })
		if got := slices.Sorted(maps.Keys(theme.Colours)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s has colours for %v, not %v", name, got, want)
		}
		if theme.Glow == "" || theme.Bar == "" {
			t.Errorf("%s: glow %q, bar %q", name, theme.Glow, theme.Bar)
		}
	}
}

// pens are every role with every set of attributes.
func pens() []Pen {
	var all []Pen
	for role := range Roles {
		for attributes := range Pen(32) {
			all = append(all, role|attributes<<8)
		}
	}
	return all
}

func TestMonoHasNoColours(t *testing.T) {
	mono := load(t, "mono")
	for _, p := range pens() {
		if l := mono.Look(p); l.Fg != nil || l.Bg != nil {
			t.Errorf("%x: %v on %v", p, l.Fg, l.Bg)
		}
	}
}

func TestLook(t *testing.T) {
	dark := load(t, "dark")
	for _, p := range pens() {
		l := dark.Look(p)
		if l.Bold != (p&Bold != 0) || l.Reverse != (p&Reverse != 0) || l.Underline != (p&Underline != 0) {
			t.Errorf("%x: %+v", p, l)
		}
		if (l.Fg == nil) != (p.Role() == Plain) || (l.Bg == nil) != (p&(Glow|Bar) == 0) {
			t.Errorf("%x: %v on %v", p, l.Fg, l.Bg)
		}
	}
	// What has just changed is told on the header line too.
	if both, glow := dark.Look(Glow|Bar), dark.Look(Glow); both.Bg != glow.Bg {
		t.Errorf("%v, not %v", both.Bg, glow.Bg)
	}
}

// xterm is the sixteen colours as xterm has them; a person's terminal may have
// its own, which is why a theme that uses them is not the default.
var xterm = [...]string{
	"000000", "cd0000", "00cd00", "cdcd00", "0000ee", "cd00cd", "00cdcd", "e5e5e5",
	"7f7f7f", "ff0000", "00ff00", "ffff00", "5c5cff", "ff00ff", "00ffff", "ffffff",
}

// luminance is WCAG 2.1's relative luminance of a theme's colour.
func luminance(t *testing.T, c string) float64 {
	t.Helper()
	hex, ok := strings.CutPrefix(c, "#")
	if !ok {
		n, err := strconv.Atoi(c)
		switch {
		case err != nil:
			t.Fatal(err)
		case n < 16:
			hex = xterm[n]
		case n >= 232: // the greys of the 256
			hex = strings.Repeat(fmt.Sprintf("%02x", 8+10*(n-232)), 3)
		default:
			t.Fatalf("%s: no contrast is computed for the colour cube", c)
		}
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		v := float64(n) / 255
		if v <= 0.04045 {
			v /= 12.92
		} else {
			v = math.Pow((v+0.055)/1.055, 2.4)
		}
		sum += weight * v
	}
	return sum
}

// contrast is WCAG 2.1's contrast ratio, from 1 to 21.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func TestContrastIsComputedRight(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want float64 // from the examples of WCAG and of its checkers
	}{{"#000000", "#ffffff", 21}, {"#777777", "#ffffff", 4.48}, {"#ffffff", "#ffffff", 1}, {"15", "0", 21}} {
		if got := contrast(t, c.a, c.b); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%s on %s: %.2f, not %.2f", c.a, c.b, got, c.want)
		}
	}
}

// TestContrast: text is read on the terminal's ground at WCAG's AA (4.5), on
// the header's bar and on a glow that fades, at what large and bold text wants
// (3). The rule is no text.
func TestContrast(t *testing.T) {
	for _, c := range []struct{ theme, ground, own string }{
		{"dark", "#000000", "#ffffff"}, {"light", "#ffffff", "#000000"}, {"contrast", "#000000", "#ffffff"},
	} {
		theme := load(t, c.theme)
		colours := maps.Clone(theme.Colours)
		colours["plain"] = c.own
		delete(colours, "rule")
		for role, colour := range colours {
			for _, on := range []struct {
				name, ground string
				want         float64
			}{{"the terminal's ground", c.ground, 4.5}, {"the bar", theme.Bar, 3}, {"a glow", theme.Glow, 3}} {
				if got := contrast(t, colour, on.ground); got < on.want {
					t.Errorf("%s: %s %s on %s %s has %.2f, less than %.1f", c.theme, role, colour, on.name, on.ground, got, on.want)
				}
			}
		}
	}
}

func TestOwnTheme(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"good", "name: own\nglow: \"#102030\"\nbar: \"7\"\ncolours:\n  dim: \"#AABBCC\"\n  good: \"255\"\n  idle: \"0\"\n  plain: \"\"\n", ""},
		{"a bare number", "colours:\n  dim: 7\n", ""},
		{"empty", "", ""},
		{"unknown role", "colours:\n  dimm: \"1\"\n", `there is no role "dimm"; roles are plain, dim,`},
		{"unknown key", "colors:\n  dim: \"1\"\n", `[1:1] unknown field "colors"`},
		{"a word", "colours:\n  dim: grey\n", `dim is "grey"; a colour is #rrggbb or a number from 0 to 255`},
		{"too short", "colours:\n  dim: \"#fff\"\n", `dim is "#fff"`},
		{"no digits", "colours:\n  dim: \"#gggggg\"\n", `dim is "#gggggg"`},
		{"too great", "colours:\n  dim: \"256\"\n", `dim is "256"`},
		// A reader that stops at the first wrong character takes these for colours.
		{"half a number", "colours:\n  dim: 7up\n", `dim is "7up"`},
		{"half a colour", "colours:\n  dim: \"#12 456\"\n", `dim is "#12 456"`},
		{"signs", "colours:\n  dim: \"#-12345\"\n", `dim is "#-12345"`},
		{"negative", "colours:\n  dim: \"-1\"\n", `dim is "-1"`},
		{"glow", "glow: bright\n", `glow is "bright"; a colour is`},
		{"bar", "bar: \"#12345\"\n", `bar is "#12345"; a colour is`},
		{"an escape", "colours:\n  dim: \"\\e[31m\"\n", `dim is "\x1b[31m"`},
		{"wrong type", "colours: [a]\n", "[1:10]"},
		{"broken", "colours:\n  dim: [\n", "[2:8]"},
		{"binary", "\x00\xff", "[1:1]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "own.yaml")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			theme, err := Load(path)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
					t.Errorf("%v does not say %s and %q", err, path, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range pens() {
				theme.Look(p) // no pen may need more than the file has
			}
		})
	}
}

func TestNoSuchTheme(t *testing.T) {
	for _, c := range []struct{ name, want string }{
		{"nonsense", `no theme is called "nonsense" and no file is there; themes are contrast, dark, light, mono`},
		{"", `no theme is called ""`},
		{t.TempDir(), "is a directory; themes are contrast,"},
	} {
		if _, err := Load(c.name); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v does not say %q", c.name, err, c.want)
		}
	}
}

func TestSigns(t *testing.T) {
	for name, s := range map[string]*Signs{"unicode": Unicode(), "ascii": ASCII()} {
		seen := map[string]bool{}
		for level, sign := range s.Level {
			if len([]rune(sign)) != 1 || seen[sign] {
				t.Errorf("%s: level %d is %q, which is not one sign of its own", name, level, sign)
			}
			seen[sign] = true
		}
		all := append(s.Level[:], s.Cursor, s.Mark, s.Up, s.Down, s.Ellipsis, s.Horizontal, s.Vertical, s.TopLeft, s.TopRight, s.BottomLeft, s.BottomRight)
		for _, sign := range all {
			if len([]rune(sign)) != 1 || name == "ascii" && sign[0] >= 0x7f {
				t.Errorf("%s: %q", name, sign)
			}
		}
	}
}

func TestPensOfNames(t *testing.T) {
	for name, want := range map[string]Pen{"red": Red, "orange": Orange, "yellow": Yellow, "green": Green, "cyan": Cyan, "blue": Blue, "purple": Purple, "grey": Grey, "": Accent, "pink": Accent, "plain": Accent} {
		if got := Colour(name); got != want {
			t.Errorf("%q: %d, not %d", name, got, want)
		}
	}
	for level, want := range map[backend.Level]Pen{backend.None: Plain, backend.Good: Good, backend.Waiting: Waiting, backend.Critical: Critical} {
		if got := Of(level); got != want {
			t.Errorf("%v: %d, not %d", level, got, want)
		}
	}
}
