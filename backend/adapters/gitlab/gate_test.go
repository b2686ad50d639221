package gitlab

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

func TestGateTakesNoDetours(t *testing.T) {
	body := fmt.Sprintf(`{"query":%q,"variables":{}}`, variablesQuery)
	for address, want := range map[string]bool{
		"GET /api/v4/projects/a%2Fb/pipelines?page=1": true,
		"GET /api/v4/../../users/sign_out":            false,
		"GET /api/v4/%2e%2e/%2e%2e/users/sign_out":    false,
		"GET /api/v4/%252e%252e/users/sign_out":       false,
		"GET /api/v4/a%2F..%2F..%2Fb":                 false,
		"GET /api/v4/./x":                             false,
		"GET /api/v4//x":                              false,
		"POST /api/graphql":                           true,
		"POST /api/graphql?query=mutation{y}":         false,
	} {
		method, path, _ := strings.Cut(address, " ")
		r, err := http.NewRequestWithContext(t.Context(), method, "http://gitlab.invalid"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if got := reads(r); got != want {
			t.Errorf("%s passes: %v", address, got)
		}
	}
}
