package screen

import (
	"errors"
	"io"
	"testing"

	"wheelhouse/backend"
)

// TestWriterFault: a panic of the writer ends the screen, not the process.
func TestWriterFault(t *testing.T) {
	lost := make(chan error, 1)
	s := NewScreen(io.Discard, nil, func(err error) { lost <- err }) // without a palette every colour panics
	c := New(3, 1)
	c.Fill(1)
	s.Show(c)
	if fault := new(backend.PanicError); !errors.As(<-lost, &fault) {
		t.Error("lost, but not by a fault")
	}
	<-s.Idle()
}
