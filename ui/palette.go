package ui

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/ui/screen"
	"wheelhouse/ui/widget/chooser"
)

// choice is a dialog in which one item of a list is picked.
type choice struct {
	heading string
	list    *chooser.Chooser
	pick    func(chooser.Item) tea.Cmd
	keys    map[string]func(id string) // do something to the current item, and the dialog stays; may be nil
	anew    func() []chooser.Item      // the items after one of keys
}

func (c *choice) title() string { return c.heading }

func (c *choice) want(_ *Shell, maxW, maxH int) (w, h int) {
	return min(maxW, 84), min(maxH, c.list.Height())
}

func (c *choice) draw(_ *Shell, f screen.Frame) { c.list.Draw(f) }

func (c *choice) update(s *Shell, msg tea.Msg) (bool, tea.Cmd) {
	k, isKey := msg.(tea.KeyPressMsg)
	if isKey && c.keys[k.String()] != nil {
		if it, ok := c.list.Current(); ok {
			c.keys[k.String()](it.ID)
			c.list.Replace(c.anew())
		}
		return false, nil
	}
	if isKey && k.String() == "enter" {
		it, ok := c.list.Current()
		switch {
		case !ok:
			return false, nil
		case it.Why != "" && !it.Ask:
			s.Say(it.Title+" can't be done now: "+it.Why, backend.Warning)
			return false, nil
		}
		return true, c.pick(it)
	}
	c.list.Update(msg)
	return false, nil
}

func (c *choice) dismissed(*Shell) {}

// Choose opens a dialog in which one of items is picked.
func (s *Shell) Choose(heading string, items []chooser.Item, pick func(chooser.Item) tea.Cmd) {
	s.open(&choice{heading: heading, list: chooser.New(items, nil), pick: pick})
}

// Arrange opens a dialog that stays: keys do something to the item under the
// cursor, and items are asked for anew after each.
func (s *Shell) Arrange(heading string, items func() []chooser.Item, keys map[string]func(id string)) {
	s.open(&choice{heading: heading, list: chooser.New(items(), nil), keys: keys, anew: items})
}

// openMenu lists what can be done to the selection, and beside what can't be
// done now the reason.
func (s *Shell) openMenu() tea.Cmd {
	sel := s.top().Selection()
	items := s.actionItems(sel)
	if len(items) == 0 {
		s.Say("Nothing can be done to what is selected here.", backend.None)
		return nil
	}
	s.Choose(subject(sel), items, func(it chooser.Item) tea.Cmd { return s.perform(it.ID, sel) })
	return nil
}

// perform does an action to what it was offered for, which need not be what is
// selected now, or a command.
func (s *Shell) perform(id string, sel Selection) tea.Cmd {
	if a, ok := s.o.Desk.Find(id); ok {
		return s.begin(a, sel, nil)
	}
	return s.Invoke(id)
}

func subject(sel Selection) string {
	if len(sel.Refs) == 1 {
		return noun(sel.Refs[0].Kind) + " " + backend.T(path(sel.Refs[0])).Safe()
	}
	return Count(len(sel.Refs), "object") + " marked"
}

// actions are those that anything of the selection can take.
func (s *Shell) actions(sel Selection) []backend.Action {
	var all []backend.Action
	for _, kind := range sel.kinds() {
		for _, a := range s.o.Desk.For(kind) {
			if !slices.ContainsFunc(all, func(b backend.Action) bool { return a.ID == b.ID }) {
				all = append(all, a)
			}
		}
	}
	return all
}

// actionItems are those actions to choose from.
func (s *Shell) actionItems(sel Selection) []chooser.Item {
	var items []chooser.Item
	for _, a := range s.actions(sel) {
		items = append(items, chooser.Item{
			ID: a.ID, Group: "action", Title: a.Title, Detail: a.Help,
			Key: s.keyOf(a.ID), Why: s.o.Desk.Why(a.ID, sel.Refs), Ask: s.o.Desk.Bars(a.ID, sel.Refs) == "",
		})
	}
	return items
}

// openPalette lists everything that can be gone to or done: actions of the
// selection, views, links, commands, and, once something is typed, objects.
func (s *Shell) openPalette() tea.Cmd {
	sel := s.top().Selection()
	items := s.actionItems(sel)
	for _, o := range s.o.Openers {
		items = append(items, chooser.Item{ID: ":" + o.Name, Group: "view", Title: o.Name, Detail: o.Title})
	}
	for _, l := range s.o.Links.States() {
		items = append(items, chooser.Item{ID: "@" + l.Alias, Group: "link", Title: l.Alias, Detail: l.Health.State.String()})
	}
	for _, c := range s.commands() {
		if !c.Quiet {
			items = append(items, chooser.Item{ID: c.ID, Group: "command", Title: c.Title, Key: s.keyOf(c.ID), Why: c.Why})
		}
	}
	found := map[string]backend.Ref{}
	s.open(&choice{heading: "Palette", list: chooser.New(items, s.objects(found)), pick: func(it chooser.Item) tea.Cmd {
		switch {
		case strings.HasPrefix(it.ID, ":"):
			return s.Command(it.ID[1:])
		case strings.HasPrefix(it.ID, "@"):
			return s.lookAt(it.ID[1:])
		case it.Group == "object":
			if said := s.top().(Finder).Goto(found[it.ID]); said != "" {
				s.Say(said, backend.None)
			}
			return s.top().Update(Changed{})
		}
		return s.perform(it.ID, sel)
	}})
	return nil
}

// lookAt shows one cluster: what the view on the screen shows of it, or where that
// is of no place, its pods.
func (s *Shell) lookAt(link string) tea.Cmd {
	name := s.top().Name()
	if slices.ContainsFunc(s.o.Openers, func(o Opener) bool { return o.Name == name && o.Words == nil }) {
		p := s.stack.place
		p.Links = []string{link}
		return s.MoveTo(p)
	}
	return s.Command("pods @" + link)
}

// maxObjects is how many objects the palette shows for what was typed.
const maxObjects = 20

// objects gives the items for objects of the view whose names hold what was
// typed, and keeps their refs in found.
func (s *Shell) objects(found map[string]backend.Ref) func(string) []chooser.Item {
	v, ok := s.top().(Finder)
	if !ok {
		return nil
	}
	return func(query string) []chooser.Item {
		var items []chooser.Item
		for _, r := range v.Find(query, maxObjects) {
			id := r.Key().String()
			found[id] = r
			items = append(items, chooser.Item{ID: id, Group: "object", Title: backend.T(path(r)).Safe(), Detail: r.Link})
		}
		return items
	}
}
