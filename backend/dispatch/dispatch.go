// Package dispatch is the one way in which anything is changed.
//
// An action goes from Why (can it be done at all?) to Plan (what will be sent,
// and is it permitted?) to a person's consent, which fits the risk, to Start:
// the intent is on disk before the first request leaves, every step's end and
// the outcome follow it. Runs go on when the screen that began them is gone.
//
// What lives here: the rules that hold for every action. What may not: any
// knowledge of a system. How a thing is done is its Actor's; that a read-only
// link sends nothing is enforced once more in the link.
package dispatch

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"wheelhouse/backend"
	"wheelhouse/backend/audit"
)

// Options are what a Desk works with. All but Changed must be set.
type Options struct {
	Actions []backend.Action
	// Route says how an object is reached now, by its link and kind; false: there
	// is no such link. It answers at once and is safe for concurrent use.
	Route func(r backend.Ref) (Route, bool)
	// Row gives an object as the screen shows it now; ok is false where it is not
	// shown. One that has a Why(action) string says by itself which verbs make no
	// sense in its state. May be nil.
	Row      func(r backend.Ref) (row backend.Object, ok bool)
	Record   Record
	ReadOnly bool   // of the whole console
	Changed  func() // rung when a run has come further or ended; must not block; may be nil
}

// Route is what dispatch must know of the way to an object.
type Route struct {
	Actor        backend.Actor // for objects of its kind; nil while the link is not connected
	Server, User string        // for the record; User is empty until the server has said it
	ReadOnly     bool
	Protected    bool // every action on it wants a name typed
}

// Record is where intents, ends and refusals go: an *audit.Log.
type Record interface {
	// Write returns once the entry is on disk; after an error it never will be.
	Write(audit.Entry) error
	// Keep writes the entry as soon as that is possible; the error says that
	// it is not now.
	Keep(audit.Entry) error
}

// A Desk plans, starts and follows everything that changes a system. Safe for
// concurrent use.
type Desk struct {
	o Options

	mu       sync.Mutex
	runs     []*run // oldest first
	last     int    // number of the newest run
	closed   bool
	starting sync.WaitGroup // Starts that have passed the closed check and have no run yet
}

// New gives a Desk without runs.
func New(o Options) *Desk {
	if o.Changed == nil {
		o.Changed = func() {}
	}
	return &Desk{o: o}
}

// Actions gives all actions. The slice is shared: read only.
func (d *Desk) Actions() []backend.Action { return d.o.Actions }

// Find gives the action of that ID.
func (d *Desk) Find(id string) (backend.Action, bool) {
	for _, a := range d.o.Actions {
		if a.ID == id {
			return a, true
		}
	}
	return backend.Action{}, false
}

// For gives the actions that take objects of that kind.
func (d *Desk) For(kind string) []backend.Action {
	var out []backend.Action
	for _, a := range d.o.Actions {
		if a.Takes(kind) {
			out = append(out, a)
		}
	}
	return out
}

// Why gives the reason for which an action can't be done to refs now, as a part
// of a sentence, or "" when nothing known speaks against it. It asks no server.
func (d *Desk) Why(action string, refs []backend.Ref) string {
	if why := d.Bars(action, refs); why != "" {
		return why
	}
	for _, g := range d.byActor(refs) {
		if why := g.route.Actor.Why(action, g.refs); why != "" {
			return why
		}
	}
	return ""
}

// Bars is the part of Why that needs no server to be certain. What it does not
// give may have changed meanwhile: a plan asks.
func (d *Desk) Bars(action string, refs []backend.Ref) string {
	a, ok := d.Find(action)
	if !ok {
		return "there is no action " + action
	}
	if _, why := d.barred(a, refs); why != "" {
		return why
	}
	return d.senseless(action, refs)
}

// senseless is why a verb makes no sense for one of refs, as the screen shows it.
func (d *Desk) senseless(action string, refs []backend.Ref) string {
	if d.o.Row == nil {
		return ""
	}
	for _, r := range refs {
		row, ok := d.o.Row(r)
		if !ok {
			continue
		}
		if w, ok := row.(interface{ Why(action string) string }); ok {
			if why := w.Why(action); why != "" {
				return backend.T(why).Safe()
			}
		}
	}
	return ""
}

// barred is the part of Why that is certain: what it says holds whatever a
// server thinks. The code sorts it; why is "" when nothing is in the way.
func (d *Desk) barred(a backend.Action, refs []backend.Ref) (code backend.Code, why string) {
	if len(refs) == 0 {
		return backend.Invalid, "nothing is selected"
	}
	var other []string
	unfit := 0
	for _, r := range refs {
		if a.Takes(r.Kind) {
			continue
		}
		unfit++
		if p := plural(r.Kind); !slices.Contains(other, p) {
			other = append(other, p)
		}
	}
	if unfit > 0 {
		why = fmt.Sprintf("it takes %s, not %s", enumerate(plurals(a.Kinds), "or"), enumerate(other, "or"))
		if unfit < len(refs) {
			why += fmt.Sprintf(" (%d of the %d selected)", unfit, len(refs))
		}
		return backend.Invalid, why
	}
	return d.closedTo(refs)
}

// closedTo says why the links of refs take no changes now.
func (d *Desk) closedTo(refs []backend.Ref) (code backend.Code, why string) {
	if d.o.ReadOnly {
		return backend.Denied, "this console is read-only"
	}
	for _, g := range d.byActor(refs) {
		switch {
		case !g.known:
			return backend.Invalid, fmt.Sprintf("there is no link called %q", backend.T(g.link).Safe())
		case g.route.ReadOnly:
			return backend.Denied, g.link + " is read-only"
		case g.route.Actor == nil:
			return backend.Unreachable, g.link + " is not connected"
		}
	}
	return backend.Failed, ""
}

// Params asks for the parameters that an action takes of refs: its own, and those
// that the target names. The errors are those of Plan.
func (d *Desk) Params(ctx context.Context, action string, refs []backend.Ref) ([]backend.Param, error) {
	a, ok := d.Find(action)
	if !ok {
		return nil, &backend.Error{Code: backend.Invalid, Op: "ask for parameters", Human: fmt.Sprintf("There is no action %q.", backend.T(action).Safe())}
	}
	if code, why := d.barred(a, refs); why != "" {
		return nil, refuse(code, a, why)
	}
	return d.params(ctx, a, refs)
}

// params is Params for an action that nothing certain speaks against.
func (d *Desk) params(ctx context.Context, a backend.Action, refs []backend.Ref) ([]backend.Param, error) {
	if !a.Asks {
		return a.Params, nil
	}
	if len(refs) > 1 {
		return nil, refuse(backend.Invalid, a, "each target names parameters of its own; choose one")
	}
	route, _ := d.o.Route(refs[0])
	asker, ok := route.Actor.(backend.Asker)
	if !ok {
		return a.Params, nil
	}
	asked, err := ask(ctx, func() ([]backend.Param, error) { return asker.Params(ctx, a.ID, refs[0]) })
	if err != nil {
		return nil, notPlanned(a, d.byActor(refs), []error{err})
	}
	return slices.Concat(a.Params, asked), nil
}

// group is the refs that one actor of one link answers for.
type group struct {
	link  string
	route Route
	known bool
	refs  []backend.Ref
}

// byActor groups refs by who answers for them, in order of first appearance.
func (d *Desk) byActor(refs []backend.Ref) []group {
	var out []group
	type kind struct{ link, kind string }
	at := map[kind]int{}
	for _, r := range refs {
		k := kind{r.Link, r.Kind}
		i, ok := at[k]
		if !ok {
			route, known := d.o.Route(r)
			i = slices.IndexFunc(out, func(g group) bool { return g.link == r.Link && g.route.Actor == route.Actor })
			if i < 0 {
				i = len(out)
				out = append(out, group{link: r.Link, route: route, known: known})
			}
			at[k] = i
		}
		out[i].refs = append(out[i].refs, r)
	}
	return out
}

// refuse is the error of what is not begun.
func refuse(code backend.Code, a backend.Action, why string) error {
	return &backend.Error{Code: code, Op: a.ID, Human: fmt.Sprintf("%s can't be done: %s. Nothing was sent.", a.Title, strings.TrimSuffix(why, "."))}
}
