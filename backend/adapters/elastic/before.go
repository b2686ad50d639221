package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"wheelhouse/backend"
)

// most is how many documents one search may give (index.max_result_window).
const most = 10_000

// keepAlive is how long the server keeps a point in time that nobody uses.
const keepAlive = "1m"

// closePatience is how long somebody waits for a point in time to be closed.
const closePatience = 2 * time.Second

// A place is how far back one has read: where in the order, and at which point in
// time.
type place struct {
	Pit   string            `json:"pit"`
	After []json.RawMessage `json:"after"` // the last one's sort values; none: nothing was read yet
}

// Before implements backend.Lines. What it reads is as it was when the reading
// back began, as long as the server keeps that: it does for a minute after each
// answer, and else one goes on in what there is now.
func (e *Elastic) Before(ctx context.Context, q backend.LogQuery, c backend.Cursor, n int) ([]backend.LogLine, backend.Cursor, error) {
	names, err := named("read older lines", q.Of)
	if err != nil || n <= 0 {
		return nil, c, err
	}
	var p place
	if c.State != "" {
		if err := json.Unmarshal([]byte(c.State), &p); err != nil {
			return nil, c, &backend.Error{Code: backend.Invalid, Op: "read older lines", Err: err, Human: "The place in the log is none of this system. Begin at its newest lines."}
		}
	}
	b := back{e: e, ask: question{"read older lines", q.Of[0], strings.Join(names, ", ")}, names: names, query: q, oldest: c.Oldest, place: p}
	hits, err := b.read(ctx, min(n, most))
	if err != nil {
		if p.Pit == "" {
			b.close(ctx)
		}
		return nil, c, err
	}
	var out []backend.LogLine
	for _, h := range hits {
		out = append(out, h.line())
	}
	slices.Reverse(out)
	if len(hits) < min(n, most) {
		b.close(ctx)
		return out, backend.Cursor{}, nil
	}
	b.place.After = hits[len(hits)-1].Sort
	state, err := json.Marshal(b.place)
	if err != nil {
		return nil, c, &backend.Error{Code: backend.Failed, Op: "read older lines", Err: err, Human: "The place in the log can't be kept. Begin at its newest lines."}
	}
	return out, backend.Cursor{Oldest: out[0], State: string(state)}, nil
}

// back is one reading of older lines.
type back struct {
	e      *Elastic
	ask    question
	names  []string
	query  backend.LogQuery
	oldest backend.LogLine
	place
}

// read gives the hits, newest first. A point in time that is gone is replaced;
// its own tiebreaker means nothing at another one.
func (b *back) read(ctx context.Context, n int) ([]hit, error) {
	kept := b.Pit != ""
	if !kept {
		if err := b.open(ctx); err != nil {
			return nil, err
		}
	}
	hits, err := b.page(ctx, n)
	if kept && (backend.CodeOf(err) == backend.NotFound || kindOf(err) == "search_context_missing_exception") {
		b.After = b.After[:min(len(b.After), len(order("desc")))]
		if err := b.open(ctx); err != nil {
			return nil, err
		}
		hits, err = b.page(ctx, n)
	}
	return hits, err
}

func (b *back) open(ctx context.Context) error {
	var answer struct {
		ID string `json:"id"`
	}
	err := b.e.ask(ctx, b.ask, esapi.OpenPointInTimeRequest{Index: b.names, KeepAlive: keepAlive}, &answer)
	b.Pit = answer.ID
	return err
}

func (b *back) page(ctx context.Context, n int) ([]hit, error) {
	since := int64(0)
	if !b.query.Since.IsZero() {
		since = b.query.Since.UnixNano()
	}
	if len(b.After) == 0 && b.oldest.At != 0 {
		if err := b.seek(ctx); err != nil {
			return nil, err
		}
	}
	body := object{"sort": order("desc"), "size": n, "query": sifted(b.query.Match, span(since, b.oldest.At))}
	if len(b.After) > 0 {
		body["search_after"] = b.After
	}
	return b.search(ctx, body)
}

// seek finds the line that is the oldest that one has: lines of the same
// millisecond may stand before it and after it. One that is not there any more
// is none of them.
func (b *back) seek(ctx context.Context) error {
	index, id, _ := strings.Cut(b.oldest.ID, "/")
	hits, err := b.search(ctx, object{"sort": order("desc"), "size": 1, "_source": false, "query": sifted("",
		span(0, b.oldest.At), object{"ids": object{"values": []string{id}}}, object{"term": object{"_index": index}})})
	if err == nil && len(hits) > 0 {
		b.After = hits[0].Sort
	}
	return err
}

// search looks at the point in time; each answer may have another name for it.
func (b *back) search(ctx context.Context, body object) ([]hit, error) {
	body["track_total_hits"] = false
	body["pit"] = object{"id": b.Pit, "keep_alive": keepAlive}
	got, err := b.e.search(ctx, b.ask, nil, body)
	if err != nil {
		return nil, err
	}
	if got.PitID != "" {
		b.Pit = got.PitID
	}
	return got.Hits.Hits, nil
}

// close lets go of the point in time, also when nobody waits any more: else the
// server keeps it for a minute.
func (b *back) close(ctx context.Context) {
	if b.Pit == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closePatience)
	defer cancel()
	text, err := json.Marshal(object{"id": b.Pit})
	if err != nil {
		return
	}
	_ = b.e.ask(ctx, b.ask, esapi.ClosePointInTimeRequest{Body: bytes.NewReader(text)}, &object{}) // it ends by itself
}
