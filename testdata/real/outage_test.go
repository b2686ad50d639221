//go:build real

package real_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// TestRealOutage: an API server that is away for half a minute is told, hides
// and delays nothing of the other, and comes back by itself with what happened
// meanwhile.
func TestRealOutage(t *testing.T) {
	a, b := server(t, "a"), server(t, "b")
	t.Cleanup(func() { setReplicas(t, a, "checkout", 5); setReplicas(t, b, "checkout", 5) })
	c := open(t, "--context", "a", "--context", "b", "--namespace", shop, "--view", "pods")
	c.showsAll("a", a)
	c.showsAll("b", b)

	if c.away("a") {
		t.Fatal("a is said to be away while it serves")
	}
	gone := time.Now()
	stack(t, "stop", "a", "apiserver")
	defer stack(t, "start", "a", "apiserver") // also when the test fails meanwhile
	c.until("that a is away", func() bool { return c.away("a") })
	t.Logf("told %s after the API server was asked to end", time.Since(gone).Round(100*time.Millisecond))
	if names := c.names("a"); len(names) == 0 {
		t.Error("the table was emptied")
	}
	setReplicas(t, b, "checkout", 6)
	c.showsAll("b", b)
	c.keys("j", "k", "G", "g", "?", "esc")
	time.Sleep(time.Until(gone.Add(30 * time.Second))) // an outage, not a blip

	stack(t, "start", "a", "apiserver")
	setReplicas(t, a, "checkout", 7)
	c.settles(a, "checkout", 7)
	c.showsAll("a", a)
	c.until("that a is back", func() bool { return !c.away("a") })
	c.alive()
}

// TestRealRestarts: twenty restarts of the API server, each with a change that
// is made while the console has no watch.
func TestRealRestarts(t *testing.T) {
	a := server(t, "a")
	t.Cleanup(func() { setReplicas(t, a, "checkout", 5) })
	c := open(t, "--context", "a", "--namespace", shop, "--view", "pods")
	c.showsAll("a", a)
	for i := range 20 {
		stack(t, "restart", "a", "apiserver")
		setReplicas(t, a, "checkout", int32(4+i%3))
		c.alive()
	}
	c.settles(a, "checkout", 4+19%3)
	c.showsAll("a", a)
}

// TestRealHistoryGone: when the server no longer knows what the console has
// seen last (410), it reads everything anew, and what went meanwhile is gone.
func TestRealHistoryGone(t *testing.T) {
	a := server(t, "a")
	t.Cleanup(func() { setReplicas(t, a, "checkout", 5) })
	c := open(t, "--context", "a", "--namespace", shop, "--view", "pods")
	c.showsAll("a", a)
	for _, replicas := range []int32{2, 5} {
		stack(t, "compact", "a")
		setReplicas(t, a, "checkout", replicas)
		c.settles(a, "checkout", replicas)
		c.showsAll("a", a)
		c.alive()
	}
}

// away says whether the header has the link as no longer live.
func (c *console) away(link string) bool {
	head, _, _ := strings.Cut(c.text(), "\n")
	return strings.Contains(head, link+" ▲") || strings.Contains(head, link+" ✖")
}

// settles waits until the server itself has that many pods of a deployment,
// all ready and none on its way out.
func (c *console) settles(client kubernetes.Interface, name string, replicas int32) {
	c.t.Helper()
	eventually(c.t, fmt.Sprintf("%s has %d pods", name, replicas), func(ctx context.Context) error {
		list, err := client.CoreV1().Pods(shop).List(ctx, metav1.ListOptions{LabelSelector: "app=" + name})
		if err != nil {
			return err
		}
		if len(list.Items) != int(replicas) {
			return fmt.Errorf("%d pods", len(list.Items))
		}
		return nil
	})
}

// showsAll waits until the screen's rows of a link are exactly the server's
// pods: none missing, none that is no longer there.
func (c *console) showsAll(link string, client kubernetes.Interface) {
	c.t.Helper()
	var missing, stale []string
	defer func() {
		if c.t.Failed() {
			c.t.Logf("rows of %s: missing %v, stale %v", link, missing, stale)
		}
	}()
	c.until("exactly the pods of "+link, func() bool {
		ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
		defer cancel()
		list, err := client.CoreV1().Pods(shop).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false
		}
		shown := c.names(link)
		missing = nil
		for _, p := range list.Items {
			if !shown[p.Name] {
				missing = append(missing, p.Name)
			}
			delete(shown, p.Name)
		}
		stale = slices.Sorted(maps.Keys(shown))
		return len(missing) == 0 && len(stale) == 0
	})
}

// podName is how the pods of manifests/apps.yaml in the shop are called.
var podName = regexp.MustCompile(`\b(agent-[a-z0-9]{5}|db-\d+|(cart|checkout|flaky)-[a-z0-9]+-[a-z0-9]{5})\b`)

// names are the pods on the screen in the rows of one link. A row names its link
// only where several are shown.
func (c *console) names(link string) map[string]bool {
	names := map[string]bool{}
	column := regexp.MustCompile(`(^|\s)` + link + `(\s|$)`)
	text := c.text()
	several := strings.Contains(text, "CLUSTER")
	for line := range strings.Lines(text) {
		if name := podName.FindString(line); name != "" && (!several || column.MatchString(line)) {
			names[name] = true
		}
	}
	return names
}
