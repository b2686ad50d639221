package backend

import (
	"fmt"
	"path"
	"runtime"
	"runtime/debug"
	"strings"
)

// A PanicError is a mistake of this program, or of a library in it, that was caught.
type PanicError struct {
	// What is what went wrong and where, without anything that a server has sent.
	What  string
	Stack []byte // as debug.Stack gives it: no values but addresses
}

// Error asks for a report.
func (p *PanicError) Error() string { return "a fault in wheelhouse, " + p.What + ": please report it" }

// Caught makes a panic of the function that defers it a PanicError, as that function's
// error. Whatever runs beside the shell defers it, so that a fault in one place
// is the failure of that place, and never leaves a terminal in raw mode:
//
//	defer backend.Caught(&err)
func Caught(err *error) {
	if r := recover(); r != nil {
		*err = newPanic(r)
	}
}

// newPanic is called by what the panicking goroutine deferred.
func newPanic(reason any) *PanicError {
	what := fmt.Sprintf("a panic with a %T", reason)
	if e, ok := reason.(runtime.Error); ok { // only the runtime's own words hold nothing secret
		what = e.Error()
	}
	return &PanicError{What: what + culprit(), Stack: debug.Stack()}
}

// culprit is " in f (file:line)", where the panic that is being recovered began.
func culprit() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	panicking := false
	for {
		f, more := frames.Next()
		inRuntime := strings.HasPrefix(f.Function, "runtime.")
		if panicking && !inRuntime && f.Function != "" {
			return fmt.Sprintf(" in %s (%s:%d)", path.Base(f.Function), path.Base(f.File), f.Line)
		}
		panicking = panicking || f.Function == "runtime.gopanic"
		if !more {
			return ""
		}
	}
}
