package pods

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/feed"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
	"wheelhouse/ui/widget/table"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fleet is a table of many pods, sorted by what they use of the processors.
type fleet struct {
	bell  *feed.Bell
	usage *feed.Feed[cluster.Usage]
	load  backend.Load[cluster.Usage]
	pods  backend.Load[cluster.Pod]
	*table.Table[cluster.Pod]
	frame screen.Frame
}

func newFleet(tb testing.TB, n int) *fleet {
	bell := feed.NewBell()
	f := &fleet{bell: bell, usage: feed.NewFeed[cluster.Usage](bell), frame: screen.Frame{Canvas: screen.New(160, 45), Signs: themes.ASCII()}}
	store := feed.NewStore[cluster.Pod](bell)
	f.pods = store.Begin(backend.Part{Link: "eu"})
	f.load = f.usage.Begin(backend.Part{Link: "eu"})
	for i := range n {
		f.pods.Put(podOf(i))
	}
	f.pods.Synced()
	f.measure(n, 0)
	f.load.Synced()
	f.Table = table.New(store, Columns(f.usage))
	tb.Cleanup(f.Close)
	f.SortBy("cpu")
	f.wait()
	return f
}

func podOf(i int) cluster.Pod {
	return cluster.Pod{
		Link: "eu", Namespace: fmt.Sprintf("team-%02d", i%40), Name: fmt.Sprintf("checkout-%d-7d9f8c6b5-%05x", i%97, i),
		UID: fmt.Sprint(i), State: "Running", Ready: 1, Containers: 1, Level: backend.Good,
	}
}

// measure has the n pods use other amounts with each round.
func (f *fleet) measure(n, round int) {
	for i := range n {
		u := cluster.Usage{Link: "eu", Namespace: podOf(i).Namespace, Name: podOf(i).Name, CPU: int64((i*7919 + round*104729) % n), Memory: 1}
		f.load.Put(u)
	}
}

// wait waits for the order that is being made.
func (f *fleet) wait() {
	for f.Refresh(); f.Counts().Sorting; f.Refresh() {
		<-f.bell.C()
	}
}

// TestUsageMovesManyRows: an order of many rows is made elsewhere, and they stand as
// they did until it is there; the cursor that nobody has moved stays with what uses most.
func TestUsageMovesManyRows(t *testing.T) { synctest.Test(t, usageMovesManyRows) }

func usageMovesManyRows(t *testing.T) {
	const n = 5000
	f := newFleet(t, n)
	top := func() int64 {
		row, ok := f.Current()
		if !ok {
			return -1
		}
		u, _ := f.usage.Get(row.Usage())
		return u.CPU
	}
	if got := top(); got != n-1 || f.At() != 0 {
		t.Fatalf("the first uses %d, at %d", got, f.At())
	}
	f.measure(n, 1)
	row, _ := f.Current()
	f.Refresh()
	if now, _ := f.Current(); now.Name != row.Name || !f.Counts().Sorting {
		t.Error("the rows have moved before they were sorted")
	}
	f.pods.Put(podOf(n)) // of which nothing is known: it comes last
	f.pods.Delete(podOf(3).Ref())
	f.wait()
	if got := top(); got != n-1 || f.At() != 0 {
		t.Errorf("the first uses %d, at %d", got, f.At())
	}
	f.End()
	if last, _ := f.Current(); f.Counts().Shown != n || last.Name != podOf(n).Name {
		t.Errorf("%d rows, the last is %s", f.Counts().Shown, last.Name)
	}
}

// BenchmarkUsage is the longest that a Refresh holds up whoever draws while all pods
// come to use other amounts.
func BenchmarkUsage(b *testing.B) {
	const n = 50_000
	f := newFleet(b, n)
	var longest time.Duration
	refresh := func() (took time.Duration) {
		began := time.Now()
		f.Refresh()
		return time.Since(began)
	}
	round := 0
	for b.Loop() {
		b.StopTimer()
		round++
		f.measure(n, round)
		var took time.Duration
		for !f.Counts().Sorting { // it is left alone for a while after the last time
			took = refresh()
		}
		longest = max(longest, took)
		b.StartTimer()
		for f.Counts().Sorting {
			<-f.bell.C()
			longest = max(longest, refresh())
		}
	}
	b.ReportMetric(float64(longest.Microseconds())/1000, "ms/longest-refresh")
}

// BenchmarkMarked is a picture of many pods that are all marked, while one changes.
func BenchmarkMarked(b *testing.B) {
	for _, n := range []int{50, 50_000} {
		b.Run(fmt.Sprint("rows=", n), func(b *testing.B) {
			f := newFleet(b, n)
			f.MarkAll()
			f.Selected()
			i := int32(0)
			for b.Loop() {
				i++
				p := podOf(int(i) % n)
				p.Restarts = i
				f.pods.Put(p)
				f.Refresh()
				f.Draw(f.frame)
				_ = f.Marked() + f.HiddenMarked() + len(f.Selected())
			}
		})
	}
}
