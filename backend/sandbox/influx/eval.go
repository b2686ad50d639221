package influx

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strings"
	"time"
)

// A function is one of a script's own.
type function struct {
	of *expr
	in *scope
}

// A builtin is a function that Flux has.
type builtin struct {
	name   string
	params string // "start! stop": those with ! must be given
	do     func(*running, arguments) (any, error)
}

// arguments are those of a call, by name; what was piped into it is "tables".
type arguments map[string]any

// record is a Flux object.
type record map[string]any

// A scope is names and what they stand for.
type scope struct {
	names map[string]any
	outer *scope
}

func (s *scope) find(name string) (any, bool) {
	for ; s != nil; s = s.outer {
		if v, ok := s.names[name]; ok {
			return v, true
		}
	}
	return nil, false
}

// A running is a script that is carried out.
type running struct {
	source *source
	now    time.Time
	yields []*stream
}

// run carries a script out, and gives what it yields.
func run(script string, src *source, now time.Time) ([]*stream, error) {
	all, err := parse(script)
	if err != nil {
		return nil, err
	}
	r := &running{source: src, now: now}
	global := &scope{names: map[string]any{}, outer: &scope{names: r.builtins()}}
	check := checker{known: &scope{names: map[string]any{}, outer: &scope{names: r.builtins()}}}
	for _, s := range all {
		if err := check.of(s); err != nil {
			return nil, err
		}
	}
	for _, s := range all {
		if err := r.statement(s, global); err != nil {
			return nil, err
		}
	}
	if len(r.yields) == 0 {
		return nil, &scriptError{"error in query specification while starting program: this Flux script returns no streaming data. " +
			"Consider adding a \"yield\" or invoking streaming functions directly, without performing an assignment"}
	}
	names := map[string]bool{}
	for _, y := range r.yields {
		if names[y.name] {
			return nil, &scriptError{fmt.Sprintf("error in building plan while starting program: found more than one call to yield() with the name %q", y.name)}
		}
		names[y.name] = true
	}
	return r.yields, nil
}

func (r *running) statement(s *expr, in *scope) error {
	switch s.kind {
	case "import":
		path, _ := s.value.(string)
		in.names[imported(s)] = r.packages()[path]
		return nil
	case "assign":
		v, err := r.eval(s.in[0], in)
		in.names[s.text] = v
		return err
	}
	v, err := r.eval(s, in)
	if err != nil {
		return err
	}
	switch v := v.(type) {
	case *origin:
		return v.unbounded()
	case *stream:
		if v.name == "" {
			r.yields = append(r.yields, &stream{v.tables, "_result"})
		}
	}
	return nil
}

// imported is the name under which a package is known.
func imported(s *expr) string {
	path, _ := s.value.(string)
	if s.text != "" {
		return s.text
	}
	return path[strings.LastIndex(path, "/")+1:]
}

func (r *running) eval(e *expr, in *scope) (any, error) {
	switch e.kind {
	case "literal":
		return e.value, nil
	case "name":
		v, _ := in.find(e.text) // it was checked
		return v, nil
	case "member":
		of, err := r.eval(e.in[0], in)
		if err != nil {
			return nil, err
		}
		return member(of, e.text), nil
	case "array":
		out := []any{}
		for _, one := range e.in {
			v, err := r.eval(one, in)
			if err != nil {
				return nil, err
			}
			out = append(out, v)
		}
		return out, nil
	case "object":
		return r.object(e, in)
	case "function":
		return &function{e, in}, nil
	case "call":
		return r.call(e, in)
	case "unary":
		return r.unary(e, in)
	case "binary":
		return r.binary(e, in)
	case "if":
		return r.either(e, in)
	}
	return nil, refused(e.from, e.to, "%s is not supported", e.kind)
}

func (r *running) either(e *expr, in *scope) (any, error) {
	v, err := r.eval(e.in[0], in)
	if err != nil {
		return nil, err
	}
	if v == true {
		return r.eval(e.in[1], in)
	}
	return r.eval(e.in[2], in)
}

func member(of any, name string) any {
	switch of := of.(type) {
	case record:
		return of[name]
	case ordered:
		return of.record[name]
	case rowView:
		return of.table.of(of.row, name)
	}
	return nil
}

// A rowView is a row as a record.
type rowView struct {
	table *table
	row   []any
}

func (r *running) object(e *expr, in *scope) (any, error) {
	out := ordered{record: record{}}
	if len(e.in) > 0 {
		of, err := r.eval(e.in[0], in)
		if err != nil {
			return nil, err
		}
		switch of := of.(type) {
		case rowView:
			for i, c := range of.table.columns {
				out.set(c.name, of.row[i])
			}
		case ordered:
			for _, name := range of.names {
				out.set(name, of.record[name])
			}
		}
	}
	for _, a := range e.named {
		value := a.value
		if value == nil {
			value = &expr{kind: "name", text: a.name}
		}
		v, err := r.eval(value, in)
		if err != nil {
			return nil, err
		}
		out.set(a.name, v)
	}
	return out, nil
}

// ordered is a record whose names have an order.
type ordered struct {
	record
	names []string
}

func (o *ordered) set(name string, v any) {
	if _, ok := o.record[name]; !ok {
		o.names = append(o.names, name)
	}
	o.record[name] = v
}

func (r *running) call(e *expr, in *scope) (any, error) {
	f, err := r.eval(e.in[0], in)
	if err != nil {
		return nil, err
	}
	args := arguments{}
	if e.piped {
		if args["tables"], err = r.eval(e.in[1], in); err != nil {
			return nil, err
		}
	}
	for _, a := range e.named {
		value := a.value
		if value == nil {
			value = &expr{kind: "name", text: a.name}
		}
		if args[a.name], err = r.eval(value, in); err != nil {
			return nil, err
		}
	}
	v, err := r.apply(f, args)
	var known *scriptError
	var none *notFoundError
	if err != nil && !errors.As(err, &known) && !errors.As(err, &none) {
		return nil, &scriptError{fmt.Sprintf("runtime error @%d:%d-%d:%d: %s: %s", e.from.line, e.from.column, e.to.line, e.to.column, nameOf(e.in[0]), err.Error())}
	}
	return v, err
}

func nameOf(e *expr) string {
	if e.text == "" {
		return "function"
	}
	return e.text
}

// apply calls a function.
func (r *running) apply(f any, args arguments) (any, error) {
	switch f := f.(type) {
	case *builtin:
		return f.do(r, args)
	case *function:
		names := map[string]any{}
		for _, p := range f.of.named {
			switch v, given := args[p.name]; {
			case given:
				names[p.name] = v
			case p.value != nil && p.value.kind == "piped":
				names[p.name] = args["tables"]
			case p.value != nil:
				v, err := r.eval(p.value, f.in)
				if err != nil {
					return nil, err
				}
				names[p.name] = v
			}
		}
		return r.eval(f.of.in[0], &scope{names, f.in})
	}
	return nil, errors.New("not a function")
}

func (r *running) unary(e *expr, in *scope) (any, error) {
	v, err := r.eval(e.in[0], in)
	if err != nil {
		return nil, err
	}
	switch e.text {
	case "exists":
		return v != nil, nil
	case "not":
		if v == nil {
			return nil, nil
		}
		return v == false, nil
	case "-":
		switch v := v.(type) {
		case int64:
			return -v, nil
		case float64:
			return -v, nil
		case span:
			return v.negative(), nil
		}
	}
	return v, nil
}

func (r *running) binary(e *expr, in *scope) (any, error) {
	a, err := r.eval(e.in[0], in)
	if err != nil {
		return nil, err
	}
	switch {
	case e.text == "and" && a == false:
		return false, nil
	case e.text == "or" && a == true:
		return true, nil
	}
	b, err := r.eval(e.in[1], in)
	if err != nil || a == nil || b == nil {
		return nil, err
	}
	switch e.text {
	case "and", "or":
		return b == true, nil
	case "=~", "!~":
		re, ok := b.(*regexp.Regexp)
		s, text := a.(string)
		return ok && text && re.MatchString(s) == (e.text == "=~"), nil
	}
	n := order(a, b)
	if holds, ok := map[string]bool{"==": n == 0, "!=": n != 0, "<": n < 0, "<=": n <= 0, ">": n > 0, ">=": n >= 0}[e.text]; ok {
		return holds, nil
	}
	return sum(e, a, b)
}

// sum does arithmetic.
func sum(e *expr, a, b any) (any, error) {
	if x, ok := a.(string); ok && e.text == "+" {
		if y, ok := b.(string); ok {
			return x + y, nil
		}
	}
	i, whole := a.(int64)
	j, both := b.(int64)
	if whole && both && e.text != "^" {
		return wholeSum(e, i, j)
	}
	x, ok := a.(float64)
	y, ok2 := b.(float64)
	if !ok || !ok2 {
		return nil, refused(e.in[1].from, e.in[1].to, "expected %s but found %s", typeOf(a), typeOf(b))
	}
	switch e.text {
	case "+":
		return x + y, nil
	case "-":
		return x - y, nil
	case "*":
		return x * y, nil
	case "/":
		return x / y, nil
	case "%":
		return math.Mod(x, y), nil
	}
	return math.Pow(x, y), nil
}

func wholeSum(e *expr, i, j int64) (any, error) {
	switch {
	case e.text == "+":
		return i + j, nil
	case e.text == "-":
		return i - j, nil
	case e.text == "*":
		return i * j, nil
	case j == 0:
		return nil, refused(e.from, e.to, "cannot divide by zero")
	case e.text == "/":
		return i / j, nil
	}
	return i % j, nil
}

func typeOf(v any) string {
	switch v.(type) {
	case int64:
		return "int"
	case float64:
		return "float"
	case string:
		return "string"
	case bool:
		return "bool"
	case time.Time:
		return "time"
	case span:
		return "duration"
	case *regexp.Regexp:
		return "regexp"
	case []any:
		return "array"
	case *stream, *origin:
		return "stream"
	}
	return "record"
}
