// Package link holds one connection for each system that the console speaks to:
// how it is reached and logged in to, whether it answers, who we are there, and
// whether it may be changed. Every adapter that speaks to the same system rides
// on the same Link, so there is one login, one set of connections and one
// health sign.
//
// Links are made from a kubeconfig as client-go understands it, and from Systems,
// which have a URL and a Protocol. What is done with a connection (lists, watches,
// verbs) belongs to the adapters; which links exist, their colours and their
// limits are given as plain data by the caller, who reads the configuration.
package link

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"

	"wheelhouse/backend"
)

// A Link is one server as one user: a System of the configuration, or a cluster,
// where contexts of a kubeconfig that lead to the same server with the same
// credentials share it. Safe for concurrent use.
type Link struct {
	set      *Set
	protocol Protocol
	way      way
	alias    string
	contexts []string // of the kubeconfig, primary first; none for a System
	settings Settings // what holds for this link; Context and Server unused
	kick     chan struct{}
	readOnly atomic.Bool
	requests atomic.Int64
	logins   atomic.Int64 // how often a login was asked for anew

	building sync.Mutex // held while conn is built or thrown away

	mu      sync.Mutex
	server  string // without credentials
	unsafe  string // what must be said of the way there
	conn    *conn  // built when first used
	connErr error  // why it can't be built
	run     *run   // nil while not connected
	health  backend.Health
	trouble error     // why the last probe failed; nil when it did not
	live    time.Time // of the last probe that did not
	met     *conn     // with which user and version were asked
	user    string
	version string
	lost    bool          // nothing is to be sent
	found   chan struct{} // closed and replaced whenever it is no longer lost
	epoch   context.Context
	end     context.CancelCauseFunc // ends epoch
}

// Info is what is known of a link without asking it anything. A value.
type Info struct {
	Alias     string
	Protocol  string // its Protocol's name
	Server    string // URL without credentials; empty when the kubeconfig has none
	User      string // who the server says we are, "x" or "as x by y"; empty until it has said so
	Version   string // the server's; empty until known
	Contexts  []string
	Colour    string // as the configuration names it; empty for none
	Protected bool
	ReadOnly  bool
	Unsafe    string // "plain HTTP", "TLS not verified", or empty
}

// Protocol is the name of what its server speaks: "kubernetes", or a System's.
func (l *Link) Protocol() string { return l.protocol.Name }

// Alias is the link's name, [a-z0-9-]+, unique in its Set.
func (l *Link) Alias() string { return l.alias }

// Info gives what is known now.
func (l *Link) Info() Info {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Info{
		Alias: l.alias, Protocol: l.protocol.Name, Server: l.server, User: l.user, Version: l.version,
		Contexts: slices.Clone(l.contexts), Colour: l.settings.Colour,
		Protected: l.settings.Protected, ReadOnly: l.ReadOnly(), Unsafe: l.unsafe,
	}
}

// Health gives the link's state now. Its Reason holds no secrets.
func (l *Link) Health() backend.Health {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.health
}

// Patience is how long its probe waits for an answer. Whoever tries again on it goes
// by that too.
func (l *Link) Patience() time.Duration { return l.set.opts.Patience }

// ReadOnly says whether requests that change something are refused.
func (l *Link) ReadOnly() bool { return l.readOnly.Load() }

// Freeze makes the link read-only. Nothing in this process can undo it.
func (l *Link) Freeze() {
	if !l.readOnly.Swap(true) {
		l.set.changed(l)
	}
}

// Namespaces are where to look when the server forbids to list all: those that
// were asked for or configured, else those of the link's contexts. Never empty;
// the first is the default one.
func (l *Link) Namespaces() []string { return slices.Clone(l.settings.Namespaces) }

// Namespace is the default one.
func (l *Link) Namespace() string { return l.settings.Namespaces[0] }

// Contexts are the kubeconfig's contexts that lead here, the primary one first;
// none for a System.
func (l *Link) Contexts() []string { return slices.Clone(l.contexts) }

// Kubectl are the flags with which kubectl does what this link to a cluster does:
// its context, and what is not in it but was said to this program.
func (l *Link) Kubectl() []string {
	flags := []string{"--context", l.contexts[0]}
	if file := l.set.opts.Kubeconfig; file != "" {
		flags = append(flags, "--kubeconfig", file)
	}
	if l.settings.As != "" {
		flags = append(flags, "--as", l.settings.As)
	}
	for _, group := range l.settings.AsGroups {
		flags = append(flags, "--as-group", group)
	}
	return flags
}

// REST gives a configuration for client-go's clients, the caller's to change.
// Whatever clients are made of it share the link's connections; dialers of
// their own (SPDY, websocket) pass the same gate, login and counting first;
// client-go's SPDY dialer keeps only the words of a refusal, not its type.
// Credentials are not in it but added to each request, so that clients outlive
// a new login. It sets no limit on a request's time or rate: use contexts.
//
// Ask again for each connection that is dialled outside of HTTP: the TLS
// material in it is as it was when asked.
func (l *Link) REST() *rest.Config { return l.config(false) }

// Stream is REST over HTTP/1.1: each request has a connection of its own. For
// watches, where it costs fewer wake-ups than HTTP/2's frames.
func (l *Link) Stream() *rest.Config { return l.config(true) }

func (l *Link) config(stream bool) *rest.Config {
	out := &rest.Config{
		UserAgent:      l.set.opts.UserAgent,
		QPS:            -1,
		WarningHandler: rest.NoWarnings{},
		WrapTransport: func(rt http.RoundTripper) http.RoundTripper {
			return newTripper(l, rt, stream)
		},
	}
	out.Host = l.Base()
	c, err := l.connection()
	if err != nil {
		return out // every request gives the error, until there is none any more
	}
	out.Proxy = c.config.Proxy
	out.DisableCompression = c.config.DisableCompression
	out.TLSClientConfig = c.tlsMaterial()
	return out
}

// connection gives the link's connection, building it when there is none yet.
func (l *Link) connection() (*conn, error) {
	l.building.Lock() // files are read, which nobody waits for who only wants to know the state
	defer l.building.Unlock()
	l.mu.Lock()
	c, err := l.conn, l.connErr
	l.mu.Unlock()
	if c != nil || err != nil {
		return c, err
	}
	c, err = l.build()
	l.mu.Lock()
	l.conn, l.connErr = c, err
	l.mu.Unlock()
	return c, err
}

// A run is the probe of a connected link.
type run struct {
	cancel context.CancelFunc
	done   chan struct{}
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
	l.building.Lock()
	l.set.reread()
	l.mu.Lock()
	old := l.conn
	if old != nil && old.login != nil && l.health.State != backend.Live {
		l.logins.Add(1)
	}
	l.conn, l.connErr = nil, nil
	l.describe()
	l.mu.Unlock()
	l.building.Unlock()
	if old != nil {
		old.hangUp()
	}
	l.connect()
	l.poke()
}
