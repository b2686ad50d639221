package influx

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A column is one of a table. Those of the key have one value in all rows.
type column struct {
	name string
	key  bool
}

// A table is rows that belong together. Its values are string, float64, int64, bool,
// time.Time, or nil where there is none.
type table struct {
	columns []column
	key     map[string]any
	rows    [][]any
	load    func() [][]any // its rows, where nobody has looked at them yet
	stored  bool           // nothing was made of it but what the storage does itself
}

// A stream is tables, and what they are called in the answer.
type stream struct {
	tables []*table
	name   string
}

// loaded gives the tables with their rows, without those of which nothing was stored.
func (s *stream) loaded() []*table {
	var out []*table
	for _, t := range s.tables {
		if t.load != nil {
			t.rows, t.load = t.load(), nil
			if len(t.rows) == 0 {
				continue
			}
		}
		out = append(out, t)
	}
	s.tables = out
	return out
}

func (t *table) at(name string) int {
	return slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
}

// of is a value of a row.
func (t *table) of(row []any, name string) any {
	if n := t.at(name); n >= 0 {
		return row[n]
	}
	return nil
}

// empty is a table of the same form without rows.
func (t *table) empty() *table {
	return &table{columns: slices.Clone(t.columns), key: t.key}
}

// identity is what tells a table by its key from others.
func (t *table) identity() string {
	var b strings.Builder
	for _, c := range t.columns {
		if c.key {
			fmt.Fprintf(&b, "%s\x00%v\x00", c.name, t.key[c.name])
		}
	}
	return b.String()
}

// grouped puts rows into tables by the columns that are to be their key, in the order
// in which these come up.
func grouped(tables []*table, isKey func(string) bool) []*table {
	var out []*table
	known := map[string]*table{}
	for _, t := range tables {
		keyed := slices.Clone(t.columns)
		for i := range keyed {
			keyed[i].key = isKey(keyed[i].name)
		}
		for _, row := range t.rows {
			one := &table{columns: keyed, key: map[string]any{}}
			for i, c := range keyed {
				if c.key {
					one.key[c.name] = row[i]
				}
			}
			id := one.identity()
			if known[id] == nil {
				one.columns = slices.Clone(keyed)
				known[id] = one
				out = append(out, one)
			}
			known[id].add(keyed, row)
		}
	}
	return out
}

// add adds a row of columns that need not be the table's.
func (t *table) add(columns []column, row []any) {
	for _, c := range columns {
		if t.at(c.name) < 0 {
			t.columns = append(t.columns, c)
			for i := range t.rows {
				t.rows[i] = append(t.rows[i], nil)
			}
		}
	}
	out := make([]any, len(t.columns))
	for i, c := range columns {
		out[t.at(c.name)] = row[i]
	}
	t.rows = append(t.rows, out)
}

// without takes columns away.
func (t *table) without(drop func(string) bool) *table {
	out := &table{key: t.key}
	var kept []int
	for i, c := range t.columns {
		if !drop(c.name) {
			out.columns = append(out.columns, c)
			kept = append(kept, i)
		}
	}
	for _, row := range t.rows {
		one := make([]any, 0, len(kept))
		for _, i := range kept {
			one = append(one, row[i])
		}
		out.rows = append(out.rows, one)
	}
	return out
}

// with sets a column to what of says of each row.
func (t *table) with(name string, of func([]any) any) *table {
	out := &table{columns: slices.Clone(t.columns), key: t.key}
	at := t.at(name)
	if at < 0 {
		out.columns = append(out.columns, column{name: name})
	}
	for _, row := range t.rows {
		one := slices.Clone(row)
		if at < 0 {
			one = append(one, of(row))
		} else {
			one[at] = of(row)
		}
		out.rows = append(out.rows, one)
	}
	return out
}

// order compares values; none is before all others.
func order(a, b any) int {
	switch a := a.(type) {
	case nil:
		if b == nil {
			return 0
		}
		return -1
	case string:
		if b, ok := b.(string); ok {
			return strings.Compare(a, b)
		}
	case time.Time:
		if b, ok := b.(time.Time); ok {
			return a.Compare(b)
		}
	case bool:
		if b, ok := b.(bool); ok && a != b {
			if a {
				return 1
			}
			return -1
		}
		return 0
	}
	x, ok := numeric(a)
	y, both := numeric(b)
	if ok && both {
		return cmp.Compare(x, y)
	}
	return 1
}

func numeric(v any) (float64, bool) {
	switch v := v.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}

// kindOf is the type of a column, as annotated CSV has it.
func (t *table) kindOf(n int) string {
	kind := ""
	for _, row := range t.rows {
		switch row[n].(type) {
		case float64:
			kind = "double"
		case int64:
			kind = "long"
		case bool:
			kind = "boolean"
		case time.Time:
			kind = "dateTime:RFC3339"
		case string:
			kind = "string"
		default:
			continue
		}
		break
	}
	switch {
	case kind != "":
		return kind
	case t.columns[n].name == "_value":
		return "double"
	case slices.Contains([]string{"_time", "_start", "_stop"}, t.columns[n].name):
		return "dateTime:RFC3339"
	}
	return "string"
}
