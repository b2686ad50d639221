package actuator

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"wheelhouse/backend"
	"wheelhouse/backend/service"
	"wheelhouse/backend/webapi"
)

const (
	atOnce   = 16              // instances that are asked at a time
	patience = 3 * time.Second // that one may take
)

// A breaker is what GET circuitbreakers says of one. Percentages are words such
// as "-1.0%", which means that there were too few calls.
type breaker struct {
	FailureRate, SlowCallRate                   percent
	FailureRateThreshold, SlowCallRateThreshold percent
	BufferedCalls, FailedCalls, SlowCalls       int32
	NotPermittedCalls                           int32
	State                                       string
}

type percent float32

// UnmarshalJSON implements json.Unmarshaler.
func (p *percent) UnmarshalJSON(b []byte) error {
	n, err := strconv.ParseFloat(strings.Trim(string(b), `"% `), 32)
	if err != nil {
		return fmt.Errorf("%q is no percentage", b)
	}
	*p = percent(n)
	return nil
}

// breakers asks an instance for all of its. An instance that has no such endpoint
// has none.
func (i instance) breakers(ctx context.Context) (map[string]breaker, error) {
	var answer struct{ CircuitBreakers map[string]breaker }
	err := i.read(ctx, &answer)
	if backend.CodeOf(err) == backend.NotFound {
		return nil, nil
	}
	return answer.CircuitBreakers, err
}

func (i instance) read(ctx context.Context, into any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return i.api.JSON(ctx, webapi.Request{Op: "read breakers", What: "the breakers", Path: i.base + "/circuitbreakers"}, into)
}

// set asks for another state and gives the one that it then has.
func (i instance) set(ctx context.Context, name, verb string) (state string, err error) {
	var answer struct{ CurrentState string }
	err = i.api.JSON(ctx, webapi.Request{
		Op: "set breaker", What: "breaker " + name, Method: "POST", Path: i.path(name), Body: []byte(body(verb)),
	}, &answer)
	return answer.CurrentState, err
}

func (i instance) path(breaker string) string {
	return i.base + "/circuitbreakers/" + url.PathEscape(breaker)
}

func body(verb string) string { return `{"updateState":"` + verb + `"}` }

// A transition is one change of a breaker's state.
type transition struct {
	At   time.Time
	What string // "CLOSED_TO_OPEN"
}

// transitions asks for the last changes of state, newest first. Times end in a
// zone in brackets, "…Z[Etc/UTC]", which RFC 3339 does not have.
func (i instance) transitions(ctx context.Context, name string) ([]transition, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var answer struct {
		CircuitBreakerEvents []struct{ CreationTime, StateTransition string }
	}
	err := i.api.JSON(ctx, webapi.Request{
		Op: "read events", What: "breaker " + name, Path: i.base + "/circuitbreakerevents/" + url.PathEscape(name) + "/STATE_TRANSITION",
	}, &answer)
	var out []transition
	for _, e := range answer.CircuitBreakerEvents {
		stamp, _, _ := strings.Cut(e.CreationTime, "[")
		if at, err := time.Parse(time.RFC3339Nano, stamp); err == nil {
			out = append(out, transition{at, e.StateTransition})
		}
	}
	slices.Reverse(out) // of those in the same moment, the one that came later was told later
	slices.SortStableFunc(out, func(a, b transition) int { return b.At.Compare(a.At) })
	return out, err
}

// A reading is what one instance has said.
type reading struct {
	instance
	breakers map[string]breaker
	err      error
}

// readAll asks every instance, some at a time.
func readAll(ctx context.Context, all []instance) []reading {
	out := make([]reading, len(all))
	var g errgroup.Group
	g.SetLimit(atOnce)
	for n, i := range all {
		g.Go(func() error {
			r := reading{instance: i}
			defer func() { out[n] = r }()
			defer backend.Caught(&r.err)
			r.breakers, r.err = i.breakers(ctx)
			return nil
		})
	}
	_ = g.Wait() // no reading fails the others
	return out
}

// rows are all breakers, by service and by instance. When nobody answers, the
// error is the first one's.
func (b *Breakers) rows(ctx context.Context, s backend.Scope) ([]service.Breaker, error) {
	all, err := b.finder.find(ctx, s)
	if err != nil {
		return nil, err
	}
	readings := readAll(ctx, all)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	rows := map[backend.Ref]service.Breaker{}
	var failed error
	answered := 0
	for _, r := range readings {
		if r.err != nil {
			failed = errors.Join(failed, r.err)
			continue
		}
		answered++
		for name, br := range r.breakers {
			one := b.row(ctx, r.instance, name, br)
			rows[one.Ref()] = one
			whole := one
			whole.Instance = ""
			rows[whole.Ref()] = together(rows[whole.Ref()], whole)
		}
	}
	silence(rows, readings, b.api.Link().Alias())
	out := make([]service.Breaker, 0, len(rows))
	for _, row := range rows {
		out = append(out, row)
	}
	if answered == 0 && failed != nil {
		return nil, first(readings)
	}
	return out, nil
}

// first is the error of the first reading that has one.
func first(all []reading) error {
	for _, r := range all {
		if r.err != nil {
			return r.err
		}
	}
	return nil
}

func (b *Breakers) row(ctx context.Context, i instance, name string, br breaker) service.Breaker {
	last := b.past.last(ctx, i, name, br.State)
	row := service.Breaker{
		Link: b.api.Link().Alias(), Scope: i.scope, Service: i.service, Name: name, Instance: i.name, States: br.State,
		Failure: float32(br.FailureRate), Slow: float32(br.SlowCallRate),
		FailureLimit: float32(br.FailureRateThreshold), SlowLimit: float32(br.SlowCallRateThreshold),
		Calls: br.BufferedCalls, Failed: br.FailedCalls, Refused: br.NotPermittedCalls, Last: last.What,
	}
	if !last.At.IsZero() {
		row.Changed = last.At.Unix()
	}
	return row
}

// together adds one instance to the row of all.
func together(all, one service.Breaker) service.Breaker {
	if all.Name == "" {
		return one
	}
	all.States += " " + one.States
	all.Failure, all.Slow = max(all.Failure, one.Failure), max(all.Slow, one.Slow)
	all.Calls, all.Failed, all.Refused = all.Calls+one.Calls, all.Failed+one.Failed, all.Refused+one.Refused
	if one.Changed > all.Changed {
		all.Changed, all.Last = one.Changed, one.Last
	}
	return all
}

// silence counts, in the rows of their services, the instances that do not answer.
// A service of which none does has a row that says why.
func silence(rows map[backend.Ref]service.Breaker, readings []reading, alias string) {
	for _, r := range readings {
		if r.err == nil {
			continue
		}
		known := false
		for ref, row := range rows {
			if row.Scope == r.scope && row.Service == r.service && row.Instance == "" && row.Name != unknown {
				known = true
				row.Silent++
				row.Detail = r.name + ": " + r.err.Error()
				rows[ref] = row
			}
		}
		if !known {
			row := service.Breaker{Link: alias, Scope: r.scope, Service: r.service, Name: unknown, Failure: -1, Slow: -1}
			row.Silent = rows[row.Ref()].Silent + 1
			row.Detail = r.name + ": " + r.err.Error()
			rows[row.Ref()] = row
		}
	}
}

// unknown stands for the breakers of a service that does not tell its.
const unknown = "?"

// transitions remembers when a breaker changed last, so that it is asked only
// when its state is another than it was. Safe for concurrent use.
type transitions struct {
	mu    sync.Mutex
	known map[[4]string]known // by scope, service, instance, breaker
}

type known struct {
	state string
	last  transition
}

func newTransitions() *transitions { return &transitions{known: map[[4]string]known{}} }

// last gives the last change into the state that the breaker is in. One that is
// closed when it is first seen is not asked: most have never been anything else.
func (t *transitions) last(ctx context.Context, i instance, name, state string) transition {
	key := [4]string{i.scope, i.service, i.name, name}
	t.mu.Lock()
	was, seen := t.known[key]
	t.mu.Unlock()
	if seen && was.state == state || !seen && state == service.Closed {
		t.keep(key, known{state, was.last})
		return was.last
	}
	all, err := i.transitions(ctx, name)
	if err != nil || len(all) == 0 {
		return was.last // asked again next time
	}
	t.keep(key, known{state, all[0]})
	return all[0]
}

func (t *transitions) keep(key [4]string, k known) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) > mostKnown {
		clear(t.known) // pods come and go, and what is still there is asked again
	}
	t.known[key] = k
}

// mostKnown bounds what is remembered of instances that may be long gone.
const mostKnown = 20000
