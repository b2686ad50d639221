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
	"time"

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
	Place   Place

	about, blames string // see backend.Finding
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
	bell    *feed.Bell
	feed    *feed.Feed[Item]
	link    func(alias string) backend.Ref
	pages   []page
	loads   map[string]*written                // by link
	found   map[backend.Ref][]*backend.Finding // by object: what rows say of it
	changes []*backend.Change                  // the newest first
	last    []backend.Ref                      // the objects of the last changes, when they were written
	stirred map[backend.Ref]bool               // objects of which something else is said than was written
	lost    map[string]*backend.Finding        // by link: what can't be read of it
	chain   chain
}

// A page is one feed's contribution.
type page interface {
	watch(ctx context.Context, s backend.Scope)
	turn(b *Book) (more bool)
	parts() []feed.PartState
}

// written is what the feed has been given of a link.
type written struct {
	load   backend.Load[Item]
	synced bool
}

// New makes an empty book for a set of feeds. Its own is none of the set's: that
// an object is told of says nothing about what can be done to it. link addresses a
// link, for what is wrong with a part of it.
func New(s *feed.Set, link func(alias string) backend.Ref) *Book {
	return &Book{
		bell: s.Bell(), feed: feed.NewFeed[Item](s.Bell()), link: link, loads: map[string]*written{}, lost: map[string]*backend.Finding{},
		found: map[backend.Ref][]*backend.Finding{}, stirred: map[backend.Ref]bool{}, chain: newChain(),
	}
}

// Feed has the items.
func (b *Book) Feed() *feed.Feed[Item] { return b.feed }

// Add takes what the rows of a feed say into the book: of those that are Finders
// or Changers. scoped says that they live in namespaces; what lives elsewhere is
// told of whatever namespaces are watched.
func Add[T backend.Object](b *Book, f *feed.Feed[T], scoped bool) {
	b.pages = append(b.pages, &of[T]{feed: f, scoped: scoped, told: map[backend.Ref]*told{}})
}

// Watch has every feed follow scope until ctx ends, unless it does already.
func (b *Book) Watch(ctx context.Context, s backend.Scope) {
	for _, p := range b.pages {
		p.watch(ctx, s)
	}
}

// Turn takes in what has changed in the feeds. It costs what that is, and is bounded:
// where much has changed the bell rings for another one.
func (b *Book) Turn() {
	loading := b.loading() // asked first: rows that come meanwhile are the next turn's
	more := false
	for _, p := range b.pages {
		more = p.turn(b) || more
	}
	if more {
		b.bell.Ring()
	}
	b.tellHealth()
	b.tellLast()
	b.write()
	for link, w := range b.loads {
		if !w.synced && !more && !loading[link] {
			w.synced = true
			w.load.Synced()
		}
	}
}

// write gives the feed what is to be said now of what has been stirred.
func (b *Book) write() {
	now := map[backend.Ref]Item{}
	linked := false
	for key := range b.stirred {
		i, ok := b.item(key)
		var wrong *Item
		if ok && i.Section == Wrong && i.about != "" {
			wrong = &i
		}
		linked = b.chain.set(key, wrong) || linked
		if ok {
			now[key] = i
		} else if w := b.loads[key.Link]; w != nil {
			w.load.Delete(key)
		}
	}
	clear(b.stirred)
	if linked {
		for _, i := range b.chain.place() {
			now[i.Of.Key()] = i
		}
	}
	items := map[string][]Item{}
	for key, i := range now {
		items[key.Link] = append(items[key.Link], i)
	}
	for link, all := range items {
		b.written(link).load.Put(all...)
	}
}

func (b *Book) written(link string) *written {
	if b.loads[link] == nil {
		b.loads[link] = &written{load: b.feed.Begin(backend.Part{Link: link})}
	}
	return b.loads[link]
}

// item is what there is to say about one object; false where that is nothing.
func (b *Book) item(key backend.Ref) (i Item, ok bool) {
	for _, f := range counted(b.found[key]) {
		one := Item{Of: f.Ref, Section: Wrong, Level: f.Level, Says: f.Sentence.Raw(), about: f.About, blames: f.Blames}
		if f.Level == backend.Moving || f.Level == backend.Waiting {
			one.Section = Flight
		}
		if !f.Since.IsZero() {
			one.Since = f.Since.Unix()
		}
		switch {
		case !ok:
			i, ok = one, true
		case one.Section > i.Section: // what goes on is said of what is well
		case one.Section < i.Section:
			i = one
		default:
			i.Level = max(i.Level, one.Level)
			i.Since = cmp.Or(min(i.Since, one.Since), max(i.Since, one.Since))
			i.Says += "; " + one.Says
		}
	}
	i.Place = Place{Level: i.Level, Newest: i.Since}
	if ok || !slices.Contains(b.last, key) {
		return i, ok
	}
	n := slices.IndexFunc(b.changes, func(c *backend.Change) bool { return c.Ref.Key() == key })
	c := b.changes[n]
	return Item{Of: c.Ref, Section: Before, Level: c.Level, Since: c.At.Unix(), Says: c.Sentence.Raw(), Place: Place{Level: c.Level, Newest: c.At.Unix()}}, true
}

// counted are the findings about one object, those of one rule as one: a dozen pods
// of one deployment crash for one reason. The worst comes first.
func counted(all []*backend.Finding) []backend.Finding {
	type group struct {
		worst *backend.Finding
		since time.Time // the earliest that is known
		n     int
	}
	rules := map[string]group{}
	for _, f := range all {
		g := rules[f.Rule]
		if g.n++; g.worst == nil || worse(f, g.worst) < 0 {
			g.worst = f
		}
		if g.since.IsZero() || !f.Since.IsZero() && f.Since.Before(g.since) {
			g.since = f.Since
		}
		rules[f.Rule] = g
	}
	var out []backend.Finding
	for _, g := range rules {
		f := *g.worst
		f.Since = g.since
		if g.n > 1 {
			f.Sentence = backend.T(fmt.Sprintf("%d × %s", g.n, f.Sentence.Raw()))
		}
		out = append(out, f)
	}
	slices.SortFunc(out, func(a, b backend.Finding) int {
		return cmp.Or(cmp.Compare(b.Level, a.Level), strings.Compare(a.Rule, b.Rule))
	})
	return out
}

// worse orders findings of one rule, the worst first.
func worse(a, b *backend.Finding) int {
	return cmp.Or(cmp.Compare(b.Level, a.Level), strings.Compare(a.Sentence.Raw(), b.Sentence.Raw()), strings.Compare(a.Ref.UID, b.Ref.UID))
}

// find adds what a row says of an object, or takes it out again.
func (b *Book) find(f *backend.Finding, on bool) {
	key := f.Ref.Key()
	b.stirred[key] = true
	if on {
		b.found[key] = append(b.found[key], f)
		return
	}
	all := b.found[key]
	n := len(all) - 1
	all[slices.Index(all, f)] = all[n]
	all[n] = nil
	if b.found[key] = all[:n]; n == 0 {
		delete(b.found, key)
	}
}

// change adds a change that a row tells of, or takes it out again.
func (b *Book) change(c *backend.Change, on bool) {
	b.stirred[c.Ref.Key()] = true
	i, _ := slices.BinarySearchFunc(b.changes, c, newer)
	if on {
		b.changes = slices.Insert(b.changes, i, c)
		return
	}
	for b.changes[i] != c { // others of the same time and object
		i++
	}
	b.changes = slices.Delete(b.changes, i, i+1)
}

// newer orders changes, the newest first.
func newer(a, b *backend.Change) int {
	return cmp.Or(
		b.At.Compare(a.At), strings.Compare(a.Ref.Link, b.Ref.Link), strings.Compare(a.Ref.Kind, b.Ref.Kind),
		strings.Compare(a.Ref.Scope, b.Ref.Scope), strings.Compare(a.Ref.Name, b.Ref.Name), strings.Compare(a.Ref.Sub, b.Ref.Sub),
	)
}

// tellLast stirs the objects whose change has become one of the last, or is none of
// them any more.
func (b *Book) tellLast() {
	before := b.last
	b.last = make([]backend.Ref, 0, mostChanges)
	for _, c := range b.changes[:min(len(b.changes), mostChanges)] {
		b.last = append(b.last, c.Ref.Key())
	}
	if slices.Equal(before, b.last) {
		return
	}
	for _, key := range slices.Concat(before, b.last) {
		b.stirred[key] = true
	}
}
