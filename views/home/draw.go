package home

import (
	"cmp"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/service"
	"wheelhouse/backend/story"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/screen"
	"wheelhouse/ui/widget/table"
)

// Draw draws the bands below each other, and at the bottom in full what the item
// under the cursor says.
func (h *home) Draw(f screen.Frame) {
	if h.total() == 0 {
		h.bands[0].Draw(f) // it says why
		return
	}
	note := h.drawNote(f)
	heights := h.heights(f.Height() - note)
	y := 0
	for i, b := range h.bands {
		b.y, b.rows = y, heights[i]
		part := f.Sub(0, y, f.Width(), 1+heights[i])
		if heights[i] > 0 {
			b.Draw(part)
		}
		part = part.Sub(0, 0, f.Width(), 1)
		part.Clear()
		pen := themes.Head
		if i == h.at {
			pen = themes.Accent
		}
		x := part.Text(1, 0, pen|themes.Bold, b.title)
		part.Text(x+2, 0, themes.Dim, count(b.Len(), heights[i]))
		y += 1 + heights[i]
	}
}

func count(n, shown int) string {
	switch {
	case n == 0:
		return "nothing"
	case n > shown:
		return ui.Number(n) + " (" + ui.Number(shown) + " shown)"
	}
	return ui.Number(n)
}

// heights is how many rows each band gets of h lines, below its heading: all, where
// there is room; else what is on its way and what changed get a quarter each, as far
// as they need it, and what is wrong gets the rest.
func (h *home) heights(lines int) [3]int {
	left := max(0, lines-len(h.bands))
	var out [3]int
	out[story.Wrong] = min(h.bands[story.Wrong].Len(), 1, left)
	left -= out[story.Wrong]
	quarter := max(1, left/4)
	for i := 1; i < len(out); i++ {
		out[i] = min(h.bands[i].Len(), quarter, left)
		left -= out[i]
	}
	for i, b := range h.bands {
		more := min(b.Len()-out[i], left)
		out[i] += more
		left -= more
	}
	return out
}

// noteRows is the most that the note takes.
const noteRows = 2

func (h *home) drawNote(f screen.Frame) int {
	i, ok := h.now().Current()
	if !ok || f.Height() < 12 {
		return 0
	}
	text := what(&i) + ": " + backend.T(i.Says).Safe()
	n := min(noteRows, len(screen.Wrap(text, f.Width()-5)))
	f = f.Sub(0, f.Height()-n, f.Width(), n)
	f.Text(2, 0, themes.Of(i.Level), f.Signs.Level[i.Level])
	f.Paragraph(4, 0, f.Width()-5, themes.Dim, text)
	return n
}

// Columns are what a row of home shows.
func Columns() []table.Column[story.Item] {
	named := list.Text("name", "WHAT", 0, what)
	named.Cell = func(i *story.Item, _ time.Time) table.Cell { return table.Cell{Text: what(i), Level: i.Level} }
	named.Max = 34
	since := list.Age("since", "SINCE", func(i *story.Item) int64 { return i.Since })
	since.Less, since.Keep = first, 1
	return []table.Column[story.Item]{
		named,
		list.Name("says", "SAYS", func(i *story.Item) string { return i.Says }),
		list.Text("namespace", "NAMESPACE", 4, func(i *story.Item) string { return scope(i) }),
		list.Text("link", "LINK", 0, func(i *story.Item) string { return i.Of.Link }),
		since,
	}
}

// what is the object as people call it: "rollout checkout", "build shop/cart #812". Of a
// service that does not say which breakers it has, it is all of them.
func what(i *story.Item) string {
	kind, _, _ := strings.Cut(i.Of.Kind, ".")
	switch kind {
	case cluster.KindCluster:
		kind = "link" // which leads to a system as well
	case delivery.KindBuild:
		return kind + " " + i.Of.Scope + " #" + i.Of.Name
	case service.KindBreaker:
		if of, unnamed := strings.CutSuffix(i.Of.Name, ".?"); unnamed {
			return "breakers of " + of
		}
	}
	return kind + " " + i.Of.Name
}

// scope is the namespace; a build's pipeline is said with its name.
func scope(i *story.Item) string {
	if i.Of.Kind == delivery.KindBuild {
		return ""
	}
	return i.Of.Scope
}

// first is the order in which people want to know: the worst first, of the like the
// newest first, and what is wrong before its consequences; of what is over, the newest
// whatever came of it.
func first(a, b *story.Item) int {
	newest := cmp.Compare(b.Place.Newest, a.Place.Newest)
	if a.Section == story.Before && b.Section == story.Before {
		return newest
	}
	return cmp.Or(int(a.Section)-int(b.Section), int(b.Place.Level)-int(a.Place.Level), newest, a.Place.Behind-b.Place.Behind)
}
