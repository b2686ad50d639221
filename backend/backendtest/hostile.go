package backendtest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Hostile are the texts that try to act on a terminal, by name, as they stand in
// testdata/hostile/corpus.txt below root, the module's folder as it is seen from the
// test's: a name, a quoted text, and perhaps how many times it is repeated.
func Hostile(t testing.TB, root string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "testdata", "hostile", "corpus.txt"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(data)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		rest = strings.TrimSpace(rest)
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		text, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if times, ok := strings.CutPrefix(rest[len(quoted):], " x"); ok {
			n, err := strconv.Atoi(times)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			text = strings.Repeat(text, n)
		}
		all[name] = text
	}
	if len(all) < 80 {
		t.Fatalf("only %d texts: the corpus was not read", len(all))
	}
	return all
}
