package signal

import (
	"strings"
	"testing"

	"wheelhouse/backend"
)

func TestLevelOf(t *testing.T) {
	for line, want := range map[string]backend.Level{
		"2026-11-28 ERROR no":                      backend.Critical,
		`{"ts":1,"level":"warn","msg":"an error"}`: backend.Warning,
		"lvl=err":                   backend.Critical,
		"INFO then ERROR":           backend.None,
		"an Error at the beginning": backend.Critical,
		"terror, errors and inform are no levels": backend.None,
		"[fatal]":     backend.Critical,
		"":            backend.None,
		"ERR":         backend.Critical,
		"ü WARNING ü": backend.Warning,
		strings.Repeat("x ", within/2) + "ERROR late": backend.None,
	} {
		if got := LevelOf(line); got != want {
			t.Errorf("%q is %v, not %v", line, got, want)
		}
	}
}

func BenchmarkLevelOf(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		LevelOf("order placed for customer 81234, which has no word for how bad it is, in 17 ms of the time that it may take")
	}
}
