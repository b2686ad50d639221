package ui

import (
	"context"
	"errors"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
)

// TestFaults: a panic anywhere in the shell, in a command of it or beside it is
// told as what ended the program, and never goes further.
func TestFaults(t *testing.T) {
	fault := new(backend.PanicError)
	msg := guarded(func() tea.Msg { panic("a command") })
	s := &Shell{}
	g := guard{s}
	if m, cmd := g.Update(msg); m == nil || cmd == nil || !errors.As(s.fault, &fault) {
		t.Errorf("a command that panics: %v, quits %v", s.fault, cmd != nil)
	}
	s = &Shell{} // made of nothing: whatever it does panics
	if m, cmd := (guard{s}).Update(Changed{}); m == nil || cmd == nil || !errors.As(s.fault, &fault) {
		t.Errorf("Update: %v, quits %v", s.fault, cmd != nil)
	}
	woken := 0
	s = New(Options{}, nil, nil)
	g = guard{s}
	s.wake = func(time.Time) { woken++ }
	if g.View(); woken != 1 || !errors.As(s.fault, &fault) {
		t.Errorf("View: %v, woken %d times", s.fault, woken)
	}
	if g.View(); woken != 1 {
		t.Error("it is drawn again after a panic")
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	beside(cancel, func() { panic("the pump") })
	<-ctx.Done()
	if !errors.As(context.Cause(ctx), &fault) {
		t.Errorf("beside: %v", context.Cause(ctx))
	}
}
