package backend_test

import (
	"errors"
	"strings"
	"testing"

	"wheelhouse/backend"
)

type token string

func TestCaught(t *testing.T) {
	var list []int
	var near *backend.PanicError
	for name, c := range map[string]struct {
		fail func()
		want string
	}{
		"the runtime's":  {func() { _ = list[len(list)+2] }, "index out of range [2] with length 0 in backend_test.TestCaught.func1 (panic_test.go:"},
		"a nil pointer":  {func() { _ = near.What }, "nil pointer dereference in backend_test.TestCaught.func2 (panic_test.go:"},
		"somebody's own": {func() { panic(token("s3cr3t")) }, "a panic with a backend_test.token in backend_test.TestCaught.func3 (panic_test.go:"},
	} {
		t.Run(name, func(t *testing.T) {
			err := func() (err error) {
				defer backend.Caught(&err)
				c.fail()
				return nil
			}()
			var p *backend.PanicError
			if !errors.As(err, &p) || !strings.Contains(err.Error(), c.want) || len(p.Stack) == 0 {
				t.Errorf("%v, want %q in it", err, c.want)
			}
			if strings.Contains(err.Error()+string(p.Stack), "s3cr3t") {
				t.Error("what it panicked with is told")
			}
		})
	}
}

func TestCaughtWithoutPanic(t *testing.T) {
	kept := errors.New("kept")
	err := func() (err error) {
		defer backend.Caught(&err)
		return kept
	}()
	if !errors.Is(err, kept) {
		t.Error(err)
	}
}
