package influx

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/signal"
)

const bucket = "shop/autogen"

func shop() *fake {
	return &fake{buckets: map[string]map[string]string{bucket: {"calls": "errors ms", "mem": "state used"}, "_internal/monitor": {"cq": "x"}}}
}

func measurement(name string) backend.Ref {
	return backend.Ref{Link: "influx", Kind: signal.KindMetric, Scope: bucket, Name: name}
}

// hour is a question about an hour.
func hour(r backend.Ref) backend.SeriesQuery {
	from := time.Date(2026, 11, 28, 5, 0, 0, 0, time.UTC)
	return backend.SeriesQuery{Of: r, From: from, To: from.Add(time.Hour), Points: 4}
}

func say(answer string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) {
		_, _ = io.WriteString(w, strings.ReplaceAll(answer, "\n", "\r\n"))
	}
}

// fieldsThenMeans answers the question which fields are numbers, then the one for
// their means.
func fieldsThenMeans(means string) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, flux string) {
		if strings.Contains(flux, "last()") {
			say(`#datatype,string,long,dateTime:RFC3339,string,string
#group,false,false,false,false,true
#default,_result,,,,
,result,table,_time,_value,_field
,,0,2026-11-28T05:50:34Z,ok,state

#datatype,string,long,dateTime:RFC3339,double,string
#group,false,false,false,false,true
#default,_result,,,,
,result,table,_time,_value,_field
,,1,2026-11-28T05:50:34Z,500,ms

#datatype,string,long,dateTime:RFC3339,long,string
#group,false,false,false,false,true
#default,_result,,,,
,result,table,_time,_value,_field
,,2,2026-11-28T05:50:34Z,3,errors

`)(w, flux)
			return
		}
		say(means)(w, flux)
	}
}

const meansOfCalls = `#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,string,string,string,string,double,dateTime:RFC3339
#group,false,false,true,true,true,true,true,true,false,false
#default,_result,,,,,,,,,
,result,table,_start,_stop,_field,_measurement,service,zone,_value,_time
,,0,2026-11-28T05:00:00Z,2026-11-28T06:00:00Z,errors,calls,cart,a,1.5,2026-11-28T05:15:00Z
,,0,2026-11-28T05:00:00Z,2026-11-28T06:00:00Z,errors,calls,cart,a,,2026-11-28T05:30:00Z
,,0,2026-11-28T05:00:00Z,2026-11-28T06:00:00Z,errors,calls,cart,a,2,2026-11-28T05:45:00Z
,,1,2026-11-28T05:00:00Z,2026-11-28T06:00:00Z,ms,calls,cart,a,43.5,2026-11-28T05:15:00Z

#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,string,string,string,double,dateTime:RFC3339
#group,false,false,true,true,true,true,true,false,false
#default,_result,,,,,,,,
,result,table,_start,_stop,_field,_measurement,zone,_value,_time
,,2,2026-11-28T05:00:00Z,2026-11-28T06:00:00Z,ms,calls,a,7,2026-11-28T05:15:00Z

`

func TestRows(t *testing.T) {
	f := shop()
	in, _ := start(t, f, Options{Charts: []Chart{
		{Name: "p95", Unit: "ms", Query: `from(bucket: "shop/autogen") |> range(start: v.timeRangeStart)`},
		{Name: "elsewhere", Query: `import "sql"`},
		{Name: "mem", Query: `from(bucket:"shop/autogen")`},
	}})
	rows, err := in.rows(t.Context(), backend.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	want := []signal.Metric{
		{Link: "influx", Bucket: bucket, Name: "p95", Unit: "ms", Query: in.opts.Charts[0].Query},
		{Link: "influx", Bucket: "-", Name: "elsewhere", Query: `import "sql"`},
		{Link: "influx", Bucket: bucket, Name: "mem", Query: in.opts.Charts[2].Query},
		{Link: "influx", Bucket: bucket, Name: "calls", Fields: "errors ms"},
	}
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Error(diff)
	}
	asked := len(f.asked)
	if _, err := in.rows(t.Context(), backend.Scope{}); err != nil || len(f.asked) != asked+2 {
		t.Errorf("%v; a second look asks %d times: fields are known", err, len(f.asked)-asked)
	}
	if rows, err := in.rows(t.Context(), backend.Scope{Namespaces: []string{"other"}}); err != nil || len(rows) != 0 {
		t.Errorf("of another bucket: %v, %v", rows, err)
	}
}

// TestOneBucketThatMayNotBeRead: the others are shown, and it is told.
func TestOneBucketThatMayNotBeRead(t *testing.T) {
	f := shop()
	f.buckets["pay/autogen"] = map[string]string{"x": "y"}
	f.narrow = bucket
	in, _ := start(t, f, Options{})
	rows, err := in.rows(t.Context(), backend.Scope{})
	if len(rows) != 2 || backend.CodeOf(err) != backend.Failed || !strings.Contains(err.Error(), "pay/autogen") || !strings.Contains(err.Error(), "Ask for that right") {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	f.narrow = "none"
	if rows, err := in.rows(t.Context(), backend.Scope{}); len(rows) != 0 || backend.CodeOf(err) != backend.Denied {
		t.Errorf("where none may be read: %d rows, %v", len(rows), err)
	}
	in.opts.Buckets = []string{"gone/autogen"}
	f.narrow = ""
	if _, err := in.rows(t.Context(), backend.Scope{}); backend.CodeOf(err) != backend.Failed || !strings.Contains(err.Error(), "no database") {
		t.Errorf("a bucket that is not there: %v", err) // Invalid would say that the server has no metrics at all
	}
}

func TestSeries(t *testing.T) {
	f := shop()
	f.answer = fieldsThenMeans(meansOfCalls)
	in, _ := start(t, f, Options{Org: "ops"})
	got, left, err := in.Series(t.Context(), hour(measurement("calls")), 10)
	if err != nil || left != 0 {
		t.Fatal(left, err)
	}
	at := func(minute int, v float64) backend.Point {
		return backend.Point{At: time.Date(2026, 11, 28, 5, minute, 0, 0, time.UTC), Value: v}
	}
	want := []backend.Series{
		{Name: "errors service=cart", Points: []backend.Point{at(15, 1.5), at(30, math.NaN()), at(45, 2)}},
		{Name: "ms", Points: []backend.Point{at(15, 7)}},
		{Name: "ms service=cart", Points: []backend.Point{at(15, 43.5)}},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateNaNs()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(`from(bucket: "shop/autogen")
  |> range(start: 2026-11-28T05:00:00Z, stop: 2026-11-28T06:00:00Z)
  |> filter(fn: (r) => r._measurement == "calls")
  |> filter(fn: (r) => r._field == "ms" or r._field == "errors")
  |> aggregateWindow(every: 900000ms, fn: mean, createEmpty: true)`, f.asked[len(f.asked)-1]); diff != "" {
		t.Error(diff)
	}
	if f.orgs[0] != "ops" {
		t.Errorf("the organisation is %q", f.orgs[0])
	}
	got, left, err = in.Series(t.Context(), hour(measurement("calls")), 2)
	if len(got) != 2 || left != 1 || err != nil {
		t.Errorf("of three, two at the most: %d, %d left, %v", len(got), left, err)
	}
}

func TestChart(t *testing.T) {
	f := shop()
	f.answer = say(meansOfCalls)
	in, _ := start(t, f, Options{Charts: []Chart{
		{Name: "p95", Unit: "ms", Query: `from(bucket: "shop/autogen") |> range(start: v.timeRangeStart, stop: v.timeRangeStop) |> aggregateWindow(every: v.windowPeriod, fn: max)`},
		{Name: "writer", Query: `from(bucket: "shop/autogen") |> range(start: v.timeRangeStart) |> to(bucket: "x")`},
	}})
	got, _, err := in.Series(t.Context(), hour(measurement("p95")), 10)
	if err != nil || len(got) != 3 || got[0].Unit != "ms" {
		t.Fatal(got, err)
	}
	if got := f.asked[len(f.asked)-1]; got != `from(bucket: "shop/autogen") |> range(start: 2026-11-28T05:00:00Z, stop: 2026-11-28T06:00:00Z) |> aggregateWindow(every: 900000ms, fn: max)` {
		t.Error(got)
	}
	asked := len(f.asked)
	if _, _, err = in.Series(t.Context(), hour(measurement("writer")), 10); backend.CodeOf(err) != backend.Invalid || !strings.Contains(err.Error(), "to()") || len(f.asked) != asked {
		t.Errorf("a chart that writes: %v, and %d were sent", err, len(f.asked)-asked)
	}
}

// TestAnswers: what a chart's query may give beside numbers in time.
func TestAnswers(t *testing.T) {
	const pivoted = `#datatype,string,long,dateTime:RFC3339,double,long,string
#group,false,false,false,false,false,true
#default,_result,,,,,
,result,table,_time,used,free,host
,,0,2026-11-28T05:15:00Z,1,2,ecs-1

`
	for name, test := range map[string]struct {
		answer string
		names  []string
		says   string
	}{
		"nothing":        {"\n", nil, ""},
		"pivoted":        {pivoted, []string{"free", "used"}, ""},
		"no time":        {strings.ReplaceAll(pivoted, "_time", "_when"), nil, "without a _time"},
		"text":           {"#datatype,string,long,dateTime:RFC3339,string\n#group,false,false,false,false\n#default,_result,,,\n,result,table,_time,_value\n,,0,2026-11-28T05:15:00Z,ok\n\n", nil, "text and no numbers"},
		"error table":    {"#datatype,string,string\n#group,true,true\n#default,,\n,error,reference\n,\"runtime error @1:2: divided by nothing\",897\n", nil, "divided by nothing"},
		"error later on": {pivoted + "#datatype,string,string\n#group,true,true\n#default,,\n,error,reference\n,memory is short,\n", nil, "memory is short"},
		"no annotations": {"a,b,c\n1,2,3\n", nil, "can't be read"},
		"torn row":       {pivoted[:len(pivoted)-10], nil, "can't be read"},
		"not a number":   {strings.ReplaceAll(pivoted, "Z,1,2,", "Z,x,2,"), nil, "x"},
	} {
		t.Run(name, func(t *testing.T) {
			f := shop()
			f.answer = say(test.answer)
			in, _ := start(t, f, Options{Charts: []Chart{{Name: "c", Query: `from(bucket: "shop/autogen")`}}})
			got, _, err := in.Series(t.Context(), hour(measurement("c")), 10)
			var names []string
			for _, s := range got {
				names = append(names, s.Name)
			}
			if diff := cmp.Diff(test.names, names); diff != "" {
				t.Error(diff)
			}
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("it says %v, not %q", err, test.says)
			}
		})
	}
}

// TestRefusals are told in both versions' ways.
func TestRefusals(t *testing.T) {
	plain := func(status int, kind, body string) func(http.ResponseWriter, string) {
		return func(w http.ResponseWriter, _ string) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, test := range map[string]struct {
		answer func(http.ResponseWriter, string)
		code   backend.Code
		says   string
	}{
		"2, bad Flux":          {plain(400, "application/json; charset=utf-8", `{"code":"invalid","message":"compilation failed: error @1:8-1:9: undefined identifier x"}`), backend.Invalid, "undefined identifier x"},
		"2, no bucket":         {plain(404, "application/json; charset=utf-8", `{"code":"not found","message":"could not find bucket"}`), backend.NotFound, "could not find bucket"},
		"2, no permission":     {plain(403, "application/json; charset=utf-8", `{"code":"forbidden","message":"insufficient permissions"}`), backend.Denied, "insufficient permissions"},
		"2, no bucket to read": {plain(404, "application/json; charset=utf-8", `{"code":"not found","message":"no buckets found in organization 1b5d529532437a12"}`), backend.Denied, "no buckets found"},
		"2, whose buckets":     {plain(400, "application/json; charset=utf-8", `{"code":"invalid","message":"failed to decode request body: Please provide either orgID or org"}`), backend.Invalid, "org in the configuration"},
		"1.8, bad Flux": {func(w http.ResponseWriter, _ string) {
			refuse(w, 500, `type error 1:33-1:37: undefined identifier "rnge"`)
		}, backend.Invalid, `undefined identifier "rnge"`},
		"1.8, no permission": {func(w http.ResponseWriter, _ string) {
			refuse(w, 500, `failed to initialize execute state: user "ops", requires READ for database "shop"`)
		}, backend.Denied, "requires READ"},
		"1.8, as CSV":    {plain(500, "text/csv; charset=utf-8", `{"error":"unsupported aggregate column type string"}`), backend.Invalid, "unsupported aggregate column type string"},
		"1.8, its fault": {func(w http.ResponseWriter, _ string) { refuse(w, 500, "engine is closed") }, backend.Failed, "engine is closed"},
		"1.8, no Flux":   {func(w http.ResponseWriter, _ string) { refuse(w, 403, "Flux query service disabled.") }, backend.Denied, "Flux query service disabled"},
		"a proxy":        {plain(502, "text/html", "<html>bad gateway</html>"), backend.Failed, "502"},
		"wrong token":    {plain(401, "application/json", `{"error":"authorization failed"}`), backend.Expired, "not good"},
	} {
		t.Run(name, func(t *testing.T) {
			f := shop()
			f.answer = test.answer
			in, _ := start(t, f, Options{Charts: []Chart{{Name: "c", Query: `from(bucket: "shop/autogen")`}}})
			_, _, err := in.Series(t.Context(), hour(measurement("c")), 10)
			if backend.CodeOf(err) != test.code || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "<html>") || strings.Contains(err.Error(), "ops:secret") {
				t.Errorf("it says (%v) %v", backend.CodeOf(err), err)
			}
		})
	}
}

// TestFaults: whatever becomes of an answer is told, and what was seen before stays.
func TestFaults(t *testing.T) {
	for fault, says := range map[backendtest.Fault]string{
		backendtest.Lost:    "does not answer",
		backendtest.Half:    "broke off",
		backendtest.Page:    "web page",
		backendtest.Refused: "503",
		backendtest.Padded:  "can't be read",
		backendtest.Late:    "Stopped asking",
	} {
		f := shop()
		f.answer = fieldsThenMeans(meansOfCalls)
		in, faults := start(t, f, Options{})
		if _, _, err := in.Series(t.Context(), hour(measurement("calls")), 10); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		faults.Spoil(func(r *http.Request) backendtest.Fault {
			if r.URL.Path != queryPath {
				return 0
			}
			if fault == backendtest.Late {
				cancel()
			}
			return fault
		})
		_, _, err := in.Series(ctx, hour(measurement("calls")), 10)
		var known *backend.Error
		if !errors.As(err, &known) || !strings.Contains(err.Error(), says) {
			t.Errorf("fault %d: %v does not say %q", fault, err, says)
		}
		if _, err := in.rows(ctx, backend.Scope{}); !errors.As(err, &known) {
			t.Errorf("fault %d, the list: %v", fault, err)
		}
		cancel()
		faults.Spoil(nil)
		if got, _, err := in.Series(t.Context(), hour(measurement("calls")), 10); err != nil || len(got) != 3 {
			t.Errorf("after fault %d: %d series, %v", fault, len(got), err)
		}
	}
}

// TestHuge: an answer is held to its limit, as it is once it is unpacked.
func TestHuge(t *testing.T) {
	f := shop()
	f.answer = func(w http.ResponseWriter, _ string) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, meansOfCalls[:strings.Index(meansOfCalls, ",,0,")]+",,0,")
		blanks := strings.Repeat(" ", 1<<20)
		for range answerSize>>20 + 1 {
			if _, err := io.WriteString(z, blanks); err != nil {
				return
			}
		}
		_ = z.Close()
	}
	in, _ := start(t, f, Options{Charts: []Chart{{Name: "c", Query: `from(bucket: "shop/autogen")`}}})
	if _, _, err := in.Series(t.Context(), hour(measurement("c")), 10); err == nil || !strings.Contains(err.Error(), "longer than 32 MB") {
		t.Error(err)
	}
	f.answer = func(w http.ResponseWriter, _ string) {
		_, _ = io.WriteString(w, meansOfCalls[:strings.Index(meansOfCalls, ",,0,")])
		row := meansOfCalls[strings.Index(meansOfCalls, ",,0,"):]
		row = row[:strings.Index(row, "\n")+1]
		for range maxPoints + 1 {
			if _, err := io.WriteString(w, row); err != nil {
				return
			}
		}
	}
	if _, _, err := in.Series(t.Context(), hour(measurement("c")), 10); err == nil || !strings.Contains(err.Error(), "more than 200000 points") {
		t.Error(err)
	}
}

func TestDetails(t *testing.T) {
	f := shop()
	f.answer = func(w http.ResponseWriter, flux string) {
		switch {
		case strings.Contains(flux, "v1.tagKeys"):
			fmt.Fprintf(w, listHead+",,0,_field\r\n,,0,service\r\n\r\n", "_result", "_value")
		case strings.Contains(flux, `tag: "service"`):
			fmt.Fprintf(w, listHead+",,0,cart\r\n,,0,pay\r\n\r\n", "0", "_value")
		default:
			fieldsThenMeans(meansOfCalls)(w, flux)
		}
	}
	in, _ := start(t, f, Options{Charts: []Chart{{Name: "p95", Unit: "ms", Query: "from(bucket: \"shop/autogen\")\n  |> range(start: v.timeRangeStart)"}}})
	text := func(r backend.Ref, a backend.Aspect) string {
		doc, err := in.Fetch(t.Context(), r, a)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		_ = doc.WriteText(&b)
		return b.String()
	}
	local := time.Date(2026, 11, 28, 5, 50, 34, 0, time.UTC).Local().Format(time.DateTime)
	for _, test := range []struct {
		ref    backend.Ref
		aspect backend.Aspect
		want   []string
	}{
		{measurement("calls"), backend.Summary, []string{"bucket  shop/autogen", "ms  500 at " + local, "state  ok at " + local, "tags  service"}},
		{measurement("calls"), backend.Describe, []string{"service  cart pay"}},
		{measurement("calls"), backend.YAML, []string{`from(bucket: "shop/autogen")`, `r._field == "ms" or r._field == "errors"`}},
		{measurement("p95"), backend.Summary, []string{"unit  ms", "v.timeRangeStart"}},
		{measurement("p95"), backend.YAML, []string{"|> range(start: 20"}},
	} {
		got := text(test.ref, test.aspect)
		for _, want := range test.want {
			if !strings.Contains(got, want) {
				t.Errorf("%s of %s does not say %q:\n%s", test.aspect, test.ref.Name, want, got)
			}
		}
	}
}

func TestQuoted(t *testing.T) {
	for s, want := range map[string]string{
		"calls":          `"calls"`,
		`a"b\c`:          `"a\x22b\x5cc"`,
		"${x}":           `"\x24{x}"`,
		"é\n\x00":        "\"é\\x0a\\x00\"",
		`") |> to(b: "x`: `"\x22) |> to(b: \x22x"`,
	} {
		if got := quoted(s); got != want {
			t.Errorf("%q is %s, want %s", s, got, want)
		}
	}
}

func TestWindow(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		span   time.Duration
		points int
		want   time.Duration
	}{
		{5 * time.Minute, 300, time.Second},
		{15 * time.Minute, 300, 5 * time.Second},
		{time.Hour, 300, 15 * time.Second},
		{24 * time.Hour, 300, 5 * time.Minute},
		{7 * 24 * time.Hour, 300, time.Hour},
		{10 * 365 * 24 * time.Hour, 300, 13 * 24 * time.Hour},
		{0, 0, time.Second},
	} {
		if got := windowOf(now.Add(-test.span), now, test.points); got != test.want {
			t.Errorf("%v in %d: %v, want %v", test.span, test.points, got, test.want)
		}
	}
}

func TestProtocol(t *testing.T) {
	p := Protocol()
	for _, test := range []struct {
		method, path string
		reads        bool
	}{
		{"GET", "/health", true},
		{"GET", "/ping", true},
		{"POST", "/api/v2/query", false}, // what it asks is not known
		{"POST", "/api/v2/write", false},
		{"POST", "/write", false},
		{"POST", "/query", false},
		{"GET", "/query?q=DROP+DATABASE+shop", false},
		{"POST", "/api/v2/delete", false},
		{"DELETE", "/api/v2/buckets/1", false},
		{"GET", "/api/v2/authorizations", false},
	} {
		if got := p.Reads(httptest.NewRequest(test.method, test.path, nil)); got != test.reads {
			t.Errorf("%s %s reads: %v", test.method, test.path, got)
		}
	}
	if h, err := p.Sign("ops", "secret"); h != token || err != nil {
		t.Error(h, err)
	}
	if h, err := p.Sign("", "abc=="); h != "Token abc==" || err != nil {
		t.Error(h, err)
	}
	if _, err := p.Sign("a:b", "secret"); err == nil || strings.Contains(err.Error(), "ops:secret") {
		t.Error(err)
	}
}

// TestWrongPassword: the probe sees it, not only the first query.
func TestWrongPassword(t *testing.T) {
	server := httptest.NewServer(shop())
	t.Cleanup(server.Close)
	in := adapter(t, 0, server.URL, "ops", "plain:wrong", Options{})
	if h := in.api.Link().Health(); h.State != backend.Forbidden || h.Reason.IsZero() {
		t.Errorf("the link is %v: %s", h.State, h.Reason.Safe())
	}
}
