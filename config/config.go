// Package config is the console's own settings: what may stand in config.yaml,
// where files live, and what is kept between sessions. It holds no secret and
// knows nothing of what the settings do.
package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/adrg/xdg"
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"wheelhouse/backend"
)

// Config is config.yaml.
type Config struct {
	Links      []Link                       `yaml:"links" help:"what is to be known of single links"`
	Systems    []System                     `yaml:"systems" help:"servers that no kubeconfig leads to"`
	Actuators  Actuators                    `yaml:"actuators" help:"which pods tell of their breakers, and where"`
	ReadOnly   bool                         `yaml:"readOnly" help:"change nothing, whatever is pressed"`
	Namespaces []string                     `yaml:"namespaces" help:"the namespaces to begin with; none: all"`
	View       string                       `yaml:"view" help:"the view to begin with, as a ':' line"`
	Theme      string                       `yaml:"theme" help:"a theme's name or file; auto: dark or light, as the terminal is"`
	Symbols    string                       `yaml:"symbols" help:"auto, unicode or ascii" choices:"auto,unicode,ascii"`
	Mouse      bool                         `yaml:"mouse" help:"wheel and clicks; the terminal's own selection then needs Shift"`
	Renderer   string                       `yaml:"renderer" help:"own, or stock for Bubble Tea's" choices:"own,stock"`
	Keys       map[string]map[string]string `yaml:"keys" help:"bindings over the default ones: scope, key, command; none takes a key away"`
	Aliases    map[string]string            `yaml:"aliases" help:"words for ':' lines"`
	Audit      string                       `yaml:"audit" help:"the folder of the record"`
}

// Link is what is to be known of one link.
type Link struct {
	Context    string   `yaml:"context" help:"a context of the kubeconfig that leads there"`
	Server     string   `yaml:"server" help:"or its server's URL"`
	Alias      string   `yaml:"alias" help:"what it is called on the screen: a-z, 0-9 and -"`
	Colour     string   `yaml:"colour" help:"its colour" choices:"red,orange,yellow,green,cyan,blue,purple,grey"`
	Protected  bool     `yaml:"protected" help:"every change wants a name typed"`
	ReadOnly   bool     `yaml:"readOnly" help:"nothing is changed there"`
	As         string   `yaml:"as" help:"a user to impersonate"`
	AsGroups   []string `yaml:"asGroups" help:"groups to impersonate"`
	Namespaces []string `yaml:"namespaces" help:"the namespaces to watch where all together may not be"`
	Connect    bool     `yaml:"connect" help:"connect at start"`
}

// System is one server that no kubeconfig leads to.
type System struct {
	Kind       string `yaml:"kind" help:"what it is"`
	URL        string `yaml:"url" help:"its address, http or https, with the path that all of it is below" example:"https://ci.example.com"`
	Alias      string `yaml:"alias" help:"what it is called on the screen: a-z, 0-9 and -; its kind where nothing is said"`
	User       string `yaml:"user" help:"who logs in; none where the secret says so"`
	Secret     string `yaml:"secret" help:"password, token or key, by where it is: env:NAME, file:PATH, keyring:SERVICE/ACCOUNT, exec:COMMAND ARG…, or plain:VALUE" example:"env:CI_TOKEN"`
	CA         string `yaml:"ca" help:"PEM file of the authority to believe; none: the machine's"`
	Cert       string `yaml:"cert" help:"PEM file of the certificate to show"`
	Key        string `yaml:"key" help:"PEM file of its key"`
	ServerName string `yaml:"serverName" help:"the name in the server's certificate, where it is not the address's"`
	Insecure   bool   `yaml:"insecure" help:"do not verify the server's certificate; the screen says so"`
	Colour     string `yaml:"colour" help:"its colour" choices:"red,orange,yellow,green,cyan,blue,purple,grey"`
	Protected  bool   `yaml:"protected" help:"every change wants a name typed"`
	ReadOnly   bool   `yaml:"readOnly" help:"nothing is changed there"`
}

// Actuators is how services with a Spring Boot actuator are found in clusters.
type Actuators struct {
	Labels string `yaml:"labels" help:"a selector of their pods; spring-boot=true where nothing is said"`
	Port   string `yaml:"port" help:"number or name of the container's port; management, actuator, http or the first where nothing is said"`
	Path   string `yaml:"path" help:"where it is; /actuator where nothing is said"`
}

// Default is what holds where nothing is said.
func Default() Config {
	return Config{Theme: "auto", Symbols: "auto", Renderer: "own", View: "home"}
}

// Path is where the config is looked for when no other is named.
func Path() string { return filepath.Join(xdg.ConfigHome, "wheelhouse", "config.yaml") }

// Load reads the config. An empty path means the usual place, where there may
// be none; kinds are those that a system may have. The error names file, line and
// column, and the nearest right name.
func Load(path string, kinds ...string) (Config, error) {
	named := path != ""
	if !named {
		path = Path()
	}
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && !named {
		return Default(), nil
	}
	if err != nil {
		return Config{}, &backend.Error{Code: backend.Invalid, Op: "read config", Err: err, Human: fmt.Sprintf("The configuration %s can't be read: %v. Name another with --config.", path, err)}
	}
	c, err := Parse(b, kinds...)
	if err != nil {
		return Config{}, &backend.Error{Code: backend.Invalid, Op: "read config", Err: err, Human: fmt.Sprintf("%s: %s", path, err)}
	}
	return c, nil
}

// Parse reads a config strictly over the defaults. The error begins with
// "[line:column]".
func Parse(b []byte, kinds ...string) (Config, error) {
	c := Default()
	d := yaml.NewDecoder(bytes.NewReader(b), yaml.Strict())
	if err := d.Decode(&c); errors.Is(err, io.EOF) {
		return Default(), nil // nothing but comments; c is emptied
	} else if err != nil {
		return c, errors.New(explain(err))
	}
	var more any
	if err := d.Decode(&more); !errors.Is(err, io.EOF) && (err != nil || more != nil) {
		return c, errors.New("what stands behind the line \"---\" would not be read; put all settings into one document")
	}
	if at, why := c.check(kinds); why != "" {
		return c, fmt.Errorf("%s%s: %s", place(b, at), at, why)
	}
	return c, nil
}

// explain says where a YAML error is and what to do about it.
func explain(err error) string {
	var kind *yaml.TypeError
	if errors.As(err, &kind) && kind.Token != nil {
		why := fmt.Sprintf("this must be %s, not %s", kind.DstType, kind.SrcType)
		return yaml.FormatErrorWithToken(why, kind.Token, false, true) + next
	}
	if near := nearest(err.Error()); near != "" {
		return yaml.FormatError(err, false, true) + near
	}
	return yaml.FormatError(err, false, true) + next
}

// next is what to do where no better is known.
const next = "`wheelhouse config schema` prints what may stand where."

// place is "[line:column] " of a setting such as links[0].alias, or of what is
// around it where it is left out.
func place(b []byte, at string) string {
	for at != "" {
		if p, err := yaml.PathString("$." + at); err == nil {
			if node, err := p.ReadNode(bytes.NewReader(b)); err == nil {
				return start(node) + " "
			}
		}
		at = at[:max(0, strings.LastIndexByte(at, '.'))]
	}
	return ""
}

// start is the "[line:column]" at which a node begins; the token of a map is its
// first colon, so there it is the first key.
func start(node ast.Node) string {
	if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 {
		node = m.Values[0].Key
	}
	pos := node.GetToken().Position
	return fmt.Sprintf("[%d:%d]", pos.Line, pos.Column)
}

// Keys reads a file of bindings: what may stand under keys, alone. The error
// names file, line and column.
func Keys(path string) (map[string]map[string]string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the keymap: %w", err)
	}
	var over map[string]map[string]string
	if err := yaml.Unmarshal(b, &over); err != nil {
		return nil, fmt.Errorf("%s: %s", path, explain(err))
	}
	return over, nil
}

// Locate is where something stands in a YAML file that holds maps of maps, such
// as keys, list, ctrl+x: "FILE: [line:column] keys.list.ctrl+x", for an error
// about what only others can judge. What is not in it is given without a place;
// an empty path means the config in its usual place.
func Locate(path string, at ...string) string {
	if path == "" {
		path = Path()
	}
	name := strings.Join(at, ".")
	b, err := os.ReadFile(path)
	if err != nil {
		return path + ": " + name
	}
	for n := len(at); n > 0; n-- {
		to := (&yaml.PathBuilder{}).Root()
		for _, step := range at[:n] {
			to = to.Child(step)
		}
		if node, err := to.Build().ReadNode(bytes.NewReader(b)); err == nil {
			return fmt.Sprintf("%s: %s %s", path, start(node), name)
		}
	}
	return path + ": " + name
}

// check finds what the types let through: at is the setting, why what is wrong
// with it; empty for nothing.
func (c Config) check(kinds []string) (at, why string) {
	if at, why = choices(reflect.ValueOf(c), ""); why != "" {
		return at, why
	}
	aliases := map[string]string{}
	for i, l := range c.Links {
		at := fmt.Sprintf("links[%d]", i)
		if at, why := choices(reflect.ValueOf(l), at+"."); why != "" {
			return at, why
		}
		if l.Context == "" && l.Server == "" {
			return at, "say which link is meant: context or server"
		}
		if why := claim(aliases, l.Alias, "link"); why != "" {
			return at + ".alias", why
		}
	}
	for i, s := range c.Systems {
		at := fmt.Sprintf("systems[%d].", i)
		if at, why := choices(reflect.ValueOf(s), at); why != "" {
			return at, why
		}
		if of, why := s.check(kinds); why != "" {
			return at + of, why
		}
		if why := claim(aliases, cmp.Or(s.Alias, s.Kind), "system"); why != "" {
			return at + "alias", why
		}
	}
	return "", ""
}

// check is Config.check for one system.
func (s System) check(kinds []string) (of, why string) {
	where := regexp.MustCompile(`^(env|file|exec|plain):.|^keyring:[^/]+/.`)
	switch {
	case s.Kind == "":
		return "kind", "say what it is: " + strings.Join(kinds, ", ")
	case !slices.Contains(kinds, s.Kind):
		return "kind", fmt.Sprintf("%q is none of %s", s.Kind, strings.Join(kinds, ", "))
	case s.Secret != "" && !where.MatchString(s.Secret):
		return "secret", "say where the secret is: env:NAME, file:PATH, keyring:SERVICE/ACCOUNT or exec:COMMAND; plain:VALUE if it has to stand here"
	case s.User != "" && s.Secret == "":
		return "user", "a user logs in with a secret: say where it is"
	case (s.Cert == "") != (s.Key == ""):
		return "cert", "cert and key go together"
	}
	return "url", notAddress(s.URL)
}

// notAddress says what is wrong with a system's address; empty for nothing.
func notAddress(s string) string {
	u, err := url.Parse(s)
	switch {
	case s == "":
		return "say where it is, as in https://ci.example.com"
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return "this is no address such as https://ci.example.com"
	case u.User != nil:
		return "leave user and password out of the address: they go to user and secret"
	case u.RawQuery != "" || u.Fragment != "":
		return "leave what stands behind ? or # out of the address"
	}
	return ""
}

// claim takes an alias for a link or system; why it can't be had is empty when
// it can. No alias claims none.
func claim(taken map[string]string, alias, what string) (why string) {
	switch by := taken[alias]; {
	case alias == "":
		return ""
	case !regexp.MustCompile(`^[a-z0-9-]+$`).MatchString(alias):
		return fmt.Sprintf("%q; an alias is made of a-z, 0-9 and -", alias)
	case by == what:
		return fmt.Sprintf("%q is the alias of another %s too", alias, what)
	case by != "":
		return fmt.Sprintf("%q is the alias of a %s too", alias, by)
	}
	taken[alias] = what
	return ""
}

// choices holds fields to the values that their tag names.
func choices(v reflect.Value, within string) (at, why string) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		list := f.Tag.Get("choices")
		if list == "" || v.Field(i).String() == "" {
			continue
		}
		ok := false
		for _, c := range strings.Split(list, ",") {
			ok = ok || c == v.Field(i).String()
		}
		if !ok {
			return within + f.Tag.Get("yaml"), fmt.Sprintf("%q is none of %s", v.Field(i).String(), strings.ReplaceAll(list, ",", ", "))
		}
	}
	return "", ""
}

// nearest is "did you mean …?" for an unknown field.
func nearest(msg string) string {
	m := regexp.MustCompile(`unknown field "([^"]+)"`).FindStringSubmatch(msg)
	if m == nil {
		return ""
	}
	names := slices.Concat(fields(reflect.TypeFor[Config]()), fields(reflect.TypeFor[Link]()), fields(reflect.TypeFor[System]()), fields(reflect.TypeFor[Actuators]()))
	if near := backend.Near(m[1], names); near != "" {
		return strings.TrimPrefix(near, "; ")
	}
	return "fields are " + strings.Join(names, ", ")
}

func fields(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		names = append(names, t.Field(i).Tag.Get("yaml"))
	}
	return names
}
