package elastic

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A key is one by which documents are put in order.
type key struct {
	name   string
	field  field
	down   bool
	format string
	nanos  bool
}

// keys reads a sort.
func keys(of any) ([]key, *fault) {
	list, ok := of.([]any)
	if !ok {
		list = []any{of}
	}
	var out []key
	for _, one := range list {
		how, _ := one.(map[string]any)
		if name, ok := one.(string); ok {
			how = map[string]any{name: map[string]any{}}
		}
		for name, h := range how {
			k := key{name: name, down: h == "desc" || name == "_score"}
			unmapped := false
			if h, ok := h.(map[string]any); ok {
				order, said := h["order"]
				k.down = order == "desc" || !said && name == "_score"
				k.format, _ = h["format"].(string)
				k.nanos = h["numeric_type"] == "date_nanos"
				unmapped = h["unmapped_type"] != nil
			}
			f, known := fieldOf(name)
			k.field = f
			switch {
			case known && f.kind == "text":
				return nil, textual(name)
			case !known && !unmapped && !slices.Contains([]string{"_score", "_doc", "_shard_doc"}, name):
				bad := wrong("query_shard_exception", "No mapping found for [%s] in order to sort on", name)
				bad.phase = true
				return nil, bad
			}
			out = append(out, k)
		}
	}
	return out, nil
}

// textual refuses to put documents in order, or to sum them up, by a text.
func textual(name string) *fault {
	f := wrong("illegal_argument_exception", "Fielddata is disabled on [%s] in [logs]. Text fields are not optimised for operations that require per-document field data like "+
		"aggregations and sorting, so these operations are disabled by default. Please use a keyword field instead. Alternatively, set fielddata=true on [%s] in order to load "+
		"field data by uninverting the inverted index. Note that this can use significant memory.", name, name)
	f.phase = true
	return f
}

// of is the value of a document by which it stands where it does: a string, an int64,
// or nil.
func (k key) of(d *doc) any {
	switch k.name {
	case "_score":
		return int64(1)
	case "_doc":
		return d.no
	case "_shard_doc":
		return d.Seq
	}
	if k.field.of == nil {
		return nil
	}
	return k.field.of(d)
}

// told is a value as the answer has it.
func (k key) told(v any) any {
	at, ok := v.(int64)
	switch {
	case k.field.kind != "date" || !ok:
		return v
	case k.format != "" && k.format != "epoch_millis":
		return wall(at)
	case k.nanos:
		return at * 1_000_000
	}
	return at
}

// place reads where in the order to go on.
func (q *question) place() *fault {
	if len(q.after) == 0 {
		return nil
	}
	if len(q.after) != len(q.sort) {
		f := wrong("illegal_argument_exception", "search_after has %d value(s) but sort has %d.", len(q.after), len(q.sort))
		f.phase = true
		return f
	}
	for i, k := range q.sort {
		numeric := slices.Contains([]string{"date", "long", "_seq_no", ""}, k.field.kind)
		if q.after[i] == nil || !numeric {
			if n, ok := q.after[i].(json.Number); ok {
				q.after[i] = n.String()
			}
			continue
		}
		var bad *fault
		var n int64
		if _, written := q.after[i].(string); k.field.kind == "date" && written {
			n, bad = reader{}.moment(q.after[i], k.format, false)
		} else {
			var err error
			if n, err = strconv.ParseInt(fmt.Sprint(q.after[i]), 10, 64); err != nil {
				bad = wrong("illegal_argument_exception", "Failed to parse search_after value for field [%s].", k.name)
				bad.phase = true
			}
			if k.field.kind == "date" && k.nanos {
				n /= 1_000_000
			}
		}
		if bad != nil {
			return bad
		}
		q.after[i] = n
	}
	return nil
}

// order compares values by the keys.
func (q *question) order(a, b func(int) any) int {
	for i, k := range q.sort {
		c := 0
		switch x := a(i).(type) {
		case int64:
			y, ok := b(i).(int64)
			c = -1
			if ok {
				c = cmp.Compare(x, y)
			}
		case string:
			y, ok := b(i).(string)
			c = -1
			if ok {
				c = strings.Compare(x, y)
			}
		case nil:
			if b(i) != nil {
				return 1 // what has none comes last
			}
		}
		if k.down {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

func (q *question) values(d *doc) func(int) any { return func(i int) any { return q.sort[i].of(d) } }
