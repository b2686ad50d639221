//go:build unix

package link

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/klog/v2"
)

func TestCaptureStderr(t *testing.T) {
	before, err := os.Stat("/dev/fd/2")
	if err != nil {
		t.Skip("no /dev/fd here")
	}
	var mu sync.Mutex
	var got []string
	restore, err := CaptureStderr(func(s string) {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, s)
	})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(os.Stderr, "from here")
	child := exec.Command("sh", "-c", "echo from a child >&2; printf unended >&2")
	child.Stderr = os.Stderr
	if err := child.Run(); err != nil {
		t.Error(err)
	}
	fmt.Fprintln(os.Stderr, strings.Repeat("x", 1<<20))
	fmt.Fprintln(os.Stderr, "last\r")
	restore()
	restore()
	after, err := os.Stat("/dev/fd/2")
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("standard error is another one afterwards: %v", err)
	}
	for i, s := range got {
		if len(s) > 100 {
			got[i] = strings.TrimRight(s[:20], "x") + "…"
		}
	}
	if diff := cmp.Diff([]string{"from here", "from a child", "unended…", "last"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestQuietKeepsDiagnosticsOffTheScreen(t *testing.T) {
	var said []string
	restore, err := CaptureStderr(func(s string) { said = append(said, s) })
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	Quiet(&log)
	defer klog.ClearLogger()
	klog.Error("trouble inside")
	Quiet(nil)
	klog.Error("more of it")
	restore()
	if len(said) != 0 {
		t.Errorf("said %q", said)
	}
	if !strings.Contains(log.String(), "trouble inside") || strings.Contains(log.String(), "more of it") {
		t.Errorf("log holds %q", log.String())
	}
}

// TestLastWords: what the runtime says when the process dies is seen, although
// standard error is captured.
func TestLastWords(t *testing.T) {
	if os.Getenv("WHEELHOUSE_TEST_DIES") != "" {
		if _, err := CaptureStderr(func(string) {}); err != nil {
			t.Fatal(err)
		}
		go panic("a library's mistake")
		select {}
	}
	c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLastWords$")
	c.Env = append(os.Environ(), "WHEELHOUSE_TEST_DIES=1")
	out, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "a library's mistake") {
		t.Errorf("%v: %s", err, out)
	}
}
