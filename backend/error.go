package backend

import "errors"

// Code sorts errors by what the person can do about them. Their exit codes on
// the command line are fixed (see cmd/wheelhouse).
type Code uint8

// The codes. Failed is the zero value: nothing better is known.
const (
	Failed      Code = iota // the server, or the way to it, said no
	Invalid                 // what was asked makes no sense; nothing was sent
	Denied                  // not permitted, or read-only
	Conflict                // the facts that the plan was made on have changed
	Partly                  // some steps were done, some not
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
