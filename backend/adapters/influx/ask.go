package influx

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api"
	influxhttp "github.com/influxdata/influxdb-client-go/v2/api/http"
	"github.com/influxdata/influxdb-client-go/v2/api/query"

	"wheelhouse/backend"
	"wheelhouse/backend/webapi"
)

// The limits of one answer. Somebody waits for it.
const (
	answerLimit = 15 * time.Second
	answerSize  = 32 << 20 // bytes, unpacked
)

// A question is one query and what it is asked for.
type question struct {
	op, what string // for errors: "read metrics", "bucket shop/autogen"
	ref      backend.Ref
	flux     string
}

// ask sends a query and gives each row of its answer to row as it comes, which says
// whether more are wanted. The error is a *backend.Error.
func (i *Influx) ask(ctx context.Context, q question, row func(*query.FluxTableMetadata, *query.FluxRecord) bool) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	// one for each query: the client's own is not made for several at once
	service := influxhttp.NewService(i.api.Link().Base()+"/", "", influxhttp.DefaultOptions().SetHTTPClient(i.way))
	rows, err := api.NewQueryAPI(i.opts.Org, service).Query(ctx, q.flux)
	if err != nil {
		return i.refused(q, said(err))
	}
	for rows.Next() {
		if !row(rows.TableMetadata(), rows.Record()) {
			break
		}
	}
	if err := rows.Err(); err != nil {
		return i.refused(q, broken(err, rows.TableMetadata()))
	}
	cancel()         // Close would read the rest
	_ = rows.Close() // of an answer that nobody wants any more
	return nil
}

// column asks for a list of names: the rows' values of one column.
func (i *Influx) column(ctx context.Context, q question, name string) (out []string, err error) {
	err = i.ask(ctx, q, func(_ *query.FluxTableMetadata, r *query.FluxRecord) bool {
		if s, ok := r.ValueByKey(name).(string); ok {
			out = append(out, s)
		}
		return true
	})
	return out, err
}

func (i *Influx) refused(q question, err error) error { return i.api.Refused(q.op, q.what, q.ref, err) }

// said is what the server said, out of the client's error. InfluxDB 1.8 answers 500
// where the query is at fault, or who asks has no right to read, in words that tell
// it, and sometimes JSON as CSV. InfluxDB 2 does not find what one may not read.
func said(err error) error {
	var no *influxhttp.Error
	if !errors.As(err, &no) || no.StatusCode == 0 {
		return err
	}
	words := no.Message
	var object struct{ Error string }
	if json.Unmarshal([]byte(words), &object) == nil && object.Error != "" {
		words = object.Error
	}
	if strings.HasPrefix(strings.TrimSpace(words), "<") { // a page
		words = ""
	}
	status := no.StatusCode
	switch {
	case status == http.StatusNotFound && strings.HasPrefix(words, "no buckets found in organization"): // that one may read
		status = http.StatusForbidden
	case status == http.StatusBadRequest && strings.Contains(words, "provide either orgID or org"):
		words = "InfluxDB 2 wants to know whose buckets: org in the configuration says the organisation"
	case status != http.StatusInternalServerError:
	case strings.Contains(words, "requires READ for database"):
		status = http.StatusForbidden
	case ofTheQuery(words):
		status = http.StatusBadRequest
	}
	return &webapi.StatusError{Status: status, Said: words}
}

// ofTheQuery says whether the server's words are about what it was asked.
func ofTheQuery(words string) bool {
	return regexp.MustCompile(`^(type error|loc \d|error @|error in query specification|error calling function|compilation failed|invalid:)|` +
		`no database|retention policy not found|unsupported|undefined|no column|cannot|expected`).MatchString(words)
}

// broken is why an answer ended before its end: the way to it, its form, or the
// server, which tells a query's failure in a table of its own once it has begun to
// answer. The client gives that as a plain error, before it has named the table's
// columns.
func broken(err error, t *query.FluxTableMetadata) error {
	var form *csv.ParseError
	var known *backend.Error
	switch {
	case errors.As(err, &known), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &form), strings.HasPrefix(err.Error(), "parsing error"):
		return fmt.Errorf("its answer can't be read: %w", err)
	case errors.Unwrap(err) == nil && t != nil && len(t.Columns()) > 0 && t.Column(0).Name() == "":
		return &webapi.StatusError{Status: http.StatusBadRequest, Said: err.Error()}
	}
	return err
}

// bounded holds an answer to its limit, and takes no page for one.
type bounded struct {
	way  http.RoundTripper
	name string // the link's, for errors: requests name a host that need not be there
}

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Del("Accept-Encoding") // the transport asks for it, and unpacks: the limit is of what is unpacked
	res, err := b.way.RoundTrip(req)
	if err != nil {
		return nil, err //nolint:wrapcheck // it is the client's
	}
	if res.StatusCode == http.StatusOK && strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		_ = res.Body.Close()
		return nil, &backend.Error{
			Code: backend.Failed, Op: "query",
			Human: b.name + " answers with a web page: something stands before it, or it wants a login. Look at it in a browser, and at the address in the configuration.",
		}
	}
	res.Body = &limited{res.Body, answerSize}
	return res, nil
}

// limited fails when more is read of a body than it may have.
type limited struct {
	io.ReadCloser
	left int
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	n, err := l.ReadCloser.Read(p)
	if l.left -= n; l.left < 0 {
		return 0, &backend.Error{
			Code: backend.Invalid, Op: "query",
			Human: fmt.Sprintf("The answer is longer than %d MB. Ask for a shorter time, or have the query join points with aggregateWindow(every: v.windowPeriod, …).", answerSize>>20),
		}
	}
	return n, err //nolint:wrapcheck // it is the body's, io.EOF among others
}
