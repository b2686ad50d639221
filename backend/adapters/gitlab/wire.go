package gitlab

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	client "gitlab.com/gitlab-org/api/client-go"

	"wheelhouse/backend"
	"wheelhouse/backend/webapi"
)

const (
	patience   = 10 * time.Second // that one request may take
	answerSize = 32 << 20         // bytes that one answer may have
	perPage    = 100              // GitLab's most
	mostHold   = 5 * time.Minute  // that a server may ask us to stay away
	someHold   = 10 * time.Second // where it does not say for how long
)

// pace carries all requests: it keeps away from a server that has asked for that,
// and leaves to what people do what is left of a limit.
type pace struct {
	way http.RoundTripper

	mu     sync.Mutex
	closed time.Time // nothing is sent before
	spared time.Time // polls do not ask before
}

// Wait implements the library's RateLimiter, whose own has polls and people wait
// in one line.
func (p *pace) Wait(ctx context.Context) error { return ctx.Err() }

// RoundTrip implements http.RoundTripper. That it was too often is an error.
func (p *pace) RoundTrip(req *http.Request) (*http.Response, error) {
	if until := p.until(); time.Now().Before(until) {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, busy(until)
	}
	res, err := p.way.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	p.note(res)
	if res.StatusCode == http.StatusTooManyRequests {
		_ = res.Body.Close() // the headers say all
		return nil, busy(p.until())
	}
	return res, nil
}

// until is when the server may be asked again.
func (p *pace) until() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.closed
}

// reader reads the answers whole that the client library gets, within bounds.
type reader struct{ way http.RoundTripper }

// A pageError is an answer that is no JSON.
type pageError struct{ body []byte }

func (b *pageError) Error() string { return "its answer is not JSON" }

// RoundTrip implements http.RoundTripper.
func (r reader) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := r.way.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, answerSize+1))
	_ = res.Body.Close() // it is read, or broken
	switch {
	case err != nil:
		return nil, err
	case len(body) > answerSize:
		return nil, fmt.Errorf("its answer is longer than %d MB", answerSize>>20)
	case res.StatusCode < http.StatusMultipleChoices && !json.Valid(body):
		return nil, &pageError{body}
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, nil
}

// note reads what the server says of its limits: GitLab's RateLimit-Remaining and
// RateLimit-Reset (Unix seconds), and Retry-After with a 429.
func (p *pace) note(res *http.Response) {
	now := time.Now()
	bound := func(t time.Time) time.Time {
		if t.After(now.Add(mostHold)) {
			return now.Add(mostHold)
		}
		return t
	}
	reset := time.Time{}
	if n, err := strconv.ParseInt(res.Header.Get("Ratelimit-Reset"), 10, 64); err == nil {
		reset = bound(time.Unix(n, 0))
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	limit, err := strconv.Atoi(res.Header.Get("Ratelimit-Limit"))
	if left, wrong := strconv.Atoi(res.Header.Get("Ratelimit-Remaining")); err == nil && wrong == nil && left*10 < limit {
		p.spared = reset
	}
	if res.StatusCode != http.StatusTooManyRequests {
		return
	}
	p.closed = now.Add(someHold)
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil {
		p.closed = bound(now.Add(time.Duration(seconds) * time.Second))
	} else if reset.After(now) {
		p.closed = reset
	}
}

// spare is the error that polls get while what is left of the limit is for people.
func (p *pace) spare() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.spared; time.Now().Before(until) {
		return busy(until)
	}
	return nil
}

func busy(until time.Time) error {
	return &backend.Error{
		Code: backend.Failed, Op: "keep to the server's limit",
		Human: "It has been asked too often and wants to be left alone until " + until.Local().Format(time.TimeOnly) + ". Nothing was done: wait until then.",
	}
}

// An about is what a call is about, for its error, and how long it may take.
type about struct {
	op, what string
	ref      backend.Ref
	patience time.Duration // zero: as long as others
}

// call asks through the client library, within the time that one request may take.
func call[T any](ctx context.Context, g *GitLab, a about, f func(client.RequestOptionFunc) (T, *client.Response, error)) (T, *client.Response, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(a.patience, patience))
	defer cancel()
	v, res, err := f(client.WithContext(ctx))
	if err != nil {
		err = g.refused(a, err)
	}
	return v, res, err
}

// all reads the pages of a list until there are no more, or as many as are wanted.
// left is how many there are besides; -1 where the server does not count them. A
// list that does not get on is an error: whoever reads it may be waited for.
func all[T any](ctx context.Context, g *GitLab, a about, most int, f func(page client.ListOptions, o client.RequestOptionFunc) ([]T, *client.Response, error)) (out []T, left int, err error) {
	page := client.ListOptions{PerPage: int64(min(perPage, most)), Page: 1}
	pages := (most+int(page.PerPage)-1)/int(page.PerPage) + 2 // some may be short: what one may not see is taken out
	for asked := 1; ; asked++ {
		some, res, err := call(ctx, g, a, func(o client.RequestOptionFunc) ([]T, *client.Response, error) { return f(page, o) })
		if err != nil {
			return out, 0, err
		}
		out = append(out, some...)
		switch {
		case res.NextPage == 0 && len(out) <= most:
			return out, 0, nil
		case len(out) >= most:
			out = out[:most]
			if res.Header.Get("X-Total") == "" {
				return out, -1, nil
			}
			return out, max(0, int(res.TotalItems)-most), nil
		case len(some) == 0 || res.NextPage <= page.Page || asked == pages:
			return out, 0, &backend.Error{
				Code: backend.Failed, Op: a.op, Ref: a.ref,
				Human: backend.T(fmt.Sprintf("%s on %s does not end: after page %d it names page %d, and brings nothing new. Try again later, and look at what stands before the server.",
					webapi.Upper(a.what), g.api.Link().Alias(), page.Page, res.NextPage)).Safe(),
			}
		}
		page.Page = res.NextPage
	}
}

// refused turns an error of the client library into a *backend.Error.
func (g *GitLab) refused(a about, err error) error {
	var said *client.ErrorResponse
	var bad *pageError
	switch {
	case errors.As(err, &bad):
		var nothing any
		err = g.api.Decode(webapi.Request{Op: a.op, What: a.what, Ref: a.ref}, &webapi.Answer{Body: bad.body}, &nothing)
	case errors.Is(err, client.ErrNotFound):
		err = &webapi.StatusError{Status: http.StatusNotFound}
	case errors.As(err, &said):
		err = &webapi.StatusError{Status: said.Response.StatusCode, Said: words(said.Body)}
	}
	return g.api.Refused(a.op, a.what, a.ref, err)
}

// words are what a refusal says: {"message":"…"}, {"message":{"base":["…"]}},
// {"error":"…","error_description":"…"}.
func words(body []byte) string {
	var object map[string]any
	if json.Unmarshal(body, &object) != nil {
		return ""
	}
	for _, field := range []string{"message", "error_description", "error"} {
		if said := flat(object[field]); said != "" {
			return said
		}
	}
	return ""
}

func flat(v any) string {
	var out []string
	switch v := v.(type) {
	case string:
		return v
	case []any:
		for _, one := range v {
			out = append(out, flat(one))
		}
	case map[string]any:
		for field, one := range v {
			if field != "base" {
				out = append(out, field+" "+flat(one))
			} else {
				out = append(out, flat(one))
			}
		}
		slices.Sort(out)
	}
	return strings.Join(out, "; ")
}

// certain says whether err leaves no doubt that nothing was done: the server has
// refused, or nothing was sent. All else is to be looked at.
func certain(err error) bool {
	var status *webapi.StatusError
	var dial *net.OpError
	switch {
	case errors.As(err, &status):
		return status.Status < http.StatusInternalServerError && status.Status != http.StatusRequestTimeout
	case errors.As(err, &dial) && dial.Op == "dial":
		return true
	}
	var known *backend.Error
	return errors.As(err, &known) && known.Err == nil && known.Code != backend.Unreachable // it was not sent: read-only, or too often
}

func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
