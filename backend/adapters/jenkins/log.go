package jenkins

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"wheelhouse/backend"
	"wheelhouse/backend/signal"
	"wheelhouse/backend/webapi"
)

const readingLog = "read log"

// logRequest asks for a log from an offset on. On servers that can do that
// (stapler, LargeText.doProgressTextStreaming), a negative one counts from its end,
// and with until > 0 the first line is looked for that begins before that offset.
// Others answer in plain text, or with an error when the offset is negative.
func logRequest(r backend.Ref, start, until int64) webapi.Request {
	path := buildPath(r) + "/logText/progressiveText?start=" + strconv.FormatInt(start, 10)
	if until > 0 {
		path += "&searchNewLineUntil=" + strconv.FormatInt(until, 10)
	}
	return webapi.Request{
		Op: readingLog, Ref: r, What: "the log of " + called(r), Path: path, Header: http.Header{"Accept": {"multipart/form-data, text/plain"}},
	}
}

// lineID names the line that has n before it since the chunk at start.
func lineID(start int64, n int) string { return fmt.Sprintf("%d:%d", start, n) }

// parseID reads it back.
func parseID(id string) (start int64, n int, ok bool) {
	a, b, _ := strings.Cut(id, ":")
	start, err := strconv.ParseInt(a, 10, 64)
	if err != nil {
		return 0, 0, false
	}
	n, err = strconv.Atoi(b)
	return start, n, err == nil && n >= 0 && start >= 0
}

func logLine(start int64, n int, from string, text []byte) backend.LogLine {
	s := strings.TrimRight(string(text), "\r\n")
	return backend.LogLine{ID: lineID(start, n), From: from, Level: signal.LevelOf(s), Text: backend.T(s)}
}

// A chunk is a part of a log that is read as it comes: an answer may be longer than
// what is held at once. Its lines are whole but for the last, while the log grows.
//
// Offsets are those of the file on the controller. What is given is shorter where
// Jenkins leaves out its own notes in it, so that a line's offset can't be counted:
// lines are known by the chunk that they came in and how many came before.
type chunk struct {
	io.Closer
	from   *bufio.Reader
	parts  *multipart.Reader // nil where it comes as plain text; else what stands below is known behind the text
	refuse func(error) error
	half   half // the line whose end was not read yet

	start, end int64
	done       bool // nothing comes behind it
	fromLine   bool // it begins where a line does, which was looked for
}

// chunk asks for a log from an offset on.
func (j *Jenkins) chunk(ctx context.Context, r backend.Ref, start, until int64) (*chunk, error) {
	c, header, err := j.open(ctx, logRequest(r, start, until))
	if err != nil {
		return nil, err
	}
	if c.start = max(start, 0); c.tails() {
		return c, nil
	}
	c.done = header.Get("X-More-Data") != "true"
	if c.end, err = strconv.ParseInt(header.Get("X-Text-Size"), 10, 64); err != nil {
		_ = c.Close() // it is of no use
		return nil, c.refuse(fmt.Errorf("that is no log: %w", err))
	}
	if c.end < c.start { // it was begun anew, and comes from its beginning
		c.start = 0
	}
	return c, nil
}

// open sends a request for a log.
func (j *Jenkins) open(ctx context.Context, request webapi.Request) (*chunk, http.Header, error) {
	res, err := j.api.Open(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	c := &chunk{Closer: res.Body, from: bufio.NewReaderSize(res.Body, 64<<10), refuse: func(err error) error {
		return j.api.Refused(request.Op, request.What, request.Ref, err)
	}}
	kind, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if kind == "text/html" || res.StatusCode != http.StatusOK && res.StatusCode != http.StatusPartialContent {
		_ = res.Body.Close() // it is of no use
		return nil, nil, c.refuse(fmt.Errorf("that is no log but %d %s: %w", res.StatusCode, kind, errStranger))
	}
	if err == nil && kind == "multipart/form-data" {
		c.parts = multipart.NewReader(c.from, params["boundary"])
		text, err := c.parts.NextPart()
		if err != nil {
			_ = res.Body.Close() // it is broken
			return nil, nil, c.refuse(err)
		}
		c.from = bufio.NewReaderSize(text, 64<<10)
	}
	return c, res.Header, nil
}

// tails says that this server can be asked for a log's end.
func (c *chunk) tails() bool { return c.parts != nil }

// next gives a line with its end; io.EOF when there is no more, which leaves in half
// what had none.
func (c *chunk) next() ([]byte, error) {
	for {
		piece, err := c.from.ReadSlice('\n')
		c.half.add(piece)
		switch {
		case err == nil:
			return c.half.line(), nil
		case errors.Is(err, io.EOF):
			if err = c.meta(); err == nil {
				return nil, io.EOF
			}
			return nil, c.refuse(err)
		case !errors.Is(err, bufio.ErrBufferFull):
			return nil, c.refuse(err)
		}
	}
}

// meta reads the second part of an answer in two, which says what the first is.
func (c *chunk) meta() error {
	if c.parts == nil {
		return nil
	}
	part, err := c.parts.NextPart()
	if err != nil {
		return fmt.Errorf("that is no log: %w", err)
	}
	var meta struct {
		Completed        bool
		Start, End       int64
		StartFromNewLine bool
	}
	if err := json.NewDecoder(part).Decode(&meta); err != nil {
		return fmt.Errorf("that is no log: %w", err)
	}
	c.start, c.end, c.done, c.fromLine = meta.Start, meta.End, meta.Completed, meta.StartFromNewLine
	return nil
}

// count reads it to its end, and gives how many lines it has.
func (c *chunk) count() (lines int, err error) {
	for {
		switch _, err := c.next(); {
		case errors.Is(err, io.EOF):
			return lines, nil
		case err != nil:
			return lines, err
		}
		lines++
	}
}

// longest is how much of a line is kept.
const longest = 64 << 10 // bytes

// A half is the beginning of a line. What of a line is too much is left out, and how
// much that was stands at its end.
type half struct {
	kept []byte
	left int
}

func (h *half) add(piece []byte) {
	room := min(len(piece), longest-len(h.kept))
	h.kept, h.left = append(h.kept, piece[:room]...), h.left+len(piece)-room
}

func (h *half) empty() bool { return len(h.kept) == 0 }

// line takes it as a whole line.
func (h *half) line() []byte {
	line := h.kept
	if h.left > 0 {
		line = fmt.Appendf(line, " … %d bytes more\n", h.left)
	}
	*h = half{}
	return line
}
