package influx

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"wheelhouse/backend/sandbox"
)

// A source is the buckets that somebody may read.
type source struct {
	world   *sandbox.World
	org     string // its ID
	buckets []Bucket
}

func (s *source) bucket(name string) (Bucket, error) {
	for _, b := range s.buckets {
		if b.Name == name {
			return b, nil
		}
	}
	return Bucket{}, &notFoundError{fmt.Sprintf("failed to initialize execute state: could not find bucket %q", name)}
}

// A notFoundError is something that is asked for and is not there.
type notFoundError struct{ why string }

// Error implements error.
func (e *notFoundError) Error() string { return e.why }

// series are those of a bucket, without their points.
func (s *source) series(bucket string, from, to time.Time) ([]sandbox.Series, error) {
	b, err := s.bucket(bucket)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(s.world.Measured(from, to), func(one sandbox.Series) bool {
		return b.Cluster != "" && !slices.Contains(one.Tags, sandbox.Tag{Key: "cluster", Value: b.Cluster})
	}), nil
}

func storedAs(s sandbox.Series) string {
	var b strings.Builder
	b.WriteString(s.Measurement)
	for _, t := range s.Tags {
		b.WriteString("," + t.Key + "=" + t.Value)
	}
	return b.String() + " " + s.Field
}

// keyOf is what a series is told apart by.
func keyOf(s sandbox.Series, start, stop time.Time) map[string]any {
	key := map[string]any{"_start": start, "_stop": stop, "_field": s.Field, "_measurement": s.Measurement}
	for _, t := range s.Tags {
		key[t.Key] = t.Value
	}
	return key
}

// read gives the series of a bucket as tables, in the order in which the storage has
// them. What was measured is only read when
// somebody looks at it.
func (r *running) read(bucket string, start, stop time.Time) (*stream, error) {
	all, err := r.source.series(bucket, start, stop)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b sandbox.Series) int { return strings.Compare(storedAs(a), storedAs(b)) })
	out := &stream{}
	for _, s := range all {
		t := &table{key: keyOf(s, start, stop), stored: true}
		for _, name := range []string{"_start", "_stop", "_time", "_value", "_field", "_measurement"} {
			t.columns = append(t.columns, column{name, name != "_time" && name != "_value"})
		}
		for _, tag := range s.Tags {
			t.columns = append(t.columns, column{tag.Key, true})
		}
		t.load = func() [][]any {
			var rows [][]any
			for _, p := range r.source.world.Points(s, start, stop) {
				row := make([]any, len(t.columns))
				for i, c := range t.columns {
					row[i] = t.key[c.name]
				}
				row[2], row[3] = p.At.UTC(), p.Value
				rows = append(rows, row)
			}
			return rows
		}
		out.tables = append(out.tables, t)
	}
	return out, nil
}

// buckets lists them.
func buckets(r *running, _ arguments) (any, error) {
	if len(r.source.buckets) == 0 {
		return nil, &notFoundError{"no buckets found in organization " + r.source.org}
	}
	t := &table{key: map[string]any{"organizationID": r.source.org}, columns: []column{
		{name: "name"}, {name: "id"}, {"organizationID", true}, {name: "retentionPolicy"}, {name: "retentionPeriod"},
	}}
	for _, b := range r.source.buckets {
		t.rows = append(t.rows, []any{b.Name, identified(b.Name), r.source.org, "", b.Keeps.Nanoseconds()})
	}
	return &stream{tables: []*table{t}}, nil
}

// packages are those that can be imported: two with the same functions.
func (r *running) packages() map[string]record {
	names := func(of func(map[string]any) []string) func(*running, arguments) (any, error) {
		return func(r *running, a arguments) (any, error) { return r.names(a, of) }
	}
	tags := func(key map[string]any) []string { return slices.Sorted(maps.Keys(key)) }
	schema := record{}
	for _, b := range []*builtin{
		{"measurements", "bucket! start stop", names(values("_measurement"))},
		{"fieldKeys", "bucket! predicate start stop", names(values("_field"))},
		{"measurementFieldKeys", "bucket! measurement! start stop", names(values("_field"))},
		{"tagKeys", "bucket! predicate start stop", names(tags)},
		{"measurementTagKeys", "bucket! measurement! start stop", names(tags)},
		{"tagValues", "bucket! tag! predicate start stop", func(r *running, a arguments) (any, error) {
			return r.names(a, values(a.word("tag", "")))
		}},
		{"measurementTagValues", "bucket! measurement! tag! start stop", func(r *running, a arguments) (any, error) {
			return r.names(a, values(a.word("tag", "")))
		}},
		{"fieldsAsCols", "tables!", func(r *running, a arguments) (any, error) {
			return pivot(r, arguments{"tables": a["tables"], "rowKey": []any{"_time"}, "columnKey": []any{"_field"}, "valueColumn": "_value"})
		}},
	} {
		schema[b.name] = b
	}
	return map[string]record{"influxdata/influxdb/schema": schema, "influxdata/influxdb/v1": schema}
}

func values(column string) func(map[string]any) []string {
	return func(key map[string]any) []string {
		if v, ok := key[column].(string); ok {
			return []string{v}
		}
		return nil
	}
}

// names lists, once each, what of says of the series that are meant.
func (r *running) names(a arguments, of func(map[string]any) []string) (any, error) {
	start, err := r.moment(a["start"], r.now.AddDate(0, 0, -30))
	if err != nil {
		return nil, err
	}
	stop, err := r.moment(a["stop"], r.now)
	if err != nil {
		return nil, err
	}
	all, err := r.source.series(a.word("bucket", ""), start, stop)
	if err != nil {
		return nil, err
	}
	fn, some := a["predicate"].(*function)
	if a["predicate"] != nil && (!some || len(fn.of.named) != 1) {
		return nil, errors.New("predicate must be a function of one record")
	}
	known := map[string]bool{}
	for _, s := range all {
		if m, given := a["measurement"]; given && m != s.Measurement {
			continue
		}
		key := keyOf(s, start, stop)
		if some {
			v, err := r.apply(fn, arguments{fn.of.named[0].name: record(key)})
			if err != nil {
				return nil, err
			}
			if v != true {
				continue
			}
		}
		for _, name := range of(key) {
			known[name] = true
		}
	}
	t := &table{columns: []column{{name: "_value"}}}
	list := slices.Sorted(maps.Keys(known))
	slices.SortStableFunc(list, func(a, b string) int { return own(a) - own(b) })
	for _, name := range list {
		t.rows = append(t.rows, []any{name})
	}
	return &stream{tables: []*table{t}}, nil
}

// own puts _start and _stop before all other columns.
func own(name string) int {
	switch name {
	case "_start":
		return -2
	case "_stop":
		return -1
	}
	return 0
}
