package kube

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"wheelhouse/backend"
)

// readAll gives all lines of a log that ends.
func readAll(t *testing.T, from io.Reader) (all []backend.LogLine) {
	t.Helper()
	r := newLogReader(from, "app")
	for {
		lines, err := r.next()
		all = append(all, lines...)
		if errors.Is(err, io.EOF) {
			return append(all, r.rest()...)
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestLogLines(t *testing.T) {
	at := time.Date(2026, 11, 28, 7, 9, 5, 120_000_000, time.UTC).UnixNano()
	for line, want := range map[string]backend.LogLine{
		"2026-11-28T07:09:05.12Z ERROR no":           {At: at, Level: backend.Critical, Text: backend.T("ERROR no")},
		"2026-11-28T07:09:05.120000000Z  two blanks": {At: at, Text: backend.T(" two blanks")},
		"2026-11-28T09:09:05.12+02:00 elsewhere":     {At: at, Text: backend.T("elsewhere")},
		"2026-11-28T07:09:05.12Z \xff\xfe":           {At: at, Text: backend.T("\xff\xfe")},
		"2026-11-28T07:09:05.12Z a\r":                {At: at, Text: backend.T("a")},
		"2026-11-28T07:09:05.12Z ":                   {At: at},
		"2026-11-28T07:09:05Z whole":                 {At: at - 120_000_000, Text: backend.T("whole")},
		"2026-13-28T07:09:05.12Z no such month":      {Text: backend.T("2026-13-28T07:09:05.12Z no such month")},
		"2026-11-28T07:09:xx.12Z no such second":     {Text: backend.T("2026-11-28T07:09:xx.12Z no such second")},
		"failed to try resolving symlinks: no file":  {Text: backend.T("failed to try resolving symlinks: no file")},
		"": {},
		strings.Repeat("2026-11-28T07:09:05.12Z", 2000): {Text: backend.T(strings.Repeat("2026-11-28T07:09:05.12Z", 2000))},
	} {
		want.From = "app"
		for name, from := range map[string]io.Reader{
			"at once": strings.NewReader(line + "\n" + line + "\n"), "by bytes": iotest.OneByteReader(strings.NewReader(line + "\n" + line + "\n")),
		} {
			got := readAll(t, from)
			if len(got) != 2 || got[0] != want || got[1] != want {
				t.Errorf("%s, %.40q: has %v", name, line, got)
			}
		}
	}
}

// TestLongLines: what is too long is cut, says how much of it is left out, and
// spoils nothing around it.
func TestLongLines(t *testing.T) {
	const stamp = "2026-11-28T07:09:05.12Z "
	for _, size := range []int{longest - 1, longest, longest + 1, longest + 1000, 5 << 20} {
		long := stamp + strings.Repeat("x", size-len(stamp))
		for name, from := range map[string]io.Reader{
			"at once": strings.NewReader(stamp + "a\n" + long + "\n" + stamp + "b\n" + long),
			"by 7000": &pieces7000{[]byte(stamp + "a\n" + long + "\n" + stamp + "b\n" + long)},
		} {
			got := readAll(t, from)
			if len(got) != 4 || got[0].Text.Raw() != "a" || got[2].Text.Raw() != "b" {
				t.Fatalf("%d %s: has %d lines", size, name, len(got))
			}
			for _, l := range []backend.LogLine{got[1], got[3]} {
				want := strings.Repeat("x", min(size, longest)-len(stamp))
				if left := size - longest; left > 0 {
					want += fmt.Sprintf(" … %d bytes more are left out here", left)
				}
				if l.Text.Raw() != want || l.At == 0 {
					t.Errorf("%d %s: has %d bytes that end in %q", size, name, l.Text.Len(), l.Text.Raw()[max(0, l.Text.Len()-60):])
				}
			}
		}
	}
}

type pieces7000 struct{ b []byte }

// Read implements io.Reader.
func (p *pieces7000) Read(into []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(into[:min(len(into), 7000)], p.b)
	p.b = p.b[n:]
	return n, nil
}

// TestPlaceOfMany: a log that writes more in a second than is held of it gives
// nothing twice.
func TestPlaceOfMany(t *testing.T) {
	var p logPlace
	lines := make([]backend.LogLine, mostGiven+10)
	for i := range lines {
		lines[i].At = int64(time.Hour) + int64(i)
	}
	if got := p.fresh(lines); len(got) != len(lines) {
		t.Fatalf("%d are new", len(got))
	}
	p.resume()
	if got := p.fresh(lines); len(got) != 0 {
		t.Errorf("%d are new again", len(got))
	}
	if len(p.given) > mostGiven {
		t.Errorf("holds %d", len(p.given))
	}
}

// BenchmarkLog is the whole way of a line from what came to what is handed on: its
// cost is per line.
func BenchmarkLog(b *testing.B) {
	for name, text := range map[string]string{
		"100B": "INFO order placed customer=81234 amount=312.05 and some more that makes it as long as usual",
		"1KB":  strings.Repeat("order placed customer=81234 ", 36),
	} {
		b.Run(name, func(b *testing.B) {
			var log bytes.Buffer
			for i := range 20_000 {
				fmt.Fprintf(&log, "%s %s\n", time.Unix(1_790_000_000, int64(i)*50_000).UTC().Format(time.RFC3339Nano), text)
			}
			b.ReportAllocs()
			b.SetBytes(int64(log.Len() / 20_000))
			for n := 0; n < b.N; {
				var place logPlace
				r := newLogReader(bytes.NewReader(log.Bytes()), "app")
				for err := error(nil); err == nil && n < b.N; {
					var lines []backend.LogLine
					lines, err = r.next()
					n += len(place.fresh(lines))
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
