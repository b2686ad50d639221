package list

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/themes"
	"wheelhouse/ui"
	"wheelhouse/ui/widget/table"
)

// Text is a column of plain words. keep is when a narrow terminal drops it:
// lower stays longer.
func Text[T any](id, title string, keep int, of func(*T) string) table.Column[T] {
	return table.Column[T]{
		ID: id, Title: title, Keep: keep, Text: of,
		Cell: func(v *T, _ time.Time) table.Cell { return table.Cell{Text: of(v)} },
		Less: func(a, b *T) int { return strings.Compare(of(a), of(b)) },
	}
}

// Name is the column that names the row: it is never dropped and takes the
// room that the others leave.
func Name[T any](id, title string, of func(*T) string) table.Column[T] {
	c := Text(id, title, 0, of)
	c.Name = true
	return c
}

// Number is a column of whole numbers; zero is dim.
func Number[T any](id, title string, keep int, of func(*T) int64) table.Column[T] {
	text := func(v *T) string { return strconv.FormatInt(of(v), 10) }
	return table.Column[T]{
		ID: id, Title: title, Keep: keep, Right: true, Text: text,
		Cell: func(v *T, _ time.Time) table.Cell {
			pen := themes.Plain
			if of(v) == 0 {
				pen = themes.Dim
			}
			return table.Cell{Text: text(v), Pen: pen}
		},
		Less:   func(a, b *T) int { return cmp.Compare(of(a), of(b)) },
		Number: func(v *T) float64 { return float64(of(v)) },
	}
}

// Bytes is a column of sizes: "1.2Gi".
func Bytes[T any](id, title string, keep int, of func(*T) int64) table.Column[T] {
	c := Number(id, title, keep, of)
	c.Cell = func(v *T, _ time.Time) table.Cell { return table.Cell{Text: Size(of(v))} }
	return c
}

// Size is a number of bytes in three digits: "812", "9.2Gi".
func Size(n int64) string {
	if n < 1<<10 {
		return strconv.FormatInt(n, 10)
	}
	f, unit := float64(n), 0
	for ; f >= 1000 && unit < 5; unit++ { // three digits at most
		f /= 1 << 10
	}
	digits := 0
	if f < 10 {
		digits = 1
	}
	return strconv.FormatFloat(f, 'f', digits, 64) + [...]string{"", "Ki", "Mi", "Gi", "Ti", "Pi"}[unit]
}

// State is the column with the row's sign and word. What is worse sorts first.
func State[T any](id, title string, of func(*T) (string, backend.Level)) table.Column[T] {
	return table.Column[T]{
		ID: id, Title: title, Keep: 1, Max: 30,
		Text: func(v *T) string { s, _ := of(v); return s },
		Cell: func(v *T, _ time.Time) table.Cell {
			s, level := of(v)
			return table.Cell{Text: s, Pen: themes.Of(level), Level: level}
		},
		Less: func(a, b *T) int {
			sa, la := of(a)
			sb, lb := of(b)
			return cmp.Or(cmp.Compare(lb, la), strings.Compare(sa, sb))
		},
	}
}

// Age is the column that says how long ago a moment (Unix seconds) was. The
// youngest sorts first; a filter compares it as a duration ("age:<1h").
func Age[T any](id, title string, of func(*T) int64) table.Column[T] {
	return table.Column[T]{
		ID: id, Title: title, Keep: 5, Right: true,
		Text: func(v *T) string { return moment(of(v)) },
		Cell: func(v *T, now time.Time) table.Cell {
			if of(v) == 0 {
				return table.Cell{Pen: themes.Dim}
			}
			text, until := ui.Age(time.Unix(of(v), 0), now)
			return table.Cell{Text: text, Pen: themes.Dim, Until: until}
		},
		Less:  func(a, b *T) int { return cmp.Compare(of(b), of(a)) },
		Since: func(v *T) time.Time { return time.Unix(of(v), 0) },
	}
}

// moment is how a point in time is saved and copied.
func moment(unix int64) string {
	if unix == 0 {
		return ""
	}
	return time.Unix(unix, 0).UTC().Format(time.RFC3339)
}

// Hidden makes a column one that has to be chosen.
func Hidden[T any](c table.Column[T]) table.Column[T] {
	c.Hidden = true
	return c
}
