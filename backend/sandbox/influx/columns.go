package influx

import (
	"errors"
	"fmt"
	"slices"
)

func group(_ *running, a arguments) (any, error) {
	tables, err := a.tables()
	if err != nil {
		return nil, err
	}
	columns, mode := a.words("columns"), a.word("mode", "by")
	if mode != "by" && mode != "except" {
		return nil, fmt.Errorf("invalid mode: %q", mode)
	}
	stored := !slices.ContainsFunc(tables, func(t *table) bool { return !t.stored }) // then the storage does it, and keeps to the range
	out := grouped(tables, func(name string) bool {
		return slices.Contains(columns, name) == (mode == "by") || stored && (name == "_start" || name == "_stop")
	})
	slices.SortStableFunc(out, func(x, y *table) int {
		for _, c := range x.columns {
			if n := order(x.key[c.name], y.key[c.name]); c.key && n != 0 {
				return n
			}
		}
		return 0
	})
	return &stream{tables: out}, nil
}

// chosen is which columns are meant, by name or by a function.
func (r *running) chosen(a arguments) (func(string) bool, error) {
	if a["fn"] == nil {
		columns := a.words("columns")
		return func(name string) bool { return slices.Contains(columns, name) }, nil
	}
	fn, ok := a["fn"].(*function)
	if !ok || len(fn.of.named) != 1 {
		return nil, errors.New("fn must be a function of one column")
	}
	return func(name string) bool {
		v, err := r.apply(fn, arguments{fn.of.named[0].name: name})
		return err == nil && v == true
	}, nil
}

func keep(r *running, a arguments) (any, error) {
	is, err := r.chosen(a)
	if err != nil {
		return nil, err
	}
	return reduced(a, func(name string) bool { return !is(name) })
}

func drop(r *running, a arguments) (any, error) {
	is, err := r.chosen(a)
	if err != nil {
		return nil, err
	}
	return reduced(a, is)
}

// reduced takes columns away: tables that were told apart by them become one.
func reduced(a arguments, drop func(string) bool) (any, error) {
	tables, err := a.tables()
	if err != nil {
		return nil, err
	}
	var out []*table
	for _, t := range tables {
		one := t.without(drop)
		out = append(out, grouped([]*table{one}, one.isKey)...)
	}
	return &stream{tables: joined(out)}, nil
}

func (t *table) isKey(name string) bool {
	n := t.at(name)
	return n >= 0 && t.columns[n].key
}

// joined makes tables of the same key one.
func joined(tables []*table) []*table {
	var out []*table
	known := map[string]*table{}
	for _, t := range tables {
		id := t.identity()
		if known[id] == nil {
			known[id] = t
			out = append(out, t)
			continue
		}
		for _, row := range t.rows {
			known[id].add(t.columns, row)
		}
	}
	return out
}

func rename(_ *running, a arguments) (any, error) {
	to, ok := a["columns"].(ordered)
	if !ok {
		return nil, errors.New("columns must be a record")
	}
	return each(a, func(t *table) (*table, error) {
		out := &table{columns: slices.Clone(t.columns), key: map[string]any{}, rows: t.rows}
		for _, name := range to.names {
			if t.at(name) < 0 {
				return nil, fmt.Errorf("column %q doesn't exist", name)
			}
		}
		for i, c := range t.columns {
			if name, ok := to.record[c.name].(string); ok {
				out.columns[i].name = name
			}
			if c.key {
				out.key[out.columns[i].name] = t.key[c.name]
			}
		}
		return out, nil
	})
}

// mapped makes a record of each row.
func mapped(r *running, a arguments) (any, error) {
	tables, err := a.tables()
	if err != nil {
		return nil, err
	}
	fn, ok := a["fn"].(*function)
	if !ok || len(fn.of.named) != 1 {
		return nil, errors.New("fn must be a function of one record")
	}
	var out []*table
	for _, t := range tables {
		one := &table{}
		for _, row := range t.rows {
			v, err := r.apply(fn, arguments{fn.of.named[0].name: rowView{t, row}})
			if err != nil {
				return nil, err
			}
			o, ok := v.(ordered)
			if view, same := v.(rowView); same {
				o, ok = ordered{record: record{}}, true
				for i, c := range view.table.columns {
					o.set(c.name, view.row[i])
				}
			}
			if !ok {
				return nil, errors.New("fn must return a record")
			}
			var columns []column
			var values []any
			for _, name := range o.names {
				columns, values = append(columns, column{name, t.isKey(name)}), append(values, o.record[name])
			}
			one.add(columns, values)
		}
		out = append(out, grouped([]*table{one}, t.isKey)...)
	}
	return &stream{tables: joined(out)}, nil
}
