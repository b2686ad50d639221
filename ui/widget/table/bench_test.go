package table

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/themes"
	"wheelhouse/ui/screen"
)

func benchTable(rows int) *Table[pod] {
	store := feed.NewStore[pod](feed.NewBell())
	load := store.Begin(backend.Part{Link: "one"})
	for i := range rows {
		p := row(fmt.Sprintf("checkout-%05d-7d9f8c6b5-x2x4k", i))
		p.restarts = i % 7
		load.Put(p)
	}
	load.Synced()
	t := New(store, columns(new(int)))
	t.SortBy("name")
	t.Goto(row(fmt.Sprintf("checkout-%05d-7d9f8c6b5-x2x4k", rows/2)).Ref())
	return t
}

// BenchmarkDraw draws few rows and many in turn, so that both meet the same
// machine: the ratio is what the rows that are not visible cost.
func BenchmarkDraw(b *testing.B) {
	few, many := benchTable(50), benchTable(50_000)
	defer few.Close()
	defer many.Close()
	f := screen.Frame{Canvas: screen.New(160, 45), Now: noon, Signs: themes.Unicode()}
	var times [2]time.Duration
	b.ReportAllocs()
	for b.Loop() {
		for i, t := range []*Table[pod]{few, many} {
			begin := time.Now()
			t.Draw(f)
			times[i] += time.Since(begin)
		}
	}
	b.ReportMetric(float64(times[0])/float64(b.N), "ns/draw-of-50")
	b.ReportMetric(float64(times[1])/float64(b.N), "ns/draw-of-50000")
	b.ReportMetric(float64(times[1])/float64(times[0]), "ratio")
}

// BenchmarkChange is what 50 changes cost the table, without the drawing.
func BenchmarkChange(b *testing.B) {
	for _, rows := range []int{10_000, 50_000} {
		b.Run(fmt.Sprint("rows=", rows), func(b *testing.B) {
			t := benchTable(rows)
			defer t.Close()
			load := t.store.Begin(backend.Part{Link: "one"})
			t.Mark()
			i := 0
			for b.Loop() {
				b.StopTimer()
				for range 50 {
					p := row(fmt.Sprintf("checkout-%05d-7d9f8c6b5-x2x4k", i*7919%rows))
					p.restarts = i
					load.Put(p)
					i++
				}
				b.StartTimer()
				t.Refresh()
			}
		})
	}
}

// BenchmarkFilterKey is what each key of a filter costs in turn at 50,000 rows.
func BenchmarkFilterKey(b *testing.B) {
	t := benchTable(50_000)
	defer t.Close()
	for name, keys := range map[string][]string{
		"substring": {"c", "ch", "che", "chec", "check", "check ", "check 1", "check 12", "check 123", ""},
		"inverse":   {"!1", "!12", "!123", ""},
		"regex":     {"^check.*1", "^check.*12", ""},
		"fuzzy":     {"~c", "~ck", "~ck1", ""},
		"column":    {"res:>", "res:>5", "res:>5 1", ""},
	} {
		b.Run(name, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				for _, q := range keys {
					begin := time.Now()
					if _, err := t.Filter(q); err != nil {
						b.Fatal(err)
					}
					times = append(times, time.Since(begin))
				}
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)/2].Nanoseconds()), "ns/key-p50")
			b.ReportMetric(float64(times[len(times)*99/100].Nanoseconds()), "ns/key-p99")
		})
	}
}
