package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"wheelhouse/backend"
	"wheelhouse/backend/signal"
	"wheelhouse/backend/webapi"
)

// mostStreams is how many are shown; more are counted.
const mostStreams = 5000

// Streams is the source of streams: one row for each data stream, each index that
// belongs to none, and each alias.
func (e *Elastic) Streams() backend.Source[signal.Stream] {
	return webapi.Source(e.api, webapi.Poll[signal.Stream]{Every: e.every, Read: e.rows})
}

// resolved is what the server knows by a name; hidden and system indices are not
// among it unless they are asked for.
type resolved struct {
	Indices []struct {
		Name       string   `json:"name"`
		Attributes []string `json:"attributes"`
		DataStream string   `json:"data_stream"`
	} `json:"indices"`
	Aliases     []members `json:"aliases"`
	DataStreams []members `json:"data_streams"`
}

type members struct {
	Name    string `json:"name"`
	Indices many   `json:"indices"`
	Backing many   `json:"backing_indices"`
}

// many is a list, or a word where there is one.
type many []string

// UnmarshalJSON implements json.Unmarshaler.
func (m *many) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*m = many{one}
		return nil
	}
	var all []string
	err := json.Unmarshal(b, &all)
	*m = all
	return err
}

// amount is how one index is.
type amount struct {
	Health    string `json:"health"`
	Primaries struct {
		Docs struct {
			Count int64 `json:"count"`
		} `json:"docs"`
	} `json:"primaries"`
	Total struct {
		Store struct {
			Bytes int64 `json:"size_in_bytes"`
		} `json:"store"`
	} `json:"total"`
}

// rows reads all streams, and says which it leaves out: those that the user may not
// see, and those that are too many.
func (e *Elastic) rows(ctx context.Context, _ backend.Scope) ([]signal.Stream, error) {
	var there resolved
	err := e.ask(ctx, question{op: "read streams", what: "the list of streams"}, esapi.IndicesResolveIndexRequest{Name: []string{"*"}, ExpandWildcards: "open,closed"}, &there)
	if err != nil {
		return nil, err
	}
	amounts, err := e.amounts(ctx, "*")
	if err != nil {
		return nil, err
	}
	b := rowBuilder{link: e.api.Link().Alias(), amounts: amounts, attributes: map[string][]string{}}
	for _, i := range there.Indices {
		b.attributes[i.Name] = i.Attributes
	}
	for _, d := range there.DataStreams {
		b.add(d.Name, d.Backing, "")
	}
	for _, i := range there.Indices {
		if i.DataStream == "" {
			b.add(i.Name, []string{i.Name}, "")
		}
	}
	for _, a := range there.Aliases {
		b.add(a.Name, a.Indices, "alias of "+few(a.Indices))
	}
	all, err := e.seesAll(ctx)
	if err != nil && len(b.silent) > 0 {
		return nil, err
	}
	b.settle(all)
	slices.SortFunc(b.rows, func(x, y signal.Stream) int { return strings.Compare(x.Name, y.Name) })
	left := max(0, len(b.rows)-mostStreams)
	return b.rows[:len(b.rows)-left], e.left(all, err, left)
}

// few names some of them.
func few(names []string) string {
	if len(names) > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), len(names)-3)
	}
	return strings.Join(names, ", ")
}

// amounts gives how indices are. Who may only read them gets how many documents
// each has, and nothing else; nil where not even that may be known.
func (e *Elastic) amounts(ctx context.Context, of string) (map[string]amount, error) {
	q := question{op: "read streams", what: "the state of the streams"}
	var stats struct {
		Indices map[string]amount `json:"indices"`
	}
	err := e.ask(ctx, q, esapi.IndicesStatsRequest{Index: []string{of}, Metric: []string{"docs", "store"}, FilterPath: []string{
		"indices.*.health", "indices.*.primaries.docs.count", "indices.*.total.store.size_in_bytes",
	}}, &stats)
	if backend.CodeOf(err) != backend.Denied {
		return stats.Indices, err
	}
	counts, err := e.search(ctx, q, []string{of}, object{
		"size": 0, "track_total_hits": false, "aggs": object{"indices": object{"terms": object{"field": "_index", "size": most}}},
	})
	if backend.CodeOf(err) == backend.Denied {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := map[string]amount{}
	for _, b := range counts.Aggregations.Indices.Buckets {
		var a amount
		a.Primaries.Docs.Count = b.Count
		out[b.Key] = a
	}
	return out, nil
}

// A rowBuilder makes rows of what is known of indices.
type rowBuilder struct {
	link       string
	amounts    map[string]amount
	attributes map[string][]string
	rows       []signal.Stream
	silent     []int // rows of which an index has no word of its health
}

// add makes the row of a stream that is made of indices: their sum, and the worst
// of their health. What begins with a dot is the server's own.
func (b *rowBuilder) add(name string, of []string, detail string) {
	if strings.HasPrefix(name, ".") || slices.Contains(b.attributes[name], "hidden") || slices.Contains(b.attributes[name], "system") {
		return
	}
	row := signal.Stream{Link: b.link, Name: name, Detail: detail}
	silent, closed := false, len(of) > 0
	for _, index := range of {
		if slices.Contains(b.attributes[index], "closed") {
			continue
		}
		closed = false
		a, ok := b.amounts[index]
		row.Lines += a.Primaries.Docs.Count
		row.Bytes += a.Total.Store.Bytes
		if !ok || a.Health == "" {
			silent = true
		} else if worse(a.Health, row.State) {
			row.State = a.Health
		}
	}
	if closed {
		row.State, row.Level = "closed", backend.Idle
		row.Detail = joined(row.Detail, "nothing can be read of it until it is opened")
	}
	b.rows = append(b.rows, row)
	if silent {
		b.silent = append(b.silent, len(b.rows)-1)
	}
	b.judge(len(b.rows) - 1)
}

// settle says of the rows without health why that is. An index that the server
// says nothing about has either no shard that answers, or is none that the user
// may ask about, who does not see all.
func (b *rowBuilder) settle(all bool) {
	for _, i := range b.silent {
		if row := &b.rows[i]; all {
			row.State = "red"
			b.judge(i)
		} else if row.State == "" {
			row.State, row.Level = "unknown", backend.Idle
			row.Detail = joined(row.Detail, "its health and size may not be seen: that needs the right monitor on it")
		}
	}
}

// judge gives a row its level, by its health. An alias has none of its own: what
// is wrong stands with its indices.
func (b *rowBuilder) judge(i int) {
	row := &b.rows[i]
	switch alias := strings.HasPrefix(row.Detail, "alias of "); {
	case alias:
	case row.State == "green":
		row.Level = backend.Good
	case row.State == "yellow":
		row.Level, row.Detail = backend.Warning, "a copy of its data is missing: some replicas have no node"
	case row.State == "red":
		row.Level, row.Detail = backend.Critical, "a part of its data can't be read or written: some shards have no node"
	}
}

// worse compares healths; any is worse than none.
func worse(a, b string) bool {
	rank := []string{"green", "yellow", "red"}
	return b == "" || slices.Index(rank, a) > slices.Index(rank, b)
}

func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// seesAll says whether the user may see every index. Without security everybody
// may.
func (e *Elastic) seesAll(ctx context.Context) (bool, error) {
	body := `{"index":[{"names":["*"],"privileges":["view_index_metadata","monitor","read"]}]}`
	var may struct {
		All bool `json:"has_all_requested"`
	}
	err := e.ask(ctx, question{op: "read rights"}, esapi.SecurityHasPrivilegesRequest{Body: bytes.NewReader([]byte(body))}, &may)
	if kind := statusOf(err); kind == http.StatusBadRequest || kind == http.StatusMethodNotAllowed {
		return true, nil
	}
	return may.All, err
}

// left tells what rows does not show: more of them, and what this user may not see,
// as far as the server says that.
func (e *Elastic) left(all bool, unsure error, more int) error {
	on := e.api.Link().Alias()
	var out []string
	switch {
	case unsure != nil:
		out = append(out, "Whether there are streams on "+on+" that you may not see is not known. "+unsure.Error())
	case !all:
		out = append(out, on+" shows only the streams that you may read. Ask for read, view_index_metadata and monitor on others that you need.")
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("%s has %d streams more than the %d that are shown. Follow the others by a pattern, such as logs*.", on, more, mostStreams))
	}
	if len(out) == 0 {
		return nil
	}
	return &backend.Error{Code: backend.Partly, Op: "read streams", Human: backend.T(strings.Join(out, " ")).Safe()}
}
