package ui

import (
	"context"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend/feed"
)

// How often what has changed is brought onto the screen. While a person is at
// the keys, or right after a pause, changes come quickly; under a steady flow
// that nobody answers, less often: an eye follows no more, and it costs a third.
const (
	quickly  = 33 * time.Millisecond
	steadily = 100 * time.Millisecond
	atKeys   = 2 * time.Second // how long after a key a person counts as being there
)

// Pump is the one goroutine that tells the program about changes: it takes the
// bell's rings and the wake-up times of the picture, and sends at most one
// Changed per interval. Bubble Tea's channel is unbuffered and every message
// costs a drawing, so sources never send by themselves.
type Pump struct {
	bell    *feed.Bell
	wake    chan time.Time
	lastKey atomic.Int64 // Unix nanoseconds
}

// NewPump makes a pump on that bell. Whoever has just begun is at the keys.
func NewPump(bell *feed.Bell) *Pump {
	p := &Pump{bell: bell, wake: make(chan time.Time, 1)}
	p.Touch()
	return p
}

// Touch tells that a key was pressed.
func (p *Pump) Touch() { p.lastKey.Store(time.Now().UnixNano()) }

// WakeAt asks for a redraw at t. Only the earliest of the times that one
// picture asks for matters; the next picture asks anew. It does not wait.
func (p *Pump) WakeAt(t time.Time) {
	for {
		select {
		case p.wake <- t:
			return
		case old := <-p.wake:
			if old.Before(t) {
				t = old
			}
		}
	}
}

// Run sends until ctx ends.
func (p *Pump) Run(ctx context.Context, send func(tea.Msg)) {
	alarm := time.NewTimer(time.Hour)
	defer alarm.Stop()
	var last, next time.Time // of the last Changed; of the next wake-up
	for {
		select {
		case <-ctx.Done():
			return
		case t := <-p.wake:
			if next.IsZero() || t.Before(next) {
				next = t
				alarm.Reset(max(time.Until(t), 0))
			}
			continue
		case <-alarm.C:
		case <-p.bell.C():
		}
		if !p.pause(ctx, last) {
			return
		}
		last, next = time.Now(), time.Time{}
		send(Changed{})
	}
}

// pause waits until the interval since last is over; false when ctx has ended.
func (p *Pump) pause(ctx context.Context, last time.Time) bool {
	interval := steadily
	if now := time.Now(); now.Sub(time.Unix(0, p.lastKey.Load())) < atKeys {
		interval = quickly
	}
	wait := time.Until(last.Add(interval))
	if wait <= 0 {
		return true
	}
	select {
	case <-ctx.Done():
		return false
	case <-time.After(wait):
		return true
	}
}
