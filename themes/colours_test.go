package themes

import (
	"image/color"
	"testing"

	"github.com/charmbracelet/x/ansi"
)

// TestColoursSurvive256: on a terminal of 256 colours what was colourful is not
// grey: a failure has to be seen there too.
func TestColoursSurvive256(t *testing.T) {
	for _, name := range Names() {
		for role, hex := range load(t, name).Colours {
			full := colour(hex)
			if was, is := colourful(full), colourful(ansi.Convert256(full)); was > 90 && is < was/3 {
				t.Errorf("%s: %s %s is grey with 256 colours (%d of %d)", name, role, hex, is, was)
			}
		}
	}
}

// colourful is how far apart the strongest and the weakest of red, green and
// blue are, of 255.
func colourful(c color.Color) int {
	r, g, b, _ := c.RGBA()
	return int(max(r, g, b)>>8) - int(min(r, g, b)>>8)
}
