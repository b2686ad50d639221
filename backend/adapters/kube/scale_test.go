package kube

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
)

// Two consoles ask for different numbers at the same moment, 200 times, over a
// network that loses requests and answers: each time one is told that it is done
// and the other that it came second, and the server has what it acknowledged.
func TestTwoScaleAtOnce(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	a.furnish()
	var mu sync.Mutex
	fate := rand.New(rand.NewPCG(1, 2))
	a.meddle = func(w http.ResponseWriter, r *http.Request, serve func(http.ResponseWriter)) bool {
		if !writing(r) {
			return false
		}
		mu.Lock()
		dice := fate.IntN(24)
		mu.Unlock()
		switch dice {
		case 0: // done, and the answer lost
			serve(httptest.NewRecorder())
			cut(w)
			return true
		case 1: // lost on the way
			cut(w)
			return true
		case 2:
			a.edit(deploymentPath, false, heartbeat)
		}
		return false
	}
	var consoles [2]*Cluster
	for i := range consoles {
		consoles[i], _ = a.connect(t)
	}
	for round := range 200 {
		var steps [2]backend.Step
		var ends [2]error
		wants := [2]string{fmt.Sprint(10 + round*2), fmt.Sprint(11 + round*2)}
		for i, c := range consoles {
			steps[i] = step(t, c, cluster.WorkloadScale, deploymentRef, backend.Args{"replicas": wants[i]})
		}
		var wg sync.WaitGroup
		for i := range steps {
			wg.Go(func() { ends[i] = steps[i].Do(t.Context(), quiet) })
		}
		wg.Wait()
		won := slices.Index(ends[:], nil)
		if won < 0 || backend.CodeOf(ends[1-won]) != backend.Conflict || ends[1-won] == nil {
			t.Fatalf("round %d: %v, %v", round, ends[0], ends[1])
		}
		if is := fmt.Sprint(replicasAt(a)); is != wants[won] {
			t.Fatalf("round %d: %s was acknowledged, the server has %s", round, wants[won], is)
		}
	}
}

// Two consoles scale one deployment 200 times each, each in its own time. What
// is acknowledged is what happened: the acknowledged changes form one chain
// from the first number to the last.
func TestTwoScaleAtRandom(t *testing.T) {
	t.Parallel()
	const times = 200
	a := newAPI(t)
	a.furnish()
	a.meddle = func(_ http.ResponseWriter, r *http.Request, _ func(http.ResponseWriter)) bool {
		if writing(r) && rand.IntN(4) == 0 {
			a.edit(deploymentPath, false, heartbeat)
		}
		return false
	}
	var mu sync.Mutex
	next := map[string]string{} // acknowledged changes: from which number to which
	clashes := 0
	var wg sync.WaitGroup
	for actor := range 2 {
		c, _ := a.connect(t)
		wg.Go(func() {
			for i := range times {
				to := fmt.Sprint(100 + 2*i + actor) // each number is asked for once
				p, err := c.Plan(t.Context(), cluster.WorkloadScale, []backend.Ref{deploymentRef}, backend.Args{"replicas": to})
				if err != nil {
					t.Error(err)
					return
				}
				for range rand.IntN(4) { // the person looks on
					_, _ = c.Read(t.Context(), kinds()[cluster.KindDeployment], deploymentRef)
				}
				err = p.Steps[0].Do(t.Context(), quiet)
				mu.Lock()
				switch from := p.Steps[0].Guard[2].Value; {
				case err == nil && next[from] == "":
					next[from] = to
				case err == nil:
					t.Errorf("two changes from %s are acknowledged: to %s and to %s", from, next[from], to)
				case backend.CodeOf(err) == backend.Conflict && strings.Contains(err.Error(), "another change came first"):
					clashes++
				default:
					t.Error(err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	at := "3"
	for range next {
		at = next[at]
	}
	if is := fmt.Sprint(replicasAt(a)); is != at || len(next)+clashes != 2*times || clashes == 0 {
		t.Errorf("%d acknowledged, the last to %q; %d clashes; the server has %s", len(next), at, clashes, is)
	}
}

func replicasAt(a *api) int {
	return toInt(a.get(deploymentPath)["spec"].(map[string]any)["replicas"])
}
