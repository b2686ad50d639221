package kube

import "testing"

func TestKubectlGet(t *testing.T) {
	s := newSite(t)
	pod := s.pod("cart").Name
	for _, c := range [][]string{
		{"admin", "get", "pods", "-o", "wide"},
		{"admin", "get", "all,cm,ns,no,pv,pvc,pdb,ev,sc,leases,endpointslices,ing,cj"},
		{"admin", "get", "pods", "-o", "yaml", "-l", "app=cart", "--field-selector", "spec.nodeName=m0"},
		{"admin", "describe", "pod", pod},
		{"admin", "describe", "deploy,rs,svc,node,ns,pdb,endpointslices"},
		{"admin", "logs", pod, "--tail", "3"}, {"admin", "logs", "deploy/cart", "--since", "10s", "--timestamps"}, {"admin", "logs", pod, "-p"},
		{"admin", "scale", "deploy", "cart", "--replicas", "5"},
		{"admin", "rollout", "status", "deploy/cart"},
		{"admin", "set", "image", "deploy/cart", "app=cart:1.1.0"},
		{"admin", "rollout", "status", "deploy/cart"},
		{"admin", "rollout", "history", "deploy/cart"},
		{"admin", "rollout", "history", "deploy/cart", "--revision", "2"},
		{"admin", "rollout", "undo", "deploy/cart"},
		{"admin", "rollout", "status", "deploy/cart"},
		{"admin", "rollout", "restart", "deploy/cart"},
		{"admin", "rollout", "pause", "deploy/cart"},
		{"admin", "rollout", "resume", "deploy/cart"},
		{"admin", "rollout", "status", "deploy/cart"},
		{"admin", "create", "job", "once", "--image", "busybox", "--", "true"},
		{"admin", "run", "one", "--image", "nginx"},
		{"admin", "expose", "deploy", "cart", "--name", "cart2", "--port", "80"},
		{"admin", "cordon", "m0"}, {"admin", "uncordon", "m0"},
		{"admin", "taint", "node", "m0", "a=b:NoSchedule"}, {"admin", "taint", "node", "m0", "a-"},
		{"admin", "label", "deploy", "cart", "x=y"}, {"admin", "annotate", "deploy", "cart", "x=y"},
		{"admin", "patch", "deploy", "cart", "-p", `{"spec":{"replicas":2}}`},
		{"admin", "patch", "deploy", "cart", "--type", "merge", "-p", `{"spec":{"replicas":3}}`},
		{"admin", "patch", "deploy", "cart", "--type", "json", "-p", `[{"op":"replace","path":"/spec/replicas","value":4}]`},
		{"admin", "top", "nodes"}, {"admin", "top", "pods", "--containers"},
		{"admin", "auth", "can-i", "--list"}, {"reader", "auth", "can-i", "get", "pods"}, {"developer", "auth", "whoami"},
		{"admin", "explain", "deploy.spec.strategy"}, {"admin", "explain", "pod", "--recursive"}, {"admin", "api-resources"}, {"admin", "api-versions"}, {"admin", "version"}, {"admin", "cluster-info"},
		{"admin", "events", "--for", "deploy/cart"}, {"admin", "events"},
		{"admin", "wait", "--for", "condition=Available", "deploy/cart"},
		{"admin", "drain", "m0", "--ignore-daemonsets", "--force"},
		{"admin", "delete", "pod", "one", "--force", "--grace-period", "0"},
		{"admin", "delete", "job", "once", "--cascade", "foreground"},
		{"admin", "delete", "deploy", "cart", "--cascade", "orphan"}, {"admin", "get", "rs,pods"},
		{"reader", "delete", "rs", "--all"}, {"reader", "get", "secrets"}, {"reader", "exec", pod, "--", "ls"},
		{"admin", "create", "cronjob", "c", "--schedule", "* * * * *", "--image", "x"}, {"admin", "get", "cj"},
		{"admin", "create", "ns", "x"}, {"admin", "delete", "ns", "x"}, {"admin", "get", "--raw", "/healthz"}, {"admin", "get", "--raw", "/readyz?verbose"}, {"admin", "get", "cs"},
	} {
		out, code := s.kubectl(c[0], c[1:]...)
		t.Logf("%v: %d\n%s", c, code, out)
	}
}
