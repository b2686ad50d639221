package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"wheelhouse/backend"
)

// usual is the patience of links that were told no other. All of the probe's waits
// for a network go by a link's patience: 6/5 of it are between two of a server that
// answers, and 1/5 between two that were asked for. A server that stops answering is
// thus known after 3.2 of it.
const usual = 2500 * time.Millisecond

// errLoggingIn says that a login takes its time and nothing can be asked before.
var errLoggingIn = errors.New("logging in")

// Report tells of an error of a request. When it may mean that the link is lost
// or its login no longer good, the probe looks at once. Others, and nil, are
// ignored.
func (l *Link) Report(err error) {
	if err == nil || errors.Is(err, context.Canceled) || backend.CodeOf(err) == backend.Denied {
		return
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		if code := status.Status().Code; code != http.StatusUnauthorized && code < http.StatusInternalServerError {
			return
		}
	}
	l.mu.Lock()
	lost := l.lost
	l.mu.Unlock()
	if !lost { // else it is looked after already, at its own pace
		l.poke()
	}
}

func (l *Link) poke() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// watch probes until ctx ends.
func (l *Link) watch(ctx context.Context) {
	p := newPace(l.Patience())
	for {
		began := time.Now()
		took, err := l.probe(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := p.after(err)
		l.judge(took, err, wait)
		if err == nil {
			_ = l.introduce(ctx) // who we are stays unknown
		}
		if !l.rest(ctx, began, wait) {
			return
		}
	}
}

// rest waits until the next probe is due or asked for. wait < 0: until it is
// asked for.
func (l *Link) rest(ctx context.Context, began time.Time, wait time.Duration) bool {
	var due <-chan time.Time
	if wait >= 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		due = t.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-due:
		return true
	case <-l.kick:
	}
	soon := time.NewTimer(l.Patience()/5 - time.Since(began))
	defer soon.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-soon.C:
		return true
	}
}

// probe asks the server whether it is there and we are let in. What fails on
// the shared connections is believed only when a new one fails too.
func (l *Link) probe(ctx context.Context) (took time.Duration, err error) {
	defer backend.Caught(&err)
	c, err := l.connection()
	if err != nil {
		return 0, err
	}
	if err := l.login(ctx, c, false); err != nil {
		return 0, err
	}
	took, err = l.ask(ctx, c, c.shared)
	var said *answer
	if errors.As(err, &said) && said.status == http.StatusUnauthorized && c.login != nil {
		if err := l.login(ctx, c, true); err != nil {
			return 0, err
		}
		took, err = l.ask(ctx, c, c.shared)
	}
	switch {
	case err == nil:
		return took, nil
	case errors.As(err, &said):
		said.renewed = c.login != nil
		return 0, said
	}
	rt, wrong := c.anew()
	if wrong != nil {
		return 0, wrong
	}
	took, again := l.ask(ctx, c, rt)
	if again != nil {
		return 0, err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		c.hangUp() // the connections are dead, the server is not
	}
	return took, nil
}

// login sees to the credentials, within the link's patience.
func (l *Link) login(ctx context.Context, c *conn, refused bool) error {
	if c.login == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.Patience())
	defer cancel()
	waiting, err := c.login.keep(ctx, refused)
	if waiting && err == nil {
		return errLoggingIn
	}
	return err
}

// ask sends one probe.
func (l *Link) ask(ctx context.Context, c *conn, rt http.RoundTripper) (time.Duration, error) {
	began := time.Now()
	status, body, err := l.send(ctx, c, rt, http.MethodGet, l.protocol.Probe, "")
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	if status != http.StatusUnauthorized && l.protocol.Well(status, body) {
		return took, nil
	}
	return 0, newAnswer(status, body)
}

// send sends one of the link's own requests, which only read, and gives the
// answer's status and the beginning of its body.
func (l *Link) send(ctx context.Context, c *conn, rt http.RoundTripper, method, path, body string) (status int, got []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, l.Patience())
	defer cancel()
	path, query, _ := strings.Cut(path, "?")
	to := c.root.JoinPath(path)
	to.RawQuery = query
	req, err := http.NewRequestWithContext(ctx, method, to.String(), strings.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("ask %s: %w", l.alias, err)
	}
	req.Header.Set("Accept", "application/json, */*")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	l.record(req, false)
	res, err := rt.RoundTrip(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	got, err = io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return 0, nil, err
	}
	return res.StatusCode, got, nil
}

// A pace says when to probe next.
type pace struct {
	well           time.Duration
	network, login *backoff.ExponentialBackOff
}

func newPace(patience time.Duration) *pace {
	grow := func(from, to time.Duration) *backoff.ExponentialBackOff {
		b := backoff.NewExponentialBackOff()
		b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = from, to, 2, 0.2
		return b
	}
	// A lost server is back within seconds of its return, and so is one that
	// had to start before it knew us. A login is not pressed: plugins ask
	// people, and accounts get locked.
	return &pace{well: patience * 6 / 5, network: grow(patience/5, patience*8/5), login: grow(15*time.Second, 5*time.Minute)}
}

// after gives the time until the next probe; negative when only the person can
// make a difference.
func (p *pace) after(err error) time.Duration {
	var failed *loginError
	var said *answer
	switch {
	case err == nil:
		p.network.Reset()
		p.login.Reset()
		return p.well - rand.N(p.well/10)
	case errors.Is(err, errLoggingIn):
		return 0
	case errors.As(err, &failed):
		return p.login.NextBackOff()
	case errors.As(err, &said) && said.status == http.StatusUnauthorized && said.renewed:
		return p.login.NextBackOff()
	case backend.CodeOf(err) == backend.Invalid: // the kubeconfig
		return -1
	}
	return p.network.NextBackOff()
}
