package jenkins

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/webapi"
)

// How much of a log's end is asked for to have its last lines.
const (
	perLine   = 200 // bytes
	leastTail = 64 << 10
	mostTail  = 4 << 20
)

// Tail implements backend.Lines. What is queued is followed when it has begun.
func (j *Jenkins) Tail(ctx context.Context, q backend.LogQuery, sink backend.LineSink) error {
	for _, r := range q.Of {
		if r.Kind != delivery.KindBuild {
			return fail(backend.Invalid, readingLog, r, nil, "%s has no log; its builds have. Choose one of them.", r.Name)
		}
	}
	if q.Match != "" || len(q.Of) == 0 {
		return fail(backend.Invalid, readingLog, backend.Ref{}, nil, "Jenkins can't sift a log by itself. Ask for a build's log without a query.")
	}
	if q.Previous {
		return fail(backend.Invalid, readingLog, q.Of[0], nil, "Jenkins keeps no process before this one: a build has one log. Choose the build before it.")
	}
	var all sync.WaitGroup
	for _, r := range q.Of {
		f := follower{j: j, of: r, ref: r, last: q.Last, sink: sink}
		if len(q.Of) > 1 {
			f.from = r.Scope + " #" + r.Name
		}
		all.Go(func() {
			var err error
			defer func() {
				if err != nil {
					f.tell(err)
				}
			}()
			defer backend.Caught(&err)
			f.follow(ctx)
		})
	}
	all.Wait()
	return ctx.Err()
}

// A follower gives the lines of one build as they come.
type follower struct {
	j    *Jenkins
	of   backend.Ref // as it was asked for
	ref  backend.Ref // the build; of what was queued, once it has begun
	from string
	last int
	sink backend.LineSink

	start int64 // of the first chunk: where lines are counted from
	count int   // lines since then
	at    int64 // offset of the chunk that comes next
	had   int   // lines of that which have come already: its answer broke off
	half  half  // the line whose end has not come, before that chunk
	live  bool
	never bool // it was taken out of the queue
	shown bool // what was there already was given
	older bool // the server can't be asked for a log's end
	kept  *ring
}

// follow goes on until the build has ended and all was given, or ctx has.
func (f *follower) follow(ctx context.Context) {
	for ctx.Err() == nil {
		done, err := f.step(ctx)
		pause := f.j.limits.tail
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && f.never:
			f.sink.Health(f.of, backend.Health{
				State: backend.Off, Since: time.Now(),
				Reason: backend.T(called(f.of) + " was taken out of the queue before it began: it has no log. Trigger it again to have one."),
			})
			return
		case err == nil:
			f.tell(nil)
			if done {
				return
			}
		default:
			f.tell(err)
			code := backend.CodeOf(err)
			if code == backend.NotFound {
				return // it is deleted, or never was
			}
			if code == backend.Denied || code == backend.Expired {
				pause *= 10
			}
		}
		if !wait(ctx, pause) {
			return
		}
	}
}

// tell says how it stands with the lines.
func (f *follower) tell(err error) {
	if err == nil {
		if !f.live {
			f.sink.Health(f.of, backend.Health{State: backend.Live, Since: time.Now()})
		}
		f.live = true
		return
	}
	h := backend.Health{State: backend.Down, Since: time.Now(), Reason: backend.T(err.Error())}
	switch code := backend.CodeOf(err); {
	case code == backend.Denied || code == backend.Expired:
		h.State = backend.Forbidden
	case f.live || f.shown:
		h.State = backend.Stale
	}
	f.live = false
	f.sink.Health(f.of, h)
}

// step asks once. done: nothing more comes.
func (f *follower) step(ctx context.Context) (done bool, err error) {
	ref, begun, never, err := f.j.begun(ctx, f.ref)
	if err != nil || !begun {
		f.never = never
		return false, err
	}
	f.ref = ref
	if !f.shown {
		return f.begin(ctx)
	}
	_, done, err = f.read(ctx, f.give)
	return done, err
}

// begun is the build that something queued has become; never: it has left the queue
// and is none.
func (j *Jenkins) begun(ctx context.Context, r backend.Ref) (_ backend.Ref, begun, never bool, err error) {
	id, queued := queuedID(r)
	if !queued {
		return r, true, false, nil
	}
	i, err := j.item(ctx, id)
	if err != nil || i.Executable == nil {
		return r, false, i.Cancelled, err
	}
	r.Name = fmt.Sprint(i.Executable.Number)
	return r, true, false, nil
}

// begin gives what is there already: the last lines of it.
func (f *follower) begin(ctx context.Context) (done bool, err error) {
	if f.older {
		return f.whole(ctx)
	}
	back := min(max(int64(f.last)*perLine, leastTail), mostTail)
	c, err := f.j.chunk(ctx, f.ref, -back, 0)
	var status *webapi.StatusError
	if errors.As(err, &status) && status.Status == http.StatusInternalServerError || err == nil && !c.tails() {
		if c != nil {
			_ = c.Close() // it may be all of it
		}
		f.older, f.kept = true, newRing(f.last)
		return f.whole(ctx)
	}
	if err != nil {
		return false, err
	}
	defer c.Close()
	n, all := 0, [][]byte(nil)
	keep := func(line []byte) {
		n++
		all = append(all, line)
		all = all[max(0, len(all)-f.last):]
	}
	for err == nil {
		var line []byte
		if line, err = c.next(); err == nil {
			keep(line)
		}
	}
	if !errors.Is(err, io.EOF) {
		return false, err
	}
	if c.done && !c.half.empty() {
		keep(c.half.line())
	}
	f.start, f.at, f.half, f.shown = c.start, c.end, c.half, true
	f.count = n - len(all)
	f.give(all)
	return c.done, nil
}

// wholePiece is from how many bytes on there is more to be read at once.
const wholePiece = 1 << 20

// whole reads a log from its beginning, of which the last lines are kept: one that
// has ended as it comes, one that grows in pieces.
func (f *follower) whole(ctx context.Context) (done bool, err error) {
	keep := func(line []byte) {
		f.kept.add(logLine(0, f.count, f.from, line))
		f.count++
	}
	b, err := f.j.build(ctx, f.ref)
	if err == nil && !b.Building && f.at == 0 {
		f.count, f.had, f.kept, done = 0, 0, newRing(f.last), true
		err = f.j.each(ctx, f.ref, 0, func(line []byte) bool {
			keep(line)
			return true
		})
	}
	for caught := false; err == nil && !done && !caught; {
		var size int64
		size, done, err = f.read(ctx, func(all [][]byte) {
			for _, line := range all {
				keep(line)
			}
		})
		caught = size < wholePiece // what is written meanwhile comes with the next look
	}
	if err != nil {
		return false, err
	}
	f.shown = true
	f.sink.Lines(f.kept.all()...)
	f.kept = nil
	return done, nil
}

// give passes lines on.
func (f *follower) give(all [][]byte) {
	out := make([]backend.LogLine, 0, len(all))
	for _, line := range all {
		out = append(out, logLine(f.start, f.count, f.from, line))
		f.count++
	}
	if len(out) > 0 {
		f.sink.Lines(out...)
	}
}

// atOnce is how much of a chunk is passed on at once.
const atOnce = 256 << 10 // bytes

// read reads the next chunk, passes its lines on as they come, and gives how long
// it is. A chunk may be as long as a log: Jenkins sends all that there is of a build
// that has ended, or on newer servers of any. Where an answer breaks off, nobody
// knows at which offset, so that the chunk is asked for again, and the lines that
// were passed on are left out.
func (f *follower) read(ctx context.Context, pass func([][]byte)) (size int64, done bool, err error) {
	c, err := f.j.chunk(ctx, f.ref, f.at, 0)
	if err != nil {
		return 0, false, err
	}
	defer c.Close()
	c.half = half{bytes.Clone(f.half.kept), f.half.left}
	var all [][]byte
	n, held := 0, 0
	flush := func() {
		pass(all)
		f.had, all, held = max(f.had, n), nil, 0
	}
	for !f.anew(c) {
		line, err := c.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return 0, false, err
		}
		if n++; n > f.had {
			all, held = append(all, line), held+len(line)
		}
		if held > atOnce {
			flush()
		}
	}
	if f.anew(c) {
		f.start, f.count, f.at, f.had, f.half = 0, 0, 0, 0, half{}
		return 0, false, nil
	}
	if n++; c.done && !c.half.empty() && n > f.had {
		all = append(all, c.half.line())
	}
	flush()
	size = c.end - f.at
	f.at, f.had, f.half = c.end, 0, c.half
	return size, c.done, nil
}

// anew says that the log is shorter than what was read of it: it is another one, and
// read from its beginning.
func (f *follower) anew(c *chunk) bool { return c.start < f.at }

// each reads a log's lines from an offset on until f has enough.
func (j *Jenkins) each(ctx context.Context, r backend.Ref, start int64, f func(line []byte) bool) error {
	request := logRequest(r, start, 0)
	if start == 0 { // the controller sends it whole without holding it in memory
		request.Path = buildPath(r) + "/consoleText"
	}
	c, _, err := j.open(ctx, request)
	if err != nil {
		return err
	}
	defer c.Close()
	for {
		line, err := c.next()
		switch {
		case errors.Is(err, io.EOF):
			if !c.half.empty() {
				f(c.half.line())
			}
			return nil
		case err != nil:
			return err
		case !f(line):
			return nil
		}
	}
}

// A ring keeps the newest lines.
type ring struct {
	lines []backend.LogLine
	next  int
	most  int
}

func newRing(most int) *ring { return &ring{most: max(most, 0)} }

func (r *ring) add(l backend.LogLine) {
	switch {
	case r.most == 0:
	case len(r.lines) < r.most:
		r.lines = append(r.lines, l)
	default:
		r.lines[r.next] = l
		r.next = (r.next + 1) % r.most
	}
}

// all are the lines, oldest first.
func (r *ring) all() []backend.LogLine {
	return append(r.lines[r.next:len(r.lines):len(r.lines)], r.lines[:r.next]...)
}
