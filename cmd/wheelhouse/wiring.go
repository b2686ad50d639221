package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/audit"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/dispatch"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/link"
	"wheelhouse/backend/signal"
	"wheelhouse/config"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/page"
	"wheelhouse/views/logs"
	"wheelhouse/views/metrics"
)

// platform is everything wired together: what the console and the command line
// both stand on. Nothing in it waits for the network.
type platform struct {
	flags   *flags
	conf    config.Config
	memory  *config.Memory
	notes   []string
	bell    *feed.Bell
	feeds   *feed.Set
	links   *link.Set
	rooms   map[string][]room // by link; read only once open has returned
	record  *audit.Log
	desk    *dispatch.Desk
	sources context.CancelFunc

	own        []ui.Opener    // views that only an embedded world has
	companions []ui.Companion // the same

	mu      sync.Mutex
	plugged map[string]bool // links that the feeds are fed from
}

// open reads the config and the kubeconfig and wires the rest; links begin to
// connect. Close it.
func open(f *flags) (*platform, error) {
	conf, err := config.Load(f.config, systems()...)
	if err != nil {
		return nil, err
	}
	bell := feed.NewBell()
	p := &platform{flags: f, conf: conf, bell: bell, feeds: feed.NewSet(bell), rooms: map[string][]room{}, plugged: map[string]bool{}}
	var note string
	p.memory, note = config.OpenMemory(filepath.Join(config.StateDir(), "state.yaml"))
	if note != "" {
		p.notes = append(p.notes, note)
	}
	if p.links, err = link.Load(p.linkOptions()); err != nil {
		return nil, err
	}
	if p.record, err = audit.Open(p.auditDir(), p.session()); err != nil {
		return nil, err
	}
	p.desk = dispatch.New(dispatch.Options{Actions: actions(), Route: p.route, Row: p.feeds.Get, Record: p.record, ReadOnly: p.readOnly(), Changed: p.bell.Ring})
	ctx := p.keepFed()
	if err := p.joinWorld(ctx); err != nil {
		p.close()
		return nil, err
	}
	for _, l := range p.links.All() {
		p.rooms[l.Alias()] = furnish(l, p.feeds, p.conf)
	}
	p.links.Start()
	for _, l := range p.links.All() {
		p.plug(l)
	}
	return p, nil
}

func (p *platform) readOnly() bool { return p.flags.readOnly || p.conf.ReadOnly }

func (p *platform) linkOptions() link.Options {
	o := link.Options{
		Kubeconfig: p.flags.kubeconfig, Contexts: p.flags.contexts, Namespaces: p.flags.namespaces,
		ReadOnly: p.readOnly(), As: p.flags.as, AsGroups: p.flags.asGroups,
		UserAgent: "wheelhouse/" + version,
	}
	for _, l := range p.conf.Links {
		o.Settings = append(o.Settings, link.Settings(l))
	}
	speak := protocols()
	for _, s := range p.conf.Systems {
		o.Systems = append(o.Systems, link.System{
			Protocol: speak[slices.IndexFunc(speak, func(l link.Protocol) bool { return l.Name == s.Kind })],
			URL:      s.URL, User: s.User, Secret: link.Secret(s.Secret),
			CA: s.CA, Cert: s.Cert, Key: s.Key, ServerName: s.ServerName, Insecure: s.Insecure,
			Alias: s.Alias, Colour: s.Colour, Protected: s.Protected, ReadOnly: s.ReadOnly,
		})
	}
	return o
}

func (p *platform) auditDir() string {
	if p.conf.Audit != "" {
		return p.conf.Audit
	}
	return filepath.Join(config.StateDir(), "audit")
}

func (p *platform) session() audit.Session {
	s := audit.Session{Version: version, ReadOnly: p.readOnly()}
	if u, err := user.Current(); err == nil {
		s.Who = u.Username
	}
	s.Host, _ = os.Hostname() // a record without a host is still a record
	return s
}

// room is who knows objects of a kind on a link.
func (p *platform) room(alias, kind string) (room, bool) {
	for _, r := range p.rooms[alias] {
		if r.kinds == nil || slices.Contains(r.kinds, kind) {
			return r, true
		}
	}
	return room{}, false
}

// route is what dispatch must know of the way to an object.
func (p *platform) route(to backend.Ref) (dispatch.Route, bool) {
	l, ok := p.links.Find(to.Link)
	if !ok {
		return dispatch.Route{}, false
	}
	info := l.Info()
	r := dispatch.Route{Server: info.Server, User: info.User, ReadOnly: info.ReadOnly, Protected: info.Protected}
	if who, ok := p.room(l.Alias(), to.Kind); ok && l.Health().State != backend.Off {
		r.Actor = who.Actor
	}
	return r, true
}

// keepFed feeds the links themselves, and from each while it is connected, until the
// platform is closed, as the context is that it gives.
func (p *platform) keepFed() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	p.sources = cancel
	go func() { _ = p.links.Source().Watch(ctx, backend.Scope{}, feed.Of[cluster.Cluster](p.feeds)) }() // it ends with ctx
	p.links.Subscribe(func(l *link.Link) {
		p.plug(l)
		p.bell.Ring()
	})
	return ctx
}

// plug feeds from a link while it is connected.
func (p *platform) plug(l *link.Link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	alias, on := l.Alias(), l.Health().State != backend.Off
	if on != p.plugged[alias] {
		for _, r := range p.rooms[alias] {
			for _, plug := range r.plug {
				plug(on)
			}
		}
	}
	p.plugged[alias] = on
}

// close ends everything in turn: no new change, the runs, the feeds, the links,
// the record.
func (p *platform) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	p.desk.Close(ctx)
	p.sources()
	p.feeds.Stop()
	p.links.Close()
	if err := p.record.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "wheelhouse: "+backend.T(err.Error()).Safe())
	}
	if err := p.memory.Save(); err != nil {
		fmt.Fprintln(os.Stderr, "wheelhouse: "+err.Error())
	}
}

// openers are all views.
func (p *platform) openers() []ui.Opener {
	shared := list.Shared{
		Details: p.details, Memory: p.memory, Save: saveFile,
		Logged: func(r backend.Ref) bool { return p.lines(r) != nil },
	}
	return append(views(p.feeds, outlook{
		links: uiLinks{p.links}, lists: shared, numbers: p.numbers,
		logs: logs.Options{Read: p.lines, Refs: p.refs, Save: saveFile, Bell: p.bell},
	}), p.own...)
}

// lines gives who reads an object's log; nil where it has none, or its link is not
// connected.
func (p *platform) lines(r backend.Ref) backend.Lines {
	l, ok := p.links.Find(r.Link)
	if !ok || l.Health().State == backend.Off {
		return nil
	}
	who, ok := p.room(l.Alias(), r.Kind)
	if !ok || who.logged != nil && !slices.Contains(who.logged, r.Kind) {
		return nil
	}
	return who.lines
}

// knownNamespaces are those of all links. The first time that they are wanted
// they begin to be watched, and are there a moment later.
func (p *platform) knownNamespaces() []string {
	namespaces := feed.Of[cluster.Namespace](p.feeds)
	if _, watched := namespaces.Watching(); !watched {
		namespaces.Watch(context.Background(), backend.Scope{})
	}
	all := namespaces.Lens(nil, feed.Keep[cluster.Namespace]{})
	defer all.Close()
	seen := map[string]bool{}
	for n := range all.All() {
		seen[n.Name] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// details gives what fetches an object's faces through a link; nil when there is
// no such link.
func (p *platform) details(alias string) page.Fetch {
	if p.rooms[alias] == nil {
		return nil
	}
	return func(ctx context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error) {
		who, ok := p.room(alias, r.Kind)
		if !ok || r.Kind == cluster.KindCluster {
			return backend.Doc{}, &backend.Error{Code: backend.Invalid, Op: "show " + r.Kind, Ref: r, Human: "There is no more to say of it here; enter shows it among its like."}
		}
		return who.Fetch(ctx, r, a)
	}
}

// numbers gives what reads what is measured through a link; nil when there is nobody
// who does.
func (p *platform) numbers(alias string) metrics.Read {
	if who, ok := p.room(alias, signal.KindMetric); ok && who.numbers != nil {
		return who.numbers.Series
	}
	return nil
}

// refs reads references; one that names no link means the current one. The
// links that are named are connected.
func (p *platform) refs(words []string) ([]backend.Ref, error) {
	out, err := nouns().ParseRefs(words)
	if err != nil {
		return nil, err
	}
	for i := range out {
		r := &out[i]
		if r.Link == "" {
			if r.Link, err = p.current(); err != nil {
				return nil, err
			}
		}
		l, ok := p.links.Find(r.Link)
		if !ok {
			return nil, &backend.Error{Code: backend.Invalid, Op: "find link", Human: fmt.Sprintf("There is no link %q; `wheelhouse doctor` lists them.", r.Link)}
		}
		r.Link = l.Alias()
		p.links.Connect(r.Link)
	}
	return out, nil
}

// current is the link that is meant where none is named: the first of --context,
// else that of the kubeconfig's current context, else the only one.
func (p *platform) current() (string, error) {
	if l, ok := p.links.Current(); ok {
		return l.Alias(), nil
	}
	var on []string
	for _, l := range p.links.All() {
		if l.Health().State != backend.Off {
			on = append(on, l.Alias())
		}
	}
	if len(on) != 1 {
		return "", &backend.Error{Code: backend.Invalid, Op: "find link", Human: fmt.Sprintf("Say which link is meant, as in LINK:kind/namespace/name: %s.", strings.Join(on, ", "))}
	}
	return on[0], nil
}
