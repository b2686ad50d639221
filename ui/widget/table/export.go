package table

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"iter"
	"strconv"
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
// of objects by column ID, whole numbers as such, and hold every character as it
// came, those that can't be seen escaped; CSV is for spreadsheets: harmless text, and nothing in it is
// taken for a formula.
func (t *Table[T]) Export(w io.Writer, format Format) error {
	var err error
	switch format {
	case CSV:
		err = t.exportCSV(w)
	case JSON:
		err = t.exportObjects(w, format, "[\n  {", ", ", "},\n  {", "}\n]\n")
	case YAML:
		err = t.exportObjects(w, format, "- ", "\n  ", "\n- ", "\n")
	default:
		return &backend.Error{Code: backend.Invalid, Op: "save rows", Human: fmt.Sprintf("There is no format %q; there are csv, json and yaml.", format)}
	}
	if err != nil {
		return fmt.Errorf("save rows: %w", err)
	}
	return nil
}

// rows gives each row that is to be saved.
func (t *Table[T]) rows() iter.Seq[*T] {
	if t.Marked() == 0 {
		return t.lens.Shown()
	}
	return func(yield func(*T) bool) {
		for _, r := range t.Selected() {
			if v, ok := t.store.Get(r); ok && !yield(&v) {
				return
			}
		}
	}
}

func (t *Table[T]) exportCSV(w io.Writer) error {
	out := csv.NewWriter(w)
	record := t.Chosen()
	if err := out.Write(record); err != nil {
		return fmt.Errorf("write head: %w", err)
	}
	for v := range t.rows() {
		for k, i := range t.chosen {
			record[k] = inert(backend.T(t.columns[i].Text(v)).Safe())
		}
		if err := out.Write(record); err != nil {
			return fmt.Errorf("write row: %w", err)
		}
	}
	out.Flush()
	return out.Error()
}

// inert keeps a spreadsheet from taking text for a formula.
func inert(s string) string {
	if s != "" && strings.IndexByte("=+-@", s[0]) >= 0 {
		return "'" + s
	}
	return s
}

// exportObjects writes JSON or YAML: begin, the rows with between them, whose
// fields have comma between them, and end.
func (t *Table[T]) exportObjects(w io.Writer, format Format, begin, comma, between, end string) error {
	out := bufio.NewWriter(w)
	ids, before := t.Chosen(), begin
	for v := range t.rows() {
		var b strings.Builder
		for k, i := range t.chosen {
			b.WriteString(before + quoted(ids[k], format) + ": " + t.columns[i].value(v, format))
			before = comma
		}
		before = between
		if _, err := out.WriteString(b.String()); err != nil {
			return fmt.Errorf("write row: %w", err)
		}
	}
	if before == begin {
		end = "[]\n"
	}
	if _, err := out.WriteString(end); err != nil {
		return fmt.Errorf("write end: %w", err)
	}
	return out.Flush()
}

// value is the column's text of a row as JSON or YAML: a number where it is one.
func (c Column[T]) value(v *T, format Format) string {
	text := c.Text(v)
	if n, err := strconv.ParseInt(text, 10, 64); c.Number != nil && err == nil {
		return strconv.FormatInt(n, 10)
	}
	return quoted(text, format)
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

// RowText is that row's columns, those that are shown where there is room,
// divided by tabs.
func (t *Table[T]) RowText() string {
	var all []string
	for _, i := range t.wanted() {
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
