package backend

import (
	"context"
	"time"
)

// A LogLine is one line that a system has written down. It is a value that is
// kept by the hundred thousand.
type LogLine struct {
	ID    string // the system's own, by which one that comes twice is known; empty where there is none
	At    int64  // when it was written, Unix nanoseconds; zero when unknown
	From  string // who wrote it, as far as a query has several: pod/container, stage
	Level Level  // as far as the system, or the line's words, tell; None else
	Text  Text   // without its line end
}

// Time is when it was written; zero when unknown.
func (l LogLine) Time() time.Time {
	if l.At == 0 {
		return time.Time{}
	}
	return time.Unix(0, l.At)
}

// AppendTo appends the line as it came, behind its time and who wrote it, with a
// line end: for saving and copying.
func (l LogLine) AppendTo(b []byte) []byte {
	if at := l.Time(); !at.IsZero() {
		b = append(at.UTC().AppendFormat(b, time.RFC3339Nano), ' ')
	}
	if l.From != "" {
		b = append(append(b, l.From...), ' ')
	}
	return append(append(b, l.Text.Raw()...), '\n')
}

// A LogQuery says which lines are wanted.
type LogQuery struct {
	Of       []Ref     // whose, all of one link: pods, a build, streams. Lines of several are merged as they come
	Last     int       // how many of those that are there already come first, of each
	Since    time.Time // none that is older; zero: whatever Last says
	Match    string    // what the server itself sifts by, in its own query language; empty: nothing
	Previous bool      // of the process before the one that runs, where a system keeps those; of a build that has jobs, of the last attempt before the newest of each that was retried
}

// Lines reads logs. Safe for concurrent use.
type Lines interface {
	// Tail gives lines as they come, each once, until ctx ends, whose error it
	// returns, or nothing more can come, which is nil: the build has ended. It
	// reconnects by itself, goes on where it was, and tells every other trouble
	// through the sink. Where there is more to say of an end than that, the last Health
	// says it: that there never was a log, what of it is not shown. A query that makes
	// no sense is an Invalid error.
	Tail(ctx context.Context, q LogQuery, sink LineSink) error
	// Before gives up to n lines that are older than the cursor, oldest first, and
	// the cursor for those before them; the zero Cursor says that there are none. An
	// error of the code Partly comes with lines, and says whose are not among them.
	Before(ctx context.Context, q LogQuery, c Cursor, n int) ([]LogLine, Cursor, error)
}

// A Cursor says where in a log one has looked so far. Whoever begins has the
// oldest line that Tail gave; State is then empty, and the adapter's own business
// from its first answer on.
type Cursor struct {
	Oldest LogLine
	State  string
}

// IsZero says that there is nothing older.
func (c Cursor) IsZero() bool { return c == Cursor{} }

// A LineSink takes what Tail finds. Safe for concurrent use; no method waits for
// whoever reads.
type LineSink interface {
	// Lines appends. The slice is the caller's again when it returns.
	Lines(...LogLine)
	// Missed counts lines that are known to exist and will not come.
	Missed(n int)
	// Health says whether lines come, and why not. Live is told once those that were
	// there at the beginning have been given, as far as that can be known. of is
	// whose lines they are: one of the query's refs, or the zero Ref for all of them.
	Health(of Ref, h Health)
}
