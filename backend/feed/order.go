package feed

import (
	"cmp"
	"slices"

	"wheelhouse/backend"
)

// Less orders rows: negative when a comes before b, zero when it does not
// matter. It depends on the rows alone. A nil Less orders by address.
type Less[T any] func(a, b *T) int

// compare is less made total: rows that are equal to it stand by their address,
// so that nothing moves that did not change. The link is last in it: what has the
// same name on several links stands side by side.
func compare[T backend.Object](less Less[T], a, b *entry[T]) int {
	if less != nil {
		if c := less(&a.value, &b.value); c != 0 {
			return c
		}
	}
	if a == b {
		return 0
	}
	x, y := a.value.Ref(), b.value.Ref()
	return cmp.Or(
		cmp.Compare(x.Scope, y.Scope), cmp.Compare(x.Name, y.Name), cmp.Compare(x.Sub, y.Sub),
		cmp.Compare(x.Kind, y.Kind), cmp.Compare(x.Link, y.Link),
	)
}

// ranked puts the rows with the highest score first and leaves equal ones as
// they stand. Each is asked once.
func ranked[T backend.Object](list []*entry[T], score func(*T) int) []*entry[T] {
	if score == nil {
		return list
	}
	type scored struct {
		entry *entry[T]
		score int
	}
	pairs := make([]scored, len(list))
	for i, e := range list {
		pairs[i] = scored{e, score(&e.value)}
	}
	slices.SortStableFunc(pairs, func(a, b scored) int { return cmp.Compare(b.score, a.score) })
	for i, p := range pairs {
		list[i] = p.entry
	}
	return list
}

// order compares two entries totally.
type order[T backend.Object] func(a, b *entry[T]) int

// find gives where e stands, or would stand, in the sorted list.
func (o order[T]) find(list []*entry[T], e *entry[T]) (i int, is bool) {
	i, _ = slices.BinarySearchFunc(list, e, o)
	return i, i < len(list) && list[i] == e
}

// splice takes gone out of the sorted list and puts the sorted came in: for k
// of them k·log n comparisons, and one move of what lies between.
func (o order[T]) splice(list, gone, came []*entry[T]) []*entry[T] {
	return o.insert(o.remove(list, gone), came)
}

func (o order[T]) remove(list, gone []*entry[T]) []*entry[T] {
	var at []int
	for _, e := range gone {
		if i, is := o.find(list, e); is {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return list
	}
	slices.Sort(at)
	n := at[0]
	for k, i := range at {
		next := len(list)
		if k+1 < len(at) {
			next = at[k+1]
		}
		n += copy(list[n:], list[i+1:next])
	}
	clear(list[n:])
	return list[:n]
}

func (o order[T]) insert(list, came []*entry[T]) []*entry[T] {
	end := len(list)
	list = append(list, came...) // the room; what is in it is written over from behind
	for k := len(came) - 1; k >= 0; k-- {
		i, _ := o.find(list[:end], came[k])
		copy(list[i+k+1:end+k+1], list[i:end])
		list[i+k] = came[k]
		end = i
	}
	return list
}
