// Package workloads is the view of deployments, stateful sets and daemon sets.
package workloads

import (
	"slices"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/feed"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/widget/table"
)

// Openers are the ways in: all workloads, or those of one kind.
func Openers(f *feed.Feed[cluster.Workload], shared list.Shared) []ui.Opener {
	opener := func(name, kind, title string, alias ...string) ui.Opener {
		return ui.Opener{Name: name, Alias: alias, Title: title, Open: func(with ui.OpenWith) ui.View {
			return open(f, shared, with, name, kind)
		}}
	}
	return []ui.Opener{
		opener("workloads", "", "Workloads: deployments, stateful sets, daemon sets", "wl", "workload"),
		opener("deployments", cluster.KindDeployment, "Deployments", "dp", "deploy", "deployment"),
		opener("statefulsets", cluster.KindStatefulSet, "Stateful sets", "sts", "statefulset"),
		opener("daemonsets", cluster.KindDaemonSet, "Daemon sets", "ds", "daemonset"),
	}
}

// open makes a list of all workloads, or of one kind.
func open(f *feed.Feed[cluster.Workload], shared list.Shared, with ui.OpenWith, name, kind string) ui.View {
	spec := list.Spec[cluster.Workload]{
		Name: name, Scope: "workloads", Noun: strings.TrimSuffix(name, "s"), Kind: kind, Feed: f, Columns: Columns(), Sort: "namespace", Scoped: true,
		Broken:  func(w *cluster.Workload) bool { return w.Level.Broken() },
		Enter:   openPods,
		Prefill: func(w cluster.Workload) backend.Args { return backend.Args{"replicas": strconv.Itoa(int(w.Desired))} },
	}
	if kind != "" {
		spec.Columns = slices.DeleteFunc(spec.Columns, func(c table.Column[cluster.Workload]) bool { return c.ID == "kind" })
	}
	return list.New(spec, shared, with)
}

// openPods shows the workload's pods: those that it owns.
func openPods(w cluster.Workload) tea.Cmd {
	return ui.Ask(func(s *ui.Shell) tea.Cmd {
		return s.Command("pods " + w.Namespace + " @" + w.Link + " /owner:=" + strings.Join(strings.Fields(w.Kind+"/"+w.Name), ""))
	})
}

// Columns are what a row of workloads shows.
func Columns() []table.Column[cluster.Workload] {
	return []table.Column[cluster.Workload]{
		list.Text("namespace", "NAMESPACE", 3, func(w *cluster.Workload) string { return w.Namespace }),
		list.Name("name", "NAME", func(w *cluster.Workload) string { return w.Name }),
		list.Text("kind", "KIND", 4, func(w *cluster.Workload) string { k, _, _ := strings.Cut(w.Kind, "."); return k }),
		list.Text("cluster", "CLUSTER", 2, func(w *cluster.Workload) string { return w.Link }),
		{
			ID: "ready", Title: "READY", Right: true, Keep: 3, Text: ready,
			Cell:   func(w *cluster.Workload, _ time.Time) table.Cell { return table.Cell{Text: ready(w)} },
			Less:   func(a, b *cluster.Workload) int { return int(a.Ready-a.Desired) - int(b.Ready-b.Desired) },
			Number: func(w *cluster.Workload) float64 { return float64(w.Ready) },
		},
		list.State("state", "STATE", func(w *cluster.Workload) (string, backend.Level) { return w.State, w.Level }),
		list.Number("updated", "UPDATED", 7, func(w *cluster.Workload) int64 { return int64(w.Updated) }),
		list.Number("available", "AVAILABLE", 8, func(w *cluster.Workload) int64 { return int64(w.Available) }),
		list.Text("image", "IMAGE", 9, func(w *cluster.Workload) string { return w.Image }),
		list.Text("owner", "MANAGED BY", 10, func(w *cluster.Workload) string { return w.Owner }),
		list.Age("age", "AGE", func(w *cluster.Workload) int64 { return w.Created }),
	}
}

func ready(w *cluster.Workload) string {
	return strconv.Itoa(int(w.Ready)) + "/" + strconv.Itoa(int(w.Desired))
}
