//go:build real

package real_test

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestRealNarrow: a user who may read pods and deployments of one namespace and
// list nothing across the cluster gets those, is told what is missing, and is
// refused the rest by name before anything is sent.
func TestRealNarrow(t *testing.T) {
	admin := server(t, "a")
	pod := somePod(t, admin, "app=checkout")
	c := open(t, "--context", "a-narrow", "--view", "pods")
	c.see(pod.Name, "Running")
	c.enter("/", pod.Name)
	c.keys("ctrl+d")
	c.until("the refusal by name", func() bool { return strings.Contains(flat(c.text()), "delete pods") })
	c.keys("esc", "esc")
	c.enter(":", "deployments")
	c.see("checkout")
	c.alive()
	if now, err := admin.CoreV1().Pods(shop).Get(t.Context(), pod.Name, metav1.GetOptions{}); err != nil || now.UID != pod.UID {
		t.Errorf("the pod was deleted all the same: %v", err)
	}
	for _, args := range [][]string{
		{"act", "pod.delete", "a-narrow:pod/shop/" + pod.Name, "--yes"},
		{"act", "workload.scale", "a-narrow:deployment.apps/shop/checkout", "--set", "replicas=1", "--yes"},
		{"act", "workload.restart", "a-narrow:deployment.apps/shop/checkout", "--yes"},
	} {
		if out, code := command(t, append([]string{"--context", "a-narrow"}, args...)...); code != 3 {
			t.Errorf("%s: exit %d, want 3\n%s", strings.Join(args, " "), code, out)
		}
	}
}

// TestRealScaler: who may scale and nothing else does just that.
func TestRealScaler(t *testing.T) {
	admin := server(t, "b")
	before := deployment(t, admin, "checkout")
	t.Cleanup(func() { setReplicas(t, admin, "checkout", *before.Spec.Replicas) })
	if out, code := command(t, "--context", "b-scaler", "act", "workload.scale", "b-scaler:deployment.apps/shop/checkout", "--set", "replicas=4", "--yes"); code != 0 {
		t.Errorf("scale: exit %d\n%s", code, out)
	}
	if got := *deployment(t, admin, "checkout").Spec.Replicas; got != 4 {
		t.Errorf("scaled to %d, want 4", got)
	}
	out, code := command(t, "--context", "b-scaler", "act", "workload.restart", "b-scaler:deployment.apps/shop/checkout", "--yes")
	if code != 3 || !strings.Contains(flat(out), "patch deployments.apps") {
		t.Errorf("restart: exit %d, want 3 and the right that is missing\n%s", code, out)
	}
	if d := deployment(t, admin, "checkout"); d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] != before.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] {
		t.Error("it was restarted all the same")
	}
}

// TestRealNoRights: logged in, but allowed nothing: the screen says so and stays.
func TestRealNoRights(t *testing.T) {
	c := open(t, "--context", "a-nobody", "--view", "pods")
	c.see("denied")
	c.keys("?", "esc")
	c.alive()
}

// TestRealExpired: a login that the server does not know is told, beside another
// cluster that goes on.
func TestRealExpired(t *testing.T) {
	pod := somePod(t, server(t, "b"), "app=checkout")
	c := open(t, "--context", "a-expired", "--context", "b", "--view", "pods")
	c.enter("/", pod.Name)
	c.see(pod.Name, "Running")
	c.enter(":", "ctx")
	c.until("the login's end", func() bool {
		text := strings.ToLower(flat(c.text()))
		return strings.Contains(text, "login") || strings.Contains(text, "logged in")
	})
	c.alive()
}

// flat is text with its line ends and runs of blanks as one blank: what a dialog
// has wrapped reads as one sentence.
func flat(text string) string {
	return strings.Join(strings.Fields(strings.NewReplacer("│", " ", "╭", " ", "╰", " ").Replace(text)), " ")
}
