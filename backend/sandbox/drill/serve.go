package drill

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Handler serves a drill that is played: GET /drill is its State, and POST begins it,
// takes a hint or tells what is looked at.
func (j *Judge) Handler() http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter) {
		b, err := json.Marshal(j.State())
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(b) // whoever has asked may be gone
	}
	mux.HandleFunc("GET /drill", func(w http.ResponseWriter, _ *http.Request) { answer(w) })
	mux.HandleFunc("POST /drill/begin", func(w http.ResponseWriter, _ *http.Request) {
		j.Begin()
		answer(w)
	})
	mux.HandleFunc("POST /drill/hint", func(w http.ResponseWriter, _ *http.Request) {
		j.Hint()
		answer(w)
	})
	mux.HandleFunc("POST /drill/noticed", func(w http.ResponseWriter, r *http.Request) {
		var seen struct{ Refs []string }
		if err := json.NewDecoder(io.LimitReader(r.Body, most)).Decode(&seen); err != nil {
			http.Error(w, "say which objects are looked at, as in {\"refs\": [\"cloud:pod/shop/checkout-1\"]}", http.StatusBadRequest)
			return
		}
		for _, ref := range seen.Refs {
			j.Look(ref)
		}
		answer(w)
	})
	return mux
}

// most is how large a message is at most.
const most = 1 << 20

// A Client asks a drill that is served.
type Client struct {
	base string
	http *http.Client
}

// NewClient makes one for an address such as http://127.0.0.1:4242.
func NewClient(base string) *Client {
	return &Client{base, &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}}}
}

// State is how the drill stands.
func (c *Client) State(ctx context.Context) (State, error) {
	return c.ask(ctx, http.MethodGet, "/drill", nil)
}

// Begin lets it begin.
func (c *Client) Begin(ctx context.Context) (State, error) {
	return c.ask(ctx, http.MethodPost, "/drill/begin", nil)
}

// Hint takes the next hint.
func (c *Client) Hint(ctx context.Context) (State, error) {
	return c.ask(ctx, http.MethodPost, "/drill/hint", nil)
}

// Look tells which objects somebody looks at.
func (c *Client) Look(ctx context.Context, refs []string) (State, error) {
	return c.ask(ctx, http.MethodPost, "/drill/noticed", map[string][]string{"refs": refs})
}

func (c *Client) ask(ctx context.Context, method, path string, body any) (State, error) {
	var s State
	sent, err := json.Marshal(body)
	if err != nil {
		return s, fmt.Errorf("ask the drill: %w", err)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(sent))
	if err != nil {
		return s, fmt.Errorf("ask the drill: %w", err)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return s, fmt.Errorf("ask the drill: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return s, fmt.Errorf("ask the drill: %s", answer.Status)
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, most)).Decode(&s); err != nil {
		return s, fmt.Errorf("ask the drill: %w", err)
	}
	return s, nil
}

// Close lets go of the connection.
func (c *Client) Close() { c.http.CloseIdleConnections() }
