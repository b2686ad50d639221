package influx

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A checker finds what is not known in a script before anything of it is carried out.
type checker struct{ known *scope }

func (c checker) of(e *expr) error {
	if e == nil {
		return nil
	}
	switch e.kind {
	case "import":
		path, _ := e.value.(string)
		pkg, ok := (&running{}).packages()[path]
		if !ok {
			return refused(e.from, e.to, "invalid import path %s", path)
		}
		c.known.names[imported(e)] = pkg
		return nil
	case "assign":
		err := c.of(e.in[0]) // which does not know itself
		c.known.names[e.text] = true
		return err
	case "name":
		if _, ok := c.known.find(e.text); !ok {
			return refused(e.from, e.to, "undefined identifier %s", e.text)
		}
		return nil
	case "member":
		of, _ := c.known.find(e.in[0].text)
		if pkg, ok := of.(record); ok && pkg[e.text] == nil {
			return refused(e.in[0].from, e.in[0].to, "record is missing label %s", e.text)
		}
	case "function":
		inner := &scope{map[string]any{}, c.known}
		for _, p := range e.named {
			inner.names[p.name] = true
		}
		return checker{inner}.of(e.in[0])
	case "call":
		if err := c.call(e); err != nil {
			return err
		}
	}
	return c.inside(e)
}

func (c checker) inside(e *expr) error {
	all := slices.Clone(e.in)
	for _, a := range e.named {
		all = append(all, a.value)
	}
	for _, one := range all {
		if err := c.of(one); err != nil {
			return err
		}
	}
	return nil
}

// called is the function that Flux has which an expression means; nil for others.
func (c checker) called(e *expr) *builtin {
	var v any
	switch e.kind {
	case "name":
		v, _ = c.known.find(e.text)
	case "member":
		of, _ := c.known.find(e.in[0].text)
		pkg, _ := of.(record)
		v = pkg[e.text]
	}
	f, _ := v.(*builtin)
	return f
}

// call checks what a function that Flux has is called with.
func (c checker) call(e *expr) error {
	f := c.called(e.in[0])
	if f == nil {
		return nil
	}
	given, takes := map[string]bool{"tables": e.piped}, strings.Fields(strings.ReplaceAll(f.params, "!", ""))
	if e.piped {
		takes = slices.DeleteFunc(takes, func(name string) bool { return name == "tables" })
	}
	for _, a := range e.named {
		from, to := a.from, a.to
		if a.value != nil {
			from, to = a.value.from, a.value.to
		}
		if given[a.name] = true; !slices.Contains(takes, a.name) {
			return refused(from, to, "found unexpected argument %s (Expected `%s`)", a.name, strings.Join(takes, "`, `"))
		}
		if want := kindOf(f.name, a.name); want != "" && a.value != nil && a.value.kind == "literal" && typeOf(a.value.value) != want {
			return refused(from, to, "expected %s but found %s (argument %s)", want, typeOf(a.value.value), a.name)
		}
	}
	for _, p := range strings.Fields(f.params) {
		if name, must := strings.CutSuffix(p, "!"); must && !given[name] {
			return refused(e.from, e.to, "missing required argument %s", name)
		}
	}
	return nil
}

// kindOf is the type that an argument must have, where that can be seen before anything
// is carried out; empty for others.
func kindOf(function, name string) string {
	if name == "offset" && strings.Contains(strings.ToLower(function), "window") {
		name = "every"
	}
	return map[string]string{
		"n": "int", "offset": "int", "bucket": "string", "every": "duration", "period": "duration", "desc": "bool", "createEmpty": "bool", "q": "float",
		"column": "string", "columns": "array", "rowKey": "array", "columnKey": "array", "valueColumn": "string", "measurement": "string", "tag": "string",
	}[name]
}

// converted makes a value one of a kind.
func converted(kind string, v any) (any, error) {
	if v == nil {
		return nil, nil
	}
	switch kind {
	case "string":
		if f, ok := v.(float64); ok {
			return strconv.FormatFloat(f, 'f', -1, 64), nil
		}
		if t, ok := v.(time.Time); ok {
			return t.Format(time.RFC3339Nano), nil
		}
		return fmt.Sprint(v), nil
	case "float":
		if f, ok := numeric(v); ok {
			return f, nil
		}
		if f, err := strconv.ParseFloat(fmt.Sprint(v), 64); err == nil {
			return f, nil
		}
	case "int":
		if t, ok := v.(time.Time); ok {
			return t.UnixNano(), nil
		}
		if f, ok := numeric(v); ok {
			return int64(f), nil
		}
		if n, err := strconv.ParseInt(fmt.Sprint(v), 10, 64); err == nil {
			return n, nil
		}
	}
	return nil, fmt.Errorf("cannot convert %s %v to %s", typeOf(v), v, kind)
}
