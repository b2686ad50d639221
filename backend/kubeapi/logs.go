package kubeapi

import (
	"context"
	"io"
	"net/url"
	"strconv"
	"time"

	"wheelhouse/backend"
)

// LogOptions is which lines of a container's log are wanted: those of PodLogOptions
// (k8s.io/api/core/v1).
type LogOptions struct {
	Container string
	Follow    bool      // until the container ends
	Previous  bool      // of the container's process before this one
	Last      int       // lines; negative: all
	Since     time.Time // a server knows it by the second; zero: all
	Most      int64     // bytes; zero: no limit
}

// Log opens the log of one container of a pod: lines, each behind its time. The
// caller closes it. The error is the server's, see Refused. A log that is followed
// may say nothing for as long as it likes, not even that it is followed; that its
// server is gone the link finds out, whose epoch ctx is.
func (c *Client) Log(ctx context.Context, pod backend.Ref, o LogOptions) (io.ReadCloser, error) {
	w, err := c.wire()
	if err != nil {
		return nil, err
	}
	q := url.Values{"container": {o.Container}, "timestamps": {"true"}}
	if o.Follow {
		q.Set("follow", "true")
	}
	if o.Previous {
		q.Set("previous", "true")
	}
	if o.Last >= 0 {
		q.Set("tailLines", strconv.Itoa(o.Last))
	}
	if !o.Since.IsZero() {
		q.Set("sinceTime", o.Since.UTC().Format(time.RFC3339))
	}
	if o.Most > 0 {
		q.Set("limitBytes", strconv.FormatInt(o.Most, 10))
	}
	got := w.newBody(ctx)
	if o.Follow {
		got.mayRest()
	}
	path := "/api/v1/namespaces/" + url.PathEscape(pod.Scope) + "/pods/" + url.PathEscape(pod.Name) + "/log"
	b, err := w.ask(got, path, "application/json, */*", "text/plain", q)
	if err != nil {
		return nil, err
	}
	return b, nil
}
