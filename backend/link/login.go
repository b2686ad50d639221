package link

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"wheelhouse/backend"
)

// loginPatience is how long a login may hold up those of other links. A plugin
// that takes longer, as one that waits for a browser may, goes on beside them.
const loginPatience = 2 * time.Minute

// logins is the queue in which links log in one after another, so that two
// plugins never ask for something at the same time, and the memory of whose
// turn it is, for what is heard on the standard error meanwhile.
type logins struct {
	turn chan struct{} // holds a token while somebody logs in

	mu   sync.Mutex
	last *login
}

func newLogins() *logins { return &logins{turn: make(chan struct{}, 1)} }

// begin waits for g's turn, or comes back without it when it would have to
// wait and is polite. done ends the turn.
func (q *logins) begin(g *login, polite bool) (done func(), ok bool) {
	select {
	case q.turn <- struct{}{}:
	default:
		if polite {
			return nil, false
		}
		q.turn <- struct{}{}
	}
	q.mu.Lock()
	q.last = g
	q.mu.Unlock()
	var once sync.Once
	leave := func() { once.Do(func() { <-q.turn }) }
	impatient := time.AfterFunc(loginPatience, leave)
	return func() {
		impatient.Stop()
		leave()
	}, true
}

// Heard takes a line that something in the process has written to the standard
// error (see CaptureStderr): it belongs to the login under way, or to the last
// one, and is told with its failure. Nothing secret is kept.
func (s *Set) Heard(line string) (plain string) {
	plain = hide(backend.T(line).Safe())
	s.logins.mu.Lock()
	g := s.logins.last
	s.logins.mu.Unlock()
	if g == nil || strings.TrimSpace(line) == "" {
		return plain
	}
	g.mu.Lock()
	g.heard = append(g.heard, line)
	g.heard = g.heard[max(0, len(g.heard)-heardLines):]
	failed := g.err != nil
	g.mu.Unlock()
	if failed {
		g.link.retold()
	}
	return plain
}

const heardLines = 4

// A login fetches a link's credentials: from what client-go calls an exec plugin
// or an auth provider, or from where a Secret says. client-go runs those in the
// middle of whichever request comes first; here they run in their turn, apart
// from requests, and requests carry what came out.
type login struct {
	link    *Link
	oracles func(nth int64) (oracle, error)
	queue   *logins

	mu     sync.Mutex
	source oracle // what this attempt asks; nil until asked
	header string // the Authorization header
	cert   *tls.Certificate
	known  bool  // header or cert are good as far as is known
	err    error // of the last attempt
	heard  []string
	going  chan struct{} // closed when the attempt under way ends; nil when there is none
}

// An oracle gives credentials: an Authorization header, a client certificate, or
// both. It may take its time, and remembers what it gave for as long as that is
// good.
type oracle func() (header string, cert *tls.Certificate, err error)

// certificate gives the client certificate of the login; an empty one, which
// TLS takes for none, where there is none.
func (g *login) certificate() *tls.Certificate {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cert == nil {
		return &tls.Certificate{}
	}
	return g.cert
}

// credentials gives the Authorization header (empty where a certificate does
// it), logging in when that was not done yet. After a failed login it gives
// that failure, until the probe or the person tries again.
func (g *login) credentials(ctx context.Context) (string, error) {
	for {
		g.mu.Lock()
		header, known, err, going := g.header, g.known, g.err, g.going
		g.mu.Unlock()
		switch {
		case known:
			return header, nil
		case going == nil && err != nil:
			return "", err
		case going == nil:
			going = g.begin(false)
		}
		select {
		case <-going:
		case <-ctx.Done():
			return "", fmt.Errorf("log in to %s: %w", g.link.alias, context.Cause(ctx))
		}
	}
}

// keep makes sure that there are credentials and that they have not run out;
// refused asks for others than those that there are, as does a login that
// failed. When that takes longer than ctx allows it goes on by itself, and
// waiting says that there is nothing to go on with until then.
func (g *login) keep(ctx context.Context, refused bool) (waiting bool, err error) {
	g.mu.Lock()
	going, known := g.going, g.known
	if going == nil && (refused || g.err != nil) {
		g.link.logins.Add(1)
		g.source, g.err, known = nil, nil, false
	}
	g.mu.Unlock()
	if going == nil {
		going = g.begin(known)
	}
	select {
	case <-going:
		g.mu.Lock()
		defer g.mu.Unlock()
		return false, g.err
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		return refused || !g.known, nil
	}
}

// begin starts an attempt, unless one is under way, and gives what closes at
// its end. With polite it lets others go first: whoever has credentials that
// may still be good can ask again later.
func (g *login) begin(polite bool) chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.going != nil {
		return g.going
	}
	going := make(chan struct{})
	g.going = going
	go func() {
		defer func() {
			g.mu.Lock()
			g.going = nil
			g.mu.Unlock()
			close(going)
		}()
		if done, ok := g.queue.begin(g, polite); ok {
			defer done()
			g.attempt()
		}
	}()
	return going
}

// attempt asks for the credentials. It is g's turn.
func (g *login) attempt() {
	g.mu.Lock()
	source := g.source
	g.heard = nil // what the attempt before was told
	g.mu.Unlock()
	var err error
	if source == nil {
		source, err = g.oracles(g.link.logins.Load())
	}
	var header string
	var cert *tls.Certificate
	if err == nil {
		header, cert, err = source.ask()
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.source, g.known, g.err = source, err == nil, nil
	if err != nil {
		g.header, g.cert = "", nil
		g.err = &loginError{login: g, err: err}
		return
	}
	g.header, g.cert = header, cert
}

// ask asks, and takes a panic of foreign code for an error.
func (o oracle) ask() (header string, cert *tls.Certificate, err error) {
	defer backend.Caught(&err)
	return o()
}

// loggedIn adds the login's header to requests.
type loggedIn struct {
	login *login
	next  http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *loggedIn) RoundTrip(req *http.Request) (*http.Response, error) {
	header, err := t.login.credentials(req.Context())
	if err != nil {
		discard(req)
		return nil, err
	}
	if header != "" {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", header)
	}
	return t.next.RoundTrip(req)
}

// A loginError is why there are no credentials.
type loginError struct {
	login *login
	err   error
}

// Error gives the cause with what the plugin has said about it, for people.
func (e *loginError) Error() string {
	e.login.mu.Lock()
	heard := strings.Join(e.login.heard, " ")
	e.login.mu.Unlock()
	why := strings.TrimPrefix(e.err.Error(), "getting credentials: ")
	if said, _, ok := strings.Cut(why, "decoding stdout: "); ok {
		why = said + "what it printed is no credential" // and may be one in part
	}
	if heard != "" {
		why += ": " + heard
	}
	return short(hide(backend.T(why).Safe()))
}

// Unwrap gives a typed error, so that whoever meets it on a request knows what
// helps.
func (e *loginError) Unwrap() error {
	return &backend.Error{
		Code: backend.Expired, Op: "log in to " + e.login.link.alias,
		Human: "Logging in to " + e.login.link.alias + " failed: " + e.Error() + ". To go on, " + e.login.link.way.hints().login + ", then try again.",
	}
}
