package influx

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// scriptSize is how long a request's body may be that is looked through.
const scriptSize = 4 << 20 // bytes

// reads knows what this adapter asks for. A GET of the query of InfluxDB 1 is not
// among it, for that one carries out what it is told; a query in Flux can do
// anything, and passes only where it certainly does no more than read.
func reads(r *http.Request) bool {
	switch r.URL.EscapedPath() {
	case "/health", "/ping":
		return r.Method == http.MethodGet || r.Method == http.MethodHead
	case queryPath:
		script, ok := scriptOf(r)
		return r.Method == http.MethodPost && ok && writes(script) == ""
	}
	return false
}

// scriptOf is the Flux of a request, if that is all that the server would carry out
// of it: it may be given a syntax tree as well ("extern").
func scriptOf(r *http.Request) (string, bool) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" || r.GetBody == nil || r.Header.Get("Content-Encoding") != "" {
		return "", false
	}
	body, err := r.GetBody()
	if err != nil {
		return "", false
	}
	defer body.Close()
	var asked map[string]any
	limited := json.NewDecoder(io.LimitReader(body, scriptSize))
	if limited.Decode(&asked) != nil {
		return "", false
	}
	if _, err := limited.Token(); !errors.Is(err, io.EOF) {
		return "", false
	}
	for name := range asked { // the server takes "Query" for "query"
		if !slices.Contains([]string{"query", "type", "dialect", "now"}, name) {
			return "", false
		}
	}
	script, ok := asked["query"].(string)
	return script, ok && (asked["type"] == nil || asked["type"] == "flux")
}

// pure are the packages of Flux that only compute, or read this server.
func pure() []string {
	return []string{
		"array", "bitwise", "date", "date/boundaries", "dict", "generate", "interpolate", "join", "json", "math", "regexp", "runtime",
		"strings", "system", "timezone", "types", "influxdata/influxdb/schema", "influxdata/influxdb/v1", "contrib/tomhollingworth/events",
		"experimental/aggregate", "experimental/array", "experimental/bitwise", "experimental/date/boundaries", "experimental/json",
		"experimental/query", "experimental/record", "experimental/table",
	}
}

// outside are the packages that write elsewhere, by the names under which their
// functions are called. Without an import there is none of them; a query that
// names one all the same is not trusted.
func outside() []string {
	return []string{
		"alerta", "bigpanda", "discord", "experimental", "http", "influxdb", "kafka", "monitor", "mqtt", "opsgenie", "pagerduty", "pushbullet",
		"requests", "secrets", "sensu", "servicenow", "slack", "socket", "sql", "teams", "telegram", "victorops", "webexteams", "zenoss",
	}
}

// writes says by what a query would do more than read, or why that can't be seen;
// empty for one that certainly only reads. A chart is asked again and again by
// whoever looks at it.
func writes(query string) string {
	all, why := tokens(query)
	if why != "" {
		return why
	}
	at := func(n int) string {
		if n < 0 || n >= len(all) {
			return ""
		}
		return all[n]
	}
	for n, token := range all {
		switch next := at(n + 1); {
		case token == "import":
			path := next
			if !strings.HasPrefix(path, `"`) { // import name "path"
				path = at(n + 2)
			}
			if !trusted(path) {
				return fmt.Sprintf("it imports %s, which is not known to only read", cmp.Or(path, "something"))
			}
		case token == "to" || token == "wideTo":
			return "it has the word " + token + ", by which Flux writes: " + token + "()"
		case calls(token, next):
			return "it calls " + token + "(), which does more than read"
		case next == "." && at(n-1) != "." && slices.Contains(outside(), token):
			return "it uses " + token + ", which does more than read"
		}
	}
	return ""
}

// calls says whether a function is called by which something leaves the server.
func calls(token, next string) bool {
	return next == "(" && slices.Contains([]string{"post", "publish", "endpoint"}, token)
}

// trusted says whether what is imported, in quotes, only computes or reads.
func trusted(path string) bool {
	return strings.HasPrefix(path, `"`) && slices.Contains(pure(), strings.Trim(path, `"`))
}

// tokens takes a query apart: words, numbers, strings with their quotes, patterns as
// "/", and signs of one character each. Comments are left out. why says what can't
// be read for certain.
func tokens(query string) (all []string, why string) {
	word := regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*`)
	digits := regexp.MustCompile(`^[0-9][A-Za-z0-9_]*`)
	// a number, a part of a time, a duration: a server may see a word begin in others
	number := regexp.MustCompile(`^([0-9]+|[0-9]+Z|[0-9]+T[0-9]+|([0-9]+(y|mo|w|d|h|m|s|ms|us|ns))+)$`)
	text := regexp.MustCompile(`^"(?:[^"\\]|\\(?s:.))*"`)
	comment := regexp.MustCompile(`^//[^\n]*`)
	pattern := regexp.MustCompile(`^/(?:[^/\\\n]|\\[^\\\n])+/`)
	const blanks = " \t\r\n"
	for rest := strings.TrimLeft(query, blanks); rest != ""; rest = strings.TrimLeft(rest, blanks) {
		var one string
		switch c := rest[0]; {
		case strings.HasPrefix(rest, "//"):
			one = comment.FindString(rest)
			if strings.Contains(strings.TrimSuffix(one, "\r"), "\r") {
				return nil, "a comment of it has a line end in it, so that what belongs to it is not certain"
			}
			rest = rest[len(one):]
			continue
		case word.MatchString(rest):
			one = word.FindString(rest)
		case digits.MatchString(rest):
			if one = digits.FindString(rest); !number.MatchString(one) {
				return nil, fmt.Sprintf("what %q in it means is not certain", one)
			}
		case c == '"':
			if one = text.FindString(rest); one == "" || strings.Contains(one, "${") {
				return nil, "a text in it does not end, or has an expression in it (${…}), which is not looked through"
			}
		case c == '/' && begins(all):
			if one = pattern.FindString(rest); one == "" {
				return nil, "where a pattern of it ends is not certain"
			}
			rest = rest[len(one):]
			all = append(all, "/")
			continue
		case strings.ContainsRune("()[]{},:.|<>=!~+-*/%^?", rune(c)):
			one = rest[:1]
		default:
			return nil, fmt.Sprintf("what %q in it means is not certain", []rune(rest)[0])
		}
		all, rest = append(all, one), rest[len(one):]
	}
	return all, ""
}

// begins says whether something can begin after what was read, so that a slash is
// that of a pattern and not of a division.
func begins(all []string) bool {
	return len(all) == 0 || strings.Contains("([{,:=~!<>+-*%^|?", all[len(all)-1]) || slices.Contains([]string{"return", "and", "or", "not", "then", "else", "if"}, all[len(all)-1])
}
