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
	"wheelhouse/backend/adapters/argo"
	"wheelhouse/backend/adapters/kube"
	"wheelhouse/backend/audit"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/dispatch"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/link"
	"wheelhouse/config"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/page"
	"wheelhouse/views/clusters"
	"wheelhouse/views/namespaces"
	"wheelhouse/views/pods"
	"wheelhouse/views/rollouts"
	"wheelhouse/views/workloads"
)

// actions is every verb of every domain.
func actions() []backend.Action { return slices.Concat(cluster.Actions(), delivery.Actions()) }

// nouns is the vocabulary of references.
func nouns() backend.Nouns { return slices.Concat(cluster.Nouns(), delivery.Nouns()) }

// platform is everything wired together: what the console and the command line
// both stand on. Nothing in it waits for the network.
type platform struct {
	flags   *flags
	conf    config.Config
	memory  *config.Memory
	notes   []string
	bell    *feed.Bell
	links   *link.Set
	rooms   map[string][]room // by link; read only once open has returned
	record  *audit.Log
	desk    *dispatch.Desk
	sources context.CancelFunc

	mu      sync.Mutex
	plugged map[string]bool // links that the feeds are fed from

	clusters   *feed.Feed[cluster.Cluster]
	pods       *feed.Feed[cluster.Pod]
	workloads  *feed.Feed[cluster.Workload]
	namespaces *feed.Feed[cluster.Namespace]
	rollouts   *feed.Feed[delivery.Rollout]
	revisions  *feed.Feed[delivery.Revision]
}

// open reads the config and the kubeconfig and wires the rest; links begin to
// connect. Close it.
func open(f *flags) (*platform, error) {
	conf, err := config.Load(f.config)
	if err != nil {
		return nil, err
	}
	p := &platform{flags: f, conf: conf, bell: feed.NewBell(), rooms: map[string][]room{}, plugged: map[string]bool{}}
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
	p.desk = dispatch.New(dispatch.Options{Actions: actions(), Route: p.route, Row: p.row, Record: p.record, ReadOnly: p.readOnly(), Changed: p.bell.Ring})
	p.feeds()
	for _, l := range p.links.All() {
		p.rooms[l.Alias()] = p.furnish(l)
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
		UserAgent: "wheelhouse/" + version, Reads: link.KubernetesReads,
	}
	for _, l := range p.conf.Links {
		o.Settings = append(o.Settings, link.Settings(l))
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

// A room is what one adapter brings to a link: who acts on objects of its kinds
// and shows them, and what feeds from it.
type room struct {
	kinds backend.Nouns // none: whatever no other room has
	backend.Actor
	backend.Details
	plug []func(on bool)
}

// furnish makes the rooms of a link.
func (p *platform) furnish(l *link.Link) []room {
	api := kubeapi.New(l)
	rollouts, own := argo.New(api), kube.New(api)
	return []room{
		{delivery.Nouns(), rollouts, rollouts, []func(bool){
			fed(p.rollouts, l, rollouts.Rollouts()), fed(p.revisions, l, rollouts.Revisions()),
		}},
		{nil, own, own, []func(bool){
			fed(p.pods, l, own.Pods()), fed(p.workloads, l, own.Workloads()), fed(p.namespaces, l, own.Namespaces()),
		}},
	}
}

// fed attaches a source to a feed, or detaches it.
func fed[T backend.Object](f *feed.Feed[T], l *link.Link, src backend.Source[T]) func(on bool) {
	return func(on bool) {
		if on {
			f.Attach(l.Alias(), src)
		} else {
			f.Detach(l.Alias())
		}
	}
}

// room is who knows objects of a kind on a link.
func (p *platform) room(alias, kind string) (room, bool) {
	for _, r := range p.rooms[alias] {
		if r.kinds == nil || slices.ContainsFunc(r.kinds, func(n backend.Noun) bool { return n.Kind == kind }) {
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

// row is an object as the screen shows it, of those kinds that know by themselves
// what makes no sense for them.
func (p *platform) row(r backend.Ref) (backend.Object, bool) {
	if r.Kind == delivery.KindRollout {
		return p.rollouts.Get(r)
	}
	return nil, false
}

// feeds gives every kind of object its feed, fed by every link.
func (p *platform) feeds() {
	p.clusters = feed.NewFeed[cluster.Cluster](p.bell)
	p.pods = feed.NewFeed[cluster.Pod](p.bell)
	p.workloads = feed.NewFeed[cluster.Workload](p.bell)
	p.namespaces = feed.NewFeed[cluster.Namespace](p.bell)
	p.rollouts = feed.NewFeed[delivery.Rollout](p.bell)
	p.revisions = feed.NewFeed[delivery.Revision](p.bell)
	ctx, cancel := context.WithCancel(context.Background())
	p.sources = cancel
	go func() { _ = p.links.Source().Watch(ctx, backend.Scope{}, p.clusters) }() // it ends with ctx
	p.links.Subscribe(func(l *link.Link) {
		p.plug(l)
		p.bell.Ring()
	})
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
	p.pods.Stop()
	p.workloads.Stop()
	p.namespaces.Stop()
	p.rollouts.Stop()
	p.revisions.Stop()
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
	shared := list.Shared{Details: p.details, Memory: p.memory, Save: saveFile}
	all := []ui.Opener{pods.Opener(p.pods, shared)}
	all = append(all, workloads.Openers(p.workloads, shared)...)
	return append(all, rollouts.Opener(p.rollouts, p.revisions, shared), namespaces.Opener(p.namespaces, shared), clusters.Opener(p.clusters, uiLinks{p.links}, shared))
}

// knownNamespaces are those of all links. The first time that they are wanted
// they begin to be watched, and are there a moment later.
func (p *platform) knownNamespaces() []string {
	if _, watched := p.namespaces.Watching(); !watched {
		p.namespaces.Watch(context.Background(), backend.Scope{})
	}
	all := p.namespaces.Lens(nil, feed.Keep[cluster.Namespace]{})
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
		who, _ := p.room(alias, r.Kind)
		return who.Fetch(ctx, r, a)
	}
}

// refs reads references; one that names no link means the current one. The
// links that are named are connected.
func (p *platform) refs(words []string) ([]backend.Ref, error) {
	var out []backend.Ref
	for _, w := range words {
		r, err := nouns().ParseRef(w)
		if err != nil {
			return nil, err
		}
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
		out = append(out, r)
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
