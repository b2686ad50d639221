package home

import (
	"fmt"
	"slices"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/story"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/list"
	"wheelhouse/ui/screen"
)

// memory forgets.
type memory struct{}

func (memory) Get(string) []string  { return nil }
func (memory) Put(string, []string) {}

// patient is an object that says how it is.
type patient struct {
	name   string
	level  backend.Level
	blames string
}

func (p patient) Ref() backend.Ref {
	return backend.Ref{Link: "eu", Kind: "pod", Scope: "shop", Name: p.name}
}

func (p patient) AppendText(b []byte) []byte { return append(b, p.name...) }

// Finding implements backend.Finder.
func (p patient) Finding() (backend.Finding, bool) {
	return backend.Finding{Ref: p.Ref(), Level: p.level, Sentence: backend.T("is so"), About: p.name, Blames: p.blames}, p.level > backend.Good
}

// ward is home over some patients.
func ward(t testing.TB, all ...patient) *home {
	h, _ := open(t, all...)
	return h
}

// open is that, with where to put more of them.
func open(t testing.TB, all ...patient) (*home, backend.Load[patient]) {
	t.Helper()
	set := feed.NewSet(feed.NewBell())
	t.Cleanup(set.Stop)
	book := story.New(set, func(alias string) backend.Ref { return backend.Ref{Link: alias, Name: alias} })
	f := feed.Of[patient](set)
	story.Add(book, f, true)
	load := f.Begin(backend.Part{Link: "eu"})
	load.Put(all...)
	load.Synced()
	f.Health(backend.Part{Link: "eu"}, backend.Health{State: backend.Live})
	v := Opener(book, func(r backend.Ref) string { return r.Name }, list.Shared{Memory: memory{}}).Open(ui.OpenWith{}).(*home)
	t.Cleanup(v.Close)
	v.Open(ui.Place{})
	v.Update(ui.Changed{})
	v.draw()
	return v, load
}

func (h *home) draw() string {
	f := screen.Frame{Canvas: screen.New(80, 16), Signs: themes.ASCII()}
	h.Draw(f)
	return f.Plain()
}

// does carries out a command by its id, and says where the cursor then is.
func (h *home) does(t *testing.T, id string) string {
	t.Helper()
	for _, c := range h.Commands() {
		if c.ID == id {
			if cmd := c.Run(); cmd != nil {
				h.Update(cmd())
			}
			h.Update(ui.Changed{})
			h.draw()
			i, _ := h.now().Current()
			return i.Of.Name
		}
	}
	t.Fatalf("there is no %s", id)
	return ""
}

func TestCursorGoesOverEdges(t *testing.T) {
	h := ward(t, patient{"a", backend.Critical, ""}, patient{"b", backend.Warning, ""}, patient{"c", backend.Waiting, ""}, patient{"d", backend.Moving, ""})
	for _, step := range []struct{ id, at string }{
		{"list.down", "b"},
		{"list.down", "c"},
		{"list.down", "d"},
		{"list.down", "d"},
		{"list.up", "c"},
		{"list.up", "b"},
		{"home.next", "c"},
		{"home.next", "b"},
		{"list.up", "a"},
		{"list.up", "a"},
	} {
		if got := h.does(t, step.id); got != step.at {
			t.Errorf("%s goes to %q, not %q", step.id, got, step.at)
		}
	}
}

// TestNothingAtAll: where all is well, or all is filtered away, no key does harm.
func TestNothingAtAll(t *testing.T) {
	h := ward(t)
	for range 2 {
		for _, c := range h.Commands() {
			if c.Why == "" {
				c.Run()
			}
			h.Update(ui.Changed{})
			h.Update(tea.MouseClickMsg{X: 3, Y: 5})
			h.draw()
		}
	}
	full := ward(t, patient{"a", backend.Critical, ""})
	if err := full.Search("zzz", true); err != nil {
		t.Fatal(err)
	}
	full.Update(ui.Changed{})
	full.does(t, "home.next")
	if full.Title().Counts != "0 wrong, 0 in flight (/zzz)" {
		t.Error(full.Title().Counts)
	}
}

// TestMarksAreTold: what is marked in a part that has not the cursor is what an
// action is done to, and is counted.
func TestMarksAreTold(t *testing.T) {
	h := ward(t, patient{"a", backend.Critical, ""}, patient{"c", backend.Waiting, ""})
	h.does(t, "list.mark")
	h.does(t, "home.next")
	if sel := h.Selection(); len(sel.Refs) != 1 || sel.Refs[0].Name != "a" || h.Title().Counts != "1 wrong, 1 in flight, 1 marked" {
		t.Errorf("%+v, %s", sel, h.Title().Counts)
	}
}

func TestObjectsAreCalled(t *testing.T) {
	for want, of := range map[string]backend.Ref{
		"rollout checkout":      {Kind: "rollout.argoproj.io", Scope: "shop", Name: "checkout"},
		"build shop/cart #812":  {Kind: "build", Scope: "shop/cart", Name: "812"},
		"breaker payments.bank": {Kind: "breaker", Scope: "shop", Name: "payments.bank"},
		"breakers of search":    {Kind: "breaker", Scope: "shop", Name: "search.?"}, // which does not answer
		"link eu":               {Link: "eu", Kind: "cluster", Name: "eu"},
	} {
		if got := what(&story.Item{Of: of}); got != want {
			t.Errorf("%v is called %q, not %q", of, got, want)
		}
	}
}

// BenchmarkHome is what home costs whoever draws while thousands of things are wrong:
// each turn as they come, and each for one that changes.
func BenchmarkHome(b *testing.B) {
	for _, n := range []int{5000, 50_000} {
		all := make([]patient, n)
		for i := range all {
			all[i] = patient{fmt.Sprintf("p-%05d", i), backend.Warning, ""}
			if i%100 == 0 {
				all[i].blames = fmt.Sprintf("p-%05d", i+1)
			}
		}
		h, load := open(b, all...)
		var coming []time.Duration
		for h.bands[story.Wrong].Len() < n {
			began := time.Now()
			h.Update(ui.Changed{})
			coming = append(coming, time.Since(began))
		}
		b.Run(fmt.Sprint("broken=", n), func(b *testing.B) {
			var each []time.Duration
			for b.Loop() {
				i := len(each)
				load.Put(patient{fmt.Sprintf("p-%05d", i*7919%n), backend.Critical - backend.Level(i/n%2), ""})
				began := time.Now()
				h.Update(ui.Changed{})
				each = append(each, time.Since(began))
				h.draw()
			}
			report(b, "change", each)
			report(b, "coming", coming)
		})
	}
}

// report gives the median and the worst but for one in a hundred.
func report(b *testing.B, what string, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(times[len(times)/2].Microseconds())/1000, "ms/"+what+"-p50")
	b.ReportMetric(float64(times[len(times)*99/100].Microseconds())/1000, "ms/"+what+"-p99")
}
