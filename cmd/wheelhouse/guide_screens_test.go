package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/sandbox/drill"
	"wheelhouse/backend/sandbox/shop"
	"wheelhouse/ui"
	drills "wheelhouse/views/drill"
	"wheelhouse/views/guide"
)

// standing is a world in which a drill stands as the test says, and nothing happens.
type standing struct{ state atomic.Pointer[drill.State] }

func newStanding(s drill.State) *standing {
	w := &standing{}
	w.state.Store(&s)
	return w
}

func (w *standing) State(context.Context) (drill.State, error) { return *w.state.Load(), nil }

func (w *standing) Begin(context.Context) (drill.State, error) { return *w.state.Load(), nil }

func (w *standing) Hint(context.Context) (drill.State, error) { return *w.state.Load(), nil }

func (w *standing) Look(context.Context, []string) (drill.State, error) { return *w.state.Load(), nil }

// practise is a rig on which a drill is played, as far as the test says.
func (r *rig) practise(w *standing) {
	full(r)
	var all []drill.Drill
	for _, name := range drill.Names() {
		d, err := drill.Load(name, shop.Setting())
		if err != nil {
			r.t.Fatal(err)
		}
		all = append(all, d)
	}
	p := drills.New(drills.Options{All: all, World: w, Bell: r.bell, Record: func(since time.Time) []drills.Act {
		return []drills.Act{
			{At: since.Add(95 * time.Second), Sentence: "Deletes pod shop/checkout-2 on cloud.", Outcome: "failed", Level: backend.Critical},
			{At: since.Add(130 * time.Second), Sentence: "Aborts rollout shop/checkout on cloud: all traffic back to 2.5.0.", Outcome: "done", Level: backend.Good},
		}
	}})
	go p.Follow(r.t.Context())
	r.own, r.companions = p.Openers(), []ui.Companion{p}
}

// stand is how the first of the drills stands a while after its beginning.
func stand(t *testing.T, phase drill.Phase, after time.Duration, hints int) drill.State {
	t.Helper()
	d, err := drill.Load("bad-canary", shop.Setting())
	if err != nil {
		t.Fatal(err)
	}
	s := drill.State{
		Name: d.Name, Title: d.Title, Briefing: d.Briefing, Phase: phase, Limit: d.Lost,
		Began: rigNow(), Now: rigNow().Add(after), Noticed: rigNow().Add(48 * time.Second), Hints: d.Hints[:hints], Left: len(d.Hints) - hints,
	}
	if phase.Over() {
		s.Ended, s.Way = s.Now, d.Way
	}
	return s
}

// becomes has the drill stand otherwise, and the screen say so.
func (r *rig) becomes(w *standing, s drill.State) {
	w.state.Store(&s)
	time.Sleep(time.Second) // it is asked more often than that
	r.settle()
}

// TestGuideScreens keeps a picture of each page of a drill, of the greeting and of each
// step of the tour, at every size.
func TestGuideScreens(t *testing.T) {
	for _, size := range sizes {
		picture := func(r *rig, name string) { golden(t, r, fmt.Sprintf("guide-%s-%dx%d", name, size.w, size.h)) }
		t.Run(fmt.Sprintf("drill %d", size.w), func(t *testing.T) {
			w := newStanding(stand(t, drill.Briefing, 0, 0))
			inBubble(t, func(r *rig) { r.practise(w) }, func(r *rig) {
				r.start("briefing", size.w, size.h)
				picture(r, "briefing")
				r.becomes(w, stand(t, drill.Running, 75*time.Second, 2))
				picture(r, "hints")
				r.press(": d r i l l s enter j")
				picture(r, "drills")
				r.becomes(w, stand(t, drill.Mitigated, 140*time.Second, 2))
				picture(r, "won")
			})
		})
		t.Run(fmt.Sprintf("lost %d", size.w), func(t *testing.T) {
			w := newStanding(stand(t, drill.Running, time.Second, 0))
			inBubble(t, func(r *rig) { r.practise(w) }, func(r *rig) {
				r.start("home", size.w, size.h)
				lost := stand(t, drill.Lost, 15*time.Minute, 0)
				lost.Noticed = time.Time{}
				r.becomes(w, lost)
				picture(r, "lost")
			})
		})
		t.Run(fmt.Sprintf("tour %d", size.w), func(t *testing.T) {
			inBubble(t, full, func(r *rig) {
				tour := &guide.Tour{}
				r.companions = []ui.Companion{tour, &guide.Greeting{}}
				r.start("home", size.w, size.h)
				picture(r, "greeting")
				r.press(": t o u r enter")
				for i, keys := range []string{"", ": p o d s enter", "/ c h e c k o u t enter", "l", "[ x", "esc ctrl+p"} {
					r.press(keys)
					picture(r, fmt.Sprintf("tour-%d", i+1))
				}
			})
		})
	}
}

// TestGuideLeadsBack: whoever presses something else in the tour is told how to come
// back.
func TestGuideLeadsBack(t *testing.T) {
	inBubble(t, full, func(r *rig) {
		tour := &guide.Tour{}
		r.companions = []ui.Companion{tour}
		r.start("home", 80, 24)
		r.press(": t o u r enter enter")
		if got := r.picture().Plain(); !strings.Contains(got, "tour 1/5  This leads away from it. Press [ to come back (esc ends it)") {
			t.Errorf("it says nothing of that:\n%s", got)
		}
		r.press("[")
		if got := r.picture().Plain(); !strings.Contains(got, "tour 1/5  Home says") {
			t.Errorf("it does not go on:\n%s", got)
		}
	})
}

// TestGuideWithstands: whatever is told of a drill, and however small the terminal is,
// nothing of it moves the cursor, and nothing breaks.
func TestGuideWithstands(t *testing.T) {
	texts := slices.Collect(maps.Values(backendtest.Hostile(t, "../..")))
	texts = slices.DeleteFunc(texts, func(s string) bool { return len(s) > 1000 }) // a drill's are no longer
	for view, phase := range map[string]drill.Phase{"briefing": drill.Running, "debrief": drill.Lost, "drills": drill.Briefing} {
		s := stand(t, phase, time.Minute, 2)
		s.Name, s.Title, s.Briefing, s.Hints, s.Way = texts[0], texts[1], strings.Join(texts, "\n"), texts, nil
		for _, text := range texts {
			s.Way = append(s.Way, drill.Press{Keys: text, Why: text})
		}
		inBubble(t, func(r *rig) { r.practise(newStanding(s)) }, func(r *rig) {
			r.start(view, 80, 24)
			r.press("H")
			for before := ""; before != r.picture().Plain(); r.press("pgdown") {
				before = r.picture().Plain()
				pictureLines(t, r.picture(), view)
			}
			r.resize(20, 5)
			r.press("g")
			pictureLines(t, r.picture(), view)
		})
	}
}

// TestGuideWords: a word that is nearly a command is answered with that, and a command
// that can't be done now with why.
func TestGuideWords(t *testing.T) {
	for line, says := range map[string]string{
		": h i n t s enter": "called hints; did you mean hint?",
		": h i n t enter":   "the drill has not begun",
	} {
		w := newStanding(stand(t, drill.Briefing, 0, 0))
		inBubble(t, func(r *rig) { r.practise(w) }, func(r *rig) {
			r.start("briefing", 120, 24)
			r.press(line)
			if got := r.picture().Plain(); !strings.Contains(got, says) {
				t.Errorf("%s says\n%s", line, got)
			}
		})
	}
}
