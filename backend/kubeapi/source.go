package kubeapi

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	authv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend"
)

// A Collection is all objects of one resource, and how they become rows.
type Collection[T backend.Object] struct {
	Res    Resource
	Part   string // set where a feed holds several kinds that are read apart: which
	Labels string // what of them belongs here: a selector; empty: all
	JSON   bool   // a custom resource, which a server has in no other form
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

// How long until a list that was forbidden is asked for once more: permissions
// are granted while people wait for them.
const askAgain = time.Minute

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
		s.piecewise(ctx, col, scope, sink, whole.key)
	}
}

// each keeps the parts of some namespaces until ctx ends.
func (s *source[T]) each(ctx context.Context, col Collection[T], namespaces []string, labels string, sink backend.Sink[T]) {
	var wg sync.WaitGroup
	for _, ns := range namespaces {
		p := &part[T]{c: s.c, col: col, labels: labels, sink: sink, key: backend.Part{Link: s.c.link.Alias(), Scope: ns, Kind: col.Part}}
		wg.Go(func() {
			alone(sink, p.key, func() { _ = p.keep(ctx, false) })
		})
	}
	wg.Wait()
}

// piecewise keeps the namespaces that may be read while the whole may not; it
// says so in the whole's health, and returns when the whole may be asked for
// once more.
func (s *source[T]) piecewise(ctx context.Context, col Collection[T], scope backend.Scope, sink backend.Sink[T], whole backend.Part) {
	h := backend.Health{State: backend.Forbidden, Since: time.Now(), NextTry: time.Now().Add(askAgain)}
	if !col.Res.Scoped {
		h.Reason = backend.T(fmt.Sprintf("you may not list %s on %s; :pods NAMESPACE goes to one by name", col.Res.Plural, s.c.link.Alias()))
		sink.Health(whole, h)
		s.untilGranted(ctx, col)
		return
	}
	namespaces := s.readable(ctx, col)
	h.Reason = backend.T(fmt.Sprintf("you may not list %s in all namespaces of %s; shown: %s", col.Res.Plural, s.c.link.Alias(), joined(namespaces)))
	sink.Health(whole, h)
	inner, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.each(inner, col, namespaces, scope.Labels, sink)
	}()
	s.untilGranted(ctx, col)
	cancel()
	<-done
	if ctx.Err() == nil {
		for _, ns := range namespaces {
			sink.End(backend.Part{Link: whole.Link, Scope: ns, Kind: whole.Kind})
		}
	}
}

// untilGranted waits until the collection may be listed as a whole, or ctx ends.
func (s *source[T]) untilGranted(ctx context.Context, col Collection[T]) {
	tick := time.NewTicker(askAgain)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		w, err := s.c.wire()
		if err != nil {
			continue
		}
		body, err := w.get(ctx, col.path(""), col.form(), "", url.Values{"limit": {"1"}})
		if err == nil {
			_ = body.Close() // only its being there was asked for
			return
		}
	}
}

// maxAsked is how many namespaces are asked about one by one.
const maxAsked = 100

// readable gives the namespaces in which the collection may be listed: of all
// that there are where those may be listed, else of those that are configured.
func (s *source[T]) readable(ctx context.Context, col Collection[T]) []string {
	known := s.c.link.Namespaces()
	client, err := s.c.Typed()
	if err != nil {
		return known
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	list, err := client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{Limit: maxAsked})
	if err != nil {
		return known
	}
	var out []string
	for _, ns := range list.Items {
		review := &authv1.SelfSubjectAccessReview{Spec: authv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authv1.ResourceAttributes{
			Namespace: ns.Name, Verb: "list", Group: col.Res.GVK.Group, Resource: col.Res.Plural,
		}}}
		answer, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		if err == nil && answer.Status.Allowed {
			out = append(out, ns.Name)
		}
	}
	if len(out) == 0 {
		return known
	}
	return out
}

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

// newBackOff is how long is waited between tries: short at first, never long,
// because somebody is looking.
func newBackOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.MaxInterval = 200*time.Millisecond, 5*time.Second
	return b
}
