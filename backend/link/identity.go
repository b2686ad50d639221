package link

import (
	"cmp"
	"context"
	"net/http"

	"wheelhouse/backend"
)

// introduce asks once for each connection who the server takes us for, and what
// version it is. What it does not tell stays unknown. It takes no longer than a
// probe may, and a server that went silent meanwhile is probed next.
func (l *Link) introduce(ctx context.Context) (err error) {
	defer backend.Caught(&err)
	c, err := l.connection()
	if err != nil {
		return err
	}
	l.mu.Lock()
	met := l.met == c
	l.mu.Unlock()
	if met {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.Patience())
	defer cancel()
	ask := func(rt http.RoundTripper) Ask {
		return func(method, path, body string) (int, []byte, error) { return l.send(ctx, c, rt, method, path, body) }
	}
	version, user := "", ""
	if l.protocol.Version != nil {
		var ok bool
		if version, ok = l.protocol.Version(ask(c.shared)); !ok {
			l.poke() // lost again; asked again after the next good probe
			return nil
		}
	}
	if l.protocol.User != nil {
		user = l.protocol.User(ask(c.shared))
	}
	if as := c.config.Impersonate.UserName; as != "" {
		user = "as " + cmp.Or(user, as)
		if by := l.protocol.User(ask(c.myself)); by != "" {
			user += " by " + by
		}
	}
	if ctx.Err() != nil {
		l.poke()
	}
	l.mu.Lock()
	l.met, l.user, l.version = c, user, version
	l.mu.Unlock()
	l.set.changed(l)
	return nil
}

// Introduced waits until the server was asked who we are there, or ctx has ended.
func (l *Link) Introduced(ctx context.Context) {
	changed := make(chan struct{}, 1)
	defer l.set.Subscribe(func(of *Link) {
		if of != l {
			return
		}
		select {
		case changed <- struct{}{}:
		default:
		}
	})()
	for {
		l.mu.Lock()
		met := l.met != nil && l.met == l.conn
		l.mu.Unlock()
		if met {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		}
	}
}
