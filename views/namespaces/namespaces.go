// Package namespaces is the view in which a namespace is chosen.
package namespaces

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/feed"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/widget/table"
)

// Opener is how ':' and the palette open it.
func Opener(f *feed.Feed[cluster.Namespace], shared list.Shared) ui.Opener {
	return ui.Opener{
		Word: func(name string) string { return "pods " + name },
		Name: "namespaces", Alias: []string{"ns", "namespace"}, Title: "Namespaces: enter shows the pods of one",
		Open: func(with ui.OpenWith) ui.View {
			var l *list.List[cluster.Namespace]
			l = list.New(list.Spec[cluster.Namespace]{
				Name: "namespaces", Noun: "namespace", Feed: f, Columns: Columns(), Sort: "name",
				Broken: func(n *cluster.Namespace) bool { return n.Level.Broken() },
				Enter: func(cluster.Namespace) tea.Cmd {
					var names []string // the marked ones, or the one under the cursor
					for _, r := range l.Selection().Refs {
						names = append(names, r.Name)
					}
					return ui.Ask(func(s *ui.Shell) tea.Cmd { return s.Command("pods " + strings.Join(names, ",")) })
				},
			}, shared, with)
			return l
		},
	}
}

// Columns are what a row of namespaces shows.
func Columns() []table.Column[cluster.Namespace] {
	return []table.Column[cluster.Namespace]{
		list.Name("name", "NAME", func(n *cluster.Namespace) string { return n.Name }),
		list.Text("cluster", "CLUSTER", 3, func(n *cluster.Namespace) string { return n.Link }),
		list.State("state", "STATE", func(n *cluster.Namespace) (string, backend.Level) { return n.State, n.Level }),
		list.Age("age", "AGE", func(n *cluster.Namespace) int64 { return n.Created }),
	}
}
