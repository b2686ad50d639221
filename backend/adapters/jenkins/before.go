package jenkins

import (
	"context"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
)

// growing is how often a log that grows is looked at until it stands still for two
// looks.
const growing = 5

// Before implements backend.Lines: lines that came in the oldest line's chunk before
// it, and then those of the chunk before that. A chunk can't be asked for without
// what follows, so that looking back is bounded.
func (j *Jenkins) Before(ctx context.Context, q backend.LogQuery, c backend.Cursor, n int) ([]backend.LogLine, backend.Cursor, error) {
	id := c.Oldest.ID
	if c.State != "" {
		id = c.State
	}
	start, count, ok := parseID(id)
	if len(q.Of) != 1 || q.Of[0].Kind != delivery.KindBuild || !ok || n < 1 {
		return nil, backend.Cursor{}, fail(backend.Invalid, readingLog, backend.Ref{}, nil, "Older lines can be had of one build at a time. Open its log alone.")
	}
	r, begun, _, err := j.begun(ctx, q.Of[0])
	if err != nil || !begun {
		return nil, backend.Cursor{}, err
	}
	switch {
	case count == 0 && start == 0:
		return nil, backend.Cursor{}, nil
	case count == 0:
		if start, count, err = j.chunkBefore(ctx, r, start); err != nil {
			return nil, c, err
		}
	}
	kept, at := newRing(n), 0
	err = j.each(ctx, r, start, func(line []byte) bool {
		if at < count {
			kept.add(logLine(start, at, "", line))
			at++
		}
		return at < count
	})
	if err != nil {
		return nil, c, err
	}
	all := kept.all()
	return all, cursorBefore(all), nil
}

// cursorBefore is where those lines are that are older than these.
func cursorBefore(all []backend.LogLine) backend.Cursor {
	if len(all) == 0 || all[0].ID == lineID(0, 0) {
		return backend.Cursor{}
	}
	return backend.Cursor{Oldest: all[0], State: all[0].ID}
}

// chunkBefore finds where a chunk that ends at an offset begins, and how many lines
// it has: the line ends from there to the log's end without those from the offset to
// the log's end.
func (j *Jenkins) chunkBefore(ctx context.Context, r backend.Ref, end int64) (start int64, lines int, err error) {
	far := fail(backend.Failed, readingLog, r, nil, "Older lines of %s are more than %d MB before its end, further than is looked back from here. Open its log in a browser.", called(r), j.limits.back>>20)
	from, until := max(end-j.limits.window, 0), end
	if from == 0 {
		until = 0
	}
	for range growing {
		tip, _, err := j.measured(ctx, r, -1, 0)
		if err != nil {
			return 0, 0, err
		}
		if tip.end-end > j.limits.back {
			return 0, 0, far
		}
		behind, less, err := j.measured(ctx, r, end, 0)
		if err != nil {
			return 0, 0, err
		}
		all, lines, err := j.measured(ctx, r, from, until)
		switch {
		case err != nil:
			return 0, 0, err
		case from > 0 && !all.fromLine:
			return 0, 0, fail(backend.Failed, readingLog, r, nil, "A line of %s is longer than %d KB. Open its log in a browser.", called(r), j.limits.window>>10)
		case all.end == behind.end:
			return all.start, lines - less, nil
		}
	}
	return 0, 0, fail(backend.Failed, readingLog, r, nil, "The log of %s grows too fast to look back in it. Try again when it is quieter.", called(r))
}

// measured reads a part of a log only for where it is and how many lines it has.
func (j *Jenkins) measured(ctx context.Context, r backend.Ref, start, until int64) (*chunk, int, error) {
	c, err := j.chunk(ctx, r, start, until)
	if err != nil {
		return nil, 0, err
	}
	defer c.Close()
	lines, err := c.count()
	return c, lines, err
}
