package influx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// builtins are the functions that every script knows.
func (r *running) builtins() map[string]any {
	all := []*builtin{
		{"from", "bucket!", from},
		{"range", "tables! start! stop", between},
		{"filter", "tables! fn! onEmpty", filter},
		{"group", "tables! columns mode", group},
		{"keep", "tables! columns fn", keep},
		{"drop", "tables! columns fn", drop},
		{"rename", "tables! columns!", rename},
		{"map", "tables! fn! mergeKey", mapped},
		{"sort", "tables! columns desc", sorted},
		{"limit", "tables! n! offset", limit},
		{"tail", "tables! n! offset", tail},
		{"top", "tables! n! columns", best(true)},
		{"bottom", "tables! n! columns", best(false)},
		{"window", "tables! every! period offset createEmpty", window},
		{"aggregateWindow", "tables! every! period fn! offset column timeSrc timeDst createEmpty", aggregateWindow},
		{"yield", "tables! name", yield},
		{"pivot", "tables! rowKey! columnKey! valueColumn!", pivot},
		{"union", "tables!", union},
		{"set", "tables! key! value!", set},
		{"distinct", "tables! column", distinct},
		{"fill", "tables! column value usePrevious", fill},
		{"buckets", "", buckets},
		{"now", "", func(r *running, _ arguments) (any, error) { return r.now, nil }},
	}
	for _, kind := range []string{"string", "float", "int"} {
		all = append(all, &builtin{kind, "v!", func(_ *running, a arguments) (any, error) { return converted(kind, a["v"]) }})
	}
	all = append(all, aggregates()...)
	out := map[string]any{}
	for _, b := range all {
		out[b.name] = b
	}
	return out
}

// tables are those that a function was given.
func (a arguments) tables() ([]*table, error) {
	switch of := a["tables"].(type) {
	case *stream:
		return of.loaded(), nil
	case *origin:
		return nil, of.unbounded()
	}
	return nil, errors.New("expected stream but found " + typeOf(a["tables"]))
}

// each makes another table of each.
func each(a arguments, of func(*table) (*table, error)) (any, error) {
	tables, err := a.tables()
	if err != nil {
		return nil, err
	}
	out := &stream{}
	for _, t := range tables {
		one, err := of(t)
		if err != nil {
			return nil, err
		}
		out.tables = append(out.tables, one)
	}
	return out, nil
}

func (a arguments) words(name string, without ...string) []string {
	all, given := a[name].([]any)
	if !given {
		return without
	}
	var out []string
	for _, v := range all {
		if s, ok := v.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func (a arguments) word(name, without string) string {
	if s, ok := a[name].(string); ok {
		return s
	}
	return without
}

func (a arguments) count(name string) (int, error) {
	n, ok := a[name].(int64)
	switch {
	case a[name] == nil:
		return 0, nil
	case !ok:
		return 0, fmt.Errorf("expected int but found %s (argument %s)", typeOf(a[name]), name)
	case n < 0:
		return 0, fmt.Errorf("%s must not be negative", name)
	}
	return int(n), nil
}

// An origin is a bucket from which nothing was read yet.
type origin struct{ bucket string }

func (o *origin) unbounded() error {
	return &scriptError{fmt.Sprintf("error in building plan while starting program: cannot submit unbounded read to %q; try bounding 'from' with a call to 'range'", o.bucket)}
}

func from(_ *running, a arguments) (any, error) {
	return &origin{a.word("bucket", "")}, nil
}

// moment is a time, or how far from now one is.
func (r *running) moment(v any, without time.Time) (time.Time, error) {
	switch v := v.(type) {
	case nil:
		return without, nil
	case time.Time:
		return v, nil
	case span:
		return v.after(r.now), nil
	case int64:
		return time.Unix(v, 0).UTC(), nil
	}
	return without, fmt.Errorf("expected time but found %s", typeOf(v))
}

// between bounds what is read of a bucket, or tables that are there.
func between(r *running, a arguments) (any, error) {
	start, err := r.moment(a["start"], r.now)
	if err != nil {
		return nil, err
	}
	stop, err := r.moment(a["stop"], r.now)
	if err != nil {
		return nil, err
	}
	if o, ok := a["tables"].(*origin); ok {
		if !start.Before(stop) {
			return nil, &scriptError{"error in building plan while starting program: cannot query an empty range"}
		}
		return r.read(o.bucket, start, stop)
	}
	return each(a, func(t *table) (*table, error) {
		out := t.empty()
		for _, row := range t.rows {
			if at, ok := t.of(row, "_time").(time.Time); ok && !at.Before(start) && at.Before(stop) {
				out.rows = append(out.rows, row)
			}
		}
		return out, nil
	})
}

// filter keeps rows. Where it only looks at the key, tables are left out unread.
func filter(r *running, a arguments) (any, error) {
	fn, ok := a["fn"].(*function)
	if !ok || len(fn.of.named) != 1 {
		return nil, errors.New("fn must be a function of one record")
	}
	s, ok := a["tables"].(*stream)
	if !ok {
		_, err := a.tables()
		return nil, err
	}
	param := fn.of.named[0].name
	out := &stream{}
	for _, t := range s.tables {
		whole := looksOnlyAt(fn.of.in[0], param, func(name string) bool { n := t.at(name); return n < 0 || t.columns[n].key })
		rows := [][]any{t.blank()}
		if !whole {
			(&stream{tables: []*table{t}}).loaded()
			rows = t.rows
		}
		one := t.empty()
		one.stored = t.stored
		for _, row := range rows {
			yes, err := r.apply(fn, arguments{param: rowView{t, row}})
			if err != nil {
				return nil, err
			}
			if yes == true {
				one.rows = append(one.rows, row)
			}
		}
		switch {
		case whole && len(one.rows) > 0:
			out.tables = append(out.tables, t)
		case len(one.rows) > 0 || a.word("onEmpty", "drop") == "keep":
			out.tables = append(out.tables, one)
		}
	}
	return out, nil
}

// looksOnlyAt says whether an expression takes nothing of a record but what is meant,
// and never the record itself.
func looksOnlyAt(e *expr, record string, meant func(string) bool) bool {
	switch {
	case e == nil:
		return true
	case e.kind == "member" && e.in[0].kind == "name" && e.in[0].text == record:
		return meant(e.text)
	case e.kind == "name" && e.text == record:
		return false
	}
	for _, one := range e.in {
		if !looksOnlyAt(one, record, meant) {
			return false
		}
	}
	for _, one := range e.named {
		if !looksOnlyAt(one.value, record, meant) {
			return false
		}
	}
	return true
}

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

func sorted(_ *running, a arguments) (any, error) {
	columns, desc := a.words("columns", "_value"), a["desc"] == true
	return each(a, func(t *table) (*table, error) {
		out := t.empty()
		out.rows = slices.Clone(t.rows)
		slices.SortStableFunc(out.rows, func(x, y []any) int {
			for _, c := range columns {
				n := order(t.of(x, c), t.of(y, c))
				if desc {
					n = -n
				}
				if n != 0 {
					return n
				}
			}
			return 0
		})
		return out, nil
	})
}

func limit(_ *running, a arguments) (any, error) {
	n, err := a.count("n")
	if err != nil {
		return nil, err
	}
	offset, err := a.count("offset")
	if err != nil {
		return nil, err
	}
	return each(a, func(t *table) (*table, error) {
		out := t.empty()
		out.rows = t.rows[min(offset, len(t.rows)):]
		out.rows = out.rows[:min(n, len(out.rows))]
		return out, nil
	})
}

func tail(_ *running, a arguments) (any, error) {
	n, err := a.count("n")
	if err != nil {
		return nil, err
	}
	offset, err := a.count("offset")
	if err != nil {
		return nil, err
	}
	return each(a, func(t *table) (*table, error) {
		out := t.empty()
		end := max(0, len(t.rows)-offset)
		out.rows = t.rows[max(0, end-n):end]
		return out, nil
	})
}

func best(largest bool) func(*running, arguments) (any, error) {
	return func(r *running, a arguments) (any, error) {
		all, err := sorted(r, arguments{"tables": a["tables"], "columns": a["columns"], "desc": largest})
		if err != nil {
			return nil, err
		}
		return limit(r, arguments{"tables": all, "n": a["n"]})
	}
}

func yield(r *running, a arguments) (any, error) {
	tables, err := a.tables()
	if err != nil {
		return nil, err
	}
	s := &stream{tables, a.word("name", "_result")}
	r.yields = append(r.yields, s)
	return s, nil
}

func union(_ *running, a arguments) (any, error) {
	all, ok := a["tables"].([]any)
	if !ok {
		return nil, errors.New("tables must be an array of streams")
	}
	var out []*table
	for _, one := range all {
		tables, err := arguments{"tables": one}.tables()
		if err != nil {
			return nil, err
		}
		for _, t := range tables {
			copied := t.empty()
			copied.rows = slices.Clone(t.rows)
			out = append(out, copied)
		}
	}
	return &stream{tables: joined(out)}, nil
}

func set(_ *running, a arguments) (any, error) {
	name, value := a.word("key", ""), a.word("value", "")
	return each(a, func(t *table) (*table, error) {
		out := t.with(name, func([]any) any { return value })
		if out.isKey(name) {
			out.key = maps.Clone(t.key)
			out.key[name] = value
		}
		return out, nil
	})
}

func distinct(_ *running, a arguments) (any, error) {
	name := a.word("column", "_value")
	return each(a, func(t *table) (*table, error) {
		out := t.without(func(c string) bool { return !t.isKey(c) || c == "_value" })
		rows := out.rows
		out.rows = nil
		out.columns = append(out.columns, column{name: "_value"})
		seen := map[any]bool{}
		for i, row := range t.rows {
			v := t.of(row, name)
			if !seen[v] {
				out.rows = append(out.rows, append(rows[i], v))
			}
			seen[v] = true
		}
		return out, nil
	})
}

func fill(_ *running, a arguments) (any, error) {
	name := a.word("column", "_value")
	return each(a, func(t *table) (*table, error) {
		var last any
		return t.with(name, func(row []any) any {
			v := t.of(row, name)
			switch {
			case v == nil && a["usePrevious"] == true:
				return last
			case v == nil:
				return a["value"]
			}
			last = v
			return v
		}), nil
	})
}

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
