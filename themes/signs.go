package themes

import "wheelhouse/backend"

// Signs are the characters that are not letters, each exactly one cell wide in
// the terminals that its set is for.
type Signs struct {
	Level                                      [backend.Critical + 1]string // by backend.Level; None is a blank
	Cursor, Mark, Up, Down, Ellipsis           string
	Horizontal, Vertical                       string
	TopLeft, TopRight, BottomLeft, BottomRight string
	Dots                                       bool // lines may be drawn of braille's dots, eight to a cell
}

// Unicode is the set for terminals that draw ambiguous characters one cell wide.
func Unicode() *Signs {
	return &Signs{
		Level:  [...]string{" ", "●", "◐", "○", "⏸", "▲", "✖"},
		Cursor: "▸", Mark: "✓", Up: "↑", Down: "↓", Ellipsis: "…",
		Horizontal: "─", Vertical: "│",
		TopLeft: "╭", TopRight: "╮", BottomLeft: "╰", BottomRight: "╯",
		Dots: true,
	}
}

// ASCII is the set for every other terminal.
func ASCII() *Signs {
	return &Signs{
		Level:  [...]string{" ", "+", "~", "-", "=", "!", "x"},
		Cursor: ">", Mark: "*", Up: "^", Down: "v", Ellipsis: "~",
		Horizontal: "-", Vertical: "|",
		TopLeft: "+", TopRight: "+", BottomLeft: "+", BottomRight: "+",
	}
}

// Of is the pen of a level.
func Of(l backend.Level) Pen {
	return [...]Pen{Plain, Good, Moving, Idle, Waiting, Warning, Critical}[l]
}

// Colour is the pen of a colour's name as the config gives it to a link; Accent
// for a name that is none.
func Colour(name string) Pen {
	for i, n := range [...]string{"red", "orange", "yellow", "green", "cyan", "blue", "purple", "grey"} {
		if n == name {
			return Red + Pen(i)
		}
	}
	return Accent
}
