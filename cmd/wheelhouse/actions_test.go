package main

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/link"
	"wheelhouse/config"
	"wheelhouse/keymap"
)

// TestActionTable: every verb is complete as data, and what is bound to it fits.
func TestActionTable(t *testing.T) {
	keys, err := keymap.Default()
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, a := range actions() {
		t.Run(a.ID, func(t *testing.T) {
			if slices.Contains(ids, a.ID) {
				t.Error("there are two of it")
			}
			ids = append(ids, a.ID)
			if noun, verb, ok := strings.Cut(a.ID, "."); !ok || noun == "" || verb == "" {
				t.Errorf("its id is not noun.verb")
			}
			if a.Title == "" || a.Title != strings.TrimSpace(a.Title) || !strings.HasSuffix(a.Help, ".") {
				t.Errorf("title %q or help %q is not what a menu can show", a.Title, a.Help)
			}
			if len(a.Kinds) == 0 {
				t.Error("it is of no kind")
			}
			for _, kind := range a.Kinds {
				if !slices.ContainsFunc(nouns(), func(n backend.Noun) bool { return n.Kind == kind }) {
					t.Errorf("nobody knows the kind %q", kind)
				}
			}
			if !slices.Contains(keys.Commands(), a.ID) {
				t.Error("no key is bound to it")
			}
			for _, p := range a.Params {
				checkParam(t, a, p)
			}
		})
	}
}

func checkParam(t *testing.T, a backend.Action, p backend.Param) {
	t.Helper()
	if p.Name == "" || p.Title == "" || !strings.HasSuffix(p.Help, ".") {
		t.Errorf("parameter %q: title %q or help %q is not what a form can show", p.Name, p.Title, p.Help)
	}
	if p.Type == backend.Choice && len(p.Choices) == 0 {
		t.Errorf("parameter %q: nothing to choose from", p.Name)
	}
	if p.Default != "" {
		if _, err := a.Check(complete(a, backend.Args{p.Name: p.Default})); err != nil {
			t.Errorf("parameter %q: its own default is refused: %v", p.Name, err)
		}
	}
}

// complete adds a fitting value for each parameter that is needed and not given.
func complete(a backend.Action, args backend.Args) backend.Args {
	for _, p := range a.Params {
		if _, ok := args[p.Name]; p.Required && !ok {
			args[p.Name] = "1"
		}
	}
	return args
}

// TestBoundArguments: what a key gives to an action is what the action takes.
func TestBoundArguments(t *testing.T) {
	keys, err := keymap.Default()
	if err != nil {
		t.Fatal(err)
	}
	bound := 0
	for _, scope := range keys.Scopes() {
		for _, b := range keys.Bindings(scope) {
			id, rest, given := strings.Cut(b.Command, " ")
			if !given {
				continue
			}
			i := slices.IndexFunc(actions(), func(a backend.Action) bool { return a.ID == id })
			if i < 0 {
				t.Errorf("%s in %s: %q takes no arguments", b.Key, scope, id)
				continue
			}
			bound++
			args := backend.Args{}
			for _, word := range strings.Fields(rest) {
				name, value, _ := strings.Cut(word, "=")
				args[name] = value
			}
			if _, err := actions()[i].Check(complete(actions()[i], args)); err != nil {
				t.Errorf("%s in %s: %v", b.Key, scope, err)
			}
		}
	}
	if bound == 0 {
		t.Error("no key gives arguments: this test looks in the wrong place")
	}
}

// TestEveryActionIsPlanned: the adapter knows every verb; a server that does not
// answer is told as that and not as a verb that nobody knows.
func TestEveryActionIsPlanned(t *testing.T) {
	file := filepath.Join(t.TempDir(), "kubeconfig")
	const dead = `{"apiVersion":"v1","kind":"Config","current-context":"dead","contexts":[{"name":"dead","context":{"cluster":"c","user":"u"}}],
		"clusters":[{"name":"c","cluster":{"server":"http://127.0.0.1:1"}}],"users":[{"name":"u","user":{}}]}`
	if err := os.WriteFile(file, []byte(dead), 0o600); err != nil {
		t.Fatal(err)
	}
	o := link.Options{Kubeconfig: file}
	for _, p := range protocols() {
		o.Systems = append(o.Systems, link.System{Protocol: p, URL: "http://127.0.0.1:1"})
	}
	set, err := link.Load(o)
	if err != nil {
		t.Fatal(err)
	}
	defer set.Close()
	p := &platform{rooms: map[string][]room{}}
	for _, l := range set.All() {
		p.rooms["dead"] = append(furnish(l, feed.NewSet(feed.NewBell()), config.Default()), p.rooms["dead"]...)
	}
	// The room of what no other has comes last.
	slices.SortStableFunc(p.rooms["dead"], func(a, b room) int { return cmp.Compare(min(len(b.kinds), 1), min(len(a.kinds), 1)) })
	for _, a := range actions() {
		for _, kind := range a.Kinds {
			ref := backend.Ref{Link: "dead", Kind: kind, Scope: "shop", Name: "7"} // builds have numbers
			who, _ := p.room("dead", kind)
			_, err := who.Plan(context.Background(), a.ID, []backend.Ref{ref}, complete(a, backend.Args{}))
			if backend.CodeOf(err) != backend.Unreachable {
				t.Errorf("%s of a %s: %v, want that the server does not answer", a.ID, kind, err)
			}
		}
	}
}
