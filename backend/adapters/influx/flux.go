package influx

import (
	"fmt"
	"regexp"
	"strings"
	"time"
)

// nowhere is the bucket of a chart whose query names none.
const nowhere = "-"

// lookback is how far back a measurement is looked for, as the server's own schema
// functions do where nothing is said.
const lookback = "-30d"

// quoted is s as a string of Flux. What could end it, or begin an expression in it
// (${…}), is escaped, and so is what would not be seen.
func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\' || c == '$' || c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func instant(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func duration(d time.Duration) string { return fmt.Sprintf("%dms", d.Milliseconds()) }

// measurements lists what a bucket keeps, one more than are shown.
func measurements(bucket string) string {
	return fmt.Sprintf(`import "influxdata/influxdb/v1"
v1.measurements(bucket: %s) |> limit(n: %d)`, quoted(bucket), maxMeasurements+1)
}

// tagValues lists what a tag, or "_field", has been in a measurement.
func tagValues(bucket, measurement, tag string, most int) string {
	return fmt.Sprintf(`v1.tagValues(bucket: %s, tag: %s, predicate: (r) => r._measurement == %s, start: %s) |> limit(n: %d)`,
		quoted(bucket), quoted(tag), quoted(measurement), lookback, most)
}

func tagKeys(bucket, measurement string) string {
	return fmt.Sprintf(`v1.tagKeys(bucket: %s, predicate: (r) => r._measurement == %s, start: %s) |> limit(n: %d)`,
		quoted(bucket), quoted(measurement), lookback, mostKeys)
}

// scripts is several queries in one request, each answered under its number.
func scripts(all []string) string {
	var b strings.Builder
	b.WriteString("import \"influxdata/influxdb/v1\"\n")
	for n, q := range all {
		fmt.Fprintf(&b, "%s |> yield(name: \"%d\")\n", q, n)
	}
	return b.String()
}

// newest gives the last point of each series of a measurement.
func newest(bucket, measurement, from, to string) string {
	return fmt.Sprintf(`from(bucket: %s)
  |> range(start: %s, stop: %s)
  |> filter(fn: (r) => r._measurement == %s)
  |> last()
  |> keep(columns: ["_field", "_value", "_time"])`, quoted(bucket), from, to, quoted(measurement))
}

// means gives the mean of each number of a measurement in each window.
func means(bucket, measurement string, fields []string, from, to time.Time, window time.Duration) string {
	var wanted []string
	for _, f := range fields {
		wanted = append(wanted, "r._field == "+quoted(f))
	}
	return fmt.Sprintf(`from(bucket: %s)
  |> range(start: %s, stop: %s)
  |> filter(fn: (r) => r._measurement == %s)
  |> filter(fn: (r) => %s)
  |> aggregateWindow(every: %s, fn: mean, createEmpty: true)`,
		quoted(bucket), instant(from), instant(to), quoted(measurement), strings.Join(wanted, " or "), duration(window))
}

// expand puts the time into a chart's query, as dashboards do.
func expand(query string, from, to time.Time, window time.Duration) string {
	return regexp.MustCompile(`\bv\.(timeRangeStart|timeRangeStop|windowPeriod)\b`).ReplaceAllStringFunc(query, func(name string) string {
		switch name {
		case "v.timeRangeStart":
			return instant(from)
		case "v.timeRangeStop":
			return instant(to)
		}
		return duration(window)
	})
}

// bucketOf is the first bucket that a query reads by its name.
func bucketOf(query string) string {
	m := regexp.MustCompile(`\bfrom\s*\(\s*bucket\s*:\s*"([^"\\]+)"`).FindStringSubmatch(query)
	if m == nil {
		return nowhere
	}
	return m[1]
}

// windowOf is the smallest round window of which no more than points fit into a
// range.
func windowOf(from, to time.Time, points int) time.Duration {
	const minute, hour, day = time.Minute, time.Hour, 24 * time.Hour
	least := to.Sub(from) / time.Duration(max(1, points))
	for _, d := range []time.Duration{
		1 * time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 20 * time.Second, 30 * time.Second,
		minute, 2 * minute, 5 * minute, 10 * minute, 15 * minute, 20 * minute, 30 * minute,
		hour, 2 * hour, 3 * hour, 6 * hour, 12 * hour, day,
	} {
		if d >= least {
			return d
		}
	}
	return (least + day - 1).Truncate(day)
}
