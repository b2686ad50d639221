package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"wheelhouse/backend"
	"wheelhouse/backend/webapi"
)

// The limits of one answer. Somebody waits for it, and it is held in memory.
const (
	answerLimit = 30 * time.Second
	answerSize  = 32 << 20 // bytes
)

// errTooLong is an answer that would take too much memory.
var errTooLong = errors.New("its answer is too long")

// A question is what is being asked, for errors.
type question struct {
	op   string
	ref  backend.Ref
	what string // how sentences call it; empty: the system itself
}

func about(op string, r backend.Ref) question { return question{op, r, r.Name} }

// A refusal is an answer that is an error, in Elasticsearch's own words.
type refusal struct {
	webapi.StatusError
	Kind string // of the root cause: "query_shard_exception"
}

// Unwrap lets the error be told as any system's is.
func (r *refusal) Unwrap() error { return &r.StatusError }

// cause is an error object of the wire. Those inside of it say more precisely
// what is wrong.
type cause struct {
	Type      string  `json:"type"`
	Reason    string  `json:"reason"`
	RootCause []cause `json:"root_cause"`
	CausedBy  *cause  `json:"caused_by"`
	Failed    []struct {
		Reason cause `json:"reason"`
	} `json:"failed_shards"`
}

// refuse reads an error answer. The error is an object, or for what the server
// does not route at all, a string.
func refuse(status int, body []byte) error {
	out := &refusal{StatusError: webapi.StatusError{Status: status}}
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &answer) != nil {
		if text, _, _ := strings.Cut(strings.TrimSpace(string(body)), "\n"); !strings.HasPrefix(text, "<") {
			out.Said = text
		}
		return out
	}
	var c cause
	if json.Unmarshal(answer.Error, &c) != nil {
		_ = json.Unmarshal(answer.Error, &out.Said) // what is neither says nothing
		return out
	}
	out.Kind = c.Type
	if len(c.RootCause) > 0 {
		out.Kind, out.Said = c.RootCause[0].Type, c.RootCause[0].Reason
	}
	if len(c.Failed) > 0 {
		c = c.Failed[0].Reason
	}
	for at := c.CausedBy; at != nil; at = at.CausedBy {
		if out.Said = at.Reason; at.Type == "parse_exception" { // what is inside of it says the same with less
			break
		}
	}
	out.Said, _, _ = strings.Cut(out.Said, "\n")
	return out
}

// kindOf is the kind of a refusal in err's chain; empty for none.
func kindOf(err error) string {
	var r *refusal
	if errors.As(err, &r) {
		return r.Kind
	}
	return ""
}

// statusOf is the status of a refusal in err's chain; zero for none.
func statusOf(err error) int {
	var r *refusal
	if errors.As(err, &r) {
		return r.Status
	}
	return 0
}

// ask sends a request and takes the answer into what into points to, within the
// limits. The error is a *backend.Error.
func (e *Elastic) ask(ctx context.Context, q question, req esapi.Request, into any) error {
	if e.err != nil {
		return e.api.Refused(q.op, q.what, q.ref, e.err)
	}
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	res, err := req.Do(ctx, e.base)
	if err != nil {
		if strings.Contains(err.Error(), "not Elasticsearch") { // the library has no type for it
			name := e.api.Link().Alias()
			err = &backend.Error{Code: backend.Failed, Op: q.op, Ref: q.ref, Err: err, Human: name + " does not say that it is Elasticsearch: " +
				"something stands before it, or its address leads elsewhere. Look at it in a browser, and at the address in the configuration."}
		}
		return e.api.Refused(q.op, q.what, q.ref, e.lost(err))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, answerSize+1))
	switch {
	case err != nil:
		return e.api.Refused(q.op, q.what, q.ref, e.lost(err))
	case len(body) > answerSize:
		return e.api.Refused(q.op, q.what, q.ref, errTooLong)
	case res.StatusCode >= http.StatusBadRequest:
		return e.api.Refused(q.op, q.what, q.ref, refuse(res.StatusCode, body))
	}
	return e.api.Decode(webapi.Request{Op: q.op, Ref: q.ref, What: q.what}, &webapi.Answer{Status: res.StatusCode, Body: body}, into)
}

// lost is the error of an answer that did not come, as net/http's client would give
// it: the library goes past that.
func (e *Elastic) lost(err error) error {
	return &url.Error{Op: "ask", URL: e.api.Link().Base(), Err: err}
}

// object is a JSON object of a request.
type object map[string]any

// found is what a search gives.
type found struct {
	PitID string `json:"pit_id"`
	Hits  struct {
		Hits []hit `json:"hits"`
	} `json:"hits"`
	Aggregations struct {
		Times struct {
			Buckets []struct {
				Key   int64 `json:"key"` // Unix milliseconds
				Count int   `json:"doc_count"`
			} `json:"buckets"`
		} `json:"times"`
		Indices struct {
			Buckets []struct {
				Key   string `json:"key"`
				Count int64  `json:"doc_count"`
			} `json:"buckets"`
		} `json:"indices"`
	} `json:"aggregations"`
}

// search looks into streams; without any, into those of the point in time that
// the body names. What is found is all that there is: a shard that does not
// answer is an error, since what it keeps would be passed over. At a point in time
// no shard is left out beforehand: the tiebreaker counts those that are asked
// (seen on 8.19), and would mean another document with each question.
func (e *Elastic) search(ctx context.Context, q question, in []string, body object) (*found, error) {
	whole := false
	text, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write a search: %w", err)
	}
	var out found
	req := esapi.SearchRequest{Index: in, Body: bytes.NewReader(text), AllowPartialSearchResults: &whole}
	if len(in) == 0 {
		never := math.MaxInt32
		req.PreFilterShardSize = &never
	}
	err = e.ask(ctx, q, req, &out)
	return &out, err
}

// named gives the names of streams, or an Invalid error for one that Elasticsearch
// would not take for the name, or the pattern, of an index.
func named(op string, refs []backend.Ref) ([]string, error) {
	const most = 100 // an address has to hold them
	bad := func(r backend.Ref, why string) error {
		return &backend.Error{Code: backend.Invalid, Op: op, Ref: r, Human: backend.T(why).Safe()}
	}
	if len(refs) == 0 || len(refs) > most {
		return nil, bad(backend.Ref{}, fmt.Sprintf("%d streams are asked for: choose from 1 to %d, or a pattern such as logs*.", len(refs), most))
	}
	var out []string
	for _, r := range refs {
		if r.Name == "" || strings.ContainsAny(r.Name, `/\?#%"<>|, `) || strings.ContainsAny(r.Name[:1], "_-+") {
			return nil, bad(r, fmt.Sprintf("%q can't be the name of a stream. Give an index, a data stream, an alias, or a pattern such as logs*.", r.Name))
		}
		out = append(out, r.Name)
	}
	return out, nil
}
