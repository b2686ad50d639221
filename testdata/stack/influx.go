package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Who may do what on InfluxDB: all, and read the database shop.
const (
	InfluxUser     = "ops"
	InfluxReader   = "reader"
	InfluxPassword = "not-a-secret" // of both
)

// influxConfig lets Flux in and nobody without a login. It listens on loopback, and
// tells nobody elsewhere that it runs.
const influxConfig = `reporting-disabled = true
bind-address = "127.0.0.1:%[2]d"
[meta]
dir = "%[1]s/meta"
[data]
dir = "%[1]s/data"
wal-dir = "%[1]s/wal"
[http]
bind-address = "127.0.0.1:%[3]d"
flux-enabled = true
auth-enabled = true
log-enabled = false
[monitor]
store-enabled = false
`

// newInflux is the part that has an InfluxDB 1.8 with an empty database shop.
func newInflux(dir string) *fleet {
	f := &fleet{name: "influx", dir: dir, programs: []string{"influxd"}, more: []string{"backup"}}
	f.build = func(ctx context.Context, src string) (string, error) {
		src = filepath.Join(src, f.name)
		return built(f.name, src, func(dir string) error {
			const module = "github.com/influxdata/influxdb"
			version, err := modulePart(ctx, src, "{{.Version}}", module)
			if err != nil {
				return err
			}
			return goBuild(ctx, src, filepath.Join(dir, "influxd"), module+"/cmd/influxd", "-X main.version="+strings.TrimPrefix(version, "v"))
		})
	}
	f.prepare = func(context.Context) error {
		return os.WriteFile(f.path("influx.conf"), fmt.Appendf(nil, influxConfig, dir, f.ports["backup"], f.ports["influxd"]), 0o600)
	}
	f.program = func(name string) program {
		return program{name: name, dir: f.dir, exe: f.path("built", "influxd"), args: []string{"-config", f.path("influx.conf")}}
	}
	f.ready = func(ctx context.Context, _ string) error {
		return influxUsers(ctx, fmt.Sprintf("http://127.0.0.1:%d", f.ports["influxd"]))
	}
	return f
}

// influxUsers makes the users and the database. The first user is made by nobody in
// particular, and refused later on.
func influxUsers(ctx context.Context, at string) error {
	if err := influxQuery(ctx, at, "SHOW DATABASES"); err != nil {
		create := fmt.Sprintf("CREATE USER %s WITH PASSWORD '%s' WITH ALL PRIVILEGES", InfluxUser, InfluxPassword)
		if err := influxQuery(ctx, at, create); err != nil {
			return err
		}
	}
	for _, q := range []string{
		"CREATE DATABASE shop",
		fmt.Sprintf("CREATE USER %s WITH PASSWORD '%s'", InfluxReader, InfluxPassword),
		"GRANT READ ON shop TO " + InfluxReader,
	} {
		if err := influxQuery(ctx, at, q); err != nil {
			return err
		}
	}
	return nil
}

func influxQuery(ctx context.Context, at, query string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, at+"/query", strings.NewReader(url.Values{"q": {query}}.Encode()))
	if err != nil {
		return err
	}
	req.SetBasicAuth(InfluxUser, InfluxPassword)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && (res.StatusCode != http.StatusOK || strings.Contains(string(body), `"error"`)) {
		err = errors.New(res.Status + ": " + string(body))
	}
	return err
}
