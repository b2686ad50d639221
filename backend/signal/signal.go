// Package signal holds the nouns of what systems tell of themselves: streams, in
// which log lines are kept, and metrics. They are compact values, as a row shows
// them; nothing here knows which system they came from, and nothing here does
// I/O.
package signal

import "wheelhouse/backend"

// The kinds, as refs carry them.
const (
	KindStream = "stream"
	KindMetric = "metric"
)

// Nouns is how these kinds are named and addressed.
func Nouns() backend.Nouns {
	return backend.Nouns{
		{Kind: KindStream, Plural: "streams", Short: []string{"st", "index", "indices"}},
		{Kind: KindMetric, Plural: "metrics", Short: []string{"me", "measurement"}, Scoped: true},
	}
}

// Stream is one place where log lines are kept, as a row shows it: an index or a
// data stream. Strings are the server's, unchecked.
type Stream struct {
	Link, Name string

	State  string // in the server's words: green, yellow, red
	Detail string // why it is so; may be empty
	Lines  int64  // that are kept
	Bytes  int64  // that they take
	Level  backend.Level
}

// Ref addresses it.
func (s Stream) Ref() backend.Ref {
	return backend.Ref{Link: s.Link, Kind: KindStream, Name: s.Name}
}

// AppendText implements backend.Object.
func (s Stream) AppendText(b []byte) []byte {
	return backend.AppendWords(b, s.Link, s.Name, s.State, s.Detail)
}

// Metric is something that is measured, as a row shows it. Strings are the
// server's, or the configuration's, unchecked.
type Metric struct {
	Link   string
	Bucket string // where it is kept
	Name   string

	Fields string // what is measured of it, divided by blanks; may be empty
	Unit   string // of its numbers; empty when unknown
	Query  string // how it is asked for, where the configuration says so; empty: as the adapter does
}

// Ref addresses it.
func (m Metric) Ref() backend.Ref {
	return backend.Ref{Link: m.Link, Kind: KindMetric, Scope: m.Bucket, Name: m.Name}
}

// AppendText implements backend.Object.
func (m Metric) AppendText(b []byte) []byte {
	return backend.AppendWords(b, m.Link, m.Bucket, m.Name, m.Fields)
}
