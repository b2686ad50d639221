package link

import (
	"context"
	"errors"
	"time"

	"wheelhouse/backend"
)

// staleFor is how long a lost link is stale before it is down.
const staleFor = 30 * time.Second

// Await blocks while the link is lost or not connected, and gives a context
// that ends with ctx, and as soon as the link is lost again: whatever hangs on
// it then shall be given up. Before the first answer of a link it does not
// wait. blocked, where it is not nil, is told why it blocks, each time that it
// begins to. The error is ctx's. Each call holds a little memory until the
// context that it gave has ended.
func (l *Link) Await(ctx context.Context, blocked func(backend.Health)) (epoch context.Context, err error) {
	for {
		l.mu.Lock()
		lost, found, lasting, health := l.lost, l.found, l.epoch, l.health
		l.mu.Unlock()
		if !lost {
			both, cancel := context.WithCancelCause(ctx)
			stop := context.AfterFunc(lasting, func() { cancel(context.Cause(lasting)) })
			context.AfterFunc(both, func() { stop() })
			return both, nil
		}
		if blocked != nil {
			blocked(health)
		}
		select {
		case <-found:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Answered is when the server last answered the probe; zero for never.
func (l *Link) Answered() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.live
}

// regain opens a new epoch. l.mu is held.
func (l *Link) regain() {
	l.lost = false
	l.epoch, l.end = context.WithCancelCause(context.Background())
	close(l.found)
	l.found = make(chan struct{})
}

// lose ends the epoch. l.mu is held.
func (l *Link) lose() {
	if !l.lost {
		l.lost = true
		l.end(&backend.Error{Code: backend.Unreachable, Op: "use " + l.alias, Human: "The connection to " + l.alias + " is lost; it comes back by itself when the server does."})
	}
}

// judge draws the conclusion from a probe.
func (l *Link) judge(took time.Duration, err error, wait time.Duration) {
	l.mu.Lock()
	before, c := l.health, l.conn
	hangUp := false
	now := time.Now()
	h := backend.Health{Since: now, Latency: before.Latency}
	switch {
	case l.run == nil: // disconnected meanwhile
		l.mu.Unlock()
		return
	case err == nil:
		h.State, h.Latency = backend.Live, calm(before.Latency, took)
		l.live, l.trouble = now, nil
		if l.lost {
			l.regain()
		}
	case errors.Is(err, errLoggingIn):
		h.State = backend.Connecting
		h.Reason = backend.T("waits for the login: what it needs to run has not answered yet, or other logins come first")
	default:
		hangUp = !l.lost
		l.lose()
		l.trouble = err
		var why string
		h.State, why = l.explain(err)
		h.Reason = backend.T(why)
		if wait >= 0 {
			h.NextTry = now.Add(wait)
		}
		if h.State == backend.Down && !l.live.IsZero() && now.Sub(l.live) < staleFor {
			h.State, h.Since = backend.Stale, l.live
		}
	}
	if h.State == before.State && h.State != backend.Stale {
		h.Since = before.Since
	}
	l.health = h
	l.mu.Unlock()
	if hangUp && c != nil {
		c.hangUp()
	}
	if h != before {
		l.set.changed(l)
	}
}

// retold brings the health's reason up to date when more has become known of a
// failed login.
func (l *Link) retold() {
	l.mu.Lock()
	if l.trouble == nil || l.run == nil {
		l.mu.Unlock()
		return
	}
	_, why := l.explain(l.trouble)
	changed := l.health.Reason != backend.T(why)
	l.health.Reason = backend.T(why)
	l.mu.Unlock()
	if changed {
		l.set.changed(l)
	}
}

// calm gives the latency to show: it follows what is measured only when that is
// off by a third and by milliseconds, so that a screen at rest stays at rest.
func calm(shown, measured time.Duration) time.Duration {
	measured = max(measured, time.Microsecond)
	if off := (measured - shown).Abs(); shown > 0 && (off < 5*time.Millisecond || off < shown/3) {
		return shown
	}
	return measured
}
