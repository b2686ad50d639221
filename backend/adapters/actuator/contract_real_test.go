//go:build real

package actuator

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/service"
)

// Who may use the actuator of search.
const user, password = "ops", "not-a-secret"

func TestRealBreakersKeepTheContract(t *testing.T) {
	backendtest.Source(t, newRealShop, without()...)
}

// realShop is one whose process is the stack's search.
type realShop struct {
	shop
	t  *testing.T
	at string

	mu  sync.Mutex
	put map[string]bool
}

func newRealShop(t *testing.T) backendtest.World[service.Breaker] {
	at := backendtest.StackAddr(t, "services", "search-0")
	id := "contract-" + strings.ToLower(rand.Text()[:8]) + "-"
	s := &realShop{shop: newShop(t, id, at, user, "plain:"+password), t: t, at: "http://" + at, put: map[string]bool{}}
	t.Cleanup(func() {
		s.send(http.MethodPost, "/close?on=false", "")
		for name := range s.put {
			s.Remove("", name)
		}
	})
	return s
}

func (s *realShop) Put(_, name, word string) {
	s.mu.Lock()
	s.put[name] = true
	s.mu.Unlock()
	verb := "CLOSE"
	if word == backendtest.Second {
		verb = "FORCE_OPEN"
	}
	s.send(http.MethodPut, "/breaker/"+s.id+name, "")
	s.send(http.MethodPost, "/actuator/circuitbreakers/"+s.id+name, body(verb))
}

func (s *realShop) Remove(_, name string) { s.send(http.MethodDelete, "/breaker/"+s.id+name, "") }

func (s *realShop) Be(m backendtest.Mood) {
	s.send(http.MethodPost, fmt.Sprintf("/close?on=%t", m == backendtest.Closed), "")
	s.be(m)
}

// send sends one request past the line, in cleanups too.
func (s *realShop) send(method, path, body string) {
	req, err := http.NewRequestWithContext(context.Background(), method, s.at+path, strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.SetBasicAuth(user, password)
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		s.t.Errorf("%s %s: %v", method, path, err)
		return
	}
	defer res.Body.Close()
	if answer, err := io.ReadAll(res.Body); err != nil || res.StatusCode >= http.StatusMultipleChoices {
		s.t.Errorf("%s %s: %s %v %s", method, path, res.Status, err, answer)
	}
}
