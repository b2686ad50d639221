package elastic

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// sums are aggregations of documents, each under its name.
func sums(asked map[string]any, docs []*doc) (object, *fault) {
	out := object{}
	for name, of := range asked {
		how, _ := of.(map[string]any)
		inner, _ := how["aggs"].(map[string]any)
		if inner == nil {
			inner, _ = how["aggregations"].(map[string]any)
		}
		for kind, of := range how {
			if kind == "aggs" || kind == "aggregations" || kind == "meta" {
				continue
			}
			body, _ := of.(map[string]any)
			one, bad := sum(kind, body, inner, docs)
			if bad != nil {
				return nil, bad
			}
			out[name] = one
		}
	}
	return out, nil
}

func sum(kind string, body, inner map[string]any, docs []*doc) (object, *fault) {
	name, _ := body["field"].(string)
	f, known := fieldOf(name)
	switch kind {
	case "terms", "date_histogram", "min", "max", "value_count", "cardinality":
	default:
		bad := wrong("parsing_exception", "Unknown aggregation type [%s]", kind)
		bad.Cause = &fault{Type: "named_object_not_found_exception", Reason: "unknown field [" + kind + "]"}
		return nil, bad
	}
	if f.kind == "text" {
		return nil, textual(name)
	}
	values := func(d *doc) any {
		if !known {
			return nil
		}
		return f.of(d)
	}
	switch kind {
	case "terms":
		return terms(body, inner, docs, values)
	case "date_histogram":
		if f.kind != "date" {
			bad := wrong("illegal_argument_exception", "Field [%s] of type [%s] is not supported for aggregation [date_histogram]", name, f.kind)
			bad.phase = true
			return nil, bad
		}
		return histogram(body, inner, docs)
	}
	out := object{"value": number(kind, docs, values)}
	if at, ok := out["value"].(int64); ok && f.kind == "date" {
		out["value_as_string"] = wall(at)
	}
	return out, nil
}

// number is one of all values: how many, how many different ones, the least, the most.
func number(kind string, docs []*doc, of func(*doc) any) any {
	different := map[any]bool{}
	n := 0
	var numbers []int64
	for _, d := range docs {
		v := of(d)
		if v == nil {
			continue
		}
		n++
		different[v] = true
		if at, ok := v.(int64); ok {
			numbers = append(numbers, at)
		}
	}
	switch {
	case kind == "value_count":
		return n
	case kind == "cardinality":
		return len(different)
	case len(numbers) == 0:
		return nil
	case kind == "min":
		return slices.Min(numbers)
	}
	return slices.Max(numbers)
}

// A bucket is documents that belong together.
type bucket struct {
	key  any
	docs []*doc
}

func (b bucket) told(inner map[string]any) (object, *fault) {
	out := object{"key": b.key, "doc_count": len(b.docs)}
	more, bad := sums(inner, b.docs)
	maps.Copy(out, more)
	return out, bad
}

// terms counts each value, the most frequent first.
func terms(body, inner map[string]any, docs []*doc, value func(*doc) any) (object, *fault) {
	size := 10
	if n, ok := body["size"].(json.Number); ok {
		size, _ = strconv.Atoi(n.String())
	}
	if size <= 0 {
		return nil, wrong("illegal_argument_exception", "[size] must be greater than 0. Found [%d]", size)
	}
	of := map[any]*bucket{}
	for _, d := range docs {
		v := value(d)
		if v == nil {
			continue
		}
		if of[v] == nil {
			of[v] = &bucket{key: v}
		}
		of[v].docs = append(of[v].docs, d)
	}
	all := slices.SortedFunc(maps.Values(of), func(a, b *bucket) int {
		return cmp.Or(cmp.Compare(len(b.docs), len(a.docs)), cmp.Compare(fmt.Sprint(a.key), fmt.Sprint(b.key)))
	})
	buckets, others := []object{}, 0
	for i, b := range all {
		if i >= size {
			others += len(b.docs)
			continue
		}
		one, bad := b.told(inner)
		if bad != nil {
			return nil, bad
		}
		buckets = append(buckets, one)
	}
	return object{"doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": buckets}, nil
}

const mostBuckets = 65_536

// interval reads how long the intervals of a histogram are, in milliseconds.
func interval(body map[string]any) (int64, *fault) {
	for _, word := range []string{"fixed_interval", "calendar_interval"} {
		text, ok := body[word].(string)
		if !ok {
			continue
		}
		if word == "calendar_interval" {
			text = map[string]string{"second": "1s", "minute": "1m", "hour": "1h", "day": "1d"}[text] + map[bool]string{true: text}[len(text) == 2]
		}
		long, bad := lasts(text)
		if bad != nil || long == 0 {
			return 0, wrong("illegal_argument_exception", "failed to parse setting [date_histogram.%s] with value [%s] as a time value", word, body[word])
		}
		return long, nil
	}
	return 0, wrong("illegal_argument_exception", "Invalid interval specified, must be non-null and non-empty")
}

// histogram counts how many there are in each interval.
func histogram(body, inner map[string]any, docs []*doc) (object, *fault) {
	every, bad := interval(body)
	if bad != nil {
		return nil, bad
	}
	of := map[int64]*bucket{}
	for _, d := range docs {
		at := d.at / every * every
		if of[at] == nil {
			of[at] = &bucket{key: at}
		}
		of[at].docs = append(of[at].docs, d)
	}
	times := slices.Sorted(maps.Keys(of))
	least := fmt.Sprint(body["min_doc_count"])
	if n := len(times); n > 0 && (least == "0" || least == "<nil>") {
		if (times[n-1]-times[0])/every > mostBuckets {
			return nil, wrong("too_many_buckets_exception", "Trying to create too many buckets. Must be less than or equal to: [%d].", mostBuckets)
		}
		for at := times[0]; at < times[n-1]; at += every {
			if of[at] == nil {
				of[at] = &bucket{key: at}
			}
		}
		times = slices.Sorted(maps.Keys(of))
	}
	buckets := []object{}
	for _, at := range times {
		one, bad := of[at].told(inner)
		if bad != nil {
			return nil, bad
		}
		one["key_as_string"] = time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z")
		buckets = append(buckets, one)
	}
	return object{"buckets": buckets}, nil
}
