package shop

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"wheelhouse/backend/sandbox"
)

// A deed is something that somebody does at a time.
type deed struct {
	at time.Time
	do func(*Shop)
}

// plan has something done in a while.
func (s *Shop) plan(in time.Duration, do func(*Shop)) {
	d := deed{s.clock.time().Add(in), do}
	i, _ := slices.BinarySearchFunc(s.agenda, d.at, func(one deed, at time.Time) int { return one.at.Compare(at) })
	s.agenda = slices.Insert(s.agenda, i, d)
}

// act does what is due.
func (s *Shop) act() {
	for len(s.agenda) > 0 && !s.agenda[0].at.After(s.clock.time()) {
		d := s.agenda[0]
		s.agenda = s.agenda[1:]
		d.do(s)
	}
}

// developers are who builds, besides those who log in.
func developers() []string { return []string{"mlin", "twang", "sfischer", "aokafor", "jdiaz"} }

// work has somebody build something now and then, as long as the company lives: most
// builds pass and go live, some fail their tests.
func work(s *Shop) {
	if !s.idle.IsZero() && s.clock.time().After(s.idle) {
		return
	}
	all := pipelines()
	p := all[s.dice.IntN(len(all))]
	version := s.next(p.Program)
	order := sandbox.Order{By: developers()[s.dice.IntN(len(developers()))], Branch: "main", Title: title(p.Name, version), Params: map[string]string{"VERSION": version}}
	if s.dice.IntN(6) == 0 {
		order.Params["BREAK"] = "true"
	}
	if !slices.Contains(busy(), p.Program) {
		_, _ = s.World.Trigger(p.Name, order) // the pipelines are the company's own
		if p.Stages[len(p.Stages)-1].Gate != nil {
			s.plan(5*time.Minute, func(s *Shop) { s.approve(p.Name) })
		}
	}
	s.plan(time.Duration((0.5+s.dice.ExpFloat64())*8)*time.Minute, work)
}

// title is what a developer says of what goes into a version.
func title(pipeline, version string) string {
	all := []string{
		"Read the settings once", "Newer Spring Boot", "Log less where all is well", "Close what was opened", "Ask for one page at a time", "Tell a timeout from a refusal",
		"Tests for what went wrong on Monday", "Names that say what they are", "Fewer threads, longer queue", "Take out what nobody calls", "Round as the accountants do", "Retry once, not three times",
	}
	sum := fnv.New32a()
	_, _ = sum.Write([]byte(pipeline + version))
	return all[sum.Sum32()%uint32(len(all))]
}

// quiet is how long before a drill nobody begins to build any more: what goes live
// during it is what somebody builds on purpose.
const quiet = 15 * time.Minute

// busy are the programs that the scene is about, which nobody else builds.
func busy() []string { return []string{"checkout", "recommend"} }

// approve lets the builds of a pipeline go live that wait for somebody.
func (s *Shop) approve(pipeline string) {
	for _, b := range s.World.Builds(pipeline) {
		if b.State == sandbox.Waiting {
			_ = s.World.Answer(pipeline, b.Number, "deploy", "opslead", true, nil) // somebody else may have
		}
	}
}

// next is the version after the newest of a program.
func (s *Shop) next(program string) string {
	newest := [3]int{}
	for _, p := range s.World.Programs() {
		if p.Name != program {
			continue
		}
		for tag := range p.Versions {
			var v [3]int
			for i, part := range strings.SplitN(tag, ".", 3) {
				v[i], _ = strconv.Atoi(part)
			}
			if slices.Compare(v[:], newest[:]) > 0 {
				newest = v
			}
		}
	}
	return fmt.Sprintf("%d.%d.%d", newest[0], newest[1], newest[2]+1)
}

// scene is what has happened just before the company is opened: a canary waits for
// somebody, what came with another version fills its memory, a build is red and one is
// on its way.
func (s *Shop) scene(past time.Duration) {
	build := func(before time.Duration, pipeline, by, version, title string, broken bool) {
		if before > past {
			return
		}
		s.plan(past-before, func(s *Shop) {
			order := sandbox.Order{By: by, Branch: "main", Title: title, Params: map[string]string{"VERSION": version}}
			if broken {
				order.Params["BREAK"] = "true"
			}
			_, _ = s.World.Trigger(pipeline, order)
		})
	}
	_ = s.World.Publish("recommend", "0.19.0", sandbox.Version{Leaks: 420})
	_ = s.World.Publish("checkout", "2.5.0", sandbox.Version{Failing: 0.07, Says: "java.lang.IllegalArgumentException: no rate for currency CNH", Slow: 2.2})
	build(22*time.Minute, "web/recommend", "sfischer", "0.19.0", "Remember what was recommended", false)
	build(9*time.Minute, "shop/checkout", "mlin", "2.5.0", "Orders from abroad", false)
	build(7*time.Minute, "web/catalog", "twang", "7.1.0", "Categories of categories", true)
	build(100*time.Second, "web/search", "jdiaz", "9.4.0", "What was bought comes first", false)
}

func dice(seed uint64) *rand.Rand {
	return rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // a company that can be had again is wanted, not a secret
}
