// Command wheelhouse is the console and its command line. This folder is wiring
// only: flags, config, which links, adapters and views exist. It is the one
// place that imports everything; what it wires lives elsewhere.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"wheelhouse/backend"
)

// version is set when a release is built.
var version = "development"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// execute runs one command line and gives its exit code.
func execute(ctx context.Context, args []string, in io.Reader, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := func() (err error) {
		defer backend.Caught(&err)
		return root.ExecuteContext(ctx) //nolint:wrapcheck // its errors are for people as they are
	}()
	if err == nil {
		return 0
	}
	var fault *backend.PanicError
	if errors.As(err, &fault) {
		err = crashed(fault)
	}
	var quiet *exit
	if errors.As(err, &quiet) {
		return quiet.code
	}
	for _, line := range strings.Split("wheelhouse: "+err.Error(), "\n") {
		fmt.Fprintln(errs, backend.T(line).Safe())
	}
	return codeOf(err)
}

// exit is an end whose reason was already printed.
type exit struct{ code int }

func (e *exit) Error() string { return fmt.Sprintf("exit %d", e.code) }

// usage is an error in how the command was called: exit code 2.
type usage struct{ error }

func (u usage) Unwrap() error { return u.error }

// codeOf is the exit code that an error ends with; the numbers are fixed,
// because scripts rely on them.
func codeOf(err error) int {
	var wrong usage
	if errors.As(err, &wrong) {
		return 2
	}
	switch backend.CodeOf(err) {
	case backend.Invalid:
		return 2
	case backend.Denied:
		return 3
	case backend.Conflict:
		return 4
	case backend.Partly:
		return 5
	case backend.Unconfirmed:
		return 6
	}
	return 1
}
