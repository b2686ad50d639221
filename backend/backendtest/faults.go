package backendtest

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"
)

// A Fault is what goes wrong with an answer.
type Fault uint8

// The faults. What the server was asked to do it has done in all of them but
// Refused and Page.
const (
	Lost    Fault = iota + 1 // the connection ends without an answer
	Half                     // it ends in the middle of the answer's body
	Page                     // a portal's page comes instead, with 200
	Padded                   // the answer comes with 5 MB of blanks before it
	Late                     // it comes 30 s late, or when nobody waits any more
	Refused                  // 503
)

// Faults stands before a server and spoils its answers. Safe for concurrent use.
type Faults struct {
	Server http.Handler

	mu    sync.Mutex
	spoil func(*http.Request) Fault
	turn  sync.Mutex // held while it is asked
}

// Spoil has f say what goes wrong with each request from now on; 0 is nothing,
// and a nil f mends it all. It is asked about one request at a time.
func (s *Faults) Spoil(f func(*http.Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoil = f
}

func (s *Faults) ask(spoil func(*http.Request) Fault, r *http.Request) Fault {
	s.turn.Lock()
	defer s.turn.Unlock()
	return spoil(r)
}

// Always is a Spoil that spoils everything in one way.
func Always(f Fault) func(*http.Request) Fault { return func(*http.Request) Fault { return f } }

// ServeHTTP implements http.Handler.
func (s *Faults) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	spoil := s.spoil
	s.mu.Unlock()
	var fault Fault
	if spoil != nil {
		fault = s.ask(spoil, r)
	}
	switch fault {
	case 0:
		s.Server.ServeHTTP(w, r)
		return
	case Page:
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!DOCTYPE html><html><body>Welcome to the hotel's network</body></html>")
		return
	case Refused:
		http.Error(w, "down for maintenance", http.StatusServiceUnavailable)
		return
	}
	answer := httptest.NewRecorder()
	s.Server.ServeHTTP(answer, r)
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	body := answer.Body.Bytes()
	switch fault {
	case Lost:
		panic(http.ErrAbortHandler)
	case Half:
		w.WriteHeader(answer.Code)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case Padded:
		body = append(bytes.Repeat([]byte(" "), 5<<20), body...)
		w.Header().Del("Content-Length")
	case Late:
		select {
		case <-time.After(30 * time.Second):
		case <-r.Context().Done():
			return
		}
	}
	w.WriteHeader(answer.Code)
	_, _ = w.Write(body)
}
