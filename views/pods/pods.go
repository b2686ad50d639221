// Package pods is the view of pods: which columns they have and what Enter does.
package pods

import (
	"context"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/feed"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/widget/table"
)

// Opener is how ':' and the palette open it.
func Opener(f *feed.Feed[cluster.Pod], usage *feed.Feed[cluster.Usage], shared list.Shared) ui.Opener {
	return ui.Opener{
		Name: "pods", Alias: []string{"po", "pod"}, Title: "Pods: their state, restarts, node and age",
		Open: func(with ui.OpenWith) ui.View { return open(f, usage, shared, with) },
	}
}

func open(f *feed.Feed[cluster.Pod], usage *feed.Feed[cluster.Usage], shared list.Shared, with ui.OpenWith) ui.View {
	var l *list.List[cluster.Pod]
	l = list.New(list.Spec[cluster.Pod]{
		Name: "pods", Noun: "pod", Feed: f, Columns: Columns(usage), Sort: "namespace", Scoped: true,
		Broken: func(p *cluster.Pod) bool { return p.Level.Broken() },
		Enter:  func(cluster.Pod) tea.Cmd { return l.Show(backend.Describe)() },
		Beside: func(s backend.Scope) { usage.Follow(context.Background(), s) },
		Bare:   func() ([]string, string) { return bare(usage) },
	}, shared, with)
	return l
}

// Columns are what a row of pods shows, with what it uses, as that is now.
func Columns(usage *feed.Feed[cluster.Usage]) []table.Column[cluster.Pod] {
	return []table.Column[cluster.Pod]{
		list.Text("namespace", "NAMESPACE", 3, func(p *cluster.Pod) string { return p.Namespace }),
		list.Name("name", "NAME", func(p *cluster.Pod) string { return p.Name }),
		list.Text("cluster", "CLUSTER", 2, func(p *cluster.Pod) string { return p.Link }),
		{
			ID: "ready", Title: "READY", Right: true, Keep: 3, Max: 7, Text: ready,
			Cell: func(p *cluster.Pod, _ time.Time) table.Cell {
				return table.Cell{Text: ready(p)}
			},
			Less:   func(a, b *cluster.Pod) int { return missing(a) - missing(b) },
			Number: func(p *cluster.Pod) float64 { return float64(p.Ready) },
		},
		list.State("state", "STATE", func(p *cluster.Pod) (string, backend.Level) { return p.State, p.Level }),
		list.Number("restarts", "RESTARTS", 4, func(p *cluster.Pod) int64 { return int64(p.Restarts) }),
		used(usage, "cpu", "CPU", cores, 1000, func(u cluster.Usage) int64 { return u.CPU }),
		used(usage, "mem", "MEM", list.Size, 1, func(u cluster.Usage) int64 { return u.Memory }),
		list.Text("why", "WHY", 7, func(p *cluster.Pod) string { return p.Detail }),
		list.Text("ip", "IP", 9, func(p *cluster.Pod) string { return p.IP }),
		list.Text("node", "NODE", 8, func(p *cluster.Pod) string { return p.Node }),
		list.Hidden(list.Text("owner", "OWNER", 10, func(p *cluster.Pod) string { return p.Owner })),
		list.Hidden(list.Text("image", "IMAGE", 11, func(p *cluster.Pod) string { return p.Image })),
		list.Age("age", "AGE", func(p *cluster.Pod) int64 { return p.Created }),
	}
}

func ready(p *cluster.Pod) string {
	return strconv.Itoa(int(p.Ready)) + "/" + strconv.Itoa(int(p.Containers))
}

func missing(p *cluster.Pod) int { return int(p.Ready) - int(p.Containers) }
