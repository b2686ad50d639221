package table

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"wheelhouse/backend"
)

// TestMarksAreKeptUp: what is told of marks after any number of small changes is what
// looking at all of them says.
func TestMarksAreKeptUp(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			x := newWorld(t, 60, 8)
			rnd := rand.New(rand.NewPCG(seed, 3))
			some := func() pod {
				p := row(string(rune('a' + rnd.IntN(12))))
				p.restarts = rnd.IntN(9)
				p.uid += fmt.Sprint(rnd.IntN(8) / 7)
				return p
			}
			for range 200 {
				switch rnd.IntN(9) {
				case 0:
					if _, err := x.Filter([]string{"", "restarts:>4", "a", "!b"}[rnd.IntN(4)]); err != nil {
						t.Fatal(err)
					}
				case 1:
					x.MarkAll()
				case 2:
					x.Move(rnd.IntN(5) - 2)
					x.Mark()
				case 3:
					x.load.Delete(some().Ref())
				case 4:
					x.OnlyLinks([][]string{nil, {"one"}, {"two"}}[rnd.IntN(6)/2])
				default:
					x.load.Put(some())
				}
				x.Refresh()
				x.agree()
			}
		})
	}
}

// agree looks at every mark.
func (x *world) agree() {
	x.t.Helper()
	hidden := x.Marked()
	for v := range x.lens.Shown() {
		if x.marked((*v).Ref().Key()) {
			hidden--
		}
	}
	if x.HiddenMarked() != hidden {
		x.t.Fatalf("%d are hidden, not %d", hidden, x.HiddenMarked())
	}
	if x.Marked() == 0 {
		return
	}
	seen := map[backend.Ref]bool{}
	for _, r := range x.Selected() {
		if v, ok := x.store.Get(r); !ok || v.Ref().UID != r.UID || seen[r] {
			x.t.Fatalf("%v is selected, and gone, or another, or there twice", r)
		}
		seen[r] = true
	}
	if len(seen) != x.Marked() {
		x.t.Fatalf("%d are selected of %d marked", len(seen), x.Marked())
	}
}
