package elastic_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esapi"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/elastic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A house is a world with its Elasticsearch, whose clock stands still.
type house struct {
	*sandbox.World
	t   *testing.T
	now time.Time
	url string
}

func build(t *testing.T, users map[string]elastic.User) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	h.World = sandbox.New(func() time.Time { return h.now }, 0)
	server := httptest.NewServer(elastic.New(h.World, func() elastic.Options { return elastic.Options{Users: users} }))
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

// says has a program write a line, a second after the one before.
func (h *house) says(program, cluster, level, text string) {
	h.t.Helper()
	id := sandbox.ProcessID{Cluster: cluster, Namespace: "shop", Pod: program + "-0", Container: "app"}
	h.Run(sandbox.Command{ProcessID: id, Image: "registry.example/" + program + ":1.0", Machine: "m0"})
	h.now = h.now.Add(time.Second)
	if err := h.Say(id, level, text); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) send(method, path, user, body string) (status int, answer string) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if name, password, ok := strings.Cut(user, ":"); ok {
		req.SetBasicAuth(name, password)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res.StatusCode, string(raw)
}

type found struct {
	PitID string `json:"pit_id"`
	Hits  struct {
		Total struct{ Value int }
		Hits  []struct {
			ID     string `json:"_id"`
			Index  string `json:"_index"`
			Source struct {
				Message string
				Log     struct{ Level string }
			} `json:"_source"`
			Sort []any
		}
	}
	Aggregations map[string]any
}

func (f found) texts() string {
	var out []string
	for _, h := range f.Hits.Hits {
		out = append(out, h.Source.Message)
	}
	return strings.Join(out, "; ")
}

func (h *house) search(path, body string) found {
	h.t.Helper()
	status, answer := h.send(http.MethodPost, path, "", body)
	var out found
	if err := json.Unmarshal([]byte(answer), &out); err != nil || status != http.StatusOK {
		h.t.Fatalf("%s: %d %s", body, status, answer)
	}
	return out
}

// shop is a house in which some things were written.
func shop(t *testing.T, users map[string]elastic.User) *house {
	t.Helper()
	h := build(t, users)
	h.says("cart", "cloud", "INFO", "GET /carts/17 200 in 4 ms")
	h.says("cart", "cloud", "ERROR", "POST /carts 500: java.io.IOException: No space left on device")
	h.says("bank", "idc", "INFO", "POST /transfers 200 in 61 ms")
	h.says("bank", "idc", "WARN", "Read timed out after 2000 ms")
	return h
}

func TestQueries(t *testing.T) {
	h := shop(t, nil)
	for query, want := range map[string]string{
		`{"match_all":{}}`:                                                                                          "GET /carts/17 200 in 4 ms; POST /carts 500: java.io.IOException: No space left on device; POST /transfers 200 in 61 ms; Read timed out after 2000 ms",
		`{"match_none":{}}`:                                                                                         "",
		`{"term":{"log.level":"WARN"}}`:                                                                             "Read timed out after 2000 ms",
		`{"term":{"log.level":{"value":"warn"}}}`:                                                                   "",
		`{"terms":{"log.level":["WARN","ERROR"]}}`:                                                                  "POST /carts 500: java.io.IOException: No space left on device; Read timed out after 2000 ms",
		`{"match":{"message":"TIMED nothing"}}`:                                                                     "Read timed out after 2000 ms",
		`{"match":{"message":{"query":"post ms","operator":"and"}}}`:                                                "POST /transfers 200 in 61 ms",
		`{"match_phrase":{"message":"timed after"}}`:                                                                "",
		`{"match_phrase":{"message":"left on device"}}`:                                                             "POST /carts 500: java.io.IOException: No space left on device",
		`{"prefix":{"service.name":"ba"}}`:                                                                          "POST /transfers 200 in 61 ms; Read timed out after 2000 ms",
		`{"wildcard":{"kubernetes.pod.name":"c*t-?"}}`:                                                              "GET /carts/17 200 in 4 ms; POST /carts 500: java.io.IOException: No space left on device",
		`{"exists":{"field":"log.logger"}}`:                                                                         "",
		`{"range":{"@timestamp":{"gt":"2026-11-28T12:00:03.000Z"}}}`:                                                "Read timed out after 2000 ms",
		`{"range":{"@timestamp":{"gt":"now-1h","lte":"now-3s"}}}`:                                                   "GET /carts/17 200 in 4 ms",
		`{"range":{"event.sequence":{"gte":2,"lt":4}}}`:                                                             "POST /carts 500: java.io.IOException: No space left on device; POST /transfers 200 in 61 ms",
		`{"ids":{"values":["00000000000000000003"]}}`:                                                               "POST /transfers 200 in 61 ms",
		`{"query_string":{"query":"timed"}}`:                                                                        "Read timed out after 2000 ms",
		`{"query_string":{"query":"cart AND NOT log.level:INFO"}}`:                                                  "POST /carts 500: java.io.IOException: No space left on device",
		`{"query_string":{"query":"\"space left\" OR service.name:b*"}}`:                                            "POST /carts 500: java.io.IOException: No space left on device; POST /transfers 200 in 61 ms; Read timed out after 2000 ms",
		`{"query_string":{"query":"log.level:(WARN ERROR) -cart"}}`:                                                 "Read timed out after 2000 ms",
		`{"query_string":{"query":"event.sequence:[2 TO 3]"}}`:                                                      "POST /carts 500: java.io.IOException: No space left on device; POST /transfers 200 in 61 ms",
		`{"query_string":{"query":"event.sequence:>3"}}`:                                                            "Read timed out after 2000 ms",
		`{"query_string":{"query":"message:/tim.d/"}}`:                                                              "Read timed out after 2000 ms",
		`{"query_string":{"query":"post ms","default_operator":"AND"}}`:                                             "POST /transfers 200 in 61 ms",
		`{"bool":{"must_not":{"term":{"orchestrator.cluster.name":"idc"}},"should":[{"match":{"message":"get"}}]}}`: "GET /carts/17 200 in 4 ms",
		`{"bool":{"filter":[{"exists":{"field":"service"}},{"term":{"_index":".ds-logs-bank-idc-2026.11.28-000001"}}],"should":[{"match_none":{}}]}}`: "POST /transfers 200 in 61 ms; Read timed out after 2000 ms",
	} {
		if got := h.search("/logs-*/_search", `{"sort":["@timestamp","event.sequence"],"query":`+query+`}`).texts(); got != want {
			t.Errorf("%s finds %q, want %q", query, got, want)
		}
	}
}

func TestPagesAndSums(t *testing.T) {
	h := shop(t, nil)
	const order = `"sort":[{"@timestamp":{"order":"desc","format":"strict_date_optional_time_nanos","numeric_type":"date_nanos"}},{"_index":"desc"},{"_seq_no":"desc"}]`
	var got []string
	after := ""
	for range 4 {
		f := h.search("/_search", `{"size":1,`+order+after+`}`)
		place, err := json.Marshal(f.Hits.Hits[0].Sort)
		if err != nil || f.Hits.Total.Value != 4 {
			t.Fatal(err, f.Hits.Total)
		}
		got, after = append(got, f.texts()), `,"search_after":`+string(place)
	}
	if f := h.search("/_search", `{"size":1,`+order+after+`}`); len(f.Hits.Hits) != 0 || got[0] != "Read timed out after 2000 ms" || got[3] != "GET /carts/17 200 in 4 ms" {
		t.Errorf("the pages are %q, then %s", got, f.texts())
	}
	f := h.search("/logs-*/_search", `{"size":0,"aggs":{"s":{"terms":{"field":"service.name"},"aggs":{"l":{"terms":{"field":"log.level","size":1}}}},
		"t":{"date_histogram":{"field":"@timestamp","fixed_interval":"10s"}},"n":{"cardinality":{"field":"log.level"}}}}`)
	text, err := json.Marshal(f.Aggregations)
	const want = `{"n":{"value":3},"s":{"buckets":[` +
		`{"doc_count":2,"key":"bank","l":{"buckets":[{"doc_count":1,"key":"INFO"}],"doc_count_error_upper_bound":0,"sum_other_doc_count":1}},` +
		`{"doc_count":2,"key":"cart","l":{"buckets":[{"doc_count":1,"key":"ERROR"}],"doc_count_error_upper_bound":0,"sum_other_doc_count":1}}],"doc_count_error_upper_bound":0,"sum_other_doc_count":0},` +
		`"t":{"buckets":[{"doc_count":4,"key":1795867200000,"key_as_string":"2026-11-28T12:00:00.000Z"}]}}`
	if diff := cmp.Diff(want, string(text)); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// TestClient: the official client finds in it what it expects of an Elasticsearch.
func TestClient(t *testing.T) {
	h := shop(t, map[string]elastic.User{"ops": {Password: "p", Key: "ops:k", Rules: true}})
	client, err := elasticsearch.NewClient(elasticsearch.Config{Addresses: []string{h.url}, Username: "ops", Password: "p", Transport: &http.Transport{DisableKeepAlives: true}})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(req esapi.Request, into any) int {
		t.Helper()
		res, err := req.Do(t.Context(), client)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if err := json.NewDecoder(res.Body).Decode(into); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode
	}
	var caps struct{ Fields map[string]map[string]any }
	ask(esapi.FieldCapsRequest{Index: []string{"logs-cart-cloud"}, Fields: []string{"*"}}, &caps)
	if caps.Fields["message"]["text"] == nil || caps.Fields["log.level"]["keyword"] == nil || caps.Fields["kubernetes"]["object"] == nil {
		t.Errorf("the fields are %v", caps.Fields)
	}
	var pit struct{ ID string }
	ask(esapi.OpenPointInTimeRequest{Index: []string{"logs-*"}, KeepAlive: "1m"}, &pit)
	h.says("cart", "cloud", "INFO", "written later")
	again := func() (found, int) {
		var f found
		status := ask(esapi.SearchRequest{Body: strings.NewReader(fmt.Sprintf(`{"pit":{"id":%q,"keep_alive":"1m"},"sort":["@timestamp"]}`, pit.ID))}, &f)
		return f, status
	}
	h.now = h.now.Add(50 * time.Second)
	if f, _ := again(); f.Hits.Total.Value != 4 || len(f.Hits.Hits[0].Sort) != 2 || f.PitID != pit.ID {
		t.Errorf("then there were %+v", f)
	}
	h.now = h.now.Add(50 * time.Second) // longer than it was kept at first
	if _, status := again(); status != http.StatusOK {
		t.Errorf("while it is used: %d", status)
	}
	h.now = h.now.Add(61 * time.Second)
	if _, status := again(); status != http.StatusNotFound {
		t.Errorf("after its time: %d", status)
	}
	var count struct{ Count int }
	if ask(esapi.CountRequest{Index: []string{"logs-cart-*"}}, &count); count.Count != 3 {
		t.Errorf("there are %d", count.Count)
	}
	var deleted object
	if status := ask(esapi.IndicesDeleteDataStreamRequest{Name: []string{"logs-cart-cloud"}}, &deleted); status != http.StatusOK {
		t.Errorf("deleting: %d %v", status, deleted)
	}
	if ask(esapi.CountRequest{}, &count); count.Count != 2 {
		t.Errorf("there are %d left", count.Count)
	}
}

type object = map[string]any

// TestRefusals: what is not permitted, not there, or not served is refused as
// Elasticsearch 8.19 does.
func TestRefusals(t *testing.T) {
	h := shop(t, map[string]elastic.User{"ops": {Password: "p", Rules: true}, "eve": {Password: "e", Reads: []string{"logs-cart-*"}}, "nil": {Password: "n"}})
	const ops, eve = "ops:p", "eve:e"
	for _, c := range []struct {
		method, path, user, body string
		status                   int
		says                     string
	}{
		{"GET", "/", "", "", 401, "missing authentication credentials for REST request [/]"},
		{"GET", "/", "ops:x", "", 401, "unable to authenticate user [ops] for REST request [/]"},
		{"GET", "/", eve, "", 200, `"tagline":"You Know, for Search"`},
		{"GET", "/_security/_authenticate", eve, "", 200, `"username":"eve"`},
		{"POST", "/_security/user/_has_privileges", eve, `{"index":[{"names":["*"],"privileges":["read"]}]}`, 200, `"has_all_requested":false`},
		{"GET", "/logs-bank-idc/_search", eve, "", 403, "action [indices:data/read/search] is unauthorized for user [eve] with effective roles [reader] on indices [logs-bank-idc], this action is granted by the index privileges [read,all]"},
		{"GET", "/logs-none/_search", eve, "", 403, "security_exception"},
		{"GET", "/logs-*/_count", eve, "", 200, `"count":2`},
		{"GET", "/_resolve/index/*", eve, "", 200, `"data_streams":[{"backing_indices":[".ds-logs-cart-cloud-2026.11.28-000001"],"name":"logs-cart-cloud","timestamp_field":"@timestamp"}]`},
		{"GET", "/_resolve/index/*", "nil:n", "", 403, "action [indices:admin/resolve/index] is unauthorized"},
		{"GET", "/_cluster/health", eve, "", 403, "this action is granted by the cluster privileges [monitor,manage,all]"},
		{"DELETE", "/_data_stream/logs-cart-cloud", eve, "", 403, "indices:admin/data_stream/delete"},
		{"GET", "/logs-none/_search", ops, "", 404, "no such index [logs-none]"},
		{"GET", "/none*/_search", ops, "", 200, `"total":0`},
		{"GET", "/logs-cart-cloud/_doc/00000000000000000001", ops, "", 404, "no such index [logs-cart-cloud]"},
		{"GET", "/.ds-logs-cart-cloud-2026.11.28-000001/_doc/00000000000000000001", ops, "", 200, `"found":true`},
		{"GET", "/.ds-logs-cart-cloud-2026.11.28-000001/_doc/x", ops, "", 404, `"found":false`},
		{"HEAD", "/logs-cart-cloud", ops, "", 200, ""},
		{"HEAD", "/logs-none", ops, "", 404, ""},
		{"GET", "/_nothing", ops, "", 400, "Invalid index name [_nothing], must not start with '_'."},
		{"GET", "/logs-cart-cloud/_nothing", ops, "", 405, "Incorrect HTTP method for uri [/logs-cart-cloud/_nothing] and method [GET], allowed: [POST]"},
		{"DELETE", "/logs-cart-cloud/_search", ops, "", 405, "allowed: [GET, POST]"},
		{"PUT", "/a/b/c", ops, "", 400, "no handler found for uri [/a/b/c] and method [PUT]"},
		{"GET", "/_search?nothing=1", ops, "", 400, "parameter: [nothing]"},
		{"POST", "/_search", ops, `{"size":`, 400, "unexpected EOF"},
		{"POST", "/_search", ops, `{"sizes":1}`, 400, "Unknown key for a VALUE_NUMBER in [sizes]."},
		{"POST", "/_search", ops, `{"size":20000}`, 400, "Result window is too large"},
		{"POST", "/_search", ops, `{"query":{"near":{}}}`, 400, "unknown query [near]"},
		{"POST", "/_search", ops, `{"query":{"query_string":{"query":"level:("}}}`, 400, `Encountered \"\u003cEOF\u003e\" at line 1, column 7.`},
		{"POST", "/_search", ops, `{"query":{"query_string":{"query":"` + strings.Repeat("(", 1000) + `"}}}`, 400, "Failed to parse query"},
		{"POST", "/_search", ops, `{"query":{"range":{"@timestamp":{"gte":"soon"}}}}`, 400, "failed to parse date field [soon]"},
		{"POST", "/_search", ops, `{"sort":["none"]}`, 400, "No mapping found for [none] in order to sort on"},
		{"POST", "/_search", ops, `{"sort":["message"]}`, 400, "Fielddata is disabled on [message]"},
		{"POST", "/_search", ops, `{"sort":["@timestamp"],"search_after":[1,2]}`, 400, "search_after has 2 value(s) but sort has 1."},
		{"POST", "/_search", ops, `{"aggs":{"a":{"near":{}}}}`, 400, "Unknown aggregation type [near]"},
		{"POST", "/logs-cart-cloud/_pit", ops, "", 400, "[keep_alive] is not specified"},
		{"POST", "/_search", ops, `{"pit":{"id":"abc"}}`, 400, "java.io.EOFException"},
		{"DELETE", "/_pit", ops, `{"id":"abc"}`, 404, `{"num_freed":0,"succeeded":false}`},
		{"GET", "/_stats/docs?filter_path=indices.*cart*.primaries.docs.count", eve, "", 200, `{"indices":{".ds-logs-cart-cloud-2026.11.28-000001":{"primaries":{"docs":{"count":2}}}}}`},
		{"GET", "/_cat/indices?format=json", ops, "", 200, `"docs.count":"2"`},
	} {
		if status, answer := h.send(c.method, c.path, c.user, c.body); status != c.status || !strings.Contains(answer, c.says) {
			t.Errorf("%s %s %s as %q: %d %s; want %d with %s", c.method, c.path, c.body, c.user, status, answer, c.status, c.says)
		}
	}
}

// TestDays: a stream goes on in another index each day, and what is too old is deleted.
func TestDays(t *testing.T) {
	h := shop(t, nil)
	h.now = h.now.Add(24 * time.Hour)
	h.says("cart", "cloud", "INFO", "the next day")
	if f := h.search("/logs-cart-cloud/_search", `{"sort":["@timestamp"]}`); len(f.Hits.Hits) != 3 || f.Hits.Hits[2].Index != ".ds-logs-cart-cloud-2026.11.29-000002" {
		t.Errorf("there are %+v", f.Hits)
	}
	for range 100_000 {
		if err := h.Say(sandbox.ProcessID{Cluster: "cloud", Namespace: "shop", Pod: "cart-0", Container: "app"}, "INFO", "on and on"); err != nil {
			t.Fatal(err)
		}
	}
	_, answer := h.send(http.MethodGet, "/_cat/indices", "", "")
	if strings.Contains(answer, "11.28-000001") && strings.Contains(answer, "cart-cloud-2026.11.28") {
		t.Errorf("the indices are %s", answer)
	}
	if f := h.search("/_search", `{"size":1,"track_total_hits":true,"sort":["event.sequence"]}`); f.Hits.Total.Value != 100_000 {
		t.Errorf("there are %+v", f.Hits)
	}
}

// TestLongAgo: who has written something that is not kept any more has a stream, in
// which there is nothing.
func TestLongAgo(t *testing.T) {
	h := build(t, nil)
	h.says("flannel", "cloud", "INFO", "Running backend.")
	for range 100_000 {
		h.says("gateway", "cloud", "INFO", "GET / 200 in 4 ms")
	}
	if status, answer := h.send(http.MethodGet, "/_data_stream/logs-*", "", ""); status != http.StatusOK || !strings.Contains(answer, "logs-flannel-cloud") {
		t.Errorf("%d %.300s", status, answer)
	}
	if got := h.search("/logs-flannel-*/_search", "{}").texts(); got != "" {
		t.Errorf("it still says %q", got)
	}
}
