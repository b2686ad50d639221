package influx

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// aggregates are the functions that make one row of many: a number of all values, or
// one of the rows.
func aggregates() []*builtin {
	floats := func(of func([]float64) any) func([]any) (any, error) {
		return func(values []any) (any, error) {
			var all []float64
			for _, v := range values {
				f, ok := numeric(v)
				if !ok {
					return nil, unsummed(v)
				}
				all = append(all, f)
			}
			if len(all) == 0 {
				return nil, nil
			}
			return of(all), nil
		}
	}
	mean := func(all []float64) any { return total(all) / float64(len(all)) }
	count := func(values []any) (any, error) { return int64(len(values)), nil }
	return []*builtin{
		{"mean", "tables! column", aggregate(floats(mean))},
		{"count", "tables! column", aggregate(count)},
		{"sum", "tables! column", aggregate(sums)},
		{"spread", "tables! column", aggregate(floats(func(all []float64) any { return slices.Max(all) - slices.Min(all) }))},
		{"stddev", "tables! column mode", aggregate(floats(deviation))},
		{"median", "tables! column method compression", quantile},
		{"quantile", "tables! column q! method compression", quantile},
		{"first", "tables! column", selected(func([]any) int { return 0 })},
		{"last", "tables! column", selected(func(v []any) int { return len(v) - 1 })},
		{"min", "tables! column", selected(func(v []any) int { return extreme(v, -1) })},
		{"max", "tables! column", selected(func(v []any) int { return extreme(v, 1) })},
	}
}

func unsummed(v any) error {
	return &scriptError{"unsupported aggregate column type " + typeOf(v)}
}

func total(all []float64) (sum float64) {
	for _, v := range all {
		sum += v
	}
	return sum
}

// sums adds numbers, whole ones to a whole one.
func sums(values []any) (any, error) {
	var f float64
	var n int64
	whole := true
	for _, v := range values {
		x, ok := numeric(v)
		if !ok {
			return nil, unsummed(v)
		}
		i, is := v.(int64)
		f, n, whole = f+x, n+i, whole && is
	}
	switch {
	case len(values) == 0:
		return nil, nil
	case whole:
		return n, nil
	}
	return f, nil
}

func deviation(all []float64) any {
	mean, sum := total(all)/float64(len(all)), 0.0
	for _, v := range all {
		sum += (v - mean) * (v - mean)
	}
	if len(all) < 2 {
		return nil
	}
	return math.Sqrt(sum / float64(len(all)-1))
}

func extreme(values []any, sign int) int {
	best := 0
	for i, v := range values {
		if sign*order(v, values[best]) > 0 {
			best = i
		}
	}
	return best
}

// valued are the rows of a table with something in a column, and what that is.
func (t *table) valued(name string) (rows [][]any, values []any, err error) {
	at := t.at(name)
	if at < 0 {
		return nil, nil, fmt.Errorf("column %q does not exist", name)
	}
	for _, row := range t.rows {
		if row[at] != nil {
			rows, values = append(rows, row), append(values, row[at])
		}
	}
	return rows, values, nil
}

// aggregate makes a row of the key and one value of each table.
func aggregate(of func([]any) (any, error)) func(*running, arguments) (any, error) {
	return func(_ *running, a arguments) (any, error) {
		name := a.word("column", "_value")
		return each(a, func(t *table) (*table, error) {
			_, values, err := t.valued(name)
			if err != nil {
				return nil, err
			}
			v, err := of(values)
			if err != nil {
				return nil, err
			}
			out := &table{key: t.key}
			var row []any
			for _, c := range t.columns {
				if c.key || c.name == name {
					out.columns, row = append(out.columns, c), append(row, t.key[c.name])
				}
			}
			row[out.at(name)] = v
			out.rows = [][]any{row}
			return out, nil
		})
	}
}

// selected picks one of the rows of each table.
func selected(of func([]any) int) func(*running, arguments) (any, error) {
	return func(_ *running, a arguments) (any, error) {
		name := a.word("column", "_value")
		return each(a, func(t *table) (*table, error) {
			rows, values, err := t.valued(name)
			if err != nil {
				return nil, err
			}
			out := t.empty()
			if len(rows) > 0 {
				out.rows = [][]any{rows[of(values)]}
			}
			return out, nil
		})
	}
}

// quantile is the value below which a share of them is.
func quantile(r *running, a arguments) (any, error) {
	q, ok := numeric(a["q"])
	if a["q"] == nil {
		q, ok = 0.5, true
	}
	if !ok || q < 0 || q > 1 {
		return nil, errors.New("quantile must be between 0 and 1")
	}
	at := func(values []any) (low, high any, part float64) {
		slices.SortStableFunc(values, order)
		place := q * float64(len(values)-1)
		return values[int(math.Floor(place))], values[int(math.Ceil(place))], place - math.Floor(place)
	}
	switch method := a.word("method", "estimate_tdigest"); method {
	case "exact_selector":
		return selected(func(values []any) int {
			kept := slices.Clone(values)
			slices.SortStableFunc(kept, order)
			v := kept[max(0, int(math.Ceil(q*float64(len(kept))))-1)]
			return slices.IndexFunc(values, func(w any) bool { return order(v, w) == 0 })
		})(r, a)
	case "estimate_tdigest", "exact_mean":
		return aggregate(func(values []any) (any, error) {
			if len(values) == 0 {
				return nil, nil
			}
			low, high, part := at(slices.Clone(values))
			x, ok := numeric(low)
			y, both := numeric(high)
			if !ok || !both {
				return nil, unsummed(low)
			}
			return x + part*(y-x), nil
		})(r, a)
	default:
		return nil, fmt.Errorf("unknown method %s", method)
	}
}

// A pane is a window of time.
type pane struct{ from, to time.Time }

// most is how many windows one table may be cut into.
const most = 100_000

// panes are the windows that a range is cut into, cut off at its ends.
func panes(start, stop time.Time, every, period, offset span) ([]pane, error) {
	if every.months <= 0 && every.rest <= 0 {
		return nil, errors.New("window function requires a positive every")
	}
	first := offset.after(start.UTC().Truncate(max(every.rest, 1)))
	if every.rest > 0 {
		since := offset.negative().after(start).UnixNano()
		first = offset.after(time.Unix(0, since-since%int64(every.rest)).UTC())
	}
	if every.months > 0 {
		months := (start.UTC().Year()*12 + int(start.UTC().Month()) - 1) / every.months * every.months
		first = offset.after(time.Date(months/12, time.Month(months%12+1), 1, 0, 0, 0, 0, time.UTC))
	}
	var out []pane
	for n := 0; ; n++ {
		from := span{every.months * n, every.rest * time.Duration(n)}.after(first)
		if !from.Before(stop) {
			return out, nil
		}
		if n > most {
			return nil, errors.New("too many windows")
		}
		p := pane{from, period.after(from)}
		if p.from.Before(start) {
			p.from = start
		}
		if p.to.After(stop) {
			p.to = stop
		}
		if p.from.Before(p.to) {
			out = append(out, p)
		}
	}
}

// bound is what the key has, or the first row.
func (t *table) bound(name string) any {
	if v := t.key[name]; v != nil || len(t.rows) == 0 {
		return v
	}
	return t.of(t.rows[0], name)
}

// bounded has the range in its key, as all windows have.
func (t *table) bounded() *table {
	out := &table{columns: slices.Clone(t.columns), key: maps.Clone(t.key), rows: t.rows}
	for i, c := range out.columns {
		if c.name == "_start" || c.name == "_stop" {
			out.columns[i].key, out.key[c.name] = true, t.bound(c.name)
		}
	}
	return out
}

// cut cuts a table into windows.
func (a arguments) cut(t *table, empty bool) ([]*table, error) {
	every, ok := a["every"].(span)
	if !ok {
		return nil, fmt.Errorf("expected duration but found %s (argument every)", typeOf(a["every"]))
	}
	period, given := a["period"].(span)
	if !given {
		period = every
	}
	offset, _ := a["offset"].(span)
	start, ok := t.key["_start"].(time.Time)
	stop, both := t.key["_stop"].(time.Time)
	if !ok || !both {
		return nil, errors.New("missing time column \"_start\" or \"_stop\"")
	}
	all, err := panes(start, stop, every, period, offset)
	if err != nil {
		return nil, err
	}
	var out []*table
	for _, p := range all {
		one := t.empty()
		one.key = maps.Clone(t.key)
		one.key["_start"], one.key["_stop"] = p.from, p.to
		for _, row := range t.rows {
			if at, ok := t.of(row, "_time").(time.Time); ok && !at.Before(p.from) && at.Before(p.to) {
				row = slices.Clone(row)
				row[t.at("_start")], row[t.at("_stop")] = p.from, p.to
				one.rows = append(one.rows, row)
			}
		}
		if empty || len(one.rows) > 0 {
			out = append(out, one)
		}
	}
	return out, nil
}

func window(_ *running, a arguments) (any, error) {
	tables, err := a.tables()
	if err != nil {
		return nil, err
	}
	out := &stream{}
	for _, t := range tables {
		some, err := a.cut(t.bounded(), a["createEmpty"] == true)
		if err != nil {
			return nil, err
		}
		out.tables = append(out.tables, some...)
	}
	return out, nil
}

// aggregateWindow cuts into windows, makes one row of each, and puts those together
// again.
func aggregateWindow(r *running, a arguments) (any, error) {
	tables, err := a.tables()
	if err != nil {
		return nil, err
	}
	source, into := a.word("timeSrc", "_stop"), a.word("timeDst", "_time")
	out := &stream{}
	for _, t := range tables {
		t = t.bounded()
		some, err := a.cut(t, a["createEmpty"] != false)
		if err != nil {
			return nil, err
		}
		whole := &table{key: t.key}
		for _, one := range some {
			made, err := r.apply(a["fn"], arguments{"tables": &stream{tables: []*table{one}, name: "window"}, "column": a.word("column", "_value")})
			if err != nil {
				return nil, err
			}
			s, ok := made.(*stream)
			if !ok {
				return nil, errors.New("fn must return a stream")
			}
			if len(one.rows) == 0 && len(s.tables) == 1 && len(s.tables[0].rows) == 0 { // of nothing none was picked
				s.tables[0].rows = [][]any{one.blank()}
			}
			for _, m := range s.tables {
				m = m.with(into, func([]any) any { return one.key[source] })
				for _, row := range m.rows {
					for _, end := range []string{"_start", "_stop"} {
						if n := m.at(end); n >= 0 && end != into {
							row[n] = t.key[end]
						}
					}
					whole.add(m.columns, row)
				}
			}
		}
		out.tables = append(out.tables, whole.like(t))
	}
	return out, nil
}

// blank is a row of the key alone.
func (t *table) blank() []any {
	var out []any
	for _, c := range t.columns {
		out = append(out, t.key[c.name])
	}
	return out
}

// like puts the columns into the order of another table's.
func (t *table) like(other *table) *table {
	out := &table{key: t.key}
	for _, c := range slices.Concat(other.columns, t.columns) {
		if t.at(c.name) >= 0 && out.at(c.name) < 0 {
			out.columns = append(out.columns, t.columns[t.at(c.name)])
		}
	}
	for _, row := range t.rows {
		one := make([]any, len(out.columns))
		for i, c := range out.columns {
			one[i] = t.of(row, c.name)
		}
		out.rows = append(out.rows, one)
	}
	return out
}
