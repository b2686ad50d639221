// Package story joins what the rows of all domains say into one list: what is
// wrong now, what is on its way, what changed just before. It knows feeds and the
// grammar, and no noun.
package story

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
)

// Section is which part of the story an item belongs to.
type Section uint8

// The sections, in the order in which people want to know.
const (
	Wrong Section = iota
	Flight
	Before
)

// String is the word for it on the screen.
func (s Section) String() string { return [...]string{"wrong", "in flight", "before"}[s] }

// An Item is what there is to say about one object: all that is wrong with it, or
// what goes on, or else its last change.
type Item struct {
	Of      backend.Ref
	Section Section
	Level   backend.Level
	Since   int64 // Unix seconds; zero when unknown
	Says    string
}

// Ref is the object's, so that what can be done to it can be done from here.
func (i Item) Ref() backend.Ref { return i.Of }

// AppendText implements backend.Object.
func (i Item) AppendText(b []byte) []byte {
	return backend.AppendWords(b, i.Of.Link, i.Of.Scope, i.Of.Kind, i.Of.Name, i.Section.String(), i.Says)
}

// mostChanges is how many of the last changes are kept.
const mostChanges = 20

// A Book is kept in step with the feeds that were added to it. Its methods are
// called from one goroutine; its feed is as safe as any.
type Book struct {
	feed  *feed.Feed[Item]
	link  func(alias string) backend.Ref
	pages []page
	loads map[backend.Part]*written
}

// A page is one feed's contribution.
type page interface {
	watch(ctx context.Context, s backend.Scope)
	turn() (changed bool)
	findings() []backend.Finding
	changes() []backend.Change
	parts() []feed.PartState
}

// written is what the feed has been given of a part.
type written struct {
	load   backend.Load[Item]
	synced bool
	rows   map[backend.Ref]bool
}

// New makes an empty book for a set of feeds. Its own is none of the set's: that
// an object is told of says nothing about what can be done to it. link addresses a
// link, for what is wrong with a part of it.
func New(s *feed.Set, link func(alias string) backend.Ref) *Book {
	return &Book{feed: feed.NewFeed[Item](s.Bell()), link: link, loads: map[backend.Part]*written{}}
}

// Feed has the items.
func (b *Book) Feed() *feed.Feed[Item] { return b.feed }

// Add takes what the rows of a feed say into the book: of those that are Finders
// or Changers. scoped says that they live in namespaces; what lives elsewhere is
// told of whatever namespaces are watched.
func Add[T backend.Object](b *Book, f *feed.Feed[T], scoped bool) {
	b.pages = append(b.pages, &of[T]{feed: f, scoped: scoped})
}

// Watch has every feed follow scope until ctx ends, unless it does already.
func (b *Book) Watch(ctx context.Context, s backend.Scope) {
	for _, p := range b.pages {
		p.watch(ctx, s)
	}
}

// Turn takes in what has changed in the feeds. It costs what there is to tell, and
// nothing where that has not changed.
func (b *Book) Turn() {
	changed := false
	for _, p := range b.pages {
		changed = p.turn() || changed
	}
	if !changed {
		return
	}
	rows := map[backend.Part][]Item{}
	health, loading := b.health()
	for part, h := range health {
		b.feed.Health(part, h)
		rows[part] = nil
	}
	for _, i := range b.items() {
		part := backend.Part{Link: i.Of.Link}
		rows[part] = append(rows[part], i)
	}
	for part, items := range rows {
		b.write(part, items, !loading[part])
	}
}

// write makes a part's rows those; whole, once all that belongs to it is known.
func (b *Book) write(part backend.Part, items []Item, whole bool) {
	w := b.loads[part]
	if w == nil {
		w = &written{load: b.feed.Begin(part)}
		b.loads[part] = w
	}
	if whole && !w.synced {
		w.synced = true
		defer w.load.Synced()
	}
	now := map[backend.Ref]bool{}
	for _, i := range items {
		now[i.Of.Key()] = true
	}
	for ref := range w.rows {
		if !now[ref] {
			w.load.Delete(ref)
		}
	}
	w.load.Put(items...)
	w.rows = now
}

// items are one for each object that there is something to say about.
func (b *Book) items() []Item {
	by := map[backend.Ref]*Item{}
	for _, f := range append(counted(b.pages), b.lost()...) {
		i := Item{Of: f.Ref, Section: Wrong, Level: f.Level, Says: f.Sentence.Raw()}
		if f.Level == backend.Moving || f.Level == backend.Waiting {
			i.Section = Flight
		}
		if !f.Since.IsZero() {
			i.Since = f.Since.Unix()
		}
		switch was := by[f.Ref.Key()]; {
		case was == nil:
			by[f.Ref.Key()] = &i
		case i.Section > was.Section: // what goes on is said of what is well
		case i.Section < was.Section:
			*was = i
		default:
			was.Level = max(was.Level, i.Level)
			was.Since = cmp.Or(min(was.Since, i.Since), max(was.Since, i.Since))
			was.Says += "; " + i.Says
		}
	}
	for _, c := range b.lastChanges() {
		if by[c.Ref.Key()] == nil {
			by[c.Ref.Key()] = &Item{Of: c.Ref, Section: Before, Level: c.Level, Since: c.At.Unix(), Says: c.Sentence.Raw()}
		}
	}
	out := make([]Item, 0, len(by))
	for _, i := range by {
		out = append(out, *i)
	}
	return out
}

// counted are all findings, those of one rule about one object as one: a dozen
// pods of one deployment crash for one reason.
func counted(pages []page) []backend.Finding {
	type rule struct {
		ref  backend.Ref
		name string
	}
	var order []rule
	all := map[rule][]backend.Finding{}
	for _, p := range pages {
		for _, f := range p.findings() {
			r := rule{f.Ref.Key(), f.Rule}
			if all[r] == nil {
				order = append(order, r)
			}
			all[r] = append(all[r], f)
		}
	}
	var out []backend.Finding
	for _, r := range order {
		f := slices.MaxFunc(all[r], func(a, b backend.Finding) int { return cmp.Compare(a.Level, b.Level) })
		if n := len(all[r]); n > 1 {
			f.Sentence = backend.T(fmt.Sprintf("%d × %s", n, f.Sentence.Raw()))
		}
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b backend.Finding) int {
		return cmp.Or(cmp.Compare(b.Level, a.Level), strings.Compare(a.Rule, b.Rule), strings.Compare(a.Sentence.Raw(), b.Sentence.Raw()))
	})
	return out
}

// lost are findings about what can't be read of links that can be reached: what is
// wrong there nobody sees.
func (b *Book) lost() (out []backend.Finding) {
	live, lost := map[string]bool{}, map[string]backend.Health{}
	for _, p := range b.pages {
		for _, s := range p.parts() {
			switch {
			case s.Part.Link == "":
			case s.Health.State == backend.Live:
				live[s.Part.Link] = true
			case s.Health.State == backend.Down, s.Health.State == backend.Stale:
				lost[s.Part.Link] = s.Health
			}
		}
	}
	for link, h := range lost {
		if live[link] && !h.Reason.IsZero() {
			out = append(out, backend.Finding{Ref: b.link(link), Rule: "part", Level: backend.Warning, Since: h.Since, Sentence: h.Reason})
		}
	}
	return out
}

func (b *Book) lastChanges() []backend.Change {
	var all []backend.Change
	for _, p := range b.pages {
		all = append(all, p.changes()...)
	}
	slices.SortFunc(all, func(a, b backend.Change) int {
		return cmp.Or(b.At.Compare(a.At), strings.Compare(a.Ref.String(), b.Ref.String()))
	})
	return all[:min(len(all), mostChanges)]
}

// health is each link's: the worst of what its feeds are, and whether one of them
// is still being read for the first time. What a link does not have, nobody misses
// here.
func (b *Book) health() (out map[backend.Part]backend.Health, loading map[backend.Part]bool) {
	out, loading = map[backend.Part]backend.Health{}, map[backend.Part]bool{}
	for _, p := range b.pages {
		for _, s := range p.parts() {
			part := backend.Part{Link: s.Part.Link}
			if s.Health.State == backend.Off || part.Link == "" {
				continue
			}
			loading[part] = loading[part] || s.Loading
			if s.Health.State == backend.Live {
				s.Health.Reason = backend.Text{} // what it leaves out its own view says
			}
			if was, ok := out[part]; !ok || s.Health.State > was.State {
				out[part] = s.Health
			}
		}
	}
	return out, loading
}

// of is the page of one noun.
type of[T backend.Object] struct {
	feed   *feed.Feed[T]
	lens   *feed.Lens[T]
	scoped bool
}

func (p *of[T]) watch(ctx context.Context, s backend.Scope) {
	if !p.scoped {
		s.Namespaces = nil
	}
	now, ok := p.feed.Watching()
	if !ok || !slices.Equal(now.Namespaces, s.Namespaces) {
		p.feed.Watch(ctx, s)
	}
}

func (p *of[T]) turn() bool {
	if p.lens == nil {
		p.lens = p.feed.Lens(nil, feed.Keep[T]{}.Where("story", tells[T]))
		return true
	}
	return p.lens.Refresh()
}

func tells[T backend.Object](row *T) bool {
	if f, ok := any(*row).(backend.Finder); ok {
		if _, found := f.Finding(); found {
			return true
		}
	}
	if c, ok := any(*row).(backend.Changer); ok {
		_, changed := c.Change()
		return changed
	}
	return false
}

func (p *of[T]) findings() (out []backend.Finding) {
	for row := range p.lens.Shown() {
		if f, ok := any(*row).(backend.Finder); ok {
			if found, ok := f.Finding(); ok {
				out = append(out, found)
			}
		}
	}
	return out
}

func (p *of[T]) changes() (out []backend.Change) {
	for row := range p.lens.Shown() {
		if c, ok := any(*row).(backend.Changer); ok {
			if change, ok := c.Change(); ok {
				out = append(out, change)
			}
		}
	}
	return out
}

func (p *of[T]) parts() []feed.PartState { return p.feed.Parts() }
