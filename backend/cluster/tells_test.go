package cluster

import (
	"testing"

	"wheelhouse/backend"
)

func TestFindings(t *testing.T) {
	deployment := backend.Ref{Link: "eu", Kind: KindDeployment, Scope: "shop", Name: "cart"}
	for name, c := range map[string]struct {
		row  backend.Finder
		ref  backend.Ref
		says string
	}{
		"pod of a deployment": {Pod{Link: "eu", Namespace: "shop", Name: "cart-1", Owner: "deployment.apps/cart", State: "CrashLoopBackOff", Detail: "app: exit 137", Level: backend.Critical}, deployment, "pod CrashLoopBackOff: app: exit 137"},
		"bare pod":            {Pod{Link: "eu", Namespace: "shop", Name: "cart-1", State: "Pending", Level: backend.Warning}, backend.Ref{Link: "eu", Kind: KindPod, Scope: "shop", Name: "cart-1"}, "Pending"},
		"pod not ready":       {Pod{Link: "eu", Namespace: "shop", Name: "cart-1", Owner: "deployment.apps/cart", State: "Running", Ready: 1, Containers: 2, Level: backend.Warning}, deployment, "pod Running, 1/2 ready"},
		"pod on its way":      {Pod{Level: backend.Moving}, backend.Ref{}, ""},
		"workload":            {Workload{Link: "eu", Kind: KindDeployment, Namespace: "shop", Name: "cart", State: "Degraded", Ready: 1, Desired: 3, Level: backend.Critical}, deployment, "degraded, 1/3 ready"},
		"workload on its way": {Workload{Link: "eu", Kind: KindDeployment, Namespace: "shop", Name: "cart", State: "Progressing", Ready: 2, Desired: 3, Level: backend.Moving}, deployment, "progressing, 2/3 ready"},
		"workload that is":    {Workload{Level: backend.Good}, backend.Ref{}, ""},
		"lost link":           {Cluster{Link: "eu", Health: backend.Health{State: backend.Down, Reason: backend.T("no answer")}}, Cluster{Link: "eu"}.Ref(), "no answer"},
		"link that is off":    {Cluster{Link: "eu"}, backend.Ref{}, ""},
	} {
		f, ok := c.row.Finding()
		if ok != (c.says != "") || ok && (f.Ref.Key() != c.ref.Key() || f.Sentence.Safe() != c.says) {
			t.Errorf("%s: %+v, %v", name, f, ok)
		}
	}
}
