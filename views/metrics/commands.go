package metrics

import (
	"bytes"
	"encoding/csv"
	"math"
	"slices"
	"strconv"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/ui"
	"wheelhouse/ui/page"
)

// Hints implements ui.Hinter.
func (v *view) Hints() [][2]string {
	out := [][2]string{{"chart.last.5m", "range"}, {"chart.left", "crosshair"}, {"chart.zoom", "zoom"}}
	if len(v.zoom) > 0 {
		out = append(out, [2]string{"chart.unzoom", "zoom out"})
	}
	return append(out, [2]string{"chart.next", "series"})
}

// Commands are those of a chart.
func (v *view) Commands() []ui.Command {
	none := ""
	if len(v.chart.Series) == 0 {
		none = "there are no numbers"
	}
	wide := ""
	if len(v.zoom) == 0 {
		wide = "it is not zoomed"
	}
	near := none
	if w := v.wanted(); w.to.Sub(w.from)/zoomBy < shortest {
		near = "nothing is measured more finely"
	}
	do := func(id, title, why string, quiet bool, f func()) ui.Command {
		return ui.Command{ID: id, Title: title, Group: "chart", Why: why, Quiet: quiet, Run: func() tea.Cmd { f(); return v.Update(nil) }}
	}
	var out []ui.Command
	const day = 24 * time.Hour
	for _, span := range []time.Duration{5 * time.Minute, 15 * time.Minute, time.Hour, 6 * time.Hour, day, 7 * day} {
		out = append(out, do("chart.last."+brief(span), "The last "+brief(span), "", false, func() {
			v.span, v.zoom = span, nil
			v.again()
		}))
	}
	out = append(out,
		do("chart.left", "Crosshair to the left", none, true, func() { v.chart.At = v.chart.Step(v.chart.At, -1) }),
		do("chart.right", "Crosshair to the right", none, true, func() { v.chart.At = v.chart.Step(v.chart.At, 1) }),
		do("chart.farLeft", "Crosshair far to the left", none, true, func() { v.chart.At = v.chart.Step(v.chart.At, -far) }),
		do("chart.farRight", "Crosshair far to the right", none, true, func() { v.chart.At = v.chart.Step(v.chart.At, far) }),
		do("chart.plain", "No crosshair", none, false, func() { v.chart.At, v.chart.Lit = time.Time{}, 0 }),
		do("chart.zoom", "Zoom in around the crosshair", near, false, v.zoomIn),
		do("chart.unzoom", "Zoom out again", wide, false, func() {
			v.zoom = v.zoom[:len(v.zoom)-1]
			v.again()
		}),
		do("chart.next", "Have the next series stand out", none, false, func() { v.light(1) }),
		do("chart.previous", "Have the series before stand out", none, false, func() { v.light(-1) }),
		do("shell.refresh", "Ask the server again", "", false, v.again),
		ui.Command{ID: "chart.save", Title: "Save the numbers as CSV", Group: "take along", Why: none, Run: func() tea.Cmd {
			return v.shared.Save(v.ref.Name+".csv", v.csv(time.Time{}))
		}},
		ui.Command{ID: "chart.copy", Title: "Copy the numbers at the crosshair, or all", Group: "take along", Why: none, Run: func() tea.Cmd {
			return ui.Ask(func(s *ui.Shell) tea.Cmd { return s.Copy(string(v.csv(v.chart.At)), "the numbers") })
		}},
	)
	if v.shared.Details != nil {
		out = append(out,
			ui.Command{ID: "detail.describe", Title: "Describe", Group: "chart", Run: v.show(backend.Describe)},
			ui.Command{ID: "detail.yaml", Title: "The query", Group: "chart", Run: v.show(backend.YAML)})
	}
	return out
}

// far is how many steps the crosshair goes with one key.
const far = 20

// light has another series stand out; before the first and behind the last, none.
func (v *view) light(by int) {
	n := len(v.chart.Series) + 1
	v.chart.Lit = (v.chart.Lit + by + n) % n
}

// zoomIn looks at a part of the time that is shown.
func (v *view) zoomIn() {
	w := v.wanted() // which may be on its way
	span := w.to.Sub(w.from) / zoomBy
	at := v.chart.At
	if at.IsZero() || at.Before(w.from) || at.After(w.to) {
		at = w.from.Add(w.to.Sub(w.from) / 2)
	}
	from := at.Add(-span / 2)
	if latest := w.to.Add(-span); from.After(latest) {
		from = latest
	}
	if from.Before(w.from) {
		from = w.from
	}
	v.zoom = append(v.zoom, window{from, from.Add(span)})
	v.again()
}

// show opens one face of the metric as a page.
func (v *view) show(a backend.Aspect) func() tea.Cmd {
	return func() tea.Cmd {
		fetch := v.shared.Details(v.ref.Link)
		return ui.Ask(func(s *ui.Shell) tea.Cmd {
			if fetch == nil {
				s.Say(backend.T(v.ref.Link+" is not connected: there is nobody to ask. :ctx connects.").Safe(), backend.Warning)
				return nil
			}
			return s.Push(page.New(page.Options{Ref: v.ref, Aspect: a, Fetch: fetch, Save: v.shared.Save}))
		})
	}
}

// csv is what is shown as a table: a row for each time, a column for each series, or
// only the row of one time. What is no number is empty.
func (v *view) csv(only time.Time) []byte {
	rows := map[int64][]string{}
	head := []string{"time"}
	for n, s := range v.chart.Series {
		head = append(head, s.Name)
		for _, p := range s.Points {
			if !only.IsZero() && !p.At.Equal(only) {
				continue
			}
			at := p.At.UnixNano()
			if rows[at] == nil {
				rows[at] = make([]string, len(v.chart.Series)+1)
				rows[at][0] = p.At.UTC().Format(time.RFC3339Nano)
			}
			if !math.IsNaN(p.Value) && !math.IsInf(p.Value, 0) {
				rows[at][n+1] = strconv.FormatFloat(p.Value, 'g', -1, 64)
			}
		}
	}
	times := make([]int64, 0, len(rows))
	for at := range rows {
		times = append(times, at)
	}
	slices.Sort(times)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	_ = w.Write(head) // a buffer takes everything
	for _, at := range times {
		_ = w.Write(rows[at])
	}
	w.Flush()
	return b.Bytes()
}
