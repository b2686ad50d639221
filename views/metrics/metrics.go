// Package metrics is the view of what is measured: the list of it, and the chart
// of one, which follows the time while it is looked at.
package metrics

import (
	"cmp"
	"context"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/signal"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/widget/table"
)

// Read gets numbers through a link; backend.Numbers.Series bound to it.
type Read func(ctx context.Context, q backend.SeriesQuery, most int) (all []backend.Series, left int, err error)

// Opener is the way in. numbers gives who reads them through a link; nil when there
// is nobody.
func Opener(f *feed.Feed[signal.Metric], numbers func(link string) Read, shared list.Shared) ui.Opener {
	return ui.Opener{
		Name: "metrics", Alias: []string{"me", "metric", "influx"}, Title: "Metrics: what is measured, as charts",
		Open: func(with ui.OpenWith) ui.View {
			return list.New(list.Spec[signal.Metric]{
				Name: "metrics", Noun: "metric", Feed: f, Columns: Columns(), Sort: "bucket",
				Broken: func(*signal.Metric) bool { return false },
				Enter:  func(m signal.Metric) tea.Cmd { return open(m, numbers, shared) },
			}, shared, with)
		},
	}
}

// open shows a metric's chart.
func open(m signal.Metric, numbers func(link string) Read, shared list.Shared) tea.Cmd {
	return ui.Ask(func(s *ui.Shell) tea.Cmd {
		read := numbers(m.Link)
		if read == nil {
			s.Say(backend.T(m.Link+" is not connected: there is nobody to ask. :ctx connects.").Safe(), backend.Warning)
			return nil
		}
		return s.Push(newChart(m.Ref(), read, shared))
	})
}

// Columns are what a row of metrics shows.
func Columns() []table.Column[signal.Metric] {
	bucket := list.Text("bucket", "BUCKET", 3, func(m *signal.Metric) string { return m.Bucket })
	bucket.Less = func(a, b *signal.Metric) int { // what somebody has asked for by name comes first
		return cmp.Or(cmp.Compare(b2i(b.Query != ""), b2i(a.Query != "")), strings.Compare(a.Bucket, b.Bucket))
	}
	fields := list.Text("fields", "FIELDS", 4, func(m *signal.Metric) string { return m.Fields })
	fields.Max = 24
	return []table.Column[signal.Metric]{
		list.Name("name", "NAME", func(m *signal.Metric) string { return m.Name }),
		bucket,
		list.Text("cluster", "LINK", 2, func(m *signal.Metric) string { return m.Link }),
		list.Text("kind", "KIND", 5, kind),
		fields,
		list.Text("unit", "UNIT", 6, func(m *signal.Metric) string { return m.Unit }),
	}
}

// kind says whether the configuration asks for it, or the server has it.
func kind(m *signal.Metric) string {
	if m.Query != "" {
		return "chart"
	}
	return "measurement"
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}
