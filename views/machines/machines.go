// Package machines is the view of what clusters run on: pools, and the machines in
// them.
package machines

import (
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/machine"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/widget/table"
)

// Openers are the ways in: pools, or machines.
func Openers(pools *feed.Feed[machine.Pool], machines *feed.Feed[machine.Machine], shared list.Shared) []ui.Opener {
	return []ui.Opener{
		{
			Name: "pools", Alias: []string{"pool", "md", "kcp"}, Title: "Pools: how many machines there are and shall be",
			Open: func(with ui.OpenWith) ui.View {
				return list.New(list.Spec[machine.Pool]{
					Name: "pools", Noun: "pool", Feed: pools, Columns: PoolColumns(), Sort: "namespace", Scoped: true,
					Broken:  func(p *machine.Pool) bool { return p.Level.Broken() },
					Enter:   openMachines,
					Prefill: func(p machine.Pool) backend.Args { return backend.Args{"replicas": strconv.Itoa(int(p.Desired))} },
				}, shared, with)
			},
		},
		{
			Name: "machines", Alias: []string{"ma", "machine"}, Title: "Machines: their phase and the nodes that they became",
			Open: func(with ui.OpenWith) ui.View {
				var l *list.List[machine.Machine]
				l = list.New(list.Spec[machine.Machine]{
					Name: "machines", Noun: "machine", Feed: machines, Columns: MachineColumns(), Sort: "namespace", Scoped: true,
					Broken: func(m *machine.Machine) bool { return m.Level.Broken() },
					Enter:  func(machine.Machine) tea.Cmd { return l.Show(backend.Describe)() },
				}, shared, with)
				return l
			},
		},
	}
}

// openMachines shows the machines of the pool.
func openMachines(p machine.Pool) tea.Cmd {
	return ui.Ask(func(s *ui.Shell) tea.Cmd {
		return s.Command("machines " + p.Namespace + " @" + p.Link + " /pool:=" + strings.Join(strings.Fields(p.Name), ""))
	})
}

// PoolColumns are what a row of pools shows.
func PoolColumns() []table.Column[machine.Pool] {
	return []table.Column[machine.Pool]{
		list.Text("namespace", "NAMESPACE", 4, func(p *machine.Pool) string { return p.Namespace }),
		list.Name("name", "NAME", func(p *machine.Pool) string { return p.Name }),
		list.Text("cluster", "OF", 2, func(p *machine.Pool) string { return p.Cluster }),
		list.Text("kind", "KIND", 6, func(p *machine.Pool) string { k, _, _ := strings.Cut(p.Kind, "."); return k }),
		list.Text("link", "CLUSTER", 5, func(p *machine.Pool) string { return p.Link }),
		{
			ID: "ready", Title: "READY", Right: true, Keep: 1, Text: ready,
			Cell:   func(p *machine.Pool, _ time.Time) table.Cell { return table.Cell{Text: ready(p)} },
			Less:   func(a, b *machine.Pool) int { return int(a.Ready-a.Desired) - int(b.Ready-b.Desired) },
			Number: func(p *machine.Pool) float64 { return float64(p.Ready) },
		},
		list.State("state", "STATE", func(p *machine.Pool) (string, backend.Level) { return p.State, p.Level }),
		list.Number("there", "THERE", 7, func(p *machine.Pool) int64 { return int64(p.Replicas) }),
		list.Number("uptodate", "UP TO DATE", 7, func(p *machine.Pool) int64 { return int64(p.UpToDate) }),
		list.Text("version", "VERSION", 3, func(p *machine.Pool) string { return p.Version }),
		list.Text("why", "WHY", 8, func(p *machine.Pool) string { return p.Detail }),
		list.Age("age", "AGE", func(p *machine.Pool) int64 { return p.Created }),
	}
}

func ready(p *machine.Pool) string { return p.Progress() }

// MachineColumns are what a row of machines shows.
func MachineColumns() []table.Column[machine.Machine] {
	return []table.Column[machine.Machine]{
		list.Text("namespace", "NAMESPACE", 4, func(m *machine.Machine) string { return m.Namespace }),
		list.Name("name", "NAME", func(m *machine.Machine) string { return m.Name }),
		list.Text("pool", "POOL", 3, func(m *machine.Machine) string { return m.Pool }),
		list.Text("of", "OF", 6, func(m *machine.Machine) string { return m.Cluster }),
		list.Text("link", "CLUSTER", 5, func(m *machine.Machine) string { return m.Link }),
		list.State("state", "STATE", func(m *machine.Machine) (string, backend.Level) { return m.State, m.Level }),
		list.Text("node", "NODE", 2, func(m *machine.Machine) string { return m.Node }),
		list.Text("version", "VERSION", 7, func(m *machine.Machine) string { return m.Version }),
		list.Text("zone", "ZONE", 8, func(m *machine.Machine) string { return m.Zone }),
		list.Text("why", "WHY", 9, func(m *machine.Machine) string { return m.Detail }),
		list.Hidden(list.Text("provider", "PROVIDER", 10, func(m *machine.Machine) string { return m.Provider })),
		list.Age("age", "AGE", func(m *machine.Machine) int64 { return m.Created }),
	}
}
