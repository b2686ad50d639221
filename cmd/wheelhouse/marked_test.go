package main

import (
	"testing"

	"wheelhouse/backend"
)

// TestPictureOfManyMarks: what a picture asks about the selection does not grow with it;
// what a key does is asked of all.
func TestPictureOfManyMarks(t *testing.T) {
	const many = 300
	inBubble(t, func(r *rig) {
		r.links.add("prod-eu", live())
		load(r.feeds, ofLink("prod-eu"), live(), manyPods("prod-eu", many)...)
	}, func(r *rig) {
		asked := 0
		r.actor.asked = func(refs []backend.Ref) { asked = max(asked, len(refs)) }
		r.start("pods", 120, 40)
		r.press("*")
		if asked == 0 || asked > 50 {
			t.Errorf("a picture asks about %d objects", asked)
		}
		r.press("x")
		if asked != many {
			t.Errorf("the menu asks about %d of %d", asked, many)
		}
	})
}
