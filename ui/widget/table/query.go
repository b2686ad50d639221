package table

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sahilm/fuzzy"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
)

// The filter's language: terms divided by spaces, all of which must hold.
//
//	word        the row's text holds it, in any case
//	w.*d|x      a word with one of ^$*+?()[]{}|\ is a regular expression, in any case
//	"two words" as it stands, spaces and all; so after any of the signs below
//	!term       the opposite
//	~word       letters of the name in that order, the best first; also: -f word
//	col:term    of that column alone; the beginning of its name is enough
//	col:>5      > < >= <= = where the column is a number (also 500m, 10k, 1.5Gi), or
//	            an age (age:<1h, 2d)
//	-l sel      a label selector, for the server

// query is a compiled filter.
type query[T any] struct {
	keep    feed.Keep[T]
	words   []string // its plain words, in lower case
	labels  string
	scores  []func(*T) (int, bool)
	joined  func() uint64 // see sieve
	version uint64
}

// term is one of its terms.
type term struct {
	not, fuzzy, literal bool
	column              int    // -1: the whole row
	op                  string // of a column: < > = and what they make together
	text                string
}

const metacharacters = `^$*+?()[]{}|\`

// compile reads a query; the error is a sentence.
func (t *Table[T]) compile(text string) (query[T], error) {
	terms, labels := t.terms(text)
	q := query[T]{labels: labels}
	for _, tm := range terms {
		switch {
		case tm.text == "":
		case tm.fuzzy:
			score := t.score(tm.text)
			q.keep = q.keep.Where(tm.id(), func(v *T) bool { _, ok := score(v); return ok != tm.not })
			if !tm.not {
				q.scores = append(q.scores, score)
				q.keep = q.keep.Best(q.sum())
			}
		case tm.column >= 0 || !tm.plain():
			id, ok, err := t.test(tm)
			if err != nil {
				return q, err
			}
			if tm.column >= 0 && t.columns[tm.column].Version != nil {
				id += q.joins(t.columns[tm.column].Version)
			}
			if ok != nil {
				q.keep = q.keep.Where(id, func(v *T) bool { return ok(v) != tm.not })
			}
		case tm.not:
			q.keep = q.keep.NotText(tm.text)
		default:
			q.keep = q.keep.Text(tm.text)
			q.words = append(q.words, strings.ToLower(tm.text))
		}
	}
	return q, nil
}

// joins has the rows be asked again when a version changes, and gives what makes
// the question another one then.
func (q *query[T]) joins(version func() uint64) (id string) {
	before := q.joined
	q.joined = version
	if before != nil {
		q.joined = func() uint64 { return before() + version() }
	}
	q.version = q.joined()
	return fmt.Sprint(" as of ", q.version)
}

// sum is how well a row matches all that has a score.
func (q query[T]) sum() func(*T) int {
	return func(v *T) int {
		sum := 0
		for _, score := range q.scores {
			n, _ := score(v)
			sum += n
		}
		return sum
	}
}

// terms reads a query's terms, and the label selectors that are not the table's.
func (t *Table[T]) terms(text string) (terms []term, labels string) {
	var selectors []string
	flag := ""
	for _, w := range split(text) {
		switch {
		case flag == "-l":
			selectors = append(selectors, w.text)
		case flag == "-f":
			terms = append(terms, term{fuzzy: true, column: -1, text: w.text})
		case w.quote < 0 && (w.text == "-l" || w.text == "-f"):
			flag = w.text
			continue
		default:
			terms = append(terms, t.read(w))
		}
		flag = ""
	}
	return terms, strings.Join(selectors, ",")
}

// word is a piece of a query between spaces, without its quotes.
type word struct {
	text  string
	quote int // where the quoted part begins; -1 for none
}

// split divides a query at the spaces that are not within quotes. A quote that
// is not ended yet ends with the query.
func split(s string) []word {
	var all []word
	w, text := word{quote: -1}, []byte(nil)
	begun, within := false, false
	for _, r := range s + " " {
		switch {
		case r == '"':
			if within = !within; within && w.quote < 0 {
				w.quote = len(text)
			}
			begun = true
		case r == ' ' && !within:
			if begun {
				w.text = string(text)
				all = append(all, w)
			}
			w, text, begun = word{quote: -1}, text[:0], false
		default:
			text = utf8.AppendRune(text, r)
			begun = true
		}
	}
	if within {
		w.text = strings.TrimSuffix(string(text), " ")
		all = append(all, w)
	}
	return all
}

// Quoted is a text as one word of a filter, which has no signs in it.
func Quoted(text string) string { return `"` + strings.ReplaceAll(text, `"`, " ") + `"` }

// read finds the signs before a word.
func (t *Table[T]) read(w word) term {
	tm := term{column: -1, literal: w.quote >= 0}
	tm.not = w.takes("!")
	if tm.fuzzy = w.takes("~"); !tm.fuzzy {
		if name, _, ok := strings.Cut(w.text, ":"); ok && (w.quote < 0 || w.quote > len(name)) {
			if tm.column = t.called(name); tm.column >= 0 {
				w.takes(name + ":")
				for w.text != "" && strings.Contains("<>=", w.text[:1]) {
					sign := w.text[:1]
					if !w.takes(sign) {
						break
					}
					tm.op += sign
				}
			}
		}
	}
	tm.text = w.text
	return tm
}

// takes takes a sign off that is not within quotes.
func (w *word) takes(sign string) bool {
	rest, ok := strings.CutPrefix(w.text, sign)
	if !ok || w.quote >= 0 && w.quote < len(sign) {
		return false
	}
	w.text = rest
	if w.quote >= 0 {
		w.quote -= len(sign)
	}
	return true
}

// called gives the column of which name is the beginning, an exact name before
// others; -1 for none.
func (t *Table[T]) called(name string) int {
	found := -1
	name = strings.ToLower(name)
	for i, c := range t.columns {
		id, title := strings.ToLower(c.ID), strings.ToLower(c.Title)
		if name != "" && (id == name || title == name) {
			return i
		}
		if found < 0 && name != "" && (strings.HasPrefix(id, name) || strings.HasPrefix(title, name)) {
			found = i
		}
	}
	return found
}

func (tm term) plain() bool { return tm.literal || !strings.ContainsAny(tm.text, metacharacters) }

// id names what the term accepts; its text comes last, whatever is in it.
func (tm term) id() string {
	return fmt.Sprint("term ", tm.not, tm.fuzzy, tm.literal, tm.column, " ", tm.op, " ", tm.text)
}

// test is a term that each row has to be asked; nil for one that is still being
// typed. id names it.
func (t *Table[T]) test(tm term) (id string, ok func(*T) bool, err error) {
	if tm.column >= 0 && (tm.op != "" || !tm.literal) {
		if id, ok, err := t.comparison(tm); ok != nil || err != nil || tm.op != "" {
			return id, ok, err
		}
	}
	match, err := matcher(tm)
	if err != nil {
		return "", nil, err
	}
	if tm.column >= 0 {
		text := t.columns[tm.column].Text
		return tm.id(), func(v *T) bool { return match(text(v)) }, nil
	}
	name := t.columns[t.name].Text // so that ^ and $ mean the name's
	return tm.id(), func(v *T) bool {
		return match(name(v)) || match(string((*v).AppendText(nil)))
	}, nil
}

// maxSearched is how many bytes of a row's text are looked at, so that a hostile
// one of megabytes does not hold up the others.
const maxSearched = 4096

// matcher looks for a term's text in another.
func matcher(tm term) (func(string) bool, error) {
	if tm.plain() {
		lower := strings.ToLower(tm.text)
		return func(s string) bool {
			return strings.Contains(strings.ToLower(s[:min(len(s), maxSearched)]), lower)
		}, nil
	}
	re, err := regexp.Compile("(?i)" + tm.text)
	if err != nil {
		return nil, wrong("%q is not a regular expression yet; in quotes it is searched for as it stands.", tm.text)
	}
	return func(s string) bool { return re.MatchString(s[:min(len(s), maxSearched)]) }, nil
}

// operator is what an operator accepts of how far the row is from the term; nil
// for one that is none.
func operator(op string) func(float64) bool {
	switch op {
	case ">":
		return func(d float64) bool { return d > 0 }
	case ">=":
		return func(d float64) bool { return d >= 0 }
	case "<":
		return func(d float64) bool { return d < 0 }
	case "<=":
		return func(d float64) bool { return d <= 0 }
	case "=", "":
		return func(d float64) bool { return d == 0 }
	}
	return nil
}

// comparison is a term such as >5. A number without an operator is to be equal;
// what is no comparison gives nil.
func (t *Table[T]) comparison(tm term) (id string, ok func(*T) bool, err error) {
	c, op, value := t.columns[tm.column], tm.op, tm.text
	holds := operator(op)
	switch {
	case holds == nil:
		return "", nil, wrong("%q does not compare; > < >= <= and = do.", op)
	case value == "":
	case c.Number != nil:
		n, err := number(value)
		if err != nil && op != "" {
			return "", nil, wrong("%s is a number, and %q is none; for example %s:>5.", c.ID, value, c.ID)
		}
		if err == nil {
			return tm.id(), func(v *T) bool { return holds(c.Number(v) - n) }, nil
		}
	case c.Since != nil:
		d, err := age(value)
		if err != nil && op == "" {
			break
		}
		if err != nil {
			return "", nil, wrong("%s is an age, and %q is none; for example %s:<1h, %s:>2d.", c.ID, value, c.ID, c.ID)
		}
		now := time.Now() // rows do not leave by growing older
		if op == "" {     // as ages are shown: in whole units of the last one given
			unit := unitOf(value)
			holds = func(off float64) bool { return off >= 0 && off < float64(unit) }
		}
		return fmt.Sprint(tm.id(), " ", now.UnixNano()), func(v *T) bool { return holds(float64(now.Sub(c.Since(v)) - d)) }, nil
	case op == "=":
		return tm.id(), func(v *T) bool { return strings.EqualFold(c.Text(v), value) }, nil
	case op != "":
		return "", nil, wrong("%s is not a number, so it can't be compared with %s; %s:=%s asks for exactly that.", c.ID, op, c.ID, value)
	}
	return "", nil, nil
}

// number reads a number, which may have a unit of Kubernetes' quantities.
func number(s string) (float64, error) {
	for i, unit := range []string{"Ki", "Mi", "Gi", "Ti"} {
		if n, ok := strings.CutSuffix(s, unit); ok {
			f, err := strconv.ParseFloat(n, 64)
			return f * float64(int64(1)<<(10*(i+1))), err
		}
	}
	for unit, by := range map[string]float64{"m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12} {
		if n, ok := strings.CutSuffix(s, unit); ok {
			f, err := strconv.ParseFloat(n, 64)
			return f * by, err
		}
	}
	return strconv.ParseFloat(s, 64)
}

// age reads a duration that may be of days or weeks.
func age(s string) (time.Duration, error) {
	for unit, hours := range map[string]float64{"d": 24, "w": 7 * 24} {
		if n, ok := strings.CutSuffix(s, unit); ok {
			f, err := strconv.ParseFloat(n, 64)
			if err != nil {
				return 0, fmt.Errorf("read age: %w", err)
			}
			return time.Duration(f * hours * float64(time.Hour)), nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("read age: %w", err)
	}
	return d, nil
}

// unitOf is the smallest unit of what age has read.
func unitOf(s string) time.Duration {
	switch s[len(s)-1] {
	case 'w':
		return 7 * 24 * time.Hour
	case 'd':
		return 24 * time.Hour
	case 'h':
		return time.Hour
	case 'm':
		return time.Minute
	}
	return time.Second
}

// maxFuzzy is how many bytes of a name are matched by letters.
const maxFuzzy = 256

// score matches the name by letters.
func (t *Table[T]) score(pattern string) func(*T) (int, bool) {
	name := t.columns[t.name].Text
	return func(v *T) (int, bool) {
		s := name(v)
		found := fuzzy.FindNoSort(pattern, []string{s[:min(len(s), maxFuzzy)]})
		if len(found) == 0 {
			return 0, false
		}
		return found[0].Score, true
	}
}

func wrong(format string, args ...any) error {
	return &backend.Error{Code: backend.Invalid, Op: "filter", Human: backend.T(fmt.Sprintf(format, args...)).Safe()}
}
