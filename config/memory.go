package config

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/adrg/xdg"
	"github.com/goccy/go-yaml"
)

// StateDir is where what is not configured but kept lives.
func StateDir() string { return filepath.Join(xdg.StateHome, "wheelhouse") }

// Memory keeps small lists between sessions: chosen columns, orders, histories.
// Safe for concurrent use; two consoles may share the file, and the last one to
// write a key has it.
type Memory struct {
	path string

	mu     sync.Mutex
	values map[string][]string
	dirty  map[string]bool // put since the last Save
}

// OpenMemory reads what was kept. A file that can't be read is set aside; note
// says so, and is empty otherwise.
func OpenMemory(path string) (m *Memory, note string) {
	m = &Memory{path: path, values: map[string][]string{}, dirty: map[string]bool{}}
	b, err := os.ReadFile(path)
	if err != nil {
		return m, ""
	}
	if err := yaml.Unmarshal(b, &m.values); err != nil || m.values == nil {
		m.values = map[string][]string{}
		aside := path + ".broken"
		if os.Rename(path, aside) == nil && len(b) > 0 {
			note = "What was kept between sessions could not be read; it is set aside as " + aside + "."
		}
	}
	return m, note
}

// Get gives what was put under a key; nil for nothing.
func (m *Memory) Get(key string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.values[key]...)
}

// Put keeps values under a key. It does not touch the disk: Save does.
func (m *Memory) Put(key string, values []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.values[key] = append([]string(nil), values...)
	m.dirty[key] = true
}

// Save writes what was put over what the file holds by now, in one step.
func (m *Memory) Save() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.dirty) == 0 {
		return nil
	}
	onDisk := map[string][]string{}
	if b, err := os.ReadFile(m.path); err == nil {
		_ = yaml.Unmarshal(b, &onDisk) // a broken file is written over
	}
	if onDisk == nil {
		onDisk = map[string][]string{}
	}
	for key := range m.dirty {
		onDisk[key] = m.values[key]
	}
	b, err := yaml.Marshal(onDisk)
	if err != nil {
		return fmt.Errorf("keep what was chosen: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(m.path), 0o700); err != nil {
		return fmt.Errorf("keep what was chosen: %w", err)
	}
	temp := m.path + ".new"
	if err := os.WriteFile(temp, b, 0o600); err != nil {
		return fmt.Errorf("keep what was chosen: %w", err)
	}
	if err := os.Rename(temp, m.path); err != nil {
		return fmt.Errorf("keep what was chosen: %w", err)
	}
	clear(m.dirty)
	return nil
}
