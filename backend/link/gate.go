package link

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	utilnet "k8s.io/apimachinery/pkg/util/net"

	"wheelhouse/backend"
)

// A tripper carries every request of a link's clients: it refuses what a
// read-only link may not do, counts, records, and adds the credentials.
type tripper struct {
	link   *Link
	stream bool
	own    http.RoundTripper // dials by itself (SPDY, websocket); nil: the link's connections
}

// newTripper wraps what client-go is about to send requests with. Transports
// that it made by itself are set aside for the link's own, so that all clients
// share its connections; round trippers that leave HTTP, which are known by the
// TLS configuration that they carry along, keep their own way.
func newTripper(l *Link, rt http.RoundTripper, stream bool) *tripper {
	t := &tripper{link: l, stream: stream}
	if _, leaves := rt.(utilnet.TLSClientConfigHolder); leaves {
		t.own = rt
	}
	return t
}

// RoundTrip implements http.RoundTripper.
func (t *tripper) RoundTrip(req *http.Request) (*http.Response, error) {
	l := t.link
	refused := l.ReadOnly() && !l.protocol.Reads(req) && req.Context().Value(digging{}) == nil
	l.record(req, refused)
	if refused {
		discard(req)
		return nil, l.readOnlyError(req)
	}
	c, err := l.connection()
	if err != nil {
		discard(req)
		return nil, err
	}
	rt := c.shared
	if t.stream {
		rt = c.streams
	}
	if t.own != nil {
		if rt, err = c.authorized(t.own, true); err != nil {
			discard(req)
			return nil, err
		}
	}
	resp, err := rt.RoundTrip(c.address(req))
	if err == nil && !l.protocol.Redirects && redirects(resp) {
		_ = resp.Body.Close() // whatever it says is not the server's word
		return nil, &backend.Error{
			Code: backend.Failed, Op: "send a request to " + l.alias,
			Human: fmt.Sprintf("%s answers with a redirect (%d): a portal or login page stands before it. Log in there, or check the server's address.", l.alias, resp.StatusCode),
		}
	}
	return resp, err
}

// readOnlyError is what came of a request that only a link may send that may be
// changed.
func (l *Link) readOnlyError(req *http.Request) error {
	return &backend.Error{
		Code: backend.Denied, Op: "send a request to " + l.alias,
		Human: fmt.Sprintf("%s is read-only here: %s %s was not sent. Changing it needs a console that is not read-only.",
			l.alias, req.Method, backend.T(req.URL.Path).Safe()),
	}
}

// address is the request as it goes to the server that c leads to.
func (c *conn) address(req *http.Request) *http.Request {
	out := req.Clone(req.Context())
	out.Host = ""
	out.URL.Scheme, out.URL.Host = c.root.Scheme, c.root.Host
	if prefix := strings.TrimSuffix(c.root.Path, "/"); prefix != "" {
		out.URL.Path = prefix + out.URL.Path
		if out.URL.RawPath != "" {
			out.URL.RawPath = strings.TrimSuffix(c.root.EscapedPath(), "/") + out.URL.RawPath
		}
	}
	return out
}

// redirects says whether an answer sends somewhere else. Few servers do; who
// follows takes the credentials along, and takes a login page for an answer.
func redirects(resp *http.Response) bool {
	return resp.StatusCode >= 300 && resp.StatusCode < 400 && resp.StatusCode != http.StatusNotModified
}

// discard closes the body of a request that is not sent, as RoundTrip must.
func discard(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// record counts a request and tells the recorder of it.
func (l *Link) record(req *http.Request, refused bool) {
	if !refused {
		l.requests.Add(1)
	}
	if l.set.opts.Record == nil {
		return
	}
	l.set.opts.Record(Request{
		Link: l.alias, Method: req.Method, Path: req.URL.Path, Query: publicQuery(req.URL.Query()),
		Upgrade: upgrades(req), Refused: refused,
	})
}

// publicQuery leaves out the values that may hold secrets: a command's words,
// and whatever names itself a credential.
func publicQuery(q url.Values) string {
	for k := range q {
		switch strings.ToLower(k) {
		case "command", "token", "access_token", "password":
			q[k] = []string{"…"}
		}
	}
	return q.Encode()
}

// upgrades says whether a request asks to leave HTTP.
func upgrades(req *http.Request) bool {
	return strings.Contains(strings.ToLower(req.Header.Get("Connection")), "upgrade") ||
		req.Header.Get("Upgrade") != "" || req.Header.Get("Sec-Websocket-Protocol") != "" ||
		req.Method == http.MethodConnect
}
