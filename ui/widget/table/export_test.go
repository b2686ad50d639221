package table

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

func TestExportReadsBack(t *testing.T) {
	x := newWorld(t, 80, 20)
	x.load.Delete(refs("abcdefghij")...)
	nasty := []string{"=cmd|' /C calc'!A0", "+1", "-1", "@x", `quo"te\ 'x`, "esc\x1b[31m", "line\nend\r\t", "c1\u009b bidi\u202e", "tag\U000e0041", "😀 界", "null", "- a: b", "#no"}
	for _, n := range nasty {
		x.load.Put(row(n))
	}
	x.Choose([]string{"name", "restarts"})
	x.Refresh()
	type saved struct {
		Name     string
		Restarts int
	}
	var want []saved
	for v := range x.lens.Shown() {
		want = append(want, saved{v.name, 0})
	}
	for format, read := range map[Format]func([]byte, any) error{
		JSON: json.Unmarshal,
		YAML: func(b []byte, v any) error { return yaml.Unmarshal(b, v) },
	} {
		var b bytes.Buffer
		if err := x.Export(&b, format); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(b.String(), "\x1b\r\u009b\u202e\U000e0041") {
			t.Errorf("%s holds characters that can't be seen", format)
		}
		var got []saved
		if err := read(b.Bytes(), &got); err != nil {
			t.Fatalf("%s: %v\n%s", format, err, b.String())
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", format, d)
		}
	}
	var b bytes.Buffer
	if err := x.Export(&b, CSV); err != nil {
		t.Fatal(err)
	}
	records, err := csv.NewReader(&b).ReadAll()
	if err != nil || len(records) != len(nasty)+1 {
		t.Fatal(len(records), err)
	}
	for _, r := range records {
		if strings.ContainsAny(r[0], "\x1b\r\n\t") || strings.ContainsAny(r[0][:1], "=+-@") {
			t.Errorf("%q in a spreadsheet", r[0])
		}
	}
}

func TestExportOfWhat(t *testing.T) {
	x := newWorld(t, 80, 20)
	x.Choose([]string{"name"})
	saved := func() string {
		t.Helper()
		var b bytes.Buffer
		if err := x.Export(&b, CSV); err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(b.String()), " ")
	}
	x.filter("a|b")
	if got := saved(); got != "name a b" {
		t.Error(got)
	}
	x.Mark()
	x.filter("j")
	if got := saved(); got != "name a" {
		t.Errorf("marked, though hidden: %q", got)
	}
	x.ClearMarks()
	x.filter("nothing")
	for format, want := range map[Format]string{CSV: "name\n", JSON: "[]\n", YAML: "[]\n"} {
		var b bytes.Buffer
		if err := x.Export(&b, format); err != nil || b.String() != want {
			t.Errorf("%s of nothing: %q, %v", format, b.String(), err)
		}
	}
	if err := x.Export(&bytes.Buffer{}, "xml"); err == nil {
		t.Error("xml")
	}
	full := errors.New("disk full")
	for _, format := range []Format{CSV, JSON, YAML} {
		if err := x.Export(writer(func([]byte) (int, error) { return 0, full }), format); !errors.Is(err, full) {
			t.Errorf("%s to a full disk: %v", format, err)
		}
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(b []byte) (int, error) { return w(b) }

func TestCopies(t *testing.T) {
	x := newWorld(t, 80, 20)
	x.load.Put(row("0\x1b[2J"))
	x.Refresh()
	x.Home()
	x.Choose([]string{"name", "state", "restarts"})
	if x.CellText() != "0·" || x.Name() != "0·" {
		t.Errorf("%q %q", x.CellText(), x.Name())
	}
	x.SortBy("state")
	if x.CellText() != "Running" || x.RowText() != "0·\tRunning\t0" {
		t.Errorf("%q %q", x.CellText(), x.RowText())
	}
}
