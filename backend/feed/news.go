package feed

import (
	"slices"

	"wheelhouse/backend"
)

// news is what a lens knows of the last changes.
type news[T backend.Object] struct {
	touched []*entry[T] // that came or went with the last Refresh
	many    bool        // and others, that are not known one by one
	told    []*entry[T] // the shown rows as News has told of them
}

// Touched gives the addresses of the rows that came, changed or went with the last
// Refresh; ok is false where they are not known one by one.
func (l *Lens[T]) Touched() (keys []backend.Ref, ok bool) {
	for _, e := range l.news.touched {
		keys = append(keys, e.value.Ref().Key())
	}
	return keys, !l.news.many
}

// News tells what has become of the shown rows since it was last called: up to most
// of those that are gone or came, one that has changed in both; more says that there
// are others. It is for a lens that is sorted by address, by nothing else.
func (l *Lens[T]) News(most int) (gone, came []*T, more bool) {
	was, now, o := l.news.told, l.shown, l.order()
	var out, in []*entry[T]
	for len(was) > 0 || len(now) > 0 {
		var c int
		switch {
		case len(was) == 0:
			c = 1
		case len(now) == 0:
			c = -1
		case was[0] == now[0]:
			was, now = was[1:], now[1:]
			continue
		default:
			c = o(was[0], now[0])
		}
		if more = len(out)+len(in) >= most; more {
			break
		}
		if c <= 0 {
			out, was = append(out, was[0]), was[1:]
		}
		if c >= 0 {
			in, now = append(in, now[0]), now[1:]
		}
	}
	l.news.told = o.splice(l.news.told, out, in)
	return slices.Collect(values(out)), slices.Collect(values(in)), more
}
