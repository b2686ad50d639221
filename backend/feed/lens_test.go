package feed

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
)

// model is the naive store and lens that the real ones must agree with.
type model struct {
	rows  map[backend.Ref]thing
	fresh map[backend.Part]map[backend.Ref]bool // put since the part's Begin
}

func (m *model) sweep(gone func(backend.Ref) bool) {
	for key := range m.rows {
		if gone(key) {
			delete(m.rows, key)
		}
	}
}

func (m *model) shown(less Less[thing], keep func(thing) bool, score func(*thing) int) []thing {
	var all []thing
	for _, v := range m.rows {
		if keep(v) {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b thing) int {
		c := cmp.Compare(a.Ref().Link+"\x00"+a.scope+"\x00"+a.name, b.Ref().Link+"\x00"+b.scope+"\x00"+b.name)
		if less != nil {
			c = cmp.Or(less(&a, &b), c)
		}
		if score != nil {
			c = cmp.Or(score(&b)-score(&a), c)
		}
		return c
	})
	return all
}

func partOf(v thing) backend.Part { return backend.Part{Link: v.link, Scope: v.scope} }

// filters are pairs of a Keep and what it means.
var filters = []struct {
	keep  Keep[thing]
	means func(thing) bool
	best  func(*thing) int
}{
	{Keep[thing]{}, func(thing) bool { return true }, nil},
	{Keep[thing]{}.Text("W1"), func(v thing) bool { return v.word == "w1" }, nil},
	{Keep[thing]{}.Text("w"), func(thing) bool { return true }, nil},
	{Keep[thing]{}.NotText("w1"), func(v thing) bool { return v.word != "w1" }, nil},
	{Keep[thing]{}.Text("x ").NotText("w0"), func(v thing) bool { return v.scope == "x" && v.word != "w0" }, nil},
	{Keep[thing]{}.Where("even", even), func(v thing) bool { return v.n%2 == 0 }, nil},
	{Keep[thing]{}.Where("even", even).Text("w1"), func(v thing) bool { return v.n%2 == 0 && v.word == "w1" }, nil},
	{Keep[thing]{}.Where("even", even).Where("small", small), func(v thing) bool { return v.n%2 == 0 && v.n < 20 }, nil},
	{Keep[thing]{}.Best(rest), func(thing) bool { return true }, rest},
	{Keep[thing]{}.Best(rest).Where("small", small), func(v thing) bool { return v.n < 20 }, rest},
}

func even(v *thing) bool  { return v.n%2 == 0 }
func small(v *thing) bool { return v.n < 20 }
func rest(v *thing) int   { return v.n % 3 }

// TestLensAgreesWithModel does random things to a store and looks through two
// lenses, one that follows closely and one that is often far behind. Few rows
// are judged at once; with many, the same is done by jobs elsewhere.
func TestLensAgreesWithModel(t *testing.T) {
	for seed := range uint64(30) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		rows, steps := 40, 400
		if seed%10 == 9 {
			rows, steps = 3*inline, 100
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) { agree(t, rnd, rows, steps) })
	}
}

func agree(t *testing.T, rnd *rand.Rand, rows, steps int) {
	bell := NewBell()
	s := NewStore[thing](bell)
	m := &model{map[backend.Ref]thing{}, map[backend.Part]map[backend.Ref]bool{}}
	loads := map[backend.Part]backend.Load[thing]{}
	sorts := []Less[thing]{nil, byNumber, func(a, b *thing) int { return b.n - a.n }, func(a, b *thing) int { return strings.Compare(a.word, b.word) }}
	type view struct {
		*Lens[thing]
		sort, filter int
	}
	views := []*view{{Lens: s.Lens(nil, Keep[thing]{})}, {Lens: s.Lens(nil, Keep[thing]{})}}
	look := func(v *view) {
		t.Helper()
		for v.Refresh(); v.Counts().Filtering; v.Refresh() {
			<-bell.C()
		}
		f := filters[v.filter]
		want := m.shown(sorts[v.sort], f.means, f.best)
		check(t, v.Lens, want, len(m.rows))
	}
	for step := range steps {
		v := thing{link: pick(rnd, "a", "b"), scope: pick(rnd, "x", "y"), name: fmt.Sprint(rnd.IntN(rows)), word: fmt.Sprint("w", rnd.IntN(3)), n: rnd.IntN(40)}
		p := partOf(v)
		load := loads[p]
		some := []thing{v}
		for range rnd.IntN(rows / 4) {
			v.name, v.n = fmt.Sprint(rnd.IntN(rows)), rnd.IntN(40)
			some = append(some, v)
		}
		switch dice := rnd.IntN(20); {
		case dice == 0 || load == nil:
			loads[p], m.fresh[p] = s.Begin(p), map[backend.Ref]bool{}
		case dice < 9:
			load.Put(some...)
			for _, v := range some {
				m.rows[v.Ref().Key()], m.fresh[p][v.Ref().Key()] = v, true
			}
		case dice < 12:
			var refs []backend.Ref
			for _, v := range some {
				refs = append(refs, v.Ref())
				delete(m.rows, v.Ref().Key())
			}
			load.Delete(refs...)
		case dice == 12:
			load.Synced()
			m.sweep(func(r backend.Ref) bool {
				return r.Link == p.Link && r.Scope == p.Scope && !m.fresh[p][r]
			})
		case dice == 13:
			s.End(p)
			delete(loads, p)
			m.sweep(func(r backend.Ref) bool { return r.Link == p.Link && r.Scope == p.Scope })
		case dice < 16:
			view := views[rnd.IntN(2)]
			view.sort = rnd.IntN(len(sorts))
			view.SortBy(sorts[view.sort])
		case dice < 18:
			view := views[rnd.IntN(2)]
			view.filter = rnd.IntN(len(filters))
			view.Filter(filters[view.filter].keep)
		case dice == 18:
			views[0].Refresh() // without waiting for what goes on elsewhere
		default:
			look(views[0])
			if step%40 == 0 {
				look(views[1])
			}
		}
	}
	for _, v := range views {
		look(v)
		v.Close()
	}
}

func pick(rnd *rand.Rand, words ...string) string { return words[rnd.IntN(len(words))] }

// check compares all that a lens says with what it should show.
func check(t *testing.T, l *Lens[thing], want []thing, total int) {
	t.Helper()
	var got []thing
	for _, r := range l.Window(0, len(want)+1) {
		got = append(got, *r.Value)
	}
	if d := gocmp.Diff(want, got, gocmp.AllowUnexported(thing{})); d != "" {
		t.Fatal(d)
	}
	if c := l.Counts(); c.Total != total || c.Shown != len(want) || c.Hidden() != total-len(want) {
		t.Fatalf("%+v, want %d of %d", c, len(want), total)
	}
	for i, v := range want {
		if at := l.Index(v.Ref()); at != i {
			t.Fatalf("%v stands at %d, Index says %d", v, i, at)
		}
	}
	if l.Index(backend.Ref{Name: "nobody"}) != -1 {
		t.Fatal("nobody is found")
	}
}

func TestIndexOfWhatHasJustChanged(t *testing.T) {
	s := NewStore[thing](NewBell())
	load := s.Begin(backend.Part{})
	for i := range 10 {
		load.Put(thing{name: fmt.Sprint(i), n: i})
	}
	l := s.Lens(byNumber, Keep[thing]{})
	r := thing{name: "3"}.Ref()
	load.Put(thing{name: "3", n: 99})
	if i := l.Index(r); i != 3 {
		t.Errorf("before the refresh it stands at 3, not at %d", i)
	}
	load.Delete(r)
	if i := l.Index(r); i != 3 {
		t.Errorf("deleted, but before the refresh: at 3, not at %d", i)
	}
	l.Refresh()
	if i := l.Index(r); i != -1 {
		t.Errorf("deleted, at %d", i)
	}
}

// TestOldRowsStayWhileFiltering holds a job up and changes rows meanwhile.
func TestOldRowsStayWhileFiltering(t *testing.T) {
	bell := NewBell()
	s := NewStore[thing](bell)
	load := s.Begin(backend.Part{})
	for i := range inline + 10 {
		load.Put(thing{name: fmt.Sprintf("%05d", i), n: i})
	}
	l := s.Lens(nil, Keep[thing]{})
	defer l.Close()
	gate := make(chan struct{})
	l.Filter(Keep[thing]{}.Where("gate", func(v *thing) bool {
		if v.n == 0 {
			<-gate
		}
		return v.n < 3 || v.n > inline
	}))
	if c := l.Counts(); !c.Filtering || c.Shown != inline+10 {
		t.Fatalf("%+v", c)
	}
	load.Delete(thing{name: "00001"}.Ref())
	load.Put(thing{name: "00002", n: 5}, thing{name: "new", n: inline + 99}, thing{name: "unwanted", n: 7})
	l.SortBy(func(a, b *thing) int { return b.n - a.n })
	l.Refresh()
	if c := l.Counts(); c.Shown != inline+9 || c.Total != inline+11 {
		t.Fatalf("the old rows and the new that are kept: %+v", c)
	}
	close(gate)
	for l.Counts().Filtering {
		<-bell.C()
		l.Refresh()
	}
	rows := l.Window(0, 99)
	if len(rows) != 11 || rows[0].Value.name != "new" || rows[10].Value.name != "00000" {
		t.Errorf("%d rows: %v … %v", len(rows), rows[0].Value, rows[len(rows)-1].Value)
	}
}

func TestPanicElsewhereIsTheReaders(t *testing.T) {
	bell := NewBell()
	s := NewStore[thing](bell)
	load := s.Begin(backend.Part{})
	for i := range inline + 1 {
		load.Put(thing{name: fmt.Sprint(i)})
	}
	l := s.Lens(nil, Keep[thing]{})
	defer l.Close()
	<-bell.C()
	l.Filter(Keep[thing]{}.Where("bad", func(*thing) bool { panic("bad term") }))
	<-bell.C()
	defer func() {
		if r := recover(); r != "bad term" {
			t.Error(r)
		}
	}()
	l.Refresh()
	t.Error("no panic")
}

func TestLongerFilterJudgesOnlyWhatIsShown(t *testing.T) {
	s := NewStore[thing](NewBell())
	load := s.Begin(backend.Part{})
	for i := range 100 {
		load.Put(thing{name: fmt.Sprintf("name%03d", i), n: i})
	}
	l := s.Lens(nil, Keep[thing]{})
	asked := 0
	ask := func(v *thing) bool { asked++; return v.n < 50 }
	l.Filter(Keep[thing]{}.Text("name0").Where("ask", ask))
	if asked != 100 {
		t.Errorf("asked %d of 100", asked)
	}
	l.Filter(Keep[thing]{}.Text("name01").Where("ask", ask))
	if asked != 100 || l.Counts().Shown != 10 {
		t.Errorf("asked %d times more, %d shown", asked-100, l.Counts().Shown)
	}
	l.Filter(Keep[thing]{}.Text("name0").Where("ask", ask))
	if asked != 200 || l.Counts().Shown != 50 {
		t.Errorf("a shorter one asks all again: %d, %d shown", asked, l.Counts().Shown)
	}
}
