package keymap

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/adrg/xdg"
	"github.com/goccy/go-yaml"
)

// k9sDir is where k9s keeps its settings (its README: $K9S_CONFIG_DIR, else
// k9s in the XDG config directory).
func k9sDir() string {
	if d := os.Getenv("K9S_CONFIG_DIR"); d != "" {
		return d
	}
	return filepath.Join(xdg.ConfigHome, "k9s")
}

// Aliases are words that stand for the beginning of a ':' line.
type Aliases map[string]string

// LoadAliases gives the aliases of own, and below them those of k9s'
// aliases.yaml where it exists. notes are sentences about what was passed over.
func LoadAliases(own map[string]string) (all Aliases, notes []string) {
	all = Aliases{}
	type aliases struct {
		Aliases map[string]string `yaml:"aliases"`
	}
	f, note := readForeign[aliases](filepath.Join(k9sDir(), "aliases.yaml"))
	if note != "" {
		notes = append(notes, note)
	}
	for word, line := range f.Aliases {
		all[word] = command(line)
	}
	for word, line := range own {
		all[word] = line
	}
	maps.DeleteFunc(all, func(word, line string) bool { return word == "" || line == "" })
	return all, notes
}

// command turns k9s' "apps/v1/deployments ns" into "deployments ns".
func command(line string) string {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if i := strings.LastIndexByte(word, '/'); i >= 0 {
		word = word[i+1:]
	}
	return strings.TrimSpace(word + " " + rest)
}

// Resolve puts what an alias stands for in place of the line's first word;
// aliases of aliases too, each once.
func (a Aliases) Resolve(line string) string {
	for used := map[string]bool{}; ; {
		word, rest, _ := strings.Cut(line, " ")
		to, ok := a[word]
		if !ok || used[word] {
			return line
		}
		used[word] = true
		line = strings.TrimSpace(to + " " + rest)
	}
}

// AddHotkeys binds what k9s' hotkeys.yaml has, where it exists and the key is
// free in every scope or the file says override. notes are sentences about what
// was passed over.
func (m *Map) AddHotkeys() (notes []string) {
	type hotkeys struct {
		HotKeys map[string]hotkey `yaml:"hotKeys"`
	}
	f, note := readForeign[hotkeys](filepath.Join(k9sDir(), "hotkeys.yaml"))
	if note != "" {
		notes = append(notes, note)
	}
	for _, name := range slices.Sorted(maps.Keys(f.HotKeys)) {
		if why := m.addHotkey(f.HotKeys[name]); why != "" {
			notes = append(notes, fmt.Sprintf("k9s hotkey %s: %s.", name, why))
		}
	}
	return notes
}

// hotkey is one entry of k9s' hotkeys.yaml.
type hotkey struct {
	ShortCut string `yaml:"shortCut"`
	Command  string `yaml:"command"`
	Override bool   `yaml:"override"`
}

// addHotkey binds one hotkey, in the shell and wherever the key meant something
// else; why says why not.
func (m *Map) addHotkey(h hotkey) (why string) {
	key, line := k9sKey(h.ShortCut), command(h.Command)
	var others []string
	for _, s := range m.Scopes() {
		if m.command(s, key) != "" {
			others = append(others, s)
		}
	}
	switch {
	case wrongKey(key) != "":
		return fmt.Sprintf("no key is called %q", h.ShortCut)
	case line == "" || strings.ContainsFunc(line, unicode.IsControl):
		return fmt.Sprintf("%q is no command", h.Command)
	case len(others) > 0 && !h.Override:
		return fmt.Sprintf("%s is %s already", key, m.command(others[0], key))
	}
	m.bind("shell", key, ":"+line)
	for _, s := range others {
		m.bind(s, key, ":"+line)
	}
	return ""
}

// k9sKey turns "Shift-0", "Ctrl-A", "F5" into this map's names. Shift and a
// letter is the upper-case letter, as terminals send it.
func k9sKey(s string) string {
	parts := strings.Split(s, "-")
	last := parts[len(parts)-1]
	if len(parts) == 2 && strings.EqualFold(parts[0], "shift") && utf8.RuneCountInString(last) == 1 {
		return shifted(last)
	}
	if slices.Contains(parts, "") { // a '-' that divides nothing
		return strings.ToLower(s)
	}
	return strings.ToLower(strings.Join(parts, "+"))
}

// shifted is what a US keyboard sends for Shift and a character, which is what
// k9s' names mean.
func shifted(c string) string {
	const plain, with = "1234567890", "!@#$%^&*()"
	if i := strings.Index(plain, c); i >= 0 {
		return with[i : i+1]
	}
	return strings.ToUpper(c)
}

// readForeign reads a YAML file that is another program's: one that is not
// there is fine, of one that can't be read nothing is taken, and note says what
// is wrong and where.
func readForeign[T any](path string) (f T, note string) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return f, ""
	}
	if err != nil {
		return f, fmt.Sprintf("%s was passed over: %v.", path, err)
	}
	if err = yaml.Unmarshal(b, &f); err == nil {
		return f, ""
	}
	var none T
	var at yaml.Error
	if errors.As(err, &at) && at.GetToken() != nil {
		return none, fmt.Sprintf("%s was passed over: line %d: %s.", path, at.GetToken().Position.Line, at.GetMessage())
	}
	return none, fmt.Sprintf("%s was passed over: %v.", path, err)
}
