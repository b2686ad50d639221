// Package clusters is the view of the links, to clusters and to the systems beside
// them: which are live, who we are there, and what helps where one is not.
package clusters

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/feed"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/widget/table"
)

// Opener is how ':' and the palette open it.
func Opener(f *feed.Feed[cluster.Cluster], links ui.Links, shared list.Shared) ui.Opener {
	shared.Details = nil
	return ui.Opener{
		Word: func(names string) string {
			first, _, _ := strings.Cut(names, ",")
			c, _ := f.Get(cluster.Cluster{Link: first}.Ref())
			return shows(c) + " @" + names
		},
		Name: "clusters", Alias: []string{"ctx", "context", "contexts", "cluster", "links", "systems"}, Title: "Clusters, systems: who we are there, their health",
		Words: func() (all []string) {
			for _, s := range links.States() {
				all = append(all, s.Alias)
			}
			return all
		},
		Open: func(with ui.OpenWith) ui.View {
			var l *list.List[cluster.Cluster]
			l = list.New(list.Spec[cluster.Cluster]{
				Name: "clusters", Noun: "cluster", Feed: f, Columns: Columns(), Sort: "name", Home: home,
				Broken: func(c *cluster.Cluster) bool { return level(c).Broken() },
				Note:   func(c *cluster.Cluster) (backend.Level, string) { return level(c), c.Health.Reason.Safe() },
				Enter:  func(c cluster.Cluster) tea.Cmd { return enter(c, names(l)) },
				Extra:  func(l *list.List[cluster.Cluster]) []ui.Command { return commands(l, links) },
			}, shared, with)
			return l
		},
	}
}

// home is the cluster that is looked at; none while it is several.
func home(p ui.Place) backend.Ref {
	if len(p.Links) != 1 {
		return backend.Ref{}
	}
	return cluster.Cluster{Link: p.Links[0]}.Ref()
}

// enter connects where that is needed, and shows these clusters alone; of a
// system, what is on it.
func enter(c cluster.Cluster, names []string) tea.Cmd {
	return ui.Ask(func(s *ui.Shell) tea.Cmd { return s.Command(shows(c) + " @" + strings.Join(names, ",")) })
}

// shows is the view of what is there.
func shows(c cluster.Cluster) string { return cmp.Or(c.View, "pods") }

// names are the marked clusters, or the one under the cursor.
func names(l *list.List[cluster.Cluster]) []string {
	var out []string
	for _, r := range l.Selection().Refs {
		out = append(out, r.Link)
	}
	return out
}

func commands(l *list.List[cluster.Cluster], links ui.Links) []ui.Command {
	on := func(id, title, said string, level backend.Level, leave bool, f func(string)) ui.Command {
		return ui.Command{ID: id, Title: title, Group: "links", Run: func() tea.Cmd {
			of, hidden := names(l), l.Selection().Hidden
			return ui.Ask(func(s *ui.Shell) tea.Cmd {
				words := said + strings.Join(of, ", ")
				if hidden > 0 {
					words += fmt.Sprintf(" (%d of them hidden by the filter)", hidden)
				}
				s.Say(words, level)
				for _, name := range of {
					if leave {
						s.Leave(name)
					}
				}
				return s.Work(func() tea.Msg {
					for _, name := range of {
						f(name)
					}
					return nil
				})
			})
		}}
	}
	return []ui.Command{
		on("link.connect", "Connect", "Connecting to ", backend.Moving, false, links.Connect),
		on("link.disconnect", "Disconnect", "Disconnected from ", backend.Idle, true, links.Disconnect),
		on("link.retry", "Log in again, and try again now", "Trying again: ", backend.Moving, false, links.Retry),
		{ID: "link.all", Title: "Show all connected clusters at once", Group: "links", Run: func() tea.Cmd {
			return ui.Ask(func(s *ui.Shell) tea.Cmd { return s.Command("pods @all") })
		}},
	}
}

func level(c *cluster.Cluster) backend.Level { return ui.LevelOf(c.Health.State) }

// Columns are what a row of clusters shows.
func Columns() []table.Column[cluster.Cluster] {
	name := list.Name("name", "NAME", func(c *cluster.Cluster) string { return c.Link })
	name.Max = 24 // no details stand beside it, and an alias is short
	return []table.Column[cluster.Cluster]{
		name,
		list.State("state", "STATE", func(c *cluster.Cluster) (string, backend.Level) { return c.Health.State.String(), level(c) }),
		{
			ID: "latency", Title: "LATENCY", Right: true, Keep: 5, Text: latency,
			Cell:   func(c *cluster.Cluster, _ time.Time) table.Cell { return table.Cell{Text: latency(c)} },
			Less:   func(a, b *cluster.Cluster) int { return int(a.Health.Latency - b.Health.Latency) },
			Number: func(c *cluster.Cluster) float64 { return float64(c.Health.Latency.Milliseconds()) },
		},
		list.Text("user", "USER", 4, func(c *cluster.Cluster) string { return c.User }),
		{
			ID: "flags", Title: "FLAGS", Keep: 3, Text: flags,
			Cell: func(c *cluster.Cluster, _ time.Time) table.Cell {
				return table.Cell{Text: flags(c), Pen: themes.Warning}
			},
			Less: func(a, b *cluster.Cluster) int { return strings.Compare(flags(a), flags(b)) },
		},
		list.Text("why", "WHY", 3, func(c *cluster.Cluster) string { return c.Health.Reason.Safe() }),
		list.Text("system", "SYSTEM", 6, func(c *cluster.Cluster) string { return c.System }),
		list.Text("version", "VERSION", 7, func(c *cluster.Cluster) string { return c.Version }),
		list.Text("server", "SERVER", 8, func(c *cluster.Cluster) string { return c.Server }),
		list.Text("contexts", "CONTEXTS", 9, func(c *cluster.Cluster) string { return c.Contexts }),
	}
}

func latency(c *cluster.Cluster) string {
	if c.Health.Latency == 0 {
		return ""
	}
	return c.Health.Latency.Round(time.Millisecond).String()
}

// flags are the words that must not be missed.
func flags(c *cluster.Cluster) string {
	var out []string
	if c.ReadOnly {
		out = append(out, "read-only")
	}
	if c.Protected {
		out = append(out, "protected")
	}
	if c.Unsafe != "" {
		out = append(out, c.Unsafe)
	}
	return strings.Join(out, " ")
}
