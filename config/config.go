// Package config is the console's own settings: what may stand in config.yaml,
// where files live, and what is kept between sessions. It holds no secret and
// knows nothing of what the settings do.
package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"github.com/adrg/xdg"
	"github.com/goccy/go-yaml"
	"github.com/sahilm/fuzzy"

	"wheelhouse/backend"
)

// Config is config.yaml.
type Config struct {
	Links      []Link                       `yaml:"links" help:"what is to be known of single links"`
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

// Default is what holds where nothing is said.
func Default() Config {
	return Config{Theme: "auto", Symbols: "auto", Renderer: "own", View: "pods"}
}

// Path is where the config is looked for when no other is named.
func Path() string { return filepath.Join(xdg.ConfigHome, "wheelhouse", "config.yaml") }

// Load reads the config. An empty path means the usual place, where there may
// be none. The error names file, line and column, and the nearest right name.
func Load(path string) (Config, error) {
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
	c, err := Parse(b)
	if err != nil {
		return Config{}, &backend.Error{Code: backend.Invalid, Op: "read config", Err: err, Human: fmt.Sprintf("%s: %s", path, err)}
	}
	return c, nil
}

// Parse reads a config strictly over the defaults.
func Parse(b []byte) (Config, error) {
	c := Default()
	if len(strings.TrimSpace(string(b))) == 0 {
		return c, nil
	}
	if err := yaml.UnmarshalWithOptions(b, &c, yaml.Strict()); err != nil {
		return c, fmt.Errorf("%s%s", yaml.FormatError(err, false, true), nearest(err.Error()))
	}
	return c, c.check()
}

// check finds what the types let through.
func (c Config) check() error {
	if err := choices(reflect.ValueOf(c), ""); err != nil {
		return err
	}
	alias := regexp.MustCompile(`^[a-z0-9-]*$`)
	seen := map[string]bool{}
	for i, l := range c.Links {
		at := fmt.Sprintf("links[%d]", i)
		if err := choices(reflect.ValueOf(l), at+"."); err != nil {
			return err
		}
		switch {
		case l.Context == "" && l.Server == "":
			return fmt.Errorf("%s: say which link is meant: context or server", at)
		case !alias.MatchString(l.Alias):
			return fmt.Errorf("%s.alias: %q; an alias is made of a-z, 0-9 and -", at, l.Alias)
		case l.Alias != "" && seen[l.Alias]:
			return fmt.Errorf("%s.alias: %q is the alias of another link too", at, l.Alias)
		}
		seen[l.Alias] = true
	}
	return nil
}

// choices holds fields to the values that their tag names.
func choices(v reflect.Value, at string) error {
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
			return fmt.Errorf("%s%s: %q is none of %s", at, f.Tag.Get("yaml"), v.Field(i).String(), strings.ReplaceAll(list, ",", ", "))
		}
	}
	return nil
}

// nearest is "did you mean …?" for an unknown field.
func nearest(msg string) string {
	m := regexp.MustCompile(`unknown field "([^"]+)"`).FindStringSubmatch(msg)
	if m == nil {
		return ""
	}
	names := append(fields(reflect.TypeFor[Config]()), fields(reflect.TypeFor[Link]())...)
	for n := len(m[1]); n > 1; n-- {
		if hits := fuzzy.Find(m[1][:n], names); len(hits) > 0 {
			return fmt.Sprintf("did you mean %s?", hits[0].Str)
		}
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
