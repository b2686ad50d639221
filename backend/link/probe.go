package link

import (
	"bufio"
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

// How often and how long the probe asks. A server that stops answering is known
// after at most probeEvery + 2 × probeLimit.
const (
	probeEvery = 3 * time.Second
	probeLimit = 2500 * time.Millisecond
	probeGap   = 500 * time.Millisecond // between two that were asked for
	staleFor   = 30 * time.Second       // after that a lost link is down
	probePath  = "/livez"
)

// A run is the probe of a connected link.
type run struct {
	cancel context.CancelFunc
	done   chan struct{}
}

// errLoggingIn says that a login takes its time and nothing can be asked before.
var errLoggingIn = errors.New("logging in")

// Await blocks while the link is lost or not connected, and gives a context
// that ends with ctx, and as soon as the link is lost again: whatever hangs on
// it then shall be given up. Before the first answer of a link it does not
// wait. The error is ctx's. Each call holds a little memory until the context
// that it gave has ended.
func (l *Link) Await(ctx context.Context) (epoch context.Context, err error) {
	for {
		l.mu.Lock()
		lost, found, lasting := l.lost, l.found, l.epoch
		l.mu.Unlock()
		if !lost {
			both, cancel := context.WithCancelCause(ctx)
			stop := context.AfterFunc(lasting, func() { cancel(context.Cause(lasting)) })
			context.AfterFunc(both, func() { stop() })
			return both, nil
		}
		select {
		case <-found:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

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

func (l *Link) connect() {
	ctx, cancel := context.WithCancel(context.Background())
	r := &run{cancel: cancel, done: make(chan struct{})}
	l.mu.Lock()
	if l.run != nil {
		l.mu.Unlock()
		cancel()
		return
	}
	l.run = r
	l.health = backend.Health{State: backend.Connecting, Since: time.Now()}
	l.trouble, l.live = nil, time.Time{}
	l.regain()
	l.mu.Unlock()
	l.set.changed(l)
	go func() {
		defer close(r.done)
		l.watch(ctx)
	}()
}

func (l *Link) disconnect() {
	l.mu.Lock()
	r, c := l.run, l.conn
	if r == nil {
		l.mu.Unlock()
		return
	}
	l.run = nil
	l.lose()
	l.health = backend.Health{State: backend.Off, Since: time.Now()}
	l.mu.Unlock()
	r.cancel()
	<-r.done
	if c != nil {
		c.hangUp()
	}
	l.set.changed(l)
}

func (l *Link) retry() {
	l.set.reread()
	l.mu.Lock()
	old := l.conn
	if old != nil && old.login != nil && l.health.State != backend.Live {
		l.logins.Add(1)
	}
	l.conn, l.connErr = nil, nil
	l.describe()
	l.mu.Unlock()
	if old != nil {
		old.hangUp()
	}
	l.connect()
	l.poke()
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

// watch probes until ctx ends.
func (l *Link) watch(ctx context.Context) {
	p := newPace()
	for {
		began := time.Now()
		took, err := l.probe(ctx)
		if ctx.Err() != nil {
			return
		}
		wait := p.after(err)
		l.judge(took, err, wait)
		if err == nil {
			l.introduce(ctx)
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
	gap := time.NewTimer(probeGap - time.Since(began))
	defer gap.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-gap.C:
		return true
	}
}

// probe asks the server whether it is there and we are let in. What fails on
// the shared connections is believed only when a new one fails too.
func (l *Link) probe(ctx context.Context) (took time.Duration, err error) {
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
	if err == nil || errors.As(err, &said) {
		return took, err
	}
	rt, wrong := c.anew()
	if wrong != nil {
		return 0, wrong
	}
	if took, again := l.ask(ctx, c, rt); again == nil {
		if errors.Is(err, context.DeadlineExceeded) {
			c.hangUp() // the connections are dead, the server is not
		}
		return took, nil
	}
	return 0, err
}

// login sees to the credentials, within the probe's limit.
func (l *Link) login(ctx context.Context, c *conn, refused bool) error {
	if c.login == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	waiting, err := c.login.keep(ctx, refused)
	if waiting && err == nil {
		return errLoggingIn
	}
	return err
}

// ask sends one probe. An answer that we may not see this is a good one.
func (l *Link) ask(ctx context.Context, c *conn, rt http.RoundTripper) (time.Duration, error) {
	began := time.Now()
	res, body, err := l.send(ctx, c, rt, http.MethodGet, probePath, "")
	if err != nil {
		return 0, err
	}
	took := time.Since(began)
	said := newAnswer(res.StatusCode, body)
	switch {
	case res.StatusCode == http.StatusForbidden && strings.Contains(said.said, "cannot impersonate"):
		return took, said
	case res.StatusCode < 300, res.StatusCode == http.StatusForbidden, res.StatusCode == http.StatusNotFound,
		res.StatusCode == http.StatusTooManyRequests:
		return took, nil
	}
	return took, said
}

// send sends one of the link's own requests, which only read, and gives the
// answer with the beginning of its body.
func (l *Link) send(ctx context.Context, c *conn, rt http.RoundTripper, method, path, body string) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, probeLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.root.JoinPath(path).String(), strings.NewReader(body))
	if err != nil {
		return nil, nil, fmt.Errorf("ask %s: %w", l.alias, err)
	}
	req.Header.Set("Accept", "application/json, */*")
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	l.record(req, false)
	res, err := rt.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(io.LimitReader(bufio.NewReader(res.Body), 64<<10))
	if err != nil {
		return nil, nil, err
	}
	return res, got, nil
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
		h.State, why = explain(err)
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
	_, why := explain(l.trouble)
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

// A pace says when to probe next.
type pace struct{ network, login *backoff.ExponentialBackOff }

func newPace() *pace {
	grow := func(from, to time.Duration) *backoff.ExponentialBackOff {
		b := backoff.NewExponentialBackOff()
		b.InitialInterval, b.MaxInterval, b.Multiplier, b.RandomizationFactor = from, to, 2, 0.2
		return b
	}
	// A lost server comes back within seconds of its return. A login that
	// failed is not pressed: plugins ask people, and accounts get locked.
	return &pace{network: grow(time.Second/2, 4*time.Second), login: grow(15*time.Second, 5*time.Minute)}
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
		return probeEvery - time.Duration(rand.Int64N(int64(probeEvery/10)))
	case errors.Is(err, errLoggingIn):
		return 0
	case errors.As(err, &failed):
		return p.login.NextBackOff()
	case errors.As(err, &said) && said.status == http.StatusUnauthorized:
		return p.login.NextBackOff()
	case backend.CodeOf(err) == backend.Invalid: // the kubeconfig
		return -1
	}
	return p.network.NextBackOff()
}
