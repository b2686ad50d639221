package story

import (
	"cmp"
	"maps"
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

// A chain is what is wrong with services, and what of that blames what else.
type chain struct {
	items  map[backend.Ref]Item
	about  map[service]map[backend.Ref]bool
	blames map[backend.Ref]bool // those that say whose consequence they are
	moved  map[backend.Ref]bool // those that stand elsewhere than by themselves
}

// A service is called by its name where it lives.
type service struct{ scope, name string }

func newChain() chain {
	return chain{map[backend.Ref]Item{}, map[service]map[backend.Ref]bool{}, map[backend.Ref]bool{}, map[backend.Ref]bool{}}
}

// set says what is wrong by key now; nil is nothing. changed is false where that is no
// matter of a service, and was none.
func (c *chain) set(key backend.Ref, now *Item) (changed bool) {
	if old, was := c.items[key]; was {
		at := service{key.Scope, old.about}
		delete(c.items, key)
		delete(c.blames, key)
		delete(c.about[at], key)
		if len(c.about[at]) == 0 {
			delete(c.about, at)
		}
		changed = true
	}
	if now == nil {
		delete(c.moved, key)
		return changed
	}
	at := service{key.Scope, now.about}
	if c.about[at] == nil {
		c.about[at] = map[backend.Ref]bool{}
	}
	c.items[key], c.about[at][key] = *now, true
	if now.blames != "" && now.blames != now.about {
		c.blames[key] = true
	}
	return true
}

// causes are what is wrong with the service that something blames.
func (c *chain) causes(key backend.Ref) map[backend.Ref]bool {
	if !c.blames[key] {
		return nil
	}
	return c.about[service{key.Scope, c.items[key].blames}]
}

// behind is how many services stand between what is wrong and the last that comes of
// it, by way of what was found before.
func (c *chain) behind(key backend.Ref, found map[backend.Ref]int) int {
	if n, ok := found[key]; ok {
		return n
	}
	found[key] = 0 // of those that blame each other nobody knows who began
	n := 0
	for cause := range c.causes(key) {
		n = max(n, 1+c.behind(cause, found))
	}
	found[key] = n
	return n
}

// place moves what belongs elsewhere than was said last. It costs what there is of
// consequences and their causes, whatever else is wrong.
func (c *chain) place() (moved []Item) {
	behind, places := map[backend.Ref]int{}, map[backend.Ref]Place{}
	own := func(key backend.Ref) {
		if i, ok := c.items[key]; ok {
			places[key] = Place{i.Level, i.Since, c.behind(key, behind)}
		}
	}
	for key := range c.moved {
		own(key)
	}
	for key := range c.blames {
		own(key)
		for cause := range c.causes(key) {
			own(cause)
		}
	}
	order := slices.SortedFunc(maps.Keys(places), func(a, b backend.Ref) int { return cmp.Compare(behind[b], behind[a]) })
	for _, key := range order { // the farthest consequences first
		for cause := range c.causes(key) {
			if p := places[cause]; p.Behind < behind[key] {
				p.Level, p.Newest = max(p.Level, places[key].Level), max(p.Newest, places[key].Newest)
				places[cause] = p
			}
		}
	}
	for key, p := range places {
		i := c.items[key]
		delete(c.moved, key)
		if p != (Place{Level: i.Level, Newest: i.Since}) {
			c.moved[key] = true
		}
		if i.Place != p {
			i.Place = p
			c.items[key] = i
			moved = append(moved, i)
		}
	}
	return moved
}
