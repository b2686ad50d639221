//go:build real

package real_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// rounds is how often each of two consoles scales the same deployment.
const rounds = 100

// TestRealClashes: two consoles scale one deployment at random, sometimes with
// both plans made before either is confirmed. Each try ends with words on the
// screen, done or clashed; and every one that says done is one change that the
// server made, from what it said to what it said.
func TestRealClashes(t *testing.T) {
	admin := server(t, "b")
	before := *deployment(t, admin, "checkout").Spec.Replicas
	t.Cleanup(func() { setReplicas(t, admin, "checkout", before) })
	history := follow(t, "b", "checkout")
	consoles := [2]*console{}
	for i := range consoles {
		consoles[i] = open(t, "--context", "b", "--namespace", shop, "--view", "deployments")
		consoles[i].enter("/", "checkout")
		consoles[i].see("checkout", "Available")
	}

	var mu sync.Mutex
	var done []string
	clashes := 0
	for round := range rounds {
		order := rand.Perm(2)
		together := rand.IntN(2) == 0 // both look before either acts
		var plans [2]string
		end := func(i int) {
			ok := consoles[i].scaled(round)
			mu.Lock()
			defer mu.Unlock()
			if ok {
				done = append(done, plans[i])
			} else {
				clashes++
			}
		}
		for _, i := range order {
			plans[i] = consoles[i].planScale(1 + rand.IntN(9))
			if !together {
				consoles[i].keys("right", "enter")
				end(i)
			}
		}
		if !together {
			continue
		}
		var both sync.WaitGroup
		for _, i := range order {
			both.Go(func() { consoles[i].keys("right", "enter"); end(i) })
		}
		both.Wait()
	}
	t.Logf("%d tries: %d done, %d clashes told", 2*rounds, len(done), clashes)
	if clashes == 0 {
		t.Error("no clash in all that: this test does not test")
	}
	history.matches(t, done)
}

// planScale opens the plan of a scaling, leaves it unconfirmed and gives what it
// says, "from-to".
func (c *console) planScale(replicas int) string {
	c.t.Helper()
	c.keys("s")
	c.see("Replicas")
	c.keys("ctrl+u")
	c.send(strconv.Itoa(replicas))
	c.keys("enter")
	c.see("[ Cancel ]")
	plan := fromTo.FindStringSubmatch(flat(c.text()))
	if plan == nil {
		c.t.Fatalf("the plan does not say from where to where:\n%s", c.text())
	}
	return plan[1] + "-" + plan[2]
}

var (
	fromTo   = regexp.MustCompile(`from (\d+) to (\d+)`)
	conflict = regexp.MustCompile(`was \d+, is \d+`)
)

// scaled waits for a try's end: done, or a clash that says what changed.
func (c *console) scaled(round int) (done bool) {
	c.t.Helper()
	c.until(fmt.Sprintf("the outcome of round %d", round), func() bool {
		text := flat(c.text())
		done = strings.Contains(text, "was done")
		return done || conflict.MatchString(text)
	})
	c.keys("esc")
	return done
}

// changes is every change of a deployment's replicas, as the server tells it.
type changes struct {
	mu  sync.Mutex
	all []string // "from-to"
}

// follow watches a deployment until the test ends.
func follow(t *testing.T, kubeContext, name string) *changes {
	t.Helper()
	deployments := server(t, kubeContext).AppsV1().Deployments(shop)
	d, err := deployments.Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w, err := deployments.Watch(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name, ResourceVersion: d.ResourceVersion})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	ch, last := &changes{}, *d.Spec.Replicas
	go func() {
		for event := range w.ResultChan() {
			d, ok := event.Object.(*appsv1.Deployment)
			if !ok || *d.Spec.Replicas == last {
				continue
			}
			ch.mu.Lock()
			ch.all = append(ch.all, fmt.Sprintf("%d-%d", last, *d.Spec.Replicas))
			ch.mu.Unlock()
			last = *d.Spec.Replicas
		}
	}()
	return ch
}

// matches waits until the server's changes are those that were told, each as
// often; tries that ask for what already is change nothing and are left out.
func (ch *changes) matches(t *testing.T, told []string) {
	t.Helper()
	want := map[string]int{}
	for _, change := range told {
		if from, to, _ := strings.Cut(change, "-"); from != to {
			want[change]++
		}
	}
	eventually(t, "what was told is what was done", func(context.Context) error {
		ch.mu.Lock()
		defer ch.mu.Unlock()
		left := map[string]int{}
		for change, n := range want {
			left[change] = n
		}
		for _, change := range ch.all {
			left[change]--
		}
		for change, n := range left {
			if n != 0 {
				return fmt.Errorf("%s: told %d times, done %d times", change, want[change], want[change]-n)
			}
		}
		return nil
	})
}
