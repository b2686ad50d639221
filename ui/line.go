package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"wheelhouse/backend"
)

// everything stands for all namespaces, or all clusters.
const everything = "all"

// line is what stands behind a view's name on a ':' line, in any order, the
// filter last:
//
//	shop,pay @prod-eu -l app=cart /crash
type line struct {
	Place           // the place before, with the clusters of the line
	words  []string // the plain ones: namespaces, nearly always
	filter string   // with the labels
	behind string   // all but the words
}

// read takes the words apart. The error is a sentence.
func (l *line) read(rest string) error {
	rest = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return ' '
		}
		return r
	}, " "+rest)
	rest, filter, filtered := strings.Cut(rest, " /")
	var links, labels, behind []string
	fields := fieldsOf(rest)
	for i := 0; i < len(fields); i++ {
		switch w := fields[i]; {
		case w == "-l" && i+1 < len(fields):
			i++
			labels = append(labels, fields[i])
		case strings.HasPrefix(w, "@"):
			links = append(links, strings.Split(w[1:], ",")...)
			behind = append(behind, w)
		case strings.Contains(w, "="):
			labels = append(labels, w)
		default:
			if err := l.name(strings.Split(w, ",")); err != nil {
				return err
			}
		}
	}
	if links != nil {
		l.Links = some(links)
	}
	if labels != nil {
		selector := strings.Join(labels, ",")
		if strings.Contains(selector, " ") {
			selector = `"` + selector + `"`
		}
		filter += " -l " + selector
		filtered = true
	}
	if l.filter = strings.TrimSpace(filter); filtered {
		behind = append(behind, "/"+l.filter)
	}
	l.behind = strings.Join(behind, " ")
	return nil
}

// fieldsOf divides by blanks, but for those between quotes, which are taken off.
func fieldsOf(s string) (out []string) {
	var word []rune
	begun, within := false, false
	for _, r := range s + " " {
		switch {
		case r == '"':
			begun, within = true, !within
		case r != ' ' || within:
			begun = true
			word = append(word, r)
		case begun:
			out = append(out, string(word))
			word, begun = word[:0], false
		}
	}
	if within { // the last quote was not closed
		out = append(out, strings.TrimSuffix(string(word), " "))
	}
	return out
}

// name takes plain words.
func (l *line) name(names []string) error {
	for _, n := range names {
		if n == "" || n[0] == '-' {
			return fmt.Errorf("%s is no name. After a view come NAMESPACES @CLUSTERS -l LABELS /FILTER, each if wanted", backend.T(strconv.Quote(n)).Safe())
		}
		l.words = append(l.words, n)
	}
	return nil
}

// some are the names, nil when everything is among them.
func some(names []string) []string {
	if slices.Contains(names, everything) || slices.Contains(names, "*") {
		return nil
	}
	return names
}
