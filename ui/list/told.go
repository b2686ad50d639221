package list

import (
	"cmp"
	"slices"
	"strings"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/screen"
)

// What is told of the rows that are not as they should be, or not there, is in
// this file: the notice below them, what stands in their place, the title.

// old says whether a row is of a part that is no longer live: it is shown as it
// was last seen.
func (l *List[T]) old(r backend.Ref) bool {
	old := false
	for _, p := range l.parts {
		if p.Part.Link == r.Link && (p.Part.Scope == "" || p.Part.Scope == r.Scope) && (p.Part.Kind == "" || p.Part.Kind == r.Kind) {
			old = p.Health.State == backend.Stale || p.Health.State == backend.Down || p.Health.State == backend.Forbidden
			if p.Part.Scope != "" {
				break // its own word counts before that of the whole
			}
		}
	}
	return old
}

// noticeRows is the most that a notice takes of the rows' room.
const noticeRows = 2

// drawNotice says at the bottom what of the rows is not as it should be, and why,
// and gives how many lines that took.
func (l *List[T]) drawNotice(f screen.Frame) int {
	level, text := l.notice()
	if text == "" || f.Height() < 8 {
		return 0
	}
	w := f.Width() - 5
	n := min(noticeRows, len(screen.Wrap(text, w)))
	f = f.Sub(0, f.Height()-n, f.Width(), n)
	f.Text(2, 0, themes.Of(level), f.Signs.Level[level])
	f.Paragraph(4, 0, w, themes.Dim, text)
	return n
}

// notice is why not all rows are live, or there, or what the row under the cursor
// has to say; empty where there is nothing to say.
func (l *List[T]) notice() (backend.Level, string) {
	row, ok := l.table.Current()
	switch {
	case !ok:
		return backend.None, ""
	case l.spec.Note != nil:
		level, text := l.spec.Note(row)
		left := l.leftOut()
		switch {
		case text == "":
			return backend.Idle, left
		case left != "":
			text += " · " + left
		}
		return level, text
	}
	p := l.worst()
	switch p.Health.State {
	case backend.Connecting:
		return backend.None, ""
	case backend.Live:
		return backend.Idle, l.leftOut()
	}
	return ui.LevelOf(p.Health.State), l.reason(p)
}

// leftOut is what the parts that are live do not show; empty: they show all.
func (l *List[T]) leftOut() string {
	var all []string
	for _, p := range l.parts {
		if l.wants(p.Part) && p.Health.State == backend.Live && !p.Health.Reason.IsZero() {
			all = append(all, l.reason(p))
		}
	}
	return strings.Join(all, " · ")
}

// reason is why a part is as it is, with its link where there are several.
func (l *List[T]) reason(p feed.PartState) string {
	reason := p.Health.Reason.Safe()
	if len(l.links()) > 1 && !slices.Contains(strings.FieldsFunc(reason, apart), p.Part.Link) {
		reason = p.Part.Link + " " + reason
	}
	return reason
}

// apart says whether a rune stands between names.
func apart(r rune) bool { return strings.ContainsRune(" ,;:()\"", r) }

// drawEmpty says why there are no rows, and the key that helps.
func (l *List[T]) drawEmpty(f screen.Frame) {
	c := l.table.Counts()
	h := l.health()
	level := ui.LevelOf(h.State)
	say := func(level backend.Level, what, help string) {
		f.Text(2, 0, themes.Of(level), f.Signs.Level[level])
		rows := f.Paragraph(4, 0, f.Width()-5, themes.Plain, what)
		f.Paragraph(4, 1+rows, f.Width()-5, themes.Dim, help)
	}
	reason := h.Reason.Safe()
	switch {
	case c.Total > 0:
		say(backend.Idle, ui.Count(c.Total, l.spec.Noun)+", none of them "+l.sieve(), l.unsieve())
	case h.State == backend.Off && reason != "":
		say(backend.Idle, reason, ":ctx lists the clusters")
	case h.State == backend.Off:
		what, help := l.unconnected()
		say(backend.Idle, what, help)
	case h.State == backend.Connecting:
		say(level, "asking for "+l.spec.Noun+"s …", "")
	case h.State == backend.Forbidden:
		help := "r tries again after a new login, on :ctx"
		if l.spec.Scoped {
			help = ":ns chooses a namespace · " + help
		}
		say(level, reason, help)
	case h.State == backend.Down, h.State == backend.Stale:
		say(level, reason, "it is tried again by itself · :ctx shows every link")
	default:
		help := l.leftOut()
		if l.labels != "" { // of which the server has left out all others
			say(backend.Idle, "0 "+l.spec.Noun+"s in "+l.where()+" are "+l.sieve(), l.unsieve())
			return
		}
		if help == "" && len(l.place.Namespaces) > 0 && l.spec.Scoped {
			help = "0 shows all namespaces · :ns chooses another"
		}
		say(backend.Good, strings.TrimSuffix(cmp.Or(l.spec.None, "There is no "+l.spec.Noun)+" in "+l.where(), " in ")+".", help)
	}
}

// unconnected says why no link in sight has such rows, and what helps. One that is
// connected may have none: there are no builds on a cluster.
func (l *List[T]) unconnected() (what, help string) {
	help = ":ctx lists what there is, enter connects to one · systems are named in the configuration"
	if len(l.place.Links) == 0 {
		return "Nothing that has " + l.spec.Noun + "s is connected.", help
	}
	away := slices.DeleteFunc(slices.Clone(l.place.Links), func(link string) bool { return l.shared.Details(link) != nil })
	if len(away) > 0 {
		return strings.Join(away, ", ") + " is not connected.", help
	}
	return "Nothing on " + strings.Join(l.place.Links, ", ") + " has " + l.spec.Noun + "s.", ":" + l.spec.Name + " @all shows those of all that is connected"
}

func (l *List[T]) sieve() string {
	switch {
	case l.query != "" && l.table.OnlyBroken():
		return "broken and matching /" + l.query
	case l.query != "":
		return "matching /" + l.query
	}
	return "broken"
}

// unsieve is by which key the rows come back that the sieve leaves out.
func (l *List[T]) unsieve() string {
	var keys []string
	if l.query != "" {
		keys = append(keys, "esc clears the filter")
	}
	if l.table.OnlyBroken() {
		keys = append(keys, "ctrl+z shows all, not only what is broken")
	}
	return strings.Join(keys, " · ")
}

func (l *List[T]) health() backend.Health { return l.worst().Health }

// worst is the worst of what is watched: one part that is not live is not hidden
// by the others.
func (l *List[T]) worst() (worst feed.PartState) {
	for _, p := range l.parts {
		if !l.wants(p.Part) {
			continue
		}
		if worst.Part == (backend.Part{}) || weight(p.Health.State) > weight(worst.Health.State) {
			worst = p
		}
	}
	return worst
}

func weight(s backend.State) int {
	switch s {
	case backend.Off:
		return 0
	case backend.Live:
		return 1
	case backend.Connecting:
		return 2
	case backend.Forbidden:
		return 3
	case backend.Stale: // also of the namespaces that may be read where the whole may not
		return 4
	}
	return 5
}

// Title counts: nothing that is filtered or marked is left unsaid; how many
// columns are hidden, the table's own heading says.
func (l *List[T]) Title() ui.Title {
	c := l.table.Counts()
	words := []string{ui.Count(c.Total, l.spec.Noun)}
	if l.leftOut() != "" {
		words[0] += " (not all)"
	}
	if c.Shown != c.Total || l.query != "" {
		words = append(words, ui.Number(c.Shown)+" shown ("+l.sifted()+")")
	}
	if n := l.table.Marked(); n > 0 {
		marked := ui.Number(n) + " marked"
		if hidden := l.table.HiddenMarked(); hidden > 0 {
			marked += " (" + ui.Number(hidden) + " hidden)"
		}
		words = append(words, marked)
	}
	if n := l.table.LostMarks(); n > 0 {
		words = append(words, ui.Count(n, "mark")+" lost")
	}
	if c.Filtering {
		words = append(words, "filtering")
	}
	return ui.Title{What: l.spec.Name, Place: l.where(), Counts: strings.Join(words, ", "), Health: l.health(), Failed: l.failed()}
}

// failed says whether nothing could be had.
func (l *List[T]) failed() bool {
	s := l.health().State
	return l.table.Counts().Total == 0 && (s == backend.Down || s == backend.Stale || s == backend.Forbidden)
}

// where is the place with the links that are really watched.
func (l *List[T]) where() string {
	p := ui.Place{Links: l.links(), Namespaces: l.place.Namespaces}
	if len(p.Links) == 0 {
		p.Links = l.place.Links
	}
	if len(p.Links) > 4 {
		p.Links = []string{ui.Number(len(p.Links)) + " links"}
	}
	if !l.spec.Scoped {
		return strings.Join(p.Links, ",")
	}
	return p.String()
}

// sifted is by what rows are left out, in a few words: "/check broken".
func (l *List[T]) sifted() string {
	var words []string
	if l.query != "" {
		words = append(words, "/"+l.query)
	}
	if l.table.OnlyBroken() {
		words = append(words, "broken")
	}
	return strings.Join(words, " ")
}
