package backendtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// StackDir is where the real servers of testdata/stack live: beside the kubeconfig that
// WHEELHOUSE_KUBECONFIG names.
func StackDir() string { return filepath.Dir(os.Getenv("WHEELHOUSE_KUBECONFIG")) }

// StackAddr is where a server of a part of the stack listens: "127.0.0.1:1234". The test
// fails when the part is not up.
func StackAddr(t testing.TB, part, server string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(StackDir(), part, "ports.json"))
	if err != nil {
		t.Fatalf("%s is not up (stack up %s): %v", part, part, err)
	}
	var ports map[string]int
	if err := json.Unmarshal(raw, &ports); err != nil {
		t.Fatal(err)
	}
	if ports[server] == 0 {
		t.Fatalf("%s has no server %s: %v", part, server, ports)
	}
	return fmt.Sprintf("127.0.0.1:%d", ports[server])
}
