package influx

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// A spot is a place in a script; both count from 1.
type spot struct{ line, column int }

// A token is a word of Flux.
type token struct {
	kind     string // "name", "string", "number", "duration", "time", "regex", "end", or the sign or keyword itself
	text     string
	value    any // of a literal
	from, to spot
}

// A scriptError is why a script is refused, in the words of Flux.
type scriptError struct{ why string }

// Error implements error.
func (e *scriptError) Error() string { return e.why }

func refused(from, to spot, format string, args ...any) error {
	return &scriptError{fmt.Sprintf("error @%d:%d-%d:%d: %s", from.line, from.column, to.line, to.column, fmt.Sprintf(format, args...))}
}

// A lexer takes a script apart.
type lexer struct {
	text string
	at   int
	spot
	before string // the kind of the last token: after a value a slash divides

	moment, long, number, name *regexp.Regexp
}

func keywords() []string {
	return []string{"and", "or", "not", "exists", "import", "package", "option", "if", "then", "else", "return", "true", "false"}
}

func (l *lexer) take(n int) string {
	s := l.text[l.at : l.at+n]
	for _, c := range s {
		if l.column++; c == '\n' {
			l.line, l.column = l.line+1, 1
		}
	}
	l.at += n
	return s
}

// all gives the tokens of a script, with one at its end.
func tokensOf(script string) ([]token, error) {
	l := &lexer{
		text: script, spot: spot{1, 1},
		moment: regexp.MustCompile(`^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2}))?`),
		long:   regexp.MustCompile(`^(\d+(y|mo|w|d|h|ms|m|s|us|µs|ns))+`),
		number: regexp.MustCompile(`^(?:\d+(?:\.\d+)?|\.\d+)`),
		name:   regexp.MustCompile(`^[\pL_][\pL\d_]*`),
	}
	var out []token
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		out = append(out, t)
		if t.kind == "end" {
			return out, nil
		}
		l.before = t.kind
	}
}

func (l *lexer) next() (token, error) {
	for l.at < len(l.text) {
		rest := l.text[l.at:]
		switch {
		case strings.HasPrefix(rest, "//"):
			end := strings.IndexByte(rest, '\n')
			if end < 0 {
				end = len(rest)
			}
			l.take(end)
			continue
		case unicode.IsSpace(rune(rest[0])):
			l.take(1)
			continue
		}
		break
	}
	t := token{kind: "end", from: l.spot}
	if l.at == len(l.text) {
		t.to = l.spot
		return t, nil
	}
	err := l.word(&t, l.text[l.at:])
	t.to = l.spot
	return t, err
}

func (l *lexer) word(t *token, rest string) (err error) {
	find := func(re *regexp.Regexp) bool {
		t.text = re.FindString(rest)
		return t.text != ""
	}
	switch {
	case find(l.moment):
		t.kind = "time"
		layout := time.RFC3339Nano
		if len(t.text) == 10 {
			layout = time.DateOnly
		}
		t.value, err = time.Parse(layout, l.take(len(t.text)))
	case find(l.long):
		t.kind = "duration"
		t.value, err = lasting(l.take(len(t.text)))
	case find(l.number):
		t.kind = "number"
		if l.take(len(t.text)); strings.Contains(t.text, ".") {
			t.value, err = strconv.ParseFloat(t.text, 64)
		} else {
			t.value, err = strconv.ParseInt(t.text, 10, 64)
		}
	case find(l.name):
		t.kind = "name"
		for _, k := range keywords() {
			if k == t.text {
				t.kind = k
			}
		}
		l.take(len(t.text))
	case rest[0] == '"':
		return l.quoted(t, rest)
	case rest[0] == '/' && !l.valued():
		return l.regular(t, rest)
	default:
		return l.sign(t, rest)
	}
	if err != nil {
		return refused(t.from, l.spot, "invalid literal %s", t.text)
	}
	return nil
}

// valued says whether a value has just ended.
func (l *lexer) valued() bool {
	switch l.before {
	case "name", "string", "number", "duration", "time", "regex", ")", "]", "}", "true", "false":
		return true
	}
	return false
}

func (l *lexer) sign(t *token, rest string) error {
	for _, sign := range []string{"|>", "=>", "==", "!=", "<=", ">=", "=~", "!~", "<-"} {
		if strings.HasPrefix(rest, sign) {
			t.kind, t.text = sign, l.take(2)
			return nil
		}
	}
	if !strings.ContainsRune("()[]{},:.=<>+-*/%^", rune(rest[0])) {
		letter := string([]rune(rest)[0])
		return refused(l.spot, spot{l.line, l.column + 1}, "invalid statement: %s", letter)
	}
	t.text = l.take(1)
	t.kind = t.text
	return nil
}

// quoted reads a text. What is in it to be computed (${…}) is not served.
func (l *lexer) quoted(t *token, rest string) error {
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch c := rest[i]; {
		case c == '"':
			l.take(i + 1)
			t.kind, t.text, t.value = "string", rest[:i+1], b.String()
			return nil
		case c == '$' && i+1 < len(rest) && rest[i+1] == '{':
			return refused(l.spot, l.spot, "string interpolation is not supported")
		case c == '\\' && i+1 < len(rest):
			i++
			with, ok := map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '"': '"', '\\': '\\', '$': '$'}[rest[i]]
			if rest[i] == 'x' && i+2 < len(rest) {
				n, err := strconv.ParseUint(rest[i+1:i+3], 16, 8)
				with, ok, i = byte(n), err == nil, i+2
			}
			if !ok {
				return refused(l.spot, l.spot, "invalid escape sequence in a string")
			}
			b.WriteByte(with)
		default:
			b.WriteByte(c)
		}
	}
	from := l.spot
	l.take(len(rest))
	return refused(from, l.spot, "got unexpected token in string expression @%d:%d-%d:%d: EOF", l.line, l.column, l.line, l.column)
}

func (l *lexer) regular(t *token, rest string) error {
	for i := 1; i < len(rest) && rest[i] != '\n'; i++ {
		if rest[i] == '\\' {
			i++
			continue
		}
		if rest[i] != '/' {
			continue
		}
		re, err := regexp.Compile(strings.ReplaceAll(rest[1:i], `\/`, "/"))
		l.take(i + 1)
		if err != nil {
			return refused(t.from, l.spot, "%s", err.Error())
		}
		t.kind, t.text, t.value = "regex", rest[:i+1], re
		return nil
	}
	return refused(l.spot, l.spot, "unclosed regular expression")
}

// A span is a duration: months are of no certain length.
type span struct {
	months int
	rest   time.Duration
}

func (s span) negative() span { return span{-s.months, -s.rest} }

func (s span) after(t time.Time) time.Time { return t.AddDate(0, s.months, 0).Add(s.rest) }

func lasting(text string) (span, error) {
	units := map[string]time.Duration{
		"w": 7 * 24 * time.Hour, "d": 24 * time.Hour, "h": time.Hour, "m": time.Minute, "s": time.Second,
		"ms": time.Millisecond, "us": time.Microsecond, "µs": time.Microsecond, "ns": time.Nanosecond,
	}
	var out span
	for _, m := range regexp.MustCompile(`(\d+)(\D+)`).FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		if err != nil {
			return out, fmt.Errorf("read a duration: %w", err)
		}
		switch m[2] {
		case "y":
			out.months += 12 * n
		case "mo":
			out.months += n
		default:
			out.rest += time.Duration(n) * units[m[2]]
		}
	}
	return out, nil
}
