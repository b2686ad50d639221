package screen

import (
	"errors"
	"testing"

	"wheelhouse/backend"
)

// TestWriterFault: a panic of the writer ends the screen, not the process.
func TestWriterFault(t *testing.T) {
	lost := make(chan error, 1)
	s := NewScreen(breaks{}, testPalette(t), func(err error) { lost <- err })
	s.Show(New(3, 1))
	if fault := new(backend.PanicError); !errors.As(<-lost, &fault) {
		t.Error("lost, but not by a fault")
	}
	<-s.Idle()
}

// breaks is a terminal that breaks whoever writes to it.
type breaks struct{}

func (breaks) Write([]byte) (int, error) { panic("on a write") }
