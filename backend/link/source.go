package link

import (
	"context"
	"strings"
	"sync"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// Source feeds one row for each link, to a cluster or not, connected or not.
// Scopes do not apply.
func (s *Set) Source() backend.Source[cluster.Cluster] { return source{s} }

type source struct{ set *Set }

// Watch implements backend.Source.
func (s source) Watch(ctx context.Context, _ backend.Scope, sink backend.Sink[cluster.Cluster]) error {
	var mu sync.Mutex
	stirred := map[*Link]bool{}
	wake := make(chan struct{}, 1)
	stop := s.set.Subscribe(func(l *Link) {
		mu.Lock()
		stirred[l] = true
		mu.Unlock()
		select {
		case wake <- struct{}{}:
		default:
		}
	})
	defer stop()
	load := sink.Begin(backend.Part{})
	for _, l := range s.set.links {
		load.Put(l.row())
	}
	load.Synced()
	sink.Health(backend.Part{}, backend.Health{State: backend.Live, Since: time.Now()})
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-wake:
		}
		mu.Lock()
		now := stirred
		stirred = map[*Link]bool{}
		mu.Unlock()
		for l := range now {
			load.Put(l.row())
		}
	}
}

func (l *Link) row() cluster.Cluster {
	i := l.Info()
	return cluster.Cluster{
		Link: i.Alias, System: i.Protocol, View: l.protocol.View, Server: i.Server, User: i.User, Version: i.Version,
		Contexts: strings.Join(i.Contexts, ", "), Colour: i.Colour,
		Protected: i.Protected, ReadOnly: i.ReadOnly, Unsafe: i.Unsafe, Health: l.Health(),
	}
}
