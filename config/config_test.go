package config

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/adrg/xdg"
	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
)

// write makes a file in a folder of its own.
func write(t *testing.T, name, text string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// atHome makes the usual places temporary ones.
func atHome(t *testing.T) (home string) {
	t.Helper()
	home = t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
	t.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
	xdg.Reload()
	t.Cleanup(xdg.Reload)
	return home
}

func TestDefaults(t *testing.T) {
	want := Config{Theme: "auto", Symbols: "auto", Renderer: "own", View: "home"}
	for name, text := range map[string]string{
		"empty": "", "blanks": " \n\n", "comment": "# nothing yet\n", "no keys": "{}", "end mark": "---\n{}\n---\n", "null lists": "links:\nkeys:\nnamespaces:\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Load(write(t, "config.yaml", text))
			if diff := cmp.Diff(want, got); err != nil || diff != "" {
				t.Error(err, diff)
			}
		})
	}
	got, err := Parse([]byte("theme: light\n"))
	want.Theme = "light"
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Error("what is not said has its default:", err, diff)
	}
}

func TestUsualPlace(t *testing.T) {
	home := atHome(t)
	if got, err := Load(""); err != nil || got.Theme != "auto" {
		t.Errorf("no file is no fault: %v, %v", got, err)
	}
	path := filepath.Join(home, "config", "wheelhouse", "config.yaml")
	if Path() != path || StateDir() != filepath.Join(home, "state", "wheelhouse") {
		t.Error(Path(), StateDir())
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("theme: mono\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := Load(""); err != nil || got.Theme != "mono" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestWrong(t *testing.T) {
	const schema = "`wheelhouse config schema`"
	for _, c := range []struct {
		name, text string
		at         string // "[line:column]"
		want, next string // parts of what is said: what is wrong, what to do
	}{
		{"unknown key", "theme: dark\nreadonly: true\n", "[2:1]", `unknown field "readonly"`, "did you mean readOnly?"},
		{"unknown key of a link", "links:\n- contxt: a\n", "[2:3]", `unknown field "contxt"`, "did you mean context?"},
		{"nothing like it", "zzz: 1\n", "[1:1]", `unknown field "zzz"`, "fields are links, systems, actuators, readOnly,"},
		{"not ASCII", "wörd: true\n", "[1:1]", "unknown field", "fields are links"},
		{"wrong type", "theme: dark\nmouse: perhaps\n", "[2:8]", "this must be bool, not string", schema},
		{"value for a list", "theme: dark\nlinks: 5\n", "[2:8]", "sequence is expected", schema},
		{"list for a value", "theme: [a]\n", "[1:8]", "this must be string", schema},
		{"no mapping", "- a\n", "[1:1]", "mapping is expected", schema},
		{"null", "null\n", "[1:1]", "mapping is expected", schema},
		{"broken", "theme: dark\nlinks: [a\nview: pods\n", "[3:1]", "must be specified", schema},
		{"tab", "links:\n\t- context: a\n", "[2:1]", "tab", schema},
		{"twice", "theme: dark\ntheme: light\n", "[2:1]", "already defined", schema},
		{"binary", "\xff\xfe\x00", "[1:1]", "mapping is expected", schema},
		{"alias of nothing", "theme: *x\n", "[1:9]", "could not find alias", schema},
		{"choice", "theme: dark\nsymbols: emoji\n", "[2:10]", `symbols: "emoji"`, "is none of auto, unicode, ascii"},
		{"choice of a link", "links:\n- context: a\n- context: b\n  colour: pink\n", "[4:11]", `links[1].colour: "pink"`, "is none of red, orange,"},
		{"link of nothing", "links:\n- context: a\n- alias: b\n", "[3:3]", "links[1]:", "say which link is meant: context or server"},
		{"empty link", "links:\n- {}\n", "[2:3]", "links[0]:", "say which link is meant: context or server"},
		{"alias that is none", "links:\n- context: a\n  alias: A/b\n", "[3:10]", `links[0].alias: "A/b"`, "made of a-z, 0-9 and -"},
		{"alias of two", "links:\n- {context: a, alias: x}\n- {context: b, alias: x}\n", "[3:23]", `links[1].alias: "x"`, "is the alias of another link too"},
		{"unknown key of a system", "systems:\n- kind: forge\n  uri: http://f\n", "[3:3]", `unknown field "uri"`, "did you mean url?"},
		{"system of no kind", "systems:\n- url: http://f\n", "[2:3]", "systems[0].kind:", "say what it is: forge, mill"},
		{"kind that is none", "systems:\n- url: http://f\n  kind: forg\n", "[3:9]", `systems[0].kind: "forg"`, "is none of forge, mill"},
		{"system nowhere", "systems:\n- kind: forge\n", "[2:3]", "systems[0].url:", "say where it is"},
		{"no address", "systems:\n- {kind: forge, url: forge.example.com}\n", "[2:22]", "systems[0].url:", "https://ci.example.com"},
		{"user in the address", "systems:\n- {kind: forge, url: 'http://ada:hunter2@f'}\n", "[2:22]", "systems[0].url:", "they go to user and secret"},
		{"query in the address", "systems:\n- {kind: forge, url: 'http://f/?token=hunter2'}\n", "[2:22]", "systems[0].url:", "leave what stands behind"},
		{"plain secret", "systems:\n- {kind: forge, url: http://f, secret: hunter2}\n", "[2:40]", "systems[0].secret:", "plain:VALUE if it has to"},
		{"user without a secret", "systems:\n- {kind: forge, url: http://f, user: ada}\n", "[2:38]", "systems[0].user:", "say where it is"},
		{"half a certificate", "systems:\n- {kind: forge, url: http://f, cert: /c.pem}\n", "[2:38]", "systems[0].cert:", "cert and key"},
		{"two of a kind", "systems:\n- {kind: forge, url: http://f}\n- {kind: forge, url: http://g}\n", "[3:4]", `systems[1].alias: "forge"`, "is the alias of another system too"},
		{"alias of a link", "links:\n- {context: a, alias: x}\nsystems:\n- {kind: forge, url: http://f, alias: x}\n", "[4:39]", `systems[0].alias: "x"`, "is the alias of a link too"},
		// Settings that nobody reads are worse than none: readOnly may be among them.
		{"second document", "theme: dark\n---\nreadOnly: true\n", "", `"---"`, "put all settings into one document"},
		{"broken second document", "theme: dark\n---\n[\n", "[3:", "", schema},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "config.yaml", c.text)
			_, err := Load(path, "forge", "mill")
			if err == nil {
				t.Fatal("it was read")
			}
			for _, part := range []string{path + ": " + c.at, c.want, c.next} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v\ndoes not say %q", err, part)
				}
			}
			if strings.Contains(err.Error(), "hunter2") && !strings.Contains(c.text, "secret") {
				t.Errorf("a secret is told: %v", err)
			}
			if backend.CodeOf(err) != backend.Invalid {
				t.Errorf("code %v", backend.CodeOf(err))
			}
		})
	}
}

func TestFilesThatCantBeRead(t *testing.T) {
	atHome(t)
	for name, path := range map[string]string{"named and not there": filepath.Join(t.TempDir(), "gone.yaml"), "a folder": t.TempDir()} {
		_, err := Load(path)
		if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "Name another with --config.") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLongNames: a name is compared with what there is in a time that does not
// grow with its square; with it, this would not end.
func TestLongNames(t *testing.T) {
	_, err := Parse([]byte(strings.Repeat("x", 1<<20) + ": 1\n"))
	if err == nil || !strings.Contains(err.Error(), "unknown field") {
		t.Error("a name of 1 MB is taken")
	}
}

type schemaNode struct {
	Type                 string                `json:"type"`
	Description          string                `json:"description"`
	Properties           map[string]schemaNode `json:"properties"`
	Items                *schemaNode           `json:"items"`
	AdditionalProperties json.RawMessage       `json:"additionalProperties"`
	Enum                 []string              `json:"enum"`
	Examples             []string              `json:"examples"`
}

func schema(t *testing.T) schemaNode {
	t.Helper()
	var s schemaNode
	if err := json.Unmarshal(Schema("forge", "mill"), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestSchemaHasEveryField walks the struct that is read.
func TestSchemaHasEveryField(t *testing.T) {
	s := schema(t)
	check := func(s schemaNode, of reflect.Type) {
		var names []string
		for i := range of.NumField() {
			f := of.Field(i)
			name := f.Tag.Get("yaml")
			names = append(names, name)
			p, ok := s.Properties[name]
			if !ok || p.Description == "" {
				t.Errorf("%s.%s: %+v", of.Name(), name, p)
			}
			want := map[reflect.Kind]string{reflect.Struct: "object", reflect.String: "string", reflect.Bool: "boolean", reflect.Slice: "array", reflect.Map: "object"}[f.Type.Kind()]
			if p.Type != want {
				t.Errorf("%s.%s is a %q, not a %q", of.Name(), name, p.Type, want)
			}
			c := f.Tag.Get("choices")
			if of == reflect.TypeFor[System]() && name == "kind" {
				c = "forge,mill"
			}
			if strings.Join(p.Enum, ",") != c {
				t.Errorf("%s.%s: %v, not %s", of.Name(), name, p.Enum, c)
			}
		}
		if got := slices.Sorted(maps.Keys(s.Properties)); len(got) != len(names) || string(s.AdditionalProperties) != "false" {
			t.Errorf("%s has %v, not %v, or lets others through", of.Name(), got, names)
		}
	}
	check(s, reflect.TypeFor[Config]())
	check(*s.Properties["links"].Items, reflect.TypeFor[Link]())
	check(*s.Properties["systems"].Items, reflect.TypeFor[System]())
	check(s.Properties["actuators"], reflect.TypeFor[Actuators]())
}

// example is a value for every property; choice is which of an enum.
func example(s schemaNode, choice int) any {
	switch s.Type {
	case "boolean":
		return true
	case "array":
		return []any{example(*s.Items, choice)}
	case "object":
		out := map[string]any{}
		for name, p := range s.Properties {
			out[name] = example(p, choice)
		}
		var others schemaNode
		if json.Unmarshal(s.AdditionalProperties, &others) == nil { // else it is "false", or there are none
			out["some"] = example(others, choice)
		}
		return out
	}
	if len(s.Enum) > 0 {
		return s.Enum[min(choice, len(s.Enum)-1)]
	}
	if len(s.Examples) > 0 {
		return s.Examples[0]
	}
	return "some"
}

// TestExampleOfTheSchemaLoads fills in every property and every choice: what
// an editor with the schema lets through must be read, and reach its field.
func TestExampleOfTheSchemaLoads(t *testing.T) {
	s := schema(t)
	for choice := range 8 {
		all := example(s, choice).(map[string]any)
		all["systems"].([]any)[0].(map[string]any)["alias"] = "other" // than the link's
		b, err := yaml.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse(b, "forge", "mill")
		if err != nil {
			t.Fatalf("%v\n%s", err, b)
		}
		for _, v := range []reflect.Value{reflect.ValueOf(c), reflect.ValueOf(c.Links[0]), reflect.ValueOf(c.Systems[0]), reflect.ValueOf(c.Actuators)} {
			for i := range v.NumField() {
				if v.Field(i).IsZero() {
					t.Errorf("%s was not read from\n%s", v.Type().Field(i).Name, b)
				}
			}
		}
	}
}

// TestDefaultsAreChoices: what holds where nothing is said could be said.
func TestDefaultsAreChoices(t *testing.T) {
	if at, why := Default().check(nil); why != "" {
		t.Errorf("%s: %s", at, why)
	}
}

// FuzzParse: nothing that may stand in a file crashes the console, and each
// error of a file that is YAML says where.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "theme: dark\nlinks:\n- context: a\n  alias: b\n", "keys: {list: {j: k}}\n", "a: &a [*a]\n", "<<: {a: b}\n", "? a\n: b\n", "aliases:\n  a: &x b\n  c: *x\n", "---\n---\n", "%YAML 9\n", "!!binary x"} {
		f.Add([]byte(s))
	}
	where := regexp.MustCompile(`^\[\d+:\d+\] `)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, err := Parse(b)
		if err != nil && !where.MatchString(err.Error()) && !strings.Contains(err.Error(), "document") {
			t.Errorf("%q: %v", b, err)
		}
	})
}

func TestKeys(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string // parts of the error; none: it is read
	}{
		{"good", "list:\n  q: list.down\n", nil},
		{"empty", "", nil},
		{"only a comment", "# later\n", nil},
		{"broken", "list:\n  q: list.down\n  z: [\n", []string{"[3:"}},
		{"wrong type", "list:\n  q:\n    - a\n", []string{"[3:"}},
		{"twice", "list:\n  q: list.down\n  q: none\n", []string{"[3:", `"q" already defined`}},
		{"binary", "\x00\xff\xfe", []string{"[1:"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "keys.yaml", c.text)
			_, err := Keys(path)
			if (err == nil) != (c.want == nil) {
				t.Fatal(err)
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) || !strings.Contains(err.Error(), path) {
					t.Errorf("%v does not say %s and %q", err, path, part)
				}
			}
		})
	}
	if _, err := Keys(filepath.Join(t.TempDir(), "gone.yaml")); err == nil || !strings.Contains(err.Error(), "gone.yaml") {
		t.Errorf("a file that is not there: %v", err)
	}
}

func TestLocate(t *testing.T) {
	path := write(t, "config.yaml", "theme: dark\nkeys:\n  list:\n    ctrl+x: a\n    '?': b\naliases:\n  $.x: y\n")
	for _, c := range []struct {
		at   []string
		want string
	}{
		{[]string{"keys", "list", "ctrl+x"}, "[4:13] keys.list.ctrl+x"},
		{[]string{"keys", "list", "?"}, "[5:10] keys.list.?"},
		{[]string{"keys", "list", "gone"}, "[4:5] keys.list.gone"},
		{[]string{"aliases", "$.x"}, "[7:8] aliases.$.x"},
		{[]string{"nothing"}, "nothing"},
	} {
		if got := Locate(path, c.at...); got != path+": "+c.want {
			t.Errorf("%q is at %s, not %s", c.at, got, c.want)
		}
	}
	if got := Locate("/nowhere/x.yaml", "keys", "list"); got != "/nowhere/x.yaml: keys.list" {
		t.Error(got)
	}
}
