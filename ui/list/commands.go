package list

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/ui"
	"wheelhouse/ui/page"
	"wheelhouse/ui/widget/chooser"
	"wheelhouse/ui/widget/table"
)

// Commands are those of every list, those of the sort keys and the list's own.
func (l *List[T]) Commands() []ui.Command {
	out := append(l.movements(), l.marking()...)
	out = append(out, l.looking()...)
	out = append(out, l.taking()...)
	var bare []string
	bareWhy := ""
	if l.spec.Bare != nil {
		bare, bareWhy = l.spec.Bare()
	}
	for _, c := range l.spec.Columns {
		why := ""
		if slices.Contains(bare, c.ID) {
			why = bareWhy
		}
		out = append(out, ui.Command{ID: "list.sort." + c.ID, Title: "Sort by " + strings.ToLower(c.Title), Group: "table", Quiet: true, Why: why, Run: l.sorting(c.ID)})
	}
	if l.spec.Extra != nil {
		out = append(out, l.spec.Extra(l)...)
	}
	return out
}

// Hints implements ui.Hinter: opening, and the log where there is one.
func (l *List[T]) Hints() [][2]string {
	out := [][2]string{{"list.open", "open"}}
	if l.shared.Logged != nil && l.whyNoLogs() == "" {
		out = append(out, [2]string{"list.logs", "logs"})
	}
	return out
}

// moved wraps what moves the cursor: the details follow it.
func (l *List[T]) moved(f func()) func() tea.Cmd {
	return func() tea.Cmd {
		f()
		return l.look()
	}
}

func (l *List[T]) movements() []ui.Command {
	do := func(id, title string, f func()) ui.Command {
		return ui.Command{ID: id, Title: title, Group: "table", Quiet: true, Run: l.moved(f)}
	}
	t := l.table
	return []ui.Command{
		do("list.down", "Down", func() { t.Move(1) }),
		do("list.up", "Up", func() { t.Move(-1) }),
		do("list.pageDown", "Page down", func() { t.Page(1) }),
		do("list.pageUp", "Page up", func() { t.Page(-1) }),
		do("list.top", "First row", t.Home),
		do("list.bottom", "Last row", t.End),
		do("list.left", "Columns to the left", func() { t.Pan(-1) }),
		do("list.right", "Columns to the right", func() { t.Pan(1) }),
		{ID: "list.open", Title: "Open", Group: "table", Why: l.whyNothing(), Run: l.enter},
	}
}

func (l *List[T]) whyNothing() string {
	if _, ok := l.table.Current(); !ok {
		return "there is no row under the cursor"
	}
	return ""
}

func (l *List[T]) enter() tea.Cmd {
	row, _ := l.table.Current()
	return l.spec.Enter(*row)
}

func (l *List[T]) marking() []ui.Command {
	do := func(id, title, why string, f func()) ui.Command {
		return ui.Command{ID: id, Title: title, Group: "marks", Why: why, Run: func() tea.Cmd { f(); return nil }}
	}
	none := ""
	if l.table.Marked() == 0 {
		none = "nothing is marked"
	}
	return []ui.Command{
		do("list.mark", "Mark, or take the mark off", l.whyNothing(), l.table.Mark),
		do("list.markRange", "Mark from the last mark to here", l.whyNothing(), l.table.MarkRange),
		do("list.markAll", "Mark all that are shown", l.whyNothing(), l.table.MarkAll),
		do("list.clearMarks", "Take all marks off", none, l.table.ClearMarks),
	}
}

func (l *List[T]) looking() []ui.Command {
	out := []ui.Command{
		{ID: "list.sortNext", Title: "Sort by the next column", Group: "table", Run: l.keep(l.table.SortNext)},
		{ID: "list.sortReverse", Title: "Turn the order round", Group: "table", Run: l.keep(l.table.Reverse)},
		{ID: "list.broken", Title: "Only what is broken, or all", Group: "table", Run: l.moved(func() { l.table.Broken(!l.table.OnlyBroken(), l.spec.Broken) })},
		{ID: "list.columns", Title: "Choose and order the columns", Group: "table", Run: l.chooseColumns},
		{ID: "list.wide", Title: "All columns, or the chosen ones", Group: "table", Run: l.moved(l.table.Wide)},
	}
	if !l.spec.Alone {
		out = append(out, ui.Command{ID: "list.aside", Title: "Details beside the list, or not", Group: "table", Run: l.moved(func() { l.aside = !l.aside })})
	}
	if l.shared.Details != nil {
		out = append(out,
			ui.Command{ID: "detail.describe", Title: "Describe", Group: "table", Why: l.whyNothing(), Run: l.Show(backend.Describe)},
			ui.Command{ID: "detail.yaml", Title: "YAML", Group: "table", Why: l.whyNothing(), Run: l.Show(backend.YAML)})
	}
	if l.shared.Logged != nil {
		out = append(out, ui.Command{ID: "list.logs", Title: "Logs", Group: "table", Why: l.whyNoLogs(), Run: l.openLogs})
	}
	if l.spec.Scoped {
		for n := range 10 {
			out = append(out, ui.Command{ID: fmt.Sprintf("list.namespace.%d", n), Title: l.namespaceTitle(n), Group: "place", Quiet: true, Run: l.namespace(n)})
		}
	}
	return out
}

// Show opens one face of the object under the cursor as a page.
func (l *List[T]) Show(a backend.Aspect) func() tea.Cmd {
	return func() tea.Cmd {
		row, ok := l.table.Current()
		if !ok {
			return nil
		}
		r := (*row).Ref()
		fetch := l.shared.Details(r.Link)
		if fetch == nil {
			return ui.Ask(func(s *ui.Shell) tea.Cmd {
				s.Say(r.Link+" is not connected: there is nobody to ask. :ctx connects.", backend.Warning)
				return nil
			})
		}
		store := l.spec.Feed.Store
		return ui.Ask(func(s *ui.Shell) tea.Cmd {
			return s.Push(page.New(page.Options{
				Ref: r, Aspect: a, Save: l.shared.Save, Fetch: fetch,
				Stamp: func() any { v, _ := store.Get(r); return v },
			}))
		})
	}
}

// mostLogs is of how many objects the logs are read at once.
const mostLogs = 20

func (l *List[T]) whyNoLogs() string {
	if n := l.table.Marked(); n > mostLogs {
		return fmt.Sprintf("%d are marked, and the logs of %d are read at most", n, mostLogs)
	}
	refs := l.table.Selected()
	if len(refs) == 0 {
		return "there is no row under the cursor"
	}
	for _, r := range refs {
		if !l.shared.Logged(r) {
			kind, _, _ := strings.Cut(r.Kind, ".")
			return kind + " " + backend.T(r.Name).Safe() + " has no log that can be read here"
		}
	}
	return ""
}

// openLogs shows the logs of the marked rows, or of the one under the cursor.
func (l *List[T]) openLogs() tea.Cmd {
	line := "logs"
	for _, r := range l.table.Selected() {
		line += " " + r.String()
	}
	return ui.Ask(func(s *ui.Shell) tea.Cmd { return s.Command(line) })
}

// recents are the namespaces behind the digit keys; 0 is all.
func (l *List[T]) recents() []string {
	return append([]string{"all"}, l.shared.Memory.Get("namespaces")...)
}

func (l *List[T]) namespaceTitle(n int) string {
	if rec := l.recents(); n < len(rec) {
		return "Namespace " + rec[n]
	}
	return "A namespace that was used before"
}

func (l *List[T]) namespace(n int) func() tea.Cmd {
	return func() tea.Cmd {
		rec := l.recents()
		return ui.Ask(func(s *ui.Shell) tea.Cmd {
			if n >= len(rec) {
				s.Say("No namespace is remembered under that digit yet. :ns chooses one.", backend.None)
				return nil
			}
			p := s.Place()
			p.Namespaces = nil
			if n > 0 {
				p.Namespaces = []string{rec[n]}
			}
			return s.MoveTo(p)
		})
	}
}

func (l *List[T]) taking() []ui.Command {
	copying := func(id, title string, text func() string) ui.Command {
		return ui.Command{ID: id, Title: title, Group: "take along", Why: l.whyNothing(), Run: func() tea.Cmd {
			return ui.Ask(func(s *ui.Shell) tea.Cmd { return s.Copy(text(), strings.ToLower(strings.TrimPrefix(title, "Copy "))) })
		}}
	}
	return []ui.Command{
		copying("list.copyName", "Copy the name", func() string { return backend.T(l.current().Name).Safe() }),
		copying("list.copyNamespace", "Copy the namespace", func() string { return backend.T(l.current().Scope).Safe() }),
		copying("list.copyCell", "Copy the cell of the sorted column", l.table.CellText),
		copying("list.copyRow", "Copy the row", l.table.RowText),
		{ID: "list.save", Title: "Save the rows as CSV, JSON or YAML", Group: "take along", Run: l.save},
	}
}

func (l *List[T]) current() backend.Ref {
	row, ok := l.table.Current()
	if !ok {
		return backend.Ref{}
	}
	return (*row).Ref()
}

// save asks for the format and writes the marked rows, or all that are shown.
func (l *List[T]) save() tea.Cmd {
	var items []chooser.Item
	what := "all rows that are shown"
	if n := l.table.Marked(); n > 0 {
		what = "the " + ui.Count(n, "marked row")
		if hidden := l.table.HiddenMarked(); hidden > 0 {
			what += ", " + ui.Number(hidden) + " of them hidden by the filter"
		}
	}
	for _, format := range []table.Format{table.CSV, table.JSON, table.YAML} {
		items = append(items, chooser.Item{ID: string(format), Title: strings.ToUpper(string(format)), Detail: what})
	}
	return ui.Ask(func(s *ui.Shell) tea.Cmd {
		s.Choose("Save "+l.spec.Noun+"s as", items, func(it chooser.Item) tea.Cmd {
			var b bytes.Buffer
			if err := l.table.Export(&b, table.Format(it.ID)); err != nil {
				s.Say("Not saved: "+err.Error(), backend.Critical)
				return nil
			}
			return l.shared.Save(l.spec.Name+"."+it.ID, b.Bytes())
		})
		return nil
	})
}
