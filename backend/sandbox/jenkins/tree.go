package jenkins

import (
	"errors"
	"strconv"
	"strings"
)

// A bean is an object as Jenkins exports it: fields that are worked out when they
// are asked for.
type bean struct {
	class  string
	fields []field
}

// A field is seen in objects that are nested depth times less than deep; the
// values of deep are those of Stapler's @Exported(visibility).
type field struct {
	name string
	deep int
	get  func() any // a string, number, bool, nil, bean, []bean or []any
}

// The depths at which fields are seen.
const (
	shallow = 1   // in the object that was asked for
	nested  = 2   // in those that it holds, too
	always  = 999 // in any
)

func has(name string, deep int, value any) field {
	return field{name, deep, func() any { return value }}
}

// A tree is a ?tree= expression: the fields that are wanted, each with those of its
// own and a range.
type tree map[string]branch

type branch struct {
	of       tree
	from, to int // of a list; to < 0: to its end
}

var errTree = errors.New("it does not read as a tree")

// parseTree reads name[of,of]{from,to},name.
func parseTree(s string) (tree, error) {
	t, rest, err := parseBranches(s)
	if err == nil && rest != "" {
		err = errTree
	}
	return t, err
}

func parseBranches(s string) (t tree, rest string, err error) {
	t = tree{}
	for {
		end := strings.IndexAny(s, ",[]{}")
		if end < 0 {
			end = len(s)
		}
		name := strings.TrimSpace(s[:end])
		if name == "" {
			return nil, "", errTree
		}
		b := branch{of: tree{}, to: -1}
		s = s[end:]
		if strings.HasPrefix(s, "[") {
			if b.of, s, err = parseBranches(s[1:]); err != nil {
				return nil, "", err
			}
			if !strings.HasPrefix(s, "]") {
				return nil, "", errTree
			}
			s = s[1:]
		}
		if strings.HasPrefix(s, "{") {
			inside, after, ok := strings.Cut(s[1:], "}")
			if !ok || !b.limit(inside) {
				return nil, "", errTree
			}
			s = after
		}
		t[name] = b
		if !strings.HasPrefix(s, ",") {
			return t, s, nil
		}
		s = s[1:]
	}
}

// limit reads a range: M,N from M to before N; M, from M; ,N before N; N only the
// one at N.
func (b *branch) limit(s string) bool {
	from, to, both := strings.Cut(s, ",")
	number := func(s string, none int) (int, bool) {
		if s == "" {
			return none, true
		}
		n, err := strconv.Atoi(s)
		return n, err == nil && n >= 0
	}
	var ok, fine bool
	if b.from, ok = number(from, 0); !ok {
		return false
	}
	if !both {
		b.to = b.from + 1
		return from != ""
	}
	b.to, fine = number(to, -1)
	return fine
}

// export is the bean's JSON. With a tree it has what that names, without what is
// seen at a depth, of which ask is how far one asked to see.
func (b bean) export(t tree, ask, depth int) map[string]any {
	out := map[string]any{}
	if b.class != "" {
		out["_class"] = b.class
	}
	all, every := t["*"]
	for _, f := range b.fields {
		br, named := t[f.name]
		if !named {
			br = all
		}
		switch {
		case t != nil && (named || every && f.deep > depth):
			out[f.name] = exportValue(f.get(), br, br.of, 0, 0)
		case t == nil && f.deep > depth-ask:
			out[f.name] = exportValue(f.get(), branch{to: -1}, nil, ask, depth+1)
		}
	}
	return out
}

func exportValue(v any, br branch, of tree, ask, depth int) any {
	switch v := v.(type) {
	case bean:
		return v.export(of, ask, depth)
	case []bean:
		from := min(br.from, len(v))
		to := len(v)
		if br.to >= 0 {
			to = max(from, min(br.to, to))
		}
		out := []any{}
		for _, one := range v[from:to] {
			out = append(out, one.export(of, ask, depth))
		}
		return out
	}
	return v
}
