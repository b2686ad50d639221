//go:build real

// Package real_test runs the built console, as a person would, in a terminal
// against the real servers of testdata/stack, and asks those servers afterwards
// what came of it. `make test-real` starts them and says where they are.
//
// Tests here disturb the servers, so they run one after another.
package real_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// soon is how long anything may take that shall happen at all: an end for tests
// that would otherwise hang, never a measure.
const soon = 3 * time.Minute

var (
	binary     string // the console, built for this run
	kubeconfig = os.Getenv("WHEELHOUSE_KUBECONFIG")
)

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if kubeconfig == "" {
		fmt.Fprintln(os.Stderr, "WHEELHOUSE_KUBECONFIG names no kubeconfig: run `make test-real`")
		return 1
	}
	dir, err := os.MkdirTemp("", "wheelhouse-real-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "wheelhouse")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/wheelhouse").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build the console: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// stack runs the stack's own command: stop a apiserver, compact a …
func stack(t *testing.T, args ...string) {
	t.Helper()
	dir := filepath.Dir(kubeconfig)
	cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "stack"), args...)
	cmd.Env = append(os.Environ(), "WHEELHOUSE_STACK="+dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("stack %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// kubectl runs the stack's kubectl on cluster a, in cleanups too.
func kubectl(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(filepath.Dir(kubeconfig), "bin", "kubectl"), append([]string{"--kubeconfig", kubeconfig, "--context", "a"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// restConfig is how a client other than the console reaches a context's server.
func restConfig(t *testing.T, kubeContext string) *rest.Config {
	t.Helper()
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig},
		&clientcmd.ConfigOverrides{CurrentContext: kubeContext},
	).ClientConfig()
	if err != nil {
		t.Fatalf("context %s: %v", kubeContext, err)
	}
	config.QPS = -1
	return config
}

// server is the witness: what it says counts, not what the console shows.
func server(t *testing.T, kubeContext string) kubernetes.Interface {
	t.Helper()
	client, err := kubernetes.NewForConfig(restConfig(t, kubeContext))
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// eventually waits until ok gives no error; the last one is the failure.
func eventually(t *testing.T, what string, ok func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for {
		err := ok(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s: %v", what, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// command runs the console's command line to its end and gives its exit code.
func command(t *testing.T, args ...string) (output string, code int) {
	t.Helper()
	return commandIn(t, t.TempDir(), args...)
}

// commandIn is command with a home that is there already.
func commandIn(t *testing.T, home string, args ...string) (output string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, ownKubeconfig(args)...)
	cmd.Env = quietEnv(home)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatalf("wheelhouse %s: %v", strings.Join(args, " "), err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// ownKubeconfig adds the stack's kubeconfig to arguments that name none.
func ownKubeconfig(args []string) []string {
	if slices.Contains(args, "--kubeconfig") {
		return args
	}
	return append([]string{"--kubeconfig", kubeconfig}, args...)
}

// quietEnv is an environment in which nothing of the person's own is found.
func quietEnv(home string) []string {
	return []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + os.TempDir(), "TERM=xterm-256color", "LANG=C.UTF-8",
		"XDG_CONFIG_HOME=" + home + "/config", "XDG_STATE_HOME=" + home + "/state", "XDG_CACHE_HOME=" + home + "/cache", "XDG_DATA_HOME=" + home + "/data",
	}
}
