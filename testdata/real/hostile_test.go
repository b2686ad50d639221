//go:build real

package real_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// hostile is what a server may say where it says anything: sequences that set a
// title, write the clipboard, clear and move, and characters that reorder or
// hide what stands beside them.
const hostile = "\x1b]0;title\x07\x1b]52;c;AAAA\x1b\\\x1b[2J\x1b[1;1HHERE\u009b31m\r\u202eREV\u2066\u200b\U000e0041o\u0301\u0301\u0301\u0301\u0301\u0301"

// TestRealHostileText: none of it reaches the terminal as anything but text.
func TestRealHostileText(t *testing.T) {
	admin := server(t, "a")
	pods := admin.CoreV1().Pods("search")
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "hostile", Annotations: map[string]string{"note": hostile}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "demo/hostile:1"}}, NodeName: "a-node-0"},
	}
	_ = pods.Delete(t.Context(), pod.Name, *metav1.NewDeleteOptions(0))
	if _, err := pods.Create(t.Context(), pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kubectl(t, "delete", "pod", "-n", "search", "hostile", "--now") })
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"reason": hostile, "message": hostile}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pods.Patch(t.Context(), pod.Name, types.MergePatchType, patch, metav1.PatchOptions{}, "status"); err != nil {
		t.Fatal(err)
	}

	c := open(t, "--context", "a", "--namespace", "search", "--view", "pods")
	c.see("hostile", "HERE")
	c.see("toolbox")
	c.enter("/", "hostile")
	c.keys("d")
	c.see("hostile")
	c.keys("esc", "y")
	c.see("apiVersion")
	c.keys("G", "esc", "ctrl+d")
	c.see("[ Cancel ]")
	c.keys("esc")
	for _, bad := range []string{"\x1b]0;title", "\x1b]52;c;AAAA", "\u009b31m", "\u202e", "\u2066", "\u200b", "\U000e0041", strings.Repeat("\u0301", 5)} {
		if strings.Contains(c.raw(), bad) {
			t.Errorf("the terminal was sent %q", bad)
		}
	}
	for line := range strings.Lines(c.text()) {
		if i := strings.IndexFunc(strings.TrimRight(line, "\n"), unicode.IsControl); i >= 0 {
			t.Errorf("a control character on the screen: %q", line)
		}
	}
	c.alive()
}
