package story

import (
	"cmp"
	"slices"

	"wheelhouse/backend"
)

// A Place is where an item belongs among those of its section. What is wrong with a
// service is as bad, and as new, as the worst and the newest of its consequences: it
// stands above them.
type Place struct {
	Level  backend.Level
	Newest int64 // Unix seconds; zero when unknown
	Behind int   // how many services stand between it and what it is the consequence of
}

// placed are the items of services that belong elsewhere than was said of them last: of
// what each blames, as far as that is wrong too, it is the consequence.
func (b *Book) placed() (moved []Item) {
	about := map[string][]backend.Ref{}
	for key, i := range b.chain {
		about[i.about] = append(about[i.about], key)
	}
	behind := map[backend.Ref]int{}
	var follow func(key backend.Ref) int
	follow = func(key backend.Ref) int {
		if n, ok := behind[key]; ok {
			return n
		}
		behind[key] = 0 // of those that blame each other nobody knows who began
		n := 0
		if i := b.chain[key]; i.blames != i.about {
			for _, cause := range about[i.blames] {
				n = max(n, 1+follow(cause))
			}
		}
		behind[key] = n
		return n
	}
	places := map[backend.Ref]Place{}
	var order []backend.Ref
	for key, i := range b.chain {
		places[key] = Place{i.Level, i.Since, follow(key)}
		order = append(order, key)
	}
	slices.SortFunc(order, func(a, b backend.Ref) int { return cmp.Compare(behind[b], behind[a]) })
	for _, key := range order { // the farthest consequences first
		for _, cause := range about[b.chain[key].blames] {
			if p := places[cause]; p.Behind < behind[key] {
				p.Level, p.Newest = max(p.Level, places[key].Level), max(p.Newest, places[key].Newest)
				places[cause] = p
			}
		}
	}
	for key, p := range places {
		if i := b.chain[key]; i.Place != p {
			i.Place = p
			b.chain[key] = i
			moved = append(moved, i)
		}
	}
	return moved
}
