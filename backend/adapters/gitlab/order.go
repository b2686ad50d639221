package gitlab

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	client "gitlab.com/gitlab-org/api/client-go"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
)

// markKey is the variable by which a pipeline is found again whose answer was lost.
const markKey = "WHEELHOUSE_ID"

// An order is a pipeline that is to be begun.
type order struct {
	path, ref string
	variables []setting
	mark      string
}

// setting is a variable with its value.
type setting struct {
	key, value string
	own        bool // the value is the one that the project gives it anyway
}

// newOrder reads an order from the arguments of its action.
func (g *GitLab) newOrder(path, defaultRef string, args backend.Args, mark string) (order, error) {
	o := order{path: path, ref: args[paramRef], mark: mark}
	if o.ref == "" {
		o.ref = defaultRef
	}
	for _, key := range slices.Sorted(maps.Keys(args)) {
		if key != paramRef && key != paramVariables {
			value, known := g.told.value(path, key)
			o.variables = append(o.variables, setting{key, args[key], known && value == args[key]})
		}
	}
	others, err := settings(args[paramVariables])
	o.variables = append(o.variables, others...)
	return o, err
}

// settings reads KEY=value KEY2="two words".
func settings(s string) (out []setting, err error) {
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		key, rest, ok := strings.Cut(s, "=")
		bad := !ok || key == "" || strings.ContainsFunc(key, func(r rune) bool {
			return r != '_' && (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r))
		})
		value, after, _ := strings.Cut(rest, " ")
		if strings.HasPrefix(rest, `"`) {
			value, after, ok = strings.Cut(rest[1:], `"`)
			bad = bad || !ok
		}
		switch {
		case bad:
			return nil, &backend.Error{Code: backend.Invalid, Op: "read variables", Human: `Variables are given as KEY=value KEY2="two words", a key of letters, digits and _. Write them so and ask again.`}
		case delivery.Secretive(key):
			return nil, &backend.Error{
				Code: backend.Invalid, Op: "read variables",
				Human: backend.T(key + " calls itself a secret, and what is written here is shown and recorded. Keep it as a masked variable of the project (Settings, CI/CD), and leave it out here.").Safe(),
			}
		}
		out = append(out, setting{key, value, false})
		s = after
	}
	return out, nil
}

// wanted says whether any variable was asked for that the project does not have
// so by itself.
func (o order) wanted() bool {
	return slices.ContainsFunc(o.variables, func(s setting) bool { return !s.own })
}

// options are what is sent; bare is without any variable.
func (o order) options(bare bool) *client.CreatePipelineOptions {
	out := &client.CreatePipelineOptions{Ref: &o.ref}
	if bare {
		return out
	}
	variables := []*client.PipelineVariableOptions{{Key: new(markKey), Value: &o.mark}}
	for _, s := range o.variables {
		variables = append(variables, &client.PipelineVariableOptions{Key: &s.key, Value: &s.value})
	}
	out.Variables = &variables
	return out
}

// request is how the plan shows it.
func (o order) request() string {
	words := []string{"ref: " + o.ref}
	for _, s := range o.variables {
		words = append(words, s.key+": "+s.shown())
	}
	return fmt.Sprintf("POST projects/%s/pipeline  %s, %s: %s", o.path, strings.Join(words, ", "), markKey, o.mark)
}

// byHand is what does the same with GitLab's own tool.
func (o order) byHand() string {
	words := []string{"glab ci run -R", quoted(o.path), "-b", quoted(o.ref)}
	for _, s := range o.variables {
		words = append(words, "--variables-env", quoted(s.key+":"+s.shown()))
	}
	return strings.Join(words, " ")
}

func (s setting) shown() string {
	if delivery.Secretive(s.key) {
		return hidden
	}
	return withoutLogin(s.value)
}

// quoted is a word as a shell takes it.
func quoted(s string) string {
	plain := func(r rune) bool {
		return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune("_-./:=@%+,", r))
	}
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
