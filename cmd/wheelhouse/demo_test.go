package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"strings"
	"testing"

	"wheelhouse/backend/sandbox/shop"
)

// TestDemo: the servers of the embedded world are found by what they print, and the
// command line works on them as on any others, as whoever is asked for.
func TestDemo(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	ctx, end := context.WithCancel(t.Context())
	r, w := io.Pipe()
	over := make(chan int, 1)
	go func() {
		over <- execute(ctx, []string{"demo", "--serve-only", "--dir", t.TempDir()}, strings.NewReader(""), w, io.Discard)
	}()
	var files shop.Files
	if err := json.NewDecoder(r).Decode(&files); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (code int, out string) {
		var b bytes.Buffer
		code = execute(t.Context(), append([]string{"--kubeconfig", files.Kubeconfig, "--config", files.Config}, args...), strings.NewReader(""), &b, &b)
		return code, b.String()
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"frame", "home", "--size", "140x40"}, 0, "deployment recommend"},
		{[]string{"frame", "pods", "--size", "140x80", "-n", "shop"}, 0, "payments-"},
		{[]string{"frame", "builds", "--size", "140x40"}, 0, "web/search"},
		{[]string{"act", "workload.restart", "idc:statefulset/shop/ledger", "--yes"}, 0, "ledger"},
		{[]string{"--context", "cloud-reader", "act", "workload.restart", "cloud-reader:deployment/shop/cart", "--yes"}, 3, "reader"},
		{[]string{"doctor"}, 0, "v1.36.3"},
	} {
		if code, out := run(c.args...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%v ends with %d and says\n%s", c.args, code, out)
		}
	}
	end()
	if code := <-over; code != 0 {
		t.Errorf("asked to end it ends with %d", code)
	}
}

// TestDemoIsLeftAlone: a world whose console is killed ends, and leaves no folder with
// a kubeconfig behind.
func TestDemoIsLeftAlone(t *testing.T) {
	dir := t.TempDir() + "/world"
	in, console := io.Pipe()
	r, w := io.Pipe()
	over := make(chan int, 1)
	go func() {
		over <- execute(t.Context(), []string{"demo", "--serve-only", "--ward", "--dir", dir}, in, w, io.Discard)
	}()
	var files shop.Files
	if err := json.NewDecoder(r).Decode(&files); err != nil {
		t.Fatal(err)
	}
	console.Close()
	if code := <-over; code != 0 {
		t.Errorf("left alone it ends with %d", code)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("its folder is still there: %v", err)
	}
}

// TestDemoRefuses: what is missing, or too much, is said.
func TestDemoRefuses(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/none")
	for says, args := range map[string][]string{
		"--dir":                {"--serve-only"},
		"0 to 200000, not -5":  {"--pods", "-5"},
		"200000, not 10000000": {"--pods", "10000000"},
		"Set TMPDIR to one":    {},
	} {
		var b bytes.Buffer
		if code := execute(t.Context(), append([]string{"demo"}, args...), strings.NewReader(""), io.Discard, &b); code == 0 || !strings.Contains(b.String(), says) {
			t.Errorf("%v ends with %d and says %s", args, code, b.String())
		}
	}
}

// TestDemoInterrupted: who stops it while its world is opened is told nothing.
func TestDemoInterrupted(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, end := context.WithCancel(t.Context())
	end()
	var b bytes.Buffer
	if code := execute(ctx, []string{"demo"}, strings.NewReader(""), io.Discard, &b); code != 130 || strings.Contains(b.String(), "did not start") {
		t.Errorf("it ends with %d and says %s", code, b.String())
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}
