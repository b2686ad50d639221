package influx

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/signal"
)

// TestOnlyWhatReadsPasses: through a read-only link, and as a chart.
func TestOnlyWhatReadsPasses(t *testing.T) {
	const from = `from(bucket: "a") |> range(start: -1h)`
	at := time.Date(2026, 11, 28, 5, 0, 0, 123456789, time.UTC)
	for flux, says := range map[string]string{
		from:        "",
		"buckets()": "",
		from + ` |> filter(fn: (r) => r.host =~ /^to\/"[a-z]+$/ and r["to"] != "to(") // to(bucket: "b")`:                                                        "",
		`import "math"` + "\n" + `import v "influxdata/influxdb/v1"` + "\n" + from + ` |> map(fn: (r) => ({r with _value: r._value / 2.0 / 3.0 * (1.0 / 4.0)}))`: "",
		`x = "a \" // b"` + "\n" + from + ` |> aggregateWindow(every: 1h30m, fn: mean)`:                                                                          "",
		measurements("a"): "",
		scripts([]string{tagValues("a${x}", `b"\`, "é", 3), tagKeys("a", "${")}):    "",
		newest("a", "b", "-3600000ms", "now()"):                                     "",
		newest("a", "b", instant(at), instant(at)):                                  "",
		means("a", "b", []string{"x", "y"}, at, at.Add(time.Hour), 900*time.Second): "",
		expand(from+" |> range(start: v.timeRangeStart)", at, at, time.Second):      "",
		from + ` |> to(bucket: "b")`:                                                "to()",
		"x = to\n" + from + ` |> x(bucket: "b")`:                                    "to()",
		from + " |> to // c\n(bucket: \"b\")":                                       "to()",
		from + ` |> wideTo(bucket: "b")`:                                            "wideTo()",
		`x = "\\" to(bucket: "b") // "`:                                             "to()",
		`x = 4 / 2` + "\n" + `to(bucket: "b") // /`:                                 "to()",
		`x = r.a =~ /\\/ to(bucket: "b") /`:                                         "not certain",
		`x = r.a =~ /a`:                                                             "not certain",
		"// a\rto(bucket: \"b\")":                                                   "line end",
		`x = "${to(bucket: "b")}"`:                                                  "expression",
		`x = "abc`:                                                                  "does not end",
		`import "http/requests" requests.do(method: "POST", url: "http://x")`:       `"http/requests"`,
		`import "slack" slack.message(url: "x")`:                                    `"slack"`,
		`import "experimental/mqtt"` + "\n" + `mqtt.to(`:                            `"experimental/mqtt"`,
		`import i "influxdata/influxdb" i["to"](bucket: "b")`:                       `"influxdata/influxdb"`,
		`import "\x68ttp"`:                                                          "imports",
		`import`:                                                                    "imports",
		`import // "math"` + "\n" + `"sql"`:                                         `"sql"`,
		`requests.do(method: "POST", url: "http://x")`:                              "requests",
		`x.post(url: "http://x")`:                                                   "post()",
		"1to(bucket: \"b\")":                                                        "not certain",
		`@edition("2022.1")` + "\n" + from:                                          "not certain",
		"tо(bucket: \"b\")":                                                         "not certain", // a letter that looks like an o
	} {
		got := writes(flux)
		if says == "" && got != "" || !strings.Contains(got, says) {
			t.Errorf("%s\nwrites: %q, want %q", flux, got, says)
		}
		body, err := json.Marshal(map[string]any{"query": flux, "type": "flux", "dialect": map[string]any{"header": true}})
		if err != nil {
			t.Fatal(err)
		}
		if passes := reads(posted(t, string(body))); passes != (says == "") {
			t.Errorf("%s\npasses: %v", flux, passes)
		}
	}
}

func posted(t *testing.T, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://influx.invalid"+queryPath+"?org=ops", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json; charset=utf-8")
	return r
}

// TestOnlyAPlainQueryPasses: what else the server would carry out of a request is
// not let through.
func TestOnlyAPlainQueryPasses(t *testing.T) {
	for body, want := range map[string]bool{
		`{"query":"buckets()"}`:                                        true,
		`{"query":"buckets()","Query":"to()"}`:                         false,
		`{"query":"buckets()","extern":{"body":[]}}`:                   false,
		`{"query":"buckets()","type":"influxql"}`:                      false,
		`{"query":"buckets()"} {"query":"to()"}`:                       false,
		`{"query":["buckets()"]}`:                                      false,
		`buckets()`:                                                    false,
		`{"query":"buckets()` + strings.Repeat(" ", scriptSize) + `"}`: false,
	} {
		if got := reads(posted(t, body)); got != want {
			t.Errorf("%.60s passes: %v", body, got)
		}
	}
	for name, change := range map[string]func(*http.Request){
		"raw Flux":        func(r *http.Request) { r.Header.Set("Content-Type", "application/vnd.flux") },
		"packed":          func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") },
		"read only once":  func(r *http.Request) { r.GetBody = nil },
		"another method":  func(r *http.Request) { r.Method = http.MethodPut },
		"an escaped path": func(r *http.Request) { r.URL.RawPath = "/api/v2%2Fquery"; r.URL.Path = "/api/v2/query" },
	} {
		r := posted(t, `{"query":"buckets()"}`)
		if change(r); reads(r) {
			t.Errorf("%s passes", name)
		}
	}
}

// TestPageNamesTheLink, not a host that nobody knows.
func TestPageNamesTheLink(t *testing.T) {
	f := shop()
	f.answer = func(w http.ResponseWriter, _ string) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprint(w, "<html>")
	}
	in, _ := start(t, f, Options{Charts: []Chart{{Name: "c", Query: `from(bucket: "shop/autogen")`}}})
	_, _, err := in.Series(t.Context(), hour(measurement("c")), 10)
	if err == nil || !strings.HasPrefix(err.Error(), in.alias()+" answers with a web page") || strings.Contains(err.Error(), ".invalid") {
		t.Error(err)
	}
}

// TestMoreThanIsShownIsTold of fields and of tags.
func TestMoreThanIsShownIsTold(t *testing.T) {
	f := shop()
	f.answer = func(w http.ResponseWriter, flux string) {
		if strings.Contains(flux, "v1.tagKeys") {
			_, _ = fmt.Fprintf(w, listHead+",,0,_field\r\n", "_result", "_value")
			for n := range 60 {
				_, _ = fmt.Fprintf(w, ",,0,t%02d\r\n", n)
			}
		} else {
			_, _ = fmt.Fprint(w, "#datatype,string,long,dateTime:RFC3339,double,string\r\n#group,false,false,false,false,true\r\n#default,_result,,,,\r\n,result,table,_time,_value,_field\r\n")
			for n := range 240 { // two series of each
				_, _ = fmt.Fprintf(w, ",,%d,2026-01-01T00:00:00Z,1,f%03d\r\n", n, n%120)
			}
		}
		_, _ = fmt.Fprint(w, "\r\n")
	}
	in, _ := start(t, f, Options{})
	for _, aspect := range []backend.Aspect{backend.Summary, backend.Describe} {
		doc, err := in.Fetch(context.Background(), signal.Metric{Link: in.alias(), Bucket: bucket, Name: "calls"}.Ref(), aspect)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		_ = doc.WriteText(&text)
		for _, want := range []string{"70 more fields are not shown", "10 more tags are not shown"} {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%q is not in the %s\n%s", want, aspect, text.String())
			}
		}
	}
}
