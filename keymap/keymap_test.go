package keymap

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

func defaultMap(t *testing.T) *Map {
	t.Helper()
	m, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestDefault reads the built-in text anew: a key that stood twice in a scope
// would be lost in the map that it makes.
func TestDefault(t *testing.T) {
	m := defaultMap(t)
	var f file
	if err := yaml.UnmarshalWithOptions(defaults, &f, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	for scope, items := range f {
		seen := map[string]bool{}
		for _, item := range items {
			key := item.Key.(string)
			if seen[key] {
				t.Errorf("%s: %s is bound twice", scope, key)
			}
			seen[key] = true
			if why := wrongKey(key); why != "" {
				t.Errorf("%s: %s", scope, why)
			}
		}
		if got := len(m.Bindings(scope)); got != len(items) {
			t.Errorf("%s: %d keys are bound, %d are written", scope, got, len(items))
		}
	}
	if !slices.Equal(m.Scopes(), []string{"breakers", "builds", "chart", "clusters", "drill", "home", "list", "logs", "machines", "metrics", "namespaces", "pager", "pipelines", "pods", "pools", "rollouts", "shell", "streams", "workloads"}) {
		t.Error(m.Scopes())
	}
	for _, id := range m.Commands() {
		if !strings.Contains(id, ".") || strings.Contains(id, " ") {
			t.Errorf("%q is no command's id", id)
		}
	}
}

// TestNothingHidesTheShell: a view that took one of these would leave no way
// back, or no way to find out.
func TestNothingHidesTheShell(t *testing.T) {
	m := defaultMap(t)
	for _, key := range []string{":", "/", "?", "esc", "ctrl+p", "ctrl+c", "x"} {
		for _, scope := range m.Scopes() {
			if c := m.command(scope, key); scope != "shell" && c != "" {
				t.Errorf("%s in %s is %s and hides the shell's", key, scope, c)
			}
		}
	}
}

func TestReadTellsConflicts(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"twice in a scope", "list:\n  j: list.up\n  j: list.down\n", `"j" already defined`},
		{"over what is there", "list:\n  q: a.b\n", `q in "list" is both list.down and a.b; a key can do one thing`},
		{"broken", "list:\n  j: [\n", "read FILE"},
		{"no map", "- a\n", "read FILE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := &Map{scopes: map[string][]Binding{"list": {{"q", "list.down"}}}}
			err := m.read("FILE", []byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v does not say %q", err, c.want)
			}
		})
	}
}

func place(at ...string) string { return "FILE: " + strings.Join(at, ".") }

func TestOverride(t *testing.T) {
	known := []string{"list.down", "pod.delete"}
	for _, c := range []struct {
		name, scope, key, command, want string
	}{
		{"a command", "list", "q", "list.down", ""},
		{"with arguments", "pods", "q", "pod.delete force=true", ""},
		{"a line", "shell", "f5", ":pods /crash", ""},
		{"any character", "list", "ß", "list.down", ""},
		{"a wide one", "list", "語", "list.down", ""},
		{"modifiers", "list", "ctrl+alt+x", "list.down", ""},
		{"shift and a named key", "list", "shift+up", "list.down", ""},
		{"no scope", "nope", "q", "list.down", `there is no scope "nope"; scopes are breakers, builds, chart, clusters, drill, home, list,`},
		{"no command", "list", "q", "list.dwon", "no command is called \"list.dwon\"; did you mean list.down?; `wheelhouse keys` lists them"},
		{"an empty command", "list", "q", "", `no command is called ""`},
		{"no key", "list", "", "list.down", `no key is called ""; keys are single characters`},
		{"half a key", "list", "ctrl+", "list.down", `no key is called "ctrl+"`},
		{"an unknown name", "list", "F5", "list.down", `no key is called "F5"`},
		{"two characters", "list", "gg", "list.down", `no key is called "gg"`},
		// Bound as written, these would never be pressed.
		{"a blank", "list", " ", "list.down", "no key is called"},
		{"a control character", "list", "\x1b", "list.down", "no key is called"},
		{"shift and a letter", "list", "shift+n", "list.down", "terminals say N for shift+n; write that"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := defaultMap(t)
			err := m.Override(place, map[string]map[string]string{c.scope: {c.key: c.command}}, known)
			if c.want != "" {
				if err == nil || !strings.HasPrefix(err.Error(), "FILE: "+c.scope) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v does not say %q", err, c.want)
				}
				return
			}
			if got, ok := m.Lookup([]string{c.scope}, c.key); err != nil || !ok || got != c.command {
				t.Errorf("%s is %q (%v), not %q", c.key, got, err, c.command)
			}
		})
	}
}

func TestOverrideReplacesAndTakesAway(t *testing.T) {
	m := defaultMap(t)
	err := m.Override(place, map[string]map[string]string{"list": {"j": "list.up", "k": "none", "ctrl+r": "list.top"}}, []string{"list.up", "list.top"})
	if err != nil {
		t.Fatal(err)
	}
	if c, _ := m.Lookup([]string{"list", "shell"}, "j"); c != "list.up" {
		t.Errorf("j is still %q", c)
	}
	if c, ok := m.Lookup([]string{"list", "shell"}, "k"); ok {
		t.Errorf("k is still %q", c)
	}
	// What an inner scope hides is no key of the outer command any more.
	if keys := m.Keys([]string{"list", "shell"}, "shell.refresh"); len(keys) != 0 {
		t.Errorf("help would name %v for a command that they don't reach", keys)
	}
	if keys := m.Keys([]string{"pager", "shell"}, "shell.refresh"); !slices.Equal(keys, []string{"ctrl+r"}) {
		t.Errorf("%v: the override reached a scope that it did not name", keys)
	}
	if keys := m.Keys([]string{"list"}, "list.up"); !slices.Equal(keys, []string{"up", "j"}) {
		t.Error(keys)
	}
}

// TestCopies: what a caller does to what it was given must not change the map.
func TestCopies(t *testing.T) {
	m := defaultMap(t)
	before := m.Bindings("list")
	m.Bindings("list")[0] = Binding{"broken", "broken"}
	if diff := cmp.Diff(before, m.Bindings("list")); diff != "" {
		t.Error(diff)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
