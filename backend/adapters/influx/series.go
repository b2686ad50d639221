package influx

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api/query"

	"wheelhouse/backend"
)

// maxPoints is how many points of all series one answer may have. A chart that
// gives more joins none.
const maxPoints = 200_000

// Series implements backend.Numbers. Where nothing was measured in a window, and the
// query says so, there is a point that is no number (NaN): a gap.
func (i *Influx) Series(ctx context.Context, q backend.SeriesQuery, most int) ([]backend.Series, int, error) {
	flux, unit, err := i.fluxOf(ctx, q)
	if err != nil || flux == "" {
		return nil, 0, err
	}
	c := collector{most: most, unit: unit}
	if err := i.ask(ctx, question{op: "read numbers", what: "the query of " + q.Of.Name, ref: q.Of, flux: flux}, c.take); err != nil {
		return nil, 0, err
	}
	if len(c.lines) == 0 && c.texts {
		c.wrong = "gives text and no numbers. Have its query filter the fields that are numbers."
	}
	if c.wrong != "" {
		return nil, 0, &backend.Error{Code: backend.Invalid, Op: "read numbers", Ref: q.Of, Human: backend.T(q.Of.Name + " " + c.wrong).Safe()}
	}
	return c.all(), c.left, nil
}

// fluxOf is the query by which something is asked for; empty where there is
// nothing to ask for.
func (i *Influx) fluxOf(ctx context.Context, q backend.SeriesQuery) (flux, unit string, err error) {
	window := windowOf(q.From, q.To, q.Points)
	if c, ok := i.chart(q.Of); ok {
		if why := writes(c.Query); why != "" {
			return "", "", &backend.Error{Code: backend.Invalid, Op: "read numbers", Ref: q.Of, Human: backend.T(fmt.Sprintf(
				"Chart %s was not asked for, since its query may do more than read: %s. Take that out of it in the configuration.", c.Name, why)).Safe()}
		}
		return expand(c.Query, q.From, q.To, window), c.Unit, nil
	}
	fields, err := i.numbersOf(ctx, q)
	if err != nil || len(fields) == 0 {
		return "", "", err
	}
	return means(q.Of.Scope, q.Of.Name, fields, q.From, q.To, window), "", nil
}

// numbersOf are the fields of a measurement that are numbers: a mean of others is an
// error of the whole query. Only what is there in the range can be looked at.
func (i *Influx) numbersOf(ctx context.Context, q backend.SeriesQuery) ([]string, error) {
	if k, ok := i.recall(q.Of.Scope, q.Of.Name); ok && k.numbers != nil && time.Since(k.looked) < i.fields {
		return k.numbers, nil
	}
	numbers := []string{}
	others := 0
	err := i.ask(ctx, question{
		op: "read numbers", what: "measurement " + q.Of.Name, ref: q.Of, flux: newest(q.Of.Scope, q.Of.Name, instant(q.From), instant(q.To)),
	}, func(t *query.FluxTableMetadata, r *query.FluxRecord) bool {
		switch {
		case !isNumber(r.Value()):
			others++
		case !slices.Contains(numbers, r.Field()):
			numbers = append(numbers, r.Field())
		}
		return true
	})
	switch {
	case err != nil:
		return nil, err
	case len(numbers) == 0 && others > 0:
		return nil, &backend.Error{Code: backend.Invalid, Op: "read numbers", Ref: q.Of, Human: backend.T(q.Of.Name + " has no field that is a number. Its description (d) shows what there is.").Safe()}
	case len(numbers) > 0:
		i.remember(q.Of.Scope, q.Of.Name, func(k *known) { k.numbers, k.looked = numbers, time.Now() })
	}
	return numbers, nil
}

func isNumber(v any) bool {
	_, ok := number(v)
	return ok && v != nil
}

// number gives a value as a number; one that is missing is none (NaN), and ok.
func number(v any) (n float64, ok bool) {
	switch v := v.(type) {
	case nil:
		return math.NaN(), true
	case float64:
		return v, true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	}
	return 0, false
}

// A line is one series as it is read: its name in parts, and its points.
type line struct {
	labels []label
	points []backend.Point
}

type label struct{ key, value string }

// A collector makes series of rows.
type collector struct {
	most   int
	unit   string
	lines  []*line
	at     []*line // of the table that is read, one for each column of values; nil for one that is left out
	values []*query.FluxColumn
	table  [2]int
	begun  bool
	left   int
	points int
	texts  bool   // there were values that are no numbers
	wrong  string // why the answer is none; ends the reading
}

// take takes one row.
func (c *collector) take(t *query.FluxTableMetadata, r *query.FluxRecord) bool {
	if at := [2]int{t.Position(), r.Table()}; !c.begun || at != c.table {
		c.begun, c.table = true, at
		c.begin(t, r)
	}
	when, ok := r.ValueByKey("_time").(time.Time)
	if !ok {
		c.wrong = "gives rows without a _time, which can't be drawn. Have its query keep that column."
		return false
	}
	for n, column := range c.values {
		if c.at[n] == nil {
			continue
		}
		if c.points++; c.points > maxPoints {
			c.wrong = fmt.Sprintf("gives more than %d points. Have its query join them: aggregateWindow(every: v.windowPeriod, fn: mean).", maxPoints)
			return false
		}
		v, _ := number(r.ValueByKey(column.Name()))
		c.at[n].points = append(c.at[n].points, backend.Point{At: when, Value: v})
	}
	return true
}

// begin begins the lines of a table: one, or one for each column of numbers where a
// query has pivoted its fields.
func (c *collector) begin(t *query.FluxTableMetadata, r *query.FluxRecord) {
	labels := c.columns(t, r)
	c.at = nil
	for _, column := range c.values {
		if len(c.lines) >= c.most {
			c.left++
			c.at = append(c.at, nil)
			continue
		}
		l := &line{labels: labels}
		if column.Name() != "_value" {
			l.labels = append(slices.Clone(labels), label{"_field", column.Name()})
		}
		c.lines, c.at = append(c.lines, l), append(c.at, l)
	}
}

// columns finds the columns of values, and gives what is the same in all of a
// table's rows.
func (c *collector) columns(t *query.FluxTableMetadata, r *query.FluxRecord) (labels []label) {
	c.values = nil
	for _, column := range t.Columns() {
		name, kind := column.Name(), column.DataType()
		own := strings.HasPrefix(name, "_") && !slices.Contains([]string{"_value", "_field", "_measurement"}, name)
		switch {
		case own || name == "table" || name == "result":
		case column.IsGroup():
			if v, ok := r.ValueByKey(name).(string); ok {
				labels = append(labels, label{name, v})
			}
		case slices.Contains([]string{"double", "long", "unsignedLong"}, kind):
			c.values = append(c.values, column)
		case name == "_value":
			c.texts = true
		}
	}
	if n := slices.IndexFunc(c.values, func(v *query.FluxColumn) bool { return v.Name() == "_value" }); n >= 0 {
		c.values = c.values[n : n+1]
	}
	return labels
}

// all are the series, each named by what tells it from the others.
func (c *collector) all() []backend.Series {
	if len(c.lines) == 0 {
		return nil
	}
	same := map[label]int{} // on how many lines it is
	for _, l := range c.lines {
		for _, one := range l.labels {
			same[one]++
		}
	}
	out := make([]backend.Series, 0, len(c.lines))
	for n, l := range c.lines {
		slices.SortStableFunc(l.points, func(a, b backend.Point) int { return a.At.Compare(b.At) })
		out = append(out, backend.Series{Name: l.name(same, n, len(c.lines)), Unit: c.unit, Points: l.points})
	}
	slices.SortStableFunc(out, func(a, b backend.Series) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// name is the field, then the tags, as far as they differ among the series.
func (l *line) name(same map[label]int, n, of int) string {
	var field string
	var words []string
	for _, one := range l.labels {
		if one.key == "_field" {
			field = one.value
		}
		switch {
		case same[one] == of:
		case strings.HasPrefix(one.key, "_"):
			words = slices.Insert(words, 0, one.value)
		default:
			words = append(words, one.key+"="+one.value)
		}
	}
	switch {
	case len(words) > 0:
		return strings.Join(words, " ")
	case of > 1:
		return fmt.Sprintf("%s %d", cmp.Or(field, "series"), n+1)
	}
	return field
}
