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
		c := cmp.Compare(a.scope+"\x00"+a.name+"\x00"+a.Ref().Link, b.scope+"\x00"+b.name+"\x00"+b.Ref().Link)
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

// filters are pairs of a Keep and what it means.
var filters = []struct {
	keep  Keep[thing]
	means func(thing) bool
	best  func(*thing) int
}{
	{Keep[thing]{}, func(thing) bool { return true }, nil},
	{Keep[thing]{}.Text("W1"), func(v thing) bool { return v.word == "w1" }, nil},
	{Keep[thing]{}.Text("").NotText(""), func(thing) bool { return true }, nil},
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
// are judged at once; with many, the same is done by jobs elsewhere: of those, two
// runs of sixty steps begin each kind of job, and overtake it.
func TestLensAgreesWithModel(t *testing.T) {
	for seed := range uint64(30) {
		rows, steps := 40, 400
		if seed%15 == 14 {
			rows, steps = 3*inline, 60
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bell := NewBell()
			s := NewStore[thing](bell)
			p := &play{
				T: t, rnd: rand.New(rand.NewPCG(seed, 1)), rows: rows, bell: bell, store: s, loads: map[backend.Part]backend.Load[thing]{},
				model: model{map[backend.Ref]thing{}, map[backend.Part]map[backend.Ref]bool{}},
				views: []*view{{Lens: s.Lens(nil, Keep[thing]{})}, {Lens: s.Lens(nil, Keep[thing]{})}},
			}
			for step := range steps {
				if dice := p.rnd.IntN(20); dice < 14 {
					p.change(dice)
				} else {
					p.turn(dice, step%40 == 0)
				}
			}
			for _, v := range p.views {
				p.look(v)
				v.Close()
			}
		})
	}
}

// play is one run of it.
type play struct {
	*testing.T
	rnd   *rand.Rand
	rows  int
	bell  *Bell
	store *Store[thing]
	loads map[backend.Part]backend.Load[thing]
	model model
	views []*view
}

type view struct {
	*Lens[thing]
	sort, filter, of int
}

// ofs are what a lens may be of.
var ofs = []func(*thing) bool{nil, func(v *thing) bool { return v.scope == "x" }, func(v *thing) bool { return v.n%3 > 0 }}

var sorts = []Less[thing]{
	nil, byNumber, func(a, b *thing) int { return b.n - a.n }, func(a, b *thing) int { return strings.Compare(a.word, b.word) },
}

// some makes rows of one part.
func (p *play) some() []thing {
	v := thing{link: pick(p.rnd, "a", "b"), scope: pick(p.rnd, "x", "y")}
	var all []thing
	for range 1 + p.rnd.IntN(p.rows/4) {
		v.name, v.n, v.word = fmt.Sprint(p.rnd.IntN(p.rows)), p.rnd.IntN(40), fmt.Sprint("w", p.rnd.IntN(3))
		all = append(all, v)
	}
	return all
}

// change changes the store and the model alike.
func (p *play) change(dice int) {
	some, m := p.some(), p.model
	part := backend.Part{Link: some[0].link, Scope: some[0].scope}
	of := func(r backend.Ref) bool { return r.Link == part.Link && r.Scope == part.Scope }
	load := p.loads[part]
	switch {
	case dice == 0 || load == nil:
		p.loads[part], m.fresh[part] = p.store.Begin(part), map[backend.Ref]bool{}
	case dice < 9:
		load.Put(some...)
		for _, v := range some {
			m.rows[v.Ref().Key()], m.fresh[part][v.Ref().Key()] = v, true
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
		m.sweep(func(r backend.Ref) bool { return of(r) && !m.fresh[part][r] })
	default:
		p.store.End(part)
		delete(p.loads, part)
		m.sweep(of)
	}
}

// turn does something with a lens; behind says that both are looked through.
func (p *play) turn(dice int, behind bool) {
	v := p.views[p.rnd.IntN(2)]
	switch {
	case dice == 14:
		v.sort = p.rnd.IntN(len(sorts))
		v.SortBy(sorts[v.sort])
	case dice == 15 && p.rnd.IntN(4) == 0:
		v.of = p.rnd.IntN(len(ofs))
		v.Of(ofs[v.of])
	case dice == 15:
		v.sort = p.rnd.IntN(len(sorts))
		less := sorts[v.sort]
		v.Reorder(func() Less[thing] { return less })
	case dice < 18:
		v.filter = p.rnd.IntN(len(filters))
		v.Filter(filters[v.filter].keep)
	case dice == 18:
		p.views[0].Refresh() // without waiting for what goes on elsewhere
	default:
		p.look(p.views[0])
		if behind {
			p.look(p.views[1])
		}
	}
}

// look waits until a lens is done and compares what it says.
func (p *play) look(v *view) {
	p.Helper()
	for v.Refresh(); v.Counts().Filtering || v.Counts().Sorting; v.Refresh() {
		<-p.bell.C()
	}
	f := filters[v.filter]
	of := func(row thing) bool { return ofs[v.of] == nil || ofs[v.of](&row) }
	total := len(p.model.shown(nil, of, nil))
	check(p.T, v.Lens, p.model.shown(sorts[v.sort], func(row thing) bool { return of(row) && f.means(row) }, f.best), total)
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
	load.Put(thing{name: "3"})
	if i := l.Index(r); i != -1 {
		t.Errorf("new, but before the refresh: at %d", i)
	}
	for n := range 3 * logSize {
		load.Put(thing{name: "4", n: 100 + n})
	}
	if i, j := l.Index(r), l.Index(thing{name: "4"}.Ref()); i != -1 || j != 3 {
		t.Errorf("far behind the store: at %d and %d", i, j)
	}
}

func TestCountsOfParts(t *testing.T) {
	s := NewStore[thing](NewBell())
	l := s.Lens(nil, Keep[thing]{})
	see := func(parts, live, loading int) {
		t.Helper()
		l.Refresh()
		if c := l.Counts(); c.Parts != parts || c.Live != live || c.Loading != loading {
			t.Errorf("%+v, want %d parts, %d live, %d loading", c, parts, live, loading)
		}
	}
	a, b := backend.Part{Link: "a"}, backend.Part{Link: "b"}
	load := s.Begin(a)
	see(1, 0, 1)
	s.Health(b, backend.Health{State: backend.Forbidden})
	see(2, 0, 1)
	s.Health(a, backend.Health{State: backend.Live})
	see(2, 1, 1)
	load.Synced()
	see(2, 1, 0)
	s.Begin(a)
	see(2, 1, 0)
	s.End(b)
	see(1, 1, 0)
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
