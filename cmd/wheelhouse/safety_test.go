package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/feed"
	"wheelhouse/ui"
)

// twoPods makes a link with pods a and b, and gives what keeps them.
func twoPods(r *rig, link string) backend.Load[cluster.Pod] {
	l := feed.Of[cluster.Pod](r.feeds).Begin(ofLink(link))
	for _, name := range []string{"a", "b"} {
		l.Put(cluster.Pod{Link: link, Namespace: "shop", Name: name + "-" + link, UID: name + link})
	}
	l.Synced()
	feed.Of[cluster.Pod](r.feeds).Health(ofLink(link), live())
	return l
}

// shows says whether a line of the picture holds all of words.
func (r *rig) shows(words ...string) bool {
	for line := range strings.Lines(r.picture().Plain()) {
		all := true
		for _, w := range words {
			all = all && strings.Contains(line, w)
		}
		if all {
			return true
		}
	}
	return false
}

// TestEscAfterConsent: what was confirmed is not said to be cancelled.
func TestEscAfterConsent(t *testing.T) {
	inBubble(t, func(r *rig) { r.links.add("eu", live()); twoPods(r, "eu") }, func(r *rig) {
		r.start("pods", 120, 30)
		r.press("ctrl+d right")
		enter, _ := ui.ParseKey("enter")
		_, begun := r.shell.Update(enter)
		r.press("esc") // before the answer has come
		if r.shows("Cancelled") || !r.shows("goes on") {
			t.Error(r.picture().Plain())
		}
		r.send(begun())
		r.settle()
		if runs := r.desk.Runs(); len(runs) != 1 || runs[0].Err != nil {
			t.Error(runs)
		}
	})
}

// TestMenuMeansWhatItNames: the menu of an object is of that object until it is
// closed, wherever the cursor goes.
func TestMenuMeansWhatItNames(t *testing.T) {
	for _, open := range []string{"x", "ctrl+p"} {
		inBubble(t, func(r *rig) { r.links.add("eu", live()) }, func(r *rig) {
			l := twoPods(r, "eu")
			r.start("pods", 120, 30)
			r.press(open)
			l.Delete(backend.Ref{Link: "eu", Kind: cluster.KindPod, Scope: "shop", Name: "a-eu"})
			r.settle()
			r.press("D e l e t e enter")
			if r.shows("Delete", "b-eu on eu") || !r.shows("a-eu") {
				t.Errorf("%s:\n%s", open, r.picture().Plain())
			}
		})
	}
}

// TestMarksOutOfSight: a mark that the place hides is told, and one does not pass
// on to who takes over the name.
func TestMarksOutOfSight(t *testing.T) {
	inBubble(t, func(r *rig) { r.links.add("dev", live()); r.links.add("prod", live()) }, func(r *rig) {
		twoPods(r, "dev")
		l := twoPods(r, "prod")
		r.start("pods", 120, 30)
		r.press("j space")
		r.run(r.shell.MoveTo(ui.Place{Links: []string{"dev"}}))
		r.settle()
		r.press("ctrl+d")
		if !r.shows("1 of the 1 marked are hidden") {
			t.Error(r.picture().Plain())
		}
		r.press("esc")
		pod := cluster.Pod{Link: "prod", Namespace: "shop", Name: "a-prod", UID: "anew"}
		l.Delete(pod.Ref())
		l.Put(pod)
		r.settle()
		if !r.shows("1 mark lost") {
			t.Error(r.picture().Plain())
		}
	})
}

// TestNarrowAndLost: where only some namespaces may be read, that the server is
// gone is said before that.
func TestNarrowAndLost(t *testing.T) {
	inBubble(t, func(r *rig) { r.links.add("eu", outdated()) }, func(r *rig) {
		feed.Of[cluster.Pod](r.feeds).Health(ofLink("eu"), backend.Health{State: backend.Forbidden, Reason: backend.T("you may not list pods in all namespaces of eu")})
		part := backend.Part{Link: "eu", Scope: "shop"}
		load[cluster.Pod](r.feeds, part, outdated(), cluster.Pod{Link: "eu", Namespace: "shop", Name: "a", UID: "1"})
		r.start("pods", 120, 20)
		if !r.shows("pods", "stale") || !r.shows("connection refused") {
			t.Error(r.picture().Plain())
		}
	})
}

// TestReadOnlyIsSaid: of the links that are connected, whatever else is known.
func TestReadOnlyIsSaid(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.links.add("prod", live())
		r.links.states[0].ReadOnly = true
		r.links.states = append(r.links.states, ui.LinkState{Alias: "dev", Health: backend.Health{State: backend.Off}})
		twoPods(r, "prod")
	}, func(r *rig) {
		r.start("pods", 120, 20)
		if !r.shows("READ-ONLY") {
			t.Error(r.picture().Plain())
		}
		r.links.states[1].Health = live()
		r.send(ui.Changed{})
		if !r.shows("READ-ONLY: prod") {
			t.Error(r.picture().Plain())
		}
	})
}

// TestBetweenTwoViews: the key goes to the other one, and back.
func TestBetweenTwoViews(t *testing.T) {
	inBubble(t, func(r *rig) { r.links.add("eu", live()) }, func(r *rig) {
		r.start("pods", 120, 20)
		r.run(r.shell.Command("deployments"))
		r.run(r.shell.Command("namespaces"))
		for _, want := range []string{"deployments", "namespaces", "deployments"} {
			r.press("-")
			if !r.shows("wheelhouse " + want) {
				t.Errorf("not %s:\n%s", want, r.picture().Plain())
			}
		}
	})
}

// asked counts the watches that are begun.
type asked struct{ labels []string }

func (a *asked) Watch(ctx context.Context, s backend.Scope, _ backend.Sink[cluster.Pod]) error {
	a.labels = append(a.labels, s.Labels)
	<-ctx.Done()
	return ctx.Err()
}

// TestLabelsAreAskedForOnce: what is typed goes to the server when it is typed.
func TestLabelsAreAskedForOnce(t *testing.T) {
	inBubble(t, func(r *rig) { r.links.add("eu", live()) }, func(r *rig) {
		src := &asked{}
		feed.Of[cluster.Pod](r.feeds).Attach("eu", src)
		defer feed.Of[cluster.Pod](r.feeds).Stop()
		r.start("pods", 120, 20)
		r.press("/ - l space a p p = c a r t")
		r.settle()
		if diff := cmp.Diff([]string{""}, src.labels); diff != "" {
			t.Error("while it is typed:", diff)
		}
		r.press("enter")
		r.settle()
		if diff := cmp.Diff([]string{"", "app=cart"}, src.labels); diff != "" {
			t.Error(diff)
		}
	})
}

// TestDoubtIsNoRefusal: what only was forbidden a while ago is said, and asked
// for all the same.
func TestDoubtIsNoRefusal(t *testing.T) {
	inBubble(t, func(r *rig) { r.links.add("eu", live()) }, func(r *rig) {
		twoPods(r, "eu")
		r.actor.why = "you may not delete pods in shop on eu"
		r.start("pods", 120, 30)
		r.press("x")
		if !r.shows("Delete", "you may not delete pods") {
			t.Fatal(r.picture().Plain())
		}
		r.press("enter")
		if !r.shows("Deletes pod shop/a-eu on eu") {
			t.Error(r.picture().Plain())
		}
	})
}

// TestOutcomesInOrder: every outcome is told when it comes, whichever run was
// begun first.
func TestOutcomesInOrder(t *testing.T) {
	inBubble(t, func(r *rig) { r.links.add("eu", live()) }, func(r *rig) {
		twoPods(r, "eu")
		r.actor.lag = map[string]time.Duration{"a-eu": 3 * time.Second, "b-eu": time.Second}
		r.start("pods", 120, 30)
		for _, keys := range []string{"ctrl+d right enter", "j ctrl+d right enter"} {
			r.press(keys)
		}
		time.Sleep(2 * time.Second)
		r.settle()
		if !r.shows("b-eu on eu", "done") {
			t.Error(r.picture().Plain())
		}
		time.Sleep(2 * time.Second)
		r.settle()
		if !r.shows("a-eu on eu", "done") || !r.shows("2 outcomes") {
			t.Error(r.picture().Plain())
		}
	})
}

// TestARefusalStays: who reaches for a button that a refused plan does not have closes
// nothing, so that the Enter after it does not reach what stands below.
func TestARefusalStays(t *testing.T) {
	inBubble(t, func(r *rig) { r.links.add("eu", live()) }, func(r *rig) {
		twoPods(r, "eu")
		r.actor.not = "pods are held"
		r.start("pods", 120, 30)
		r.press("ctrl+d right left tab")
		if !r.shows("Deletes pod shop/a-eu on eu") {
			t.Fatal("it is gone: ", r.picture().Plain())
		}
		r.press("enter")
		if r.shows("Deletes pod") || r.shows("describe") {
			t.Error(r.picture().Plain())
		}
	})
}

// TestAPlannedRequestIsNotCalledSent: the page of an outcome names the request of each
// step, also of one that ended before anything was sent.
func TestAPlannedRequestIsNotCalledSent(t *testing.T) {
	inBubble(t, func(r *rig) { r.links.add("eu", live()) }, func(r *rig) {
		twoPods(r, "eu")
		r.start("pods", 120, 30)
		r.press("ctrl+d right enter ! enter enter")
		if !r.shows("request", "DELETE pods/shop/a-eu") || r.shows("sent", "DELETE pods/shop/a-eu") {
			t.Error(r.picture().Plain())
		}
	})
}
