// Package pipelines is the view of what is built: pipelines, and the builds that
// they make, of all systems that build in one list.
package pipelines

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/feed"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/widget/table"
)

// Openers are the ways in: builds, or the pipelines that make them.
func Openers(pipelines *feed.Feed[delivery.Pipeline], builds *feed.Feed[delivery.Build], shared list.Shared) []ui.Opener {
	return []ui.Opener{
		{
			Name: "builds", Alias: []string{"build", "bd", "runs"}, Title: "Builds: how far they have come, who began them",
			Open: func(with ui.OpenWith) ui.View {
				return list.New(list.Spec[delivery.Build]{
					Name: "builds", Noun: "build", Feed: builds, Columns: BuildColumns(), Sort: "age",
					Broken: func(b *delivery.Build) bool { return b.Level().Broken() },
					Note:   note,
					Enter:  func(b delivery.Build) tea.Cmd { return follow("logs " + b.Ref().String()) },
				}, shared, with)
			},
		},
		{
			Name: "pipelines", Alias: []string{"pipeline", "pl", "jobs"}, Title: "Pipelines: what can be built, and how the last build went",
			Open: func(with ui.OpenWith) ui.View {
				return list.New(list.Spec[delivery.Pipeline]{
					Name: "pipelines", Noun: "pipeline", Feed: pipelines, Columns: PipelineColumns(), Sort: "name",
					Broken: func(p *delivery.Pipeline) bool { return delivery.LevelOf(p.State).Broken() },
					Enter:  openBuilds,
				}, shared, with)
			},
		},
	}
}

func follow(line string) tea.Cmd {
	return ui.Ask(func(s *ui.Shell) tea.Cmd { return s.Command(line) })
}

// openBuilds shows the builds of a pipeline.
func openBuilds(p delivery.Pipeline) tea.Cmd {
	return follow("builds @" + p.Link + " /pipeline:=" + table.Quoted(p.Name))
}

// note says in full what the build is about.
func note(b *delivery.Build) (backend.Level, string) {
	var words []string
	for _, w := range []string{b.Detail, b.Commit, b.Title} {
		if w != "" {
			words = append(words, w)
		}
	}
	return b.Level(), strings.Join(words, " · ")
}

// BuildColumns are what a row of builds shows.
func BuildColumns() []table.Column[delivery.Build] {
	return []table.Column[delivery.Build]{
		list.Name("pipeline", "PIPELINE", func(b *delivery.Build) string { return b.Pipeline }),
		number(),
		list.State("state", "STATE", func(b *delivery.Build) (string, backend.Level) { return b.State, b.Level() }),
		stages(),
		took(),
		list.Text("branch", "BRANCH", 3, func(b *delivery.Build) string { return b.Branch }),
		list.Text("by", "BY", 4, func(b *delivery.Build) string { return b.By }),
		list.Text("link", "LINK", 5, func(b *delivery.Build) string { return b.Link }),
		list.Text("commit", "COMMIT", 9, func(b *delivery.Build) string { return short(b.Commit) }),
		list.Text("why", "WHY", 7, func(b *delivery.Build) string { return b.Detail }),
		list.Hidden(list.Text("title", "TITLE", 10, func(b *delivery.Build) string { return b.Title })),
		list.Age("age", "AGE", func(b *delivery.Build) int64 { return max(b.Began, b.Queued) }),
	}
}

func short(commit string) string { return commit[:min(len(commit), 8)] }

// number is "#812", which sorts as the number that it is.
func number() table.Column[delivery.Build] {
	c := list.Text("number", "BUILD", 1, func(b *delivery.Build) string { return "#" + b.Number })
	c.Right = true
	c.Number = func(b *delivery.Build) float64 { n, _ := strconv.ParseFloat(b.Number, 64); return n } // zero for none
	c.Less = func(a, b *delivery.Build) int { return int(c.Number(a)) - int(c.Number(b)) }
	return c
}

// longest is how many stages are shown as signs.
const longest = 12

// stages shows each stage as a sign, and in words the one that it is at.
func stages() table.Column[delivery.Build] {
	c := list.Text("stages", "STAGES", 2, stage)
	c.Max = 36
	c.Cell = func(b *delivery.Build, _ time.Time) table.Cell {
		cell := table.Cell{Text: stage(b)}
		for _, s := range b.AllStages() {
			if len(cell.Track) < longest {
				cell.Track = append(cell.Track, levelOf(s))
			}
		}
		return cell
	}
	return c
}

// levelOf is that of a stage: one that has not begun is not on its way, as a build in
// the queue is.
func levelOf(s delivery.Stage) backend.Level {
	if s.State == delivery.Queued {
		return backend.Idle
	}
	return delivery.LevelOf(s.State)
}

// stage is "test 2/5": the stage that goes on, waits or has failed.
func stage(b *delivery.Build) string {
	all := b.AllStages()
	for i, s := range all {
		if level := levelOf(s); level > backend.Good && level != backend.Idle {
			return fmt.Sprintf("%s %d/%d", s.Name, i+1, len(all))
		}
	}
	return ""
}

// took is how long it took, or takes, and what is usual: "2m40s of ~3m05s".
func took() table.Column[delivery.Build] {
	text := func(b *delivery.Build, now time.Time) string {
		switch {
		case b.Began == 0:
			return ""
		case b.Ended != 0:
			return duration(b.Ended - b.Began)
		case b.Usual > 0:
			return duration(now.Unix()-b.Began) + " of ~" + duration(int64(b.Usual))
		}
		return duration(now.Unix() - b.Began)
	}
	of := func(b *delivery.Build) int64 {
		if b.Began == 0 || b.Ended == 0 {
			return 0
		}
		return b.Ended - b.Began
	}
	return table.Column[delivery.Build]{
		ID: "took", Title: "TOOK", Keep: 3, Right: true,
		Text: func(b *delivery.Build) string {
			if b.Ended == 0 {
				return ""
			}
			return duration(of(b))
		},
		Cell: func(b *delivery.Build, now time.Time) table.Cell {
			cell := table.Cell{Text: text(b, now)}
			took := of(b)
			if b.Ended == 0 && b.Began != 0 {
				took = now.Unix() - b.Began
				cell.Until = now.Truncate(time.Second).Add(time.Second)
			}
			if b.Usual > 0 && took > slow*int64(b.Usual)/2 {
				cell.Pen = themes.Warning
			}
			return cell
		},
		Less:   func(a, b *delivery.Build) int { return int(of(a)) - int(of(b)) },
		Number: func(b *delivery.Build) float64 { return float64(of(b)) },
	}
}

// slow is from how many halves of what is usual on a build is marked as slow.
const slow = 3

// duration is "3m05s", "41s", "2h04m".
func duration(seconds int64) string {
	switch s := max(0, seconds); {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	default:
		return fmt.Sprintf("%dh%02dm", s/3600, s/60%60)
	}
}

// PipelineColumns are what a row of pipelines shows.
func PipelineColumns() []table.Column[delivery.Pipeline] {
	return []table.Column[delivery.Pipeline]{
		list.Name("name", "PIPELINE", func(p *delivery.Pipeline) string { return p.Name }),
		list.Text("link", "LINK", 3, func(p *delivery.Pipeline) string { return p.Link }),
		list.State("state", "LAST BUILD", func(p *delivery.Pipeline) (string, backend.Level) { return last(p), delivery.LevelOf(p.State) }),
		list.Text("branch", "BRANCH", 4, func(p *delivery.Pipeline) string { return p.Branch }),
		list.Text("why", "WHY", 6, func(p *delivery.Pipeline) string { return p.Off }),
		list.Age("age", "BEGAN", func(p *delivery.Pipeline) int64 { return p.Began }),
	}
}

func last(p *delivery.Pipeline) string {
	if p.Last == "" {
		return "none yet"
	}
	return "#" + p.Last + " " + p.State
}
