package gitlab

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/signal"
	"wheelhouse/backend/webapi"
)

const (
	maxLine = 64 << 10 // bytes; a longer one is cut into several
)

// trace is how far one job's log was read.
type trace struct {
	job    int64
	from   string // the job's name
	offset int64  // bytes of it that were read
	rest   []byte // that belong to a line whose end has not come
	until  int64  // where to stop; 0: at its end
	over   bool   // all of it has come
}

// read reads what a log has got since, and gives its lines. whole says that nothing
// more will come. GitLab knows no ranges: it sends all of it, and what one has is
// skipped. Where something before it does know them, it is believed.
func (g *GitLab) read(ctx context.Context, r backend.Ref, t *trace, whole bool, emit func(...backend.LogLine)) error {
	what := "the log of job " + t.from
	broken := func(err error) error { return g.api.Refused("read log", what, r, err) }
	res, err := g.api.Open(ctx, webapi.Request{
		Op: "read log", What: what, Ref: r, Path: fmt.Sprintf("%sprojects/%s/jobs/%d/trace", restPath, url.PathEscape(r.Scope), t.job),
		Header: http.Header{"Range": {fmt.Sprintf("bytes=%d-", t.offset)}, "Accept": {"text/plain, */*;q=0.5"}, "Accept-Encoding": {"identity"}},
	})
	var status *webapi.StatusError
	if errors.As(err, &status) && status.Status == http.StatusRequestedRangeNotSatisfiable {
		t.end(whole, emit)
		return nil
	}
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") { // a log is plain text
		return g.refused(about{op: "read log", what: what, ref: r}, &pageError{[]byte("<")})
	}
	if res.StatusCode != http.StatusPartialContent || !strings.HasPrefix(res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", t.offset)) {
		skipped, err := io.CopyN(io.Discard, res.Body, t.offset)
		if errors.Is(err, io.EOF) { // shorter than it was: somebody has erased it
			t.offset, t.rest = skipped, nil
			t.end(whole, emit)
			return nil
		}
		if err != nil {
			return broken(err)
		}
	}
	if err := t.take(res.Body, emit); err != nil {
		return broken(err)
	}
	t.end(whole, emit)
	return nil
}

// take reads until the end, and gives lines as they come. What was read before an
// error counts.
func (t *trace) take(body io.Reader, emit func(...backend.LogLine)) error {
	buf := make([]byte, 32<<10)
	var lines []backend.LogLine
	for {
		room := int64(len(buf))
		if t.until > 0 {
			if room = min(room, t.until-t.offset); room <= 0 {
				return nil
			}
		}
		n, err := body.Read(buf[:room])
		t.offset += int64(n)
		t.rest = append(t.rest, buf[:n]...)
		lines = t.split(lines[:0])
		if len(lines) > 0 {
			emit(lines...)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// split takes the whole lines off the rest.
func (t *trace) split(lines []backend.LogLine) []backend.LogLine {
	for {
		end, skip := bytes.IndexByte(t.rest, '\n'), 1
		if end < 0 || end > maxLine {
			if len(t.rest) <= maxLine {
				return lines
			}
			end, skip = maxLine, 0
		}
		if l, ok := t.line(t.rest[:end]); ok {
			lines = append(lines, l)
		}
		t.rest = t.rest[end+skip:]
	}
}

// end gives what is left where nothing more will come.
func (t *trace) end(whole bool, emit func(...backend.LogLine)) {
	if !whole {
		return
	}
	t.over = true
	if len(t.rest) == 0 {
		return
	}
	l, ok := t.line(t.rest)
	t.rest = nil
	if ok {
		emit(l)
	}
}

// GitLab's runner marks sections as section_start:TIME:NAME[options] CR ESC[0K, and
// may begin a line with its time and stream ("2026-11-28T07:00:00.123456Z 00O ").
var (
	section = regexp.MustCompile(`(\x1b\[0K)?section_(start|end):\d+:[A-Za-z0-9_.\-]+(\[[^\]]*\])?\r\x1b\[0K`)
	stamped = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z) [0-9a-f]{2}[OE][ +]`)
	pen     = regexp.MustCompile(`\x1b\[[0-9;]*[mK]`)
)

// line is one of the log; not ok where it says nothing but where a section begins
// or ends. Called before its bytes leave the rest.
func (t *trace) line(raw []byte) (backend.LogLine, bool) {
	l := backend.LogLine{ID: strconv.FormatInt(t.job, 10) + ":" + strconv.FormatInt(t.offset-int64(len(t.rest)), 10), From: t.from}
	text := strings.TrimRight(string(raw), "\r")
	if m := stamped.FindStringSubmatch(text); m != nil {
		if at, err := time.Parse(time.RFC3339Nano, m[1]); err == nil {
			l.At, text = at.UnixNano(), text[len(m[0]):]
		}
	}
	if strings.Contains(text, "section_") {
		without := section.ReplaceAllString(text, "")
		if without != text && pen.ReplaceAllString(without, "") == "" {
			return l, false
		}
		text = without
	}
	l.Text, l.Level = backend.T(text), signal.LevelOf(pen.ReplaceAllString(text, ""))
	return l, true
}
