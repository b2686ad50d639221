// Package breakers is the view of circuit breakers: what of the services' calls
// is let through.
package breakers

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/service"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/widget/table"
)

// Openers are the ways in: each breaker of a service, or of each of its instances.
func Openers(f *feed.Feed[service.Breaker], shared list.Shared) []ui.Opener {
	opener := func(name, title string, each bool, alias ...string) ui.Opener {
		return ui.Opener{Name: name, Alias: alias, Title: title, Open: func(with ui.OpenWith) ui.View {
			spec := list.Spec[service.Breaker]{
				Name: name, Scope: "breakers", Noun: strings.TrimSuffix(name, "s"), Feed: f, Columns: Columns(each), Sort: "service", Scoped: true,
				Only:   func(b *service.Breaker) bool { return (b.Instance != "") == each },
				Broken: func(b *service.Breaker) bool { return b.Level().Broken() },
				Enter:  openInstances,
			}
			if each {
				spec.Enter = openPod
			}
			return list.New(spec, shared, with)
		}}
	}
	return []ui.Opener{
		opener("breakers", "Breakers: which calls between services are let through", false, "cb", "breaker"),
		opener("instances", "Breakers on each instance of their services", true, "instance"),
	}
}

// openInstances shows the same breaker on each instance.
func openInstances(b service.Breaker) tea.Cmd {
	return ui.Ask(func(s *ui.Shell) tea.Cmd {
		return s.Command("instances " + strings.TrimPrefix(b.Scope, service.NoScope) + " @" + b.Link + " /service:=" + word(b.Service) + " breaker:=" + word(b.Name))
	})
}

// openPod shows the pod that the instance is; a service without pods has none.
func openPod(b service.Breaker) tea.Cmd {
	return ui.Ask(func(s *ui.Shell) tea.Cmd {
		if b.Scope == service.NoScope {
			s.Say(backend.T(b.Instance+" is reached by its URL: it has no pod here").Safe(), backend.Idle)
			return nil
		}
		return s.Command("pods " + b.Scope + " @" + b.Link + " /name:=" + word(b.Instance))
	})
}

// word is a name as one word of a filter.
func word(name string) string { return strings.Join(strings.Fields(name), "") }

// Columns are what a row of breakers shows; each, where it is of one instance.
func Columns(each bool) []table.Column[service.Breaker] {
	cols := []table.Column[service.Breaker]{
		list.Text("namespace", "NAMESPACE", 5, func(b *service.Breaker) string { return b.Scope }),
		list.Text("service", "SERVICE", 1, func(b *service.Breaker) string { return b.Service }),
		list.Name("breaker", "BREAKER", func(b *service.Breaker) string { return b.Name }),
	}
	if each {
		cols = append(cols, list.Text("instance", "INSTANCE", 1, func(b *service.Breaker) string { return b.Instance }))
	}
	return append(cols,
		list.Text("cluster", "LINK", 4, func(b *service.Breaker) string { return b.Link }),
		states(each),
		percentages("failure", "FAILED", 2, func(b *service.Breaker) (is, limit float32) { return b.Failure, b.FailureLimit }),
		percentages("slow", "SLOW", 6, func(b *service.Breaker) (is, limit float32) { return b.Slow, b.SlowLimit }),
		list.Number("calls", "CALLS", 7, func(b *service.Breaker) int64 { return int64(b.Calls) }),
		list.Number("refused", "REFUSED", 3, func(b *service.Breaker) int64 { return int64(b.Refused) }),
		list.Age("changed", "CHANGED", func(b *service.Breaker) int64 { return b.Changed }),
		list.Text("change", "LAST CHANGE", 8, func(b *service.Breaker) string { return words(b.Last) }),
		list.Text("why", "WHY", 9, func(b *service.Breaker) string { return b.Detail }),
	)
}

// states shows the state of each instance as a sign, and the worst in words.
func states(each bool) table.Column[service.Breaker] {
	c := list.State("state", "STATE", func(b *service.Breaker) (string, backend.Level) { return state(b), b.Level() })
	if each {
		return c
	}
	plain := c.Cell
	c.Cell = func(b *service.Breaker, now time.Time) table.Cell {
		cell := plain(b, now)
		for one := range strings.FieldsSeq(b.States) {
			if len(cell.Track) < longest {
				cell.Track = append(cell.Track, service.LevelOf(one))
			}
		}
		return cell
	}
	return c
}

// longest is how many instances are shown as signs.
const longest = 8

// state is "open", or "open on 2 of 3" where the instances differ.
func state(b *service.Breaker) string {
	worst := b.State()
	if worst == "" {
		return "no answer"
	}
	text := words(worst)
	if n, of := b.In(worst); n < of {
		text += fmt.Sprintf(" on %d of %d", n, of)
	}
	if b.Silent > 0 {
		text += fmt.Sprintf(", %d silent", b.Silent)
	}
	return text
}

// words are the server's states as people write them: "forced open", "closed to
// open". What is none of them stays as it is.
func words(state string) string {
	for one := range strings.SplitSeq(state, "_TO_") {
		if service.LevelOf(one) == backend.Idle {
			return state
		}
	}
	return strings.ToLower(strings.ReplaceAll(state, "_", " "))
}

// percentages is "71/50%": what is, and from where on the breaker opens.
func percentages(id, title string, keep int, of func(*service.Breaker) (is, limit float32)) table.Column[service.Breaker] {
	text := func(b *service.Breaker) string {
		is, limit := of(b)
		if is < 0 {
			return ""
		}
		return short(is) + "/" + short(limit) + "%"
	}
	return table.Column[service.Breaker]{
		ID: id, Title: title, Keep: keep, Right: true, Text: text,
		Cell: func(b *service.Breaker, _ time.Time) table.Cell {
			pen := themes.Plain
			if is, limit := of(b); limit > 0 && is >= limit {
				pen = themes.Critical
			}
			return table.Cell{Text: text(b), Pen: pen}
		},
		Less: func(a, b *service.Breaker) int {
			x, _ := of(a)
			y, _ := of(b)
			return int(x*10) - int(y*10)
		},
		Number: func(b *service.Breaker) float64 { is, _ := of(b); return float64(is) },
	}
}

func short(percent float32) string { return strconv.FormatFloat(float64(percent), 'f', 0, 32) }
