package influx_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	influxdb2 "github.com/influxdata/influxdb-client-go/v2"
	"go.uber.org/goleak"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/influx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A house is a world with its InfluxDB, whose clock stands still: a minute was measured
// of two machines.
type house struct {
	*sandbox.World
	t   *testing.T
	now time.Time
	url string
}

func build(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)}
	h.World = sandbox.New(func() time.Time { return h.now }, 0)
	for n := range 2 {
		h.Boot(sandbox.Machine{MachineID: sandbox.MachineID{Cluster: "one", Name: fmt.Sprintf("m%d", n)}, Room: sandbox.Usage{CPU: 8, Memory: 8192}, Disk: 30000})
	}
	for n := range 7 {
		h.now = h.now.Add(10 * time.Second)
		h.Move()
		for host := range 2 {
			h.Measure("weather", []sandbox.Tag{{Key: "cluster", Value: "one"}, {Key: "host", Value: fmt.Sprintf("m%d", host)}}, "rain", float64(10*host+n))
		}
	}
	server := httptest.NewServer(influx.New(h.World, func() influx.Options {
		return influx.Options{
			Org: "shop", Buckets: []influx.Bucket{{Name: "metrics", Keeps: 6 * time.Hour}, {Name: "other", Cluster: "two"}},
			Tokens: map[string]influx.User{"all": {Name: "ops"}, "some": {Name: "eve", Reads: []string{"other"}}, "none": {Name: "nil", Reads: []string{}}},
		}
	}))
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func (h *house) send(method, path, token, body string) (status int, answer string) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Token "+token)
	req.Header.Set("Content-Type", "application/json")
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

func (h *house) ask(token, flux string) (status int, answer string) {
	h.t.Helper()
	body, err := json.Marshal(map[string]any{"query": flux, "dialect": map[string]any{"header": false, "annotations": []string{"default"}}})
	if err != nil {
		h.t.Fatal(err)
	}
	return h.send(http.MethodPost, "/api/v2/query?org=shop", token, string(body))
}

// rain begins most of the scripts.
const rain = `from(bucket: "metrics") |> range(start: 2026-11-28T12:00:00Z, stop: 2026-11-28T12:01:30Z) |> filter(fn: (r) => r._measurement == "weather")`

func TestFlux(t *testing.T) {
	h := build(t)
	const host = ` |> keep(columns: ["host", "_value"])`
	const at = ` |> filter(fn: (r) => r.host == "m0") |> keep(columns: ["_time", "_value"])`
	for flux, want := range map[string]string{
		rain + ` |> mean()` + host:                                  "0 3 m0; 1 13 m1",
		rain + ` |> count()` + host:                                 "0 7 m0; 1 7 m1",
		rain + ` |> sum()` + host:                                   "0 21 m0; 1 91 m1",
		rain + ` |> spread()` + host:                                "0 6 m0; 1 6 m1",
		rain + ` |> median()` + host:                                "0 3 m0; 1 13 m1",
		rain + ` |> quantile(q: 0.25, method: "exact_mean")` + host: "0 1.5 m0; 1 11.5 m1",
		rain + ` |> last()` + host:                                  "0 6 m0; 1 16 m1",
		rain + ` |> filter(fn: (r) => r._value > 5.0 and not r.host =~ /1$/) |> first()` + host:                                                       "0 6 m0",
		rain + ` |> filter(fn: (r) => exists r.nothing)`:                                                                                              "",
		rain + ` |> group(columns: ["cluster"]) |> max()` + host:                                                                                      "0 16 m1",
		rain + ` |> group() |> top(n: 2)` + host:                                                                                                      "0 16 m1; 0 15 m1",
		rain + ` |> sort(desc: true) |> limit(n: 1, offset: 1)` + host:                                                                                "0 5 m0; 1 15 m1",
		rain + ` |> tail(n: 1) |> map(fn: (r) => ({r with _value: if r.host == "m0" then r._value / 2.0 else 0.0}))` + host:                           "0 3 m0; 1 0 m1",
		rain + ` |> last() |> map(fn: (r) => ({host: r.host + "!", n: int(v: r._value)}))`:                                                            "0 m0! 6; 1 m1! 16",
		rain + ` |> last() |> rename(columns: {host: "machine"}) |> drop(columns: ["_start", "_stop", "_time", "_field", "_measurement", "cluster"])`: "0 6 m0; 1 16 m1",
		rain + ` |> aggregateWindow(every: 30s, fn: max)` + at:                                                                                        "0 2026-11-28T12:00:30Z 1; 0 2026-11-28T12:01:00Z 4; 0 2026-11-28T12:01:30Z 6",
		rain + ` |> aggregateWindow(every: 7s, fn: mean) |> fill(value: -1.0) |> limit(n: 3)` + at:                                                    "0 2026-11-28T12:00:06Z -1; 0 2026-11-28T12:00:13Z 0; 0 2026-11-28T12:00:20Z -1",
		rain + ` |> aggregateWindow(every: 7s, fn: mean, createEmpty: false) |> limit(n: 2)` + at:                                                     "0 2026-11-28T12:00:13Z 0; 0 2026-11-28T12:00:27Z 1",
		rain + ` |> aggregateWindow(every: 1m, fn: (tables=<-, column) => tables |> quantile(q: 1.0, column: column))` + at:                           "0 2026-11-28T12:01:00Z 4; 0 2026-11-28T12:01:30Z 6",
		rain + ` |> group(columns: ["cluster"]) |> aggregateWindow(every: 1m, fn: sum) |> keep(columns: ["_value"])`:                                  "0 70; 0 42",
		rain + ` |> window(every: 1m) |> count()` + host:                                                                                              "0 5 m0; 0 2 m0; 1 5 m1; 1 2 m1",
		rain + ` |> pivot(rowKey: ["_time"], columnKey: ["host"], valueColumn: "_value") |> limit(n: 1) |> keep(columns: ["m0", "m1"])`:               "0 0 10",
		rain + ` |> distinct(column: "host") |> keep(columns: ["_value"])`:                                                                            "0 m0; 0 m1",
		`a = ` + rain + ` |> last()
			b = ` + rain + ` |> first()
			union(tables: [a, b])` + host + ` // both`: "0 6 m0; 0 0 m0; 1 16 m1; 1 10 m1",
		`from(bucket: "metrics") |> range(start: -30s) |> filter(fn: (r) => r["_field"] == "rain") |> count()` + host:         "0 3 m0; 1 3 m1",
		`import "influxdata/influxdb/schema" schema.measurements(bucket: "metrics")`:                                          "0 machine; 0 weather",
		`import s "influxdata/influxdb/v1" s.tagValues(bucket: "metrics", tag: "host", predicate: (r) => r._field == "rain")`: "0 m0; 0 m1",
		`import "influxdata/influxdb/v1" v1.tagKeys(bucket: "metrics", predicate: (r) => r._field == "rain")`:                 "0 _start; 0 _stop; 0 _field; 0 _measurement; 0 cluster; 0 host",
		`import "influxdata/influxdb/schema" schema.measurementFieldKeys(bucket: "metrics", measurement: "machine")`:          "0 cpu; 0 disk; 0 memory",
		`from(bucket: "other") |> range(start: -1h)`:                                                                          "",
	} {
		status, answer := h.ask("all", flux)
		var got []string
		for line := range strings.Lines(answer) {
			if cells, ok := strings.CutPrefix(strings.TrimSpace(line), ",,"); ok {
				got = append(got, strings.ReplaceAll(cells, ",", " "))
			}
		}
		if diff := cmp.Diff(want, strings.Join(got, "; ")); status != http.StatusOK || diff != "" {
			t.Errorf("%s: %d %s %s", flux, status, answer, diff)
		}
	}
}

// TestRefusals: what is not known is named as InfluxDB 2.7 does.
func TestRefusals(t *testing.T) {
	h := build(t)
	for _, c := range []struct {
		token, flux string
		status      int
		says        string
	}{
		{"x", "buckets()", 401, "unauthorized access"},
		{"none", "buckets()", 404, "no buckets found in organization "},
		{"some", rain, 404, `failed to initialize execute state: could not find bucket \"metrics\"`},
		{"all", rain + " |> foo()", 400, "error @1:144-1:147: undefined identifier foo"},
		{"all", rain + " |> filter(fn: (r) => r.host == foo)", 400, "undefined identifier foo"},
		{"all", rain + " |> mean(foo: 1)", 400, "error @1:154-1:155: found unexpected argument foo (Expected `column`)"},
		{"all", rain + " |> filter()", 400, "missing required argument fn"},
		{"all", rain + ` |> limit(n: "a")`, 400, "expected int but found string (argument n)"},
		{"all", rain + ` |> mean(column: "nothing")`, 400, `column \"nothing\" does not exist`},
		{"all", rain + ` |> map(fn: (r) => ({r with _value: r.host})) |> mean()`, 400, "unsupported aggregate column type string"},
		{"all", rain + ` |> map(fn: (r) => ({r with _value: r._value + 1}))`, 400, "expected float but found int"},
		{"all", `from(bucket: "metrics")`, 400, `cannot submit unbounded read to \"metrics\"; try bounding 'from' with a call to 'range'`},
		{"all", `from(bucket: "metrics" |> range(start: -1h)`, 400, "compilation failed: error @1:1-1:44: expected RPAREN, got EOF"},
		{"all", `import "strings" buckets()`, 400, "error @1:1-1:17: invalid import path strings"},
		{"all", `import "influxdata/influxdb/schema" schema.foo()`, 400, "record is missing label foo"},
		{"all", "x = 1", 400, "this Flux script returns no streaming data"},
		{"all", "", 400, "request body requires either query or AST"},
		{"all", rain + " |> yield() |> yield()", 400, `found more than one call to yield() with the name \"_result\"`},
		{"all", `"abc`, 400, "unexpected token in string expression"},
		{"all", `"${1}"`, 400, "string interpolation is not supported"},
		{"all", `to(bucket: "metrics")`, 400, "undefined identifier to"},
		{"all", rain + " |> filter(fn: (r) => r.host =~ /(/)", 400, "missing closing )"},
		{"all", "@", 400, "invalid statement: @"},
		{"all", "f = () => f()\nf()", 400, "undefined identifier f"},
		{"all", strings.Repeat("(", 1000), 400, "too deep"},
	} {
		if status, answer := h.ask(c.token, c.flux); status != c.status || !strings.Contains(answer, c.says) {
			t.Errorf("%s: %d %s; want %d %s", c.flux, status, answer, c.status, c.says)
		}
	}
	for _, c := range []struct {
		method, path string
		status       int
		says         string
	}{
		{"POST", "/api/v2/query", 400, "Please provide either orgID or org"},
		{"POST", "/api/v2/query?org=none", 400, `organization name \"none\" not found`},
		{"GET", "/api/v2/query?org=shop", 405, `{"code":"method not allowed","message":"allow: OPTIONS, POST"}`},
		{"GET", "/api/v2/tasks", 404, `{"code":"not found","message":"path not found"}`},
		{"GET", "/query?q=SHOW+DATABASES", 200, `"values":[["metrics"],["other"]]`},
		{"GET", "/query?q=SELECT+1", 400, "failed to parse query"},
		{"GET", "/ping", 204, ""},
	} {
		if status, answer := h.send(c.method, c.path, "all", `{"query":"buckets()"}`); status != c.status || !strings.Contains(answer, c.says) {
			t.Errorf("%s %s: %d %s; want %d %s", c.method, c.path, status, answer, c.status, c.says)
		}
	}
}

// TestClient: the official client finds in it what it expects of an InfluxDB.
func TestClient(t *testing.T) {
	h := build(t)
	way := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	client := influxdb2.NewClientWithOptions(h.url, "all", influxdb2.DefaultOptions().SetHTTPClient(way))
	defer client.Close()
	if health, err := client.Health(t.Context()); err != nil || health.Status != "pass" || *health.Version != influx.Version {
		t.Errorf("its health is %+v, %v", health, err)
	}
	if ok, err := client.Ping(t.Context()); err != nil || !ok {
		t.Errorf("pinged: %v, %v", ok, err)
	}
	if bucket, err := client.BucketsAPI().FindBucketByName(t.Context(), "metrics"); err != nil || bucket.Name != "metrics" || bucket.RetentionRules[0].EverySeconds != 6*3600 {
		t.Errorf("the bucket is %+v, %v", bucket, err)
	}
	if me, err := client.UsersAPI().Me(t.Context()); err != nil || me.Name != "ops" {
		t.Errorf("I am %+v, %v", me, err)
	}
	if org, err := client.OrganizationsAPI().FindOrganizationByName(t.Context(), "shop"); err != nil || org.Name != "shop" {
		t.Errorf("the organisation is %+v, %v", org, err)
	}
	rows, err := client.QueryAPI("shop").Query(t.Context(), rain+` |> last() |> yield(name: "now")`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		r := rows.Record()
		got = append(got, fmt.Sprint(r.Result(), " ", r.Table(), " ", r.Time().Format(time.TimeOnly), " ", r.Value(), " ", r.Field(), " ", r.Measurement(), " ", r.ValueByKey("host")))
	}
	if diff := cmp.Diff([]string{"now 0 12:01:10 6 rain weather m0", "now 1 12:01:10 16 rain weather m1"}, got); diff != "" || rows.Err() != nil {
		t.Error(diff, rows.Err())
	}
}
