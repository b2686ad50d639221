package kube

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/link"
)

// wired is an object that is in protobuf already.
type wired []byte

func (w wired) Marshal() ([]byte, error) { return w, nil }
func (w wired) Unmarshal([]byte) error   { return nil }

func part(b []byte, number protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), v)
}

// measured is a PodMetrics of two containers: what the first one uses is word, "CPU
// MEMORY"; one that is gone has none.
func measured(meta metav1.ObjectMeta, word string) wired {
	m, err := meta.Marshal()
	if err != nil {
		panic(err)
	}
	use := func(name, cpu, memory string) []byte {
		b := part(nil, 1, []byte(name))
		for resource, quantity := range map[string]string{"cpu": cpu, "memory": memory} {
			b = part(b, 2, part(part(nil, 1, []byte(resource)), 2, part(nil, 1, []byte(quantity))))
		}
		return b
	}
	b := part(nil, 1, m)
	if cpu, memory, ok := strings.Cut(word, " "); ok {
		b = part(b, 4, use("app", cpu, memory))
	}
	return part(b, 4, use("side", "500u", "1Ki"))
}

// usageWorld says the words in thousandths of a core.
type usageWorld struct{ *world[cluster.Usage] }

func newUsageWorld(t *testing.T) usageWorld {
	often := func(c *Cluster) backend.Source[cluster.Usage] { return usage(c, 10*time.Millisecond) }
	return usageWorld{newWorld(t, true, often, func(string) string { return "usages" })}
}

func (w usageWorld) Put(scope, name, word string) {
	w.world.Put(scope, name, map[string]string{backendtest.First: "100m 1Mi", backendtest.Second: "200m 1Mi"}[word])
}

func (w usageWorld) Of(u cluster.Usage) backendtest.Object {
	return backendtest.Object{Scope: u.Namespace, Name: u.Name, Word: map[int64]string{101: backendtest.First, 201: backendtest.Second}[u.CPU]}
}

func TestUsageKeepsTheContract(t *testing.T) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[cluster.Usage] { return newUsageWorld(t) })
}

func TestUsage(t *testing.T) {
	w := newUsageWorld(t).world
	bell := feed.NewBell()
	f := feed.NewFeed[cluster.Usage](bell)
	f.Attach("prod-eu", w.Source())
	f.Watch(t.Context(), backend.Scope{})
	t.Cleanup(f.Stop)
	until := func(what string, ok func() bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		for !ok() {
			select {
			case <-bell.C():
			case <-ctx.Done():
				t.Fatalf("no %s: %v", what, f.Parts())
			}
		}
	}
	ref := cluster.Pod{Link: "prod-eu", Namespace: "one", Name: "a"}.Usage()
	is := func(cpu, memory int64) func() bool {
		return func() bool { u, _ := f.Get(ref); return u.CPU == cpu && u.Memory == memory }
	}
	w.Put("one", "a", "250m 64Mi")
	until("usage", is(251, 64<<20+1<<10)) // half a thousandth is rounded up
	w.Put("one", "a", "1234567n 1G")
	until("changed usage", is(3, 1_000_000_000+1<<10))
	w.Remove("one", "a")
	until("end of it", func() bool { return f.Len() == 0 })
	health := func(s backend.State, why string) func() bool {
		return func() bool {
			for _, p := range f.Parts() {
				if p.Part.Scope == "" && p.Health.State == s && strings.Contains(p.Health.Reason.Safe(), why) {
					return true
				}
			}
			return false
		}
	}
	until("live health", health(backend.Live, ""))
	w.Be(backendtest.Closed)
	until("denied", health(backend.Forbidden, "you may not list pods.metrics.k8s.io"))
}

// TestNoUsage: a cluster without a metrics server is off, and nothing else is.
func TestNoUsage(t *testing.T) {
	p := newPlane(t, true)
	h := p.Config.Handler
	p.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/apis/metrics.k8s.io/") {
			http.NotFound(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
	set := loadLinks(t, p.URL, link.Options{})
	set.Start()
	c := New(kubeapi.New(set.All()[0]))
	bell := feed.NewBell()
	f := feed.NewFeed[cluster.Usage](bell)
	f.Attach("prod-eu", c.Usage())
	f.Watch(t.Context(), backend.Scope{})
	t.Cleanup(f.Stop)
	limit := time.After(30 * time.Second)
	for {
		if parts := f.Parts(); len(parts) == 1 && parts[0].Health.State == backend.Off {
			if why := parts[0].Health.Reason.Safe(); why != "prod-eu has no pods.metrics.k8s.io: what makes them is not installed there" {
				t.Errorf("says %q", why)
			}
			break
		}
		select {
		case <-bell.C():
		case <-limit:
			t.Fatalf("parts are %v", f.Parts())
		}
	}
}

func BenchmarkUsageRow(b *testing.B) {
	raw := measured(metav1.ObjectMeta{Name: "checkout-7d9f-x2", Namespace: "shop", Labels: map[string]string{"app": "checkout"}}, "250m 64Mi")
	w := kubeapi.Words{}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := usageRow(raw, "a", w); err != nil {
			b.Fatal(err)
		}
	}
}
