package config

import (
	"errors"
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
	if errors.Is(err, os.ErrNotExist) {
		return m, ""
	}
	if err == nil {
		err = yaml.Unmarshal(b, &m.values)
	}
	if m.values == nil {
		m.values = map[string][]string{}
	}
	if err == nil {
		return m, ""
	}
	clear(m.values)
	aside := path + ".broken"
	if err := os.Rename(path, aside); err != nil {
		return m, fmt.Sprintf("What was kept between sessions could not be read, nor set aside: %v.", err)
	}
	return m, "What was kept between sessions could not be read; it is set aside as " + aside + "."
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
	if err := replace(m.path, b); err != nil {
		return fmt.Errorf("keep what was chosen: %w", err)
	}
	clear(m.dirty)
	return nil
}

// replace writes a file beside path and puts it in its place, so that another
// console reads the old one or the new one and never half of one.
func replace(path string, b []byte) error {
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.new")
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(b)
	if err := errors.Join(err, temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
