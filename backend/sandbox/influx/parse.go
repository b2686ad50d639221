package influx

import (
	"slices"
	"strings"
)

// An expr is an expression of Flux, or a statement.
type expr struct {
	kind     string // literal, name, member, call, array, object, function, unary, binary, if, assign, import
	text     string // the name, sign, or path
	value    any    // of a literal
	in       []*expr
	named    []argument // of a call, an object, a function
	piped    bool       // the first of in is what was piped into the call
	from, to spot
}

// An argument is a name with a value, which may be missing.
type argument struct {
	name     string
	value    *expr
	from, to spot
}

// A reading is a script that is being read.
type reading struct {
	all  []token
	at   int
	deep int // expressions inside of each other
}

// deepest is how many there may be.
const deepest = 100

// parse reads a script: its statements.
func parse(script string) ([]*expr, error) {
	all, err := tokensOf(script)
	if err != nil {
		return nil, uncompiled(err)
	}
	r := &reading{all: all}
	var out []*expr
	for r.peek().kind != "end" {
		s, err := r.statement()
		if err != nil {
			return nil, uncompiled(err)
		}
		if s != nil {
			out = append(out, s)
		}
	}
	return out, nil
}

func uncompiled(err error) error { return &scriptError{"compilation failed: " + err.Error()} }

func (r *reading) peek() token { return r.all[r.at] }

func (r *reading) next() token {
	t := r.all[r.at]
	if t.kind != "end" {
		r.at++
	}
	return t
}

// is takes the next token if it is of a kind.
func (r *reading) is(kind string) bool {
	if r.peek().kind != kind {
		return false
	}
	r.next()
	return true
}

// want takes the next token, which must be of a kind.
func (r *reading) want(kind string, since spot) (token, error) {
	t := r.next()
	if t.kind != kind {
		return t, refused(since, t.to, "expected %s, got %s", called(kind), called(t.kind))
	}
	return t, nil
}

// called is a kind of token as Flux calls it.
func called(kind string) string {
	names := map[string]string{
		"end": "EOF", "name": "IDENT", "(": "LPAREN", ")": "RPAREN", "[": "LBRACK", "]": "RBRACK", "{": "LBRACE", "}": "RBRACE", ",": "COMMA", ":": "COLON",
		"=>": "ARROW", "|>": "PIPE_FORWARD", "=": "ASSIGN", ".": "DOT", "number": "INT", "regex": "REGEX", "-": "SUB", "+": "ADD", "*": "MUL", "/": "DIV",
		"==": "EQ", "!=": "NEQ", "<": "LT", ">": "GT", "<=": "LTE", ">=": "GTE",
	}
	if name, ok := names[kind]; ok {
		return name
	}
	return strings.ToUpper(kind)
}

func (r *reading) statement() (*expr, error) {
	t := r.peek()
	switch t.kind {
	case "package":
		r.next()
		_, err := r.want("name", t.from)
		return nil, err
	case "import":
		r.next()
		e := &expr{kind: "import", from: t.from}
		if r.peek().kind == "name" {
			e.text = r.next().text
		}
		path, err := r.want("string", t.from)
		e.value, e.to = path.value, path.to
		return e, err
	case "option":
		r.next()
	}
	e, err := r.expression()
	if err != nil || e.kind != "name" || r.peek().kind != "=" {
		return e, err
	}
	r.next()
	value, err := r.expression()
	if err != nil {
		return nil, err
	}
	return &expr{kind: "assign", text: e.text, in: []*expr{value}, from: e.from, to: value.to}, nil
}

func (r *reading) expression() (*expr, error) {
	t := r.peek()
	if r.deep++; r.deep > deepest {
		return nil, refused(t.from, t.to, "expressions are too deep inside of each other")
	}
	defer func() { r.deep-- }()
	if t.kind != "if" {
		return r.binary(0)
	}
	r.next()
	e := &expr{kind: "if", from: t.from}
	for _, word := range []string{"then", "else", ""} {
		one, err := r.expression()
		if err != nil {
			return nil, err
		}
		e.in, e.to = append(e.in, one), one.to
		if word == "" {
			break
		}
		if _, err := r.want(word, t.from); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// binaries are the signs between two values, those that bind least first.
func binaries() [][]string {
	return [][]string{{"or"}, {"and"}, {"==", "!=", "<", "<=", ">", ">=", "=~", "!~"}, {"+", "-"}, {"*", "/", "%"}, {"^"}}
}

func (r *reading) binary(level int) (*expr, error) {
	if level == 2 && (r.peek().kind == "not" || r.peek().kind == "exists") {
		return r.unary(func() (*expr, error) { return r.binary(level) })
	}
	if level == len(binaries()) {
		return r.piped()
	}
	left, err := r.binary(level + 1)
	for err == nil && slices.Contains(binaries()[level], r.peek().kind) {
		sign := r.next()
		var right *expr
		if right, err = r.binary(level + 1); err == nil {
			left = &expr{kind: "binary", text: sign.kind, in: []*expr{left, right}, from: left.from, to: right.to}
		}
	}
	return left, err
}

func (r *reading) unary(of func() (*expr, error)) (*expr, error) {
	sign := r.next()
	one, err := of()
	if err != nil {
		return nil, err
	}
	return &expr{kind: "unary", text: sign.kind, in: []*expr{one}, from: sign.from, to: one.to}, nil
}

// piped reads a value, and the calls that it is piped through.
func (r *reading) piped() (*expr, error) {
	e, err := r.postfix()
	for err == nil && r.is("|>") {
		var call *expr
		if call, err = r.postfix(); err != nil {
			break
		}
		if call.kind != "call" {
			return nil, refused(call.from, call.to, "pipe destination must be a function call")
		}
		call.in, call.piped = slices.Insert(call.in, 1, e), true
		e = call
	}
	return e, err
}

// postfix reads a value, and what is taken of it or called.
func (r *reading) postfix() (*expr, error) {
	if k := r.peek().kind; k == "-" || k == "+" {
		return r.unary(r.postfix)
	}
	e, err := r.primary()
	for err == nil {
		switch r.peek().kind {
		case ".":
			r.next()
			var name token
			name, err = r.want("name", e.from)
			e = &expr{kind: "member", text: name.text, in: []*expr{e}, from: e.from, to: name.to}
		case "[":
			r.next()
			var key *expr
			if key, err = r.expression(); err != nil {
				return nil, err
			}
			text, ok := key.value.(string)
			if !ok {
				return nil, refused(key.from, key.to, "only a string is supported between [ and ]")
			}
			var end token
			end, err = r.want("]", e.from)
			e = &expr{kind: "member", text: text, in: []*expr{e}, from: e.from, to: end.to}
		case "(":
			r.next()
			call := &expr{kind: "call", in: []*expr{e}, from: e.from}
			call.named, call.to, err = r.arguments(")", e.from)
			e = call
		default:
			return e, nil
		}
	}
	return nil, err
}

// arguments reads name: value, … up to a sign.
func (r *reading) arguments(end string, since spot) (out []argument, to spot, err error) {
	for r.peek().kind != end {
		name := r.next()
		a := argument{name: name.text, from: name.from, to: name.to}
		switch name.kind {
		case "name":
		case "string":
			a.name, _ = name.value.(string)
		default:
			return nil, to, refused(since, name.to, "expected %s, got %s", called(end), called(name.kind))
		}
		if r.is(":") {
			if a.value, err = r.expression(); err != nil {
				return nil, to, err
			}
			a.to = a.value.to
		}
		out = append(out, a)
		if !r.is(",") {
			break
		}
	}
	t, err := r.want(end, since)
	return out, t.to, err
}

func (r *reading) primary() (*expr, error) {
	t := r.next()
	e := &expr{kind: "literal", value: t.value, text: t.text, from: t.from, to: t.to}
	switch t.kind {
	case "string", "number", "duration", "time", "regex":
		return e, nil
	case "true", "false":
		e.value = t.kind == "true"
		return e, nil
	case "name":
		e.kind = "name"
		return e, nil
	case "[":
		e.kind = "array"
		return r.array(e)
	case "{":
		e.kind = "object"
		return r.object(e)
	case "(":
		if r.isFunction() {
			e.kind = "function"
			return r.function(e)
		}
		inner, err := r.expression()
		if err != nil {
			return nil, err
		}
		_, err = r.want(")", t.from)
		return inner, err
	}
	return nil, refused(t.from, t.to, "invalid expression: unexpected %s", called(t.kind))
}

func (r *reading) array(e *expr) (*expr, error) {
	for r.peek().kind != "]" {
		one, err := r.expression()
		if err != nil {
			return nil, err
		}
		if e.in = append(e.in, one); !r.is(",") {
			break
		}
	}
	end, err := r.want("]", e.from)
	e.to = end.to
	return e, err
}

// object reads {a: 1}, or {r with a: 1}.
func (r *reading) object(e *expr) (*expr, error) {
	if r.peek().kind == "name" && r.all[min(r.at+1, len(r.all)-1)].text == "with" {
		t := r.next()
		e.in = []*expr{{kind: "name", text: t.text, from: t.from, to: t.to}}
		r.next()
	}
	var err error
	e.named, e.to, err = r.arguments("}", e.from)
	return e, err
}

// isFunction says whether what was opened is the parameters of a function.
func (r *reading) isFunction() bool {
	depth := 1
	for at := r.at; at < len(r.all); at++ {
		switch r.all[at].kind {
		case "(":
			depth++
		case ")":
			if depth--; depth == 0 {
				return r.all[at+1].kind == "=>"
			}
		}
	}
	return false
}

func (r *reading) function(e *expr) (*expr, error) {
	for r.peek().kind != ")" {
		name := r.next()
		if name.kind != "name" {
			return nil, refused(e.from, name.to, "expected RPAREN, got %s", called(name.kind))
		}
		a := argument{name: name.text, from: name.from, to: name.to}
		if r.is("=") {
			if r.is("<-") {
				a.value = &expr{kind: "piped"}
			} else if v, err := r.expression(); err == nil {
				a.value = v
			} else {
				return nil, err
			}
		}
		if e.named = append(e.named, a); !r.is(",") {
			break
		}
	}
	if _, err := r.want(")", e.from); err != nil {
		return nil, err
	}
	if _, err := r.want("=>", e.from); err != nil {
		return nil, err
	}
	block := r.is("{")
	if block && !r.is("return") {
		return nil, refused(e.from, r.peek().to, "only a return is supported in a function's block")
	}
	body, err := r.expression()
	if err != nil {
		return nil, err
	}
	e.in, e.to = []*expr{body}, body.to
	if block {
		_, err = r.want("}", e.from)
	}
	return e, err
}
