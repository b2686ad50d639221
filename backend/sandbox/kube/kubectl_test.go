package kube

import "testing"

func TestKubectlGet(t *testing.T) {
	s := newSite(t)
	out, code := s.kubectl("admin", "get", "pods", "-o", "wide")
	t.Log(code, out)
	out, code = s.kubectl("admin", "exec", s.pod("cart").Name, "--", "ps", "aux")
	t.Log(code, out)
	out, code = s.kubectl("admin", "exec", s.pod("cart").Name, "--", "sh", "-c", "df -h; free -m; curl -sS localhost:8080/x; curl cart/y; cat /etc/hostname | wc -l; foo; exit 3")
	t.Log(code, out)
}
