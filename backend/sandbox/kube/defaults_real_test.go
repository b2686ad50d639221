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

// TestRealDefaults: the answers that are kept are those of the real server.
func TestRealDefaults(t *testing.T) {
	stack := os.Getenv("WHEELHOUSE_STACK")
	c := exec.CommandContext(t.Context(), filepath.Join(stack, "bin", "kubectl"), append([]string{"--kubeconfig", filepath.Join(stack, "kubeconfig"), "--context", "a", "--cache-dir", t.TempDir()}, trial("default", t)...)...) //nolint:gosec // it is built by the stack
	out, err := c.Output()
	if err != nil {
		t.Fatal(err)
	}
	got := filled(t, string(out))
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
