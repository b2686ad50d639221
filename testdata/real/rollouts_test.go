//go:build real

package real_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
)

const rollout = "a:rollout/market/search"

// status is what the server has of the rollout.
type status struct {
	Phase                    string
	CurrentStepIndex         int
	StableRS, CurrentPodHash string
	ControllerPause          bool
	PauseConditions          []any
}

// atRest is how long the status must have stood still before it is acted upon.
// The controller puts what it has just written back into its own cache
// (argo-rollouts v1.9, rollout/controller.go, writeBackToInformer): what somebody
// else writes in that moment is overwritten there, and taken up only with the next
// event or resync, a quarter of an hour later.
const atRest = time.Second

// reaches waits until the server's own status is as ok says, and stands still.
func reaches(t *testing.T, client kubernetes.Interface, what string, ok func(status) bool) {
	t.Helper()
	version, since := "", time.Now()
	eventually(t, what, func(ctx context.Context) error {
		raw, err := client.Discovery().RESTClient().Get().AbsPath("/apis/argoproj.io/v1alpha1/namespaces/market/rollouts/search").Do(ctx).Raw()
		if err != nil {
			return err
		}
		var o struct {
			Metadata struct{ ResourceVersion string }
			Status   status
		}
		if err := json.Unmarshal(raw, &o); err != nil {
			return err
		}
		if !ok(o.Status) {
			return fmt.Errorf("it is %+v", o.Status)
		}
		if o.Metadata.ResourceVersion != version {
			version, since = o.Metadata.ResourceVersion, time.Now()
		}
		if time.Since(since) < atRest {
			return errors.New("it is still being written")
		}
		return nil
	})
}

func waitsAt(step int) func(status) bool {
	return func(s status) bool {
		return s.Phase == "Paused" && s.CurrentStepIndex == step && s.ControllerPause && len(s.PauseConditions) == 1
	}
}

func through(s status) bool { return s.Phase == "Healthy" && s.StableRS == s.CurrentPodHash }

// freshRollout ends what tests before have left on its way, or `stack up` has
// begun by putting the manifest back.
func freshRollout(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	kubectl(t, "-n", "market", "patch", "rollout", "search", "--subresource", "status", "--type", "merge", "-p", `{"status":{"abort":false,"promoteFull":true}}`)
	reaches(t, client, "nothing is on its way", through)
}

func rolloutAct(t *testing.T, want int, action string, args ...string) string {
	t.Helper()
	out, code := command(t, append([]string{"act", "rollout." + action, rollout, "--yes"}, args...)...)
	if code != want {
		t.Fatalf("%s ended with %d, not %d: %s", action, code, want, out)
	}
	return out
}

// TestRealRollout: a new version is let in by a person, by keys and by the
// command line, and what the console shows is what the controller says.
func TestRealRollout(t *testing.T) {
	a := server(t, "a")
	freshRollout(t, a)
	c := open(t, "--context", "a", "--namespace", "market", "--view", "rollouts")
	c.see("search", "Healthy")
	rolloutAct(t, 2, "promote") // nothing waits
	rolloutAct(t, 0, "setImage", "--set", "image=demo/search:2")
	reaches(t, a, "it waits at the first pause", waitsAt(1))
	c.see("search", "Paused", "2/4 pause", "20%")
	rolloutAct(t, 2, "resume") // it waits at a step, nobody has paused it
	c.keys("p")
	c.confirm()
	reaches(t, a, "it waits at the second pause", waitsAt(3))
	c.see("search", "Paused", "4/4 pause", "60%")
	rolloutAct(t, 0, "abort")
	reaches(t, a, "it is aborted", func(s status) bool { return s.Phase == "Degraded" })
	c.see("search", "Aborted")
	rolloutAct(t, 0, "retry")
	reaches(t, a, "it waits at the first pause again", waitsAt(1))
	rolloutAct(t, 0, "pause")
	rolloutAct(t, 2, "promote") // a person has paused it
	rolloutAct(t, 0, "resume")
	rolloutAct(t, 0, "skipStep")
	reaches(t, a, "it waits at the second pause again", waitsAt(3))
	rolloutAct(t, 0, "promoteFull")
	reaches(t, a, "the new version is everybody's", through)
	c.see("search", "Healthy")
	c.alive()
}

// TestRealRolloutClashes: two people promote at the same time; one step is done,
// none is skipped, and the one who came second is told.
func TestRealRolloutClashes(t *testing.T) {
	a := server(t, "a")
	freshRollout(t, a)
	done, told := 0, 0
	rounds := 5
	if n, err := strconv.Atoi(os.Getenv("WHEELHOUSE_ROUNDS")); err == nil {
		rounds = n
	}
	for i := range rounds {
		rolloutAct(t, 0, "setImage", "--set", fmt.Sprintf("image=demo/search:%d", 100+i))
		reaches(t, a, "it waits at the first pause", waitsAt(1))
		var mu sync.Mutex
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				time.Sleep(rand.N(300 * time.Millisecond)) // sometimes at once, sometimes one after the other
				out, code := command(t, "act", "rollout.promote", rollout, "--yes")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case code == 0:
					done++
				case code == 4, code == 2 && strings.Contains(out, "does not wait for anybody"):
					told++
				default:
					t.Errorf("%d: %s", code, out)
				}
			})
		}
		both.Wait()
		reaches(t, a, "it waits at the second pause", waitsAt(3))
		rolloutAct(t, 0, "promoteFull")
		reaches(t, a, "the new version is everybody's", through)
	}
	t.Logf("%d promoted, %d told that another came first", done, told)
	if done != rounds || told != rounds {
		t.Errorf("%d promotions went through and %d were told, of %d each", done, told, rounds)
	}
}
