// Package keymap says which key means which command, as data. The default map
// fits fingers that know k9s; a config may put others over it, and k9s' own
// aliases and hotkeys are read where they exist.
//
// It knows the names of commands and nothing of what they do.
package keymap

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"wheelhouse/backend"
)

//go:embed default.yaml
var defaults []byte

// A Binding is one key in one scope.
type Binding struct {
	Key     string // as Bubble Tea names it: "j", "G", "ctrl+d", "shift+n" is "N"
	Command string // "pod.delete", "pod.delete force=true", ":pods" for a command line
}

// Map is the bindings by scope: "shell" holds everywhere, "list" and "pager" in
// views of that form, a view's name in that view. Read only once made.
type Map struct {
	scopes map[string][]Binding // in the order in which help shows them
}

// file is the form of a key file and of the config's keys.
type file map[string]yaml.MapSlice

// Default is the built-in map.
func Default() (*Map, error) {
	m := &Map{scopes: map[string][]Binding{}}
	return m, m.read("the built-in keys", defaults)
}

// read adds the bindings of a YAML text, which must not bind a key twice.
func (m *Map) read(name string, b []byte) error {
	var f file
	if err := yaml.UnmarshalWithOptions(b, &f, yaml.UseOrderedMap()); err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	for scope, keys := range f {
		if _, ok := m.scopes[scope]; !ok {
			m.scopes[scope] = nil // one without keys is a scope too
		}
		for _, item := range keys {
			key, command := fmt.Sprint(item.Key), fmt.Sprint(item.Value)
			if other := m.command(scope, key); other != "" {
				return fmt.Errorf("%s: %s in %q is both %s and %s; a key can do one thing", name, key, scope, other, command)
			}
			m.scopes[scope] = append(m.scopes[scope], Binding{key, command})
		}
	}
	return nil
}

// Override puts bindings over those of m: scope → key → command. "none" takes
// a key away. known are the commands that there are. An error begins with where
// the binding stands, as where says it of a scope and, perhaps, a key.
func (m *Map) Override(where func(at ...string) string, over map[string]map[string]string, known []string) error {
	for _, scope := range slices.Sorted(maps.Keys(over)) {
		if _, ok := m.scopes[scope]; !ok {
			return fmt.Errorf("%s: there is no scope %q; scopes are %s", where(scope), scope, strings.Join(m.Scopes(), ", "))
		}
		for _, key := range slices.Sorted(maps.Keys(over[scope])) {
			command := over[scope][key]
			if why := wrongKey(key); why != "" {
				return fmt.Errorf("%s: %s", where(scope, key), why)
			}
			id, _, _ := strings.Cut(command, " ")
			if command != "none" && !strings.HasPrefix(command, ":") && !slices.Contains(known, id) {
				return fmt.Errorf("%s: no command is called %q%s; `wheelhouse keys` lists them", where(scope, key), id, backend.Near(id, known))
			}
			m.bind(scope, key, command)
		}
	}
	return nil
}

// bind puts a command on a key in place of what was on it.
func (m *Map) bind(scope, key, command string) {
	list := slices.DeleteFunc(m.scopes[scope], func(b Binding) bool { return b.Key == key })
	if command != "none" {
		list = append(list, Binding{key, command})
	}
	m.scopes[scope] = list
}

// wrongKey says why a name is no key's; "" when it is one.
func wrongKey(key string) string {
	rest := key
	for _, mod := range []string{"ctrl+", "alt+", "shift+"} {
		rest = strings.TrimPrefix(rest, mod)
	}
	names := []string{"enter", "esc", "tab", "space", "backspace", "delete", "insert", "up", "down", "left", "right", "home", "end", "pgup", "pgdown"}
	for i := range 12 {
		names = append(names, fmt.Sprintf("f%d", i+1))
	}
	if r, n := utf8.DecodeRuneInString(rest); n == len(rest) && n > 0 && unicode.IsGraphic(r) && r != ' ' {
		if upper := strings.ToUpper(rest); key == "shift+"+rest && upper != strings.ToLower(rest) {
			return fmt.Sprintf("terminals say %s for %s; write that", upper, key)
		}
		return ""
	}
	if slices.Contains(names, rest) {
		return ""
	}
	return fmt.Sprintf("no key is called %q; keys are single characters, %s, with ctrl+, alt+ or shift+ before them", key, strings.Join(names, ", "))
}

func (m *Map) command(scope, key string) string {
	for _, b := range m.scopes[scope] {
		if b.Key == key {
			return b.Command
		}
	}
	return ""
}

// Lookup gives the command on a key; scopes are innermost first.
func (m *Map) Lookup(scopes []string, key string) (command string, ok bool) {
	for _, s := range scopes {
		if c := m.command(s, key); c != "" {
			return c, true
		}
	}
	return "", false
}

// Keys gives the keys that a command is on, those of inner scopes first. A key
// that an inner scope uses for something else is left out.
func (m *Map) Keys(scopes []string, command string) []string {
	var keys []string
	for _, b := range m.inForce(scopes, func(b Binding) bool { return b.Command == command }) {
		keys = append(keys, b.Key)
	}
	return keys
}

// InForce gives the bindings of scopes, innermost first, without those whose key
// an inner scope uses.
func (m *Map) InForce(scopes []string) []Binding {
	return m.inForce(scopes, func(Binding) bool { return true })
}

func (m *Map) inForce(scopes []string, keep func(Binding) bool) []Binding {
	var all []Binding
	for i, s := range scopes {
		for _, b := range m.scopes[s] {
			if !keep(b) {
				continue
			}
			if _, hidden := m.Lookup(scopes[:i], b.Key); !hidden {
				all = append(all, b)
			}
		}
	}
	return all
}

// Scopes are the scopes that there are, sorted.
func (m *Map) Scopes() []string {
	var all []string
	for s := range m.scopes {
		all = append(all, s)
	}
	slices.Sort(all)
	return all
}

// Bindings are those of one scope, in the map's order.
func (m *Map) Bindings(scope string) []Binding { return slices.Clone(m.scopes[scope]) }

// Commands are the ids of every command that has a key, sorted.
func (m *Map) Commands() []string {
	var all []string
	for _, list := range m.scopes {
		for _, b := range list {
			id, _, _ := strings.Cut(b.Command, " ")
			all = append(all, id)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
