package logs

import (
	"strings"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/ui/screen"
)

// mostFrom is how wide the names of those are who wrote the lines, in cells.
const mostFrom = 24

// window is the lines of a tape that the pager shows: those that it held at one
// time, as far as it still does.
type window struct {
	tape  *feed.Tape
	first int64
	n     int
	times bool                // are wanted
	timed bool                // some line has one
	from  int                 // how wide the names are; zero: nobody is named
	short func(string) string // how one is shown
	part  string              // the container that has written every line
	parts bool                // there are several
}

// Len implements pager.Text.
func (w window) Len() int { return w.n }

// clock is how the time of a line is shown.
const clock = "15:04:05.000"

// Label implements pager.Text.
func (w window) Label() int {
	n := 0
	if w.times && w.timed {
		n = len(clock)
	}
	if n > 0 && w.from > 0 {
		n++
	}
	return n + w.from
}

// Line implements pager.Text.
func (w window) Line(i int) backend.Line {
	l, ok := w.tape.At(w.first + int64(i))
	if !ok {
		return backend.Line{Level: backend.Idle, Text: backend.T("(it has made room for newer lines)")}
	}
	return backend.Line{Level: l.Level, Label: w.label(l), Text: l.Text}
}

func (w window) label(l backend.LogLine) string {
	label := ""
	if w.times && w.timed {
		label = strings.Repeat(" ", len(clock))
		if at := l.Time(); !at.IsZero() {
			label = at.Local().Format(clock)
		}
	}
	if w.from > 0 {
		if label != "" {
			label += " "
		}
		label += w.name(l)
	}
	return label
}

// learn makes room for the time of a line, and for the name of who wrote it.
func (w *window) learn(l backend.LogLine) {
	w.timed = w.timed || l.At != 0
	if l.From == "" {
		return
	}
	if _, part, _ := strings.Cut(l.From, "/"); w.from == 0 {
		w.part = part
	} else if part != w.part && !w.parts {
		w.parts, w.from = true, min(mostFrom, w.from+1+screen.Width(w.part))
	}
	w.from = min(mostFrom, max(w.from, screen.Width(w.name(l))))
}

// name is who has written a line; which container of a pod, where there is a choice.
func (w window) name(l backend.LogLine) string {
	from := l.From
	if pod, part, ok := strings.Cut(from, "/"); ok && !w.parts && part == w.part {
		from = pod
	}
	return w.short(backend.T(from).Safe())
}

// shortest gives how names are shortened: where all lines are of objects whose names
// begin alike, such as the pods of one deployment, without that beginning.
func shortest(refs []backend.Ref) func(string) string {
	common := ""
	for i, r := range refs {
		if i == 0 {
			common = r.Name
		}
		for !strings.HasPrefix(r.Name, common) {
			common = common[:len(common)-1]
		}
	}
	if len(refs) == 1 {
		common += "-" // a workload's name, as its pods begin with it
	}
	common = common[:strings.LastIndexByte(common, '-')+1]
	return func(name string) string {
		if rest, ok := strings.CutPrefix(name, common); ok && rest != "" {
			return rest
		}
		return name
	}
}

// text is all lines that are held, as they came, with their times and names.
func (w window) text() []byte {
	var b []byte
	for i := range w.n {
		if l, ok := w.tape.At(w.first + int64(i)); ok {
			b = l.AppendTo(b)
		}
	}
	return b
}
