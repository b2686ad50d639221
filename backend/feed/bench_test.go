package feed

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// pod makes the i-th of many pods that look like a real cluster's.
func pod(i int) cluster.Pod {
	return cluster.Pod{
		Link: "prod-eu", Namespace: fmt.Sprintf("team-%02d", i%40), Name: fmt.Sprintf("checkout-%d-7d9f8c6b5-%05x", i%97, i),
		UID: fmt.Sprintf("6f1c2a34-0000-4000-8000-%012d", i), State: "Running", Node: fmt.Sprintf("ecs-%03d", i%200),
		IP: fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255), Owner: "replicaset.apps/checkout-7d9f8c6b5",
		Image: "registry.example.com/shop/checkout:2.5.0", Created: 1_700_000_000 + int64(i), Ready: 2, Containers: 2, Level: backend.Good,
	}
}

func byName(a, b *cluster.Pod) int {
	if c := strings.Compare(a.Namespace, b.Namespace); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}

func byRestarts(a, b *cluster.Pod) int { return int(a.Restarts) - int(b.Restarts) }

func byAge(a, b *cluster.Pod) int { return int(b.Created - a.Created) }

func podStore(n int) (*Store[cluster.Pod], backend.Load[cluster.Pod]) {
	s := NewStore[cluster.Pod](NewBell())
	load := s.Begin(backend.Part{Link: "prod-eu"})
	for i := range n {
		load.Put(pod(i))
	}
	load.Synced()
	return s, load
}

func BenchmarkRefresh(b *testing.B) {
	for _, rows := range []int{10_000, 50_000} {
		for _, changes := range []int{1, 50} {
			b.Run(fmt.Sprintf("rows=%d/changes=%d", rows, changes), func(b *testing.B) {
				s, load := podStore(rows)
				l := s.Lens(byName, Keep[cluster.Pod]{})
				defer l.Close()
				i := 0
				for b.Loop() {
					b.StopTimer()
					for range changes {
						p := pod(i * 7919 % rows)
						p.Restarts = int32(i + 1)
						load.Put(p)
						i++
					}
					b.StartTimer()
					l.Refresh()
				}
			})
		}
	}
}

// BenchmarkFilterKey is what one key of a filter costs the goroutine that draws.
func BenchmarkFilterKey(b *testing.B) {
	s, _ := podStore(50_000)
	slow := func(p *cluster.Pod) bool { return strings.Contains(p.Name, "77") }
	for name, keep := range map[string]Keep[cluster.Pod]{
		"substring=few":  Keep[cluster.Pod]{}.Text("checkout-12-"),
		"substring=all":  Keep[cluster.Pod]{}.Text("r"),
		"substring=none": Keep[cluster.Pod]{}.Text("zzz"),
		"inverse":        Keep[cluster.Pod]{}.NotText("checkout-12-"),
		"predicate":      Keep[cluster.Pod]{}.Where("slow", slow),
	} {
		b.Run(name, func(b *testing.B) {
			l := s.Lens(byName, Keep[cluster.Pod]{})
			defer l.Close()
			for b.Loop() {
				l.Filter(keep)
				b.StopTimer()
				l.Filter(Keep[cluster.Pod]{})
				b.StartTimer()
			}
		})
	}
}

func BenchmarkSortSwitch(b *testing.B) {
	for _, rows := range []int{10_000, 50_000} {
		s, _ := podStore(rows)
		for name, less := range map[string]Less[cluster.Pod]{"restarts": byRestarts, "age": byAge} {
			b.Run(fmt.Sprintf("rows=%d/by=%s", rows, name), func(b *testing.B) {
				l := s.Lens(byName, Keep[cluster.Pod]{})
				defer l.Close()
				for b.Loop() {
					l.SortBy(less)
					b.StopTimer()
					l.SortBy(byName)
					b.StartTimer()
				}
			})
		}
	}
}

func BenchmarkPut(b *testing.B) {
	_, load := podStore(50_000)
	same := pod(1)
	b.Run("equal", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			load.Put(same)
		}
	})
	b.Run("changed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			same.Restarts++
			load.Put(same)
		}
	})
}

// BenchmarkMemory reports what the heap holds per row: the row with its own
// strings, the store and one lens. The strings that a real load would share are
// not shared here.
func BenchmarkMemory(b *testing.B) {
	heap := func() float64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return float64(m.HeapAlloc)
	}
	const rows = 50_000
	pods := make([]cluster.Pod, rows)
	for b.Loop() {
		before := heap()
		for i := range pods {
			pods[i] = pod(i)
		}
		bare := heap()
		s := NewStore[cluster.Pod](NewBell())
		s.Begin(backend.Part{}).Put(pods...)
		l := s.Lens(byName, Keep[cluster.Pod]{})
		full := heap()
		b.ReportMetric((bare-before)/rows, "B/row-strings")
		b.ReportMetric((full-bare)/rows, "B/row-feed")
		runtime.KeepAlive(l)
		clear(pods)
	}
}
