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
	views []View
	at    int
	place Place
}

// top is the view on the screen; before the first one is opened, an empty one.
func (s *Shell) top() View {
	if len(s.stack.views) == 0 {
		return empty{}
	}
	return s.stack.views[s.stack.at]
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
	st.views = append(st.views, v)
	st.at = len(st.views) - 1
	v.Open(st.place)
	return v.Update(Changed{})
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
	s.stack.at = at
	v := s.top()
	v.Open(s.stack.place)
	return v.Update(Changed{})
}

// Place is where the views look.
func (s *Shell) Place() Place { return s.stack.place }

// MoveTo makes the views look elsewhere.
func (s *Shell) MoveTo(p Place) tea.Cmd {
	p, ok := s.reach(p)
	if !ok {
		return nil
	}
	s.stack.place = p
	if len(p.Namespaces) == 1 {
		s.remember("namespaces", p.Namespaces[0], 9)
	}
	v := s.top()
	v.Open(p)
	return v.Update(Changed{})
}

// reach connects the links of a place and gives it with their aliases. Where a
// name is no link's, it says so, and ok is false.
func (s *Shell) reach(p Place) (reached Place, ok bool) {
	states := s.o.Links.States()
	reached = Place{Namespaces: p.Namespaces}
	for _, name := range p.Links {
		i := slices.IndexFunc(states, func(l LinkState) bool { return l.Alias == name || slices.Contains(l.Contexts, name) })
		if i < 0 {
			s.Say(fmt.Sprintf("No cluster is called %q. :ctx lists them.", name), backend.Warning)
			return p, false
		}
		if states[i].Health.State == backend.Off {
			s.o.Links.Connect(states[i].Alias)
		}
		reached.Links = append(reached.Links, states[i].Alias)
	}
	return reached, true
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
