package kubeapi

import (
	"io"
	"net"
	"net/url"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

func TestAge(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0s", 12 * time.Second: "12s", 119 * time.Second: "119s", 4 * time.Minute: "4m",
		119 * time.Minute: "119m", 3 * time.Hour: "3h", 47 * time.Hour: "47h", 49 * time.Hour: "2d",
	} {
		if got := Age(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{
		"checkout": "checkout", "--replicas=3": "--replicas=3", "": "''",
		"admin@prod": "admin@prod", "it's": `'it'\''s'`, "a b": "'a b'", "$(reboot)": "'$(reboot)'", "~": "'~'",
	} {
		if got := shellWord(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}

// TestImageKeepsAnyText: what JSON can hold comes back from the YAML as it was.
func TestImageKeepsAnyText(t *testing.T) {
	for _, text := range []string{
		"\x1b]0;title\x07", "\u009b31m", "a\u0085b", "\x7f", "\ufeffbom", "\uffff", "\tx\ty", "a\r\nb", "\u202e\u2066", "yes", "1", "", " # no comment", "😀",
	} {
		o := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"annotations": map[string]any{"note": text}}}}
		out, err := image(o)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		var back map[string]any
		if err := yaml.Unmarshal(out, &back); err != nil {
			t.Errorf("%q: %v\n%s", text, err, out)
			continue
		}
		if got, _, _ := unstructured.NestedString(back, "metadata", "annotations", "note"); got != text {
			t.Errorf("%q came back as %q", text, got)
		}
	}
}

// TestCauseOfABrokenConnection: that a connection has gone is said in words, not in
// those of its sockets.
func TestCauseOfABrokenConnection(t *testing.T) {
	for _, how := range []error{net.ErrClosed, syscall.ECONNRESET, syscall.EPIPE, io.ErrUnexpectedEOF} {
		err := &url.Error{Op: "Get", URL: "https://eu", Err: &net.OpError{Op: "read", Net: "tcp", Err: how}}
		if got := cause(err); got != "the connection broke off in the middle of an answer" {
			t.Errorf("%v: %s", how, got)
		}
	}
}
