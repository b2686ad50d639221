package backend

import (
	"context"
	"fmt"
	"strings"
)

// A Plan is an action on chosen objects, worked out but not begun: what the
// confirm dialog and --dry-run show is what will be sent.
type Plan struct {
	Action   string
	Sentence string   // "Scales deployment shop/checkout on prod-eu from 3 to 5."
	Warnings []string // what will undo it, what it touches beyond the target
	Gone     []Ref    // targets that are not there any more: they have a warning and no step
	Steps    []Step
}

// A Step is one request to one server.
type Step struct {
	Target  Ref
	Request string       // "PATCH deployments/shop/checkout/scale  replicas: 5"
	CLI     string       // what does the same by hand: "kubectl --context …"
	Needs   []Permission // asked of the server before anything is sent
	Guard   Facts        // what the plan was made on
	Before  []byte       // pre-image of what is edited or deleted, YAML; nil for none, and always for Secrets
	// Do sends the request. It compares the Guard first and gives a Conflict
	// error when a fact has changed; Unknown when it can't say whether it was done.
	Do func(ctx context.Context, progress Progress) error
	// Undo gives the step that takes this one back; nil when nothing does.
	Undo *Step
}

// Progress is told how far a step has come: done of total, and a few words.
// total is zero while unknown. Safe for concurrent use.
type Progress func(done, total int, note string)

// Facts are what a plan was made on, in the order in which people read them.
// Never a resourceVersion: heartbeats change those while a dialog is open.
type Facts []Fact

// A Fact is one of them.
type Fact struct{ Name, Value string }

// Changed says which facts of f read otherwise in now, as a sentence part:
// "replicas was 3, is 5". Empty when none do.
func (f Facts) Changed(now Facts) string {
	var out []string
	for _, a := range f {
		for _, b := range now {
			if a.Name == b.Name && a.Value != b.Value {
				out = append(out, fmt.Sprintf("%s was %s, is %s", a.Name, orNone(a.Value), orNone(b.Value)))
			}
		}
	}
	return strings.Join(out, "; ")
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
