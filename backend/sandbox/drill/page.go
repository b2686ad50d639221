package drill

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"wheelhouse/backend"
)

// A page is a file that is read: where in it everything stands, and what is wrong with
// it. What stands where is said as in cause[0].fault.
type page struct {
	places map[string]place
	wrong  map[string]bool // of these something was said, and no more is
	faults []fault
}

// place is a line and a column, from 1.
type place struct{ line, column int }

type fault struct {
	place
	says string
}

// top is where a file begins.
func top() place { return place{1, 1} }

// open reads a file into a drill.
func open(b []byte) (Drill, *page) {
	var d Drill
	p := &page{places: map[string]place{"": top()}, wrong: map[string]bool{}}
	file, err := parser.ParseBytes(b, 0, parser.AllowDuplicateMapKey()) // of those we say more
	var wrong yaml.Error
	switch {
	case errors.As(err, &wrong):
		p.fault("", where(wrong.GetToken()), "this is no YAML: %s; what follows is not looked at", wrong.GetMessage())
	case err != nil:
		p.fault("", top(), "this is no YAML: %s", err)
	case len(file.Docs) == 0 || file.Docs[0].Body == nil || file.Docs[0].Body.Type() == ast.CommentType:
		p.fault("", top(), "there is nothing in it; `wheelhouse drill show bad-canary` prints one to begin with")
	default:
		p.read("", file.Docs[0].Body, reflect.ValueOf(&d).Elem())
		for _, more := range file.Docs[1:] {
			if more.Body != nil {
				p.fault("---", where(more.Start), "a file is one drill: give what stands behind this line a file of its own")
			}
		}
	}
	return d, p
}

func where(t *token.Token) place {
	if t == nil || t.Position == nil {
		return top()
	}
	return place{t.Position.Line, t.Position.Column}
}

// begins is where a node begins: the token of a map is its first colon.
func begins(n ast.Node) place {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return where(m.Values[0].Key.GetToken())
	}
	return where(n.GetToken())
}

// fault says what is wrong, once of each thing.
func (p *page) fault(at string, stands place, format string, args ...any) {
	if !p.wrong[at] {
		p.wrong[at] = true
		p.faults = append(p.faults, fault{stands, fmt.Sprintf(format, args...)})
	}
}

// read takes a node into a value, strictly.
func (p *page) read(at string, n ast.Node, into reflect.Value) {
	p.places[at] = begins(n)
	if n.Type() == ast.NullType {
		return // its name stands there, and that is all
	}
	switch into.Kind() {
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		p.read(at, n, into.Elem())
	case reflect.Struct:
		if m, ok := n.(*ast.MappingNode); ok {
			p.fields(at, m, into)
			return
		}
		p.fault(at, p.places[at], "here must stand some of %s, each with a colon and a value", strings.Join(fields(into.Type()), ", "))
	case reflect.Slice:
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			p.fault(at, p.places[at], "this must be a list: each of it begins with a dash on a line of its own")
			return
		}
		if len(list.Values) > mostOf {
			p.fault(at, p.places[at], "these are %d, and %d are the most that anybody reads", len(list.Values), mostOf)
			return
		}
		into.Set(reflect.MakeSlice(into.Type(), len(list.Values), len(list.Values)))
		for i, one := range list.Values {
			p.read(fmt.Sprintf("%s[%d]", at, i), one, into.Index(i))
		}
	default:
		p.scalar(at, n, into)
	}
}

// mostOf is how long a list may be.
const mostOf = 50

// fields takes in what a map says of each of a struct's fields.
func (p *page) fields(at string, m *ast.MappingNode, into reflect.Value) {
	names := fields(into.Type())
	for _, one := range m.Values {
		key := one.Key.GetToken()
		path := strings.TrimPrefix(at+"."+key.Value, ".")
		first, twice := p.places[path]
		switch i := slices.Index(names, key.Value); {
		case i < 0:
			near := backend.Near(key.Value, names)
			for _, name := range names {
				if near != "" && strings.Contains(near, " "+name+"?") {
					p.wrong[strings.TrimPrefix(at+"."+name, ".")] = true // it stands there, in other letters
				}
			}
			p.fault(path, where(key), "%s may not stand here%s", quoted(key.Value), cmp.Or(near, "; what may is "+strings.Join(names, ", ")))
		case twice:
			p.fault(path+" again", where(key), "%s stands here twice, first in line %d; leave one out", key.Value, first.line)
		default:
			p.read(path, one.Value, into.Field(i))
		}
	}
}

// fields are the names of a struct's fields, in their order.
func fields(t reflect.Type) (out []string) {
	for f := range t.Fields() {
		out = append(out, f.Tag.Get("yaml"))
	}
	return out
}

// scalar takes in a text, a number or a time.
func (p *page) scalar(at string, n ast.Node, into reflect.Value) {
	text := n.GetToken().Value
	switch n := n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
	case *ast.LiteralNode:
		text = n.Value.Value
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode:
		p.fault(at, p.places[at], "YAML's &, * and ! are not read in a drill; write it out, or put it into quotation marks")
		return
	default:
		p.fault(at, p.places[at], "this must be one value, not several")
		return
	}
	var err error
	switch v := into.Addr().Interface().(type) {
	case *string:
		*v = text
	case *time.Duration:
		if *v, err = time.ParseDuration(text); err != nil {
			p.fault(at, p.places[at], "this must be a time such as 90s or 15m, not %s", quoted(text))
		}
	case *float64:
		if *v, err = strconv.ParseFloat(text, 64); err != nil || *v-*v != 0 { // what is endless, or no number
			p.fault(at, p.places[at], "this must be a number such as 12 or 0.5, not %s", quoted(text))
		}
	case *uint64:
		if *v, err = strconv.ParseUint(text, 10, 64); err != nil {
			p.fault(at, p.places[at], "this must be a whole number from 0 to 18446744073709551615, not %s", quoted(text))
		}
	default: // *int, *int64
		var whole int64
		if whole, err = strconv.ParseInt(text, 10, 32); err != nil {
			p.fault(at, p.places[at], "this must be a whole number such as 3, not %s", quoted(text))
		}
		into.SetInt(whole)
	}
}

// quoted is what somebody has written, in a sentence.
func quoted(s string) string {
	const most = 40
	if r := []rune(s); len(r) > most {
		s = string(r[:most-1]) + "…"
	}
	return strconv.Quote(s)
}

// want says what is wrong with what stands somewhere unless it is right, or nothing
// can be said of it because it could not be read.
func (p *page) want(at string, right bool, format string, args ...any) {
	if right {
		return
	}
	stands := at
	for around := at; ; around = parent(around) {
		if p.wrong[around] {
			return
		}
		if around == "" {
			break
		}
	}
	for ; ; stands = parent(stands) { // what is left out stands nowhere, but what is around it does
		if where, ok := p.places[stands]; ok {
			p.fault(at, where, "%s: %s", at, fmt.Sprintf(format, args...))
			return
		}
	}
}

// some is want of what must have one part or another: none is missed where one of them
// could not be read.
func (p *page) some(at string, right bool, says string) {
	for path := range p.wrong {
		right = right || path != "" && parent(path) == at
	}
	p.want(at, right, "%s", says)
}

func parent(at string) string { return at[:max(0, strings.LastIndexAny(at, ".["))] }

// mostFaults is how many are told at once.
const mostFaults = 20

// err is all that is wrong, in the order of the file; nil where all is well.
func (p *page) err() error {
	if len(p.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(p.faults, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column))
	})
	var all []error
	for _, f := range p.faults[:min(len(p.faults), mostFaults)] {
		all = append(all, fmt.Errorf("[%d:%d] %s", f.line, f.column, f.says))
	}
	if more := len(p.faults) - mostFaults; more > 0 {
		all = append(all, fmt.Errorf("and %d more", more))
	}
	return errors.Join(all...)
}
