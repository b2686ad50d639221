package story

import (
	"context"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
)

// mostRows is how many rows of one noun are taken in with one turn.
const mostRows = 500

// of is the page of one noun.
type of[T backend.Object] struct {
	feed   *feed.Feed[T]
	lens   *feed.Lens[T]
	scoped bool
	told   map[backend.Ref]*told // by row
	more   bool                  // that the lens has and the book has not
}

// told is what a row has said; nil for what it did not.
type told struct {
	finding *backend.Finding
	change  *backend.Change
}

func (p *of[T]) watch(ctx context.Context, s backend.Scope) {
	if !p.scoped {
		s.Namespaces = nil
	}
	p.feed.Follow(ctx, s)
}

func (p *of[T]) parts() []feed.PartState { return p.feed.Parts() }

func (p *of[T]) turn(b *Book) (more bool) {
	if p.lens == nil {
		p.lens = p.feed.Lens(nil, feed.Keep[T]{}.Where("story", tells[T]))
		p.more = true
	}
	if !p.lens.Refresh() && !p.more {
		return false
	}
	gone, came, more := p.lens.News(mostRows)
	for _, row := range gone {
		key := (*row).Ref().Key()
		p.told[key].tell(b, false)
		delete(p.told, key)
	}
	for _, row := range came {
		t := says(row)
		t.tell(b, true)
		p.told[(*row).Ref().Key()] = &t
	}
	p.more = more
	return more || p.lens.Counts().Filtering
}

func (t *told) tell(b *Book, on bool) {
	if t.finding != nil {
		b.find(t.finding, on)
	}
	if t.change != nil {
		b.change(t.change, on)
	}
}

// says asks a row.
func says[T backend.Object](row *T) (t told) {
	if f, ok := any(*row).(backend.Finder); ok {
		if finding, ok := f.Finding(); ok {
			t.finding = &finding
		}
	}
	if c, ok := any(*row).(backend.Changer); ok {
		if change, ok := c.Change(); ok {
			t.change = &change
		}
	}
	return t
}

func tells[T backend.Object](row *T) bool { return says(row) != told{} }
