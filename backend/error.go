package backend

import (
	"errors"
	"strings"
)

// Code sorts errors by what the person can do about them. Their exit codes on
// the command line are fixed (see cmd/wheelhouse).
type Code uint8

// The codes. Failed is the zero value: nothing better is known.
const (
	Failed      Code = iota // the server, or the way to it, said no
	Invalid                 // what was asked makes no sense; nothing was sent
	Denied                  // not permitted, or read-only
	Conflict                // the facts that the plan was made on have changed
	Partly                  // some of it was done, or can be shown, and some not
	Unconfirmed             // a confirmation is needed and none was given
	NotFound                // it is not there
	Unreachable             // no answer
	Expired                 // the login is no longer good
	Unknown                 // sent, and the answer was lost: it may have been done
)

// String is the word for it in records and in the command line's JSON.
func (c Code) String() string {
	return [...]string{
		"failed", "invalid", "denied", "conflict", "partly", "unconfirmed",
		"not-found", "unreachable", "expired", "unknown",
	}[c]
}

// An Error says what failed in words for people. Human is a whole sentence (or
// two) that ends with what to do next; it holds no secrets. Err keeps the cause.
type Error struct {
	Code  Code
	Op    string // what was being done: "scale deployment"
	Ref   Ref    // what it was done to; may be zero
	Human string
	Err   error // may be nil
}

// Error gives the human sentence, or the cause where there is none.
func (e *Error) Error() string {
	switch {
	case e.Human != "":
		return e.Human
	case e.Err != nil:
		return e.Op + ": " + e.Err.Error()
	}
	return e.Op + " failed"
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// CodeOf gives the code of the first Error in err's chain; Failed when there
// is none.
func CodeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return Failed
}

// Near is "; did you mean NAME?" for the name that word was probably meant to be,
// or "" when none comes near: one that begins with it, or differs from it in at
// most one letter of three. Upper and lower case are the same.
func Near(word string, names []string) string {
	const longest = 40 // no name is longer, and the work is its square
	w := []rune(strings.ToLower(word))
	if len(w) == 0 || len(w) > longest {
		return ""
	}
	best, least := "", 1+max(1, len(w)/3)
	for _, n := range names {
		lower := strings.ToLower(n)
		d := distance(w, []rune(lower))
		if strings.HasPrefix(lower, string(w)) {
			d = min(d, 1)
		}
		if d < least {
			best, least = n, d
		}
	}
	if best == "" {
		return ""
	}
	return "; did you mean " + best + "?"
}

// distance is how many letters must be added, left out, exchanged or swapped
// with their neighbour to make b of a.
func distance(a, b []rune) int {
	var before []int
	last := make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range a {
		row := make([]int, len(b)+1)
		row[0] = i + 1
		for j := range b {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
