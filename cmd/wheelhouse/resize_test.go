package main

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestResize: a terminal may have any size at any time. Whatever is open is
// drawn at each without harm, and after the small ones, which have no room for
// it, it is as it was before.
func TestResize(t *testing.T) {
	type size struct{ w, h int }
	var small []size
	for w := range 30 {
		for h := range 12 {
			small = append(small, size{w + 1, h + 1})
		}
	}
	large := []size{{31, 200}, {119, 24}, {120, 3}, {121, 24}, {300, 100}, {1000, 1}, {1, 1000}, {500, 300}, {0, 0}, {0, 24}, {80, 0}, {80, 24}}
	draw := func(t *testing.T, r *rig, sizes []size) {
		for _, s := range sizes {
			r.resize(s.w, s.h)
			if c := r.picture(); c.Width() > 0 && c.Height() > 0 {
				pictureLines(t, c, fmt.Sprintf("%dx%d", s.w, s.h))
			}
		}
	}
	for _, d := range dialogs {
		t.Run(d.name, func(t *testing.T) {
			inBubble(t, full, func(r *rig) {
				r.start(d.first, 80, 24)
				r.press(d.keys)
				before := r.picture().Plain()
				draw(t, r, small)
				r.resize(80, 24)
				if diff := cmp.Diff(before, r.picture().Plain()); diff != "" {
					t.Errorf("it is not what it was (-want +got):\n%s", diff)
				}
				draw(t, r, large)
			})
		})
	}
}

// TestTinyKeys: keys are pressed in a window that shows nothing, too.
func TestTinyKeys(t *testing.T) {
	for _, size := range []struct{ w, h int }{{1, 1}, {2, 3}, {11, 4}, {12, 5}} {
		for _, d := range dialogs {
			t.Run(fmt.Sprintf("%s-%dx%d", d.name, size.w, size.h), func(t *testing.T) {
				inBubble(t, full, func(r *rig) {
					r.start(d.first, size.w, size.h)
					r.press(d.keys)
					r.press("down pgdown end up pgup home tab x backspace left right")
					pictureLines(t, r.picture(), "small")
					if r.quit {
						t.Error("it has ended")
					}
				})
			})
		}
	}
}
