package actuator_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/actuator"
)

// shop is a world in which front calls pay, which fails every call from the second
// minute on.
func shop(t *testing.T) (w *sandbox.World, id sandbox.ProcessID) {
	t.Helper()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	w = sandbox.New(func() time.Time { return now }, 0)
	good := map[string]sandbox.Version{"1.0.0": {}}
	for _, p := range []sandbox.Program{
		{Name: "pay", Takes: time.Millisecond, Threads: 10, Versions: good},
		{Name: "front", Enters: 100, Takes: time.Millisecond, Threads: 100, Versions: good, Calls: []sandbox.Call{{To: "pay", Each: 1, Failing: 50, Slow: 80}}},
	} {
		if err := w.Install(p); err != nil {
			t.Fatal(err)
		}
	}
	w.Boot(sandbox.Machine{MachineID: sandbox.MachineID{Cluster: "one", Name: "m"}, Room: sandbox.Usage{CPU: 8, Memory: 8192}, Disk: 1000})
	for _, name := range []string{"pay", "front"} {
		id = sandbox.ProcessID{Cluster: "one", Namespace: "shop", Pod: name, Container: "app"}
		w.Run(sandbox.Command{ProcessID: id, Image: name + ":1.0.0", Machine: "m"})
	}
	pass := func(d time.Duration) {
		now = now.Add(d)
		w.Move()
	}
	pass(time.Minute)
	w.Inflict("pay", sandbox.Fault{Program: "pay", Failing: 1})
	pass(20 * time.Second)
	return w, id
}

// TestActuator: what a process says is what is so in the world, in Spring's words.
func TestActuator(t *testing.T) {
	w, id := shop(t)
	s := httptest.NewServer(actuator.New(w, id))
	defer s.Close()
	for _, c := range []struct {
		method, path, body string
		status             int
		says               []string
	}{
		{"GET", "/actuator", "", 200, []string{`"circuitbreakers":{"href":"http://`}},
		{"GET", "/actuator/info", "", 200, []string{`"name":"front"`, `"version":"1.0.0"`}},
		{"GET", "/actuator/health", "", 200, []string{`"status":"UP"`, "CIRCUIT_OPEN"}}, // an open breaker is no illness
		{"GET", "/actuator/health/readiness", "", 200, []string{`"status":"UP"`}},
		{"GET", "/actuator/health/none", "", 404, []string{`"error":"Not Found"`}},
		{"GET", "/actuator/circuitbreakers", "", 200, []string{`"pay":{`, `"state":"OPEN"`, `"failureRateThreshold":"50.0%"`}},
		{"GET", "/actuator/circuitbreakers/pay", "", 405, nil},
		{"GET", "/actuator/circuitbreakerevents/pay/STATE_TRANSITION", "", 200, []string{`"stateTransition":"CLOSED_TO_OPEN"`, `[Etc/UTC]"`}},
		{"GET", "/actuator/circuitbreakerevents/pay/SUCCESS", "", 200, []string{`{"circuitBreakerEvents":[]}`}},
		{"POST", "/actuator/circuitbreakers/pay", `{"updateState":"force_open"}`, 200, []string{`"currentState":"FORCED_OPEN"`}},
		{"POST", "/actuator/circuitbreakers/pay", `{"updateState":"FORCED_OPEN"}`, 400, []string{`"error":"Bad Request"`}},
		{"POST", "/actuator/circuitbreakers/pay", `{`, 400, nil},
		{"POST", "/actuator/circuitbreakers/none", `{"updateState":"CLOSE"}`, 200, []string{`"circuitBreakerName":"none"`}},
		{"GET", "/actuator/metrics/jvm.memory.used", "", 200, []string{`"statistic":"VALUE"`}},
		{"GET", "/actuator/metrics/none", "", 404, nil},
		{"GET", "/", "", 404, nil},
	} {
		req, err := http.NewRequestWithContext(t.Context(), c.method, s.URL+c.path, strings.NewReader(c.body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := s.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != c.status || !json.Valid(b) {
			t.Errorf("%s %s is %d, %s", c.method, c.path, res.StatusCode, b)
		}
		for _, word := range c.says {
			if !strings.Contains(string(b), word) {
				t.Errorf("%s %s says %s, not %s", c.method, c.path, b, word)
			}
		}
	}
	if b := w.Breakers(id); len(b) != 1 || b[0].State != sandbox.ForcedOpen {
		t.Errorf("in the world it is %+v", b)
	}
	w.Kill(id)
	res, err := s.Client().Get(s.URL + "/actuator/health")
	if err != nil || res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("while it ends its health is %+v, %v", res, err)
	}
	if err == nil {
		_ = res.Body.Close()
	}
}
