package elastic

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// queryString reads the language that people write queries in: words, "phrases",
// field:word, (groups), AND, OR, NOT, + and -, patterns with * and ?, /regular
// expressions/, [from TO to], >= and the like.
func (r reader) queryString(body map[string]any) (test, *fault) {
	text, ok := body["query"].(string)
	if !ok {
		return nil, wrong("parsing_exception", "[query_string] must be provided with a [query]")
	}
	p := &parser{reader: r, text: text}
	for name, of := range body {
		switch name {
		case "query", "lenient", "boost", "analyze_wildcard", "time_zone": //nolint:misspell // the server's word
		case "default_field":
			p.in = words(of)
		case "fields":
			p.in = words(of)
		case "default_operator":
			p.and = strings.EqualFold(fmt.Sprint(of), "and")
		default:
			return nil, wrong("parsing_exception", "[query_string] query does not support [%s]", name)
		}
	}
	if strings.TrimSpace(text) == "" {
		return nothing, nil
	}
	t := p.clauses(p.in)
	if p.peek() != "" {
		p.stop()
	}
	if p.bad != nil {
		return nil, p.bad
	}
	return t, nil
}

// A parser reads one such text.
type parser struct {
	reader
	text string
	at   int
	in   []string // fields that a word without one is looked for in; none: all
	and  bool     // words next to each other must all be there
	bad  *fault
	deep int // groups inside of each other
}

// deepest is how many there may be.
const deepest = 100

const signs = "()[]{}\":/"

// peek is the next sign or word; empty at the end.
func (p *parser) peek() string {
	at := p.at
	defer func() { p.at = at }()
	return p.next()
}

func (p *parser) next() string {
	for p.at < len(p.text) && strings.ContainsRune(" \t\r\n", rune(p.text[p.at])) {
		p.at++
	}
	if p.at == len(p.text) {
		return ""
	}
	begin := p.at
	rest := p.text[begin:]
	for _, sign := range []string{"&&", "||"} {
		if strings.HasPrefix(rest, sign) {
			p.at += 2
			return sign
		}
	}
	if c := rest[0]; strings.IndexByte(signs+"+-!", c) >= 0 {
		p.at++
		return rest[:1]
	}
	for p.at < len(p.text) && strings.IndexByte(signs+" \t\r\n", p.text[p.at]) < 0 {
		if p.text[p.at] == '\\' && p.at+1 < len(p.text) {
			p.at++
		}
		p.at++
	}
	return p.text[begin:p.at]
}

// stop says that the text can't be read on from here.
func (p *parser) stop() test {
	if p.bad != nil {
		return nothing
	}
	found := p.peek()
	if found == "" {
		found = "<EOF>"
	}
	p.bad = wrong("query_shard_exception", "Failed to parse query [%s]", p.text)
	p.bad.phase = true
	p.bad.Cause = &fault{Type: "parse_exception", Reason: fmt.Sprintf("Cannot parse '%s': Encountered \"%s\" at line 1, column %d.\nWas expecting one of:\n    <QUOTED> ...\n    <TERM> ...\n    ", p.text, found, p.at)}
	return nothing
}

// An aside is one of what stands next to each other.
type aside struct {
	test
	wanted, unwanted bool
}

// clauses reads what stands next to each other, as Lucene's classic parser does: AND
// makes both sides of it wanted, OR only wished for.
func (p *parser) clauses(in []string) test {
	var all []aside
	for p.bad == nil {
		joined, either := p.join()
		if n := len(all) - 1; joined || either {
			if n < 0 {
				return p.stop()
			}
			all[n].wanted = !all[n].unwanted && (joined || all[n].wanted && !p.and)
		}
		if word := p.peek(); word == "" || word == ")" {
			if joined || either || len(all) == 0 {
				return p.stop()
			}
			break
		}
		all = append(all, p.aside(in, joined || p.and && !either))
	}
	return together(all)
}

// together is a test of all that stand next to each other.
func together(all []aside) test {
	var b boolean
	for _, c := range all {
		switch {
		case c.unwanted:
			b.not = append(b.not, c.test)
		case c.wanted:
			b.must = append(b.must, c.test)
		default:
			b.should = append(b.should, c.test)
		}
	}
	b.settle()
	return b.is
}

// join takes the word between two clauses, where there is one.
func (p *parser) join() (and, or bool) {
	switch p.peek() {
	case "AND", "&&":
		and = true
	case "OR", "||":
		or = true
	default:
		return false, false
	}
	p.next()
	return and, or
}

// aside reads a clause with what says whether it must hold or must not.
func (p *parser) aside(in []string, wanted bool) aside {
	c := aside{wanted: wanted}
	switch p.peek() {
	case "NOT", "!", "-":
		p.next()
		c.unwanted, c.wanted = true, false
	case "+":
		p.next()
		c.wanted = true
	}
	c.test = p.clause(in)
	return c
}

// clause reads one: a group, a phrase, a word, or one of these of a field.
func (p *parser) clause(in []string) test {
	switch word := p.next(); word {
	case "(":
		if p.deep++; p.deep > deepest {
			return p.stop()
		}
		t := p.clauses(in)
		p.deep--
		if p.next() != ")" {
			return p.stop()
		}
		return t
	case "\"":
		return p.quoted(in)
	case "/":
		return p.regular(in)
	case "[", "{":
		return p.span(in, word)
	case "", ")", "]", "}", ":", "AND", "OR", "NOT", "&&", "||", "+", "-", "!":
		p.at -= len(word)
		return p.stop()
	default:
		if p.at < len(p.text) && p.text[p.at] == ':' {
			p.at++
			if word == "_exists_" {
				return has(plain(p.next()))
			}
			return p.clause([]string{plain(word)})
		}
		return p.word(in, word)
	}
}

// quoted reads a phrase up to its end.
func (p *parser) quoted(in []string) test {
	end := p.at
	for end < len(p.text) && p.text[end] != '"' {
		if p.text[end] == '\\' {
			end++
		}
		end++
	}
	if end >= len(p.text) {
		p.at = len(p.text)
		return p.stop()
	}
	phrase := plain(p.text[p.at:end])
	p.at = end + 1
	return p.any(in, func(f field) (test, *fault) { return p.phrase(f, phrase) })
}

func (p *parser) regular(in []string) test {
	end := strings.IndexByte(p.text[p.at:], '/')
	if end < 0 {
		p.at = len(p.text)
		return p.stop()
	}
	re, err := regexp.Compile("^(?:" + p.text[p.at:p.at+end] + ")$")
	if err != nil {
		return p.stop()
	}
	p.at += end + 1
	return p.any(in, func(f field) (test, *fault) {
		return func(d *doc) bool {
			s, ok := f.of(d).(string)
			if f.kind == "text" {
				return slices.ContainsFunc(tokens(s), re.MatchString)
			}
			return ok && re.MatchString(s)
		}, nil
	})
}

// span reads [a TO b], where * is no limit and {} leave the limits out.
func (p *parser) span(in []string, open string) test {
	rest := p.text[p.at:]
	end := strings.IndexAny(rest, "]}")
	if end < 0 {
		p.at = len(p.text)
		return p.stop()
	}
	from, to, ok := strings.Cut(rest[:end], " TO ")
	if !ok {
		return p.stop()
	}
	p.at += end + 1
	limits := map[string]any{}
	for _, l := range []struct {
		value, with, without string
		in                   bool
	}{{from, "gte", "gt", open == "["}, {to, "lte", "lt", rest[end] == ']'}} {
		value := strings.Trim(strings.TrimSpace(l.value), `"`)
		switch {
		case value == "*":
		case l.in:
			limits[l.with] = value
		default:
			limits[l.without] = value
		}
	}
	return p.any(in, func(f field) (test, *fault) { return p.between(f, true, limits) })
}

// word is one word, a pattern, or a limit.
func (p *parser) word(in []string, word string) test {
	word, _, _ = strings.Cut(word, "^") // what it counts more or less
	for sign, side := range map[string]string{">=": "gte", "<=": "lte", ">": "gt", "<": "lt"} {
		value, ok := strings.CutPrefix(word, sign)
		if ok && value != "" && value[0] != '=' {
			return p.any(in, func(f field) (test, *fault) { return p.between(f, true, map[string]any{side: value}) })
		}
	}
	if word == "*" && len(in) == 1 {
		return has(in[0])
	}
	if word == "*" {
		return everything
	}
	if strings.ContainsAny(word, "*?") {
		return p.any(in, func(f field) (test, *fault) { return pattern(f, word, false, f.kind == "text"), nil })
	}
	word = plain(word)
	return p.any(in, func(f field) (test, *fault) {
		if f.kind == "text" {
			return p.phrase(f, word) // one word may be several to the analyser
		}
		return p.equal(f, word)
	})
}

// any is a test of some fields, or all: one of which it is a fault in does not have
// it, unless it was named.
func (p *parser) any(in []string, of func(field) (test, *fault)) test {
	var tests []test
	for _, f := range slices.Concat(fields(), meta()) {
		named := slices.ContainsFunc(in, func(n string) bool { return like(n, f.name) })
		if len(in) > 0 && !named || len(in) == 0 && strings.HasPrefix(f.name, "_") {
			continue
		}
		t, bad := of(f)
		switch {
		case bad == nil:
			tests = append(tests, t)
		case named && !slices.Contains(in, "*"):
			p.bad = bad
		}
	}
	return func(d *doc) bool { return slices.ContainsFunc(tests, func(t test) bool { return t(d) }) }
}

// plain takes away what marks signs as meant as they are.
func plain(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
