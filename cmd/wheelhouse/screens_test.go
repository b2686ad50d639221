package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wheelhouse/backend/feed"

	"github.com/google/go-cmp/cmp"
)

// update makes the pictures anew instead of comparing them: go test -update.
var update = flag.Bool("update", false, "write testdata/golden anew")

// goldens is where the pictures are kept, a file each.
var goldens = filepath.Join("..", "..", "testdata", "golden")

// sizes are the terminals that pictures are kept of.
var sizes = []struct{ w, h int }{{80, 24}, {120, 40}, {200, 50}}

// golden compares the rig's picture with the one that is kept.
func golden(t *testing.T, r *rig, name string) {
	t.Helper()
	got := r.picture().Plain() + "\n"
	path := filepath.Join(goldens, name+".txt")
	if *update {
		if err := os.MkdirAll(goldens, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v: look at the picture, and keep it with -update:\n%s", err, got)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s is drawn otherwise (-want +got):\n%s", name, diff)
	}
}

// states are the ways in which a view's data may stand.
var states = []struct {
	name string
	fill func(*rig)
}{
	{"full", full},
	{"empty", without(live())},
	{"loading", without(connecting())},
	{"denied", without(forbidden())},
	{"stale", func(r *rig) { r.fillLink("prod-eu", outdated()) }},
	{"partly", func(r *rig) { // one that is lost must not hide behind one that is not
		r.fillLink("prod-eu", live())
		r.fillLink("prod-us", outdated())
	}},
}

// TestScreens keeps a picture of every view in every state at every size.
func TestScreens(t *testing.T) {
	for _, view := range []string{"home", "pods", "workloads", "deployments", "statefulsets", "daemonsets", "rollouts", "builds", "pipelines", "breakers", "instances", "logs", "streams", "metrics", "pools", "machines", "namespaces", "clusters"} {
		for _, state := range states {
			if slices.Contains([]string{"workloads", "statefulsets", "daemonsets", "instances"}, view) && state.name != "full" {
				continue // the same code and words as deployments
			}
			for _, size := range sizes {
				name := fmt.Sprintf("%s-%s-%dx%d", view, state.name, size.w, size.h)
				t.Run(name, func(t *testing.T) {
					inBubble(t, state.fill, func(r *rig) {
						r.start(lineOf(view), size.w, size.h)
						golden(t, r, name)
					})
				})
			}
		}
	}
}

// lineOf is the ':' line that opens a view with something on it.
func lineOf(view string) string {
	if view == "logs" {
		return "logs prod-eu:pod/shop/cart-0"
	}
	return view
}

// dialogs are what stands above a view once keys were pressed.
var dialogs = []struct{ name, first, keys string }{
	{"help", "pods", "?"},
	{"help-end", "pods", "? G"},
	{"menu", "pods", "x"},
	{"menu-marked", "pods", "space j space x"},
	{"menu-deployment", "deployments", "x"},
	{"palette", "pods", "ctrl+p"},
	{"palette-typed", "pods", "ctrl+p c a r t"},
	{"columns", "pods", "ctrl+o"},
	{"save", "pods", "ctrl+s"},
	{"delete", "pods", "ctrl+d"},
	{"delete-marked", "pods", "space j space j space ctrl+d"},
	{"delete-hidden", "pods", "* / x 2 x enter ctrl+d"},
	{"delete-options", "pods", "ctrl+d o"},
	{"delete-cancelled", "pods", "ctrl+d enter"},
	{"deleted", "pods", "ctrl+d tab enter"},
	{"scale", "deployments", "s"},
	{"scale-wrong", "deployments", "s x enter"},
	{"scale-plan", "deployments", "s enter"},
	{"restart", "deployments", "r"},
	{"promote", "rollouts", "/ c h e c k enter p"},
	{"menu-rollout", "rollouts", "x"},
	{"set-image", "rollouts", "i"},
	{"trip", "breakers", "t"},
	{"menu-breaker", "breakers", "x"},
	{"pool-scale", "pools", "s"},
	{"menu-build", "builds", "x"},
	{"trigger", "pipelines", "/ c h e c k enter t"},
	{"trigger-filled", "pipelines", "/ c h e c k enter t tab right tab space tab s e c r e t"},
	{"build-log", "builds", "enter"},
	{"log-search", "logs prod-eu:pod/shop/cart-0", "/ f u l l enter N"},
	{"log-paused", "logs prod-eu:pod/shop/cart-0", "k k"},
	{"log-top", "logs prod-eu:pod/shop/cart-0", "g"},
	{"log-times", "logs prod-eu:pod/shop/cart-0", "t"},
	{"log-wrapped", "logs prod-eu:pod/shop/cart-0", "w"},
	{"log-several", "pods", "space j space j space l"},
	{"log-none", "logs", ""},
	{"chart", "metrics", "enter"},
	{"chart-crosshair", "metrics", "enter left left left left"},
	{"chart-zoomed", "metrics", "enter left z"},
	{"describe", "pods", "d"},
	{"describe-search", "pods", "d / l i n e enter"},
	{"yaml-end", "pods", "y G"},
	{"filter", "pods", "/ c h e c k"},
	{"filter-none", "pods", "/ x y z z y enter"},
	{"filter-wrong", "pods", "/ s t a t e : ["},
	{"broken", "pods", "ctrl+z"},
	{"wide", "pods", "ctrl+w"},
	{"command", "pods", ": d e p"},
	{"command-unknown", "pods", ": d e p p enter"},
	{"key-unknown", "pods", "Z"},
	{"disconnect", "clusters", "ctrl+d"},
	{"outcomes-none", "pods", "!"},
}

// TestDialogs keeps a picture of every dialog and answer at the smallest size.
func TestDialogs(t *testing.T) {
	for _, d := range dialogs {
		t.Run(d.name, func(t *testing.T) {
			inBubble(t, full, func(r *rig) {
				r.start(d.first, 80, 24)
				r.press(d.keys)
				golden(t, r, "dialog-"+d.name)
			})
		})
	}
}

// TestScreensAreAll: a view that is new has pictures too, and none is kept of
// what is not drawn any more.
func TestScreensAreAll(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(goldens, "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, f := range files {
		kept = append(kept, strings.TrimSuffix(filepath.Base(f), ".txt"))
	}
	for _, o := range views(feed.NewSet(feed.NewBell()), outlook{}) {
		for _, size := range sizes {
			if name := fmt.Sprintf("%s-full-%dx%d", o.Name, size.w, size.h); !slices.Contains(kept, name) {
				t.Errorf("there is no picture %s: add the view to TestScreens", name)
			}
		}
		kept = slices.DeleteFunc(kept, func(name string) bool {
			view, rest, _ := strings.Cut(name, "-")
			state, size, _ := strings.Cut(rest, "-")
			var w, h int
			n, _ := fmt.Sscanf(size, "%dx%d", &w, &h)
			for _, s := range states {
				if view == o.Name && state == s.name && n == 2 {
					return true
				}
			}
			return false
		})
	}
	for _, d := range dialogs {
		kept = slices.DeleteFunc(kept, func(name string) bool { return name == "dialog-"+d.name })
	}
	kept = slices.DeleteFunc(kept, func(name string) bool { return strings.HasPrefix(name, "guide-") }) // see TestGuideScreens
	for _, name := range kept {
		t.Errorf("the picture %s is of nothing", name)
	}
}
