package main

import (
	"context"
	"sync/atomic"
	"testing"

	"wheelhouse/backend"
)

// counted is a log that counts who reads it.
type counted struct {
	backend.Lines
	readers atomic.Int32
}

// Tail implements backend.Lines.
func (c *counted) Tail(ctx context.Context, q backend.LogQuery, sink backend.LineSink) error {
	c.readers.Add(1)
	defer c.readers.Add(-1)
	for _, r := range q.Of {
		sink.Health(r, backend.Health{State: backend.Live})
	}
	<-ctx.Done()
	return ctx.Err()
}

// TestOneLogIsRead: of the logs that are open only the newest is read, also below a page;
// going back reads that which is then seen.
func TestOneLogIsRead(t *testing.T) {
	c := &counted{}
	inBubble(t, func(r *rig) {
		r.fillLink("prod-eu", live())
		r.log = c
	}, func(r *rig) {
		see := func(what string, want int32) {
			t.Helper()
			r.settle()
			if got := c.readers.Load(); got != want {
				t.Errorf("%s: %d are read, not %d", what, got, want)
			}
		}
		line := func(s string) { r.run(r.shell.Command(s)) }
		r.start("pods", 120, 40)
		line("logs prod-eu:pod/shop/a")
		see("one is open", 1)
		line("logs prod-eu:pod/shop/b")
		see("another is before it", 1)
		line("pods")
		see("a list is before both", 1)
		r.run(r.shell.Back())
		r.run(r.shell.Back())
		see("back at the first", 1)
		r.run(r.shell.Forward())
		see("at the second again", 1)
		r.run(r.shell.Back())
		r.run(r.shell.Back())
		see("back before both", 0)
	})
}
