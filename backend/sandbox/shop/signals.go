package shop

import (
	"fmt"
	"time"

	"wheelhouse/backend/sandbox/elastic"
	"wheelhouse/backend/sandbox/influx"
)

// Where numbers are kept.
const (
	org     = "shop"
	metrics = "metrics"
)

// searchers are who may read which logs: developers those of their programs, and not
// those of the clusters themselves.
func searchers() elastic.Options {
	var ours []string
	for name := range home() {
		ours = append(ours, "logs-"+name+"-*")
	}
	return elastic.Options{Users: map[string]elastic.User{
		Admin: {Password: token(Admin), Key: Admin + ":" + token(Admin), Rules: true}, Developer: {Password: token(Developer), Reads: ours}, Reader: {Password: token(Reader), Reads: []string{"*"}},
	}}
}

// measurers are who may read what is measured: everybody.
func measurers() influx.Options {
	tokens := map[string]influx.User{}
	for _, who := range []string{Admin, Developer, Reader} {
		tokens[token(who)] = influx.User{Name: who}
	}
	return influx.Options{Org: org, Buckets: []influx.Bucket{{Name: metrics, Keeps: 6 * time.Hour}}, Tokens: tokens}
}

// charts are what the company looks at first.
func charts() []map[string]any {
	chart := func(name, unit, filter, rest string) map[string]any {
		return map[string]any{"name": name, "unit": unit, "query": fmt.Sprintf(`from(bucket: "%s")
  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)
  |> filter(fn: (r) => %s)
  |> aggregateWindow(every: v.windowPeriod, fn: mean)
%s`, metrics, filter, rest)}
	}
	calls := func(service, field string) string {
		return fmt.Sprintf(`r._measurement == "http_requests" and r._field == "%s" and r.service == "%s"`, field, service)
	}
	const machines = `  |> keep(columns: ["_time", "_value", "host"])`
	return []map[string]any{
		chart("checkout p95", "ms", calls("checkout", "p95"), ""),
		chart("checkout errors", "%", calls("checkout", "errors"), ""),
		chart("payments p95", "ms", calls("payments", "p95"), ""),
		chart("payments errors", "%", calls("payments", "errors"), ""),
		chart("orders", "/s", calls("checkout", "rate"), `  |> group(columns: ["_time"])
  |> sum()
  |> group()
  |> sort(columns: ["_time"])`),
		chart("machines cpu", "%", `r._measurement == "machine" and r._field == "cpu"`, machines),
		chart("machines disk", "%", `r._measurement == "machine" and r._field == "disk"`, machines),
	}
}
