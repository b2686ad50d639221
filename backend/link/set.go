package link

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"wheelhouse/backend"
)

// Options say which links there are and what holds for them.
type Options struct {
	Kubeconfig string     // a file; empty: KUBECONFIG's list, then the default place
	Contexts   []string   // which connect at start; empty: the current one and those that Settings name
	Namespaces []string   // asked for on the command line; they come before configured ones
	ReadOnly   bool       // no link may be changed, whatever Settings say
	As         string     // user to impersonate everywhere
	AsGroups   []string   // and groups; only together with As
	Settings   []Settings // the first that matches a context counts
	Systems    []System   // what no kubeconfig leads to; all connect at start
	UserAgent  string     // empty: "wheelhouse"

	// Patience is how long a probe waits for its answer; zero: 2.5 seconds. How often
	// it asks, and whatever is tried again on a link, goes by it.
	Patience time.Duration

	// Record is told every request before it is sent; nil for none. Called
	// from many goroutines.
	Record func(Request)
}

// Settings are what the configuration says of one link, or of several.
type Settings struct {
	Context string // context name or pattern (path.Match); empty: any
	Server  string // server URL or pattern of it; empty: any

	Alias      string // [a-z0-9-]+; empty: made from the context's name
	Colour     string
	Protected  bool
	ReadOnly   bool
	As         string
	AsGroups   []string
	Namespaces []string
	Connect    bool // at start
}

// A Request is one request as recorded: no header, no body, no secret.
type Request struct {
	Link, Method, Path, Query string
	Upgrade                   bool // asked to leave HTTP (exec, attach, port-forward)
	Refused                   bool // by the read-only gate; it was not sent
}

// A Set is all links: those of one kubeconfig, and the Systems. Safe for concurrent use.
type Set struct {
	opts   Options
	rules  *clientcmd.ClientConfigLoadingRules
	links  []*Link // by alias
	start  []*Link
	logins *logins

	// network stands in for the connections in tests; nil: real ones.
	network http.RoundTripper

	mu        sync.Mutex
	raw       *clientcmdapi.Config
	listeners map[int]func(*Link)
	next      int
}

// Load reads the kubeconfig and makes the links. Nothing is connected yet, and
// what is wrong with one context is told by its link's Health only. No kubeconfig
// is none to miss when there are Systems and none was asked for. The error, when
// there is no usable one at all or Options make no sense, says what to do.
func Load(opts Options) (*Set, error) {
	opts.UserAgent = cmp.Or(opts.UserAgent, "wheelhouse")
	opts.Patience = cmp.Or(opts.Patience, usual)
	if err := opts.check(); err != nil {
		return nil, err
	}
	rules, raw, err := readKubeconfig(opts.Kubeconfig)
	if backend.CodeOf(err) == backend.NotFound && opts.Kubeconfig == "" && len(opts.Contexts) == 0 && len(opts.Systems) > 0 {
		raw, err = clientcmdapi.NewConfig(), nil // there is enough without
	}
	if err != nil {
		return nil, err
	}
	s := &Set{opts: opts, rules: rules, raw: raw, logins: newLogins(), listeners: map[int]func(*Link){}}
	if err := s.makeLinks(); err != nil {
		return nil, err
	}
	return s, nil
}

// Start connects the links that are to be connected at start, all at once. It
// does not wait.
func (s *Set) Start() {
	for _, l := range s.start {
		l.connect()
	}
}

// Close disconnects every link and waits until nothing of this package runs
// but login plugins that can't be ended.
func (s *Set) Close() {
	for _, l := range s.links {
		l.disconnect()
	}
}

// All gives every link, by alias.
func (s *Set) All() []*Link { return slices.Clone(s.links) }

// Find gives the link of that alias, or of that context.
func (s *Set) Find(name string) (*Link, bool) {
	for _, l := range s.links {
		if l.alias == name {
			return l, true
		}
	}
	return s.ofContext(name)
}

// Current gives the link of the first context that was asked for, else that of
// the kubeconfig's current one.
func (s *Set) Current() (*Link, bool) {
	return s.ofContext(append(slices.Clone(s.opts.Contexts), s.kubeconfig().CurrentContext)[0])
}

// ofContext gives the link that a context leads to; what is none may be an alias
// of a link to a cluster.
func (s *Set) ofContext(name string) (*Link, bool) {
	for _, like := range []func(*Link) bool{
		func(l *Link) bool { return slices.Contains(l.contexts, name) },
		func(l *Link) bool { return l.alias == name && len(l.contexts) > 0 },
	} {
		if i := slices.IndexFunc(s.links, like); i >= 0 {
			return s.links[i], true
		}
	}
	return nil, false
}

// Connect begins to keep a link; one that is kept already stays as it is.
// Unknown names are ignored.
func (s *Set) Connect(name string) {
	if l, ok := s.Find(name); ok {
		l.connect()
	}
}

// Disconnect ends a link's connections; its health is Off.
func (s *Set) Disconnect(name string) {
	if l, ok := s.Find(name); ok {
		l.disconnect()
	}
}

// Retry reads the kubeconfig again, logs in anew where the login was no longer
// good, and tries at once. A link that was off is connected.
func (s *Set) Retry(name string) {
	if l, ok := s.Find(name); ok {
		l.retry()
	}
}

// Subscribe has f called whenever something of a link (health, identity,
// read-only) has changed: from many goroutines, and soon, so f must not block.
// stop ends it; f may be called once more while stop returns.
func (s *Set) Subscribe(f func(*Link)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := s.next
	s.next++
	s.listeners[id] = f
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, id)
	}
}

// changed tells the subscribers. No lock of a link may be held.
func (s *Set) changed(l *Link) {
	s.mu.Lock()
	var all []func(*Link)
	for _, f := range s.listeners {
		all = append(all, f)
	}
	s.mu.Unlock()
	for _, f := range all {
		f(l)
	}
}

func (o Options) check() error {
	invalid := func(human string) error {
		return &backend.Error{Code: backend.Invalid, Op: "load links", Human: human}
	}
	if o.As == "" && len(o.AsGroups) > 0 {
		return invalid("--as-group goes with --as: give the user to impersonate too.")
	}
	for _, s := range o.Settings {
		if s.Alias != "" && slug(s.Alias) != s.Alias {
			return invalid("The alias \"" + backend.T(s.Alias).Safe() + "\" of a link may hold only a-z, 0-9 and single '-' between them: \"" + slug(s.Alias) + "\" would do.")
		}
		if s.As == "" && len(s.AsGroups) > 0 {
			return invalid("asGroups of a link (" + strings.Join([]string{s.Context, s.Server, s.Alias}, " ") + ") go with as: give the user to impersonate too.")
		}
	}
	return nil
}

// reread takes in the kubeconfig as it is now; when it can't be read any more,
// what was known stays.
func (s *Set) reread() {
	_, raw, err := readKubeconfig(s.opts.Kubeconfig)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.raw = raw
	s.mu.Unlock()
}

// kubeconfig gives what was read last. Not to be changed.
func (s *Set) kubeconfig() *clientcmdapi.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.raw
}
