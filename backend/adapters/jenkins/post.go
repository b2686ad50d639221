package jenkins

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/webapi"
)

// A crumb is what Jenkins wants to see with a change by who has logged in with a
// password: it belongs to the user and the session. Who uses an API token needs
// none. Safe for concurrent use.
type crumb struct {
	mu      sync.Mutex
	field   string // empty: none is known to be needed
	value   string
	cookies string // of the session
}

// sign adds it to a request, if there is one.
func (c *crumb) sign(h http.Header) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.field != "" {
		h.Set(c.field, c.value)
		h.Set("Cookie", c.cookies)
	}
}

// renew asks for one, in the session that there is.
func (j *Jenkins) renew(ctx context.Context) error {
	c := &j.crumb
	c.mu.Lock()
	defer c.mu.Unlock()
	header := http.Header{}
	if c.cookies != "" {
		header.Set("Cookie", c.cookies)
	}
	r := webapi.Request{Op: "ask for a crumb", What: "the crumb issuer", Path: "/crumbIssuer/api/json", Header: header}
	a, err := j.api.Do(ctx, r)
	if err != nil {
		return err
	}
	var said struct{ Crumb, CrumbRequestField string }
	if err := j.api.Decode(r, a, &said); err != nil {
		return err
	}
	c.field, c.value = said.CrumbRequestField, said.Crumb
	var cookies []string
	for _, cookie := range (&http.Response{Header: a.Header}).Cookies() {
		cookies = append(cookies, cookie.Name+"="+cookie.Value)
	}
	if len(cookies) > 0 {
		c.cookies = strings.Join(cookies, "; ")
	}
	return nil
}

// errStranger says that something before Jenkins has answered in its stead.
var errStranger = errors.New("the answer is not Jenkins' own: something stands before it")

// post sends a change. Refused for want of a crumb, which is before anything is
// done, it is sent once more with one. The errors are those of webapi; an answer
// that is not Jenkins' own is errStranger, of code Unknown.
func (j *Jenkins) post(ctx context.Context, r webapi.Request, form url.Values) (*webapi.Answer, error) {
	r.Method, r.Body = http.MethodPost, []byte(form.Encode())
	send := func() (*webapi.Answer, error) {
		r.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
		j.crumb.sign(r.Header)
		return j.api.Do(ctx, r)
	}
	a, err := send()
	if backend.CodeOf(err) == backend.Denied && !j.api.Link().ReadOnly() && j.renew(ctx) == nil {
		a, err = send()
	}
	switch {
	case err != nil:
		return nil, err
	case strange(a):
		return nil, &backend.Error{
			Code: backend.Unknown, Op: r.Op, Ref: r.Ref, Err: errStranger,
			Human: j.api.Link().Alias() + " was not reached: a portal or proxy before it answered. Log in there, then look whether it was done.",
		}
	case toLogin(a.Header.Get("Location")):
		return nil, &backend.Error{
			Code: backend.Expired, Op: r.Op, Ref: r.Ref,
			Human: "The login to " + j.api.Link().Alias() + " is not good any more. Put a good one where its secret points to, then log in again.",
		}
	}
	return a, nil
}

// strange says whether an answer is of something before Jenkins. Jenkins names itself
// (X-Jenkins) with what it shows; what it does it answers without that, and then with
// nothing, or a redirect within itself.
func strange(a *webapi.Answer) bool {
	if a.Header.Get("X-Jenkins") != "" {
		return false
	}
	if location := a.Header.Get("Location"); location != "" {
		to, err := url.Parse(location)
		return err != nil || !strings.HasPrefix(to.Path, ".") && !strings.Contains(to.Path, "/job/") && !strings.Contains(to.Path, "/queue/")
	}
	return len(a.Body) > 0 && strings.HasPrefix(a.Header.Get("Content-Type"), "text/html")
}

// toLogin says whether a redirect leads to where one logs in.
func toLogin(location string) bool {
	to, err := url.Parse(location)
	return err == nil && !strings.Contains(to.Path, "/job/") && (strings.HasSuffix(to.Path, "/login") || strings.Contains(to.Path, "/commenceLogin"))
}

// unsure says whether an error leaves open if it was done: a lost answer, one from
// a proxy, or an exception in the middle.
func unsure(err error) bool {
	var status *webapi.StatusError
	return backend.CodeOf(err) == backend.Unknown || errors.As(err, &status) && status.Status >= http.StatusInternalServerError
}

// unsent says whether an error is of a request that has not left: no connection
// could be made.
func unsent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// wait waits; false: ctx has ended before.
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

// until looks again and again until look is done, a time is over, or ctx has ended:
// often at first, and then with that pause. What fails on the way is asked again.
func until(ctx context.Context, most, pause time.Duration, look func() (done bool)) {
	end := time.Now().Add(most)
	for n := 1; !look(); n++ {
		now := pause * time.Duration(min(n, 8)) / 8
		if time.Now().Add(now).After(end) || !wait(ctx, now) {
			return
		}
	}
}

// send posts a change that must not be done twice. What could not leave is tried
// again.
func (j *Jenkins) send(ctx context.Context, r webapi.Request, form url.Values) (a *webapi.Answer, err error) {
	for range 3 {
		if a, err = j.post(ctx, r, form); err == nil || !unsent(err) || !wait(ctx, j.limits.pause) {
			break
		}
	}
	if unsent(err) {
		return nil, fail(backend.Unreachable, r.Op, r.Ref, err, "%s does not answer: nothing was sent. Try again when it is reachable.", j.api.Link().Alias())
	}
	return a, err
}

// asked is what came of asking for a change.
type asked struct {
	heard   bool  // Jenkins has taken it
	refused error // it was refused
	settled bool  // it has come about
	last    error
}

// take notes what came of a request.
func (a *asked) take(err error) {
	switch a.last = err; {
	case err == nil:
		a.heard = true
	case !unsure(err):
		a.refused = err
	}
}

// once asks, and looks until it has come about, for a time.
func (j *Jenkins) once(ctx context.Context, r webapi.Request, form url.Values, most time.Duration, settled func() bool) (a asked) {
	_, err := j.send(ctx, r, form)
	if a.take(err); a.refused == nil {
		until(ctx, most, j.limits.pause, func() bool {
			a.settled = settled()
			return a.settled
		})
	}
	return a
}

// insist is once for what may be asked for twice: it asks until an answer comes.
func (j *Jenkins) insist(ctx context.Context, r webapi.Request, form url.Values, most time.Duration, settled func() bool) (a asked) {
	until(ctx, most, j.limits.pause, func() bool {
		if !a.heard {
			_, err := j.post(ctx, r, form)
			if a.take(err); a.refused != nil {
				return true
			}
		}
		a.settled = settled()
		return a.settled
	})
	return a
}

// fail is an error with a sentence, which may hold what Jenkins said.
func fail(code backend.Code, op string, r backend.Ref, err error, format string, args ...any) error {
	return &backend.Error{Code: code, Op: op, Ref: r, Err: err, Human: backend.T(fmt.Sprintf(format, args...)).Safe()}
}

// byHand is what does the same with curl. No secret is in it.
func (j *Jenkins) byHand(path string, fields ...string) string {
	quote := func(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
	var b strings.Builder
	b.WriteString(`curl -X POST --user "$JENKINS_USER:$JENKINS_TOKEN" ` + quote(strings.TrimSuffix(j.api.Link().Info().Server, "/")+path))
	for _, f := range fields {
		b.WriteString(" --data-urlencode " + quote(f))
	}
	return backend.T(b.String()).Safe()
}
