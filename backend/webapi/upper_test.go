package webapi

import "testing"

func TestUpper(t *testing.T) {
	for s, want := range map[string]string{
		"the list of builds": "The list of builds",
		"ci":                 "ci",
		"shop/cart on ci":    "shop/cart on ci",
		"cart-2 on ci":       "cart-2 on ci",
		"":                   "",
	} {
		if got := Upper(s); got != want {
			t.Errorf("Upper(%q) = %q, want %q", s, got, want)
		}
	}
}
