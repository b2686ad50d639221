package backend

import "testing"

func TestNear(t *testing.T) {
	names := []string{"pods", "workloads", "pod.delete", "readOnly", "namespaces", "ns"}
	for _, c := range []struct{ word, want string }{
		{"pds", "pods"},
		{"opds", "pods"},
		{"podz", "pods"},
		{"readonly", "readOnly"},
		{"pod.delte", "pod.delete"},
		{"work", "workloads"},
		{"NAMESPACE", "namespaces"},
		{"", ""},
		{"x", ""},
		{"breakers", ""},
		{"pöds", "pods"},
		{"namespaces-of-everything-that-there-is-and-more", ""},
	} {
		want := c.want
		if want != "" {
			want = "; did you mean " + want + "?"
		}
		if got := Near(c.word, names); got != want {
			t.Errorf("Near(%q) is %q, not %q", c.word, got, want)
		}
	}
}
