package elastic

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

const window = 10_000 // documents that one search may give (index.max_result_window)

// A question is a search as it was read.
type question struct {
	test    test
	size    int
	from    int
	sort    []key
	after   []any
	source  func(string) bool
	total   int // hits that are counted; more are only said to be more; negative: all
	sum     map[string]any
	numbers bool // hits tell their _seq_no
	version bool
}

// read takes a search apart.
func (s *server) read(c *call, frozen bool) (*question, *fault) {
	q := &question{test: everything, size: 10, total: window, source: func(string) bool { return true }}
	r := reader{s.world.Now()}
	for name := range c.asked {
		if slices.Contains([]string{"size", "from", "track_total_hits", "q", "_source"}, name) {
			var v any = c.asked.Get(name)
			if name == "q" {
				name, v = "query", map[string]any{"query_string": map[string]any{"query": v}}
			}
			if name == "_source" && (v == "false" || v == "true") {
				v = v == "true"
			}
			c.body[name] = v
		}
	}
	for name, of := range c.body {
		if f := q.part(r, name, of); f != nil {
			return nil, f
		}
	}
	if q.from+q.size > window {
		f := wrong("illegal_argument_exception", "Result window is too large, from + size must be less than or equal to: [%d] but was [%d]. See the scroll api for a more "+
			"efficient way to request large data sets. This limit can be set by changing the [index.max_result_window] index level setting.", window, q.from+q.size)
		f.phase = true
		return nil, f
	}
	if frozen && len(q.sort) == 0 {
		q.sort = []key{{name: "_score"}}
	}
	if frozen {
		q.sort = append(q.sort, key{name: "_shard_doc"})
		if n := len(q.after); n > 0 && n == len(q.sort)-1 { // the tiebreaker may be left out
			q.sort = q.sort[:n]
		}
	}
	return q, q.place()
}

func (q *question) part(r reader, name string, of any) (f *fault) {
	switch name {
	case "query":
		q.test, f = r.query(of)
	case "size":
		q.size, f = natural(name, of)
	case "from":
		q.from, f = natural(name, of)
	case "sort":
		q.sort, f = keys(of)
	case "search_after":
		q.after, _ = of.([]any)
	case "_source":
		q.source = wanted(of)
	case "track_total_hits":
		var ok bool
		if q.total, ok = map[string]int{"true": -1, "false": 0}[fmt.Sprint(of)]; !ok {
			q.total, f = natural(name, of)
		}
	case "aggs", "aggregations":
		q.sum, _ = of.(map[string]any)
	case "seq_no_primary_term":
		q.numbers = of == true
	case "version":
		q.version = of == true
	case "pit", "timeout", "terminate_after", "track_scores", "stored_fields":
	default:
		f = wrong("parsing_exception", "Unknown key for a %s in [%s].", called(of), name)
	}
	return f
}

// natural is a number that is not below 0.
func natural(name string, of any) (int, *fault) {
	n, err := strconv.Atoi(fmt.Sprint(of))
	if err != nil || n < 0 {
		return 0, wrong("illegal_argument_exception", "[%s] parameter cannot be negative, found [%v]", name, of)
	}
	return n, nil
}

// called is a JSON value as the parser calls it.
func called(v any) string {
	switch v.(type) {
	case json.Number:
		return "VALUE_NUMBER"
	case map[string]any:
		return "START_OBJECT"
	case []any:
		return "START_ARRAY"
	case bool:
		return "VALUE_BOOLEAN"
	}
	return "VALUE_STRING"
}

// wanted reads which fields of a document are wanted.
func wanted(of any) func(string) bool {
	in, out := words(of), []string{}
	if m, ok := of.(map[string]any); ok {
		in, out = append(words(m["includes"]), words(m["include"])...), append(words(m["excludes"]), words(m["exclude"])...)
	}
	if all, ok := of.(bool); ok {
		return func(string) bool { return all }
	}
	among := func(list []string, name string) bool {
		return slices.ContainsFunc(list, func(p string) bool { return like(p, name) || strings.HasPrefix(name, p+".") })
	}
	return func(name string) bool { return (len(in) == 0 || among(in, name)) && !among(out, name) }
}

// found are the documents that a question wants, in its order, and those of them that
// stand on its page.
func (q *question) found(in []*index) (all, page []*doc) {
	for _, i := range in {
		for _, d := range i.docs {
			if q.test(d) {
				all = append(all, d)
			}
		}
	}
	page = all
	if len(q.sort) > 0 {
		page = slices.Clone(all)
		slices.SortStableFunc(page, func(a, b *doc) int { return q.order(q.values(a), q.values(b)) })
	}
	if len(q.after) > 0 {
		after := func(i int) any { return q.after[i] }
		n, _ := slices.BinarySearchFunc(page, 0, func(d *doc, _ int) int {
			return cmp.Or(min(0, q.order(q.values(d), after)-1), 1) // those before it and at it are smaller
		})
		page = page[n:]
	}
	page = page[min(q.from, len(page)):]
	return all, page[:min(q.size, len(page))]
}

// search answers one.
func (s *server) search(c *call) {
	p, frozen := c.body["pit"].(map[string]any)
	var in []*index
	if frozen {
		if len(c.args) > 0 {
			c.refuse(http.StatusBadRequest, fault{
				Type: "action_request_validation_exception", Reason: "Validation Failed: 1: [indices] cannot be used with point in time. Do not specify any index with point in time.;",
			})
			return
		}
		id, _ := p["id"].(string)
		then, ok := s.pit(c, id, p["keep_alive"])
		if !ok {
			return
		}
		in = then
	} else {
		var ok bool
		if in, ok = s.named(c, c.names(), searching()); !ok {
			return
		}
	}
	q, bad := s.read(c, frozen)
	if bad != nil {
		c.fail(bad, s.first(in))
		return
	}
	all, page := q.found(in)
	out := object{"took": 1, "timed_out": false, "_shards": shards(len(in)), "hits": q.hits(all, page)}
	if frozen {
		out["pit_id"] = p["id"]
	}
	if len(q.sum) > 0 {
		sums, bad := sums(q.sum, all)
		if bad != nil {
			c.fail(bad, s.first(in))
			return
		}
		out["aggregations"] = sums
	}
	c.answer(http.StatusOK, out)
}

func searching() deed { return deed{"indices:data/read/search", "read,all"} }

func (s *server) first(in []*index) *index {
	if len(in) == 0 {
		return nil
	}
	return in[0]
}

// hits is what was found, as the answer has it.
func (q *question) hits(all, page []*doc) object {
	out := object{"max_score": nil}
	switch {
	case q.total > 0 && len(all) > q.total:
		out["total"] = object{"value": q.total, "relation": "gte"}
	case q.total != 0:
		out["total"] = object{"value": len(all), "relation": "eq"}
	}
	var score any
	if len(q.sort) == 0 {
		score = 1.0
		if len(page) > 0 {
			out["max_score"] = 1.0
		}
	}
	hits := []object{}
	for _, d := range page {
		one := object{"_index": d.in.name, "_id": d.id(), "_score": score}
		if source := d.source(q.source); len(source) > 0 {
			one["_source"] = source
		}
		if q.numbers {
			one["_seq_no"], one["_primary_term"] = d.no, 1
		}
		if q.version {
			one["_version"] = 1
		}
		if len(q.sort) > 0 {
			var values []any
			for _, k := range q.sort {
				values = append(values, k.told(k.of(d)))
			}
			one["sort"] = values
		}
		hits = append(hits, one)
	}
	out["hits"] = hits
	return out
}

// count counts what a query wants.
func (s *server) count(c *call) {
	in, ok := s.named(c, c.names(), searching())
	if !ok {
		return
	}
	for name := range c.body {
		if name != "query" {
			c.refuse(http.StatusBadRequest, *wrong("parsing_exception", "request does not support [%s]", name))
			return
		}
	}
	q, bad := s.read(c, false)
	if bad != nil {
		c.fail(bad, s.first(in))
		return
	}
	all, _ := q.found(in)
	c.answer(http.StatusOK, object{"count": len(all), "_shards": shards(len(in))})
}

// document answers for one: only an index has it by its name, a data stream not.
func (s *server) document(c *call) {
	name, id := c.args[0], c.args[1]
	if !c.user.reads(s.streamOf(name)) {
		c.forbid(deed{"indices:data/read/get", "read,all"}, name)
		return
	}
	for _, i := range s.match(name, c.user) {
		if i.name != name {
			continue
		}
		for _, d := range i.docs {
			if d.id() == id {
				c.answer(http.StatusOK, object{
					"_index": name, "_id": id, "_version": 1, "_seq_no": d.no, "_primary_term": 1, "found": true, "_source": d.source(func(string) bool { return true }),
				})
				return
			}
		}
		c.answer(http.StatusNotFound, object{"_index": name, "_id": id, "found": false})
		return
	}
	c.missing(name)
}
