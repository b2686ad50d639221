package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"wheelhouse/backend"
)

// The most that is shown of one stream.
const (
	mostFields = 2000
	mostLines  = 20_000
)

// Fetch implements backend.Details: how a stream is, which fields its documents
// have, and how they are mapped.
func (e *Elastic) Fetch(ctx context.Context, r backend.Ref, a backend.Aspect) (backend.Doc, error) {
	if _, err := named("read a stream", []backend.Ref{r}); err != nil {
		return backend.Doc{}, err
	}
	doc := backend.Doc{Title: r.Name}
	var err error
	switch a {
	case backend.YAML:
		doc.Lines, err = e.mapping(ctx, r)
	case backend.Describe:
		doc.Lines, err = e.described(ctx, r)
	default:
		doc.Lines, err = e.summary(ctx, r)
	}
	return doc, err
}

// summary is how it is in a few lines. What the user may not know is said to be so.
func (e *Elastic) summary(ctx context.Context, r backend.Ref) ([]backend.Line, error) {
	var out []backend.Line
	add := func(label, text string) { out = append(out, backend.Line{Label: label, Text: backend.T(text)}) }
	amounts, err := e.amounts(ctx, r.Name)
	if err != nil {
		return nil, err
	}
	b, of := rowBuilder{amounts: amounts}, slices.Sorted(maps.Keys(amounts))
	if len(of) == 0 {
		of = []string{r.Name} // nothing is known of it
	}
	b.add(r.Name, of, "")
	if len(b.silent) > 0 {
		all, err := e.seesAll(ctx)
		if err != nil {
			return nil, err
		}
		b.settle(all)
	}
	for _, row := range b.rows { // none for the server's own
		out = append(out, backend.Line{Level: row.Level, Label: "health", Text: backend.T(joined(row.State, row.Detail))})
		add("indices", fmt.Sprint(len(of)))
		add("documents", fmt.Sprint(row.Lines))
		if row.Bytes > 0 {
			add("size", fmt.Sprintf("%.1f MB, with its copies", float64(row.Bytes)/1e6))
		}
	}
	fields, err := e.fields(ctx, r)
	if err != nil {
		return append(out, backend.Line{Level: backend.Idle, Label: "fields", Text: backend.T(err.Error())}), nil
	}
	for _, end := range []struct{ label, direction string }{{"newest", "desc"}, {"oldest", "asc"}} {
		got, err := e.search(ctx, about("read a stream", r), []string{r.Name}, object{
			"size": 1, "sort": order(end.direction), "_source": false, "track_total_hits": false,
			"query": object{"exists": object{"field": timestamp}},
		})
		switch {
		case err != nil:
			out = append(out, backend.Line{Level: backend.Idle, Label: end.label, Text: backend.T(err.Error())})
		case len(got.Hits.Hits) == 0:
			add(end.label, "no document has an "+timestamp)
		default:
			add(end.label, time.Unix(0, got.Hits.Hits[0].at()).Local().Format("2006-01-02 15:04:05.000"))
		}
	}
	add("fields", fmt.Sprint(len(fields)))
	return out, nil
}

// described is its fields with their types.
func (e *Elastic) described(ctx context.Context, r backend.Ref) ([]backend.Line, error) {
	out, err := e.summary(ctx, r)
	if err != nil {
		return nil, err
	}
	fields, err := e.fields(ctx, r)
	if err != nil {
		return nil, err
	}
	out = append(out, backend.Line{})
	for n, name := range slices.Sorted(maps.Keys(fields)) {
		if n == mostFields {
			out = append(out, backend.Line{Level: backend.Warning, Text: backend.T(fmt.Sprintf("%d more fields; its mapping has them all", len(fields)-mostFields))})
			break
		}
		kinds := slices.Sorted(maps.Keys(fields[name]))
		level := backend.None
		if len(kinds) > 1 { // indices differ in it, and searching by it fails in some
			level = backend.Warning
		}
		out = append(out, backend.Line{Level: level, Label: backend.T(name).Safe(), Text: backend.T(strings.Join(kinds, ", "))})
	}
	return out, nil
}

// fields gives the fields of its documents, each with its types.
func (e *Elastic) fields(ctx context.Context, r backend.Ref) (map[string]map[string]struct{}, error) {
	var caps struct {
		Fields map[string]map[string]struct {
			Metadata bool `json:"metadata_field"`
		} `json:"fields"`
	}
	err := e.ask(ctx, about("read a stream", r), esapi.FieldCapsRequest{Index: []string{r.Name}, Fields: []string{"*"}}, &caps)
	out := map[string]map[string]struct{}{}
	for name, kinds := range caps.Fields {
		for kind, is := range kinds {
			if is.Metadata || kind == "object" || kind == "nested" {
				continue
			}
			if out[name] == nil {
				out[name] = map[string]struct{}{}
			}
			out[name][kind] = struct{}{}
		}
	}
	return out, err
}

// mapping is what the server says of it, as it says it: JSON, which is YAML.
func (e *Elastic) mapping(ctx context.Context, r backend.Ref) ([]backend.Line, error) {
	var raw json.RawMessage
	if err := e.ask(ctx, about("read a mapping", r), esapi.IndicesGetMappingRequest{Index: []string{r.Name}}, &raw); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, raw, "", "  "); err != nil {
		return nil, &backend.Error{Code: backend.Failed, Op: "read a mapping", Ref: r, Err: err, Human: "The mapping can't be read. Try again, or look at it with curl."}
	}
	var out []backend.Line
	for line := range strings.Lines(text.String()) {
		if len(out) == mostLines {
			return append(out, backend.Line{Level: backend.Warning, Text: backend.T(fmt.Sprintf("# only the first %d lines are shown", mostLines))}), nil
		}
		out = append(out, backend.Line{Text: backend.T(strings.TrimRight(line, "\n"))})
	}
	return out, nil
}
