package audit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// forge makes a line anew, with a hash that fits.
func forge(t *testing.T, line string, change func(*Record)) string {
	t.Helper()
	var r Record
	if err := json.Unmarshal([]byte(line), &r); err != nil {
		t.Fatal(err)
	}
	change(&r)
	out, _, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(out), "\n")
}

func TestTampering(t *testing.T) {
	type lines = []string
	swap := func(l lines, i, j int) lines { l[i], l[j] = l[j], l[i]; return l }
	// Lines: 1 session, 2 intent, 3 step, 4 outcome, 5 refusal, 6 end.
	tests := []struct {
		name   string
		tamper func(t *testing.T, l lines) string // of the lines, the file
		state  State
		line   int
		reason string
	}{
		{"untouched", func(_ *testing.T, l lines) string { return join(l) }, Whole, 0, ""},
		{"end not reached", func(_ *testing.T, l lines) string { return join(l[:5]) }, Unended, 0, ""},
		{"nothing", func(*testing.T, lines) string { return "" }, Unended, 0, ""},
		{"last line cut", func(_ *testing.T, l lines) string { return strings.TrimSuffix(join(l), "\"}\n") }, Cut, 6, "cut"},
		{"only the last line end cut", func(_ *testing.T, l lines) string { return strings.TrimSuffix(join(l), "\n") }, Whole, 0, ""},
		{"edited", func(_ *testing.T, l lines) string { return strings.Replace(join(l), "from 3 to 5", "from 3 to 4", 1) }, Broken, 2, "edited"},
		{"edited hash", func(_ *testing.T, l lines) string {
			b := []byte(l[3])
			b[len(b)-3] ^= 1 // stays a hexadecimal digit, or nearly
			l[3] = string(b)
			return join(l)
		}, Broken, 4, "edited"},
		{"no record", func(_ *testing.T, l lines) string { l[2] = "hello"; return join(l) }, Broken, 3, "no record"},
		{"hash taken off", func(_ *testing.T, l lines) string { l[2] = `{"seq":3}`; return join(l) }, Broken, 3, "no hash"},
		{"line removed", func(_ *testing.T, l lines) string { return join(append(l[:2:2], l[3:]...)) }, Broken, 3, "1 records before it were removed"},
		{"first line removed", func(_ *testing.T, l lines) string { return join(l[1:]) }, Broken, 1, "removed"},
		{"reordered", func(_ *testing.T, l lines) string { return join(swap(l, 2, 3)) }, Broken, 3, "reordered"},
		{"doubled", func(_ *testing.T, l lines) string { return join(append(l[:3:3], l[2:]...)) }, Broken, 4, "doubled"},
		{"behind the end", func(t *testing.T, l lines) string {
			last := forge(t, l[4], func(r *Record) { r.Seq = 7; r.Prev = hashOf(t, l[5]) })
			return join(append(l, last))
		}, Broken, 7, "behind the end"},
		{"replaced with its hash", func(t *testing.T, l lines) string {
			l[3] = forge(t, l[3], func(r *Record) { r.Outcome.Code = "failed" })
			return join(l)
		}, Broken, 5, "replaced"},
		{"of another session", func(t *testing.T, l lines) string {
			l[0] = forge(t, l[0], func(r *Record) { r.Chain = "2026-01-01T00-00-00Z-eve-aaaaaaaa" })
			return join(l)
		}, Broken, 1, "another session"},
		{"a line without end", func(_ *testing.T, l lines) string { return l[0] + "\n" + strings.Repeat("x", maxLine+2) }, Broken, 2, "longer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := chainOfSix(t)
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			tampered := tt.tamper(t, strings.Split(strings.TrimSuffix(string(data), "\n"), "\n"))
			if err := os.WriteFile(path, []byte(tampered), 0o600); err != nil {
				t.Fatal(err)
			}
			r := verifyOne(t, path)
			if r.State != tt.state || r.Line != tt.line || !strings.Contains(r.Reason, tt.reason) || !strings.Contains(r.String(), tt.state.String()) {
				t.Errorf("%v (line %d), want %v at line %d because %q", r, r.Line, tt.state, tt.line, tt.reason)
			}
		})
	}
}

func TestImagesTamperedWith(t *testing.T) {
	tests := []struct {
		name   string
		tamper func(image string) error
		reason string
	}{
		{"changed", func(p string) error { return os.WriteFile(p, []byte("replicas: 4\n"), 0o600) }, "was changed"},
		{"longer", func(p string) error { return os.WriteFile(p, []byte("replicas: 3\n\n"), 0o600) }, "was changed"},
		{"removed", os.Remove, "was removed"},
		{"with its directory", func(p string) error { return os.RemoveAll(filepath.Dir(p)) }, "was removed"},
		{"a link to elsewhere", func(p string) error {
			if err := os.Rename(p, p+".old"); err != nil {
				return err
			}
			return os.Symlink(p+".old", p)
		}, "can't be read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := chainOfSix(t)
			image := filepath.Join(strings.TrimSuffix(path, ending)+imagesEnding, "1-1.yaml")
			if err := tt.tamper(image); err != nil {
				t.Fatal(err)
			}
			if r := verifyOne(t, path); r.State != Broken || r.Line != 2 || !strings.Contains(r.Reason, tt.reason) {
				t.Errorf("%v, want broken at line 2: %s", r, tt.reason)
			}
		})
	}
}

// TestImageOutside: a forged record can't have Verify read anything else.
func TestImageOutside(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "secret"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "c.d"), 0o700); err != nil {
		t.Fatal(err)
	}
	if sum, err := hashImage(filepath.Join(dir, "c.d"), Image{File: "../secret", Bytes: 1}); err == nil {
		t.Errorf("a file outside was read: %s", sum)
	}
}

func TestVerifyLeavesOthersAlone(t *testing.T) {
	path := chainOfSix(t)
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "notes.txt"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(filepath.Dir(path), "dir"+ending), 0o700); err != nil {
		t.Fatal(err)
	}
	if r := verifyOne(t, filepath.Dir(path)); r.State != Whole {
		t.Error(r)
	}
}

func chainOfSix(t *testing.T) string {
	t.Helper()
	l := open(t, t.TempDir())
	write(t, l, intentOf("1"), Entry{Step: &Step{Run: "1", N: 1, Code: "done"}}, outcomeOf("1"), refusalOf(1))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Path()
}

func hashOf(t *testing.T, line string) string {
	t.Helper()
	r, wrong := decode([]byte(line))
	if wrong != "" {
		t.Fatal(wrong)
	}
	return r.Hash
}

func join(lines []string) string { return strings.Join(lines, "\n") + "\n" }
