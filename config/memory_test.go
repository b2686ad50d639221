package config

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", "state.yaml")
	m, note := OpenMemory(path)
	if note != "" || m.Get("a") != nil {
		t.Errorf("the first session: %q, %v", note, m.Get("a"))
	}
	if err := m.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("looking around leaves no trace, but there is a file")
	}
	kept := map[string][]string{"a": {"one", "two"}, "empty": {}, "odd: key": {"", " x ", "- y", "a\nb", "日本語", "\x1b[31m", "null", "5", "\U0001f680"}}
	for key, v := range kept {
		m.Put(key, v)
	}
	if err := m.Save(); err != nil {
		t.Fatal(err)
	}
	again, note := OpenMemory(path)
	if note != "" {
		t.Error(note)
	}
	for key, v := range kept {
		if got := again.Get(key); !slices.Equal(got, v) {
			t.Errorf("%s: %q came back as %q", key, v, got)
		}
	}
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v, %v", info.Mode(), err)
	}
	wantOnly(t, filepath.Dir(path), "state.yaml")
}

// wantOnly wants no other files in dir: nothing half-written stays.
func wantOnly(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s holds %v, not %v", dir, got, want)
	}
}

// TestMemoryIsCopied: what was put or got belongs to the caller.
func TestMemoryIsCopied(t *testing.T) {
	m, _ := OpenMemory(filepath.Join(t.TempDir(), "state.yaml"))
	v := []string{"a"}
	m.Put("k", v)
	v[0] = "changed"
	m.Get("k")[0] = "changed"
	if got := m.Get("k"); !slices.Equal(got, []string{"a"}) {
		t.Error(got)
	}
}

// TestTwoConsoles share a file: each writes what it put and no more.
func TestTwoConsoles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.yaml")
	one, _ := OpenMemory(path)
	one.Put("both", []string{"1"})
	one.Put("one", []string{"1"})
	if err := one.Save(); err != nil {
		t.Fatal(err)
	}
	two, _ := OpenMemory(path)
	one.Put("one", []string{"2"})
	two.Put("both", []string{"2"})
	for _, m := range []*Memory{one, two} {
		if err := m.Save(); err != nil {
			t.Fatal(err)
		}
	}
	m, _ := OpenMemory(path)
	if got := append(m.Get("both"), m.Get("one")...); !slices.Equal(got, []string{"2", "2"}) {
		t.Errorf("%v: one console took back what the other had put", got)
	}
}

func TestBrokenMemory(t *testing.T) {
	for name, text := range map[string]string{
		"broken": "a: [b\n", "wrong type": "good: [x]\na:\n  b: {c: d}\n", "no map": "- a\n", "binary": "\x00\x01\xff\xfe", "cut": "a:\n- \"b", "circle": "a: &a [*a]\n",
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "state.yaml", text)
			m, note := OpenMemory(path)
			if !strings.Contains(note, "it is set aside as "+path+".broken.") {
				t.Errorf("%q", note)
			}
			if b, err := os.ReadFile(path + ".broken"); err != nil || string(b) != text {
				t.Errorf("what was there is lost: %q, %v", b, err)
			}
			// Half of a broken file is not what was kept.
			if m.Get("good") != nil {
				t.Error(m.Get("good"))
			}
			m.Put("a", []string{"b"})
			if err := m.Save(); err != nil {
				t.Fatal(err)
			}
			if again, note := OpenMemory(path); note != "" || !slices.Equal(again.Get("a"), []string{"b"}) {
				t.Errorf("after it: %q, %v", note, again.Get("a"))
			}
		})
	}
}

// TestEmptyMemory: a disk that was full leaves such files; there is nothing to
// tell of them.
func TestEmptyMemory(t *testing.T) {
	for _, text := range []string{"", "\n", "{}\n", "# nothing\n"} {
		path := write(t, "state.yaml", text)
		m, note := OpenMemory(path)
		m.Put("a", []string{"b"}) // into no map, this would crash
		if err := m.Save(); note != "" || err != nil {
			t.Errorf("%q: %q, %v", text, note, err)
		}
	}
}

// TestNoPlaceToKeep: paths that can't be written, also not by root.
func TestNoPlaceToKeep(t *testing.T) {
	file := write(t, "file", "")
	folder := t.TempDir()
	for name, path := range map[string]string{
		"below a file":   filepath.Join(file, "deep", "state.yaml"),
		"a folder there": folder,
	} {
		t.Run(name, func(t *testing.T) {
			m := &Memory{path: path, values: map[string][]string{}, dirty: map[string]bool{}}
			m.Put("a", []string{"b"})
			err := m.Save()
			if err == nil || !strings.Contains(err.Error(), "keep what was chosen") {
				t.Errorf("%v", err)
			}
			if !slices.Equal(m.Get("a"), []string{"b"}) {
				t.Error("the session itself forgot it")
			}
			// It stays to be saved when the place is there again.
			m.path = filepath.Join(t.TempDir(), "state.yaml")
			if err := m.Save(); err != nil {
				t.Fatal(err)
			}
			if again, _ := OpenMemory(m.path); !slices.Equal(again.Get("a"), []string{"b"}) {
				t.Error("after a save that failed, the next one saved nothing")
			}
		})
	}
	if entries, err := os.ReadDir(folder); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

// TestUnreadableMemory: a file that is there and can't be read is told, and can
// be written over by nobody's doing but a Save.
func TestUnreadableMemory(t *testing.T) {
	m, note := OpenMemory(filepath.Join(write(t, "file", ""), "state.yaml"))
	if !strings.Contains(note, "could not be read, nor set aside") {
		t.Errorf("%q", note)
	}
	m.Put("a", []string{"b"})
	if !slices.Equal(m.Get("a"), []string{"b"}) {
		t.Error("it does not hold for the session")
	}
}

// TestMemoryAtOnce is for -race, and for what is on the disk after: every key
// that was put before the last Save.
func TestMemoryAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.yaml")
	one, _ := OpenMemory(path)
	two, _ := OpenMemory(path) // another console, which saves at the same time
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for n := range 20 {
				key := fmt.Sprintf("k%d", i)
				one.Put(key, append(one.Get(key), fmt.Sprint(n)))
				if i%4 != 0 {
					continue
				}
				two.Put("two", []string{fmt.Sprint(n)})
				for _, m := range []*Memory{one, two} {
					if err := m.Save(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	for i := range 8 {
		one.Put(fmt.Sprintf("k%d", i), one.Get(fmt.Sprintf("k%d", i)))
	}
	if err := one.Save(); err != nil {
		t.Fatal(err)
	}
	again, note := OpenMemory(path)
	if note != "" {
		t.Error(note)
	}
	for i := range 8 {
		if got := again.Get(fmt.Sprintf("k%d", i)); len(got) != 20 {
			t.Errorf("k%d has %v", i, got)
		}
	}
	wantOnly(t, filepath.Dir(path), "state.yaml")
}
