package keymap

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

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
	var f struct {
		Aliases map[string]string `yaml:"aliases"`
	}
	note := readForeign(filepath.Join(k9sDir(), "aliases.yaml"), &f)
	if note != "" {
		notes = append(notes, note)
	}
	for word, line := range f.Aliases {
		all[word] = command(line)
	}
	for word, line := range own {
		all[word] = line
	}
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
// free or the file says override. notes are sentences about what was passed
// over.
func (m *Map) AddHotkeys() (notes []string) {
	var f struct {
		HotKeys map[string]struct {
			ShortCut string `yaml:"shortCut"`
			Command  string `yaml:"command"`
			Override bool   `yaml:"override"`
		} `yaml:"hotKeys"`
	}
	if note := readForeign(filepath.Join(k9sDir(), "hotkeys.yaml"), &f); note != "" {
		notes = append(notes, note)
	}
	for name, h := range f.HotKeys {
		key := k9sKey(h.ShortCut)
		switch taken := m.command("shell", key); {
		case wrongKey(key) != "":
			notes = append(notes, fmt.Sprintf("k9s hotkey %s: no key is called %q.", name, h.ShortCut))
		case taken != "" && !h.Override:
			notes = append(notes, fmt.Sprintf("k9s hotkey %s: %s is %s already.", name, key, taken))
		default:
			m.bind("shell", key, ":"+command(h.Command))
		}
	}
	return notes
}

// OverrideFile puts the bindings of a YAML file over those of m.
func (m *Map) OverrideFile(path string, known []string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the keymap: %w", err)
	}
	var over map[string]map[string]string
	if err := yaml.Unmarshal(b, &over); err != nil {
		return fmt.Errorf("%s: %s", path, yaml.FormatError(err, false, true))
	}
	return m.Override(path, over, known)
}

// k9sKey turns "Shift-0", "Ctrl-A", "F5" into this map's names. Shift and a
// letter is the upper-case letter, as terminals send it.
func k9sKey(s string) string {
	parts := strings.Split(s, "-")
	last := parts[len(parts)-1]
	key := strings.ToLower(last)
	for _, mod := range parts[:len(parts)-1] {
		switch strings.ToLower(mod) {
		case "shift":
			if len(last) == 1 {
				key = shifted(last)
				continue
			}
			key = "shift+" + key
		default:
			key = strings.ToLower(mod) + "+" + key
		}
	}
	return key
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
// there is fine, one that can't be read is a note.
func readForeign(path string, into any) (note string) {
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return ""
	case err == nil:
		err = yaml.Unmarshal(b, into)
	}
	if err != nil {
		return fmt.Sprintf("%s was passed over: it can't be read.", path)
	}
	return ""
}
