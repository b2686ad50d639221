package jenkins

import (
	"bufio"
	"bytes"
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

// A chunk is a part of a log: whole lines but for its end, while it grows.
//
// Offsets are those of the file on the controller. What is given is shorter where
// Jenkins leaves out its own notes in it, so that a line's offset can't be counted:
// lines are known by the chunk that they came in and how many came before.
type chunk struct {
	text       []byte
	start, end int64
	done       bool // nothing comes behind it
	tails      bool // this server can be asked for a log's end
	fromLine   bool // it begins where a line does, which was looked for
}

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

// log reads a part of a log whole.
func (j *Jenkins) log(ctx context.Context, r backend.Ref, start, until int64) (c chunk, err error) {
	request := logRequest(r, start, until)
	a, err := j.api.Do(ctx, request)
	if err != nil {
		return c, err
	}
	kind, params, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
	if err == nil && kind == "multipart/form-data" {
		err = c.parts(multipart.NewReader(bytes.NewReader(a.Body), params["boundary"]))
	} else {
		c.start, c.text = max(start, 0), a.Body
		c.end, err = strconv.ParseInt(a.Header.Get("X-Text-Size"), 10, 64)
		c.done = a.Header.Get("X-More-Data") != "true"
	}
	if err != nil {
		return c, j.api.Refused(request.Op, request.What, r, fmt.Errorf("that is no log: %w", err))
	}
	if c.end < c.start { // it was begun anew, and comes from its beginning
		c.start = 0
	}
	return c, nil
}

// parts reads the form in two parts, of which the second says what the first is.
func (c *chunk) parts(r *multipart.Reader) error {
	text, err := r.NextPart()
	if err != nil {
		return err
	}
	if c.text, err = io.ReadAll(text); err != nil {
		return err
	}
	part, err := r.NextPart()
	if err != nil {
		return err
	}
	var meta struct {
		Completed        bool
		Start, End       int64
		StartFromNewLine bool
	}
	err = json.NewDecoder(part).Decode(&meta)
	c.start, c.end, c.done, c.fromLine, c.tails = meta.Start, meta.End, meta.Completed, meta.StartFromNewLine, true
	return err
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

// stream opens a log that may be long, from an offset where a line begins on, to
// be read line by line. From its beginning it is asked for as a whole, which the
// controller sends without holding it in memory.
func (j *Jenkins) stream(ctx context.Context, r backend.Ref, start int64) (*lines, error) {
	request := logRequest(r, start, 0)
	if start == 0 {
		request.Path = buildPath(r) + "/consoleText"
	}
	res, err := j.api.Open(ctx, request)
	if err != nil {
		return nil, err
	}
	l := &lines{Closer: res.Body, from: bufio.NewReaderSize(res.Body, 64<<10), refuse: func(err error) error {
		return j.api.Refused(request.Op, request.What, r, err)
	}}
	kind, params, err := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if kind == "text/html" || res.StatusCode != http.StatusOK && res.StatusCode != http.StatusPartialContent {
		_ = res.Body.Close()
		return nil, l.refuse(fmt.Errorf("that is no log but %d %s: %w", res.StatusCode, kind, errStranger))
	}
	if err == nil && kind == "multipart/form-data" {
		l.parts = multipart.NewReader(l.from, params["boundary"])
		part, err := l.parts.NextPart()
		if err != nil {
			_ = res.Body.Close()
			return nil, l.refuse(err)
		}
		l.from = bufio.NewReaderSize(part, 64<<10)
	}
	return l, nil
}

// lines reads a log that comes.
type lines struct {
	io.Closer
	from   *bufio.Reader
	parts  *multipart.Reader // nil where it comes as plain text
	refuse func(error) error
}

// longest is how much of a line is kept.
const longest = 64 << 10 // bytes

// next gives a line with its end, of which the last may have none; io.EOF when
// there is no more. What of a line is too much is left out, and how much that was
// stands at its end.
func (l *lines) next() ([]byte, error) {
	var line []byte
	var err error
	left := 0
	for {
		var piece []byte
		piece, err = l.from.ReadSlice('\n')
		room := min(len(piece), longest-len(line))
		line, left = append(line, piece[:room]...), left+len(piece)-room
		if !errors.Is(err, bufio.ErrBufferFull) {
			break
		}
	}
	if left > 0 {
		line = fmt.Appendf(line, " … %d bytes more\n", left)
	}
	switch {
	case len(line) > 0 && (err == nil || errors.Is(err, io.EOF)):
		return line, nil
	case err == nil || errors.Is(err, io.EOF):
		return nil, io.EOF
	}
	return nil, l.refuse(err)
}
