package ui

import (
	"fmt"
	"time"
)

// Count gives "1 run", "1,204 runs".
func Count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return Number(n) + " " + noun
}

// Number writes n with a comma between thousands.
func Number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Age writes how long ago since was, in the largest unit that says enough:
// 12s, 4m, 3h, 2d. until is when that text changes; from the minutes on it is
// the next full ten seconds after that, so that a screenful of ages changes
// together and not one row after another.
func Age(since, now time.Time) (text string, until time.Time) {
	d := max(0, now.Sub(since))
	unit, sign := 24*time.Hour, "d"
	switch {
	case d < 2*time.Minute:
		unit, sign = time.Second, "s"
	case d < 2*time.Hour:
		unit, sign = time.Minute, "m"
	case d < 48*time.Hour:
		unit, sign = time.Hour, "h"
	}
	shown := d.Truncate(unit)
	until = since.Add(shown + unit)
	if unit > time.Second {
		until = until.Add(together - 1).Truncate(together)
	}
	return fmt.Sprintf("%d%s", shown/unit, sign), until
}

// together is the grid that slow ages change on.
const together = 10 * time.Second
