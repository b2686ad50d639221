package link

import (
	"context"
	"encoding/json"
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
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	version, ok := l.askVersion(ctx, c)
	if !ok {
		l.poke() // lost again; asked again after the next good probe
		return nil
	}
	user := l.askUser(ctx, c, c.shared)
	if as := c.config.Impersonate.UserName; as != "" {
		if user == "" {
			user = as
		}
		user = "as " + user
		if by := l.askUser(ctx, c, c.myself); by != "" {
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

// askVersion reads /version; empty when the server does not tell, not ok when
// there is no answer.
func (l *Link) askVersion(ctx context.Context, c *conn) (version string, ok bool) {
	_, body, err := l.send(ctx, c, c.shared, http.MethodGet, "/version", "")
	var v struct{ GitVersion string }
	_ = json.Unmarshal(body, &v) // what is no such object has no version
	return v.GitVersion, err == nil
}

// askUser creates a SelfSubjectReview (authentication.k8s.io/v1, served since
// Kubernetes 1.28); empty when there is no answer or the server does not have it.
func (l *Link) askUser(ctx context.Context, c *conn, rt http.RoundTripper) string {
	const review = `{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}`
	_, body, _ := l.send(ctx, c, rt, http.MethodPost, "/apis/authentication.k8s.io/v1/selfsubjectreviews", review)
	var v struct {
		Status struct {
			UserInfo struct{ Username string }
		}
	}
	_ = json.Unmarshal(body, &v)
	return v.Status.UserInfo.Username
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
