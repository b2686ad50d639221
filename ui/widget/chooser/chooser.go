// Package chooser lets a person pick one item of a list by typing part of it:
// the palette, the action menu and every other list of choices. It knows
// nothing of what the items are.
package chooser

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
	"github.com/sahilm/fuzzy"

	"wheelhouse/themes"
	"wheelhouse/ui/screen"
	"wheelhouse/ui/widget/input"
)

// An Item is one choice.
type Item struct {
	ID     string // given back when chosen
	Group  string // drawn dim before the title: "view", "action"
	Title  string
	Key    string // drawn right
	Detail string // drawn dim behind the title
	Why    string // not empty: can't be done now, and this is the reason
	Ask    bool   // it may be chosen all the same: Why may have changed
}

// Chooser is the list, its search line and the cursor. Use New.
type Chooser struct {
	search input.Input
	all    []Item
	more   func(query string) []Item // further items for what was typed; may be nil
	shown  []Item
	at     int
	top    int
}

// New gives a chooser of items. more, when not nil, is asked for further ones
// each time the search changes.
func New(items []Item, more func(query string) []Item) *Chooser {
	c := &Chooser{search: input.New("", false), all: items, more: more}
	c.filter()
	return c
}

// Replace puts other items in the place of those that there are. What is
// searched for stays, and the cursor stays on its item.
func (c *Chooser) Replace(items []Item) {
	before, _ := c.Current()
	top := c.top
	c.all = items
	c.filter()
	c.top = top
	if i := slices.IndexFunc(c.shown, func(it Item) bool { return it.ID == before.ID }); i >= 0 {
		c.at = i
	}
}

// Current is the item under the cursor; ok is false when none matches.
func (c *Chooser) Current() (it Item, ok bool) {
	if c.at >= len(c.shown) {
		return Item{}, false
	}
	return c.shown[c.at], true
}

// Move moves the cursor by n items.
func (c *Chooser) Move(n int) { c.at = max(0, min(c.at+n, len(c.shown)-1)) }

// Update takes a key press: the arrows move, the rest is typed.
func (c *Chooser) Update(msg tea.Msg) {
	if k, ok := msg.(tea.KeyPressMsg); ok {
		switch k.String() {
		case "up", "ctrl+p":
			c.Move(-1)
			return
		case "down", "ctrl+n", "tab":
			c.Move(1)
			return
		case "pgup":
			c.Move(-10)
			return
		case "pgdown":
			c.Move(10)
			return
		}
	}
	before := c.search.Value()
	c.search.Update(msg)
	if c.search.Value() != before {
		c.filter()
	}
}

func (c *Chooser) filter() {
	q := strings.TrimSpace(c.search.Value())
	all := c.all
	if c.more != nil && q != "" {
		all = append(all[:len(all):len(all)], c.more(q)...)
	}
	c.at, c.top = 0, 0
	if q == "" {
		c.shown = all
		return
	}
	c.shown = nil
	for _, m := range fuzzy.FindFrom(q, titles(all)) {
		c.shown = append(c.shown, all[m.Index])
	}
}

type titles []Item

func (t titles) String(i int) string { return t[i].Title + " " + t[i].Group }
func (t titles) Len() int            { return len(t) }

// Height is how many rows it would like, whatever is typed: one for the search
// line, one an item, and room for those that only a search finds.
func (c *Chooser) Height() int {
	const found = 10
	if c.more != nil {
		return 1 + max(found, len(c.all))
	}
	return 1 + max(1, len(c.all))
}

// Draw draws the search line and, below, as many items as fit.
func (c *Chooser) Draw(f screen.Frame) {
	f.Text(0, 0, themes.Accent, "/")
	c.search.Draw(f, 2, 0, f.Width()-2, themes.Plain)
	rows := f.Height() - 1
	if len(c.shown) == 0 {
		f.Text(2, 1, themes.Dim, "nothing matches")
		return
	}
	if c.at < c.top {
		c.top = c.at
	}
	if c.at >= c.top+rows {
		c.top = c.at - rows + 1
	}
	for y := 0; y < rows && c.top+y < len(c.shown); y++ {
		c.drawItem(f.Sub(0, 1+y, f.Width(), 1), c.shown[c.top+y], c.top+y == c.at)
	}
}

func (c *Chooser) drawItem(f screen.Frame, it Item, current bool) {
	pen := themes.Plain
	if it.Why != "" {
		pen = themes.Dim
	}
	if current {
		f.Text(0, 0, themes.Accent, f.Signs.Cursor)
		pen |= themes.Bold
	}
	right := it.Group
	if it.Key != "" {
		right += " " + it.Key
	}
	x := f.Text(2, 0, pen, it.Title) + 2
	if it.Why != "" {
		x = f.Text(x, 0, themes.Warning, it.Why) + 2
	} else {
		room := f.Width() - screen.Width(right) - 2 - x // the key is worth more than the end of a sentence
		f.Fit(x, 0, room, themes.Dim, it.Detail, false)
		x += min(screen.Width(it.Detail), max(0, room)) + 2
	}
	if at := f.Width() - screen.Width(right); at >= x {
		next := f.Text(at, 0, themes.Dim, it.Group)
		if it.Key != "" {
			f.Text(next+1, 0, themes.Accent, it.Key)
		}
	}
}
