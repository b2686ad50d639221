package drill

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"wheelhouse/backend"
)

// A Setting is the world that a drill is for: what there is in it.
type Setting struct {
	Programs map[string][]string // by name: their versions
	Calls    map[string][]string // by name: what they call
	Machines map[string][]string // by cluster
	Seen     []string            // what can be looked at, as signs name it; * is what nobody knows before
}

// Parse reads a drill strictly. The error says all that is wrong with it, a line each:
// "[line:column]" and what is nearest to a name that there is not.
func Parse(b []byte, in Setting) (Drill, error) {
	d, p := open(b)
	c := checker{page: p, in: in, published: map[[2]string]time.Duration{}}
	if !p.wrong[""] {
		c.drill(d)
	}
	return d, p.err()
}

// checker finds what the kinds of values let through.
type checker struct {
	*page
	in        Setting
	published map[[2]string]time.Duration // by program and version: when it is there
	jobs      []string
}

func (c *checker) drill(d Drill) {
	c.name("name", d.Name, "say what it is called")
	c.words("title", d.Title, 60, "say in some words what it is about")
	c.briefing(d.Briefing)
	c.want("cause", len(d.Cause) > 0, "say what goes wrong")
	c.foresee(d.Cause)
	for i, s := range d.Cause {
		c.step(fmt.Sprintf("cause[%d]", i), s)
	}
	c.want("signs", len(d.Signs) > 0, "say by which objects somebody has noticed, as in cloud:pod/shop/checkout-*")
	for i, s := range d.Signs {
		c.sign(fmt.Sprintf("signs[%d]", i), s)
	}
	c.want("mitigated.when", len(d.Mitigated.When) > 0, "say what must be so for it to be over")
	for i, one := range d.Mitigated.When {
		c.condition(fmt.Sprintf("mitigated.when[%d]", i), one)
	}
	c.want("mitigated.held", d.Mitigated.Held > 0, "say for how long that must hold, as in 60s")
	c.want("lost", d.Lost > d.Mitigated.Held+d.last(), "say after how long it is lost, as in 15m: later than the last cause and what must hold after it")
	c.want("lost", d.Lost <= longestPlayed, "nobody practises for longer than %d hours", int(longestPlayed.Hours()))
	c.want("hints", len(d.Hints) > 0, "give at least one hint")
	for i, h := range d.Hints {
		c.words(fmt.Sprintf("hints[%d]", i), h, mostWords, "give a hint")
	}
	c.want("way", len(d.Way) > 0, "say which keys a good engineer presses, and why")
	for i, p := range d.Way {
		c.words(fmt.Sprintf("way[%d].keys", i), p.Keys, 60, "say what is pressed")
		c.words(fmt.Sprintf("way[%d].why", i), p.Why, mostWords, "say why")
	}
}

// longestPlayed is how long a drill may take, mostWords how long a sentence may be.
const (
	longestPlayed = 24 * time.Hour
	mostWords     = 400
)

// last is when the last of its causes comes.
func (d Drill) last() (at time.Duration) {
	for _, s := range d.Cause {
		at = max(at, s.At)
	}
	return at
}

// name wants what can be the name of a drill, or of a pod.
func (c *checker) name(at, name, why string) {
	c.want(at, len(name) <= 40 && regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`).MatchString(name), "%s, with a-z, 0-9 and - between them, and at most 40 of those", why)
}

// words wants a text of one line that can be shown as it is.
func (c *checker) words(at, text string, most int, missing string) {
	c.want(at, strings.TrimSpace(text) != "", "%s", missing)
	c.shown(at, text)
	n := utf8.RuneCountInString(text)
	c.want(at, n <= most, "this has %d letters, and %d are the most that are read", n, most)
}

// shown wants a text with nothing in it that a screen shows otherwise.
func (c *checker) shown(at, text string) {
	safe := backend.T(text).Safe()
	c.want(at, safe == text, "there are signs in it that no screen shows, or more than one line; what is shown is %s", quoted(safe))
}

func (c *checker) briefing(text string) {
	c.want("briefing", strings.TrimSpace(text) != "", "say what the pager says")
	const most, wide = 20, 200
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	c.want("briefing", len(lines) <= most, "these are %d lines, and a pager says no more than %d", len(lines), most)
	for _, l := range lines {
		c.shown("briefing", l)
		c.want("briefing", utf8.RuneCountInString(l) <= wide, "the line %s is longer than %d letters", quoted(l), wide)
	}
}

// foresee notes what there is only because of the drill.
func (c *checker) foresee(cause []Step) {
	for _, s := range cause {
		if v := s.Publish; v != nil {
			key := [2]string{v.Program, v.Version}
			if at, ok := c.published[key]; !ok || s.At < at {
				c.published[key] = s.At
			}
		}
		if j := s.Run; j != nil {
			c.in.Seen = append(slices.Clip(c.in.Seen), fmt.Sprintf("%s:pod/batch/%s", j.On.Cluster, j.Name))
		}
	}
}

// among wants a name that there is.
func (c *checker) among(at, what, name string, names []string) {
	slices.Sort(names)
	c.want(at, slices.Contains(names, name), "there is no %s %s%s%s", what, quoted(name), backend.Near(name, names), listed(names))
}

// listed is "; there are NAMES", as many as are read.
func listed(names []string) string {
	const most = 15
	names = slices.Compact(slices.Clone(names))
	switch {
	case len(names) == 0:
		return "; there is none"
	case len(names) > most:
		names = append(names[:most:most], fmt.Sprintf("and %d more", len(names)-most))
	}
	return "; there are " + strings.Join(names, ", ")
}

func (c *checker) program(at, name string) {
	c.among(at, "program", name, slices.Collect(maps.Keys(c.in.Programs)))
}

// version wants one of a program that there is by then.
func (c *checker) version(at, program, version string, by time.Duration) {
	if there, ok := c.published[[2]string{program, version}]; ok {
		c.want(at, there <= by, "%s is published only after %s; let that come before", version, there)
		return
	}
	all := slices.Clone(c.in.Programs[program])
	for key := range c.published {
		if key[0] == program {
			all = append(all, key[1])
		}
	}
	if c.in.Programs[program] != nil { // of another one it is said that there is none
		c.among(at, "version of "+program, version, all)
	}
}

func (c *checker) step(at string, s Step) {
	c.want(at+".at", s.At >= 0, "nothing happens before the beginning")
	n := 0
	if s.Publish != nil {
		n++
		c.publish(at+".publish", *s.Publish)
	}
	if r := s.Release; r != nil {
		n++
		c.program(at+".release.program", r.Program)
		c.version(at+".release.version", r.Program, r.Version, s.At)
		c.between(at+".release.beside", float64(r.Beside), 50)
	}
	if f := s.Fault; f != nil {
		n++
		c.program(at+".fault.program", f.Program)
		c.percent(at+".fault.failing", f.Failing)
		c.between(at+".fault.slow", f.Slow, mostTimes)
		c.some(at+".fault", f.Failing > 0 || f.Slow > 1, "say how much of its calls fails, or how many times longer they take")
	}
	if b := s.Breaker; b != nil {
		n++
		c.program(at+".breaker.program", b.Program)
		if c.in.Programs[b.Program] != nil {
			c.among(at+".breaker.to", "program that "+b.Program+" calls", b.To, slices.Clone(c.in.Calls[b.Program]))
		}
		c.percent(at+".breaker.failing", b.Failing)
		c.percent(at+".breaker.slow", b.Slow)
		c.want(at+".breaker.from", b.From > 0, "say from when on a call is slow, as in 1s")
	}
	if s.Halt != nil {
		n++
		c.machine(at+".halt", *s.Halt)
	}
	if s.Run != nil {
		n++
		c.run(at+".run", *s.Run)
	}
	c.some(at, n > 0, "say what happens: publish, release, fault, breaker, halt or run")
	c.want(at, n <= 1, "a step is one of publish, release, fault, breaker, halt, run; give each its own")
}

func (c *checker) publish(at string, v Version) {
	c.program(at+".program", v.Program)
	c.want(at+".version", regexp.MustCompile(`^\w[\w.-]{0,39}$`).MatchString(v.Version), "say which version it is, as in 2.6.0")
	c.percent(at+".failing", v.Failing)
	c.between(at+".slow", v.Slow, mostTimes)
	c.between(at+".leaks", v.Leaks, 1e6)
	c.between(at+".writes", v.Writes, 1e6)
	for field, text := range map[string]string{".says": v.Says, ".crashes": v.Crashes} {
		if text != "" {
			c.words(at+field, text, mostWords, "say it in words")
		}
	}
}

func (c *checker) run(at string, j Job) {
	c.name(at+".name", j.Name, "say what it is called")
	c.want(at+".name", c.in.Programs[j.Name] == nil && !slices.Contains(c.jobs, j.Name), "there is a %s already; give it another name", j.Name)
	c.jobs = append(c.jobs, j.Name)
	c.machine(at+".on", j.On)
	c.between(at+".cpu", j.CPU, 1000)
	c.between(at+".memory", float64(j.Memory), 1e7)
	c.between(at+".writes", j.Writes, 1e6)
	c.some(at, j.CPU > 0 || j.Memory > 0 || j.Writes > 0, "say what it takes: cpu, memory or writes")
}

// mostTimes is how many times slower something may become.
const mostTimes = 10000

func (c *checker) between(at string, n, most float64) {
	c.want(at, n >= 0 && n <= most, "this may be from 0 to %d", int64(most))
}

func (c *checker) percent(at string, p float64) {
	c.want(at, p >= 0 && p <= 100, "this is a percentage: 0 to 100")
}

func (c *checker) machine(at string, p Place) {
	c.among(at+".cluster", "cluster", p.Cluster, slices.Collect(maps.Keys(c.in.Machines)))
	if c.in.Machines[p.Cluster] == nil {
		return
	}
	c.some(at, p.Machine != "" || p.Runs != "", "say which machine is meant, by its name or by a pod that it runs")
	c.want(at, p.Machine == "" || p.Runs == "", "say which machine is meant either by its name or by a pod that it runs, not by both")
	if p.Machine != "" {
		c.among(at+".machine", "machine", p.Machine, slices.Clone(c.in.Machines[p.Cluster]))
	}
	if p.Runs != "" {
		c.pattern(at+".runs", p.Runs+"*", []string{p.Cluster, "pod", "shop"})
	}
}

func (c *checker) condition(at string, one Condition) {
	if one.Program != each {
		c.program(at+".program", one.Program)
	}
	c.percent(at+".failing", one.Failing)
	c.want(at+".takes", one.Takes >= 0, "this is a time such as 500ms")
	c.want(at+".missing", one.Missing == nil || *one.Missing >= 0, "this is a number of processes, from 0")
	c.some(at, one.Failing > 0 || one.Takes > 0 || one.Missing != nil || one.Without != "", "say what must be so: failing, takes, missing or without")
	if one.Without != "" && one.Program != each {
		c.version(at+".without", one.Program, one.Without, longestPlayed)
	}
}

// sign wants a pattern under which something comes that can be looked at.
func (c *checker) sign(at, sign string) {
	link, rest, ok := strings.Cut(sign, ":")
	if _, err := path.Match(sign, ""); err != nil || !ok || rest == "" || len(sign) > 200 {
		c.want(at, false, "%s is no object such as cloud:pod/shop/checkout-*", quoted(sign))
		return
	}
	words := strings.Split(rest, "/")
	c.pattern(at, words[len(words)-1], append([]string{link}, words[:len(words)-1]...))
}

// pattern wants something that can be looked at whose last word comes under a pattern,
// and the words before it under those.
func (c *checker) pattern(at, last string, before []string) {
	words := append(slices.Clip(before), last)
	var left [][]string // what comes under the words so far
	for _, s := range c.in.Seen {
		left = append(left, strings.Split(strings.Replace(s, ":", "/", 1), "/"))
	}
	for i, word := range words {
		var names, longer []string
		fits := slices.DeleteFunc(slices.Clone(left), func(seen []string) bool {
			if len(seen) <= i {
				return true
			}
			names = append(names, strings.TrimRight(seen[i], "-*"))
			if !meet(word, seen[i]) {
				return true
			}
			if i == len(words)-1 && len(seen) > len(words) {
				longer = seen
			}
			return i == len(words)-1 && len(seen) != len(words)
		})
		if len(fits) > 0 {
			left = fits
			continue
		}
		slices.Sort(names)
		switch {
		case len(names) == 0:
			c.want(at, false, "nothing stands behind %s; leave out what follows it", object(words[:i]))
		case longer != nil:
			c.want(at, false, "%s goes on, as in %s", object(words), object(longer))
		case i == 0:
			c.want(at, false, "there is no system %s%s%s", quoted(word), backend.Near(word, names), listed(names))
		default:
			c.want(at, false, "there is never a %s behind %s%s%s", quoted(word), object(words[:i]), backend.Near(strings.TrimRight(word, "-*"), names), listed(names))
		}
		return
	}
}

// object is words as they stand in a sign.
func object(words []string) string {
	return backend.T(strings.Replace(strings.Join(words, "/"), "/", ":", 1)).Safe()
}

// meet says whether there is a word that comes under both of two patterns: one of
// path.Match, and one in which only a * at its end is more than itself.
func meet(pattern, seen string) bool {
	begin, open := strings.CutSuffix(seen, "*")
	if !open {
		ok, err := path.Match(pattern, seen)
		return ok && err == nil
	}
	for i := range len(pattern) + 1 {
		if ok, err := path.Match(pattern[:i], begin); ok && err == nil {
			return true // what is left of the pattern is what comes behind that
		}
	}
	return false
}
