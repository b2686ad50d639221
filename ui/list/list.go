// Package list is the view of a live table: rows of a feed, their filter and
// marks, and beside them, where there is room, the details of the row under the
// cursor. It is generic: a folder under views says which columns a noun has and
// what Enter does, and nothing more.
package list

import (
	"cmp"
	"context"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/ui"
	"wheelhouse/ui/page"
	"wheelhouse/ui/screen"
	"wheelhouse/ui/widget/table"
)

// Spec is what makes a list one of pods or of anything else.
type Spec[T backend.Object] struct {
	Name    string // "pods"
	Scope   string // of its own in the keymap; empty: the name
	Noun    string // "pod": what counts are of
	None    string // what is said where there are no rows: "There is no pod"; empty: that
	Feed    *feed.Feed[T]
	Columns []table.Column[T]
	Sort    string // column to begin with; "-age" for descending
	Broken  func(*T) bool
	Kind    string                     // the kind of the feed's rows that this is a list of; empty: all
	Only    func(*T) bool              // and which of them; nil: all
	Scoped  bool                       // its objects live in namespaces
	Alone   bool                       // no details stand beside it
	Home    func(ui.Place) backend.Ref // the row that is the place itself; set where all links are shown, whatever the place
	Enter   func(T) tea.Cmd
	Note    func(*T) (backend.Level, string)  // what is said in full of the row under the cursor; nil: nothing
	Prefill func(T) backend.Args              // first values of actions' parameters; may be nil
	Extra   func(*List[T]) []ui.Command       // commands that only this view has; may be nil
	Beside  func(backend.Scope)               // watches what its rows are joined with; may be nil
	Bare    func() (ids []string, why string) // columns that have nothing to show now, and why; may be nil
}

// Shared is what all lists have in common.
type Shared struct {
	Details func(link string) page.Fetch // of the adapter behind a link; nil when there is none
	Memory  ui.Memory
	Save    func(name string, b []byte) tea.Cmd // writes a file and says where
	Logged  func(backend.Ref) bool              // whether an object has a log that can be read; nil: none has
}

// List is the view. Use New.
type List[T backend.Object] struct {
	spec   Spec[T]
	shared Shared
	table  *table.Table[T]
	place  ui.Place
	labels string
	query  string
	wrong  string
	open   bool
	side   *page.Live
	aside  bool // the details are wanted beside the list
	detail sidePager
	ref    backend.Ref // what the details are of
	parts  []feed.PartState
	width  int // of the rows, as drawn
}

// minAside is the width from which the details stand beside the list.
const minAside = 120

// New makes a list. with says where to stand and what to filter.
func New[T backend.Object](spec Spec[T], shared Shared, with ui.OpenWith) *List[T] {
	l := &List[T]{spec: spec, shared: shared, aside: !spec.Alone, detail: newSide(false)}
	l.table = table.New(spec.Feed.Store, spec.Columns)
	switch {
	case spec.Only != nil:
		l.table.Only(spec.Only)
	case spec.Kind != "":
		l.table.Only(func(row *T) bool { return (*row).Ref().Kind == spec.Kind })
	}
	l.table.Fade(l.old)
	l.recall()
	l.side = page.NewLive(func(ctx context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error) {
		return shared.Details(r.Link)(ctx, r, a)
	})
	if err := l.Search(with.Filter, true); err != nil {
		l.wrong = err.Error()
		_ = l.Search("", true)
	}
	if with.Ref.Name != "" {
		l.table.Goto(with.Ref)
	}
	return l
}

// Name is the spec's.
func (l *List[T]) Name() string { return l.spec.Name }

// Scopes are this list's own, then those of every list.
func (l *List[T]) Scopes() []string { return []string{cmp.Or(l.spec.Scope, l.spec.Name), "list"} }

// Open watches the place. Lists of the same noun share its feed, which goes on
// when a list is left, so that coming back shows what is there at once; only
// another place or other labels begin a new watch.
func (l *List[T]) Open(p ui.Place) {
	if l.spec.Home != nil {
		if home := l.spec.Home(p); home.Name != "" && !l.open {
			l.table.Goto(home)
		}
		p.Links = nil
	}
	l.place, l.open = p, true
	l.watch()
}

func (l *List[T]) watch() {
	scope := backend.Scope{Labels: l.labels}
	if l.spec.Scoped {
		scope.Namespaces = l.place.Namespaces
	}
	l.table.OnlyLinks(l.place.Links)
	l.spec.Feed.Follow(context.Background(), scope)
	if l.spec.Beside != nil {
		l.spec.Beside(backend.Scope{Namespaces: scope.Namespaces}) // labels are those of the rows
	}
}

// Close lets go of what belongs to this list alone.
func (l *List[T]) Close() {
	l.open = false
	l.side.Stop()
	l.table.Close()
}

// Update follows the feed and the details.
func (l *List[T]) Update(msg tea.Msg) tea.Cmd {
	switch msg := msg.(type) {
	case tea.MouseWheelMsg:
		l.table.Move(map[tea.MouseButton]int{tea.MouseWheelDown: 3, tea.MouseWheelUp: -3}[msg.Button])
	case tea.MouseClickMsg:
		l.click(msg.X, msg.Y-1)
	default:
		if l.side.Take(msg) {
			doc, _, err := l.side.Doc()
			l.detail.set(doc, err)
			return nil
		}
	}
	l.refresh()
	return l.look()
}

// click puts the cursor on a row, or sorts by a heading. The details are not the
// rows'.
func (l *List[T]) click(x, y int) {
	if x >= l.width {
		return
	}
	before := l.table.Sorted()
	if l.table.Click(x, y); l.table.Sorted() != before {
		l.keepOrder()
	}
}

// refresh takes in what has changed. The parts' states are read first: what is
// shown is then at least as new as what is said of it.
func (l *List[T]) refresh() {
	l.parts = l.spec.Feed.Parts()
	l.table.Refresh()
	var same []string
	if len(l.links()) == 1 {
		same = append(same, "cluster")
	}
	if l.spec.Scoped && len(l.place.Namespaces) == 1 {
		same = append(same, "namespace")
	}
	if l.spec.Bare != nil {
		bare, _ := l.spec.Bare()
		same = append(same, bare...)
	}
	l.table.Omit(same...)
}

// links are the links whose rows are shown.
func (l *List[T]) links() []string {
	var links []string
	for _, p := range l.parts {
		if l.wants(p.Part) && !slices.Contains(links, p.Part.Link) && p.Part.Link != "" {
			links = append(links, p.Part.Link)
		}
	}
	return links
}

// wants says whether rows of that part are shown.
func (l *List[T]) wants(p backend.Part) bool {
	return l.table.Wants(p.Link) && (p.Kind == "" || l.spec.Kind == "" || p.Kind == l.spec.Kind)
}

// look asks for the details of the row under the cursor, where they are shown.
func (l *List[T]) look() tea.Cmd {
	row, ok := l.table.Current()
	if !ok {
		l.ref, l.detail = backend.Ref{}, newSide(l.detail.hidden)
	}
	if !l.aside || l.detail.hidden || l.shared.Details == nil || !ok {
		return nil
	}
	r := (*row).Ref()
	if l.shared.Details(r.Link) == nil {
		return nil
	}
	if r.Key() != l.ref.Key() {
		l.detail = newSide(l.detail.hidden)
	}
	l.ref = r
	return l.side.Want(r, backend.Summary, *row)
}

// Draw draws the rows, and the details beside them where there is room.
func (l *List[T]) Draw(f screen.Frame) {
	w := f.Width()
	l.width = w
	l.detail.hidden = w < minAside || l.shared.Details == nil
	if l.aside && !l.detail.hidden {
		w = max(minAside*2/3, w*64/100)
		l.detail.draw(f.Sub(w, 0, f.Width()-w, f.Height()), l.ref)
		w-- // a blank before the rule
		l.width = w
	}
	rows := f.Sub(0, 0, w, f.Height()-l.drawNotice(f.Sub(0, 0, w, f.Height())))
	l.table.Draw(rows)
	if l.table.Counts().Shown == 0 {
		l.drawEmpty(rows.Sub(0, 2, w, f.Height()-2))
	}
}

// Focus says whether the keys are this list's: where several stand on one screen,
// only one has the cursor.
func (l *List[T]) Focus(on bool) { l.table.Blur(!on) }

// Marked is how many rows are marked.
func (l *List[T]) Marked() int { return l.table.Marked() }

// Wrong is why the filter that it was opened with is none; "" when it is one.
func (l *List[T]) Wrong() string { return l.wrong }

// Len is how many rows are shown, in sight or not.
func (l *List[T]) Len() int { return l.table.Counts().Shown }

// Current is the row under the cursor.
func (l *List[T]) Current() (row T, ok bool) {
	at, ok := l.table.Current()
	if ok {
		row = *at
	}
	return row, ok
}

// Has says whether it is a list of that object, shown or not.
func (l *List[T]) Has(r backend.Ref) bool {
	row, ok := l.spec.Feed.Store.Get(r)
	return ok && (l.spec.Only == nil || l.spec.Only(&row))
}

// AtEdge says whether the cursor is on the last row, or for n below zero on the first.
func (l *List[T]) AtEdge(n int) bool {
	if n < 0 {
		return l.table.At() == 0
	}
	return l.table.At() >= l.Len()-1
}

// GoToEdge puts the cursor there.
func (l *List[T]) GoToEdge(n int) {
	if n < 0 {
		l.table.Home()
	} else {
		l.table.End()
	}
}

// Selection is the marked rows, or the one under the cursor.
func (l *List[T]) Selection() ui.Selection {
	s := ui.Selection{Refs: l.table.Selected(), Hidden: l.table.HiddenMarked()}
	if l.spec.Prefill != nil && len(s.Refs) == 1 {
		if row, ok := l.spec.Feed.Store.Get(s.Refs[0]); ok && row.Ref().UID == s.Refs[0].UID {
			s.Prefill = l.spec.Prefill(row)
		}
	}
	return s
}

// Settled says whether every part has answered with all of its rows, and the details
// are there.
func (l *List[T]) Settled() bool {
	parts := 0
	for _, p := range l.parts {
		if p.Health.State == backend.Connecting || p.Loading {
			return false
		}
		parts++
	}
	return (parts > 0 || !l.spec.Feed.Sourced()) && !l.table.Counts().Filtering && (l.detail.hidden || !l.aside || l.ref.Name == "" || l.side.Settled())
}

// Query is the filter in force.
func (l *List[T]) Query() string { return l.query }

// Search filters. Labels in it ("-l app=cart") go to the server, once they are
// typed: each change of them is a watch begun anew.
func (l *List[T]) Search(query string, typed bool) error {
	labels, err := l.table.Filter(query)
	if err != nil {
		return err
	}
	l.query = query
	if typed && labels != l.labels {
		l.labels = labels
		if l.open {
			l.watch()
		}
	}
	return nil
}

// Find gives rows whose name holds query.
func (l *List[T]) Find(query string, n int) []backend.Ref {
	return l.table.Find(strings.ToLower(query), n)
}

// Goto puts the cursor on a row, and takes off what hides it.
func (l *List[T]) Goto(r backend.Ref) (said string) {
	if l.table.Hides(r) {
		said = l.unfilter()
	}
	l.table.Goto(r)
	return said
}

// unfilter shows all rows of the place, and says what it took off.
func (l *List[T]) unfilter() string {
	words := l.sifted()
	if l.table.OnlyBroken() {
		l.table.Broken(false, l.spec.Broken)
	}
	_ = l.Search("", true)
	return words + " hid it, and was taken off"
}

// SearchHelp is what can be typed behind '/'.
func (l *List[T]) SearchHelp() []backend.Line {
	return []backend.Line{
		{Text: backend.T("FILTERS, ALL THAT ARE TYPED MUST MATCH")},
		{Label: "check", Text: backend.T("rows that hold it")},
		{Label: "check.*7d", Text: backend.T("rows that match the expression")},
		{Label: "!check", Text: backend.T("rows that don't")},
		{Label: "~ckout", Text: backend.T("rows that hold these letters in this order")},
		{Label: "state:crash", Text: backend.T("in this column; also restarts:>5 and age:<1h")},
		{Label: "-l app=cart", Text: backend.T("labels, asked of the server")},
	}
}
