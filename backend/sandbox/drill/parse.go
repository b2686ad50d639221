package drill

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"

	"wheelhouse/backend"
)

// A Setting is the world that a drill is for: what there is in it.
type Setting struct {
	Programs map[string][]string // by name: their versions
	Calls    map[string][]string // by name: what they call
	Machines map[string][]string // by cluster
}

// Parse reads a drill strictly. The error begins with "[line:column]", and names what
// is nearest to a name that there is not.
func Parse(b []byte, in Setting) (Drill, error) {
	var d Drill
	switch err := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict()).Decode(&d); {
	case errors.Is(err, io.EOF):
		return d, errors.New("[1:1] there is nothing in it; `wheelhouse drill show bad-canary` prints one to begin with")
	case err != nil:
		return d, errors.New(explain(b, err))
	}
	if at, why := d.check(in); why != "" {
		return d, fmt.Errorf("%s%s: %s", place(b, at), at, why)
	}
	return d, nil
}

// explain says what YAML has found wrong, and the nearest word that may stand there.
func explain(b []byte, err error) string {
	var unknown *yaml.UnknownFieldError
	var kind *yaml.TypeError
	switch {
	case errors.As(err, &unknown):
		word := unknown.Token.Value
		return yaml.FormatErrorWithToken(fmt.Sprintf("%q may not stand here%s", word, backend.Near(word, fields(reflect.TypeFor[Drill](), nil))), unknown.Token, false, true)
	case errors.As(err, &kind) && kind.Token != nil:
		return yaml.FormatErrorWithToken(fmt.Sprintf("this must be %s, not %s", kind.DstType, kind.SrcType), kind.Token, false, true)
	}
	if text := yaml.FormatError(err, false, true); strings.HasPrefix(text, "[") {
		return text
	}
	for _, t := range lexer.Tokenize(string(b)) { // a time that is none, of which it says no more than that
		if strings.HasSuffix(err.Error(), strconv.Quote(t.Value)) {
			return yaml.FormatErrorWithToken(err.Error()+"; say it as in 90s or 15m", t, false, true)
		}
	}
	return "[1:1] " + err.Error()
}

// fields are the words that may stand anywhere in a drill.
func fields(t reflect.Type, all []string) []string {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice:
		return fields(t.Elem(), all)
	case reflect.Struct:
		for f := range t.Fields() {
			if word := f.Tag.Get("yaml"); word != "" && !slices.Contains(all, word) {
				all = fields(f.Type, append(all, word))
			}
		}
	}
	return all
}

// place is "[line:column] " of what is meant, or of what is around it where it is
// left out.
func place(b []byte, at string) string {
	for ; at != ""; at = at[:max(0, strings.LastIndexAny(at, ".["))] {
		p, err := yaml.PathString("$." + at)
		if err != nil {
			continue
		}
		node, err := p.ReadNode(bytes.NewReader(b))
		if err != nil || node == nil {
			continue
		}
		if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 {
			node = m.Values[0].Key // the token of a map is its first colon
		}
		pos := node.GetToken().Position
		return fmt.Sprintf("[%d:%d] ", pos.Line, pos.Column)
	}
	return "[1:1] "
}

// check finds what the types let through: at is where, why is empty where all is well.
func (d Drill) check(in Setting) (at, why string) {
	c := checker{in: in, published: map[[2]string]bool{}}
	c.want("name", regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(d.Name), "say what it is called, with a-z, 0-9 and -")
	c.want("title", d.Title != "", "say in some words what it is about")
	c.want("briefing", strings.TrimSpace(d.Briefing) != "", "say what the pager says")
	c.want("cause", len(d.Cause) > 0, "say what goes wrong")
	for i, s := range d.Cause {
		c.step(fmt.Sprintf("cause[%d]", i), s)
	}
	c.want("signs", len(d.Signs) > 0, "say by which objects somebody has noticed, as in cloud:pod/shop/checkout-*")
	for i, s := range d.Signs {
		c.want(fmt.Sprintf("signs[%d]", i), regexp.MustCompile(`^[a-z0-9*-]+:[^/ ]+(/[^/ ]+)+$`).MatchString(s), fmt.Sprintf("%q is no object such as cloud:pod/shop/checkout-*", s))
	}
	c.want("mitigated", len(d.Mitigated.When) > 0, "say under when what must be so for it to be over")
	for i, one := range d.Mitigated.When {
		c.condition(fmt.Sprintf("mitigated.when[%d]", i), one)
	}
	c.want("mitigated.held", d.Mitigated.Held > 0, "say for how long that must hold, as in 60s")
	c.want("lost", d.Lost > d.Mitigated.Held+d.last(), "say after how long it is lost, as in 15m: later than the last cause and what must hold after it")
	c.want("hints", len(d.Hints) > 0, "give at least one hint")
	c.want("way", len(d.Way) > 0, "say which keys a good engineer presses, and why")
	for i, p := range d.Way {
		c.want(fmt.Sprintf("way[%d].keys", i), p.Keys != "", "say what is pressed")
		c.want(fmt.Sprintf("way[%d].why", i), p.Why != "", "say why")
	}
	return c.at, c.why
}

// last is when the last of its causes comes.
func (d Drill) last() (at time.Duration) {
	for _, s := range d.Cause {
		at = max(at, s.At)
	}
	return at
}

// checker keeps the first thing that is wrong.
type checker struct {
	in        Setting
	published map[[2]string]bool
	at, why   string
}

func (c *checker) want(at string, right bool, why string) {
	if !right && c.why == "" {
		c.at, c.why = at, why
	}
}

// among wants a name that there is.
func (c *checker) among(at, what, name string, names []string) {
	slices.Sort(names)
	c.want(at, slices.Contains(names, name), fmt.Sprintf("there is no %s %q%s; there are %s", what, name, backend.Near(name, names), strings.Join(names, ", ")))
}

func (c *checker) program(at, name string) {
	c.among(at, "program", name, keys(c.in.Programs))
}

func keys(of map[string][]string) (out []string) {
	for k := range of {
		out = append(out, k)
	}
	return out
}

func (c *checker) step(at string, s Step) {
	c.want(at+".at", s.At >= 0, "nothing happens before the beginning")
	n := 0
	if v := s.Publish; v != nil {
		n++
		c.program(at+".publish.program", v.Program)
		c.want(at+".publish.version", v.Version != "", "say which version it is")
		c.percent(at+".publish.failing", v.Failing)
		c.published[[2]string{v.Program, v.Version}] = true
	}
	if r := s.Release; r != nil {
		n++
		c.program(at+".release.program", r.Program)
		if !c.published[[2]string{r.Program, r.Version}] {
			c.among(at+".release.version", "version of "+r.Program, r.Version, slices.Clone(c.in.Programs[r.Program]))
		}
	}
	if f := s.Fault; f != nil {
		n++
		c.program(at+".fault.program", f.Program)
		c.percent(at+".fault.failing", f.Failing)
		c.want(at+".fault", f.Failing > 0 || f.Slow > 1, "say how much of its calls fails, or how many times longer they take")
	}
	if b := s.Breaker; b != nil {
		n++
		c.program(at+".breaker.program", b.Program)
		c.among(at+".breaker.to", "program that "+b.Program+" calls", b.To, slices.Clone(c.in.Calls[b.Program]))
		c.percent(at+".breaker.failing", b.Failing)
		c.percent(at+".breaker.slow", b.Slow)
	}
	if s.Halt != nil {
		n++
		c.machine(at+".halt", *s.Halt)
	}
	if j := s.Run; j != nil {
		n++
		c.want(at+".run.name", regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(j.Name) && c.in.Programs[j.Name] == nil, "say what it is called, with a-z, 0-9 and -, and not like a program")
		c.machine(at+".run.on", j.On)
		c.want(at+".run", j.CPU > 0 || j.Memory > 0 || j.Writes > 0, "say what it takes: cpu, memory or writes")
	}
	c.want(at, n == 1, "a step is one of publish, release, fault, breaker, halt, run; give each its own")
}

func (c *checker) percent(at string, p float64) {
	c.want(at, p >= 0 && p <= 100, "this is a percentage: 0 to 100")
}

func (c *checker) machine(at string, p Place) {
	c.among(at+".cluster", "cluster", p.Cluster, keys(c.in.Machines))
	c.want(at, (p.Machine == "") != (p.Runs == ""), "say which machine is meant, either by its name or by a pod that it runs")
	if p.Machine != "" {
		c.among(at+".machine", "machine", p.Machine, slices.Clone(c.in.Machines[p.Cluster]))
	}
}

func (c *checker) condition(at string, one Condition) {
	if one.Program != each {
		c.program(at+".program", one.Program)
	}
	c.percent(at+".failing", one.Failing)
	c.want(at+".missing", one.Missing == nil || *one.Missing >= 0, "this is a number of processes, from 0")
	c.want(at, one.Failing > 0 || one.Takes > 0 || one.Missing != nil || one.Without != "", "say what must be so: failing, takes, missing or without")
}
