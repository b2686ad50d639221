package gitlab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"

	"wheelhouse/backend/delivery"
)

// hidden stands where a secret is not shown.
const hidden = "…"

var login = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.\-]*://)[^/\s?#]*@`)

// withoutLogin hides who logs in, and by what, in all addresses of a text.
func withoutLogin(s string) string { return login.ReplaceAllString(s, "${1}"+hidden+"@") }

// masked is JSON in which what calls itself a secret is hidden, the value of such a
// variable, and logins in addresses.
func masked(raw []byte) ([]byte, error) {
	m := masker{in: json.NewDecoder(bytes.NewReader(raw))}
	m.in.UseNumber()
	m.to = json.NewEncoder(&m.out)
	m.to.SetEscapeHTML(false)
	_, err := m.value(false)
	return m.out.Bytes(), err
}

// A masker writes the JSON that it reads, in the same order.
type masker struct {
	in  *json.Decoder
	out bytes.Buffer
	to  *json.Encoder // to out
}

// value takes one value over, and gives it if it is text.
func (m *masker) value(secret bool) (text string, err error) {
	token, err := m.in.Token()
	if err != nil {
		return "", fmt.Errorf("read JSON: %w", err)
	}
	var said any = token
	switch v := token.(type) {
	case json.Delim:
		return "", m.inside(v, secret)
	case string:
		if text, said = v, withoutLogin(v); secret && v != "" {
			said = hidden
		}
	case json.Number:
		if secret {
			said = hidden
		}
	}
	return text, m.write(said)
}

// inside takes over what is in an object or a list, whose beginning was read.
func (m *masker) inside(begin json.Delim, secret bool) error {
	m.out.WriteString(begin.String())
	named := false // it is a variable of which the name says that it is one: {"key": "TOKEN", "value": …}
	for first := true; m.in.More(); first = false {
		if !first {
			m.out.WriteByte(',')
		}
		key := ""
		if begin == '{' {
			token, err := m.in.Token()
			if err != nil {
				return fmt.Errorf("read JSON: %w", err)
			}
			key, _ = token.(string)
			if err := m.write(key); err != nil {
				return err
			}
			m.out.WriteByte(':')
		}
		text, err := m.value(secret || delivery.Secretive(key) && key != "key" || named && key == "value")
		if err != nil {
			return err
		}
		named = named || (key == "key" || key == "name") && delivery.Secretive(text)
	}
	end, err := m.in.Token()
	if err != nil {
		return fmt.Errorf("read JSON: %w", err)
	}
	return m.write(end)
}

func (m *masker) write(v any) error {
	if d, ok := v.(json.Delim); ok {
		m.out.WriteString(d.String())
		return nil
	}
	if err := m.to.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}
