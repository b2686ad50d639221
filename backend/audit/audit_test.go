package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var someone = Session{Who: "mlin", Host: "bastion", Version: "1.0", Links: []Identity{{Link: "prod-eu", Server: "https://10.0.0.1:6443"}}}

func open(t *testing.T, dir string) *Log {
	t.Helper()
	l, err := Open(dir, someone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func write(t *testing.T, l *Log, entries ...Entry) {
	t.Helper()
	for _, e := range entries {
		if err := l.Write(e); err != nil {
			t.Fatal(err)
		}
	}
}

func intentOf(run string) Entry {
	return Entry{Intent: &Intent{
		Run: run, Action: "workload.scale", Sentence: "Scales deployment shop/checkout from 3 to 5.",
		Args: map[string]string{"replicas": "5"}, Steps: []Planned{
			{Target: "prod-eu:deployment.apps/shop/checkout", Request: "PATCH …", Before: []byte("replicas: 3\n")},
			{Target: "prod-eu:deployment.apps/shop/cart", Request: "PATCH …"},
		},
	}}
}

func outcomeOf(run string) Entry {
	return Entry{Outcome: &Outcome{Run: run, Code: "done", Sentence: "Scaled.", Seconds: 0.2, Done: 1, Of: 1}}
}

func refusalOf(n int) Entry {
	return Entry{Refusal: &Refusal{Action: "pod.delete", Targets: []string{fmt.Sprintf("prod-eu:pod/shop/p-%d", n)}, Cause: ReadOnly}}
}

// entries gives the words for what stands in the only chain of dir.
func entries(t *testing.T, dir string) []string {
	t.Helper()
	records, err := Tail(dir, 1000)
	if err != nil {
		t.Fatal(err)
	}
	bySeq := make([]string, len(records))
	for _, r := range records {
		bySeq[r.Seq-1], _, _ = strings.Cut(r.Entry.String(), " ")
	}
	return bySeq
}

func verifyOne(t *testing.T, path string) Report {
	t.Helper()
	reports, err := Verify(path)
	if err != nil || len(reports) != 1 {
		t.Fatalf("Verify(%s) = %v, %v; want one report", path, reports, err)
	}
	return reports[0]
}

func TestLookingAroundLeavesNoFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "audit")
	l := open(t, dir)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("Stat(%s) = %v after a session without entries, want: not there", dir, err)
	}
	if l.Path() != "" {
		t.Errorf("Path() = %q, want none", l.Path())
	}
	if records, err := Tail(dir, 10); len(records) != 0 || err != nil {
		t.Errorf("Tail of no directory = %v, %v; want nothing", records, err)
	}
	if _, err := Verify(dir); err == nil {
		t.Error("Verify of no directory gave no error")
	}
}

func TestChain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state", "audit")
	l := open(t, dir)
	write(t, l, intentOf("1"), Entry{Step: &Step{Run: "1", N: 1, Code: "done"}}, outcomeOf("1"))
	path := l.Path()
	if r := verifyOne(t, path); r.State != Unended || r.Records != 4 {
		t.Errorf("while the session goes on: %v, want 4 records without an end", r)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if r := verifyOne(t, dir); r.State != Whole || r.Records != 5 {
		t.Errorf("after Close: %v, want 5 whole records", r)
	}
	if diff := cmp.Diff([]string{"session", "intent", "step", "outcome", "end"}, entries(t, dir)); diff != "" {
		t.Error(diff)
	}
	for name, want := range map[string]os.FileMode{
		dir: 0o700, path: 0o600,
		strings.TrimSuffix(path, ending) + imagesEnding:                          0o700,
		filepath.Join(strings.TrimSuffix(path, ending)+imagesEnding, "1-1.yaml"): 0o600,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o, want %o", name, info.Mode().Perm(), want)
		}
	}
	if name := filepath.Base(path); !strings.Contains(name, "-mlin-") {
		t.Errorf("the file is called %s, want the person in it", name)
	}
	if err := l.Write(outcomeOf("1")); err == nil {
		t.Error("Write after Close gave no error")
	}
}

func TestOpenRefusesAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, someone); err == nil {
		t.Error("Open on a file gave no error")
	}
}

// TestHidden: nothing that acts on a terminal may stand in the file itself.
func TestHidden(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	hostile := "a\x1b[2Jb\u009b31mc\u202ed\u200be\x7f\U000e0041f\r\n購物🛒"
	write(t, l, Entry{Refusal: &Refusal{Action: "pod.delete", Cause: Denied, Reason: hostile}})
	data, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range string(data) {
		if r != '\n' && (r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0x202e || r == 0x200b || r == 0xe0041) {
			t.Errorf("U+%04X stands in the file", r)
		}
	}
	if !strings.Contains(string(data), "購物🛒") {
		t.Error("readable text was escaped")
	}
	records, err := Tail(dir, 1)
	if err != nil || len(records) != 1 || records[0].Refusal.Reason != hostile {
		t.Errorf("Tail = %v, %v; want the text back as it was", records, err)
	}
	if line := records[0].String(); strings.ContainsAny(line, "\x1b\n\r\u009b\u202e") {
		t.Errorf("String() = %q, want nothing in it that acts on a terminal", line)
	}
}

func TestSecretsAndImagesStayOutOfTheLine(t *testing.T) {
	l := open(t, t.TempDir())
	write(t, l, intentOf("1"))
	data, err := os.ReadFile(l.Path())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(data), "replicas: 3") {
		t.Error("the pre-image stands in the record itself")
	}
	var r Record
	lines := strings.Split(string(data), "\n")
	if err := json.Unmarshal([]byte(lines[1]), &r); err != nil {
		t.Fatal(err)
	}
	im := r.Intent.Steps[0].Image
	if im == nil || im.File != "1-1.yaml" || im.Bytes != 12 || r.Intent.Steps[1].Image != nil {
		t.Errorf("images = %v, %v; want 1-1.yaml of 12 bytes, and none", im, r.Intent.Steps[1].Image)
	}
}

func TestConcurrentWriters(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 20 {
				if err := l.Keep(refusalOf(100*i + n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if r := verifyOne(t, dir); r.State != Unended || r.Records != 161 {
		t.Errorf("%v, want 161 records", r)
	}
}

func TestTailAcrossSessions(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a, b := open(t, dir), open(t, dir)
		for i := range 6 {
			time.Sleep(time.Second)
			write(t, []*Log{a, b}[i%2], refusalOf(i))
		}
		data, err := os.ReadFile(a.Path())
		if err != nil {
			t.Fatal(err)
		}
		broken := strings.Replace(string(data), "p-2", "p-9", 1) + `{"seq":`
		if err := os.WriteFile(a.Path(), []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		records, err := Tail(dir, 4)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range records {
			got = append(got, r.Refusal.Targets...)
		}
		want := []string{"prod-eu:pod/shop/p-1", "prod-eu:pod/shop/p-3", "prod-eu:pod/shop/p-4", "prod-eu:pod/shop/p-5"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the last four that are whole (-want +got):\n%s", diff)
		}
		if none, _ := Tail(dir, 0); len(none) != 0 {
			t.Errorf("Tail(0) = %v", none)
		}
	})
}

// failing is a disk that is full or away, on demand.
type failing struct {
	file
	disk *disk
}

type disk struct {
	create, write, sync, truncate error
	partial                       int // bytes that a failing write leaves
}

// becomes sets what fails from now on on l's disk.
func (d *disk) becomes(l *Log, now disk) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*d = now
}

func (d *disk) use(l *Log) {
	create := l.create
	l.create = func(path string) (file, error) {
		if d.create != nil {
			return nil, d.create
		}
		f, err := create(path)
		return failing{f, d}, err
	}
}

func (f failing) Write(b []byte) (int, error) {
	if f.disk.write != nil {
		n, _ := f.file.Write(b[:min(len(b), f.disk.partial)])
		return n, f.disk.write
	}
	return f.file.Write(b)
}

func (f failing) Sync() error {
	if f.disk.sync != nil {
		return f.disk.sync
	}
	return f.file.Sync()
}

func (f failing) Truncate(n int64) error {
	if f.disk.truncate != nil {
		return f.disk.truncate
	}
	return f.file.Truncate(n)
}

func TestDiskFails(t *testing.T) {
	full := errors.New("no space left on device")
	tests := []struct {
		name string
		disk disk
	}{
		{"no file can be made", disk{create: full}},
		{"nothing is written", disk{write: full}},
		{"half a record is written", disk{write: full, partial: 30}},
		{"half a record is written and can't be cut off", disk{write: full, partial: 30, truncate: full}},
		{"it can't be synced", disk{sync: full}},
	}
	for _, tt := range tests {
		for _, before := range []int{0, 2} { // records that are there when it begins to fail
			t.Run(fmt.Sprintf("%s after %d", tt.name, before), func(t *testing.T) {
				if before > 0 && tt.disk.create != nil {
					t.Skip("the file is there by then")
				}
				dir := t.TempDir()
				synctest.Test(t, func(t *testing.T) {
					var d disk
					l := open(t, dir)
					d.use(l)
					for i := range before {
						write(t, l, refusalOf(i))
					}
					d.becomes(l, tt.disk)
					if err := l.Write(intentOf("1")); !errors.Is(err, full) {
						t.Fatalf("Write = %v, want the disk's error", err)
					}
					if err := l.Keep(intentOf("2")); !errors.Is(err, full) {
						t.Fatalf("Keep = %v, want the disk's error", err)
					}
					time.Sleep(20 * time.Second) // several tries
					if err := l.Keep(outcomeOf("2")); !errors.Is(err, full) {
						t.Fatalf("Keep = %v, want the disk's error", err)
					}
					d.becomes(l, disk{})
					time.Sleep(2 * retryAfter)
					synctest.Wait()
					want := []string{"session", "refusal", "refusal"}[:1+before]
					if diff := cmp.Diff(append(want, "gap", "intent", "outcome"), entries(t, dir)); diff != "" {
						t.Errorf("after the disk came back by itself (-want +got):\n%s", diff)
					}
					if err := l.Close(); err != nil {
						t.Error(err)
					}
					if r := verifyOne(t, dir); r.State != Whole {
						t.Error(r)
					}
					records, _ := Tail(dir, 100)
					for _, r := range records {
						if r.Gap != nil && (r.Gap.Records != 2 || r.Gap.To.Sub(r.Gap.From) < 20*time.Second || !strings.Contains(r.Gap.Reason, full.Error())) {
							t.Errorf("gap = %+v, want two records over 20 s and the reason", *r.Gap)
						}
						if r.Intent != nil && r.Intent.Run != "2" {
							t.Errorf("run %s is recorded, although Write gave an error", r.Intent.Run)
						}
					}
				})
			})
		}
	}
}

func TestCloseTellsWhatIsLost(t *testing.T) {
	l := open(t, t.TempDir())
	full := errors.New("no space left on device")
	(&disk{create: full}).use(l)
	_ = l.Keep(refusalOf(1))
	_ = l.Keep(refusalOf(2))
	if err := l.Close(); !errors.Is(err, full) || !strings.Contains(err.Error(), "2 entries") {
		t.Errorf("Close = %v, want the disk's error and two lost entries", err)
	}
}

func TestTooLargeDoesNotBlock(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	huge := Entry{Refusal: &Refusal{Reason: strings.Repeat("x", maxLine)}}
	if err := l.Write(huge); err == nil {
		t.Error("Write of a record beyond all bounds gave no error")
	}
	_ = l.Keep(huge)
	write(t, l, refusalOf(1))
	if diff := cmp.Diff([]string{"session", "gap", "refusal"}, entries(t, dir)); diff != "" {
		t.Error(diff)
	}
}

func TestFileTakenAway(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	write(t, l, refusalOf(1))
	if err := os.Rename(l.Path(), filepath.Join(t.TempDir(), "elsewhere")); err != nil {
		t.Fatal(err)
	}
	write(t, l, refusalOf(2))
	if diff := cmp.Diff([]string{"session", "gap", "refusal"}, entries(t, dir)); diff != "" {
		t.Error(diff)
	}
	if r := verifyOne(t, dir); r.State != Unended {
		t.Error(r)
	}
}

// TestAnyByte: whichever byte of a chain is changed, Verify sees it; 240 of them in six
// chains are in every part of every kind of line.
func TestAnyByte(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 6 {
		dir := t.TempDir()
		l := open(t, dir)
		for n := range 1 + rnd.IntN(6) {
			write(t, l, []Entry{refusalOf(n), outcomeOf("1"), {Step: &Step{Run: "1", N: n}}}[rnd.IntN(3)])
		}
		path := l.Path()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if r := verifyOne(t, path); r.State != Whole {
			t.Fatal(r)
		}
		for range 40 {
			at := rnd.IntN(len(data) - 1) // the very last line end may go
			changed := append([]byte(nil), data...)
			changed[at] ^= byte(1 << rnd.IntN(8))
			if err := os.WriteFile(path, changed, 0o600); err != nil {
				t.Fatal(err)
			}
			if r := verifyOne(t, path); r.State == Whole {
				t.Fatalf("byte %d of %d was changed from %q to %q, and the chain is called whole", at, len(data), data[at], changed[at])
			}
		}
	}
}

// BenchmarkRun is what the record of one run costs: three lines and a
// pre-image, on disk.
func BenchmarkRun(b *testing.B) {
	l, err := Open(b.TempDir(), someone)
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	n := 0
	for b.Loop() {
		n++
		for _, e := range []Entry{intentOf(fmt.Sprint(n)), {Step: &Step{Run: "1", N: 1, Code: "done"}}, outcomeOf("1")} {
			if err := l.Write(e); err != nil {
				b.Fatal(err)
			}
		}
	}
}
