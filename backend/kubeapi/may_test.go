package kubeapi

import (
	"fmt"
	"testing"
	"time"

	authv1 "k8s.io/api/authorization/v1"

	"wheelhouse/backend"
)

func TestRulesAreBounded(t *testing.T) {
	var b rulebook
	at := time.Unix(1_700_000_000, 0)
	for i := range rulesKept + 10 {
		pg := b.page(fmt.Sprint("ns-", i), at)
		if (pg == nil) != (i >= rulesKept) {
			t.Fatalf("namespace %d: %v; what was just asked makes no room", i, pg)
		}
		if pg != nil {
			pg.asked, pg.used = at, at.Add(time.Duration(i))
		}
	}
	later := at.Add(rulesFresh + time.Second)
	if b.page("another", later) == nil || len(b.pages) != rulesKept || b.pages["ns-0"] != nil || b.pages["ns-1"] == nil {
		t.Errorf("%d namespaces are kept", len(b.pages))
	}
}

func TestGrants(t *testing.T) {
	scale := backend.Permission{Verb: "patch", Group: "apps", Resource: "deployments", Sub: "scale"}
	pods := backend.Permission{Verb: "delete", Resource: "pods"}
	for _, tc := range []struct {
		name      string
		verbs     string
		group     string
		resources string
		ask       backend.Permission
		want      bool
	}{
		{"the very thing", "patch", "apps", "deployments/scale", scale, true},
		{"all", "*", "*", "*", scale, true},
		{"all scales", "patch", "apps", "*/scale", scale, true},
		{"the whole is not its part", "patch", "apps", "deployments", scale, false},
		{"the part is not the whole", "delete", "", "pods/status", pods, false},
		{"another verb", "get", "", "pods", pods, false},
		{"another group", "delete", "metrics.k8s.io", "pods", pods, false},
	} {
		r := authv1.ResourceRule{Verbs: []string{tc.verbs}, APIGroups: []string{tc.group}, Resources: []string{tc.resources}}
		if got := grants(r, tc.ask); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
	}
}
