package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/feed"
	"wheelhouse/keymap"
	"wheelhouse/themes"
)

// TestPrefillIsOfTheMarked: a form begins with what is true of what is selected,
// wherever the cursor stands.
func TestPrefillIsOfTheMarked(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.links.add("eu", live())
		load[cluster.Workload](r.feeds, backend.Part{Link: "eu", Kind: cluster.KindDeployment}, live(),
			cluster.Workload{Link: "eu", Kind: cluster.KindDeployment, Namespace: "shop", Name: "a", UID: "1", Desired: 7},
			cluster.Workload{Link: "eu", Kind: cluster.KindDeployment, Namespace: "shop", Name: "b", UID: "2", Desired: 0})
	}, func(r *rig) {
		r.start("workloads", 120, 30)
		r.press("space j s")
		if !r.shows("Scale", "shop/a") || !r.shows("7") {
			t.Error(r.picture().Plain())
		}
	})
}

// TestManyLinks: however many systems there are, and whatever they are called,
// the view's own title, counts and health keep their room.
func TestManyLinks(t *testing.T) {
	for _, n := range []int{3, 10, 60} {
		inBubble(t, func(r *rig) {
			for i := range n {
				r.links.add(fmt.Sprintf("arn-aws-eks-eu-west-1-123456789012-cluster-prod-%d", i), live())
			}
			twoPods(r, r.links.states[0].Alias)
		}, func(r *rig) {
			r.start("pods", 80, 24)
			r.press("space")
			for _, w := range []int{60, 80, 99, 100, 120, 160, 200} {
				r.resize(w, 24)
				head, _, _ := strings.Cut(r.picture().Plain(), "\n")
				for _, want := range []string{"pods", "2 pods, 1 marked", "● live"} {
					if !strings.Contains(head, want) {
						t.Errorf("%d links, %d columns: no %q in %q", n, w, want, head)
					}
				}
			}
		})
	}
}

// TestHelpIsOfThisView: every key that does something here is in the help, each
// once, with what it does here.
func TestHelpIsOfThisView(t *testing.T) {
	inBubble(t, func(r *rig) { r.links.add("eu", live()); twoPods(r, "eu") }, func(r *rig) {
		r.start("pods", 120, 110)
		r.press("?")
		for _, want := range [][]string{{"ctrl+k", "Delete with force=true"}, {"state:crash"}} {
			if !r.shows(want...) {
				t.Errorf("no %q in\n%s", want, r.picture().Plain())
			}
		}
		r.press("esc y ?")
		text := r.picture().Plain()
		if n := strings.Count(text, "ctrl+r "); n != 1 || strings.Contains(text, "state:crash") || !strings.Contains(text, "Ask the server again") {
			t.Errorf("ctrl+r stands there %d times:\n%s", n, text)
		}
	})
}

// TestPaletteTakesTheFilterOff: an object that the filter hides is gone to all
// the same, and that is said.
func TestPaletteTakesTheFilterOff(t *testing.T) {
	inBubble(t, func(r *rig) { r.links.add("eu", live()); twoPods(r, "eu") }, func(r *rig) {
		r.start("pods", 120, 30)
		r.press("/ a - e u enter ctrl+p b - e u enter")
		if !r.shows("/a-eu hid it, and was taken off") || !r.shows("▸", "b-eu") {
			t.Error(r.picture().Plain())
		}
	})
}

// TestCompletion: each word of a line is completed with what may stand there.
func TestCompletion(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.links.add("prod-eu", live())
		r.links.add("lab", live())
		twoPods(r, "prod-eu")
		r.memory.Put("namespaces", []string{"production", "shop"})
	}, func(r *rig) {
		r.aliases = keymap.Aliases{"mine": "pods shop", "cc": "clusters"}
		r.start("pods", 120, 30)
		for typed, want := range map[string]string{
			"ctx pr": "ctx prod-eu", "cc la": "cc lab", "po pro": "po production", "po shop,pro": "po shop,production",
			"po @la": "po @lab", "po @lab,pr": "po @lab,prod-eu", "min": "mine", "mine pro": "mine production",
		} {
			r.press(":")
			r.paste(typed)
			r.press("tab")
			if !r.shows(": " + want + " ") {
				t.Errorf("%q is not completed to %q:\n%s", typed, want, r.picture().Plain())
			}
			r.press("esc")
		}
	})
}

// TestMenuOfAMixedSelection lists what only a part of it takes, with the reason.
func TestMenuOfAMixedSelection(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.links.add("eu", live())
		for _, kind := range []string{cluster.KindDeployment, cluster.KindDaemonSet} {
			load[cluster.Workload](r.feeds, backend.Part{Link: "eu", Kind: kind}, live(), cluster.Workload{Link: "eu", Kind: kind, Namespace: "shop", Name: kind[:4], UID: kind})
		}
	}, func(r *rig) {
		r.start("workloads", 120, 30)
		r.press("space j space x")
		if !r.shows("Scale", "not daemonsets (1 of the 2 selected)") || !r.shows("Restart") {
			t.Error(r.picture().Plain())
		}
	})
}

// TestMarksWait: marks of rows that are on their way are not taken for lost.
func TestMarksWait(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.links.add("eu", live())
		feed.Of[cluster.Pod](r.feeds).Attach("eu", oneByOne{})
	}, func(r *rig) {
		defer feed.Of[cluster.Pod](r.feeds).Stop()
		r.start("pods shop", 120, 30)
		time.Sleep(5 * time.Second)
		r.settle()
		r.press("space")
		r.run(r.shell.Command("pods pay"))
		r.settle()
		r.press("[")
		time.Sleep(5 * time.Second)
		r.settle()
		if !r.shows("1 marked") || r.shows("lost") {
			t.Error(r.picture().Plain())
		}
	})
}

// oneByOne is a source that has one pod in each namespace and takes a second.
type oneByOne struct{}

func (oneByOne) Watch(ctx context.Context, scope backend.Scope, sink backend.Sink[cluster.Pod]) error {
	for _, ns := range scope.Namespaces {
		part := backend.Part{Link: "eu", Scope: ns}
		sink.Health(part, backend.Health{State: backend.Connecting})
		time.Sleep(time.Second)
		l := sink.Begin(part)
		l.Put(cluster.Pod{Link: "eu", Namespace: ns, Name: "one-" + ns, UID: ns})
		l.Synced()
		sink.Health(part, live())
	}
	<-ctx.Done()
	return ctx.Err()
}

// TestDeniedRowsAreDim: what nobody follows any more is not drawn as if it were
// fresh.
func TestDeniedRowsAreDim(t *testing.T) {
	for state, dim := range map[backend.State]bool{backend.Live: false, backend.Stale: true, backend.Down: true, backend.Forbidden: true} {
		inBubble(t, func(r *rig) { r.links.add("eu", live()) }, func(r *rig) {
			twoPods(r, "eu")
			feed.Of[cluster.Pod](r.feeds).Health(ofLink("eu"), backend.Health{State: state, Reason: backend.T("so it is")})
			r.start("pods", 100, 20)
			c := r.picture()
			got := themes.Plain
			x := strings.Index(strings.Split(c.Plain(), "\n")[3], "shop")
			c.Repen(x, 3, 1, func(p themes.Pen) themes.Pen { got = p; return p })
			if (got == themes.Dim) != dim {
				t.Errorf("%v: drawn as %x", state, got)
			}
		})
	}
}

// TestListsTellWhatTheyLeaveOut: a list that is live, and does not hold all there is,
// says so in its title, and below the rows what that is.
func TestListsTellWhatTheyLeaveOut(t *testing.T) {
	left := live()
	left.Reason = backend.T("2 more are not shown. Look there.")
	for name, c := range map[string]struct {
		view  string
		rows  bool
		title string
		says  string
	}{
		"rows":           {"pipelines", true, "1 pipeline (not all)  ● live", "○ ci 2 more are not shown. Look there."},
		"rows of a note": {"builds", true, "1 build (not all)  ● live", "● Fix it · ci 2 more are not shown. Look there."},
		"none":           {"pipelines", false, "0 pipelines (not all)  ● live", "2 more are not shown. Look there."},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) { r.links.add("ci", live()); r.links.add("eu", live()) }, func(r *rig) {
				var pipelines []delivery.Pipeline
				var builds []delivery.Build
				if c.rows {
					pipelines = append(pipelines, delivery.Pipeline{Link: "ci", Name: "shop/cart"})
					builds = append(builds, delivery.Build{Link: "ci", Pipeline: "shop/cart", Number: "7", State: delivery.Passed, Title: "Fix it"})
				}
				load(r.feeds, ofLink("ci"), left, pipelines...)
				load(r.feeds, ofLink("ci"), left, builds...)
				load[delivery.Pipeline](r.feeds, ofLink("eu"), live())
				load[delivery.Build](r.feeds, ofLink("eu"), live())
				r.start(c.view, 120, 20)
				if !r.shows(c.title) || !r.shows(c.says) {
					t.Errorf("it shows\n%s", r.picture().Plain())
				}
			})
		})
	}
}

// TestClickBesideTheRows: the details are no rows, and an order by click is kept.
func TestClickBesideTheRows(t *testing.T) {
	inBubble(t, func(r *rig) { r.links.add("eu", live()); twoPods(r, "eu") }, func(r *rig) {
		r.start("pods", 160, 30)
		r.send(tea.MouseClickMsg{X: 150, Y: 3, Button: tea.MouseLeft})
		r.settle()
		if !r.shows("▸", "a-eu") {
			t.Errorf("the cursor has moved:\n%s", r.picture().Plain())
		}
		head := strings.Split(r.picture().Plain(), "\n")[1]
		r.send(tea.MouseClickMsg{X: strings.Index(head, "READY"), Y: 1, Button: tea.MouseLeft})
		if got := r.memory.Get("sort.pods"); len(got) != 1 || got[0] != "ready" {
			t.Errorf("kept is %v of %q", got, head)
		}
	})
}

// TestPaletteShowsACluster: in the view that is open, or where that is of no
// place, in its pods.
func TestPaletteShowsACluster(t *testing.T) {
	for first, want := range map[string]string{"deployments": "deployments  lab", "clusters": "pods  lab"} {
		inBubble(t, func(r *rig) { r.links.add("eu", live()); r.links.add("lab", live()) }, func(r *rig) {
			r.start(first, 120, 30)
			r.press("ctrl+p l a b enter")
			if !r.shows(want) {
				t.Errorf("from %s:\n%s", first, r.picture().Plain())
			}
		})
	}
}

// TestPodsUseIsWatched: what pods use is asked for when they are opened, also where
// another view watches the pods themselves already.
func TestPodsUseIsWatched(t *testing.T) {
	inBubble(t, nil, func(r *rig) {
		r.start("home", 120, 30)
		r.press(": p o d s enter")
		if _, watched := feed.Of[cluster.Usage](r.feeds).Watching(); !watched {
			t.Errorf("nobody has asked:\n%s", r.picture().Plain())
		}
	})
}
