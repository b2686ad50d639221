package elastic

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"wheelhouse/backend"
)

// A pace is how often the server is asked.
type pace struct {
	lines  time.Duration // between an answer that had room left and the next question
	late   time.Duration // between two looks for lines that came late
	far    time.Duration // between two such looks that go back to what can only be counted
	trying time.Duration // between two tries, at first
	seldom time.Duration // between two tries of what only people can mend
}

func usual() pace {
	return pace{lines: 500 * time.Millisecond, late: 2 * time.Second, far: 15 * time.Second, trying: 500 * time.Millisecond, seldom: 15 * time.Second}
}

// firstPage is how many documents the first search asks for; more when it was full.
const firstPage = 1000

// Tail implements backend.Lines. Lines come in the order of their time as far as
// they are there; one that is written late (or becomes visible late: each shard
// has its own second) comes when it is seen, if it is no more than a minute older
// than the newest, and is counted as missed if it is no more than five. Documents
// that are dated more than half a minute ahead come when their time does. Nothing
// is followed while a part of what the query names can't be read: lines would be
// passed over.
func (e *Elastic) Tail(ctx context.Context, q backend.LogQuery, sink backend.LineSink) error {
	if _, err := named("follow lines", q.Of); err != nil {
		return err
	}
	if q.Previous {
		return &backend.Error{Code: backend.Invalid, Op: "follow lines", Human: "Elasticsearch knows no process before this one: its streams hold all lines. p shows them again."}
	}
	return newTail(e, q, sink).run(ctx)
}

// A stream is one that is followed, or would be.
type stream struct {
	ref     backend.Ref
	begun   bool      // its last lines were given
	follows bool      // it can be read
	again   time.Time // when it is tried next
	wrong   error     // why not
}

// A tail follows streams together. It belongs to one goroutine.
type tail struct {
	e       *Elastic
	query   backend.LogQuery
	sink    backend.LineSink
	streams []*stream

	size, limit int               // of a page, and at most
	from        int64             // where reading begins, Unix nanoseconds
	after       []json.RawMessage // the place of the newest that was read; none: at from
	floor       int64             // what is older is not wanted
	seen        *seen
	looked, far time.Time // when lines that came late were looked for

	last  backend.Health // that was told
	live  time.Time
	tries int
}

func newTail(e *Elastic, q backend.LogQuery, sink backend.LineSink) *tail {
	t := &tail{e: e, query: q, sink: sink, size: firstPage, limit: most, seen: newSeen()}
	for _, r := range q.Of {
		t.streams = append(t.streams, &stream{ref: r})
	}
	return t
}

// run goes on until ctx ends, or nobody can mend what is wrong but who asked.
func (t *tail) run(ctx context.Context) error {
	for {
		epoch, err := t.e.api.Link().Await(ctx, t.blocked)
		if err != nil {
			return fmt.Errorf("follow lines: %w", ctx.Err())
		}
		more, err := t.round(epoch)
		if ctx.Err() != nil {
			return fmt.Errorf("follow lines: %w", ctx.Err())
		}
		wait := t.e.pace.lines
		switch {
		case t.senseless(err):
			return err
		case err != nil:
			wait = t.failed(epoch, err)
		case t.following():
			t.told(backend.Health{State: backend.Live})
			t.tries = 0
		default:
			t.told(t.streams[0].health())
		}
		if err == nil && more {
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

func (t *tail) following() bool {
	return slices.ContainsFunc(t.streams, func(s *stream) bool { return s.follows })
}

// senseless says that an error is one of the query, whatever the server's state:
// it can't be read, or no stream has lines at all.
func (t *tail) senseless(err error) bool {
	switch kindOf(err) {
	case "query_shard_exception", "parse_exception", "parsing_exception":
		return t.query.Match != ""
	}
	var no *timelessError
	return errors.As(err, &no)
}

// round asks once; more says that there is more to be had at once.
func (t *tail) round(ctx context.Context) (more bool, err error) {
	defer backend.Caught(&err)
	if err := t.begin(ctx); err != nil || !t.following() {
		return false, err
	}
	now := time.Now()
	if now.Sub(t.looked) >= t.e.pace.late {
		far := now.Sub(t.far) >= t.e.pace.far
		if err := t.lookBack(ctx, far); err != nil {
			return false, t.sort(ctx, err)
		}
		if t.looked = now; far {
			t.far = now
		}
	}
	more, err = t.forward(ctx)
	return more, t.sort(ctx, err)
}

// begin tries the streams that are not followed and whose time has come.
func (t *tail) begin(ctx context.Context) error {
	var came []hit
	for _, s := range t.streams {
		if s.follows || time.Now().Before(s.again) {
			continue
		}
		last, err := t.start(ctx, s)
		switch {
		case err == nil:
			s.follows, s.wrong = true, nil
			came = append(came, last...)
			t.sink.Health(s.ref, backend.Health{State: backend.Live, Since: time.Now()})
		case t.ofOne(err):
			t.exclude(s, err)
		default:
			return err
		}
	}
	slices.SortStableFunc(came, func(a, b hit) int { return cmp.Compare(a.at(), b.at()) })
	t.give(came, false)
	if t.following() {
		return nil
	}
	for _, s := range t.streams {
		var no *timelessError
		if !errors.As(s.wrong, &no) {
			return nil // it may yet come
		}
	}
	return t.streams[0].wrong
}

// ofOne says that an error is the trouble of one stream, and not of all.
func (t *tail) ofOne(err error) bool {
	var no *timelessError
	code := backend.CodeOf(err)
	return code == backend.NotFound || code == backend.Denied || kindOf(err) == "index_closed_exception" || errors.As(err, &no)
}

func (t *tail) exclude(s *stream, err error) {
	s.follows, s.wrong, s.again = false, err, time.Now().Add(t.e.pace.seldom)
	t.sink.Health(s.ref, s.health())
}

// health is how one is that is not followed.
func (s *stream) health() backend.Health {
	h := backend.Health{State: backend.Down, Since: time.Now(), Reason: backend.T(s.wrong.Error()), NextTry: s.again}
	if backend.CodeOf(s.wrong) == backend.Denied {
		h.State = backend.Forbidden
	}
	return h
}

// sort finds out whose trouble an error is that may be that of one stream; the
// others are followed on.
func (t *tail) sort(ctx context.Context, err error) error {
	if err == nil || !t.ofOne(err) {
		return err
	}
	for _, s := range t.streams {
		if !s.follows {
			continue
		}
		_, err := t.search(ctx, s.ref, []string{s.ref.Name}, object{"size": 0})
		switch {
		case err == nil:
		case t.ofOne(err):
			t.exclude(s, err)
		default:
			return err
		}
	}
	return nil
}

// start makes sure that a stream can be followed, and gives its last lines, oldest
// first, the first time.
func (t *tail) start(ctx context.Context, s *stream) ([]hit, error) {
	if err := t.e.timed(ctx, s.ref); err != nil || s.begun {
		return nil, err
	}
	since := int64(0)
	if !t.query.Since.IsZero() {
		since = t.query.Since.UnixNano()
	}
	if t.query.Last == 0 && since != 0 {
		t.from, t.floor, s.begun = max(t.from, since), max(t.floor, since), true
		return nil, nil
	}
	in := []string{s.ref.Name}
	n := min(t.query.Last, t.limit)
	got, err := t.search(ctx, s.ref, in, object{"size": max(1, n), "sort": order("desc"), "query": sifted(t.query.Match, span(since, 0))})
	if t.tooMany(n, err) {
		return t.start(ctx, s)
	}
	if err != nil {
		return nil, err
	}
	last := got.Hits.Hits
	if len(last) == max(1, n) { // there are older ones, which nobody wants, perhaps of the same time
		edge := last[len(last)-1].at()
		same, err := t.search(ctx, s.ref, in, object{"size": t.limit, "_source": false, "sort": order("desc"), "query": sifted(t.query.Match, span(edge, edge))})
		if t.tooMany(t.limit, err) {
			return t.start(ctx, s)
		}
		if err != nil {
			return nil, err
		}
		t.knowTies(same.Hits.Hits, last[:n])
		t.floor = max(t.floor, edge)
	}
	if len(last) > 0 {
		t.from = max(t.from, last[0].at())
	}
	t.floor, s.begun = max(t.floor, since), true
	slices.Reverse(last[:min(n, len(last))])
	return last[:min(n, len(last))], nil
}

// knowTies notes documents as known, but for those that are still to be given.
func (t *tail) knowTies(same, given []hit) {
	for _, h := range same {
		if !slices.ContainsFunc(given, func(g hit) bool { return g.ID == h.ID && g.Index == h.Index }) {
			t.seen.add(h, h.at())
		}
	}
}

// give passes on the lines of documents that were not seen yet.
func (t *tail) give(hits []hit, advance bool) {
	lines := make([]backend.LogLine, 0, len(hits))
	for _, h := range hits {
		if t.seen.add(h, h.at()) {
			lines = append(lines, h.line())
		}
	}
	if len(lines) > 0 {
		t.sink.Lines(lines...)
	}
	if len(hits) > 0 && advance {
		end := hits[len(hits)-1]
		t.after, t.from = end.Sort, max(t.from, end.at())
	}
	t.seen.forget(t.from)
}

// forward reads on from the newest.
func (t *tail) forward(ctx context.Context) (more bool, err error) {
	from := t.from
	if len(t.after) > 0 {
		from = 0 // its place says it
	}
	body := object{"size": t.size, "sort": order("asc"), "query": sifted(t.query.Match, span(max(from, t.floor), 0))}
	if len(t.after) > 0 {
		body["search_after"] = t.after
	}
	got, err := t.search(ctx, backend.Ref{}, t.names(), body)
	if t.tooMany(t.size, err) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	hits, before := got.Hits.Hits, t.after
	t.give(hits, true)
	more = len(hits) >= t.size && !samePlace(before, t.after) // one that does not get on is asked again later
	if more {
		t.size = min(2*t.size, t.limit)
	}
	return more, nil
}

// samePlace says whether two places in an order are one.
func samePlace(a, b []json.RawMessage) bool {
	return slices.EqualFunc(a, b, func(x, y json.RawMessage) bool { return bytes.Equal(x, y) })
}

// tooMany says that a smaller page may do where one of this size does not, and
// makes them smaller.
func (t *tail) tooMany(size int, err error) bool {
	if err == nil || size <= 1 || !errors.Is(err, errTooLong) && !strings.Contains(err.Error(), "Result window is too large") {
		return false
	}
	t.limit = size / 2
	t.size = min(t.size, t.limit)
	return true
}

func (t *tail) names() []string {
	var out []string
	for _, s := range t.streams {
		if s.follows {
			out = append(out, s.ref.Name)
		}
	}
	return out
}

func (t *tail) search(ctx context.Context, of backend.Ref, in []string, body object) (*found, error) {
	body["track_total_hits"] = false
	return t.e.search(ctx, question{"follow lines", of, strings.Join(in, ", ")}, in, body)
}

// timelessError is a stream whose documents can't be put in order.
type timelessError struct{ why string }

// Error implements error.
func (e *timelessError) Error() string { return e.why }

// timed makes sure that a stream's documents have a time. Where there are none
// yet, they may come with one.
func (e *Elastic) timed(ctx context.Context, r backend.Ref) error {
	q := about("follow lines", r)
	var caps struct {
		Fields map[string]map[string]json.RawMessage `json:"fields"`
	}
	err := e.ask(ctx, q, esapi.FieldCapsRequest{Index: []string{r.Name}, Fields: []string{timestamp}}, &caps)
	if err != nil {
		return err
	}
	why := "has no field " + timestamp
	for kind := range caps.Fields[timestamp] {
		switch kind {
		case "date", "date_nanos":
			return nil
		case "unmapped":
		default:
			why = "has a field " + timestamp + " of type " + kind
		}
	}
	one, err := e.search(ctx, q, []string{r.Name}, object{"size": 1, "_source": false})
	if err != nil || len(one.Hits.Hits) == 0 {
		return err
	}
	human := r.Name + " " + why + ", so its documents can't be put in order as lines. Choose a stream whose documents have one that is mapped as a date, or have it mapped so."
	return &backend.Error{Code: backend.Invalid, Op: q.op, Ref: r, Human: backend.T(human).Safe(), Err: &timelessError{why}}
}

// failed tells of trouble that is everybody's, and gives how long to wait.
func (t *tail) failed(epoch context.Context, err error) time.Duration {
	wait := min(t.e.pace.trying<<min(t.tries, 4), max(t.e.pace.seldom/3, t.e.pace.trying))
	t.tries++
	h := backend.Health{State: backend.Down, Reason: backend.T(err.Error())}
	if code := backend.CodeOf(err); code == backend.Denied || code == backend.Expired {
		h.State, wait = backend.Forbidden, t.e.pace.seldom
	}
	if epoch.Err() != nil { // the whole link is lost, which says why
		if reason := t.e.api.Link().Health().Reason; !reason.IsZero() {
			h.Reason = reason
		}
		wait = 0 // until it is back
	}
	h.NextTry = time.Now().Add(wait)
	t.looked = time.Time{} // what was written meanwhile may be older than what is here
	t.told(h)
	return wait
}

// blocked tells that nothing can be asked.
func (t *tail) blocked(h backend.Health) {
	t.looked = time.Time{}
	t.told(h)
}

// told says how all of it is; what was live is stale when it is lost.
func (t *tail) told(h backend.Health) {
	now := time.Now()
	switch {
	case h.State == backend.Live:
		t.live, h.Since = now, now
	case h.State != backend.Forbidden && !t.live.IsZero():
		h.State, h.Since = backend.Stale, t.live
	case h.Since.IsZero():
		h.Since = now
	}
	if h.State == t.last.State && h.Reason == t.last.Reason {
		return
	}
	t.last = h
	t.sink.Health(backend.Ref{}, h)
}
