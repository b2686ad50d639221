package kubeapi

import (
	"cmp"
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"wheelhouse/backend"
)

// A Collection is all objects of one resource, and how they become rows.
type Collection[T backend.Object] struct {
	Res    Resource
	Part   string // set where a feed holds several kinds that are read apart: which
	Labels string // what of them belongs here: a selector; empty: all
	Fields string // and which, by their fields: a selector; empty: all
	JSON   bool   // a custom resource, which a server has in no other form
	Called string // how sentences call them; empty: the resource's plural
	// Every is set where nothing can be followed: between a whole list and the next.
	Every time.Duration
	// Row gives the row of an object and its resourceVersion. raw, in the form in
	// which the API server sends the resource, is only lent to it.
	Row func(raw []byte, link string, w Words) (T, string, error)
}

// Source follows the collections that make up one feed.
func Source[T backend.Object](c *Client, collections ...Collection[T]) backend.Source[T] {
	return &source[T]{c, collections}
}

type source[T backend.Object] struct {
	c           *Client
	collections []Collection[T]
}

// Watch implements backend.Source.
func (s *source[T]) Watch(ctx context.Context, scope backend.Scope, sink backend.Sink[T]) error {
	var wg sync.WaitGroup
	for _, col := range s.collections {
		wg.Go(func() {
			alone(sink, backend.Part{Link: s.c.link.Alias(), Kind: col.Part}, func() { s.follow(ctx, col, scope, sink) })
		})
	}
	wg.Wait()
	return ctx.Err()
}

// alone runs f. A panic in it is the failure of one part, which is not read any
// more: the others, and the console, go on.
func alone[T backend.Object](sink backend.Sink[T], key backend.Part, f func()) {
	err := func() (err error) {
		defer backend.Caught(&err)
		f()
		return nil
	}()
	if err != nil {
		sink.Health(key, backend.Health{State: backend.Down, Since: time.Now(), Reason: backend.T(err.Error())})
	}
}

// follow keeps one collection in step: all of it at once where that is
// permitted, else namespace by namespace.
func (s *source[T]) follow(ctx context.Context, col Collection[T], scope backend.Scope, sink backend.Sink[T]) {
	if len(scope.Namespaces) > 0 && col.Res.Scoped {
		s.each(ctx, col, scope.Namespaces, scope.Labels, sink)
		return
	}
	for ctx.Err() == nil {
		whole := &part[T]{c: s.c, col: col, labels: scope.Labels, sink: sink, key: backend.Part{Link: s.c.link.Alias(), Kind: col.Part}}
		_ = whole.keep(ctx, true) // it returns when the whole may not be listed
		if ctx.Err() != nil {
			return
		}
		(&pieces[T]{s: s, col: col, labels: scope.Labels, sink: sink, whole: whole.key}).keep(ctx)
	}
}

// each keeps the parts of some namespaces until ctx ends.
func (s *source[T]) each(ctx context.Context, col Collection[T], namespaces []string, labels string, sink backend.Sink[T]) {
	var wg sync.WaitGroup
	for _, ns := range namespaces {
		wg.Go(func() { s.one(ctx, col, ns, labels, sink) })
	}
	wg.Wait()
}

// one keeps the part of one namespace until ctx ends.
func (s *source[T]) one(ctx context.Context, col Collection[T], ns, labels string, sink backend.Sink[T]) {
	p := &part[T]{c: s.c, col: col, labels: labels, sink: sink, key: backend.Part{Link: s.c.link.Alias(), Scope: ns, Kind: col.Part}}
	alone(sink, p.key, func() { _ = p.keep(ctx, false) })
}

// called is how sentences call them.
func (col Collection[T]) called() string { return cmp.Or(col.Called, col.Res.Plural) }

func (col Collection[T]) form() form {
	if col.JSON {
		return inJSON{}
	}
	return inProtobuf{}
}

func (col Collection[T]) path(namespace string) string {
	if namespace == "" {
		return col.Res.prefix() + "/" + col.Res.Plural
	}
	return col.Res.prefix() + "/namespaces/" + url.PathEscape(namespace) + "/" + col.Res.Plural
}

// BackOff is how long is waited between tries: short at first, never long, because
// somebody is looking. Usually it is 100 ms, then up to 5 s.
func (c *Client) BackOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = c.link.Patience()/25, c.link.Patience()*2
	return b
}
