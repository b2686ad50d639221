package feed

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"wheelhouse/backend"
)

// TestNewsAddUp: whoever follows only what is told, a few at a time, holds in the end
// what is shown, however far behind the lens was.
func TestNewsAddUp(t *testing.T) {
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			rnd := rand.New(rand.NewPCG(seed, 2))
			s := NewStore[thing](NewBell())
			load := s.Begin(backend.Part{})
			l := s.Lens(nil, Keep[thing]{}.Where("small", small))
			defer l.Close()
			held := map[backend.Ref]thing{}
			take := func(most int) bool {
				gone, came, more := l.News(most)
				if n := len(gone) + len(came); n > most+1 {
					t.Fatalf("%d are told of, not %d", n, most)
				}
				for _, v := range gone {
					if held[v.Ref().Key()] != *v {
						t.Fatalf("%v is gone, and had not come", *v)
					}
					delete(held, v.Ref().Key())
				}
				for _, v := range came {
					if _, twice := held[v.Ref().Key()]; twice {
						t.Fatalf("%v has come twice", *v)
					}
					held[v.Ref().Key()] = *v
				}
				return more
			}
			for range 50 {
				flood := 1
				if rnd.IntN(20) == 0 {
					flood = 3 * logSize
				}
				for range flood {
					load.Put(thing{name: fmt.Sprint(rnd.IntN(100)), n: rnd.IntN(40)})
				}
				load.Delete(thing{name: fmt.Sprint(rnd.IntN(100))}.Ref())
				l.Refresh()
				take(3)
			}
			for take(7) {
			}
			want := map[backend.Ref]thing{}
			for v := range l.Shown() {
				want[v.Ref().Key()] = *v
			}
			if !maps.Equal(want, held) {
				t.Errorf("%d are shown, and %d told of", len(want), len(held))
			}
		})
	}
}

func TestWhatARefreshHasTouched(t *testing.T) {
	s := NewStore[thing](NewBell())
	load := s.Begin(backend.Part{})
	for i := range 10 {
		load.Put(thing{name: fmt.Sprint(i), n: i})
	}
	l := s.Lens(nil, Keep[thing]{}.Where("even", even))
	defer l.Close()
	see := func(want ...string) {
		t.Helper()
		l.Refresh()
		keys, ok := l.Touched()
		var got []string
		for _, k := range keys {
			got = append(got, k.Name)
		}
		slices.Sort(got)
		if got = slices.Compact(got); !ok || !slices.Equal(got, want) {
			t.Errorf("touched %q, %v, want %q", got, ok, want)
		}
	}
	load.Put(thing{name: "3", n: 4}, thing{name: "new", n: 1})
	load.Delete(thing{name: "7"}.Ref())
	see("3", "7", "new")
	see()
	for n := range 3 * logSize {
		load.Put(thing{name: "4", n: 100 + n})
	}
	l.Refresh()
	if _, ok := l.Touched(); ok {
		t.Error("it is too far behind to know")
	}
	see()
}
