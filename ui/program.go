package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/colorprofile"
	"github.com/charmbracelet/x/ansi"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

// Console is how a shell stands in a terminal.
type Console struct {
	Theme func(dark bool) themes.Theme // dark says what the terminal's ground is, true until it has answered
	Probe bool                         // ask the terminal how wide it draws the signs
	Mouse bool
	Stock bool // Bubble Tea's own renderer instead of ours
}

// ErrHangup is how a console ends whose terminal is gone.
var ErrHangup = errors.New("the terminal is gone")

// Run shows a shell in the terminal of the standard streams until the person
// quits, ctx ends or the terminal is gone. The terminal is as it was before
// when it returns; after a panic that is the error.
func Run(ctx context.Context, o Options, c Console) error {
	terminal, err := screen.NewTerminal(os.Stdin, os.Stdout, c.Mouse)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &running{console: c, terminal: terminal, profile: colorprofile.Detect(os.Stdout, os.Environ()), pump: NewPump(o.Bell), signs: o.Signs}
	if c.Stock {
		return r.stock(ctx, cancel, o)
	}
	r.screen = screen.NewScreen(terminal, r.palette(true), func(err error) {
		if fault := new(backend.PanicError); !errors.As(err, &fault) {
			err = ErrHangup
		}
		cancel(err)
	})
	enter, err := terminal.Take()
	if err != nil {
		return err
	}
	defer terminal.Give()
	defer func() {
		r.screen.Close()
		select {
		case <-r.screen.Idle():
		case <-time.After(100 * time.Millisecond): // a terminal that does not read
		}
	}()
	r.screen.Emit(enter)
	r.ask()
	o.Emit, o.Repaint = r.screen.Emit, r.screen.Repaint
	w, h := terminal.Size()
	r.shell = New(o, r.screen.Show, r.pump.WakeAt)
	r.program = tea.NewProgram(guard{r.shell}, tea.WithContext(ctx), tea.WithInput(os.Stdin), tea.WithOutput(io.Discard),
		tea.WithoutRenderer(), tea.WithFPS(1), tea.WithoutSignalHandler(), tea.WithoutCatchPanics(), tea.WithWindowSize(w, h), tea.WithFilter(r.filter))
	beside(cancel, func() { r.signals(cancel).Watch(ctx) })
	beside(cancel, func() { r.pump.Run(ctx, r.program.Send) })
	_, err = r.program.Run()
	return r.end(ctx, err)
}

// running is one console in its terminal.
type running struct {
	console  Console
	terminal *screen.Terminal
	screen   *screen.Screen
	program  *tea.Program
	pump     *Pump
	shell    *Shell
	profile  colorprofile.Profile
	signs    *themes.Signs
}

// stock runs the shell with Bubble Tea's own renderer, for comparison and for
// terminals that ours should fail on.
func (r *running) stock(ctx context.Context, cancel context.CancelCauseFunc, o Options) error {
	palette := r.palette(true)
	o.Emit = func(seq string) { _, _ = r.terminal.Write([]byte(seq)) }
	o.Repaint = func() { go r.program.Send(tea.ClearScreen()) }
	r.shell = New(o, nil, r.pump.WakeAt)
	r.shell.styled = func(c screen.Canvas) string { return c.ANSI(palette) }
	r.program = tea.NewProgram(guard{r.shell}, tea.WithContext(ctx), tea.WithFilter(r.filter))
	beside(cancel, func() { r.pump.Run(ctx, r.program.Send) })
	_, err := r.program.Run()
	return r.end(ctx, err)
}

func (r *running) palette(dark bool) *screen.Palette {
	return screen.NewPalette(r.console.Theme(dark), r.profile)
}

// probeRow is where the sign is drawn whose width is asked for: the answer for
// the first row reads like a function key.
const probeRow = 3

// ask asks the terminal for what its name does not tell; the answers come with
// the keys.
func (r *running) ask() {
	if os.Getenv("TERM") == "linux" {
		return // it would print the question
	}
	r.screen.Emit(ansi.RequestBackgroundColor)
	if r.console.Probe {
		r.screen.Emit(fmt.Sprintf("\x1b[%d;1H%s%s", probeRow, r.signs.Level[1], ansi.RequestCursorPositionReport))
	}
}

// filter sees every message before the shell: it notes that a person is there
// and takes the terminal's answers.
func (r *running) filter(_ tea.Model, msg tea.Msg) tea.Msg {
	switch msg := msg.(type) {
	case tea.KeyPressMsg:
		r.pump.Touch()
	case tea.BackgroundColorMsg:
		if r.screen != nil && !msg.IsDark() {
			r.screen.Dress(r.palette(false))
		}
		return nil
	case tea.CursorPositionMsg:
		if msg.X > 1 && r.console.Probe {
			*r.signs = *themes.ASCII()
		}
		r.screen.Repaint()
	}
	return msg
}

// signals is what each of the terminal's signals does.
func (r *running) signals(cancel context.CancelCauseFunc) screen.Signals {
	return screen.Signals{
		Resized: func() {
			w, h := r.terminal.Size()
			go r.program.Send(tea.WindowSizeMsg{Width: w, Height: h})
		},
		Stop: func() {
			r.screen.Sleep()
			r.terminal.Give()
		},
		Resume: func() {
			enter, err := r.terminal.Take()
			if err != nil {
				cancel(ErrHangup)
				return
			}
			r.screen.Emit(enter)
			r.screen.Wake()
			w, h := r.terminal.Size()
			go r.program.Send(tea.WindowSizeMsg{Width: w, Height: h})
		},
		Hangup: func(os.Signal) { cancel(ErrHangup) },
	}
}

// end tells a quit from a loss from a crash.
func (r *running) end(ctx context.Context, err error) error {
	cause := context.Cause(ctx)
	if r.shell.fault != nil {
		return r.shell.fault
	}
	if cause != nil {
		return cause
	}
	if err != nil && !errors.Is(err, tea.ErrProgramKilled) {
		return fmt.Errorf("%w: %w", ErrHangup, err)
	}
	return nil
}
