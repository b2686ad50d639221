package ui

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/ui/screen"
)

// maxViews is how many views are kept to go back to. Each may hold a live feed.
const maxViews = 12

// stack is the views that were opened, with the one on the screen among them:
// those before it are reached by back, those behind it by forward.
type stack struct {
	views []opened
	at    int
	place Place // where the one on the screen looks
}

// opened is a view with where it looks, and the filter that it was opened with:
// going back to it brings back both.
type opened struct {
	View
	place  Place
	filter string
}

// top is the view on the screen; before the first one is opened, an empty one.
func (s *Shell) top() View {
	if len(s.stack.views) == 0 {
		return empty{}
	}
	return s.stack.views[s.stack.at].View
}

// Push opens v on top; views that were gone back from are closed.
func (s *Shell) Push(v View) tea.Cmd {
	st := &s.stack
	if len(st.views) > 0 {
		for _, old := range st.views[st.at+1:] {
			old.Close()
		}
		st.views = st.views[:st.at+1]
	}
	if len(st.views) == maxViews {
		st.views[0].Close()
		st.views = append(st.views[:0], st.views[1:]...)
	}
	o := opened{View: v, place: st.place}
	if f, ok := v.(Searcher); ok {
		o.filter = f.Query()
	}
	st.views = append(st.views, o)
	st.at = len(st.views) - 1
	s.hush()
	v.Open(st.place)
	return v.Update(Changed{})
}

// A Leaver is a view that reads on while another one is before it. Only one does: it
// stops when one goes back from it, or opens another that reads, but not for a page
// that is opened on top of it.
type Leaver interface {
	// Left is called then, maybe more than once; Open when one comes again.
	Left()
}

// hush stops all that read but the view on the screen, where that reads itself.
func (s *Shell) hush() {
	if _, reads := s.top().(Leaver); !reads {
		return
	}
	for i, o := range s.stack.views {
		if v, ok := o.View.(Leaver); ok && i != s.stack.at {
			v.Left()
		}
	}
}

// Back shows the view before; the first one stays.
func (s *Shell) Back() tea.Cmd { return s.goTo(s.stack.at - 1) }

// Forward shows the view that was gone back from.
func (s *Shell) Forward() tea.Cmd { return s.goTo(s.stack.at + 1) }

func (s *Shell) goTo(at int) tea.Cmd {
	if at < 0 || at >= len(s.stack.views) {
		s.Say("No further view that way. Type : to open one, ? for help.", backend.None)
		return nil
	}
	if v, ok := s.top().(Leaver); ok && at < s.stack.at {
		v.Left()
	}
	s.stack.at, s.stack.place = at, s.stack.views[at].place
	s.hush()
	v := s.top()
	v.Open(s.stack.place)
	return v.Update(Changed{})
}

// Place is where the view on the screen looks, and the next one will.
func (s *Shell) Place() Place { return s.stack.place }

// MoveTo makes the view on the screen look elsewhere.
func (s *Shell) MoveTo(p Place) tea.Cmd {
	if !s.reach(p) {
		return nil
	}
	v := s.top()
	if len(s.stack.views) > 0 {
		s.stack.views[s.stack.at].place = s.stack.place
	}
	v.Open(s.stack.place)
	return v.Update(Changed{})
}

// reach makes p the place, with the aliases of its links, and connects them. Where
// a name is no link's it says so, gives false, and the place stays.
func (s *Shell) reach(p Place) bool {
	states := s.o.Links.States()
	reached := Place{Namespaces: p.Namespaces}
	for _, name := range p.Links {
		i := slices.IndexFunc(states, func(l LinkState) bool { return l.Alias == name || slices.Contains(l.Contexts, name) })
		if i < 0 {
			s.Say(fmt.Sprintf("No cluster is called %q. :ctx lists them.", name), backend.Warning)
			return false
		}
		if states[i].Health.State == backend.Off {
			s.o.Links.Connect(states[i].Alias)
		}
		reached.Links = append(reached.Links, states[i].Alias)
	}
	if ns := p.Namespaces; len(ns) == 1 && !slices.Contains(s.o.Memory.Get("namespaces"), ns[0]) {
		s.remember("namespaces", ns[0], 9) // one that is there keeps its digit
	}
	s.stack.place = reached
	return true
}

// Leave makes no view look at a link any more: it was disconnected.
func (s *Shell) Leave(link string) {
	without := func(p *Place) {
		p.Links = slices.DeleteFunc(slices.Clone(p.Links), func(l string) bool { return l == link })
	}
	without(&s.stack.place)
	for i := range s.stack.views {
		without(&s.stack.views[i].place)
	}
}

// remember puts value first in a list that is kept between sessions.
func (s *Shell) remember(key, value string, most int) {
	list := []string{value}
	for _, old := range s.o.Memory.Get(key) {
		if old != value && len(list) < most {
			list = append(list, old)
		}
	}
	s.o.Memory.Put(key, list)
}

// empty is the view before any.
type empty struct{}

func (empty) Name() string           { return "" }
func (empty) Scopes() []string       { return nil }
func (empty) Title() Title           { return Title{} }
func (empty) Open(Place)             {}
func (empty) Close()                 {}
func (empty) Update(tea.Msg) tea.Cmd { return nil }
func (empty) Draw(screen.Frame)      {}
func (empty) Commands() []Command    { return nil }
func (empty) Selection() Selection   { return Selection{} }
func (empty) Settled() bool          { return true }
