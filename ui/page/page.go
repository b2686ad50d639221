// Package page is the view of a text that is fetched: describe, YAML. It keeps
// the text in step with its object and knows nothing of what kind that is.
package page

import (
	"bytes"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/screen"
	"wheelhouse/ui/widget/pager"
)

// Options is what a page shows.
type Options struct {
	Ref    backend.Ref
	Aspect backend.Aspect
	Fetch  Fetch
	Stamp  func() any                          // changes when the object does; nil: never
	Save   func(name string, b []byte) tea.Cmd // writes a file and says where
}

// Page is the view. Use New.
type Page struct {
	o     Options
	live  *Live
	doc   backend.Doc
	pager pager.Pager
	query string
	hits  int
}

// New makes a page.
func New(o Options) *Page {
	if o.Stamp == nil {
		o.Stamp = func() any { return nil }
	}
	return &Page{o: o, live: NewLive(o.Fetch)}
}

// Name is the aspect.
func (p *Page) Name() string { return string(p.o.Aspect) }

// Scopes are those of a text.
func (p *Page) Scopes() []string { return []string{"pager"} }

// Title names the object.
func (p *Page) Title() ui.Title {
	counts := p.pager.Place()
	if p.query != "" {
		counts += ", " + ui.Number(p.hits) + " with " + p.query
	}
	name := p.o.Ref.Name
	if p.o.Ref.Scope != "" {
		name = p.o.Ref.Scope + "/" + name
	}
	return ui.Title{What: p.Name(), Place: p.o.Ref.Link + " · " + name, Counts: counts}
}

// Open and Close begin and end nothing: what is fetched is asked for in Update.
func (p *Page) Open(ui.Place) {}

// Close gives up what is under way.
func (p *Page) Close() { p.live.Stop() }

// Update takes the text when it comes, and asks for it anew when the object has
// changed.
func (p *Page) Update(msg tea.Msg) tea.Cmd {
	if p.live.Take(msg) {
		if doc, ok, err := p.live.Doc(); ok && err == nil {
			p.doc = doc
			p.pager.Set(pager.Doc(doc), 0)
			p.hits = p.pager.Find(p.query)
		}
		return nil
	}
	if wheel, ok := msg.(tea.MouseWheelMsg); ok {
		p.pager.Scroll(map[tea.MouseButton]int{tea.MouseWheelDown: 3, tea.MouseWheelUp: -3}[wheel.Button])
		return nil
	}
	return p.live.Want(p.o.Ref, p.o.Aspect, p.o.Stamp())
}

// Draw draws the text, or says why there is none.
func (p *Page) Draw(f screen.Frame) {
	_, ok, err := p.live.Doc()
	switch {
	case err != nil && p.pager.Len() == 0:
		f.Text(1, 1, themes.Critical, f.Signs.Level[backend.Critical])
		rows := f.Paragraph(3, 1, f.Width()-4, themes.Plain, backend.T(err.Error()).Safe())
		f.Text(3, 2+rows, themes.Dim, "ctrl+r tries again · esc goes back")
	case !ok && p.pager.Len() == 0:
		f.Text(1, 1, themes.Dim, f.Signs.Level[backend.Moving]+" asking the server …")
	case err != nil:
		p.pager.Draw(f.Sub(0, 0, f.Width(), f.Height()-1))
		f.Text(0, f.Height()-1, themes.Warning, f.Signs.Level[backend.Warning]+" not up to date: "+backend.T(err.Error()).Safe())
	default:
		p.pager.Draw(f)
	}
}

// Selection is the object.
func (p *Page) Selection() ui.Selection { return ui.Selection{Refs: []backend.Ref{p.o.Ref}} }

// Settled says whether the text is there.
func (p *Page) Settled() bool { return p.live.Settled() }

// Query is what is searched for.
func (p *Page) Query() string { return p.query }

// Search goes to the first line that holds query.
func (p *Page) Search(query string, _ bool) error {
	p.query = query
	p.hits = p.pager.Find(query)
	return nil
}

// SearchHelp is what can be typed behind '/'.
func (p *Page) SearchHelp() []backend.Line {
	return []backend.Line{
		{Text: backend.T("SEARCH")},
		{Label: "words", Text: backend.T("goes to the first line that holds them, in any case; all hits are marked")},
	}
}

// Commands are those of a text.
func (p *Page) Commands() []ui.Command {
	return append(ui.PagerCommands(&p.pager, func(string) {}), []ui.Command{
		{ID: "pager.copy", Title: "Copy the text", Group: "text", Run: func() tea.Cmd {
			return ui.Ask(func(s *ui.Shell) tea.Cmd { return s.Copy(p.text(), "the text") })
		}},
		{ID: "pager.save", Title: "Save the text to a file", Group: "text", Run: func() tea.Cmd {
			return p.o.Save(p.o.Ref.Name+"-"+p.Name()+".txt", []byte(p.text()))
		}},
		{ID: "shell.refresh", Title: "Ask the server again", Group: "text", Run: p.live.Again},
	}...)
}

func (p *Page) text() string {
	var b bytes.Buffer
	_ = p.doc.WriteText(&b) // a buffer takes everything
	return b.String()
}
