package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/sandbox/shop"
)

// TestDemo: the servers of the embedded world are found by what they print, and the
// command line works on them as on any others, as whoever is asked for.
func TestDemo(t *testing.T) {
	ownState(t)
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

// TestDemoNeeds: what is missing is said, and what to do, before a world is opened.
func TestDemoNeeds(t *testing.T) {
	for _, c := range []struct {
		args string
		code int
		says string
	}{
		{"demo --serve-only", 2, "--dir"},
		{"demo", 1, "needs a terminal"}, // a test has none
		{"demo --pods -5", 2, "0 to 200000, not -5"},
		{"demo --pods 10000000", 2, "200000, not 10000000"},
		{"demo --drill bad-cnary", 2, "did you mean bad-canary?; there are bad-canary, full-disk"},
		{"demo --serve-only --dir /dev/null/world", 2, "name one that can"},
	} {
		var b bytes.Buffer
		code := execute(t.Context(), strings.Fields(c.args), strings.NewReader(""), io.Discard, &b)
		if code != c.code || !strings.Contains(b.String(), c.says) || strings.Contains(b.String(), "being opened") {
			t.Errorf("%s ends with %d and says %s", c.args, code, b.String())
		}
	}
}

// TestDemoInterrupted: who stops it while its world is opened is told nothing.
func TestDemoInterrupted(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, end := context.WithCancel(t.Context())
	end()
	_, err := (&demo{}).once(ctx, &flags{})
	if code := new(exit); !errors.As(err, &code) || code.code != 130 {
		t.Errorf("it ends with %v", err)
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); err != nil || len(left) > 0 {
		t.Errorf("it leaves %v, %v", left, err)
	}
}

// TestDemoNeedsRoom: where no folder can be made, it says which other to name.
func TestDemoNeedsRoom(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir()+"/none")
	_, err := (&demo{}).once(t.Context(), &flags{})
	if e := new(backend.Error); !errors.As(err, &e) || !strings.Contains(e.Human, "with TMPDIR") {
		t.Errorf("it ends with %v", err)
	}
}
