// Package webapi is what all systems have in common that are spoken to in plain
// HTTP, whoever made them: a request that is bounded in time and size and whose
// failure is a sentence (Client), and a part that is kept in step by asking again
// and again (Source). It rides on a link, and every adapter for such a system
// rides on it.
//
// It knows no system: paths, rows, and what a verb sends are the adapter's. Where
// a system has a client library, that is given Link().Client(), and its errors
// come here to be told (Refused).
package webapi

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/link"
)

// The limits of one answer. Somebody waits for it, and it is held in memory.
const (
	answerLimit = 10 * time.Second
	answerSize  = 32 << 20 // bytes
)

// Client speaks to one system. Adapters of the same system share one. Safe for
// concurrent use.
type Client struct {
	link   *link.Link
	name   string // how sentences call what answers
	behind bool   // it is not the link's own server
	http   *http.Client

	mu      sync.Mutex
	stirred chan struct{} // closed and replaced by Stir
}

// New makes the client of a link. Nothing is sent before it is needed.
func New(l *link.Link) *Client {
	return &Client{link: l, name: l.Alias(), http: l.Client(), stirred: make(chan struct{})}
}

// Behind makes the client of something that is reached through a link and called
// name: what fails there says nothing about the link.
func Behind(l *link.Link, name string, way http.RoundTripper) *Client {
	refuse := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{link: l, name: name, behind: true, http: &http.Client{Transport: way, CheckRedirect: refuse}, stirred: make(chan struct{})}
}

// Through has all requests go another way, which is made of the one that they go. To
// be called before the first of them.
func (c *Client) Through(way func(http.RoundTripper) http.RoundTripper) {
	c.http.Transport = way(c.http.Transport)
}

// Link is the link that it rides on.
func (c *Client) Link() *link.Link { return c.link }

// A Request is one request. What is not set is left out.
type Request struct {
	Op     string      // what is being done, for errors: "read builds"
	Ref    backend.Ref // what it is done to; may be zero
	What   string      // how sentences call that: "build 12 of shop/checkout"; empty: the system itself
	Method string      // empty: GET
	Path   string      // below the server's address, escaped, with its query
	Header http.Header
	Body   []byte // its Content-Type is JSON where Header has none
}

// An Answer is what came back, read whole.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// JSON asks for a path and takes the answer into what into points to.
func (c *Client) JSON(ctx context.Context, r Request, into any) error {
	a, err := c.Do(ctx, r)
	if err != nil {
		return err
	}
	return c.Decode(r, a, into)
}

// Decode takes a JSON answer into what into points to.
func (c *Client) Decode(r Request, a *Answer, into any) error {
	if err := json.Unmarshal(a.Body, into); err != nil {
		return c.Refused(r.Op, r.What, r.Ref, &answerError{a.Body, err})
	}
	return nil
}

// Do sends a request and reads the answer, within the limits. The error is a
// *backend.Error: for a status from 400 on, for no answer, for one that is too
// long. Where something else than a GET was sent and the answer was lost, its
// code is Unknown.
func (c *Client) Do(ctx context.Context, r Request) (*Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	res, err := c.send(ctx, r)
	if err != nil {
		return nil, c.lost(r, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, answerSize+1))
	switch {
	case res.StatusCode >= http.StatusBadRequest: // said, even if why can't be read
		return nil, c.Refused(r.Op, r.What, r.Ref, &StatusError{Status: res.StatusCode, Said: said(body)})
	case err != nil:
		return nil, c.lost(r, err)
	case len(body) > answerSize:
		return nil, c.lost(r, fmt.Errorf("its answer is longer than %d MB", answerSize>>20))
	}
	return &Answer{Status: res.StatusCode, Header: res.Header, Body: body}, nil
}

// silence is how long an answer that is read may bring nothing.
const silence = 30 * time.Second

// Open is Do for an answer that has no end, or a long one: it is read by the
// caller, who closes it, for as long as ctx lasts. Only the wait for its beginning,
// and for each next byte that the caller wants, is limited: reading then ends with
// context.DeadlineExceeded.
func (c *Client) Open(ctx context.Context, r Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(answerLimit, func() { cancel(context.DeadlineExceeded) })
	res, err := c.send(ctx, r)
	late.Stop()
	if err != nil {
		if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
			err = context.DeadlineExceeded
		}
		cancel(nil)
		return nil, c.lost(r, err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // the status says enough without
		_ = res.Body.Close()
		cancel(nil)
		return nil, c.Refused(r.Op, r.What, r.Ref, &StatusError{Status: res.StatusCode, Said: said(body)})
	}
	quiet := time.AfterFunc(silence, func() { cancel(context.DeadlineExceeded) })
	quiet.Stop()
	res.Body = &ending{ReadCloser: res.Body, ctx: ctx, quiet: quiet, end: func() { cancel(nil) }}
	return res, nil
}

// ending is the body of an answer, whose request ends when it is closed, or when
// nothing comes.
type ending struct {
	io.ReadCloser
	ctx   context.Context
	quiet *time.Timer // runs while a byte is waited for
	end   func()
}

// Read implements io.Reader.
func (e *ending) Read(p []byte) (int, error) {
	e.quiet.Reset(silence)
	n, err := e.ReadCloser.Read(p)
	e.quiet.Stop()
	if err != nil && errors.Is(context.Cause(e.ctx), context.DeadlineExceeded) {
		err = context.DeadlineExceeded
	}
	return n, err
}

// Close implements io.Closer.
func (e *ending) Close() error {
	defer e.end()
	return e.ReadCloser.Close()
}

func (c *Client) send(ctx context.Context, r Request) (*http.Response, error) {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.link.Base()+r.Path, body)
	if err != nil {
		return nil, err
	}
	if r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Accept", "application/json, */*;q=0.5")
	for name, values := range r.Header {
		req.Header[name] = values
	}
	return c.http.Do(req)
}

// lost is Refused for a request without a whole answer. What may have reached the
// server, and changes something there, may have been done, whatever became of the
// answer.
func (c *Client) lost(r Request, err error) error {
	var known *backend.Error
	own := errors.As(err, &known) // the link's own word: it did not let it through
	told := c.Refused(r.Op, r.What, r.Ref, err)
	if r.Method == "" || r.Method == http.MethodGet || r.Method == http.MethodHead || own || neverSent(err) {
		return told
	}
	return &backend.Error{Code: backend.Unknown, Op: r.Op, Ref: r.Ref, Err: err, Human: "It was sent, but the answer was lost: it may have been done. " + told.Error()}
}

// neverSent says that there was no connection over which anything could go.
func neverSent(err error) bool {
	var dial *net.OpError
	var certificate *tls.CertificateVerificationError
	var plain tls.RecordHeaderError
	return errors.As(err, &dial) && dial.Op == "dial" || errors.As(err, &certificate) || errors.As(err, &plain)
}

// Stir has every Source of this client ask again now: something was just changed.
func (c *Client) Stir() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.stirred)
	c.stirred = make(chan struct{})
}

func (c *Client) stir() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stirred
}

// said is what of an answer's body helps: the words of a JSON error, or its first
// line, unless it is a page.
func said(body []byte) string {
	var object map[string]any
	if json.Unmarshal(body, &object) == nil {
		for _, field := range []string{"message", "error_description", "error", "reason"} {
			switch v := object[field].(type) {
			case string:
				return v
			case map[string]any:
				if reason, ok := v["reason"].(string); ok {
					return reason
				}
			case []any, bool, float64:
				return fmt.Sprint(v)
			}
		}
		return ""
	}
	line, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n")
	if strings.HasPrefix(line, "<") {
		return ""
	}
	return line
}
