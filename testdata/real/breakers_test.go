//go:build real

package real_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"wheelhouse/backend/backendtest"
)

// service gives the address of an instance of the shop's services.
func service(t *testing.T, instance string) string {
	t.Helper()
	return "http://" + backendtest.StackAddr(t, "services", instance)
}

// ask sends one request to an instance, in cleanups too, and gives what it answers.
func ask(t *testing.T, method, instance, path, body string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, service(t, instance)+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// calls makes n calls to an instance, and counts what came of them and how many
// arrived at the bank.
func calls(t *testing.T, instance string, n int) (by map[int]int, arrived int) {
	t.Helper()
	count := func() int {
		_, text := ask(t, http.MethodGet, "bank-0", "/arrived", "")
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := count()
	by = map[int]int{}
	for range n {
		status, _ := ask(t, http.MethodGet, instance, "/call", "")
		by[status]++
	}
	return by, count() - before
}

// breakerState is what an instance says of its breaker.
func breakerState(t *testing.T, instance string) string {
	t.Helper()
	_, text := ask(t, http.MethodGet, instance, "/actuator/circuitbreakers", "")
	var all struct {
		CircuitBreakers map[string]struct{ State string }
	}
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return all.CircuitBreakers["bank"].State
}

func stateIs(t *testing.T, instance, want string) {
	t.Helper()
	eventually(t, instance+" is "+want, func(context.Context) error {
		if got := breakerState(t, instance); got != want {
			return fmt.Errorf("it is %s", got)
		}
		return nil
	})
}

// closeAll puts every breaker back, and the bank too.
func closeAll(t *testing.T) {
	t.Helper()
	ask(t, http.MethodPost, "bank-0", "/fail?on=false", "")
	for _, i := range []string{"payments-0", "payments-1"} {
		ask(t, http.MethodPost, i, "/actuator/circuitbreakers/bank", `{"updateState":"CLOSE"}`)
	}
}

// TestRealBreakers: breakers are seen through the cluster's link as they open by
// themselves; what is tripped really refuses calls, counted by the caller and by
// who is called; one instance is closed alone.
func TestRealBreakers(t *testing.T) {
	closeAll(t)
	t.Cleanup(func() { closeAll(t) })
	c := open(t, "--context", "a", "--namespace", "spring", "--view", "breakers /payments")
	c.see("payments", "bank", "closed")

	if by, arrived := calls(t, "payments-0", 10); by[200] != 10 || arrived != 10 {
		t.Fatalf("closed: %v, and %d arrived", by, arrived)
	}
	ask(t, http.MethodPost, "bank-0", "/fail?on=true", "")
	calls(t, "payments-0", 10)
	c.see("payments", "bank", "open on 1 of 2", "/50%")
	ask(t, http.MethodPost, "bank-0", "/fail?on=false", "")

	c.keys("t")
	c.confirm()
	for _, i := range []string{"payments-0", "payments-1"} {
		stateIs(t, i, "FORCED_OPEN")
		if by, arrived := calls(t, i, 20); by[503] != 20 || arrived != 0 {
			t.Errorf("%s is forced open: %v, and %d arrived", i, by, arrived)
		}
	}
	c.see("payments", "bank", "forced open")

	out, code := command(t, "act", "breaker.close", "a:breaker/spring/payments.bank/payments-1", "--yes")
	if code != 0 {
		t.Fatalf("closing one ended with %d: %s", code, out)
	}
	stateIs(t, "payments-1", "CLOSED")
	stateIs(t, "payments-0", "FORCED_OPEN")
	if by, arrived := calls(t, "payments-1", 5); by[200] != 5 || arrived != 5 {
		t.Errorf("closed again: %v, and %d arrived", by, arrived)
	}
	c.see("payments", "bank", "forced open on 1 of 2")
	c.keys("enter")
	c.see("payments-0", "forced open")
	c.see("payments-1", "closed")
	c.alive()
}

// TestRealBreakersThatMayNotBe: what can't be done is said, and nothing is sent.
func TestRealBreakersThatMayNotBe(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"unknown":             {[]string{"breaker.trip", "a:breaker/spring/payments.bnak", "--yes"}, 1, "it has bank"},
		"no such service":     {[]string{"breaker.trip", "a:breaker/spring/nobody.bank", "--yes"}, 1, "no instance of nobody"},
		"read-only actuator":  {[]string{"breaker.trip", "a:breaker/spring/ledger.bank", "--yes"}, 3, "management.endpoint.circuitbreakers.access"},
		"locked actuator":     {[]string{"breaker.trip", "a:breaker/spring/search.bank", "--yes"}, 1, "The login to pod search-0 is not good"},
		"read-only console":   {[]string{"breaker.trip", "a:breaker/spring/payments.bank", "--yes", "--read-only"}, 3, "read-only"},
		"without permissions": {[]string{"breaker.trip", "a-viewer:breaker/spring/payments.bank", "--yes", "--context", "a-viewer"}, 1, "forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			out, code := command(t, append([]string{"act"}, test.args...)...)
			if code != test.code || !strings.Contains(out, test.says) {
				t.Errorf("it ended with %d, not %d, and says %s", code, test.code, out)
			}
		})
	}
	for _, i := range []string{"payments-0", "payments-1"} {
		if s := breakerState(t, i); s != "CLOSED" {
			t.Errorf("%s is %s", i, s)
		}
	}
	c := open(t, "--context", "a", "--namespace", "spring", "--view", "breakers", "--read-only")
	c.see("payments", "bank", "closed")
	c.see("search", "?", "no answer")
}

// TestRealBreakersOfInstanceGone: an instance that is away is counted and told, and is back
// by itself.
func TestRealBreakersOfInstanceGone(t *testing.T) {
	c := open(t, "--context", "a", "--namespace", "spring", "--view", "breakers /payments")
	c.see("payments", "bank", "closed")
	stack(t, "stop", "services", "payments-1")
	defer stack(t, "start", "services", "payments-1")
	c.see("payments", "bank", "closed", "1 silent")
	out, code := command(t, "act", "breaker.trip", "a:breaker/spring/payments.bank", "--yes")
	if code != 0 || !strings.Contains(out, "payments-1") {
		t.Errorf("tripping what is left ended with %d: %s", code, out)
	}
	t.Cleanup(func() { closeAll(t) })
	stateIs(t, "payments-0", "FORCED_OPEN")
	stack(t, "start", "services", "payments-1")
	c.see("payments", "bank", "forced open on 1 of 2")
	c.alive()
}

// TestRealBreakersByURL: a service that the configuration names is a link of its
// own, with its own login; one that is down or refuses it has its row and keeps
// nobody else.
func TestRealBreakersByURL(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config.yaml")
	write := func(secret string) {
		text := fmt.Sprintf("systems:\n- {kind: actuator, alias: search, url: '%s/actuator', user: ops, secret: '%s'}\n- {kind: actuator, alias: payments, url: '%s/actuator'}\n",
			service(t, "search-0"), secret, service(t, "payments-1"))
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("plain:not-a-secret")
	out, code := command(t, "doctor", "search", "payments", "--config", config)
	if code != 0 || strings.Count(out, "reachable") != 2 || !strings.Contains(out, "does not leave this machine") { // plain HTTP would be a warning elsewhere
		t.Errorf("doctor ended with %d: %s", code, out)
	}
	c := open(t, "--config", config, "--context", "a", "--view", "breakers @search,payments")
	c.see("search", "bank", "closed")
	c.see("payments", "bank", "closed")
	stack(t, "stop", "services", "payments-1")
	defer stack(t, "start", "services", "payments-1")
	c.until("that payments is away", func() bool { return c.away("payments") })
	c.see("search", "bank", "closed")
	stack(t, "start", "services", "payments-1")
	c.until("that payments is back", func() bool { return !c.away("payments") })
	write("plain:wrong")
	out, code = command(t, "act", "breaker.trip", "search:breaker/-/search.bank", "--yes", "--config", config)
	if code == 0 || !strings.Contains(out, "not good") && !strings.Contains(out, "does not accept it") {
		t.Errorf("with a wrong password it ended with %d: %s", code, out)
	}
	c.alive()
}
