package kube

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/signal"
)

// longest is how many bytes of a line are kept, its time among them. What is longer
// says how much of it was left out.
const longest = 64 << 10

// A logReader reads the lines of one container: "TIME TEXT". The texts of what came
// at once share their memory, so that a line costs no allocation of its own.
type logReader struct {
	from  io.Reader
	name  string // of who writes, see backend.LogLine.From
	buf   []byte // of what came and is not given yet there are n bytes
	n     int
	head  string // of a line that is longer than buf; else empty
	left  int    // bytes of it that were left out
	clock logClock
	lines []backend.LogLine
}

func newLogReader(from io.Reader, name string) *logReader {
	return &logReader{from: from, name: name, buf: make([]byte, longest)}
}

// next waits for something to come, and gives its whole lines, which may be none;
// they are lent until the next call. What came before the error is given with it.
func (r *logReader) next() ([]backend.LogLine, error) {
	r.lines = r.lines[:0]
	n, err := r.from.Read(r.buf[r.n:])
	came := r.buf[r.n : r.n+n]
	r.n += n
	if r.head != "" && !r.endLong(came) {
		return nil, err
	}
	if end := bytes.LastIndexByte(r.buf[:r.n], '\n') + 1; end > 0 {
		r.divide(string(r.buf[:end]))
		r.n = copy(r.buf, r.buf[end:r.n])
	}
	if r.n == len(r.buf) {
		r.head, r.left, r.n = string(r.buf), 0, 0
	}
	return r.lines, err
}

// endLong looks in what came for the end of the line that is too long; ended says
// that it is there, and what is behind it is in buf.
func (r *logReader) endLong(came []byte) (ended bool) {
	end := bytes.IndexByte(came, '\n')
	if end < 0 {
		r.left += len(came)
		r.n = 0
		return false
	}
	r.left += end
	r.long()
	r.n = copy(r.buf, came[end+1:])
	return true
}

// long gives the line that is too long.
func (r *logReader) long() {
	r.line(r.head)
	if r.left > 0 {
		l := &r.lines[len(r.lines)-1]
		l.Text = backend.T(fmt.Sprintf("%s … %d bytes more are left out here", l.Text.Raw(), r.left))
	}
	r.head = ""
}

// divide takes whole lines, each with its end.
func (r *logReader) divide(s string) {
	for s != "" {
		line, rest, _ := strings.Cut(s, "\n")
		r.line(line)
		s = rest
	}
}

func (r *logReader) line(s string) {
	at, text := r.clock.cut(strings.TrimSuffix(s, "\r"))
	r.lines = append(r.lines, backend.LogLine{At: at, From: r.name, Level: signal.LevelOf(text), Text: backend.T(text)})
}

// rest gives the line whose end did not come, of a log that has ended.
func (r *logReader) rest() []backend.LogLine {
	r.lines = r.lines[:0]
	switch {
	case r.head != "":
		r.long()
	case r.n > 0:
		r.line(string(r.buf[:r.n]))
	}
	r.n = 0
	return r.lines
}

// A logClock reads the times of lines, RFC 3339 with a fraction, most of which are
// of the same minute as the one before.
type logClock struct {
	minute string // "2026-11-28T07:09"
	zone   string // "Z", "+02:00"
	begins int64  // Unix nanoseconds
}

const (
	minuteLen = len("2006-01-02T15:04")
	secondLen = len("2006-01-02T15:04:05")
)

// cut takes the time off a line; zero where it does not begin with one.
func (c *logClock) cut(line string) (at int64, text string) {
	stamp, _, ok := strings.Cut(line[:min(len(line), 40)], " ")
	if !ok || len(stamp) <= secondLen || stamp[minuteLen] != ':' {
		return 0, line
	}
	sec, unit, i := int64(0), int64(time.Second), minuteLen+1
	for ; i < secondLen; i++ {
		if stamp[i] < '0' || stamp[i] > '9' {
			return 0, line
		}
		sec = sec*10 + int64(stamp[i]-'0')
	}
	nanos := sec * unit
	if stamp[i] == '.' {
		for i++; i < len(stamp) && stamp[i] >= '0' && stamp[i] <= '9'; i++ {
			unit /= 10
			nanos += int64(stamp[i]-'0') * unit
		}
	}
	if stamp[:minuteLen] != c.minute || stamp[i:] != c.zone {
		begins, err := time.Parse("2006-01-02T15:04Z07:00", stamp[:minuteLen]+stamp[i:])
		if err != nil {
			return 0, line
		}
		c.minute, c.zone, c.begins = strings.Clone(stamp[:minuteLen]), strings.Clone(stamp[i:]), begins.UnixNano()
	}
	return c.begins + nanos, line[len(stamp)+1:]
}

// A logPlace is how far a container's log has been given. What is asked for again
// begins by the second, so it holds which lines of the last seconds were given: by
// their times, of which several lines may have the same.
type logPlace struct {
	newest int64   // time of the newest line; zero: there was none
	given  []int64 // times of those from the second before that on
	forgot int64   // up to here all were given, or are not wanted
	again  map[int64]int
}

// mostGiven bounds what is held of a log that writes more than that in a second.
const mostGiven = 1 << 19

// since is from when on to ask for what comes now. A line may be written a little
// later than its time says, so it is a second more than needed.
func (p *logPlace) since() time.Time {
	if p.newest == 0 {
		return time.Time{}
	}
	return time.Unix(p.newest/int64(time.Second)-1, 0)
}

// begin says that nothing is wanted that is older than what was given: what is asked
// for by the second begins earlier.
func (p *logPlace) begin() {
	if len(p.given) > 0 {
		p.forgot = max(p.forgot, slices.Min(p.given)-1)
	}
}

// resume says that lines from since on come again.
func (p *logPlace) resume() {
	p.again = make(map[int64]int, len(p.given))
	for _, at := range p.given {
		p.again[at]++
	}
}

// fresh keeps the lines that were not given yet, in place.
func (p *logPlace) fresh(lines []backend.LogLine) []backend.LogLine {
	kept := lines[:0]
	for i := range lines {
		if at := lines[i].At; at == 0 || p.take(at) {
			kept = append(kept, lines[i])
		}
	}
	return kept
}

// take says whether a line of that time is new.
func (p *logPlace) take(at int64) bool {
	if at <= p.forgot {
		return false
	}
	if n := p.again[at]; n > 0 {
		p.again[at] = n - 1
		return false
	}
	if at/int64(time.Second) > p.newest/int64(time.Second) {
		p.forget((at/int64(time.Second) - 1) * int64(time.Second))
	}
	p.newest = max(p.newest, at)
	if len(p.given) == mostGiven {
		p.forgot = max(p.forgot, p.given[mostGiven/2])
		p.forget(p.forgot + 1)
	}
	p.given = append(p.given, at)
	return true
}

// forget drops what is older.
func (p *logPlace) forget(before int64) {
	kept := p.given[:0]
	for _, at := range p.given {
		if at >= before {
			kept = append(kept, at)
		}
	}
	p.given = kept
}

// brokeOff says whether an answer ended otherwise than its server meant it to.
func brokeOff(err error) bool { return !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
