// Package influx is the adapter for InfluxDB: which measurements its buckets keep,
// the charts that the configuration asks for, and how their numbers went. It speaks
// Flux on the v2 API, which InfluxDB 1.8 (with flux-enabled) and 2 both have,
// through the official client over the link. It reads, and changes nothing.
//
// Facts of the wire are those of InfluxDB 1.8.10 and 2.7.12, seen there.
package influx

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/link"
	"wheelhouse/backend/signal"
	"wheelhouse/backend/webapi"
)

// Protocol is that of an InfluxDB server. Its health page lets everybody in, so it
// is the query that both versions have, and that wants a login, which is probed.
func Protocol() link.Protocol {
	return link.Protocol{
		Name: "influx", View: "metrics", Reads: reads, Probe: "/query?q=SHOW+DATABASES",
		Well: func(status int, body []byte) bool {
			return status == http.StatusOK && strings.Contains(string(body), `"results"`)
		},
		User: user, Version: version, Sign: sign,
	}
}

const queryPath = "/api/v2/query"

// user is who InfluxDB 2 takes us for; 1.8 does not tell.
func user(ask link.Ask) string {
	var me struct{ Name string }
	status, body, err := ask(http.MethodGet, "/api/v2/me", "")
	if err != nil || status != http.StatusOK || json.Unmarshal(body, &me) != nil {
		return ""
	}
	return me.Name
}

// version is what the health page says; one that was built without has "unknown".
func version(ask link.Ask) (string, bool) {
	var health struct{ Version string }
	_, body, err := ask(http.MethodGet, "/health", "")
	if err != nil {
		return "", false
	}
	if json.Unmarshal(body, &health) != nil || health.Version == "unknown" {
		return "", true
	}
	return strings.TrimPrefix(health.Version, "v"), true
}

// sign makes the token that both versions take: 1.8's is user and password.
func sign(user, secret string) (string, error) {
	switch {
	case user == "":
		return "Token " + secret, nil
	case strings.Contains(user, ":"):
		return "", errors.New("there is a colon in the user's name, which this server can't take")
	}
	return "Token " + user + ":" + secret, nil
}

// Options is what the configuration says of one server.
type Options struct {
	Org     string   // InfluxDB 2's organisation; empty for 1.8
	Buckets []string // whose measurements are listed; empty: of all that the server lists
	Charts  []Chart
}

// A Chart is a query with a name.
type Chart struct{ Name, Unit, Query string }

// Influx is one server. Safe for concurrent use.
type Influx struct {
	api    *webapi.Client
	opts   Options
	way    *http.Client
	every  time.Duration // between two looks at the measurements
	fields time.Duration // how long the fields of one are taken for known

	mu    sync.Mutex
	known map[backend.Ref]known
}

var (
	_ backend.Numbers = (*Influx)(nil)
	_ backend.Details = (*Influx)(nil)
)

// New makes the adapter for a link.
func New(l *link.Link, o Options) *Influx {
	way := l.Client()
	way.Transport = bounded{way.Transport, l.Alias()}
	return &Influx{
		api: webapi.New(l), opts: o, way: way, every: 20 * time.Second, fields: 10 * time.Minute,
		known: map[backend.Ref]known{},
	}
}

// Metrics is the source of what is measured: the configured charts, and the
// measurements of each bucket.
func (i *Influx) Metrics() backend.Source[signal.Metric] {
	return webapi.Source(i.api, webapi.Poll[signal.Metric]{Every: i.every, Read: i.rows})
}

func (i *Influx) alias() string { return i.api.Link().Alias() }

// charts are the rows of the configured charts. Each stands in the bucket that it
// reads first.
func (i *Influx) charts() []signal.Metric {
	var out []signal.Metric
	for _, c := range i.opts.Charts {
		out = append(out, signal.Metric{Link: i.alias(), Bucket: bucketOf(c.Query), Name: c.Name, Unit: c.Unit, Query: c.Query})
	}
	return out
}

// chart gives the configured chart that a ref means.
func (i *Influx) chart(r backend.Ref) (Chart, bool) {
	for _, c := range i.opts.Charts {
		if c.Name == r.Name && bucketOf(c.Query) == r.Scope {
			return c, true
		}
	}
	return Chart{}, false
}
