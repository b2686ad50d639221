package influx

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A dialect is how an answer is written.
type dialect struct {
	Header      *bool    `json:"header"`
	Delimiter   string   `json:"delimiter"`
	Annotations []string `json:"annotations"`
}

// write writes what was yielded as annotated CSV: a table with other columns than the
// one before it begins with its own header, and so does each result.
func (d dialect) write(to io.Writer, yields []*stream) error {
	w := csv.NewWriter(to)
	w.UseCRLF = true
	if d.Delimiter != "" {
		w.Comma = []rune(d.Delimiter)[0]
	}
	begun := false
	for _, y := range yields {
		form, n := "", 0
		for _, t := range y.loaded() {
			if len(t.rows) == 0 {
				continue
			}
			if now := t.form(); now != form {
				if begun {
					w.Flush()
					if _, err := io.WriteString(to, "\r\n"); err != nil {
						return fmt.Errorf("write an answer: %w", err)
					}
				}
				form, begun = now, true
				d.head(w, t, y.name)
			}
			for _, row := range t.rows {
				line := []string{"", d.result(y.name), strconv.Itoa(n)}
				for _, v := range row {
					line = append(line, written(v))
				}
				_ = w.Write(line) // told below
			}
			n++
		}
	}
	w.Flush()
	if _, err := io.WriteString(to, "\r\n"); err != nil {
		return fmt.Errorf("write an answer: %w", err)
	}
	return w.Error() //nolint:wrapcheck // it is whoever reads it that has gone
}

// result is the result's name in a row, where the header does not say it.
func (d dialect) result(name string) string {
	if slices.Contains(d.Annotations, "default") {
		return ""
	}
	return name
}

// form is what must be the same for tables to be written one after the other.
func (t *table) form() string {
	var b strings.Builder
	for i, c := range t.columns {
		fmt.Fprintf(&b, "%s\x00%s\x00%t\x00", c.name, t.kindOf(i), c.key)
	}
	return b.String()
}

func (d dialect) head(w *csv.Writer, t *table, name string) {
	for _, a := range d.Annotations {
		var line []string
		switch a {
		case "datatype":
			line = []string{"#datatype", "string", "long"}
			for i := range t.columns {
				line = append(line, t.kindOf(i))
			}
		case "group":
			line = []string{"#group", "false", "false"}
			for _, c := range t.columns {
				line = append(line, strconv.FormatBool(c.key))
			}
		case "default":
			line = append([]string{"#default", name, ""}, make([]string, len(t.columns))...)
		}
		_ = w.Write(line) // told by the writer in the end
	}
	if d.Header != nil && !*d.Header {
		return
	}
	line := []string{"", "result", "table"}
	for _, c := range t.columns {
		line = append(line, c.name)
	}
	_ = w.Write(line) // as above
}

func written(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return fmt.Sprint(v)
}
