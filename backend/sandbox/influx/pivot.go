package influx

import (
	"fmt"
	"slices"
)

// pivot makes columns of values.
func pivot(_ *running, a arguments) (any, error) {
	tables, err := a.tables()
	if err != nil {
		return nil, err
	}
	rowKey, columnKey, value := a.words("rowKey"), a.words("columnKey"), a.word("valueColumn", "")
	var out []*table
	for _, t := range tables {
		gone := func(name string) bool { return slices.Contains(columnKey, name) || name == value }
		one := t.without(gone)
		for i, row := range t.rows {
			name := ""
			for n, c := range columnKey {
				if n > 0 {
					name += "_"
				}
				name += fmt.Sprint(t.of(row, c))
			}
			if one.at(name) < 0 {
				one.add([]column{{name: name}}, []any{nil})
				one.rows = one.rows[:len(one.rows)-1]
			}
			one.rows[i][one.at(name)] = t.of(row, value)
		}
		out = append(out, grouped([]*table{one}, t.isKey)...)
	}
	out = joined(out)
	for _, t := range out {
		t.merge(rowKey)
	}
	return &stream{tables: out}, nil
}

// merge makes rows one that are the same in some columns.
func (t *table) merge(by []string) {
	known := map[string]int{}
	var rows [][]any
	for _, row := range t.rows {
		id := ""
		for _, c := range by {
			id += fmt.Sprint(t.of(row, c)) + "\x00"
		}
		at, ok := known[id]
		if !ok {
			known[id] = len(rows)
			rows = append(rows, slices.Clone(row))
			continue
		}
		for i, v := range row {
			if v != nil {
				rows[at][i] = v
			}
		}
	}
	t.rows = rows
	slices.SortStableFunc(t.rows, func(x, y []any) int {
		for _, c := range by {
			if n := order(t.of(x, c), t.of(y, c)); n != 0 {
				return n
			}
		}
		return 0
	})
}
