package dispatch

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"wheelhouse/backend"
)

// noun is a kind as people say it: "deployment".
func noun(kind string) string {
	word, _, _ := strings.Cut(kind, ".")
	return backend.T(word).Safe()
}

func plural(kind string) string {
	n := noun(kind)
	switch {
	case strings.HasSuffix(n, "s"):
		return n + "es"
	case strings.HasSuffix(n, "y"):
		return strings.TrimSuffix(n, "y") + "ies"
	}
	return n + "s"
}

func plurals(kinds []string) []string {
	var out []string
	for _, k := range kinds {
		out = append(out, plural(k))
	}
	return out
}

// enumerate joins words as people do: "a, b and c".
func enumerate(words []string, last string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	n := len(words) - 1
	return strings.Join(words[:n], ", ") + " " + last + " " + words[n]
}

// naming is one object in a sentence: "pod shop/checkout-1 on prod-eu".
func naming(r backend.Ref) string {
	parts := []string{r.Name}
	if r.Scope != "" {
		parts = []string{r.Scope, r.Name}
	}
	if r.Sub != "" {
		parts = append(parts, r.Sub)
	}
	return noun(r.Kind) + " " + backend.T(strings.Join(parts, "/")).Safe() + " on " + r.Link
}

// Subject is what a plan is about in a sentence: one object by its name, several
// parts of one by that and their number, more by their number alone. There is at
// least one step.
func Subject(steps []backend.Step) string {
	refs, links := targets(steps)
	if len(refs) == 1 {
		return naming(refs[0])
	}
	whole := refs[0]
	whole.Sub = ""
	if !slices.ContainsFunc(refs, func(r backend.Ref) bool { r.Sub = ""; return r.Key() != whole.Key() }) {
		return fmt.Sprintf("%d × %s", len(refs), naming(whole))
	}
	what := "objects"
	if kind := refs[0].Kind; sameKind(refs) {
		what = plural(kind)
	}
	return fmt.Sprintf("%d %s on %s", len(refs), what, enumerate(links, "and"))
}

func sameKind(refs []backend.Ref) bool {
	for _, r := range refs {
		if r.Kind != refs[0].Kind {
			return false
		}
	}
	return true
}

// targets gives the distinct objects that steps change, and their links, each
// in order of first appearance.
func targets(steps []backend.Step) (refs []backend.Ref, links []string) {
	seen, seenLink := map[backend.Ref]bool{}, map[string]bool{}
	for _, s := range steps {
		if key := s.Target.Key(); !seen[key] {
			seen[key] = true
			refs = append(refs, s.Target)
		}
		if l := s.Target.Link; !seenLink[l] {
			seenLink[l] = true
			links = append(links, l)
		}
	}
	return refs, links
}

// span is a duration as precise as people care for.
func span(t time.Duration) string {
	switch {
	case t >= time.Minute:
		return t.Round(time.Second).String()
	case t >= time.Second:
		return t.Round(100 * time.Millisecond).String()
	}
	return t.Round(10 * time.Millisecond).String()
}

// human is what an error says to people, safe to print.
func human(err error) string { return backend.T(err.Error()).Safe() }
