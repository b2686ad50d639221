package keymap

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// foreign makes a folder of k9s' settings with one file, and is where it is.
func foreign(t *testing.T, name, text string) (path string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("K9S_CONFIG_DIR", dir)
	path = filepath.Join(dir, name)
	write(t, path, text)
	return path
}

func TestAliases(t *testing.T) {
	for _, c := range []struct {
		name, text string
		own        map[string]string
		want       Aliases
		line       int // that the note names; zero: no note
	}{
		{"good", "aliases:\n  dp: apps/v1/deployments\n  pp: v1/pods shop\n  crash: pods /crash\n", nil, Aliases{"dp": "deployments", "pp": "pods shop", "crash": "pods /crash"}, 0},
		{"ours go first", "aliases:\n  dp: v1/pods\n", map[string]string{"dp": "deployments"}, Aliases{"dp": "deployments"}, 0},
		{"empty", "", map[string]string{"a": "pods"}, Aliases{"a": "pods"}, 0},
		{"only a comment", "# none yet\n", nil, Aliases{}, 0},
		{"no aliases in it", "other: 1\n", nil, Aliases{}, 0},
		{"null", "aliases:\n", nil, Aliases{}, 0},
		// An empty word would stand for every empty line, an empty line for nothing.
		{"empty words", "aliases:\n  \"\": pods\n  a: \"\"\n  b: \"  \"\n  c: x/\n", nil, Aliases{}, 0},
		// Of a file that is wrong nothing is taken, not what stood before the fault.
		{"broken", "aliases:\n  a: pods\n  b: [\n", map[string]string{"o": "pods"}, Aliases{"o": "pods"}, 3},
		{"wrong type", "aliases:\n  a: pods\n  b:\n    c: d\n", nil, Aliases{}, 4},
		{"no map", "- a\n", nil, Aliases{}, 1},
		{"twice", "aliases:\n  a: pods\n  a: nodes\n", nil, Aliases{}, 3},
		{"itself", "aliases: &a\n  b: *a\n", nil, Aliases{}, 2},
		{"binary", "\x00\x01\xff", nil, Aliases{}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := foreign(t, "aliases.yaml", c.text)
			got, notes := LoadAliases(c.own)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			wantNote(t, notes, path, c.line)
		})
	}
}

// wantNote wants one note that names file and line, or none for line 0.
func wantNote(t *testing.T, notes []string, path string, line int) {
	t.Helper()
	if line == 0 {
		if len(notes) > 0 {
			t.Errorf("unasked: %q", notes)
		}
		return
	}
	if want := fmt.Sprintf("%s was passed over: line %d: ", path, line); len(notes) != 1 || !strings.HasPrefix(notes[0], want) {
		t.Errorf("%q does not begin with %q", notes, want)
	}
}

func TestAliasesOfAFolderThatIsNotThere(t *testing.T) {
	t.Setenv("K9S_CONFIG_DIR", filepath.Join(t.TempDir(), "gone"))
	if got, notes := LoadAliases(nil); len(got) != 0 || len(notes) != 0 {
		t.Errorf("%v, %q", got, notes)
	}
	if notes := defaultMap(t).AddHotkeys(); len(notes) != 0 {
		t.Errorf("%q", notes)
	}
}

func TestForeignFileThatIsAFolder(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("K9S_CONFIG_DIR", dir)
	for _, name := range []string{"aliases.yaml", "hotkeys.yaml"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	_, notes := LoadAliases(nil)
	notes = append(notes, defaultMap(t).AddHotkeys()...)
	if len(notes) != 2 || !strings.Contains(notes[0], "aliases.yaml was passed over") || !strings.Contains(notes[1], "hotkeys.yaml was passed over") {
		t.Errorf("%q", notes)
	}
}

func TestResolve(t *testing.T) {
	a := Aliases{"dp": "deployments", "d": "dp shop", "a": "b", "b": "a", "me": "me too"}
	for line, want := range map[string]string{
		"dp":         "deployments",
		"dp /x y":    "deployments /x y",
		"d /x":       "deployments shop /x",
		"pods dp":    "pods dp", // only the first word is one
		"a":          "a",       // in a circle, each once
		"me":         "me too",
		"":           "",
		" dp":        " dp",
		"日本語 \x1b[m": "日本語 \x1b[m",
	} {
		if got := a.Resolve(line); got != want {
			t.Errorf("%q becomes %q, not %q", line, got, want)
		}
	}
}

func TestHotkeys(t *testing.T) {
	for _, c := range []struct {
		name, text string
		key, want  string   // a key in a list, and what is on it after
		notes      []string // parts of the notes in their order
	}{
		{"good", "hotKeys:\n  shift-0:\n    shortCut: Shift-0\n    description: d\n    command: v1/pods\n", ")", ":pods", nil},
		{"function key", "hotKeys:\n  a: {shortCut: F5, command: pods /crash}\n", "f5", ":pods /crash", nil},
		{"two modifiers", "hotKeys:\n  a: {shortCut: Ctrl-Alt-Q, command: pods}\n", "ctrl+alt+q", ":pods", nil},
		// Shift must not swallow the Ctrl before it: Q alone is another key.
		{"ctrl and shift", "hotKeys:\n  a: {shortCut: Ctrl-Shift-Q, command: pods}\n", "ctrl+shift+q", ":pods", nil},
		{"shift and a letter", "hotKeys:\n  a: {shortCut: Shift-Q, command: pods}\n", "Q", ":pods", nil},
		{"taken in the shell", "hotKeys:\n  a: {shortCut: Ctrl-R, command: pods}\n", "ctrl+r", "shell.refresh", []string{"k9s hotkey a: ctrl+r is shell.refresh already."}},
		// In the shell alone it would be bound and yet do nothing in any list.
		{"taken in lists", "hotKeys:\n  a: {shortCut: Shift-N, command: pods}\n", "N", "list.sort.name", []string{"N is chart.previous already"}},
		{"override", "hotKeys:\n  a: {shortCut: Shift-N, command: pods, override: true}\n", "N", ":pods", nil},
		{"one key twice", "hotKeys:\n  b: {shortCut: F5, command: nodes}\n  a: {shortCut: F5, command: pods}\n", "f5", ":pods", []string{"k9s hotkey b: f5 is :pods already."}},
		{"no key", "hotKeys:\n  a: {shortCut: Hyper-X, command: pods}\n  b: {command: pods}\n  c: {shortCut: \"Ctrl--\", command: pods}\n", "f5", "", []string{`no key is called "Hyper-X"`, `no key is called ""`, `no key is called "Ctrl--"`}},
		{"no command", "hotKeys:\n  a: {shortCut: F5}\n  b: {shortCut: F6, command: \" \"}\n", "f5", "", []string{`hotkey a: "" is no command`, `hotkey b: " " is no command`}},
		{"empty", "", "f5", "", nil},
		{"null", "hotKeys:\n", "f5", "", nil},
		// A command would be typed at the ':' line: it is one line of text.
		{"hostile command", "hotKeys:\n  a: {shortCut: F5, command: \"pods\\n\\e]0;x\\a\"}\n", "f5", "", []string{"is no command"}},
		{"broken", "hotKeys:\n  a: {shortCut: F5, command: pods}\n  b: [\n", "f5", "", []string{"hotkeys.yaml was passed over: line 3: "}},
		{"wrong type", "hotKeys:\n  a: {shortCut: F5, command: pods}\n  b: {shortCut: F6, override: perhaps}\n", "f5", "", []string{"hotkeys.yaml was passed over: line 3: "}},
	} {
		t.Run(c.name, func(t *testing.T) {
			foreign(t, "hotkeys.yaml", c.text)
			m := defaultMap(t)
			notes := m.AddHotkeys()
			if len(notes) != len(c.notes) {
				t.Fatalf("%q, not %q", notes, c.notes)
			}
			for i, part := range c.notes {
				if !strings.Contains(notes[i], part) {
					t.Errorf("%q does not say %q", notes[i], part)
				}
			}
			got, _ := m.Lookup([]string{"list", "shell"}, c.key)
			if got != c.want {
				t.Errorf("%s is %q, not %q", c.key, got, c.want)
			}
		})
	}
}

// TestHotkeysAreReadInOrder: files are maps, and what wins must not be chance.
func TestHotkeysAreReadInOrder(t *testing.T) {
	foreign(t, "hotkeys.yaml", "hotKeys:\n  c: {shortCut: F5, command: three}\n  a: {shortCut: F5, command: one}\n  b: {shortCut: F5, command: two}\n")
	first := defaultMap(t).AddHotkeys()
	for range 20 {
		if again := defaultMap(t).AddHotkeys(); !slices.Equal(first, again) {
			t.Fatalf("once %q, once %q", first, again)
		}
	}
}
