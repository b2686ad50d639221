//go:build real

package real_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"wheelhouse/backend/backendtest"
)

// influx gives the address of the stack's InfluxDB.
func influx(t *testing.T) string {
	t.Helper()
	return "http://" + backendtest.StackAddr(t, "influx", "influxd")
}

// influxConfig writes a configuration with the InfluxDB as a system, and a chart.
func influxConfig(t *testing.T, user, password string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	text := fmt.Sprintf(`systems:
- {kind: influx, url: '%s', user: %s, secret: 'plain:%s'}
charts:
- name: worst call
  unit: ms
  query: |
    from(bucket: "shop/autogen")
      |> range(start: v.timeRangeStart, stop: v.timeRangeStop)
      |> filter(fn: (r) => r._measurement == "calls" and r._field == "ms")
      |> aggregateWindow(every: v.windowPeriod, fn: max)
- name: misspelt
  query: 'from(bucket: "shop/autogen") |> rnge(start: v.timeRangeStart)'
`, influx(t), user, password)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// measure writes lines of InfluxDB's line protocol.
func measure(t *testing.T, lines ...string) {
	t.Helper()
	eventually(t, "the points are written", func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, influx(t)+"/write?db=shop", strings.NewReader(strings.Join(lines, "\n")))
		if err != nil {
			return err
		}
		req.SetBasicAuth("ops", "not-a-secret")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err == nil && res.StatusCode != http.StatusNoContent {
			err = errors.New(res.Status + ": " + string(body))
		}
		return err
	})
}

// measureCalls writes the calls of two services of the last ten minutes.
func measureCalls(t *testing.T) {
	t.Helper()
	now := time.Now()
	var lines []string
	for i := range 61 {
		at := now.Add(-time.Duration(i) * 10 * time.Second).UnixNano()
		lines = append(lines, fmt.Sprintf("calls,service=cart,zone=a ms=%d,state=\"ok\" %d", 40+i%7, at), fmt.Sprintf("calls,service=pay,zone=a ms=%d %d", 80+i%7, at))
	}
	measure(t, append(lines, fmt.Sprintf(`od\d\ "$\{d\}\,one,ta\ g=x\,y va\ l=5 %d`, now.UnixNano()))...)
}

// TestRealInflux: what is written is seen: the measurements, the chart of one, by
// its tags, and a point that comes while the chart is looked at.
func TestRealInflux(t *testing.T) {
	measureCalls(t)
	config := influxConfig(t, "reader", "not-a-secret")
	c := open(t, "--config", config, "--view", "metrics @influx", "--read-only")
	c.see("worst call", "shop/autogen", "chart", "ms")
	c.see("calls", "shop/autogen", "measurement", "ms state")
	c.enter("/", "worst")
	c.keys("enter")
	c.see("worst call", "2 series", "live")
	c.see("service=pay", "86ms")
	measure(t, fmt.Sprintf("calls,service=pay,zone=a ms=4321 %d", time.Now().UnixNano()))
	c.see("service=pay", "4.32kms")
	c.alive()

	out, code := command(t, "frame", "metrics", "influx:metric/shop%2Fautogen/calls", "--config", config, "--keys", "enter left", "--size", "100x30")
	if code != 0 || !strings.Contains(out, "HERE") || !strings.Contains(out, "service=cart") {
		t.Errorf("the frame ended with %d:\n%s", code, out)
	}
	out, code = command(t, "frame", "metrics", "influx:metric/shop%2Fautogen/od%5Cd%20%22$%5C%7Bd%5C%7D,one", "--config", config, "--keys", "enter", "--size", "100x30")
	if code != 0 || !strings.Contains(out, "va l") {
		t.Errorf("the frame of a measurement with an odd name ended with %d:\n%s", code, out)
	}
	out, code = command(t, "frame", "metrics", "influx:metric/shop%2Fautogen/misspelt", "--config", config, "--keys", "enter", "--size", "100x30")
	if code != 1 || !strings.Contains(out, `undefined identifier "rnge"`) {
		t.Errorf("the frame of a chart that is wrong ended with %d:\n%s", code, out)
	}
}

// TestRealInfluxWrongPassword: it is told, and nothing is shown.
func TestRealInfluxWrongPassword(t *testing.T) {
	measureCalls(t)
	config := influxConfig(t, "reader", "wrong")
	out, code := command(t, "doctor", "influx", "--config", config)
	if code == 0 || !strings.Contains(out, "does not accept") && !strings.Contains(out, "not good") {
		t.Errorf("doctor ended with %d: %s", code, out)
	}
	out, code = command(t, "frame", "metrics @influx", "--config", config)
	if code == 0 || strings.Contains(out, "calls") {
		t.Errorf("the list ended with %d:\n%s", code, out)
	}
}

// TestRealInfluxGone: a chart stays as it was while its server is away, says so, and
// goes on when it is back.
func TestRealInfluxGone(t *testing.T) {
	measureCalls(t)
	c := open(t, "--config", influxConfig(t, "ops", "not-a-secret"), "--view", "metrics @influx /worst")
	c.see("worst call", "chart")
	c.keys("enter", "1")
	c.see("service=pay", "ms")
	c.see("5m", "2 series", "live")
	stack(t, "stop", "influx", "influxd")
	defer stack(t, "start", "influx", "influxd")
	c.see("This is how it was at")
	c.see("service=pay", "ms")
	c.until("that influx is away", func() bool { return c.away("influx") })
	stack(t, "start", "influx", "influxd")
	c.see("2 series", "live")
	c.until("that influx is back", func() bool { return !c.away("influx") && !strings.Contains(c.text(), "This is how it was at") })
	c.alive()
}
