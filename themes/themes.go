// Package themes holds colours and signs as data. What is drawn carries a Pen,
// a role and not a colour; a Theme says what the roles look like, and changing
// it changes no picture but its colours.
package themes

import (
	"embed"
	"errors"
	"fmt"
	"image/color"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/goccy/go-yaml"
)

// A Theme says what the roles look like. It is data: four are built in, and a
// file of the same form is another.
type Theme struct {
	Name string `yaml:"name"`
	// Colours is each role's colour, "#rrggbb" or a number of the terminal's own
	// palette ("1"); a role that is left out has the terminal's own foreground.
	Colours map[string]string `yaml:"colours"`
	// Glow and Bar are the backgrounds of what changed just now and of the
	// header line.
	Glow string `yaml:"glow"`
	Bar  string `yaml:"bar"`
}

//go:embed *.yaml
var builtin embed.FS

// roleNames are the roles as theme files call them, in the order of the pens.
func roleNames() []string {
	return []string{
		"plain", "dim", "accent", "head", "rule", "good", "moving", "idle", "waiting", "warning", "critical",
		"match", "marked", "red", "orange", "yellow", "green", "cyan", "blue", "purple", "grey",
	}
}

// Names are the built-in themes.
func Names() []string {
	entries, _ := builtin.ReadDir(".") // an embedded folder is always there
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(names)
	return names
}

// Load gives the built-in theme of that name, or reads it as a file.
func Load(name string) (Theme, error) {
	b, err := builtin.ReadFile(name + ".yaml")
	if err != nil {
		b, err = os.ReadFile(name)
	}
	if errors.Is(err, os.ErrNotExist) {
		return Theme{}, fmt.Errorf("no theme is called %q and no file is there; themes are %s", name, strings.Join(Names(), ", "))
	}
	if err != nil {
		return Theme{}, fmt.Errorf("read theme: %w; themes are %s", err, strings.Join(Names(), ", "))
	}
	return parse(name, b)
}

func parse(name string, b []byte) (Theme, error) {
	var t Theme
	if err := yaml.UnmarshalWithOptions(b, &t, yaml.Strict()); err != nil {
		return Theme{}, fmt.Errorf("read theme %s: %w", name, err)
	}
	known := map[string]bool{}
	for _, r := range roleNames() {
		known[r] = true
	}
	for _, role := range slices.Sorted(maps.Keys(t.Colours)) {
		if !known[role] {
			return Theme{}, fmt.Errorf("theme %s: there is no role %q; roles are %s", name, role, strings.Join(roleNames(), ", "))
		}
	}
	all := maps.Clone(t.Colours)
	if all == nil {
		all = map[string]string{}
	}
	all["glow"], all["bar"] = t.Glow, t.Bar
	for _, what := range slices.Sorted(maps.Keys(all)) {
		if !valid(all[what]) {
			return Theme{}, fmt.Errorf("theme %s: %s is %q; a colour is #rrggbb or a number from 0 to 255", name, what, all[what])
		}
	}
	return t, nil
}

// valid says whether c is a colour; empty is the terminal's own.
func valid(c string) bool {
	if hex, ok := strings.CutPrefix(c, "#"); ok {
		_, err := strconv.ParseUint(hex, 16, 24)
		return len(hex) == 6 && err == nil
	}
	_, err := strconv.ParseUint(c, 10, 8)
	return c == "" || err == nil
}

// Look is what a pen looks like: colours are nil for the terminal's own.
type Look struct {
	Fg, Bg                   color.Color
	Bold, Reverse, Underline bool
}

// Look gives a pen's look in this theme.
func (t Theme) Look(p Pen) Look {
	l := Look{Bold: p&Bold != 0, Reverse: p&Reverse != 0, Underline: p&Underline != 0}
	l.Fg = colour(t.Colours[roleNames()[p.Role()]])
	switch {
	case p&Glow != 0:
		l.Bg = colour(t.Glow)
	case p&Bar != 0:
		l.Bg = colour(t.Bar)
	}
	return l
}

func colour(c string) color.Color {
	if c == "" {
		return nil
	}
	return lipgloss.Color(c)
}
