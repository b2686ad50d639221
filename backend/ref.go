package backend

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// A Ref addresses one object of one system, for keys, plans, audit records and
// the command line alike. The zero Ref addresses nothing.
type Ref struct {
	Link  string // alias of the link it was seen through
	Kind  string // the noun's kind: "pod", "deployment.apps"
	Scope string // namespace or project; empty where the kind has none
	Name  string
	Sub   string // container, breaker instance; usually empty
	UID   string // the server's identity for this incarnation; empty when unknown
}

// Key is r without its UID: what feeds, marks and cursors are keyed by, so that
// an object that was deleted and made anew under its name keeps its place.
// Guards compare the UID.
func (r Ref) Key() Ref {
	r.UID = ""
	return r
}

// String gives the command line's form, [link:]kind/[scope/]name[/sub], with
// each segment percent-escaped. ParseRef reads it back, except for the UID.
func (r Ref) String() string {
	var b strings.Builder
	if r.Link != "" {
		b.WriteString(escape(r.Link))
		b.WriteByte(':')
	}
	b.WriteString(escape(r.Kind))
	for _, s := range []string{r.Scope, r.Name, r.Sub} {
		if s != "" {
			b.WriteByte('/')
			b.WriteString(escape(s))
		}
	}
	return b.String()
}

// escape is PathEscape, and ':' too: it divides the link from the rest.
func escape(s string) string { return strings.ReplaceAll(url.PathEscape(s), ":", "%3A") }

// A Noun says how objects of one kind are named and addressed.
type Noun struct {
	Kind   string   // "deployment.apps"
	Plural string   // "deployments": what lists and titles say
	Short  []string // further names that people type: "dp", "deploy"
	Scoped bool     // its objects live in a namespace or project
	Sub    bool     // its objects have parts that can be addressed
}

// Nouns is the vocabulary that ParseRef understands.
type Nouns []Noun

// Find gives the noun of that kind, plural or short name.
func (ns Nouns) Find(name string) (Noun, bool) {
	for _, n := range ns {
		if n.Kind == name || n.Plural == name || slices.Contains(n.Short, name) || strings.HasPrefix(n.Kind, name+".") {
			return n, true
		}
	}
	return Noun{}, false
}

// ParseRef reads [link:]kind/[scope/]name[/sub]. The kind may be a plural or
// short name and fixes how many segments there are. The error is for people.
func (ns Nouns) ParseRef(s string) (Ref, error) {
	var r Ref
	rest := s
	if link, after, ok := strings.Cut(s, ":"); ok && !strings.Contains(link, "/") {
		l, err := url.PathUnescape(link)
		if err != nil {
			return r, badRef(s, err.Error())
		}
		r.Link, rest = l, after
	}
	segments := strings.Split(rest, "/")
	for i, seg := range segments {
		u, err := url.PathUnescape(seg)
		if err != nil {
			return r, badRef(s, err.Error())
		}
		if u == "" {
			return r, badRef(s, "an empty segment")
		}
		segments[i] = u
	}
	n, ok := ns.Find(segments[0])
	if !ok {
		return r, badRef(s, fmt.Sprintf("no kind is called %q; kinds are %s", segments[0], ns.plurals()))
	}
	r.Kind, segments = n.Kind, segments[1:]
	if n.Scoped && len(segments) > 0 {
		r.Scope, segments = segments[0], segments[1:]
	}
	if len(segments) > 0 {
		r.Name, segments = segments[0], segments[1:]
	}
	if n.Sub && len(segments) > 0 {
		r.Sub, segments = segments[0], segments[1:]
	}
	if r.Name == "" || len(segments) > 0 {
		return r, badRef(s, "want "+n.form())
	}
	return r, nil
}

// ParseRefs is ParseRef of each.
func (ns Nouns) ParseRefs(words []string) ([]Ref, error) {
	var out []Ref
	for _, w := range words {
		r, err := ns.ParseRef(w)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

func (ns Nouns) plurals() string {
	var all []string
	for _, n := range ns {
		all = append(all, n.Plural)
	}
	return strings.Join(all, ", ")
}

func (n Noun) form() string {
	f := "[link:]" + n.Kind
	if n.Scoped {
		f += "/namespace"
	}
	f += "/name"
	if n.Sub {
		f += "[/part]"
	}
	return f
}

func badRef(s, why string) error {
	return &Error{Code: Invalid, Op: "read reference", Human: fmt.Sprintf("%q is not a reference: %s.", s, why)}
}
