//go:build real

package kube

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "keep what the real server answers")

// real runs the built kubectl against the real server.
func real(t *testing.T, args ...string) string {
	t.Helper()
	stack := os.Getenv("WHEELHOUSE_STACK")
	c := exec.CommandContext(t.Context(), filepath.Join(stack, "bin", "kubectl"), append([]string{"--kubeconfig", filepath.Join(stack, "kubeconfig"), "--context", "a", "--cache-dir", t.TempDir()}, args...)...) //nolint:gosec // it is built by the stack
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// TestRealColumns: the headers are those of the real server, of kinds that it has
// objects of.
func TestRealColumns(t *testing.T) {
	for _, h := range headers() {
		if got := header(real(t, "get", h[0], "-A", "-o", "wide")); got != "" && got != h[1] {
			t.Errorf("%s are shown as %s", h[0], got)
		}
	}
}

// TestRealDefaults: the answers that are kept are those of the real server.
func TestRealDefaults(t *testing.T) {
	got := filled(t, real(t, trial("default", t)...))
	if *update {
		b, err := json.MarshalIndent(got, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("testdata/defaults.json", append(b, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(answered(t), got); diff != "" {
		t.Errorf("it has changed (- kept, + now):\n%s", diff)
	}
}
