package link

import "testing"

func TestUnsafeWay(t *testing.T) {
	for _, tt := range []struct {
		server     string
		unverified bool
		want       string
	}{
		{"https://a.example.com:6443", false, ""},
		{"https://a.example.com:6443", true, "TLS not verified"},
		{"https://127.0.0.1:6443", true, "TLS not verified"}, // the far end of a tunnel may be anybody
		{"http://a.example.com", true, "plain HTTP"},
		{"http://10.0.0.7:8086", false, "plain HTTP"},
		{"http://127.0.0.1.example.com", true, "plain HTTP"},
		{"http://localhost.example.com", true, "plain HTTP"},
		{"http://localhost:8001", true, ""},
		{"http://127.0.0.53", true, ""},
		{"http://[::1]:9200", true, ""},
		{"http://[::ffff:127.0.0.1]", true, ""},
		{"", true, "TLS not verified"},
	} {
		if got := unsafeWay(tt.server, tt.unverified); got != tt.want {
			t.Errorf("unsafeWay(%q, %v) = %q, want %q", tt.server, tt.unverified, got, tt.want)
		}
	}
}
