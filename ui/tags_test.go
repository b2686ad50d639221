package ui

import "testing"

func TestTags(t *testing.T) {
	links := []LinkState{{Alias: "a", Unsafe: "TLS not verified"}, {Alias: "b", Unsafe: "plain HTTP", ReadOnly: true}, {Alias: "c", Unsafe: "plain HTTP"}}
	if got, want := tags(links, 20), "READ-ONLY: b TLS NOT VERIFIED PLAIN HTTP"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
