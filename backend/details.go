package backend

import (
	"context"
	"fmt"
	"io"
)

// Aspect is which face of an object is asked for.
type Aspect string

// The aspects that most kinds have.
const (
	Summary  Aspect = "summary"  // the dozen lines beside a list
	Describe Aspect = "describe" // what kubectl describe prints
	YAML     Aspect = "yaml"     // the object; secret values masked
)

// Details fetches what a row does not hold, when asked. ctx ends it when the
// cursor has moved on. Safe for concurrent use.
type Details interface {
	Fetch(ctx context.Context, r Ref, a Aspect) (Doc, error)
}

// A Doc is one object's face as lines.
type Doc struct {
	Title string
	Lines []Line
}

// WriteText writes the lines as they came, for saving and copying.
func (d Doc) WriteText(w io.Writer) error {
	for _, l := range d.Lines {
		line := l.Text.Raw() + "\n"
		if l.Label != "" {
			line = l.Label + "  " + line
		}
		if _, err := io.WriteString(w, line); err != nil {
			return fmt.Errorf("write text: %w", err)
		}
	}
	return nil
}

// A Line is one line of a Doc: a level for its sign and colour, a label that
// stands left (may be empty), and the text.
type Line struct {
	Level Level
	Label string
	Text  Text
}

// Level says how much a thing needs a look. Every level has a sign, a word and
// a colour on the screen.
type Level uint8

// The levels, best first. None has no sign.
const (
	None     Level = iota
	Good           // ● ok
	Moving         // ◐ on its way
	Idle           // ○ off, or unknown
	Waiting        // ⏸ waits for a person
	Warning        // ▲ needs a look
	Critical       // ✖ failed
)

// String is the word for it.
func (l Level) String() string {
	return [...]string{"", "ok", "moving", "off", "waiting", "warning", "failed"}[l]
}

// Broken says whether it belongs on a list of what is broken.
func (l Level) Broken() bool { return l >= Waiting }
