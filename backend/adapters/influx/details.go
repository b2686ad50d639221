package influx

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api/query"

	"wheelhouse/backend"
)

const (
	recently  = time.Hour // how far back the newest point is looked for
	maxValues = 20        // of one tag that are named
	example   = 300       // points that the query is shown for
)

// Fetch implements backend.Details: what is measured, by what it is told apart, and
// the query by which it is asked for.
func (i *Influx) Fetch(ctx context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error) {
	doc := backend.Doc{Title: r.Name}
	if a == backend.YAML {
		return i.query(ctx, r, doc)
	}
	add := func(label, text string) {
		doc.Lines = append(doc.Lines, backend.Line{Label: label, Text: backend.T(text)})
	}
	add("bucket", r.Scope)
	if c, ok := i.chart(r); ok {
		if c.Unit != "" {
			add("unit", c.Unit)
		}
		add("query", "of the configuration")
		for line := range strings.Lines(strings.TrimSpace(c.Query)) {
			add("", strings.TrimRight(line, "\r\n"))
		}
		return doc, nil
	}
	fields, left, err := i.newest(ctx, r)
	if err != nil {
		return backend.Doc{}, err
	}
	tags, err := i.column(ctx, question{
		op: "describe", what: "measurement " + r.Name, ref: r, flux: "import \"influxdata/influxdb/v1\"\n" + tagKeys(r.Scope, r.Name),
	}, "_value")
	if err != nil {
		return backend.Doc{}, err
	}
	tags = slices.DeleteFunc(tags, func(t string) bool { return strings.HasPrefix(t, "_") })
	if len(fields) == 0 {
		add("fields", "none with a point in the last hour")
	}
	for _, f := range fields {
		doc.Lines = append(doc.Lines, f.line())
	}
	if left > 0 {
		add("", fmt.Sprintf("%d more fields are not shown", left))
	}
	unnamed := max(0, len(tags)-maxTags)
	tags = tags[:len(tags)-unnamed]
	if a == backend.Summary {
		add("tags", strings.Join(tags, " "))
	}
	if a == backend.Describe {
		values, err := i.tagValues(ctx, r, tags)
		if err != nil {
			return backend.Doc{}, err
		}
		for n, tag := range tags {
			add(tag, strings.Join(values[n], " "))
		}
	}
	if unnamed > 0 {
		add("", fmt.Sprintf("%d more tags are not shown", unnamed))
	}
	return doc, nil
}

// query shows how the last hour is asked for.
func (i *Influx) query(ctx context.Context, r backend.Ref, doc backend.Doc) (backend.Doc, error) {
	now := time.Now().Truncate(time.Second)
	flux, _, err := i.fluxOf(ctx, backend.SeriesQuery{Of: r, From: now.Add(-recently), To: now, Points: example})
	if err != nil {
		return backend.Doc{}, err
	}
	if flux == "" {
		flux = "// Nothing was measured in the last hour."
	}
	for line := range strings.Lines(strings.TrimSpace(flux)) {
		doc.Lines = append(doc.Lines, backend.Line{Text: backend.T(strings.TrimRight(line, "\r\n"))})
	}
	return doc, nil
}

// A reading is the newest point of a field, of whichever series it came last.
type reading struct {
	name  string
	value any
	at    time.Time
	more  int // series beside that one
}

func (r reading) line() backend.Line {
	text := fmt.Sprintf("%v at %s", r.value, r.at.Local().Format(time.DateTime))
	if r.more > 0 {
		text += fmt.Sprintf(", newest of %d series", r.more+1)
	}
	return backend.Line{Label: r.name, Text: backend.T(text)}
}

// newest are the fields that were measured in the last hour, as many as are shown;
// left is how many there are besides.
func (i *Influx) newest(ctx context.Context, r backend.Ref) (all []reading, left int, err error) {
	others := map[string]struct{}{}
	q := question{op: "describe", what: "measurement " + r.Name, ref: r, flux: newest(r.Scope, r.Name, "-"+duration(recently), "now()")}
	err = i.ask(ctx, q, func(_ *query.FluxTableMetadata, rec *query.FluxRecord) bool {
		one := reading{name: rec.Field(), value: rec.Value(), at: rec.Time()}
		n := slices.IndexFunc(all, func(r reading) bool { return r.name == one.name })
		switch {
		case n < 0 && len(all) < maxTags:
			all = append(all, one)
		case n < 0:
			others[one.name] = struct{}{}
		case one.at.After(all[n].at):
			one.more = all[n].more + 1
			all[n] = one
		default:
			all[n].more++
		}
		return true
	})
	slices.SortFunc(all, func(a, b reading) int { return strings.Compare(a.name, b.name) })
	return all, len(others), err
}

// tagValues are the values of each tag.
func (i *Influx) tagValues(ctx context.Context, r backend.Ref, tags []string) ([][]string, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	var flux []string
	for _, tag := range tags {
		flux = append(flux, tagValues(r.Scope, r.Name, tag, maxValues+1))
	}
	out := make([][]string, len(tags))
	err := i.ask(ctx, question{op: "describe", what: "measurement " + r.Name, ref: r, flux: scripts(flux)}, func(_ *query.FluxTableMetadata, rec *query.FluxRecord) bool {
		n, err := strconv.Atoi(rec.Result())
		if s, ok := rec.ValueByKey("_value").(string); ok && err == nil && n >= 0 && n < len(out) {
			out[n] = append(out[n], s)
		}
		return true
	})
	for n := range out {
		if len(out[n]) > maxValues {
			out[n] = append(out[n][:maxValues], "…")
		}
	}
	return out, err
}
