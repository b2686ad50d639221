// Package actuator is the adapter for what Spring Boot services say of
// themselves: the circuit breakers of Resilience4j, and how they are tripped and
// closed. A service is either a system of the configuration, reached by its URL,
// or pods of a cluster, found by their labels and reached through the cluster's
// link as kubectl port-forward reaches them.
//
// Facts of the wire are those of resilience4j v2.3, resilience4j-spring-boot3,
// monitoring/endpoint, seen on Spring Boot 3.5.
package actuator

import (
	"context"
	"net/http"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/link"
	"wheelhouse/backend/service"
	"wheelhouse/backend/webapi"
)

// Protocol is that of a service that the configuration names; its URL is that of
// the actuator itself (https://host/actuator). A service that is DOWN answers 503
// with a body and can be asked all the same.
func Protocol() link.Protocol {
	return link.Protocol{
		Name: "actuator", View: "breakers", Reads: reads, Probe: "/health",
		Well: func(status int, body []byte) bool {
			return status == http.StatusForbidden || (status == http.StatusOK || status == http.StatusServiceUnavailable) && strings.Contains(string(body), `"status"`)
		},
		Sign: link.BasicOrBearer,
	}
}

// reads: no actuator endpoint changes anything when it is asked for.
func reads(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// An instance is one process of a service.
type instance struct {
	scope, service string
	name           string // pod or alias
	api            *webapi.Client
	base           string // path of its actuator
	byHand         func(path, body string) string
}

// A Finder gives the instances that there are in a scope. The error is told as
// the reason why there is nothing to be seen.
type Finder interface {
	find(ctx context.Context, s backend.Scope) ([]instance, error)
	may(ctx context.Context, p backend.Permission, scope, instance string) (ok bool, reason string, err error)
	needs() []backend.Permission
	close()
}

// Breakers is one link's part of them. Safe for concurrent use.
type Breakers struct {
	api    *webapi.Client
	finder Finder
	past   *transitions
	every  time.Duration // between two looks at all breakers
}

var (
	_ backend.Actor   = (*Breakers)(nil)
	_ backend.Details = (*Breakers)(nil)
)

// New makes the adapter for a link, whose instances a Finder finds.
func New(l *link.Link, f Finder) *Breakers {
	return &Breakers{api: webapi.New(l), finder: f, past: newTransitions(), every: 3 * time.Second}
}

// Breakers is the source of breakers: one row for each of a service, and one for
// each of its instances.
func (b *Breakers) Breakers() backend.Source[service.Breaker] {
	return closing{webapi.Source(b.api, webapi.Poll[service.Breaker]{Every: b.every, Read: b.rows}), b.finder}
}

// closing lets go of the ways to the instances when nobody watches any more.
type closing struct {
	backend.Source[service.Breaker]
	finder Finder
}

// Watch implements backend.Source.
func (c closing) Watch(ctx context.Context, s backend.Scope, sink backend.Sink[service.Breaker]) error {
	defer c.finder.close()
	return c.Source.Watch(ctx, s, sink)
}

// ByURL finds the one instance that a system of the configuration is.
func ByURL(l *link.Link) Finder { return &byURL{link: l, api: webapi.New(l)} }

type byURL struct {
	link *link.Link
	api  *webapi.Client
}

func (u *byURL) find(context.Context, backend.Scope) ([]instance, error) {
	alias := u.link.Alias()
	return []instance{{scope: service.NoScope, service: alias, name: alias, api: u.api, byHand: func(path, body string) string {
		return "curl -X POST -H 'Content-Type: application/json' -d '" + body + "' " + strings.TrimSuffix(u.link.Info().Server, "/") + path
	}}}, nil
}

// may: who asks for permissions in advance is Kubernetes; a service says so when
// it is asked to do something.
func (u *byURL) may(context.Context, backend.Permission, string, string) (bool, string, error) {
	return true, "", nil
}

func (u *byURL) needs() []backend.Permission { return nil }
func (u *byURL) close()                      {}
