package metrics

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/screen"
	"wheelhouse/ui/widget/chart"
)

const (
	readTime   = 20 * time.Second // that a server may take to answer
	mostSeries = 20               // that one chart has room for
	someWidth  = 150              // cells, before the first picture
	zoomBy     = 4
	shortest   = 10 * time.Second // that can be zoomed to
)

// view is the chart of one metric. It belongs to the program's goroutine.
type view struct {
	ref    backend.Ref
	read   Read
	shared list.Shared
	now    func() time.Time

	span  time.Duration // up to now
	zoom  []window      // within that, innermost last; it stands still
	width int           // of the last picture, in cells

	chart chart.Chart // what is shown, with the time that it was asked for
	left  int         // series that found no room
	got   time.Time   // when that came; zero: nothing has come yet
	err   error       // why the newest question has no answer
	fetch fetch
}

type window struct{ from, to time.Time }

// fetch is the question under way, and when the next one is due.
type fetch struct {
	seq    int
	asking bool
	cancel context.CancelFunc
	due    time.Time // zero: at once
	never  bool      // what is shown does not change any more
}

// answer is what came of a question.
type answer struct {
	view   *view
	seq    int
	window window
	all    []backend.Series
	left   int
	err    error
}

func newChart(r backend.Ref, read Read, shared list.Shared) *view {
	return &view{ref: r, read: read, shared: shared, now: time.Now, span: 15 * time.Minute, width: someWidth}
}

// Name is what the header says.
func (v *view) Name() string { return "chart" }

// Scopes are those of a chart.
func (v *view) Scopes() []string { return []string{"chart"} }

// Title names the metric, and says how old the numbers are.
func (v *view) Title() ui.Title {
	words := []string{brief(v.span)}
	if n := len(v.zoom); n > 0 {
		w := v.zoom[n-1]
		words = []string{"zoomed to " + brief(w.to.Sub(w.from))}
	}
	if !v.got.IsZero() {
		words = append(words, fmt.Sprintf("%d series", len(v.chart.Series)+v.left))
	}
	if v.left > 0 {
		words = append(words, fmt.Sprintf("the first %d shown", len(v.chart.Series)))
	}
	if v.fetch.asking {
		words = append(words, "asking")
	}
	return ui.Title{
		What: v.Name(), Place: v.ref.Link + " · " + v.ref.Scope + "/" + v.ref.Name,
		Counts: strings.Join(words, ", "), Health: v.health(), Failed: v.err != nil && v.got.IsZero(),
	}
}

func (v *view) health() backend.Health {
	switch {
	case v.err == nil && v.got.IsZero():
		return backend.Health{State: backend.Connecting}
	case v.err == nil:
		return backend.Health{State: backend.Live, Since: v.got}
	case v.got.IsZero():
		return backend.Health{State: backend.Down, Reason: backend.T(v.err.Error())}
	}
	return backend.Health{State: backend.Stale, Since: v.got, Reason: backend.T(v.err.Error())}
}

// brief is a span as the keys call it.
func brief(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= day && d%day == 0 && d > day:
		return fmt.Sprintf("%dd", d/day)
	case d >= time.Hour && d%time.Hour == 0:
		return fmt.Sprintf("%dh", d/time.Hour)
	case d >= time.Minute && d%time.Minute == 0:
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.Round(time.Second).String()
}

// Open asks anew: an answer that came while another view was on the screen went
// there.
func (v *view) Open(ui.Place) { v.again() }

// Close gives up what is under way.
func (v *view) Close() {
	if v.fetch.cancel != nil {
		v.fetch.cancel()
	}
	v.fetch.asking = false
}

// again makes the next Update ask, whatever is under way.
func (v *view) again() {
	v.Close()
	v.fetch.due, v.fetch.never = time.Time{}, false
}

// Update takes what came, and asks when it is time.
func (v *view) Update(msg tea.Msg) tea.Cmd {
	if a, ok := msg.(answer); ok {
		if a.view == v && a.seq == v.fetch.seq && v.fetch.asking {
			v.take(a)
		}
		return nil
	}
	if v.fetch.asking || v.fetch.never || v.now().Before(v.fetch.due) {
		return nil
	}
	return v.ask()
}

// wanted is the time that is looked at now.
func (v *view) wanted() window {
	if n := len(v.zoom); n > 0 {
		return v.zoom[n-1]
	}
	now := v.now()
	return window{now.Add(-v.span), now}
}

func (v *view) ask() tea.Cmd {
	ctx, cancel := context.WithTimeout(context.Background(), readTime)
	v.fetch.seq++
	v.fetch.asking, v.fetch.cancel = true, cancel
	a := answer{view: v, seq: v.fetch.seq, window: v.wanted()}
	q := backend.SeriesQuery{Of: v.ref, From: a.window.from, To: a.window.to, Points: 2 * v.width} // two dots to a cell
	read := v.read
	return func() tea.Msg {
		defer cancel()
		a.err = func() (err error) {
			defer backend.Caught(&err)
			a.all, a.left, err = read(ctx, q, mostSeries)
			return err
		}()
		return a
	}
}

// take shows an answer. One without numbers leaves the chart as it is, which is
// then said to be old.
func (v *view) take(a answer) {
	now := v.now()
	v.fetch.asking, v.err = false, a.err
	v.fetch.due = now.Add(every(a.window.to.Sub(a.window.from)))
	if a.err != nil {
		return
	}
	lit := v.litName()
	v.chart.Series, v.left, v.got = a.all, a.left, now
	v.chart.From, v.chart.To = a.window.from, a.window.to
	if v.chart.At.Before(a.window.from) { // time has gone on
		v.chart.At = time.Time{}
	}
	v.chart.Lit = 0
	for n, s := range a.all {
		if s.Name == lit && lit != "" {
			v.chart.Lit = n + 1
		}
	}
	v.fetch.never = len(v.zoom) > 0
}

func (v *view) litName() string {
	if v.chart.Lit < 1 || v.chart.Lit > len(v.chart.Series) {
		return ""
	}
	return v.chart.Series[v.chart.Lit-1].Name
}

// every is between two questions: often enough that a chart of that length moves.
func every(span time.Duration) time.Duration {
	return min(max(span/120, 5*time.Second), 5*time.Minute)
}

// Draw draws the chart, or says why there is none.
func (v *view) Draw(f screen.Frame) {
	v.width = f.Width()
	if !v.fetch.never {
		f.Until(v.fetch.due)
	}
	switch {
	case v.got.IsZero() && v.err == nil:
		f.Text(1, 1, themes.Dim, f.Signs.Level[backend.Moving]+" asking for the numbers …")
	case v.got.IsZero():
		f.Text(1, 1, themes.Critical, f.Signs.Level[backend.Critical])
		rows := f.Paragraph(3, 1, f.Width()-4, themes.Plain, backend.T(v.err.Error()).Safe())
		f.Text(3, 2+rows, themes.Dim, "ctrl+r tries again · y shows the query · esc goes back")
	case v.err != nil:
		text := "This is how it was at " + v.got.Local().Format("15:04:05") + ". " + backend.T(v.err.Error()).Safe()
		lines := screen.Wrap(text, max(1, f.Width()-3))
		n := min(len(lines), 2, max(0, f.Height()-1))
		v.chart.Draw(f.Sub(0, 0, f.Width(), f.Height()-n))
		for y, line := range lines[:n] {
			f.Text(2, f.Height()-n+y, themes.Plain, line)
		}
		f.Text(0, f.Height()-max(n, 1), themes.Warning, f.Signs.Level[backend.Warning])
	case len(v.chart.Series) == 0:
		f.Text(1, 1, themes.Idle, f.Signs.Level[backend.Idle])
		f.Paragraph(3, 1, f.Width()-4, themes.Plain, "Nothing was measured in this time.")
		help := "1 to 6 choose another · y shows the query"
		if len(v.zoom) > 0 {
			help = "Z zooms out again · " + help
		}
		f.Text(3, 3, themes.Dim, help)
	default:
		v.chart.Draw(f)
	}
}

// Selection is the metric.
func (v *view) Selection() ui.Selection { return ui.Selection{Refs: []backend.Ref{v.ref}} }

// Settled says whether the numbers are there, or why not is.
func (v *view) Settled() bool {
	return !v.fetch.asking && (v.err != nil || !v.got.IsZero()) && !v.fetch.due.IsZero()
}
