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
	return cut(a, func(rows, n, offset int) (from, to int) {
		from = min(offset, rows)
		return from, min(from+n, rows)
	})
}

func tail(_ *running, a arguments) (any, error) {
	return cut(a, func(rows, n, offset int) (from, to int) {
		to = max(0, rows-offset)
		return max(0, to-n), to
	})
}

// cut leaves of each table the rows between two, which are found from how many there
// are, and from n and offset.
func cut(a arguments, between func(rows, n, offset int) (from, to int)) (any, error) {
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
		from, to := between(len(t.rows), n, offset)
		out.rows = t.rows[from:to]
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
