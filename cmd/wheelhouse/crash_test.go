package main

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/adrg/xdg"

	"wheelhouse/backend"
)

// TestCrashFile: what a crash leaves behind says where it happened and nothing
// that a panic may carry along.
func TestCrashFile(t *testing.T) {
	const secret = "bearer abc.def.ghi"
	for name, reason := range map[string]any{
		"a string": secret, "an error": errors.New(secret), "a struct": struct{ token string }{secret},
	} {
		t.Run(name, func(t *testing.T) {
			ownState(t)
			var fault error
			func() {
				defer backend.Caught(&fault)
				panic(reason)
			}()
			err := crashed(fault.(*backend.PanicError)) //nolint:errorlint,forcetypeassert // it is nothing else
			files, _ := filepath.Glob(filepath.Join(xdg.StateHome, "wheelhouse", "crash", "*.txt"))
			if len(files) != 1 {
				t.Fatalf("%d crash files, want 1; told: %v", len(files), err)
			}
			if !strings.Contains(err.Error(), files[0]) {
				t.Errorf("it does not say where the file is: %v", err)
			}
			text, readErr := os.ReadFile(files[0])
			if readErr != nil {
				t.Fatal(readErr)
			}
			if !strings.Contains(string(text), "TestCrashFile") {
				t.Errorf("no stack in it:\n%s", text)
			}
			if strings.Contains(string(text)+err.Error(), "abc.def") {
				t.Errorf("the secret is told: %v\n%s", err, text)
			}
			if info, err := os.Stat(files[0]); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
				t.Errorf("others may read it: %v, %v", info.Mode(), err)
			}
		})
	}
}
