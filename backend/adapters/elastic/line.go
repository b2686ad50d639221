package elastic

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/signal"
)

// timestamp is the field by which lines are put in order.
const timestamp = "@timestamp"

// A hit is one document. Its sort values say where it stands: its time, its
// index, its number within the shard, and at a point in time the server's own
// tiebreaker.
type hit struct {
	Index  string            `json:"_index"`
	ID     string            `json:"_id"`
	Source json.RawMessage   `json:"_source"`
	Sort   []json.RawMessage `json:"sort"`
}

// order sorts documents as lines stand, oldest first or last. Sequence numbers
// are those of a shard, so equal ones of one millisecond are not told apart: what
// relies on the order alone must be ready for that.
func order(direction string) []object {
	return []object{
		{timestamp: object{"order": direction, "format": "strict_date_optional_time_nanos", "numeric_type": "date_nanos", "unmapped_type": "date"}},
		{"_index": direction},
		{"_seq_no": direction},
	}
}

// at is when it was written, Unix nanoseconds; zero when it does not say.
func (h hit) at() int64 {
	if len(h.Sort) == 0 {
		return 0
	}
	var text string
	if json.Unmarshal(h.Sort[0], &text) != nil {
		return 0
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return 0
	}
	return t.UnixNano()
}

// line is the document as a line.
func (h hit) line() backend.LogLine {
	l := backend.LogLine{ID: h.Index + "/" + h.ID, At: h.at(), From: h.Index}
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(h.Source, &fields) // what is no object has no fields
	text, ok := field(fields, "message")
	if !ok {
		var b bytes.Buffer
		if json.Compact(&b, h.Source) == nil {
			text = b.String()
		}
	}
	text = strings.TrimRight(text, "\r\n")
	l.Text = backend.T(text)
	for _, name := range []string{"service.name", "kubernetes.pod.name", "host.name"} {
		if from, ok := field(fields, name); ok {
			l.From = from
			break
		}
	}
	level, ok := field(fields, "log.level")
	if !ok {
		level, ok = field(fields, "level")
	}
	if !ok {
		level = text
	}
	l.Level = signal.LevelOf(level)
	return l
}

// field gives a field by its path, whose objects are written one in the other or
// with dots in their names. What is no text is given as JSON.
func field(of map[string]json.RawMessage, path string) (string, bool) {
	if raw, ok := of[path]; ok {
		var text string
		switch {
		case bytes.Equal(raw, []byte("null")):
			return "", false
		case json.Unmarshal(raw, &text) == nil:
			return text, text != ""
		}
		return string(raw), true
	}
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		var inner map[string]json.RawMessage
		if raw, ok := of[path[:i]]; ok && json.Unmarshal(raw, &inner) == nil {
			if text, ok := field(inner, path[i+1:]); ok {
				return text, true
			}
		}
	}
	return "", false
}

// span is a condition on the time of lines. Zero is no limit; the first second
// there is, since the server counts in nanoseconds of that.
func span(from, to int64) object {
	limits := object{"format": "strict_date_optional_time_nanos", "gte": written(from), "lte": "now+30s"}
	if to != 0 {
		limits["lte"] = written(to)
	}
	return object{"range": object{timestamp: limits}}
}

func written(at int64) string { return time.Unix(0, at).UTC().Format("2006-01-02T15:04:05.000000000Z") }

// sifted is the query for lines of a span that a person wants.
func sifted(match string, more ...object) object {
	if match != "" {
		more = append(more, object{"query_string": object{"query": match}})
	}
	return object{"bool": object{"filter": more}}
}
