package pods

import (
	"cmp"
	"math"
	"strconv"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/feed"
	"wheelhouse/themes"
	"wheelhouse/ui/list"
	"wheelhouse/ui/widget/table"
)

// used is a column of what pods use: what uses most sorts first, what is not
// measured last. A filter compares it in whole units, unit of which are one of its
// own.
func used(usage *feed.Feed[cluster.Usage], id, title string, word func(int64) string, unit float64, of func(cluster.Usage) int64) table.Column[cluster.Pod] {
	text := func(p *cluster.Pod) string {
		if u, ok := usage.Get(p.Usage()); ok {
			return word(of(u))
		}
		return ""
	}
	c := list.Text(id, title, 6, text)
	c.Right, c.Version = true, usage.Version
	c.Cell = func(p *cluster.Pod, _ time.Time) table.Cell { return table.Cell{Text: text(p), Pen: themes.Plain} }
	c.Number = func(p *cluster.Pod) float64 {
		if u, ok := usage.Get(p.Usage()); ok {
			return float64(of(u)) / unit
		}
		return math.NaN() // neither more nor less than anything
	}
	c.Frozen = func() feed.Less[cluster.Pod] {
		now := make(map[backend.Ref]int64, usage.Len())
		for _, u := range usage.Rows() {
			now[u.Ref()] = of(*u) + 1
		}
		return func(a, b *cluster.Pod) int { return cmp.Compare(now[b.Usage()], now[a.Usage()]) }
	}
	return c
}

// cores is "250m", or "12.5" from ten cores on.
func cores(milli int64) string {
	if milli < 10_000 {
		return strconv.FormatInt(milli, 10) + "m"
	}
	return strconv.FormatFloat(float64(milli)/1000, 'f', 1, 64)
}

// bare are the columns of what is not known, and why it is not.
func bare(usage *feed.Feed[cluster.Usage]) (ids []string, why string) {
	if usage.Len() > 0 {
		return nil, ""
	}
	why = "nothing is known of what pods use"
	for _, p := range usage.Parts() {
		if !p.Health.Reason.IsZero() {
			why += ": " + p.Health.Reason.Safe()
			break
		}
	}
	return []string{"cpu", "mem"}, why
}
