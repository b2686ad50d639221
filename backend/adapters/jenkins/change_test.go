package jenkins

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/sandbox"
	served "wheelhouse/backend/sandbox/jenkins"
)

func TestTriggerAsks(t *testing.T) {
	c := found(t, 0, served.Options{})
	p := cart()
	p.Params = append(p.Params, sandbox.Param{Name: mark, Kind: "string"})
	c.world.Add(p)
	c.world.Add(sandbox.Pipeline{Name: "upload", Params: []sandbox.Param{{Name: "WHAT", Kind: "file"}}})
	j := c.as(t, "ana", "token")
	got, err := j.Params(t.Context(), delivery.BuildTrigger, jobRef("shop/cart"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]backend.Param{
		{Name: "VERSION", Title: "VERSION", Help: "which", Default: "1"},
		{Name: "ENV", Title: "ENV", Type: backend.Choice, Default: "test", Choices: []string{"test", "prod"}},
		{Name: "FAST", Title: "FAST", Type: backend.Bool, Default: "true"},
		{Name: "NOTES", Title: "NOTES"},
		{Name: "TOKEN", Title: "TOKEN", Secret: true},
	}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := j.Params(t.Context(), delivery.BuildTrigger, jobRef("upload")); backend.CodeOf(err) != backend.Invalid || !strings.Contains(err.Error(), "WHAT, a FileParameter, which can't be given from here. Start it in a browser.") {
		t.Errorf("of a file: %v", err)
	}
}

func TestTrigger(t *testing.T) {
	for secret, crumbs := range map[string]bool{"token": false, "sesame": true} {
		c := found(t, 0, served.Options{})
		c.world.Add(cart())
		j := c.as(t, "ana", secret)
		p, n, err := do(t, j, delivery.BuildTrigger, jobRef("shop/cart"), backend.Args{"VERSION": "it's 7", "TOKEN": "hidden"})
		if err != nil {
			t.Fatal(err)
		}
		s := p.Steps[0]
		if s.Request != "POST /job/shop/job/cart/buildWithParameters  TOKEN=…  VERSION=it's 7" {
			t.Error(s.Request)
		}
		if !strings.HasSuffix(s.CLI, `/job/shop/job/cart/buildWithParameters' --data-urlencode 'TOKEN=…' --data-urlencode 'VERSION=it'\''s 7'`) || !strings.HasPrefix(s.CLI, `curl -X POST --user "$JENKINS_USER:$JENKINS_TOKEN" 'http://`) {
			t.Error(s.CLI)
		}
		if p.Sentence != "Begins a new build of shop/cart on jenkins." || n.last() != "build #1 began" {
			t.Errorf("%s %q", p.Sentence, n.all)
		}
		b, err := c.world.Build("shop/cart", 1)
		if err != nil || b.By != "ana" || b.Params["VERSION"] != "it's 7" || b.Params["TOKEN"] != "hidden" || b.Params["ENV"] != "test" {
			t.Errorf("it is %+v, %v", b.Order, err)
		}
		if (j.crumb.field != "") != crumbs {
			t.Errorf("with %s it has the crumb %q", secret, j.crumb.field)
		}
		p, err = j.Plan(t.Context(), delivery.BuildTrigger, []backend.Ref{ref("shop/cart", 1)}, nil)
		if err != nil || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "runs already") || p.Sentence != "Begins a new build of shop/cart on jenkins." {
			t.Errorf("%+v, %v", p, err)
		}
	}
}

// TestCrumbRunsOut: the session is gone, and another crumb is asked for once.
func TestCrumbRunsOut(t *testing.T) {
	c := found(t, 0, served.Options{})
	c.world.Add(sandbox.Pipeline{Name: "a"})
	j := c.as(t, "ana", "sesame")
	for range 2 {
		if _, _, err := do(t, j, delivery.BuildTrigger, jobRef("a"), nil); err != nil {
			t.Fatal(err)
		}
		j.crumb.value, j.crumb.cookies = "stale", "JSESSIONID=gone"
	}
	if n := len(c.world.Builds("a")); n != 2 {
		t.Errorf("there are %d", n)
	}
}

func TestTriggerRefused(t *testing.T) {
	c := found(t, 0, served.Options{})
	c.world.Add(cart())
	c.world.Add(sandbox.Pipeline{Name: "old", Off: true})
	ana, eve := c.as(t, "ana", "token"), c.as(t, "eve", "token")
	for says, k := range map[string]struct {
		j    *Jenkins
		job  string
		args backend.Args
		code backend.Code
	}{
		"old is switched off.":                       {ana, "old", nil, backend.Conflict},
		"None on jenkins is not there":               {ana, "none", nil, backend.NotFound},
		"You may not do this to shop/cart":           {eve, "shop/cart", nil, backend.Denied},
		"does not take it":                           {ana, "shop/cart", backend.Args{"ENV": "moon"}, backend.Invalid},
		`shop/cart takes no "VERSON". Look at its p`: {ana, "shop/cart", backend.Args{"VERSON": "1"}, backend.Invalid},
	} {
		_, _, err := do(t, k.j, delivery.BuildTrigger, jobRef(k.job), k.args)
		if backend.CodeOf(err) != k.code || !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("%v: %v, want %s", backend.CodeOf(err), err, says)
		}
	}
	p, err := ana.Plan(t.Context(), delivery.BuildTrigger, []backend.Ref{jobRef("shop/cart")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	changed := cart()
	changed.Params = changed.Params[:2]
	c.world.Add(changed)
	if err := p.Steps[0].Do(t.Context(), new(notes).progress); backend.CodeOf(err) != backend.Conflict || !strings.Contains(err.Error(), "parameters was VERSION ENV FAST NOTES TOKEN, is VERSION ENV") {
		t.Errorf("of a job that was changed: %v", err)
	}
	if n := len(c.world.Builds("shop/cart")); n != 0 {
		t.Errorf("%d were triggered", n)
	}
}

func TestQueuedStaysQueued(t *testing.T) {
	c := found(t, time.Hour, served.Options{})
	c.world.Add(sandbox.Pipeline{Name: "a"})
	j := c.as(t, "ana", "token")
	for range 2 {
		if _, n, err := do(t, j, delivery.BuildTrigger, jobRef("a"), nil); err != nil || n.last() != "queued: In the quiet period. Expires in 1h0m0s" {
			t.Errorf("%q, %v", n.all, err)
		}
	}
	if n := len(c.world.Builds("a")); n != 1 {
		t.Errorf("there are %d", n)
	}
	if _, n, err := do(t, j, delivery.BuildStop, ref("a", "q1"), nil); err != nil || n.last() != "it is taken out of the queue" {
		t.Errorf("%q, %v", n.all, err)
	}
	if _, _, err := do(t, j, delivery.BuildStop, ref("a", "q1"), nil); backend.CodeOf(err) != backend.Conflict {
		t.Errorf("taken out twice: %v", err)
	}
}

// TestTriggeredExactlyOnce: 120 builds are asked for by several at once while every
// third answer is lost, so that of both kinds of a loss each has some twenty. Each comes about once, and is told to be done; where they have
// no mark, or that it is not known, with the build that it may be.
func TestTriggeredExactlyOnce(t *testing.T) {
	const all, hands = 120, 8
	for name, params := range map[string][]sandbox.Param{
		"with a mark":    {{Name: "N", Kind: "string"}, {Name: mark, Kind: "string"}},
		"without a mark": {{Name: "N", Kind: "string"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := found(t, 0, served.Options{})
			c.world.Add(sandbox.Pipeline{Name: "a", Params: params})
			j := c.as(t, "ana", "token")
			j.limits.look = 30 * time.Second // nothing is ever waited for that long
			var mu sync.Mutex
			dice, lost, unknown := rand.New(rand.NewPCG(1, 2)), 0, 0
			c.faults.Spoil(func(r *http.Request) backendtest.Fault {
				mu.Lock()
				defer mu.Unlock()
				if r.Method == http.MethodPost && dice.IntN(3) == 0 {
					lost++
					return []backendtest.Fault{backendtest.Lost, backendtest.Half}[dice.IntN(2)]
				}
				return 0
			})
			var hand sync.WaitGroup
			for h := range hands {
				hand.Go(func() {
					for i := h; i < all; i += hands {
						p, err := j.Plan(t.Context(), delivery.BuildTrigger, []backend.Ref{jobRef("a")}, backend.Args{"N": fmt.Sprint(i)})
						if err == nil {
							err = p.Steps[0].Do(t.Context(), func(int, int, string) {})
						}
						if err == nil {
							continue
						}
						mu.Lock()
						unknown++
						mu.Unlock()
						n, named := namedBuild(err)
						b, _ := c.world.Build("a", n)
						if len(params) > 1 || backend.CodeOf(err) != backend.Unknown || !named || b.Params["N"] != fmt.Sprint(i) {
							t.Errorf("%d: %v: %v", i, backend.CodeOf(err), err)
						}
					}
				})
			}
			hand.Wait()
			times := map[string]int{}
			for _, b := range c.world.Builds("a") {
				times[b.Params["N"]]++
			}
			for i := range all {
				if n := times[fmt.Sprint(i)]; n != 1 {
					t.Errorf("build %d came about %d times", i, n)
				}
			}
			if lost < all/5 || len(params) == 1 && unknown != lost {
				t.Errorf("%d answers were lost, and %d told not to be known", lost, unknown)
			}
		})
	}
}

// namedBuild is the build that a sentence names, as the only one.
func namedBuild(says any) (n int, ok bool) {
	_, tail, ok := strings.Cut(fmt.Sprint(says), "build #")
	if _, err := fmt.Sscan(tail, &n); err != nil || strings.Contains(tail, "build #") {
		return 0, false
	}
	return n, ok
}

// TestSameOrdersAreToldApart: orders that look the same are each done once, though
// answers are lost, and each is told of a build of its own.
func TestSameOrdersAreToldApart(t *testing.T) {
	c := found(t, 0, served.Options{})
	c.world.Add(sandbox.Pipeline{Name: "a"})
	j := c.as(t, "ana", "token")
	var mu sync.Mutex
	posts := 0
	c.faults.Spoil(func(r *http.Request) backendtest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodPost {
			if posts++; posts%2 == 0 {
				return backendtest.Lost
			}
		}
		return 0
	})
	var hand sync.WaitGroup
	var told [20]int
	for i := range told {
		hand.Go(func() {
			_, n, err := do(t, j, delivery.BuildTrigger, jobRef("a"), nil)
			says := n.last()
			if err != nil {
				says = err.Error()
			}
			var named bool
			if told[i], named = namedBuild(says); !named || err != nil && backend.CodeOf(err) != backend.Unknown {
				t.Errorf("%q, %v", n.all, err)
			}
		})
	}
	hand.Wait()
	slices.Sort(told[:])
	if n, m := len(c.world.Builds("a")), len(slices.Compact(told[:])); n != 20 || m != 20 {
		t.Errorf("there are %d, of which %d are told", n, m)
	}
}

// TestNotTriggered: what did not come to Jenkins is said not to have, or that it is
// not known, and is never sent twice.
func TestNotTriggered(t *testing.T) {
	for name, k := range map[string]struct {
		fault, then backendtest.Fault
		code        backend.Code
		builds      int
		says        string
	}{
		"by a portal":       {backendtest.Page, 0, backend.Failed, 0, "was not triggered: a portal or proxy before Jenkins answered"},
		"by a proxy":        {backendtest.Refused, 0, backend.Failed, 0, "was not triggered: the answer was 503"},
		"and can't be seen": {backendtest.Lost, backendtest.Lost, backend.Unknown, 1, "may have been triggered"},
	} {
		t.Run(name, func(t *testing.T) {
			c := found(t, 0, served.Options{})
			c.world.Add(sandbox.Pipeline{Name: "a"})
			j := c.as(t, "ana", "token")
			p, err := j.Plan(t.Context(), delivery.BuildTrigger, []backend.Ref{jobRef("a")}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			posts := 0
			c.faults.Spoil(func(r *http.Request) backendtest.Fault {
				mu.Lock()
				defer mu.Unlock()
				switch {
				case r.Method == http.MethodPost:
					posts++
					return k.fault
				case posts > 0:
					return k.then
				}
				return 0
			})
			err = p.Steps[0].Do(t.Context(), new(notes).progress)
			if backend.CodeOf(err) != k.code || !strings.Contains(fmt.Sprint(err), k.says) {
				t.Errorf("%v: %v", backend.CodeOf(err), err)
			}
			if n := len(c.world.Builds("a")); n != k.builds || posts != 1 {
				t.Errorf("there are %d builds after %d requests", n, posts)
			}
		})
	}
}

// TestStoppedWhileItLooks: somebody gives up waiting, and is told that it is not known.
func TestStoppedWhileItLooks(t *testing.T) {
	c := found(t, 0, served.Options{})
	c.world.Add(sandbox.Pipeline{Name: "a"})
	j := c.as(t, "ana", "token")
	p, err := j.Plan(t.Context(), delivery.BuildTrigger, []backend.Ref{jobRef("a")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c.faults.Spoil(func(r *http.Request) backendtest.Fault {
		if r.Method == http.MethodPost {
			return backendtest.Refused
		}
		return 0
	})
	err = p.Steps[0].Do(ctx, func(_, _ int, note string) {
		if strings.Contains(note, "looking") {
			cancel()
		}
	})
	if backend.CodeOf(err) != backend.Unknown || !strings.Contains(err.Error(), "stopped while it looked") {
		t.Errorf("%v: %v", backend.CodeOf(err), err)
	}
}

// TestStop: a build is asked once, whatever becomes of the answer.
func TestStop(t *testing.T) {
	for name, k := range map[string]struct {
		fault backendtest.Fault
		code  backend.Code
		then  backend.Code // of stopping it again
	}{
		"at once":     {then: backend.Conflict},
		"answer lost": {fault: backendtest.Lost, then: backend.Conflict},
		"not heard":   {fault: backendtest.Refused, code: backend.Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			c := found(t, 0, served.Options{})
			c.world.Add(cart())
			c.triggered(t, "shop/cart", sandbox.Order{})
			j := c.as(t, "ana", "token")
			posts := 0
			c.faults.Spoil(func(r *http.Request) backendtest.Fault {
				if r.Method != http.MethodPost {
					return 0
				}
				if posts++; posts > 1 {
					return 0
				}
				return k.fault
			})
			if _, n, err := do(t, j, delivery.BuildStop, ref("shop/cart", 1), nil); posts != 1 || backend.CodeOf(err) != k.code || err == nil && n.last() != "it is stopped" {
				t.Errorf("%q, %v, after %d requests", n.all, err, posts)
			}
			if _, _, err := do(t, j, delivery.BuildStop, ref("shop/cart", 1), nil); backend.CodeOf(err) != k.then {
				t.Errorf("stopped again: %v", err)
			}
		})
	}
}

// TestStopOfWhatGoesOn: a pipeline that cleans up is not stopped a second time.
func TestStopOfWhatGoesOn(t *testing.T) {
	var posts atomic.Int32
	j := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			posts.Add(1)
			panic(http.ErrAbortHandler) // it was done
		}
		fmt.Fprint(w, `{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowRun","number":1,"building":true}`)
	})
	if _, _, err := do(t, j, delivery.BuildStop, ref("x", 1), nil); backend.CodeOf(err) != backend.Unknown || posts.Load() != 1 {
		t.Errorf("%v, after %d requests", err, posts.Load())
	}
}

// TestStopHarder: what goes on is asked harder when somebody asks again.
func TestStopHarder(t *testing.T) {
	c := found(t, 0, served.Options{})
	c.world.Add(cart())
	c.triggered(t, "shop/cart", sandbox.Order{})
	deaf := c.faults.Server
	c.faults.Server = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/stop") || strings.HasSuffix(r.URL.Path, "/term") {
			w.Header().Set("X-Jenkins", "2")
			w.WriteHeader(http.StatusFound)
			return
		}
		deaf.ServeHTTP(w, r)
	})
	j := c.as(t, "ana", "token")
	for i, verb := range []string{"stop", "term", "kill"} {
		p, _, err := do(t, j, delivery.BuildStop, ref("shop/cart", 1), nil)
		if p.Steps[0].Request != "POST /job/shop/job/cart/1/"+verb || len(p.Warnings) != min(i, 1) {
			t.Errorf("%+v", p)
		}
		if last := verb == "kill"; last != (err == nil) || !last && !strings.Contains(err.Error(), "ask again: that is harder") {
			t.Errorf("%s: %v", verb, err)
		}
	}
}

// gated is a company with a build of cart that waits for somebody.
func gated(t *testing.T) *company {
	c := found(t, 0, served.Options{})
	c.world.Add(cart())
	c.triggered(t, "shop/cart", sandbox.Order{})
	c.clock.move(11 * time.Second)
	return c
}

func TestApprove(t *testing.T) {
	c := gated(t)
	j := c.as(t, "ana", "token")
	params, err := j.Params(t.Context(), delivery.BuildApprove, ref("shop/cart", 1))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]backend.Param{
		{Name: "WHERE", Title: "WHERE", Type: backend.Choice, Default: "eu", Choices: []string{"eu", "us"}}, {Name: "PIN", Title: "PIN", Secret: true},
	}, params); diff != "" {
		t.Error(diff)
	}
	p, n, err := do(t, j, delivery.BuildApprove, ref("shop/cart", 1), backend.Args{"WHERE": "us", "PIN": "1234"})
	if err != nil || n.last() != "it goes on" || p.Warnings[0] != "it asks: Ship it?" || p.Sentence != "Lets build 1 of shop/cart on jenkins go on." {
		t.Errorf("%q, %v, %v", n.all, p.Warnings, err)
	}
	s := p.Steps[0]
	if strings.Contains(s.Request+s.CLI, "1234") || !strings.Contains(s.Request, `{"name":"WHERE","value":"us"}`) {
		t.Errorf("%s %s", s.Request, s.CLI)
	}
	b, err := c.world.Build("shop/cart", 1)
	if st := b.Stages[1]; err != nil || st.By != "ana" || st.Args["WHERE"] != "us" || st.Args["PIN"] != "1234" {
		t.Errorf("it is %+v, %v", st, err)
	}
	if _, _, err := do(t, j, delivery.BuildReject, ref("shop/cart", 1), nil); backend.CodeOf(err) != backend.Conflict {
		t.Errorf("refused after that: %v", err)
	}
}

func TestReject(t *testing.T) {
	c := gated(t)
	if _, n, err := do(t, c.as(t, "ana", "token"), delivery.BuildReject, ref("shop/cart", 1), nil); err != nil || n.last() != "it is refused" {
		t.Errorf("%q, %v", n.all, err)
	}
	if b, err := c.world.Build("shop/cart", 1); err != nil || b.State != sandbox.Stopped {
		t.Errorf("it is %s, %v", b.State, err)
	}
}

// TestTwoAnswer: one is taken, the other is told so, whose answers come or not.
func TestTwoAnswer(t *testing.T) {
	for _, lost := range []bool{false, true} {
		c := gated(t)
		ana, ben := c.as(t, "ana", "token"), c.as(t, "ben", "token")
		plan := func(j *Jenkins, action string) backend.Step {
			p, err := j.Plan(t.Context(), action, []backend.Ref{ref("shop/cart", 1)}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return p.Steps[0]
		}
		first, second := plan(ana, delivery.BuildApprove), plan(ben, delivery.BuildReject)
		if lost {
			c.faults.Spoil(func(r *http.Request) backendtest.Fault {
				if r.Method == http.MethodPost {
					return backendtest.Lost
				}
				return 0
			})
		}
		var both sync.WaitGroup
		var errs [2]error
		both.Go(func() { errs[0] = first.Do(t.Context(), new(notes).progress) })
		both.Go(func() { errs[1] = second.Do(t.Context(), new(notes).progress) })
		both.Wait()
		b, err := c.world.Build("shop/cart", 1)
		if err != nil {
			t.Fatal(err)
		}
		winner, who := 0, "ana"
		if b.State == sandbox.Stopped {
			winner, who = 1, "ben"
		}
		if errs[winner] != nil || backend.CodeOf(errs[1-winner]) != backend.Conflict || !strings.Contains(errs[1-winner].Error(), "answered before you, as it seems by "+who) {
			t.Errorf("with lost answers %v: %v", lost, errs)
		}
	}
}

func TestChoose(t *testing.T) {
	r := ref("a", 1)
	two := []pending{{ID: "Deploy", Message: "Go?"}, {ID: "Notify", Message: "Tell?"}}
	for id, want := range map[string]string{"deploy": "Deploy", "Notify": "Notify", "": "", "none": ""} {
		p, err := choose(two, r, id)
		if p.ID != want || (err == nil) != (want != "") {
			t.Errorf("%q is %q, %v", id, p.ID, err)
		}
	}
	if _, err := choose(two, r, ""); backend.CodeOf(err) != backend.Invalid || err.Error() != "build 1 of a waits for Deploy, Notify. Say which with input." {
		t.Error(err)
	}
	if p, err := choose(two[:1], r, ""); err != nil || p.ID != "Deploy" {
		t.Error(err)
	}
}

func TestWhy(t *testing.T) {
	c := found(t, 0, served.Options{})
	j := c.as(t, "ana", "token")
	for _, k := range []struct {
		action string
		ref    backend.Ref
		why    string
	}{
		{delivery.BuildTrigger, jobRef("a"), ""},
		{delivery.BuildTrigger, ref("a", 1), ""},
		{delivery.BuildStop, ref("a", "q1"), ""},
		{delivery.BuildStop, jobRef("a"), "pipeline is no build"},
		{delivery.BuildApprove, ref("a", "q1"), "it is still queued"},
		{delivery.RolloutAbort, jobRef("a"), "Jenkins has no rollout.abort"},
	} {
		if why := j.Why(k.action, []backend.Ref{k.ref}); why != k.why {
			t.Errorf("%s: %q, want %q", k.action, why, k.why)
		}
	}
}

func TestReadOnlyChangesNothing(t *testing.T) {
	c := found(t, 0, served.Options{})
	c.world.Add(sandbox.Pipeline{Name: "a"})
	j := c.as(t, "ana", "token")
	j.api.Link().Freeze()
	if _, _, err := do(t, j, delivery.BuildTrigger, jobRef("a"), nil); backend.CodeOf(err) != backend.Denied || len(c.world.Builds("a")) != 0 {
		t.Errorf("error is %v", err)
	}
}
