package shell

import (
	"bytes"
	"io"
	"sync"
)

// queue is what was read and is not taken yet: any number of readers, one after
// another.
type queue struct {
	mu     sync.Mutex
	more   *sync.Cond
	data   []byte
	closed bool
}

const mostWaiting = 1 << 16 // bytes, after which who writes has to wait

func newQueue() *queue {
	q := &queue{}
	q.more = sync.NewCond(&q.mu)
	return q
}

func (q *queue) put(b []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.data) > mostWaiting && !q.closed {
		q.more.Wait()
	}
	q.data = append(q.data, b...)
	q.more.Broadcast()
}

func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}

// drop forgets what nobody has read.
func (q *queue) drop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.data = nil
}

// wake has whoever reads look whether it still should.
func (q *queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.more.Broadcast()
}

// Read implements io.Reader.
func (q *queue) Read(b []byte) (int, error) { return q.take(b, func() bool { return false }) }

// take reads unless nobody wants it any more.
func (q *queue) take(b []byte, over func() bool) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.data) == 0 && !q.closed && !over() {
		q.more.Wait()
	}
	if over() || len(q.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, q.data)
	q.data = q.data[n:]
	q.more.Broadcast()
	return n, nil
}

// tty is what a terminal's line discipline does: it shows what is typed, lets it be
// mended until the line is done, and knows the keys that end things.
type tty struct {
	mu    sync.Mutex
	out   io.Writer
	queue *queue
	line  []byte
	skip  int // bytes of an escape sequence: 1 after ESC, 2 within
}

// Write implements io.Writer.
func (t *tty) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, err := t.out.Write(bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (t *tty) show(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = io.WriteString(t.out, s) // whoever has gone does not see it
}

// The keys that are not typed for themselves.
const (
	ctrlC, ctrlD, ctrlU, ctrlW = 0x03, 0x04, 0x15, 0x17
	backspace, del, escape     = 0x08, 0x7f, 0x1b
)

// typed takes keys.
func (t *tty) typed(keys []byte, interrupt func()) {
	for _, k := range keys {
		switch {
		case t.escaped(k):
		case k == '\r' || k == '\n':
			t.show("\r\n")
			t.queue.put(append(t.line, '\n'))
			t.line = nil
		case k == ctrlC:
			t.show("^C\r\n")
			t.line = nil
			t.queue.drop() // what was typed ahead is not done after it
			interrupt()
			t.queue.wake()
		case k == ctrlD && len(t.line) == 0:
			t.queue.close()
		case k == backspace || k == del:
			t.rub(1)
		case k == ctrlU:
			t.rub(len(t.line))
		case k == ctrlW:
			t.rub(len(t.line) - len(bytes.TrimRight(t.line[:len(bytes.TrimRight(t.line, " "))], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./")))
		case k >= ' ':
			t.line = append(t.line, k)
			t.show(string(rune(k)))
		}
	}
}

// escaped says whether a key is part of an escape sequence, as the arrows send them.
func (t *tty) escaped(k byte) bool {
	switch {
	case k == escape:
		t.skip = 1
	case t.skip == 1 && (k == '[' || k == 'O'):
		t.skip = 2
	case t.skip == 0:
		return false
	case t.skip == 1 || k >= '@':
		t.skip = 0
	}
	return true
}

func (t *tty) rub(n int) {
	for ; n > 0 && len(t.line) > 0; n-- {
		t.line = t.line[:len(t.line)-1]
		t.show("\b \b")
	}
}
