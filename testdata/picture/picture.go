// Command picture turns a screen with colours, as `wheelhouse frame --ansi`
// prints it, into an SVG: standard input to standard output.
package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"html"
	"image/color"
	"io"
	"os"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/vt"
)

// The picture's measures in pixels, and what stands for the terminal's own
// colours.
const (
	cellWidth  = 8.4
	cellHeight = 18
	baseline   = 13
	margin     = 12
	fontSize   = 14
)

var (
	paper = color.RGBA{0x12, 0x14, 0x18, 0xff}
	ink   = color.RGBA{0xd4, 0xd7, 0xdd, 0xff}
)

func main() {
	width := flag.Int("width", 120, "columns of the screen")
	flag.Parse()
	if err := draw(os.Stdin, os.Stdout, *width); err != nil {
		fmt.Fprintln(os.Stderr, "picture:", err)
		os.Exit(1)
	}
}

func draw(in io.Reader, out io.Writer, width int) error {
	data, err := io.ReadAll(in)
	if err != nil {
		return fmt.Errorf("read the screen: %w", err)
	}
	lines := bytes.Split(bytes.TrimRight(data, "\n"), []byte("\n"))
	if len(bytes.TrimSpace(data)) == 0 {
		return fmt.Errorf("there is no screen on standard input")
	}
	terminal := vt.NewEmulator(width, len(lines))
	if _, err := terminal.Write(bytes.Join(lines, []byte("\r\n"))); err != nil {
		return fmt.Errorf("show the screen: %w", err)
	}
	w := bufio.NewWriter(out)
	right, bottom := 2*margin+float64(width)*cellWidth, 2*margin+len(lines)*cellHeight
	fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" font-family="ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="%d">`+"\n", right, bottom, fontSize)
	fmt.Fprintf(w, `<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", hex(paper))
	for y := range lines {
		for x := 0; x < width; {
			x = drawRun(w, terminal, x, y, width)
		}
	}
	fmt.Fprintln(w, "</svg>")
	return w.Flush()
}

// drawRun draws the cells from x on that look alike and gives the first that
// does not. What stands two blanks apart is placed by itself, so that columns
// stay aligned in a viewer that has no such font or ignores textLength.
func drawRun(w io.Writer, terminal *vt.Emulator, x, y, width int) int {
	first, end := cellAt(terminal, x, y), x
	var words []word
	for end < width {
		cell := cellAt(terminal, end, y)
		if !cell.Style.Equal(&first.Style) {
			break
		}
		words = join(words, cell.Content, end, max(cell.Width, 1))
		end += max(cell.Width, 1)
	}
	fg, bg := colours(first.Style)
	top := margin + y*cellHeight
	if bg != paper {
		fmt.Fprintf(w, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`+"\n", left(x), top, float64(end-x)*cellWidth, cellHeight, hex(bg))
	}
	attributes := ""
	if first.Style.Attrs&uv.AttrBold != 0 {
		attributes = ` font-weight="bold"`
	}
	if first.Style.Underline != 0 {
		attributes += ` text-decoration="underline"`
	}
	for _, p := range words {
		fmt.Fprintf(w, `<text x="%.1f" y="%d" fill="%s" textLength="%.1f" lengthAdjust="spacingAndGlyphs" xml:space="preserve"%s>%s</text>`+"\n",
			left(p.x), top+baseline, hex(fg), float64(p.end-p.x)*cellWidth, attributes, html.EscapeString(p.text))
	}
	return end
}

// word is text that takes the cells from x to before end.
type word struct {
	text   string
	x, end int
}

// join adds a cell to the word before it, or begins one where more than one
// blank stands between.
func join(words []word, content string, x, width int) []word {
	if content == " " {
		return words
	}
	if n := len(words) - 1; n >= 0 && x-words[n].end <= 1 {
		words[n].text += strings.Repeat(" ", x-words[n].end) + content
		words[n].end = x + width
		return words
	}
	return append(words, word{content, x, x + width})
}

func left(x int) float64 { return margin + float64(x)*cellWidth }

func cellAt(terminal *vt.Emulator, x, y int) uv.Cell {
	if cell := terminal.CellAt(x, y); cell != nil && cell.Content != "" {
		return *cell
	}
	return uv.Cell{Content: " ", Width: 1}
}

func colours(s uv.Style) (fg, bg color.Color) {
	fg, bg = ink, paper
	if s.Fg != nil {
		fg = s.Fg
	}
	if s.Bg != nil {
		bg = s.Bg
	}
	if s.Attrs&uv.AttrReverse != 0 {
		fg, bg = bg, fg
	}
	if s.Attrs&uv.AttrFaint != 0 {
		fg = between(fg, bg)
	}
	return fg, bg
}

func between(a, b color.Color) color.Color {
	ar, ag, ab, _ := a.RGBA()
	br, bg, bb, _ := b.RGBA()
	return color.RGBA{uint8((ar + br) >> 9), uint8((ag + bg) >> 9), uint8((ab + bb) >> 9), 0xff}
}

func hex(c color.Color) string {
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}
