package elastic

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A test says whether a document is wanted.
type test func(*doc) bool

func everything(*doc) bool { return true }

func nothing(*doc) bool { return false }

// A reader makes tests of queries.
type reader struct{ now time.Time }

// query reads an object with one query in it.
func (r reader) query(of any) (test, *fault) {
	q, ok := of.(map[string]any)
	if !ok || len(q) == 0 {
		return nil, wrong("illegal_argument_exception", "query malformed, empty clause found")
	}
	if len(q) > 1 {
		return nil, wrong("parsing_exception", "[%s] malformed query, expected [END_OBJECT] but found [FIELD_NAME]", slices.Sorted(maps.Keys(q))[0])
	}
	kind := slices.Collect(maps.Keys(q))[0]
	body, ok := q[kind].(map[string]any)
	if !ok {
		return nil, wrong("parsing_exception", "[%s] query malformed, no start_object after query name", kind)
	}
	switch kind {
	case "match_all":
		return everything, nil
	case "match_none":
		return nothing, nil
	case "bool":
		return r.all(body)
	case "ids":
		ids := words(body["values"])
		return func(d *doc) bool { return slices.Contains(ids, d.id()) }, nil
	case "exists":
		name, _ := body["field"].(string)
		return has(name), nil
	case "query_string":
		return r.queryString(body)
	case "term", "terms", "range", "match", "match_phrase", "prefix", "wildcard":
		return r.ofField(kind, body)
	}
	f := wrong("parsing_exception", "unknown query [%s]", kind)
	f.Cause = &fault{Type: "named_object_not_found_exception", Reason: "unknown field [" + kind + "]"}
	return nil, f
}

// queries reads one query or a list of them.
func (r reader) queries(of any) ([]test, *fault) {
	list, ok := of.([]any)
	if !ok {
		list = []any{of}
	}
	var out []test
	for _, one := range list {
		t, f := r.query(one)
		if f != nil {
			return nil, f
		}
		out = append(out, t)
	}
	return out, nil
}

// all reads a bool query.
func (r reader) all(body map[string]any) (test, *fault) {
	var b boolean
	least := -1
	for name, of := range body {
		var into *[]test
		switch name {
		case "must", "filter":
			into = &b.must
		case "must_not":
			into = &b.not
		case "should":
			into = &b.should
		case "minimum_should_match":
			n, err := strconv.Atoi(fmt.Sprint(of))
			if err != nil {
				return nil, wrong("illegal_argument_exception", "Failed to parse int parameter [minimum_should_match] with value [%v]", of)
			}
			least = n
			continue
		case "boost", "_name":
			continue
		default:
			return nil, wrong("parsing_exception", "[bool] query does not support [%s]", name)
		}
		some, f := r.queries(of)
		if f != nil {
			return nil, f
		}
		*into = append(*into, some...)
	}
	if b.settle(); least >= 0 {
		b.least = least
	}
	return b.is, nil
}

// A boolean is tests that must hold, must not, and should, of which some must.
type boolean struct {
	must, not, should []test
	least             int
}

// settle says how many should hold where nobody has: one, if nothing else must.
func (b *boolean) settle() {
	if len(b.must) == 0 && len(b.should) > 0 {
		b.least = 1
	}
}

func (b *boolean) is(d *doc) bool {
	holds := func(t test) bool { return t(d) }
	if slices.ContainsFunc(b.must, func(t test) bool { return !t(d) }) || slices.ContainsFunc(b.not, holds) {
		return false
	}
	n := 0
	for _, t := range b.should {
		if n < b.least && t(d) {
			n++
		}
	}
	return n >= b.least
}

// has says whether there is something in a field, or below it.
func has(name string) test {
	return func(d *doc) bool {
		for _, f := range fields() {
			if (f.name == name || strings.HasPrefix(f.name, name+".")) && f.of(d) != nil {
				return true
			}
		}
		return false
	}
}

// ofField reads a query of the form {field: value}, or {field: {…: value}}.
func (r reader) ofField(kind string, body map[string]any) (test, *fault) {
	delete(body, "boost")
	delete(body, "_name")
	if len(body) != 1 {
		return nil, wrong("parsing_exception", "[%s] query doesn't support multiple fields, found [%s]", kind, strings.Join(slices.Sorted(maps.Keys(body)), "] and ["))
	}
	name := slices.Collect(maps.Keys(body))[0]
	f, known := fieldOf(name)
	value := body[name]
	inner, _ := value.(map[string]any)
	if kind == "range" {
		return r.between(f, known, inner)
	}
	for _, word := range []string{"query", "value", "wildcard"} {
		if v, ok := inner[word]; ok {
			value = v
		}
	}
	if !known {
		return nothing, nil
	}
	switch kind {
	case "terms":
		return r.oneOf(f, value)
	case "match":
		if f.kind == "text" {
			op, _ := inner["operator"].(string)
			return said(f, tokens(fmt.Sprint(value)), strings.EqualFold(op, "and")), nil
		}
		return r.equal(f, value)
	case "match_phrase":
		return r.phrase(f, fmt.Sprint(value))
	case "prefix":
		return pattern(f, fmt.Sprint(value), true, inner["case_insensitive"] == true), nil
	case "wildcard":
		return pattern(f, fmt.Sprint(value), false, inner["case_insensitive"] == true), nil
	}
	return r.equal(f, value)
}

// oneOf is a field that has one of some values.
func (r reader) oneOf(f field, values any) (test, *fault) {
	list, ok := values.([]any)
	if !ok {
		return nil, wrong("parsing_exception", "[terms] query does not support [%s]", f.name)
	}
	b := boolean{least: 1}
	for _, one := range list {
		t, bad := r.equal(f, one)
		if bad != nil {
			return nil, bad
		}
		b.should = append(b.should, t)
	}
	return b.is, nil
}

// equal is a field that has a value; of a text, a word.
func (r reader) equal(f field, value any) (test, *fault) {
	switch f.kind {
	case "text":
		return func(d *doc) bool { return slices.Contains(tokens(f.of(d).(string)), fmt.Sprint(value)) }, nil
	case "date":
		from, bad := r.moment(value, "", false)
		if bad != nil {
			return nil, bad
		}
		to, _ := r.moment(value, "", true) // what could be read once can be again
		return func(d *doc) bool { return d.at >= from && d.at <= to }, nil
	case "long", "_seq_no":
		n, err := strconv.ParseFloat(fmt.Sprint(value), 64)
		if err != nil {
			bad := wrong("query_shard_exception", "failed to create query: For input string: \"%v\"", value)
			bad.phase = true
			return nil, bad
		}
		return func(d *doc) bool { return float64(f.of(d).(int64)) == n }, nil
	case "_index":
		return func(d *doc) bool { return like(fmt.Sprint(value), d.in.name) || d.in.of.name == value }, nil
	}
	return func(d *doc) bool { v, ok := f.of(d).(string); return ok && v == fmt.Sprint(value) }, nil
}

// said is a text with one of some words, or all.
func said(f field, words []string, all bool) test {
	return func(d *doc) bool {
		in, n := tokens(f.of(d).(string)), 0
		for _, w := range words {
			if slices.Contains(in, w) {
				n++
			}
		}
		return n > 0 && (!all || n == len(words))
	}
}

// phrase is a text with words one after the other.
func (r reader) phrase(f field, phrase string) (test, *fault) {
	if f.kind != "text" {
		return r.equal(f, phrase)
	}
	words := tokens(phrase)
	return func(d *doc) bool {
		in := tokens(f.of(d).(string))
		for at := 0; at+len(words) <= len(in); at++ {
			if slices.Equal(in[at:at+len(words)], words) {
				return len(words) > 0
			}
		}
		return false
	}, nil
}

// pattern is a field, or a word of a text, that is like a pattern.
func pattern(f field, p string, prefix, anyCase bool) test {
	fits := func(s string) bool {
		if anyCase {
			s, p = strings.ToLower(s), strings.ToLower(p)
		}
		if prefix {
			return strings.HasPrefix(s, p)
		}
		return wild([]rune(p), []rune(s))
	}
	return func(d *doc) bool {
		s, ok := f.of(d).(string)
		if f.kind == "text" {
			return slices.ContainsFunc(tokens(s), fits)
		}
		return ok && fits(s)
	}
}

// wild says whether a word is like a pattern, in which * is anything and ? one letter.
func wild(p, s []rune) bool {
	switch {
	case len(p) == 0:
		return len(s) == 0
	case p[0] == '*':
		return wild(p[1:], s) || len(s) > 0 && wild(p, s[1:])
	case len(s) == 0:
		return false
	}
	if p[0] == '\\' && len(p) > 1 {
		p = p[1:]
	} else if p[0] == '?' {
		return wild(p[1:], s[1:])
	}
	return p[0] == s[0] && wild(p[1:], s[1:])
}

// between reads a range query.
func (r reader) between(f field, known bool, limits map[string]any) (test, *fault) {
	format, _ := limits["format"].(string)
	var tests []test
	for name, value := range limits {
		if !slices.Contains([]string{"gte", "gt", "lte", "lt", "format", "time_zone", "boost", "relation"}, name) {
			return nil, wrong("parsing_exception", "[range] query does not support [%s]", name)
		}
		if !slices.Contains([]string{"gte", "gt", "lte", "lt"}, name) || value == nil {
			continue
		}
		t, bad := r.limit(f, name, value, format)
		if bad != nil {
			return nil, bad
		}
		tests = append(tests, t)
	}
	return func(d *doc) bool {
		return known && !slices.ContainsFunc(tests, func(t test) bool { return !t(d) })
	}, nil
}

func (r reader) limit(f field, side string, value any, format string) (test, *fault) {
	holds := func(c int) bool {
		switch side {
		case "gte":
			return c >= 0
		case "gt":
			return c > 0
		case "lte":
			return c <= 0
		}
		return c < 0
	}
	switch f.kind {
	case "date":
		at, bad := r.moment(value, format, side == "lte" || side == "gt")
		return func(d *doc) bool { return holds(cmp.Compare(d.at, at)) }, bad
	case "long", "_seq_no":
		n, err := strconv.ParseInt(fmt.Sprint(value), 10, 64)
		if err != nil {
			bad := wrong("query_shard_exception", "failed to create query: For input string: \"%v\"", value)
			bad.phase = true
			return nil, bad
		}
		return func(d *doc) bool { return holds(cmp.Compare(f.of(d).(int64), n)) }, nil
	}
	return func(d *doc) bool {
		s, ok := f.of(d).(string)
		return ok && holds(strings.Compare(s, fmt.Sprint(value)))
	}, nil
}

// moment reads a time, in Unix milliseconds: a number, now with what is added to it and
// rounded, or a date, which as an upper limit is as late as it can be.
func (r reader) moment(value any, format string, up bool) (int64, *fault) {
	text := fmt.Sprint(value)
	if number, ok := value.(json.Number); ok || onlyDigits(text) && len(text) > 4 {
		n, err := strconv.ParseInt(cmp.Or(string(number), text), 10, 64)
		if err == nil {
			return n, nil
		}
	}
	if rest, ok := strings.CutPrefix(text, "now"); ok {
		if at, ok := added(r.now, rest, up); ok {
			return at.UnixMilli(), nil
		}
	}
	for _, l := range []struct {
		layout string
		unit   time.Duration
	}{
		{time.RFC3339Nano, time.Millisecond},
		{"2006-01-02T15:04:05.999999999", time.Millisecond},
		{"2006-01-02T15:04Z07:00", time.Minute},
		{"2006-01-02T15:04", time.Minute},
		{"2006-01-02T15", time.Hour},
		{"2006-01-02", 24 * time.Hour},
	} {
		at, err := time.Parse(l.layout, text)
		if err == nil && up {
			at = at.Add(l.unit - time.Millisecond)
		}
		if err == nil {
			return at.UnixMilli(), nil
		}
	}
	f := wrong("parse_exception", "failed to parse date field [%s] with format [%s]", text, cmp.Or(format, "strict_date_optional_time||epoch_millis"))
	f.Cause = &fault{Type: "illegal_argument_exception", Reason: f.Reason}
	f.phase = true
	return 0, f
}

func onlyDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// added does date mathematics: +30s, -1h/d.
func added(at time.Time, sum string, up bool) (time.Time, bool) {
	units := map[byte]time.Duration{'s': time.Second, 'm': time.Minute, 'h': time.Hour, 'H': time.Hour, 'd': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	for sum != "" {
		sign := sum[0]
		sum = sum[1:]
		digits := len(sum) - len(strings.TrimLeft(sum, "0123456789"))
		if digits == len(sum) {
			return at, false
		}
		unit, ok := units[sum[digits]]
		n := 1
		if digits > 0 {
			n, _ = strconv.Atoi(sum[:digits]) // they are digits
		}
		sum = sum[digits+1:]
		switch {
		case !ok:
			return at, false
		case sign == '+':
			at = at.Add(time.Duration(n) * unit)
		case sign == '-':
			at = at.Add(-time.Duration(n) * unit)
		case sign == '/' && up:
			at = at.Truncate(unit).Add(unit - time.Millisecond)
		case sign == '/':
			at = at.Truncate(unit)
		default:
			return at, false
		}
	}
	return at, true
}
