package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/ui/screen"
)

// Headless is a shell without a terminal: keys go in, pictures come out. It is
// what `wheelhouse frame` and the tests drive.
type Headless struct {
	program *tea.Program
	shell   *Shell
	ended   chan struct{}
	err     error // valid once ended: a panic
	cancel  context.CancelCauseFunc
}

// StartHeadless begins a shell of that size. Close ends it.
func StartHeadless(o Options, w, h int) *Headless {
	ctx, cancel := context.WithCancelCause(context.Background())
	pump := NewPump(o.Bell)
	s := New(o, func(screen.Canvas) {}, pump.WakeAt)
	hl := &Headless{shell: s, ended: make(chan struct{}), cancel: cancel}
	hl.program = tea.NewProgram(guard{s}, tea.WithInput(nil), tea.WithOutput(io.Discard), tea.WithoutRenderer(),
		tea.WithoutSignalHandler(), tea.WithoutCatchPanics(), tea.WithFPS(1), tea.WithWindowSize(w, h), tea.WithContext(ctx))
	beside(cancel, func() { pump.Run(ctx, hl.program.Send) })
	go func() {
		defer close(hl.ended)
		_, _ = hl.program.Run() // it ends when the context does, or on quit
		if hl.err = s.fault; hl.err == nil && !errors.Is(context.Cause(ctx), context.Canceled) {
			hl.err = context.Cause(ctx)
		}
	}()
	return hl
}

// Close ends the shell.
func (h *Headless) Close() {
	h.cancel(nil)
	<-h.ended
}

// Key presses one key, named as the keymap names it: "j", "enter", "ctrl+d".
func (h *Headless) Key(name string) error {
	k, err := ParseKey(name)
	if err != nil {
		return err
	}
	h.program.Send(k)
	return nil
}

// Resize gives the terminal another size.
func (h *Headless) Resize(w, ht int) { h.program.Send(tea.WindowSizeMsg{Width: w, Height: ht}) }

// Look asks the shell something between two updates; "" once it has ended.
func (h *Headless) Look(ask func(*Shell) string) string {
	reply := make(chan string, 1)
	h.program.Send(Question{Ask: ask, Reply: reply})
	select {
	case s := <-reply:
		return s
	case <-h.ended:
		return ""
	}
}

// Picture is the screen as plain text.
func (h *Headless) Picture() string {
	return h.Look(func(s *Shell) string { return s.Picture().Plain() })
}

// Settle waits until everything that was asked for is on the screen. The error
// is ctx's, or a backend.PanicError that ended the shell.
func (h *Headless) Settle(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for calm := 0; calm < 3; {
		select {
		case <-ctx.Done():
			return fmt.Errorf("its data did not come in time: %w", ctx.Err())
		case <-h.ended:
			return h.err
		case <-tick.C:
		}
		h.program.Send(Changed{}) // what is counted as settled is what is drawn
		if h.Look(func(s *Shell) string { return fmt.Sprint(s.Settled()) }) == "true" {
			calm++
		} else {
			calm = 0
		}
	}
	return nil
}

// ParseKey reads a key as the keymap names it.
func ParseKey(name string) (tea.KeyPressMsg, error) {
	var k tea.Key
	rest := name
	for {
		mod, after, ok := strings.Cut(rest, "+")
		m, known := modifiers()[mod]
		if !ok || !known || after == "" {
			break
		}
		k.Mod |= m
		rest = after
	}
	code, special := specialKeys()[rest]
	switch {
	case special:
		k.Code = code
	case utf8.RuneCountInString(rest) == 1:
		k.Code, _ = utf8.DecodeRuneInString(rest)
		if k.Mod == 0 {
			k.Text = rest
		}
	default:
		return tea.KeyPressMsg{}, fmt.Errorf("no key is called %q; keys are named as in `wheelhouse keys`", name)
	}
	if k.Code == tea.KeySpace && k.Mod == 0 {
		k.Text = " "
	}
	return tea.KeyPressMsg(k), nil
}

func modifiers() map[string]tea.KeyMod {
	return map[string]tea.KeyMod{"ctrl": tea.ModCtrl, "alt": tea.ModAlt, "shift": tea.ModShift}
}

func specialKeys() map[string]rune {
	keys := map[string]rune{
		"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "space": tea.KeySpace, "backspace": tea.KeyBackspace,
		"delete": tea.KeyDelete, "insert": tea.KeyInsert, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight,
		"home": tea.KeyHome, "end": tea.KeyEnd, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown,
	}
	for i := range 12 {
		keys[fmt.Sprintf("f%d", i+1)] = tea.KeyF1 + rune(i)
	}
	return keys
}
