//go:build real

package kube

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

var update = flag.Bool("update", false, "keep what the real server answers")

// atReal runs the built kubectl against the real server.
func atReal(t *testing.T, args ...string) string {
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
		if got := header(atReal(t, "get", h[0], "-A", "-o", "wide")); got != "" && got != h[1] {
			t.Errorf("%s are shown as %s", h[0], got)
		}
	}
}

// TestRealDefaults: the answers that are kept are those of the real server.
func TestRealDefaults(t *testing.T) {
	got := filled(t, atReal(t, trial("default", t)...))
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

// TestRealRefused: what is kept of what the real server says is what it says.
func TestRealRefused(t *testing.T) {
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(os.Getenv("WHEELHOUSE_STACK"), "kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	way, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	defer utilnet.CloseIdleConnectionsFor(way.Transport)
	client, err := kubernetes.NewForConfigAndClient(config, way)
	if err != nil {
		t.Fatal(err)
	}
	all := refusals(t)
	for i, r := range all {
		all[i].Says = r.answer(t, client.CoreV1().RESTClient(), "default")
		if !*update && all[i].Says != r.Says {
			t.Errorf("to %s\nit says %q", r.Object, all[i].Says)
		}
	}
	if !*update {
		return
	}
	var out bytes.Buffer
	for i, r := range all {
		line, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		out.WriteString([]string{",\n", "[\n"}[boolTo(i == 0)] + string(line))
	}
	if err := os.WriteFile("testdata/refused.json", append(out.Bytes(), "\n]\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
}
