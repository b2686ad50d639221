package logs

import (
	"context"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/ui"
)

// Commands are those of a text, and of one that grows.
func (v *logs) Commands() []ui.Command {
	do := func(id, title, why string, f func()) ui.Command {
		return ui.Command{ID: id, Title: title, Group: "log", Why: why, Run: func() tea.Cmd {
			f()
			return v.back()
		}}
	}
	return append(ui.PagerCommands(&v.pager, v.after),
		do("logs.follow", "Follow, or pause", "", func() {
			v.pause(!v.paused)
			v.held = v.paused
		}),
		do("logs.times", "Times, or none", whyNot(!v.shown.timed, "no line says when it was written"), v.toggleTimes),
		do("logs.previous", "Of the process before this one, or of this one", whyNot(len(v.refs) == 0, "there is no log"), func() { v.previous = !v.previous; v.begin() }),
		ui.Command{ID: "logs.older", Title: "Read older lines", Group: "log", Why: v.whyNoOlder(), Run: v.askOlder},
		ui.Command{ID: "pager.copy", Title: "Copy the lines in sight", Group: "log", Run: v.copySight},
		ui.Command{ID: "pager.save", Title: "Save all lines that are held to a file", Group: "log", Run: v.save},
		ui.Command{ID: "shell.refresh", Title: "Read from the beginning again", Group: "log", Run: func() tea.Cmd { v.begin(); return nil }},
	)
}

// Hints implements ui.Hinter.
func (v *logs) Hints() [][2]string {
	follow := "pause"
	if v.paused {
		follow = "follow"
	}
	return [][2]string{{"logs.follow", follow}, {"logs.times", "times"}, {"pager.wrap", "wrap"}, {"pager.save", "save"}}
}

func whyNot(is bool, why string) string {
	if is {
		return why
	}
	return ""
}

func (v *logs) toggleTimes() {
	v.shown.times = !v.shown.times
	v.pager.Set(v.shown, 0)
}

func (v *logs) copySight() tea.Cmd {
	first, end := v.pager.Window()
	sight := v.shown
	sight.first, sight.n = sight.first+int64(first), end-first
	return ui.Ask(func(s *ui.Shell) tea.Cmd { return s.Copy(string(sight.text()), ui.Count(sight.n, "line")) })
}

// save writes the file beside the view: it may be many megabytes.
func (v *logs) save() tea.Cmd {
	name := "log"
	if len(v.refs) > 0 {
		r := v.refs[0]
		name = strings.NewReplacer("/", "-", "*", "-").Replace(strings.Trim(r.Scope+"-"+r.Name+"-"+r.Sub, "-"))
	}
	held, write := v.shown, v.o.Save
	return func() tea.Msg { return write(name+".log", held.text())() }
}

// older is how far back has been read.
type older struct {
	asking bool
	asked  int // how often; an answer to an earlier question is not taken
	cursor backend.Cursor
	done   bool  // there is nothing older, or no room for it
	err    error // why the last try gave nothing, or not all
}

// olderCame is the answer to askOlder.
type olderCame struct {
	tape   any // of the reading that it belongs to
	asked  int
	lines  []backend.LogLine
	cursor backend.Cursor
	err    error
}

const (
	olderLines = 1000
	olderTime  = 15 * time.Second
)

func (v *logs) whyNoOlder() string {
	switch {
	case v.older.asking:
		return "it is being done"
	case v.older.done:
		return "there is nothing older, or no room for it"
	case v.seen.Len == 0:
		return "there are no lines yet"
	case len(v.reading.by) != 1:
		return "that can be done for one system at a time"
	}
	return ""
}

// back reads what is older once one has gone back to the first line.
func (v *logs) back() tea.Cmd {
	if v.paused && v.pager.AtTop() && v.whyNoOlder() == "" && (v.older.err == nil || backend.CodeOf(v.older.err) == backend.Partly) {
		return v.askOlder()
	}
	return nil
}

func (v *logs) askOlder() tea.Cmd {
	tape := v.reading.tape
	oldest, ok := tape.At(v.seen.First)
	if !ok {
		return nil
	}
	cursor := v.older.cursor
	if cursor.IsZero() {
		cursor = backend.Cursor{Oldest: oldest}
	}
	v.older.asking, v.older.err = true, nil
	v.older.asked++
	asked := v.older.asked
	v.pause(true)
	var reader backend.Lines
	for r := range v.reading.by {
		reader = r
	}
	q := backend.LogQuery{Of: v.refs, Match: v.match, Previous: v.previous}
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(context.Background(), olderTime)
		defer cancel()
		lines, next, err := before(ctx, reader, q, cursor)
		return olderCame{tape, asked, lines, next, err}
	}
}

func before(ctx context.Context, reader backend.Lines, q backend.LogQuery, c backend.Cursor) (lines []backend.LogLine, next backend.Cursor, err error) {
	defer backend.Caught(&err)
	return reader.Before(ctx, q, c, olderLines)
}

// take puts older lines before the others.
func (v *logs) take(msg olderCame) {
	if msg.tape != any(v.reading.tape) || msg.asked != v.older.asked {
		return
	}
	v.older.asking, v.older.err = false, msg.err
	if msg.err != nil && backend.CodeOf(msg.err) != backend.Partly {
		return
	}
	v.older.cursor = msg.cursor
	taken := v.reading.tape.Before(msg.lines)
	v.older.done = msg.cursor.IsZero() || taken < len(msg.lines)
	v.refresh()
	v.recount()
}
