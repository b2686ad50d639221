package main

import (
	"strings"
	"testing"

	"wheelhouse/ui"
)

// TestNothingIsWithoutName: every command of every view is called something, those too
// that are made of a column's heading.
func TestNothingIsWithoutName(t *testing.T) {
	inBubble(t, full, func(r *rig) {
		for _, o := range r.openers() {
			v := o.Open(ui.OpenWith{})
			for _, c := range v.Commands() {
				if c.Title == "" || strings.HasSuffix(c.Title, " ") {
					t.Errorf("%s: %s is called %q", o.Name, c.ID, c.Title)
				}
			}
			v.Close()
		}
	})
}
