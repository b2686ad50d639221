// Package screen is everything between a picture and the terminal: the canvas
// that views draw on, the renderer that writes what differs from the picture
// before, and the terminal's own states and signals.
//
// Nothing here knows what a picture shows. Text is neutralised in one place,
// Canvas.Text; bytes are written in one goroutine, Screen's, on change only: at
// rest nothing runs and nothing is sent. A terminal that stops reading stops
// only that goroutine.
package screen

import (
	"io"
	"sync"
	"sync/atomic"

	"wheelhouse/backend"
)

// Screen writes pictures. Show never waits; a picture that comes while the
// terminal is still taking the one before replaces what waits.
type Screen struct {
	out   io.Writer
	lost  func(error) // called once when the terminal is gone
	bytes atomic.Int64

	mu      sync.Mutex
	palette *Palette // the writer's; replaced, never changed
	next    *grid    // the newest picture; valid while fresh
	fresh   bool
	repaint bool   // what the terminal shows is not known
	asleep  bool   // the terminal is someone else's for now
	extra   []byte // sequences that are no part of the picture, to be written first

	wake chan struct{}
	done chan struct{}
	end  sync.Once
	idle chan struct{} // closed when the writer has ended
}

// NewScreen begins to write pictures to out. lost is called once, from the
// writer's goroutine, when writing fails or has met a backend.PanicError. Close ends it.
func NewScreen(out io.Writer, p *Palette, lost func(error)) *Screen {
	s := &Screen{
		out: out, palette: p, lost: lost, next: newGrid(0, 0), repaint: true,
		wake: make(chan struct{}, 1), done: make(chan struct{}), idle: make(chan struct{}),
	}
	go s.run()
	return s
}

// Show makes c what the terminal is to show. The picture is copied.
func (s *Screen) Show(c Canvas) {
	s.mu.Lock()
	if s.next.w != c.g.w || s.next.h != c.g.h {
		s.next = newGrid(c.g.w, c.g.h)
		s.repaint = true
	}
	copy(s.next.cells, c.g.cells)
	s.fresh = true
	s.mu.Unlock()
	s.nudge()
}

// Repaint writes the whole picture anew: after the terminal was someone else's,
// or when the person asks for it.
func (s *Screen) Repaint() {
	s.mu.Lock()
	s.repaint, s.fresh = true, s.next.w > 0
	s.mu.Unlock()
	s.nudge()
}

// Dress changes the colours.
func (s *Screen) Dress(p *Palette) {
	s.mu.Lock()
	s.palette = p
	s.mu.Unlock()
	s.Repaint()
}

// Emit writes a sequence that is no part of the picture, such as one for the
// clipboard, between two pictures.
func (s *Screen) Emit(sequence string) {
	s.mu.Lock()
	s.extra = append(s.extra, sequence...)
	s.mu.Unlock()
	s.nudge()
}

// Sleep stops writing, because the terminal is handed to someone else; Wake
// goes on with a repaint.
func (s *Screen) Sleep() {
	s.mu.Lock()
	s.asleep = true
	s.mu.Unlock()
}

// Wake goes on after Sleep.
func (s *Screen) Wake() {
	s.mu.Lock()
	s.asleep = false
	s.mu.Unlock()
	s.Repaint()
}

// Bytes counts what was written so far.
func (s *Screen) Bytes() int64 { return s.bytes.Load() }

// Close ends the writer. It does not wait for a write that hangs; Idle is
// closed once the writer has ended.
func (s *Screen) Close() { s.end.Do(func() { close(s.done) }) }

// Idle is closed when nothing will be written any more.
func (s *Screen) Idle() <-chan struct{} { return s.idle }

func (s *Screen) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Screen) run() {
	var err error
	defer func() {
		close(s.idle)
		if err != nil {
			s.lost(err)
		}
	}()
	defer backend.Caught(&err)
	err = s.write()
}

// write writes until the screen is closed or the terminal gone.
func (s *Screen) write() error {
	w := &writer{shown: newGrid(0, 0)}
	scratch := newGrid(0, 0)
	for {
		select {
		case <-s.done:
			return nil
		case <-s.wake:
		}
		var fresh bool
		w.buf = w.buf[:0]
		if scratch, fresh = s.take(w, scratch); fresh {
			w.paint(scratch)
		}
		if len(w.buf) == 0 {
			continue
		}
		n, err := s.out.Write(w.buf)
		s.bytes.Add(int64(n))
		if err != nil {
			return err
		}
	}
}

// take copies the newest picture for the writer; fresh is false when there is
// none that it has not written.
func (s *Screen) take(w *writer, scratch *grid) (picture *grid, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asleep {
		return scratch, false
	}
	w.buf = append(w.buf, s.extra...)
	s.extra = nil
	if !s.fresh {
		return scratch, false
	}
	if scratch.w != s.next.w || scratch.h != s.next.h {
		scratch = newGrid(s.next.w, s.next.h)
	}
	copy(scratch.cells, s.next.cells)
	if s.repaint {
		w.forget(s.next.w, s.next.h)
	}
	w.palette, s.fresh, s.repaint = s.palette, false, false
	return scratch, true
}
