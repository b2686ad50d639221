package kubeapi

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	authv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend"
)

const (
	// askAgain is how long until it is asked once more what may be listed:
	// permissions are granted while people wait for them.
	askAgain = time.Minute
	// maxAsked is how many namespaces are asked about one by one, askers of them
	// at a time, within askLimit.
	maxAsked, askers = 2000, 8
	askLimit         = 20 * time.Second
)

// pieces keeps the namespaces of a collection that may be read while the whole
// may not. It belongs to one goroutine.
type pieces[T backend.Object] struct {
	s      *source[T]
	col    Collection[T]
	labels string
	sink   backend.Sink[T]
	whole  backend.Part

	kept map[string]context.CancelFunc // by namespace
	all  sync.WaitGroup
}

// keep says in the whole's health what of it is there, and returns when the
// whole may be asked for once more or ctx has ended.
func (p *pieces[T]) keep(ctx context.Context) {
	p.kept = map[string]context.CancelFunc{}
	inner, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		p.all.Wait()
		if ctx.Err() == nil {
			for ns := range p.kept {
				p.sink.End(p.of(ns))
			}
		}
	}()
	since := time.Now()
	tick := time.NewTicker(askAgain)
	defer tick.Stop()
	for {
		h := backend.Health{State: backend.Forbidden, Since: since, NextTry: time.Now().Add(askAgain)}
		if p.col.Res.Scoped {
			may := p.ask(ctx)
			p.take(inner, may.read)
			h.Reason = backend.T(fmt.Sprintf("you may not list %s in all namespaces of %s; %s", p.col.called(), p.whole.Link, may))
		} else {
			h.Reason = backend.T(fmt.Sprintf("you may not list %s on %s; :pods NAMESPACE goes to one by name", p.col.Res.Plural, p.whole.Link))
		}
		p.sink.Health(p.whole, h)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if p.granted(ctx) {
			return
		}
	}
}

func (p *pieces[T]) of(ns string) backend.Part {
	return backend.Part{Link: p.whole.Link, Scope: ns, Kind: p.whole.Kind}
}

// take makes namespaces those that are kept: others end.
func (p *pieces[T]) take(ctx context.Context, namespaces []string) {
	for ns, end := range p.kept {
		if !slices.Contains(namespaces, ns) {
			end()
			delete(p.kept, ns)
		}
	}
	for _, ns := range namespaces {
		if p.kept[ns] != nil {
			continue
		}
		one, end := context.WithCancel(ctx)
		p.kept[ns] = end
		p.all.Go(func() {
			p.s.one(one, p.col, ns, p.labels, p.sink)
			if one.Err() != nil && ctx.Err() == nil {
				p.sink.End(p.of(ns)) // its last word: before it has stopped, it might say more
			}
		})
	}
}

// granted says whether the collection may be listed as a whole now.
func (p *pieces[T]) granted(ctx context.Context) bool {
	w, err := p.s.c.wire()
	if err != nil {
		return false
	}
	body, err := w.get(ctx, p.col.path(""), p.col.form(), "", url.Values{"limit": {"1"}})
	if err != nil {
		return false
	}
	_ = body.Close() // only its being there was asked for
	return true
}

// allowance is which namespaces may be read.
type allowance struct {
	read    []string // permitted, or configured or kept and not known to be forbidden; sorted. Where there is none: the forbidden
	denied  []string // configured and forbidden
	unasked int      // there are, and nobody could say anything about them
}

func (a allowance) String() string {
	var said []string
	if !slices.Equal(a.read, a.denied) || len(a.read) == 0 {
		said = append(said, "shown: "+joined(a.read))
	}
	if len(a.denied) > 0 {
		said = append(said, "forbidden: "+joined(a.denied))
	}
	if a.unasked > 0 {
		said = append(said, fmt.Sprintf("%d namespaces could not be asked about", a.unasked))
	}
	return strings.Join(said, "; ")
}

// ask finds the namespaces in which the collection may be listed: among the
// configured ones, and all that there are where those may be listed. What is kept
// stays while nobody can be asked.
func (p *pieces[T]) ask(ctx context.Context) allowance {
	configured := p.s.c.link.Namespaces()
	known := slices.Clone(configured)
	for ns := range p.kept {
		if !slices.Contains(known, ns) {
			known = append(known, ns)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	names, unread := p.namespaces(ctx, known)
	verdicts := make([]verdict, len(names))
	var g errgroup.Group
	g.SetLimit(askers)
	for i, ns := range names {
		g.Go(func() (err error) {
			defer backend.Caught(&err)
			verdicts[i] = p.may(ctx, ns)
			return nil
		})
	}
	_ = g.Wait() // what failed is unknown
	out := allowance{unasked: unread}
	for i, ns := range names {
		switch {
		case verdicts[i] == yes, i < len(known) && verdicts[i] == unknown:
			out.read = append(out.read, ns)
		case i < len(configured):
			out.denied = append(out.denied, ns)
		case verdicts[i] == unknown:
			out.unasked++
		}
	}
	slices.Sort(out.denied)
	if len(out.read) == 0 { // each then says by itself that it is forbidden
		out.read = slices.Clone(out.denied)
	}
	slices.Sort(out.read)
	return out
}

// namespaces gives the known ones, then all others that may be found, and how
// many of those are too many.
func (p *pieces[T]) namespaces(ctx context.Context, known []string) (names []string, unread int) {
	names = slices.Clone(known)
	client, err := p.s.c.Typed()
	if err != nil {
		return names, 0
	}
	opts := metav1.ListOptions{Limit: 500}
	for {
		list, err := client.CoreV1().Namespaces().List(ctx, opts)
		if err != nil {
			return names, 0
		}
		for _, ns := range list.Items {
			switch {
			case slices.Contains(known, ns.Name):
			case len(names) == maxAsked:
				unread++
			default:
				names = append(names, ns.Name)
			}
		}
		if opts.Continue = list.Continue; opts.Continue == "" {
			return names, unread
		}
	}
}

// verdict is what the server says to whether a namespace may be read.
type verdict uint8

const (
	unknown verdict = iota
	yes
	no
)

func (p *pieces[T]) may(ctx context.Context, ns string) verdict {
	client, err := p.s.c.Typed()
	if err != nil {
		return unknown
	}
	review := &authv1.SelfSubjectAccessReview{Spec: authv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authv1.ResourceAttributes{
		Namespace: ns, Verb: "list", Group: p.col.Res.GVK.Group, Resource: p.col.Res.Plural,
	}}}
	answer, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
	switch {
	case err != nil:
		return unknown
	case answer.Status.Allowed:
		return yes
	}
	return no
}

func joined(namespaces []string) string {
	const most = 5
	s := ""
	for i, ns := range namespaces {
		switch {
		case i == most:
			return fmt.Sprintf("%s and %d more", s, len(namespaces)-most)
		case i > 0:
			s += ", "
		}
		s += ns
	}
	return s
}
