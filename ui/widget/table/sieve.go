package table

import (
	"slices"

	"wheelhouse/backend/feed"
)

// sieve is all that decides which rows are shown.
type sieve[T any] struct {
	text    string        // the query as it was typed
	keep    feed.Keep[T]  // what it means
	words   []string      // its plain words in lower case, to be shown in names
	joined  func() uint64 // changes with what it asks of that is joined; nil: nothing
	version uint64        // joined, when the rows were last asked
	links   []string      // none: all
	broken  func(*T) bool // nil: also what is not broken
	only    func(*T) bool // what the table is of at all; nil: every row
}

// Filter shows only the rows that the query matches (see query.go for the
// language), none of it all rows. labels is what the query asks of the server
// ("-l app=cart"); the table does nothing with it. The error is a sentence, and
// the last good filter stays.
func (t *Table[T]) Filter(text string) (labels string, err error) {
	q, err := t.compile(text)
	if err != nil {
		return "", err
	}
	t.sieve.text, t.sieve.keep, t.sieve.words = text, q.keep, q.words
	t.sieve.joined, t.sieve.version = q.joined, q.version
	t.apply()
	return q.labels, nil
}

// Query is the filter in force.
func (t *Table[T]) Query() string { return t.sieve.text }

// Broken shows only the rows that broken accepts, or all again.
func (t *Table[T]) Broken(on bool, broken func(*T) bool) {
	t.sieve.broken = nil
	if on {
		t.sieve.broken = broken
	}
	t.apply()
}

// Only makes the table one of the rows that only accepts, whatever else is
// filtered; for good.
func (t *Table[T]) Only(only func(*T) bool) {
	t.sieve.only = only
	t.narrow()
}

// OnlyBroken says whether that is so.
func (t *Table[T]) OnlyBroken() bool { return t.sieve.broken != nil }

// OnlyLinks shows only the rows of these links; of all when there are none.
func (t *Table[T]) OnlyLinks(links []string) {
	if slices.Equal(links, t.sieve.links) {
		return
	}
	t.sieve.links = slices.Clone(links)
	t.narrow()
}

// Wants says whether rows of that link are shown.
func (t *Table[T]) Wants(link string) bool {
	return len(t.sieve.links) == 0 || slices.Contains(t.sieve.links, link)
}

// narrow makes the lens one of the rows that the table is of.
func (t *Table[T]) narrow() {
	links, only := t.sieve.links, t.sieve.only
	t.lens.Of(func(v *T) bool {
		return (len(links) == 0 || slices.Contains(links, (*v).Ref().Link)) && (only == nil || only(v))
	})
	t.sifted()
}

// apply filters anew.
func (t *Table[T]) apply() {
	keep := t.sieve.keep
	if t.sieve.broken != nil {
		keep = keep.Where("broken", t.sieve.broken)
	}
	t.lens.Filter(keep)
	t.sifted()
}

// sifted is what follows when other rows are shown.
func (t *Table[T]) sifted() {
	t.remeasure()
	t.hideMarks()
	t.cursor.sought = true
	t.follow()
}
