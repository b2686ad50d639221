package elastic

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/link"
)

// A doc is one document of a fake.
type doc struct {
	index, id string
	at        int64 // Unix nanoseconds
	seq       int
	source    string
}

// An index of a fake.
type index struct {
	scope      string // whose it is, for the contract
	health     string // empty: no shard answers
	attributes []string
	aliases    []string
	stream     string // the data stream that it belongs to
	timeless   bool
}

// A fake answers what the adapter asks as Elasticsearch 8.19 does.
type fake struct {
	mu      sync.Mutex
	indices map[string]index
	docs    []doc
	pits    map[string][]doc
	window  int      // the most that one search gives
	secure  bool     // it wants the password
	narrow  string   // the scope that may be seen; empty: all
	denied  bool     // nothing may be read
	blind   bool     // health may not be seen
	closed  []string // indices that may not be read
	stuck   int      // how often it answers with the first page again, before it fails; 0: it goes on
	opened  int      // points in time so far
	page    int      // the largest page that was asked for
}

func newFake() *fake {
	return &fake{indices: map[string]index{}, pits: map[string][]doc{}, window: most}
}

// write adds documents of an index with times in milliseconds.
func (f *fake) write(in string, millis ...int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.indices[in]; !ok {
		f.indices[in] = index{health: "green"}
	}
	for _, ms := range millis {
		n := len(f.docs)
		f.docs = append(f.docs, doc{index: in, id: fmt.Sprint(n), at: ms * 1e6, seq: n, source: fmt.Sprintf(`{"message":"line %d"}`, n)})
	}
}

func (f *fake) be(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// answer writes a value as JSON.
func answer(w io.Writer, what any) {
	text, err := json.Marshal(what)
	if err != nil {
		panic(err)
	}
	_, _ = w.Write(text)
}

func refused(w http.ResponseWriter, status int, kind, reason string) {
	w.WriteHeader(status)
	inner := fmt.Sprintf(`{"type":%q,"reason":%q}`, kind, reason)
	outer := kind
	if kind == "search_context_missing_exception" || kind == "query_shard_exception" {
		outer = "search_phase_execution_exception"
	}
	fmt.Fprintf(w, `{"error":{"root_cause":[%s],"type":%q,"reason":"all of it failed"},"status":%d}`, inner, outer, status)
}

// ServeHTTP implements http.Handler.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("X-Elastic-Product", "Elasticsearch")
	w.Header().Set("Content-Type", "application/json")
	raw, _ := io.ReadAll(r.Body)
	var body map[string]any
	_ = json.Unmarshal(raw, &body)
	user, password, _ := r.BasicAuth()
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch last := path[len(path)-1]; {
	case f.secure && password != "hunter2":
		refused(w, http.StatusUnauthorized, "security_exception", "missing authentication credentials")
	case f.denied:
		refused(w, http.StatusForbidden, "security_exception", "action [x] is unauthorized for user [ada]")
	case last == "":
		_, _ = io.WriteString(w, `{"name":"node-0","cluster_name":"shop","version":{"number":"8.19.21"},"tagline":"You Know, for Search"}`)
	case last == "_authenticate" && f.secure:
		fmt.Fprintf(w, `{"username":%q}`, user)
	case last == "_has_privileges" && f.secure:
		fmt.Fprintf(w, `{"has_all_requested":%t}`, f.narrow == "" && !f.blind)
	case path[0] == "_security":
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":"no handler found for uri [/_security]"}`)
	case path[0] == "_resolve":
		f.resolve(w)
	case slices.Contains(path, "_stats"):
		f.stats(w, path[0])
	case last == "_mapping":
		fmt.Fprintf(w, `{%q:{"mappings":{"properties":{"@timestamp":{"type":"date"}}}}}`, path[0])
	case last == "_field_caps":
		f.caps(w, path[0])
	case last == "_pit":
		f.pit(w, r.Method, path[0], body)
	case last == "_search":
		f.search(w, path[0], body)
	default:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":"no handler found for uri [%s] and method [%s]"}`, r.URL.Path, r.Method)
	}
}

func (f *fake) visible(name string) bool { return f.narrow == "" || f.indices[name].scope == f.narrow }

func (f *fake) resolve(w http.ResponseWriter) {
	type named map[string]any
	aliases, streams := map[string][]string{}, map[string][]string{}
	out := map[string][]named{"indices": {}, "aliases": {}, "data_streams": {}}
	for name, i := range f.indices {
		if !f.visible(name) {
			continue
		}
		for _, a := range i.aliases {
			aliases[a] = append(aliases[a], name)
		}
		if i.stream != "" {
			streams[i.stream] = append(streams[i.stream], name)
		}
		out["indices"] = append(out["indices"], named{"name": name, "attributes": append([]string{"open"}, i.attributes...), "data_stream": i.stream})
	}
	for a, of := range aliases {
		out["aliases"] = append(out["aliases"], named{"name": a, "indices": of})
	}
	for s, of := range streams {
		out["data_streams"] = append(out["data_streams"], named{"name": s, "backing_indices": of, "timestamp_field": timestamp})
	}
	answer(w, out)
}

func (f *fake) stats(w http.ResponseWriter, of string) {
	if f.blind {
		refused(w, http.StatusForbidden, "security_exception", "action [indices:monitor/stats] is unauthorized")
		return
	}
	all := map[string]any{}
	for name, i := range f.indices {
		if i.health == "" || !f.visible(name) || !matches(of, name, i) {
			continue
		}
		n := 0
		for _, d := range f.docs {
			if d.index == name {
				n++
			}
		}
		all[name] = map[string]any{"health": i.health, "primaries": map[string]any{"docs": map[string]int{"count": n}}, "total": map[string]any{"store": map[string]int{"size_in_bytes": n * 100}}}
	}
	answer(w, map[string]any{"indices": all})
}

func matches(pattern, name string, i index) bool {
	for p := range strings.SplitSeq(pattern, ",") {
		ok, _ := filepath.Match(p, name)
		if ok || i.stream == p || slices.Contains(i.aliases, p) {
			return true
		}
	}
	return false
}

// in gives the documents of streams; false where it has refused.
func (f *fake) in(w http.ResponseWriter, of string) ([]doc, bool) {
	for p := range strings.SplitSeq(of, ",") {
		some := strings.Contains(p, "*")
		for name, i := range f.indices {
			some = some || matches(p, name, i)
		}
		if slices.Contains(f.closed, p) {
			refused(w, http.StatusForbidden, "security_exception", "action [read] is unauthorized on indices ["+p+"]")
			return nil, false
		}
		if !some {
			refused(w, http.StatusNotFound, "index_not_found_exception", "no such index ["+p+"]")
			return nil, false
		}
	}
	var out []doc
	for _, d := range f.docs {
		if matches(of, d.index, f.indices[d.index]) && f.visible(d.index) {
			out = append(out, d)
		}
	}
	return out, true
}

func (f *fake) caps(w http.ResponseWriter, of string) {
	if _, ok := f.in(w, of); !ok {
		return
	}
	for name, i := range f.indices {
		if matches(of, name, i) && !i.timeless {
			_, _ = io.WriteString(w, `{"fields":{"@timestamp":{"date":{"metadata_field":false}},"_id":{"_id":{"metadata_field":true}},"code":{"long":{},"keyword":{}}}}`)
			return
		}
	}
	_, _ = io.WriteString(w, `{"fields":{}}`)
}

func (f *fake) pit(w http.ResponseWriter, method, of string, body map[string]any) {
	if method == http.MethodDelete {
		delete(f.pits, fmt.Sprint(body["id"]))
		_, _ = io.WriteString(w, `{"succeeded":true,"num_freed":1}`)
		return
	}
	docs, ok := f.in(w, of)
	if !ok {
		return
	}
	f.opened++
	id := fmt.Sprintf("pit-%d", f.opened)
	f.pits[id] = docs
	fmt.Fprintf(w, `{"id":%q}`, id)
}

func (f *fake) search(w http.ResponseWriter, of string, body map[string]any) {
	var docs []doc
	var pit string
	var ok bool
	if p, at := body["pit"].(map[string]any); at {
		if docs, ok = f.pits[p["id"].(string)]; !ok {
			refused(w, http.StatusNotFound, "search_context_missing_exception", "No search context found for id [7]")
			return
		}
		delete(f.pits, p["id"].(string)) // each answer has another name for it
		f.opened++
		pit = fmt.Sprintf("pit-%d", f.opened)
		f.pits[pit] = docs
	} else if docs, ok = f.in(w, of); !ok {
		return
	}
	if _, on := body["search_after"]; on && f.stuck > 0 {
		if f.stuck--; f.stuck == 0 {
			refused(w, http.StatusInternalServerError, "test_exception", "asked for one page again and again")
			return
		}
		delete(body, "search_after")
	}
	size := 10
	if s, ok := body["size"].(float64); ok {
		size = int(s)
	}
	f.page = max(f.page, size)
	if size > f.window {
		refused(w, http.StatusBadRequest, "illegal_argument_exception", fmt.Sprintf("Result window is too large, from + size must be less than or equal to: [%d] but was [%d]", f.window, size))
		return
	}
	docs, bad := sift(slices.Clone(docs), body)
	if bad != "" {
		refused(w, http.StatusBadRequest, "query_shard_exception", bad)
		return
	}
	out := map[string]any{"aggregations": counted(docs)}
	if pit != "" {
		out["pit_id"] = pit
	}
	hits := []map[string]any{}
	for _, d := range paged(docs, body) {
		if len(hits) == size {
			break
		}
		hits = append(hits, map[string]any{"_index": d.index, "_id": d.id, "_source": json.RawMessage(d.source), "sort": d.place()})
	}
	out["hits"] = map[string]any{"hits": hits}
	answer(w, out)
}

func (d doc) place() []any {
	return []any{time.Unix(0, d.at).UTC().Format("2006-01-02T15:04:05.000Z"), d.index, d.seq}
}

// sift keeps what the query wants.
func sift(docs []doc, body map[string]any) (out []doc, bad string) {
	query, _ := body["query"].(map[string]any)
	all, _ := query["bool"].(map[string]any)
	filters, _ := all["filter"].([]any)
	for _, one := range filters {
		for kind, of := range one.(map[string]any) {
			of := of.(map[string]any)
			switch kind {
			case "range":
				limits := of[timestamp].(map[string]any)
				from, to := moment(limits["gte"]), moment(limits["lte"])
				docs = slices.DeleteFunc(docs, func(d doc) bool { return d.at < from || d.at > to })
			case "ids":
				docs = slices.DeleteFunc(docs, func(d doc) bool { return !slices.Contains(of["values"].([]any), any(d.id)) })
			case "term":
				docs = slices.DeleteFunc(docs, func(d doc) bool { return d.index != of["_index"] })
			case "query_string":
				q := of["query"].(string)
				if strings.HasSuffix(q, "(") {
					return nil, "Failed to parse query [" + q + "]"
				}
				docs = slices.DeleteFunc(docs, func(d doc) bool { return !strings.Contains(d.source, q) })
			}
		}
	}
	return docs, ""
}

// moment reads a time as one with milliseconds does.
func moment(v any) int64 {
	if v == "now+30s" {
		return time.Now().Add(30 * time.Second).UnixNano()
	}
	t, err := time.Parse(time.RFC3339Nano, v.(string))
	if err != nil {
		panic(err)
	}
	return t.Truncate(time.Millisecond).UnixNano()
}

// paged gives what comes behind search_after, in order.
func paged(docs []doc, body map[string]any) []doc {
	sign := 1
	if keys, ok := body["sort"].([]any); ok && keys[0].(map[string]any)[timestamp].(map[string]any)["order"] == "desc" {
		sign = -1
	}
	compare := func(a, b doc) int {
		return sign * cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.index, b.index), cmp.Compare(a.seq, b.seq))
	}
	slices.SortFunc(docs, compare)
	if after, ok := body["search_after"].([]any); ok {
		at := doc{at: moment(after[0]), index: after[1].(string), seq: int(after[2].(float64))}
		docs = slices.DeleteFunc(docs, func(d doc) bool { return compare(d, at) <= 0 })
	}
	return docs
}

func counted(docs []doc) map[string]any {
	times, indices := map[int64]int{}, map[string]int{}
	for _, d := range docs {
		times[d.at/slot*slot/1e6]++
		indices[d.index]++
	}
	slots, names := []map[string]any{}, []map[string]any{}
	for key, n := range times {
		slots = append(slots, map[string]any{"key": key, "doc_count": n})
	}
	slices.SortFunc(slots, func(a, b map[string]any) int { return cmp.Compare(a["key"].(int64), b["key"].(int64)) })
	for key, n := range indices {
		names = append(names, map[string]any{"key": key, "doc_count": n})
	}
	return map[string]any{"times": map[string]any{"buckets": slots}, "indices": map[string]any{"buckets": names}}
}

// rig is the adapter before a fake, with faults between them. It does not wait
// for anything longer than it must.
func rig(t *testing.T, f *fake) (*Elastic, *backendtest.Faults) {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	faults := &backendtest.Faults{Server: f}
	server := httptest.NewServer(faults)
	t.Cleanup(server.Close)
	s := link.System{Protocol: Protocol(), URL: server.URL}
	if f.secure {
		s.User, s.Secret = "ada", "plain:hunter2"
	}
	return adapter(t, s), faults
}

func adapter(t *testing.T, s link.System) *Elastic {
	t.Helper()
	links, err := link.Load(link.Options{Patience: backendtest.Patience, Systems: []link.System{s}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(links.Close)
	links.Start()
	e := New(links.All()[0])
	const soonest = 5 * time.Millisecond
	e.every, e.pace = 4*soonest, pace{lines: soonest, late: soonest, far: 2 * soonest, trying: soonest, seldom: 4 * soonest}
	return e
}
