package table

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"wheelhouse/backend"
)

// Format is a file format that rows can be saved in; also its file's extension.
type Format string

// The formats.
const (
	CSV  Format = "csv"
	JSON Format = "json"
	YAML Format = "yaml"
)

// Export writes the marked rows, hidden ones too, or all that are shown when
// none is marked, with the text of the chosen columns. JSON and YAML are a list
// of objects by column ID and hold every character as it came, those that can't
// be seen escaped; CSV is for spreadsheets: harmless text, and nothing in it is
// taken for a formula.
func (t *Table[T]) Export(w io.Writer, format Format) error {
	out := bufio.NewWriter(w)
	var err error
	switch format {
	case CSV:
		err = t.exportCSV(out)
	case JSON, YAML:
		t.exportObjects(out, format)
	default:
		return &backend.Error{Code: backend.Invalid, Op: "save rows", Human: fmt.Sprintf("There is no format %q; there are csv, json and yaml.", format)}
	}
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("save rows: %w", err)
	}
	return nil
}

// rows calls f with each row that is to be saved, until there are no more.
func (t *Table[T]) rows(f func(*T)) {
	if t.Marked() == 0 {
		for v := range t.lens.Shown() {
			f(v)
		}
		return
	}
	for _, r := range t.Selected() {
		if v, ok := t.store.Get(r); ok {
			f(&v)
		}
	}
}

func (t *Table[T]) exportCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	record := t.Chosen()
	err := out.Write(record)
	t.rows(func(v *T) {
		for k, i := range t.chosen {
			record[k] = inert(backend.T(t.columns[i].Text(v)).Safe())
		}
		if err == nil {
			err = out.Write(record)
		}
	})
	out.Flush()
	if err == nil {
		err = out.Error()
	}
	return err
}

// inert keeps a spreadsheet from taking text for a formula.
func inert(s string) string {
	if s != "" && strings.IndexByte("=+-@", s[0]) >= 0 {
		return "'" + s
	}
	return s
}

// exportObjects writes JSON or YAML. A bufio.Writer keeps its first error for
// Flush.
func (t *Table[T]) exportObjects(w *bufio.Writer, format Format) {
	ids := t.Chosen()
	begin, first, next, between, end := "[", "\n  {", ",\n  {", ", ", "\n]\n"
	if format == YAML {
		begin, first, next, between, end = "", "- ", "- ", "\n  ", ""
	}
	none := true
	t.rows(func(v *T) {
		if none {
			w.WriteString(begin + first)
		} else {
			w.WriteString(next)
		}
		none = false
		for k, i := range t.chosen {
			if k > 0 {
				w.WriteString(between)
			}
			w.WriteString(quoted(ids[k], format) + ": " + quoted(t.columns[i].Text(v), format))
		}
		w.WriteString(map[Format]string{JSON: "}", YAML: "\n"}[format])
	})
	if none {
		w.WriteString("[]\n")
		return
	}
	w.WriteString(end)
}

// quoted is s as a string of JSON or YAML, in quotes, of characters that can be
// seen. Bytes that are no UTF-8 become U+FFFD.
func quoted(s string, format Format) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == utf8.RuneError || r == ' ' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r <= 0xffff:
			fmt.Fprintf(&b, `\u%04x`, r)
		case format == YAML:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+r>>10, 0xdc00+r&0x3ff)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Name is the name of the row under the cursor, for the clipboard: harmless
// where it is pasted. Empty when there is no row.
func (t *Table[T]) Name() string { return t.text(t.name) }

// CellText is that row's cell of the column that is sorted by, the name when
// none is.
func (t *Table[T]) CellText() string {
	if t.sort < 0 {
		return t.Name()
	}
	return t.text(t.sort)
}

// RowText is that row's chosen columns, divided by tabs.
func (t *Table[T]) RowText() string {
	var all []string
	for _, i := range t.chosen {
		all = append(all, t.text(i))
	}
	return strings.Join(all, "\t")
}

func (t *Table[T]) text(column int) string {
	v, ok := t.Current()
	if !ok {
		return ""
	}
	return backend.T(t.columns[column].Text(v)).Safe()
}
