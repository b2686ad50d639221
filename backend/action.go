package backend

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An Action is one verb as plain data: keys, footer, menu, help, palette, the
// command line and the tests all read it from here.
type Action struct {
	ID     string   // "pod.delete": kind.verb
	Title  string   // "Delete": imperative, as a menu shows it
	Help   string   // one sentence: what it does to the system
	Kinds  []string // of the refs that it takes
	Risk   Risk
	Params []Param
	Asks   bool // it takes further parameters, which the target names: its Actor is an Asker
}

// Takes says whether the action can be asked of objects of that kind.
func (a Action) Takes(kind string) bool {
	for _, k := range a.Kinds {
		if k == kind {
			return true
		}
	}
	return false
}

// Risk says how an action is confirmed.
type Risk uint8

// The risks. Low asks nothing; Medium asks with Cancel as the default; High
// wants the target's name typed.
const (
	Low Risk = iota
	Medium
	High
)

// ParamType is how a parameter is asked for and checked.
type ParamType uint8

// The parameter types.
const (
	String ParamType = iota
	Int
	Bool
	Duration
	Choice
)

// A Param is one input of an action.
type Param struct {
	Name     string // as in --set name=value
	Title    string
	Help     string
	Type     ParamType
	Default  string // empty: none
	Required bool
	Min, Max int64    // for Int, both zero: no limit
	Choices  []string // for Choice
	Secret   bool     // never shown, planned, recorded or passed in argv
}

// An Asker is an Actor whose targets name parameters of their own: a pipeline
// what it can be started with, a gate what it asks who approves.
type Asker interface {
	// Params asks the server for them; they come behind the action's own. Nothing
	// is changed.
	Params(ctx context.Context, action string, r Ref) ([]Param, error)
}

// Args are the values of an action's parameters by name, as text.
type Args map[string]string

// Check gives args with the defaults filled in, or an Invalid error that names
// the parameter and what it takes. A text that is given as empty stays empty.
func (a Action) Check(args Args) (Args, error) {
	out := Args{}
	for _, p := range a.Params {
		v, ok := args[p.Name]
		emptied := ok && v == "" && p.Type == String && !p.Required
		if v == "" && !emptied {
			v = p.Default
		}
		switch {
		case emptied:
		case v == "" && p.Required:
			return nil, a.bad(p, "is needed")
		case v == "":
			continue
		}
		if why := p.wrong(v); why != "" {
			return nil, a.bad(p, why)
		}
		out[p.Name] = v
	}
	for name := range args {
		if !a.has(name) {
			return nil, &Error{Code: Invalid, Op: a.ID, Human: fmt.Sprintf("%s takes no %q; it takes %s.", a.ID, name, a.paramNames())}
		}
	}
	return out, nil
}

func (a Action) bad(p Param, why string) error {
	return &Error{Code: Invalid, Op: a.ID, Human: fmt.Sprintf("%s: %s %s.", a.ID, p.Name, why)}
}

func (a Action) has(name string) bool {
	for _, p := range a.Params {
		if p.Name == name {
			return true
		}
	}
	return false
}

func (a Action) paramNames() string {
	var names []string
	for _, p := range a.Params {
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return "no parameters"
	}
	return strings.Join(names, ", ")
}

func (p Param) wrong(v string) string {
	switch p.Type {
	case Int:
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return "takes a whole number"
		}
		if (p.Min != 0 || p.Max != 0) && (n < p.Min || n > p.Max) {
			return fmt.Sprintf("takes a number from %d to %d", p.Min, p.Max)
		}
	case Bool:
		if _, err := strconv.ParseBool(v); err != nil {
			return "takes true or false"
		}
	case Duration:
		if _, err := time.ParseDuration(v); err != nil {
			return "takes a duration such as 30s or 2m"
		}
	case Choice:
		for _, c := range p.Choices {
			if c == v {
				return ""
			}
		}
		return "takes one of " + strings.Join(p.Choices, ", ")
	}
	return ""
}

// Int gives a parameter that Check has passed; ok is false when it was not given.
func (a Args) Int(name string) (n int64, ok bool) {
	n, err := strconv.ParseInt(a[name], 10, 64)
	return n, err == nil
}

// Bool gives a parameter that Check has passed; false when it was not given.
func (a Args) Bool(name string) bool {
	b, _ := strconv.ParseBool(a[name])
	return b
}

// A Permission is a right that a server can be asked about, in Kubernetes'
// words; other systems map theirs onto them.
type Permission struct {
	Verb, Group, Resource, Sub string
}

// String is how refusals name it: "patch deployments.apps/scale".
func (p Permission) String() string {
	s := p.Verb + " " + p.Resource
	if p.Group != "" {
		s += "." + p.Group
	}
	if p.Sub != "" {
		s += "/" + p.Sub
	}
	return s
}

// An Actor does the actions of one link. Safe for concurrent use.
type Actor interface {
	// Why gives the reason for which the action can't be done to these refs
	// now, or "". It answers at once from what is known (feeds, cached rules)
	// and may be wrong in both directions; dispatch asks the server.
	Why(action string, refs []Ref) string
	// Plan reads what it needs and says what will be sent. It changes nothing. An
	// object that was made anew under its name since (another UID) is a Conflict.
	Plan(ctx context.Context, action string, refs []Ref, args Args) (Plan, error)
	// May asks the server whether p is granted on target. reason is the
	// server's, may be empty.
	May(ctx context.Context, p Permission, target Ref) (ok bool, reason string, err error)
}
