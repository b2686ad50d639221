package story_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/story"
)

// A thing is a noun that says what it is told to.
type thing struct {
	name, of, says string
	level          backend.Level
	changed        int64
	since          int64
	about, blames  string
	scope          string
}

func (t thing) Ref() backend.Ref {
	return backend.Ref{Link: "eu", Kind: "thing", Scope: t.scope, Name: t.name}
}
func (t thing) AppendText(text []byte) []byte { return append(text, t.name...) }

func (t thing) Finding() (backend.Finding, bool) {
	f := backend.Finding{Ref: t.Ref(), Rule: t.says, Level: t.level, Sentence: backend.T(t.says), About: t.about, Blames: t.blames}
	if t.since != 0 {
		f.Since = time.Unix(t.since, 0)
	}
	if t.of != "" {
		f.Ref.Name = t.of
	}
	return f, t.level != backend.None
}

func (t thing) Change() (backend.Change, bool) {
	return backend.Change{Ref: t.Ref(), At: time.Unix(t.changed, 0), Sentence: backend.T("changed")}, t.changed != 0
}

// told is the book as lines, sorted.
func told(b *story.Book) []string {
	lens := b.Feed().Lens(nil, feed.Keep[story.Item]{})
	defer lens.Close()
	var out []string
	for i := range lens.All() {
		out = append(out, strings.Join([]string{i.Section.String(), i.Of.Name, i.Level.String(), i.Says}, "|"))
	}
	slices.Sort(out)
	return out
}

func open(t *testing.T) (*story.Book, *feed.Feed[thing], backend.Load[thing]) {
	set := feed.NewSet(feed.NewBell())
	b := story.New(set, func(alias string) backend.Ref { return thing{name: alias}.Ref() })
	f := feed.Of[thing](set)
	story.Add(b, f, true)
	load := f.Begin(backend.Part{Link: "eu"})
	f.Health(backend.Part{Link: "eu"}, backend.Health{State: backend.Live})
	t.Cleanup(set.Stop)
	return b, f, load
}

// TestCausesComeFirst: what is wrong with a service is as bad and as new as its
// consequences, wherever they were told first; of those that blame each other nobody is.
func TestCausesComeFirst(t *testing.T) {
	b, _, load := open(t)
	places := func() map[string]story.Place {
		b.Turn()
		lens := b.Feed().Lens(nil, feed.Keep[story.Item]{})
		defer lens.Close()
		out := map[string]story.Place{}
		for i := range lens.All() {
			out[i.Of.Name] = i.Place
		}
		return out
	}
	call := func(from, to string, since int64) thing {
		return thing{name: from + "." + to, about: from, blames: to, since: since, says: "open", level: backend.Critical}
	}
	load.Put(call("gateway", "checkout", 90), call("checkout", "stock", 70), thing{name: "alone", says: "is broken", level: backend.Critical, since: 80})
	want := map[string]story.Place{
		"gateway.checkout": {Level: backend.Critical, Newest: 90, Behind: 1}, "checkout.stock": {Level: backend.Critical, Newest: 90}, "alone": {Level: backend.Critical, Newest: 80},
	}
	if d := diff.Diff(want, places()); d != "" {
		t.Error(d)
	}
	load.Put(thing{name: "stock", about: "stock", says: "is not ready", level: backend.Warning, since: 10})
	load.Put(thing{name: "other stock", about: "stock", scope: "elsewhere", says: "is not ready", level: backend.Warning, since: 10})
	want["other stock"] = story.Place{Level: backend.Warning, Newest: 10}
	want["stock"] = story.Place{Level: backend.Critical, Newest: 90}
	want["checkout.stock"] = story.Place{Level: backend.Critical, Newest: 90, Behind: 1}
	want["gateway.checkout"] = story.Place{Level: backend.Critical, Newest: 90, Behind: 2}
	if d := diff.Diff(want, places()); d != "" {
		t.Error(d)
	}
	load.Delete(call("gateway", "checkout", 0).Ref())
	delete(want, "gateway.checkout")
	want["stock"] = story.Place{Level: backend.Critical, Newest: 70}
	want["checkout.stock"] = story.Place{Level: backend.Critical, Newest: 70, Behind: 1}
	if d := diff.Diff(want, places()); d != "" {
		t.Error(d)
	}
	load.Put(call("stock", "checkout", 60), call("stock", "stock", 60))
	if got := places(); len(got) != 6 {
		t.Errorf("a circle is told as %v", got)
	}
}

func TestBookFollowsTheFeeds(t *testing.T) {
	b, _, load := open(t)
	load.Put(
		thing{name: "well"},
		thing{name: "bad", says: "is broken", level: backend.Critical},
		thing{name: "slow", says: "is on its way", level: backend.Moving, changed: 3},
		thing{name: "held", says: "waits", level: backend.Waiting},
		thing{name: "new", changed: 7},
		// What goes on is left out where something is wrong; what is wrong twice is said twice.
		thing{name: "p-1", of: "app", says: "crashes", level: backend.Critical},
		thing{name: "p-2", of: "app", says: "crashes", level: backend.Critical},
		thing{name: "p-3", of: "app", says: "is old", level: backend.Warning},
		thing{name: "p-4", of: "app", says: "starts", level: backend.Moving},
	)
	load.Synced()
	b.Turn()
	want := []string{
		"before|new||changed",
		"in flight|held|waiting|waits",
		"in flight|slow|moving|is on its way",
		"wrong|app|failed|2 × crashes; is old",
		"wrong|bad|failed|is broken",
	}
	if d := diff.Diff(want, told(b)); d != "" {
		t.Error(d)
	}
	load.Put(thing{name: "bad", changed: 9}, thing{name: "p-1", of: "app"})
	load.Delete(thing{name: "held"}.Ref())
	b.Turn()
	want = []string{
		"before|bad||changed",
		"before|new||changed",
		"in flight|slow|moving|is on its way",
		"wrong|app|failed|crashes; is old",
	}
	if d := diff.Diff(want, told(b)); d != "" {
		t.Error(d)
	}
}

// TestWhatCantBeRead: a part of a link that is lost is told, unless the link says itself
// that it is.
func TestWhatCantBeRead(t *testing.T) {
	b, f, load := open(t)
	load.Synced()
	f.Health(backend.Part{Link: "eu", Kind: "odd"}, backend.Health{State: backend.Down, Reason: backend.T("it answers with a web page")})
	b.Turn()
	if d := diff.Diff([]string{"wrong|eu|warning|it answers with a web page"}, told(b)); d != "" {
		t.Error(d)
	}
	f.Health(backend.Part{Link: "eu"}, backend.Health{State: backend.Stale, Reason: backend.T("it answers with a web page")})
	b.Turn()
	if d := diff.Diff([]string{"wrong|eu|warning|it answers with a web page"}, told(b)); d != "" {
		t.Error("where all parts are lost: ", d)
	}
	load.Put(thing{name: "eu", says: "it is away", level: backend.Critical})
	b.Turn()
	if d := diff.Diff([]string{"wrong|eu|failed|it is away"}, told(b)); d != "" {
		t.Error("where the link tells of itself: ", d)
	}
	load.Put(thing{name: "eu"})
	f.Health(backend.Part{Link: "eu"}, backend.Health{State: backend.Live})
	f.Health(backend.Part{Link: "eu", Kind: "odd"}, backend.Health{State: backend.Live})
	b.Turn()
	if got := told(b); len(got) != 0 {
		t.Errorf("where all is read again: %q", got)
	}
}

func TestOnlyTheLastChangesAreKept(t *testing.T) {
	b, _, load := open(t)
	for i := range 50 {
		load.Put(thing{name: string(rune('A' + i)), changed: int64(i + 1)})
	}
	load.Synced()
	b.Turn()
	if got := told(b); len(got) != 20 || !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "|"+string(rune('A'+49))+"|") }) {
		t.Errorf("it has %d: %q", len(got), got)
	}
}

// TestBookIsAsLiveAsItsWorst: a link whose feeds are not all in is not said to be.
func TestBookIsAsLiveAsItsWorst(t *testing.T) {
	b, f, load := open(t)
	b.Turn()
	state := func() string {
		var out []string
		for _, p := range b.Feed().Parts() {
			word := p.Part.Link + " " + p.Health.State.String()
			if p.Loading {
				word += ", loading"
			}
			out = append(out, word)
		}
		return strings.Join(out, "; ")
	}
	if got := state(); got != "eu live, loading" {
		t.Error(got)
	}
	load.Synced()
	f.Health(backend.Part{Link: "eu"}, backend.Health{State: backend.Stale, Reason: backend.T("gone")})
	b.Turn()
	if got := state(); got != "eu stale" {
		t.Error(got)
	}
}

// TestManyComeInTurns: one turn takes in only so much, rings for the next, and says that
// all is there once it is.
func TestManyComeInTurns(t *testing.T) {
	set := feed.NewSet(feed.NewBell())
	t.Cleanup(set.Stop)
	b := story.New(set, func(alias string) backend.Ref { return backend.Ref{Link: alias} })
	f := feed.Of[thing](set)
	story.Add(b, f, true)
	load := f.Begin(backend.Part{Link: "eu"})
	const n = 1600
	for i := range n {
		load.Put(thing{name: fmt.Sprint(i), says: "is so", level: backend.Warning})
	}
	load.Synced()
	turns := 0
	for held := 0; held < n && turns < n; turns++ {
		select {
		case <-set.Bell().C():
		default:
			t.Fatalf("nobody rings for the others behind the first %d", held)
		}
		b.Turn()
		held = b.Feed().Len()
		if loading := b.Feed().Parts()[0].Loading; loading != (held < n) {
			t.Errorf("with %d of %d it is loading: %v", held, n, loading)
		}
	}
	if b.Feed().Len() != n || turns < 4 {
		t.Errorf("%d after %d turns", b.Feed().Len(), turns)
	}
}

// TestLastChangesFollow: a change that is taken back lets the one before it come again,
// and one of an object of which something is found stands behind that.
func TestLastChangesFollow(t *testing.T) {
	b, _, load := open(t)
	for i := range 25 {
		load.Put(thing{name: fmt.Sprintf("t%02d", i), changed: int64(100 + i)})
	}
	load.Synced()
	b.Turn()
	has := func(name string) bool {
		return slices.ContainsFunc(told(b), func(s string) bool { return strings.HasPrefix(s, "before|"+name+"|") })
	}
	if has("t04") || !has("t05") {
		t.Errorf("%q", told(b))
	}
	load.Delete(thing{name: "t24"}.Ref())
	load.Put(thing{name: "t23", changed: 123, says: "is bad", level: backend.Critical})
	b.Turn()
	if !has("t04") || has("t23") || has("t24") {
		t.Errorf("%q", told(b))
	}
	load.Put(thing{name: "t23", changed: 1})
	b.Turn()
	if !has("t03") || has("t23") {
		t.Errorf("%q", told(b))
	}
}
