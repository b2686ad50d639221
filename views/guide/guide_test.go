package guide_test

import (
	"strings"
	"testing"

	"wheelhouse/ui"
	"wheelhouse/ui/screen"
	"wheelhouse/views/guide"
)

// named is a view of which only the name is asked.
type named struct {
	ui.View
	name string
}

func (n named) Name() string { return n.name }

// TestGreeting: it says what to do first in one line of 80 columns, until something was
// done.
func TestGreeting(t *testing.T) {
	for name, did := range map[string]func(*guide.Greeting){
		"another view": func(g *guide.Greeting) { g.Look(ui.Scene{View: named{name: "pods"}}) },
		"esc": func(g *guide.Greeting) {
			if !g.Leave() {
				t.Error("esc has ended nothing")
			}
		},
	} {
		g := &guide.Greeting{}
		g.Look(ui.Scene{View: named{name: "home"}})
		if line := g.Line(); !strings.Contains(line, ":tour") || !strings.Contains(line, ":drills") || screen.Width(line) > 78 {
			t.Errorf("it says %q", line)
		}
		did(g)
		if line := g.Line(); line != "" || g.Leave() {
			t.Errorf("after %s it says %q", name, line)
		}
	}
}

// TestEnd: it says nothing until the world has ended.
func TestEnd(t *testing.T) {
	ended := make(chan struct{})
	e := &guide.End{Of: ended}
	if e.Line() != "" {
		t.Errorf("while it lives it says %q", e.Line())
	}
	close(ended)
	if !strings.Contains(e.Line(), "has ended") || screen.Width(e.Line()) > 78 {
		t.Errorf("then it says %q", e.Line())
	}
}
