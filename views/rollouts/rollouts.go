// Package rollouts is the view of rollouts: how far new versions have come.
package rollouts

import (
	"context"
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

// Opener is how ':' and the palette open it.
func Opener(f *feed.Feed[delivery.Rollout], revisions *feed.Feed[delivery.Revision], shared list.Shared) ui.Opener {
	return ui.Opener{
		Name: "rollouts", Alias: []string{"ro", "rollout"}, Title: "Rollouts: how far new versions have come",
		Open: func(with ui.OpenWith) ui.View {
			return list.New(list.Spec[delivery.Rollout]{
				Name: "rollouts", Noun: "rollout", Feed: f, Columns: Columns(revisions.Get), Sort: "namespace", Scoped: true,
				Broken:  func(r *delivery.Rollout) bool { return r.Level.Broken() },
				Beside:  func(s backend.Scope) { revisions.Watch(context.Background(), s) },
				Enter:   openPods,
				Prefill: func(r delivery.Rollout) backend.Args { return backend.Args{"image": r.Image} },
			}, shared, with)
		},
	}
}

// openPods shows the pods of all revisions.
func openPods(r delivery.Rollout) tea.Cmd {
	return ui.Ask(func(s *ui.Shell) tea.Cmd {
		return s.Command("pods " + r.Namespace + " @" + r.Link + " /owner:=" + strings.Join(strings.Fields(delivery.KindRollout+"/"+r.Name), ""))
	})
}

// Columns are what a row of rollouts shows; get gives a revision, as it is now.
func Columns(get func(backend.Ref) (delivery.Revision, bool)) []table.Column[delivery.Rollout] {
	version := func(hash func(*delivery.Rollout) string) func(*delivery.Rollout) string {
		return func(r *delivery.Rollout) string {
			if v, ok := get(r.Revision(hash(r))); ok && hash(r) != "" {
				return fmt.Sprintf("%s %d/%d", short(v.Image), v.Ready, v.Desired)
			}
			return hash(r)
		}
	}
	return []table.Column[delivery.Rollout]{
		list.Text("namespace", "NAMESPACE", 4, func(r *delivery.Rollout) string { return r.Namespace }),
		list.Name("name", "NAME", func(r *delivery.Rollout) string { return r.Name }),
		list.Text("cluster", "CLUSTER", 3, func(r *delivery.Rollout) string { return r.Link }),
		list.State("state", "STATE", func(r *delivery.Rollout) (string, backend.Level) { return r.State, r.Level }),
		steps(),
		weight(),
		list.Text("stable", "STABLE", 5, version(func(r *delivery.Rollout) string { return r.Stable })),
		list.Text("new", "NEW", 4, version(func(r *delivery.Rollout) string {
			if !r.Going() {
				return ""
			}
			return r.Current
		})),
		list.Text("analysis", "ANALYSIS", 6, func(r *delivery.Rollout) string { return r.Verdict }),
		list.Age("waits", "WAITS", func(r *delivery.Rollout) int64 { return r.Paused }),
		list.Text("why", "WHY", 8, func(r *delivery.Rollout) string { return r.Detail }),
		list.Text("strategy", "STRATEGY", 9, func(r *delivery.Rollout) string { return r.Strategy }),
		list.Age("age", "AGE", func(r *delivery.Rollout) int64 { return r.Created }),
	}
}

// steps shows the steps as a track, and the one that it is at in words.
func steps() table.Column[delivery.Rollout] {
	c := list.Text("step", "STEP", 2, step)
	c.Cell = func(r *delivery.Rollout, _ time.Time) table.Cell {
		return table.Cell{Text: step(r), Track: track(r)}
	}
	return c
}

// longest is how many steps are shown as a track.
const longest = 16

// track is a sign for each step: done, under way or waited at, to come.
func track(r *delivery.Rollout) []backend.Level {
	n := len(strings.Fields(r.Steps))
	if !r.Going() || n > longest {
		return nil
	}
	out := make([]backend.Level, n)
	for i := range out {
		switch at := int(r.Step); {
		case i < at:
			out[i] = backend.Good
		case i > at || r.Aborted:
			out[i] = backend.Idle
		default:
			out[i] = r.Level
		}
	}
	return out
}

// step is "2/5 pause": the step that it is at, while a new version comes.
func step(r *delivery.Rollout) string {
	words := strings.Fields(r.Steps)
	switch at := int(r.Step); {
	case len(words) == 0 || !r.Going():
		return ""
	case at >= len(words):
		return fmt.Sprintf("%d/%d", len(words), len(words))
	default:
		return fmt.Sprintf("%d/%d %s", at+1, len(words), strings.Replace(words[at], ":", " ", 1))
	}
}

func weight() table.Column[delivery.Rollout] {
	text := func(r *delivery.Rollout) string {
		if r.Weight < 0 {
			return ""
		}
		return strconv.Itoa(int(r.Weight)) + "%"
	}
	return table.Column[delivery.Rollout]{
		ID: "weight", Title: "WEIGHT", Keep: 3, Right: true, Text: text,
		Cell:   func(r *delivery.Rollout, _ time.Time) table.Cell { return table.Cell{Text: text(r), Pen: themes.Plain} },
		Less:   func(a, b *delivery.Rollout) int { return int(a.Weight) - int(b.Weight) },
		Number: func(r *delivery.Rollout) float64 { return float64(r.Weight) },
	}
}

// short is an image without its registry and folders.
func short(image string) string { return image[strings.LastIndexByte(image, '/')+1:] }
