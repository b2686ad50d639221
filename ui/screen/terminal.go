package screen

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/charmbracelet/x/term"
)

// What the terminal is asked for while the console has it: the alternate
// screen, no cursor, no autowrap (nothing may scroll by itself), bracketed
// paste. Leaving takes it back in turn and resets colours and the scrolling
// region.
const (
	enter    = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[?2004h"
	leave    = "\x1b[m\x1b[r\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?25h\x1b[?1049l"
	mouseOn  = "\x1b[?1000h\x1b[?1006h"
	mouseOff = "\x1b[?1006l\x1b[?1000l"
)

// giveUp is how long a terminal that does not read may hold up leaving it.
const giveUp = 500 * time.Millisecond

// Terminal is the tty while the console has it: raw mode, the alternate screen,
// and the signals that concern it. Bubble Tea reads the keys and is run without
// a renderer, which leaves all of this to us. Safe for concurrent use.
type Terminal struct {
	in, out *os.File
	mouse   bool

	mu    sync.Mutex
	saved *term.State // nil while the terminal is as it was found
}

// NewTerminal takes the standard streams' terminal; it changes nothing yet.
func NewTerminal(in, out *os.File, mouse bool) (*Terminal, error) {
	if err := Fit(in, out); err != nil {
		return nil, err
	}
	return &Terminal{in: in, out: out, mouse: mouse}, nil
}

// Fit says why the console can't be shown on these streams; nil where it can.
func Fit(in, out *os.File) error {
	if !term.IsTerminal(in.Fd()) || !term.IsTerminal(out.Fd()) {
		return errors.New("the console needs a terminal for its keys and its screen; `wheelhouse frame` and `wheelhouse act` work without one")
	}
	if os.Getenv("TERM") == "dumb" {
		return errors.New("TERM is dumb: this terminal can't place text, which the console needs; `wheelhouse frame` and `wheelhouse act` work on it. If it can, set TERM to what it is, such as xterm-256color")
	}
	return nil
}

// Write writes to the terminal.
func (t *Terminal) Write(b []byte) (int, error) {
	n, err := t.out.Write(b)
	if err != nil {
		return n, fmt.Errorf("write to the terminal: %w", err)
	}
	return n, nil
}

// Size is the terminal's, in cells; a terminal that does not know it is 80×24.
func (t *Terminal) Size() (w, h int) {
	w, h, err := term.GetSize(t.out.Fd())
	if err != nil || w <= 0 || h <= 0 {
		return 80, 24
	}
	return w, h
}

// Take puts the terminal into raw mode, again where somebody else has changed
// it: a shell does while the process is stopped. It gives what is to be written
// before any picture, by whoever writes those: a terminal that does not read
// holds up nobody else.
func (t *Terminal) Take() (enters string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	saved, err := term.MakeRaw(t.in.Fd())
	if err != nil {
		return "", fmt.Errorf("take the terminal: %w", err)
	}
	if t.saved == nil {
		t.saved = saved
	}
	if t.mouse {
		return enter + mouseOn, nil
	}
	return enter, nil
}

// Give puts the terminal back as it was found. It may be called at any time, by
// a crash too, and gives up on a terminal that does not read.
func (t *Terminal) Give() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.saved == nil {
		return
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = io.WriteString(t.out, mouseOff+leave)
	}()
	select {
	case <-written:
	case <-time.After(giveUp):
	}
	_ = term.Restore(t.in.Fd(), t.saved) // there is nobody left to tell
	t.saved = nil
}
