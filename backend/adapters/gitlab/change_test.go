package gitlab

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
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
	wire "wheelhouse/backend/sandbox/gitlab"
)

func TestTriggerAsks(t *testing.T) {
	tn := open(t)
	want := []backend.Param{
		{Name: "ref", Title: "Branch or tag", Required: true, Default: "main", Help: "Branches: main, release/1."},
		{Name: "TARGET", Title: "TARGET", Help: "where to", Type: backend.Choice, Default: "staging", Choices: []string{"staging", "prod"}},
		{Name: "BREAK", Title: "BREAK", Help: "whether it fails", Default: "false"},
		{Name: "DEPLOY_TOKEN", Title: "DEPLOY_TOKEN", Help: "who deploys", Secret: true},
		{Name: "variables", Title: "Variables", Help: `Others, as KEY=value KEY2="two words".`},
	}
	g := tn.as("dev")
	got, err := g.Params(t.Context(), delivery.BuildTrigger, cartRef)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	b := tn.began(sandbox.Order{By: "mlin", Branch: "release/1"})
	if got, err = g.Params(t.Context(), delivery.BuildTrigger, refOf(b)); err != nil || got[0].Default != "release/1" {
		t.Errorf("of a build: %+v, %v", got, err)
	}
	tn.faults.Server = wire.New(tn.World, wire.Options{Users: people, NoGraphQL: true})
	got, err = g.Params(t.Context(), delivery.BuildTrigger, cartRef)
	if err != nil || len(got) != 2 || !strings.Contains(got[1].Help, "does not tell") {
		t.Errorf("without GraphQL: %+v, %v", got, err)
	}
}

func TestTriggerSendsWhatThePlanSays(t *testing.T) {
	tn := open(t)
	g := tn.as("dev")
	if _, err := g.Params(t.Context(), delivery.BuildTrigger, cartRef); err != nil {
		t.Fatal(err)
	}
	p, err := g.Plan(t.Context(), delivery.BuildTrigger, []backend.Ref{cartRef}, backend.Args{
		"ref": "release/1", "TARGET": "prod", "BREAK": "false", "DEPLOY_TOKEN": "hush", "variables": `A=1 B="two words"`,
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Sentence != "Begins a build of shop/cart on release/1, on dev." {
		t.Error(p.Sentence)
	}
	s := p.Steps[0]
	request, mark, _ := strings.Cut(s.Request, "WHEELHOUSE_ID: ")
	if request != "POST projects/shop/cart/pipeline  ref: release/1, BREAK: false, DEPLOY_TOKEN: …, TARGET: prod, A: 1, B: two words, " {
		t.Error(request)
	}
	if s.CLI != "glab ci run -R shop/cart -b release/1 --variables-env BREAK:false --variables-env 'DEPLOY_TOKEN:…' --variables-env TARGET:prod --variables-env A:1 --variables-env 'B:two words'" {
		t.Error(s.CLI)
	}
	note := ""
	if err := s.Do(t.Context(), func(_, _ int, n string) { note = n }); err != nil || note != "it is shop/cart #1" {
		t.Errorf("%q, %v", note, err)
	}
	want := map[string]string{"BREAK": "false", "DEPLOY_TOKEN": "hush", "TARGET": "prod", "A": "1", "B": "two words", "WHEELHOUSE_ID": mark}
	if b := tn.Builds("shop/cart")[0]; b.Branch != "release/1" || cmp.Diff(want, b.Params) != "" || len(mark) != 24 {
		t.Errorf("it was begun as %+v", b.Order)
	}
	for given, says := range map[string]string{"A": "KEY=value", `A="b`: "KEY=value", "=x": "KEY=value", "A-B=x": "KEY=value", "MY_PASSWORD=x": "masked variable"} {
		_, err := g.Plan(t.Context(), delivery.BuildTrigger, []backend.Ref{cartRef}, backend.Args{"variables": given})
		fails(t, err, backend.Invalid, says)
	}
}

// TestTriggerIsExactlyOnce: answers of all kinds get lost, before and after the
// server has done what was asked, and each build is begun once. Of a hundred orders
// some thirty have two losses in a row, so that each kind comes after each other.
func TestTriggerIsExactlyOnce(t *testing.T) {
	const hands, each = 10, 10
	tn := open(t)
	var mu sync.Mutex
	dice := rand.New(rand.NewPCG(1, 2))
	lost := 0
	tn.faults.Spoil(func(r *http.Request) backendtest.Fault {
		mu.Lock()
		defer mu.Unlock()
		if r.Method != http.MethodPost || r.URL.Path == graphqlPath {
			return 0
		}
		f := []backendtest.Fault{0, 0, 0, backendtest.Lost, backendtest.Half, backendtest.Refused, backendtest.Page}[dice.IntN(7)]
		if f != 0 {
			lost++
		}
		return f
	})
	g := tn.as("dev")
	g.limits.looks = []time.Duration{0} // what is not done at once is never done here
	var notes sync.Map
	var doubtful atomic.Int64
	var all sync.WaitGroup
	for hand := range hands {
		all.Go(func() {
			for i := range each {
				note, err := do(t, g, delivery.BuildTrigger, cartRef, backend.Args{"variables": fmt.Sprintf("ORDER=%d-%d", hand, i)})
				switch {
				case err == nil:
					if _, double := notes.LoadOrStore(note, true); double {
						t.Errorf("%s stands for two orders", note)
					}
				case backend.CodeOf(err) == backend.Unknown && strings.Contains(err.Error(), "3 times"):
					doubtful.Add(1) // refused three times in a row
				default:
					t.Errorf("order %d-%d: %v", hand, i, err)
				}
			}
		})
	}
	all.Wait()
	orders, marked := map[string]bool{}, map[string]bool{}
	for _, b := range tn.Builds("shop/cart") {
		if orders[b.Params["ORDER"]] || marked[b.Params[markKey]] {
			t.Errorf("order %s was begun twice", b.Params["ORDER"])
		}
		orders[b.Params["ORDER"]], marked[b.Params[markKey]] = true, true
		if _, ok := notes.Load(fmt.Sprintf("it is shop/cart #%d", b.ID)); !ok {
			t.Errorf("nobody was told of #%d", b.ID)
		}
	}
	if got := len(orders) + int(doubtful.Load()); got != hands*each || lost < hands*each/4 || len(orders) < hands*each*9/10 {
		t.Errorf("%d were begun and %d never answered, of %d; %d answers were lost", len(orders), doubtful.Load(), hands*each, lost)
	}
}

// TestTriggerLooksBeforeItAsksAgain: where it can't look, it does not ask again.
func TestTriggerLooksBeforeItAsksAgain(t *testing.T) {
	tn := open(t)
	var posts atomic.Int32
	tn.faults.Spoil(func(r *http.Request) backendtest.Fault {
		if r.Method == http.MethodPost {
			posts.Add(1)
			return backendtest.Lost
		}
		if posts.Load() > 0 {
			return backendtest.Refused
		}
		return 0
	})
	_, err := do(t, tn.as("dev"), delivery.BuildTrigger, cartRef, nil)
	if fails(t, err, backend.Unknown, "before asking again"); posts.Load() != 1 || len(tn.Builds("shop/cart")) != 1 {
		t.Errorf("it was asked %d times", posts.Load())
	}
}

// TestLateRequestIsSeen: one that was taken for lost comes through after the second.
func TestLateRequestIsSeen(t *testing.T) {
	tn := open(t)
	inner := tn.faults.Server
	var late []byte
	tn.faults.Server = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && late == nil {
			late, _ = io.ReadAll(r.Body)
			panic(http.ErrAbortHandler)
		}
		if r.Method == http.MethodPost { // and now the first one too
			again, err := http.NewRequestWithContext(r.Context(), r.Method, r.URL.String(), strings.NewReader(string(late)))
			if err != nil {
				panic(err)
			}
			again.Header = r.Header
			inner.ServeHTTP(deaf{}, again)
		}
		inner.ServeHTTP(w, r)
	})
	_, err := do(t, tn.as("dev"), delivery.BuildTrigger, cartRef, nil)
	fails(t, err, backend.Unknown, "#2, #1")
}

// deaf is an answer that nobody hears.
type deaf struct{}

func (deaf) Header() http.Header         { return http.Header{} }
func (deaf) Write(b []byte) (int, error) { return len(b), nil }
func (deaf) WriteHeader(int)             {}

func TestTriggerRefused(t *testing.T) {
	tn := open(t)
	sealed := cartRef
	sealed.Name = "shop/sealed"
	p := cart()
	p.Name = sealed.Name
	tn.Add(p)
	tn.Add(sandbox.Pipeline{Name: "shop/off", Branch: "main", Off: true})
	off := sealed
	off.Name = "shop/off"
	g := tn.as("dev")
	_, err := do(t, g, delivery.BuildTrigger, cartRef, backend.Args{"ref": "nowhere"})
	fails(t, err, backend.Invalid, "Reference not found")
	_, err = do(t, g, delivery.BuildTrigger, off, nil)
	fails(t, err, backend.Denied, "403")
	_, err = do(t, tn.as("see"), delivery.BuildTrigger, cartRef, nil)
	fails(t, err, backend.Denied, "403")
	_, err = do(t, tn.as("read"), delivery.BuildTrigger, cartRef, nil)
	fails(t, err, backend.Denied, "higher privileges")
	_, err = do(t, tn.as("nobody"), delivery.BuildTrigger, cartRef, nil)
	fails(t, err, backend.Expired, "not good")

	_, err = do(t, g, delivery.BuildTrigger, sealed, backend.Args{"variables": "A=1"})
	fails(t, err, backend.Denied, "does not let you set variables")
	if n := len(tn.Builds(sealed.Name)); n != 0 {
		t.Errorf("%d were begun", n)
	}
	if _, err := g.Params(t.Context(), delivery.BuildTrigger, sealed); err != nil {
		t.Fatal(err)
	}
	note, err := do(t, g, delivery.BuildTrigger, sealed, backend.Args{"TARGET": "staging"}) // as it is anyway
	if err != nil || len(tn.Builds(sealed.Name)) != 1 || !strings.Contains(note, "#1") {
		t.Errorf("without variables: %q, %v", note, err)
	}
	if why := g.Why(delivery.BuildTrigger, []backend.Ref{cartRef}); why != "dev is not connected" {
		t.Error(why)
	}
}

// TestBareOrder: without a mark, a lost answer is found where one build may be it,
// and is unknown where none or several may.
func TestBareOrder(t *testing.T) {
	for name, c := range map[string]struct {
		fault  backendtest.Fault
		others []wire.User
		code   backend.Code
		note   string
		says   string
	}{
		"one":                {backendtest.Lost, nil, 0, "the only one", ""},
		"one, and another's": {backendtest.Lost, []wire.User{people["boss"]}, 0, "the only one", ""},
		"two":                {backendtest.Lost, []wire.User{people["dev"]}, backend.Unknown, "", "may be the one"},
		"none":               {backendtest.Refused, nil, backend.Unknown, "", "may still come"},
	} {
		t.Run(name, func(t *testing.T) {
			tn := open(t)
			p := cart()
			p.Name = "shop/sealed"
			tn.Add(p)
			posts := 0
			tn.faults.Spoil(func(r *http.Request) backendtest.Fault {
				if r.Method != http.MethodPost || r.Header.Get("X-Other") != "" {
					return 0
				}
				if posts++; posts == 1 {
					return 0 // it is told that variables are not for it
				}
				for _, u := range c.others {
					for token, who := range people {
						if who.Name == u.Name && who.Level == u.Level && !who.ReadOnly {
							again, _ := http.NewRequest(http.MethodPost, r.URL.String(), strings.NewReader(`{"ref":"main"}`))
							again.Header.Set("Private-Token", token)
							tn.faults.Server.ServeHTTP(deaf{}, again)
						}
					}
				}
				return c.fault
			})
			ref := cartRef
			ref.Name = p.Name
			note, err := do(t, tn.as("dev"), delivery.BuildTrigger, ref, nil)
			if c.says != "" {
				fails(t, err, c.code, c.says)
			} else if err != nil || !strings.Contains(note, c.note) {
				t.Errorf("%q, %v", note, err)
			}
			if posts != 2 {
				t.Errorf("it was sent %d times", posts)
			}
		})
	}
}

func TestStop(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(r *http.Request, n int) backendtest.Fault
		code  backend.Code
		says  string
	}{
		"plainly":     {func(*http.Request, int) backendtest.Fault { return 0 }, 0, ""},
		"answer lost": {func(r *http.Request, _ int) backendtest.Fault { return lostIf(r.Method == http.MethodPost) }, 0, ""},
		"first one refused": {func(r *http.Request, n int) backendtest.Fault {
			return refusedIf(r.Method == http.MethodPost && n == 0)
		}, 0, ""},
		"all answers lost":   {func(r *http.Request, n int) backendtest.Fault { return lostIf(r.Method == http.MethodPost || n > 0) }, backend.Unknown, "before asking again"},
		"never gets through": {func(r *http.Request, _ int) backendtest.Fault { return refusedIf(r.Method == http.MethodPost) }, backend.Unknown, "before asking again"},
	} {
		t.Run(name, func(t *testing.T) {
			tn := open(t)
			b := tn.began(sandbox.Order{By: "mlin"})
			posts := 0
			tn.faults.Spoil(func(r *http.Request) backendtest.Fault {
				f := c.spoil(r, posts)
				if r.Method == http.MethodPost {
					posts++
				}
				return f
			})
			note, err := do(t, tn.as("dev"), delivery.BuildStop, refOf(b), nil)
			if c.says != "" {
				fails(t, err, c.code, c.says)
			} else if err != nil || note != "it is stopped" || tn.state(1) != sandbox.Stopped {
				t.Errorf("%q, %v, it is %s", note, err, tn.state(1))
			}
		})
	}
	tn := open(t)
	b := tn.began(sandbox.Order{By: "mlin"})
	g := tn.as("dev")
	plan, err := g.Plan(t.Context(), delivery.BuildStop, []backend.Ref{refOf(b)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := tn.Stop("shop/cart", 1); err != nil {
		t.Fatal(err)
	}
	fails(t, plan.Steps[0].Do(t.Context(), func(int, int, string) {}), backend.Conflict, "has ended meanwhile: stopped")
	_, err = do(t, g, delivery.BuildStop, refOf(b), nil)
	fails(t, err, backend.Conflict, "has ended already")
	_, err = do(t, tn.as("see"), delivery.BuildStop, refOf(tn.began(sandbox.Order{})), nil)
	fails(t, err, backend.Denied, "403")
}

func lostIf(yes bool) backendtest.Fault {
	if yes {
		return backendtest.Lost
	}
	return 0
}

func refusedIf(yes bool) backendtest.Fault {
	if yes {
		return backendtest.Refused
	}
	return 0
}

// waits makes a build that waits at its gate.
func (tn *town) waits() backend.Ref {
	b := tn.began(sandbox.Order{By: "eve"})
	tn.pass(13 * time.Second)
	return refOf(b)
}

func TestApprove(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(posts int) backendtest.Fault
		note  string
	}{
		"plainly":           {func(int) backendtest.Fault { return 0 }, "job deploy is running"},
		"answer lost":       {func(int) backendtest.Fault { return backendtest.Lost }, "job deploy is running"},
		"first one refused": {func(n int) backendtest.Fault { return refusedIf(n == 0) }, "job deploy is running"},
	} {
		t.Run(name, func(t *testing.T) {
			tn := open(t)
			r := tn.waits()
			posts := 0
			tn.faults.Spoil(func(req *http.Request) backendtest.Fault {
				if req.Method != http.MethodPost {
					return 0
				}
				posts++
				return c.spoil(posts - 1)
			})
			g := tn.as("dev")
			if params, err := g.Params(t.Context(), delivery.BuildApprove, r); err != nil || len(params) != 0 {
				t.Errorf("%+v, %v", params, err)
			}
			note, err := do(t, g, delivery.BuildApprove, r, nil)
			if b, _ := tn.Build("shop/cart", 1); err != nil || note != c.note || b.Stages[1].By != "mlin" {
				t.Errorf("%q, %v, by %s", note, err, b.Stages[1].By)
			}
		})
	}
}

// TestTwoPlayOneJob: both have seen it wait; one of them lets it begin, and the
// other is told who it was.
func TestTwoPlayOneJob(t *testing.T) {
	for name, fault := range map[string]backendtest.Fault{"answers come": 0, "answers get lost": backendtest.Lost} {
		t.Run(name, func(t *testing.T) {
			tn := open(t)
			r := tn.waits()
			tn.faults.Spoil(func(req *http.Request) backendtest.Fault {
				if req.Method == http.MethodPost {
					return fault
				}
				return 0
			})
			both := map[string]backend.Step{}
			for _, who := range []string{"dev", "boss"} {
				p, err := tn.as(who).Plan(t.Context(), delivery.BuildApprove, []backend.Ref{r}, nil)
				if err != nil {
					t.Fatal(err)
				}
				both[who] = p.Steps[0]
			}
			var mu sync.Mutex
			var all sync.WaitGroup
			errs := map[string]error{}
			for who, s := range both {
				all.Go(func() {
					err := s.Do(t.Context(), func(int, int, string) {})
					mu.Lock()
					defer mu.Unlock()
					errs[who] = err
				})
			}
			all.Wait()
			b, err := tn.Build("shop/cart", 1)
			if err != nil {
				t.Fatal(err)
			}
			for who, err := range errs {
				if people[who].Name == b.Stages[1].By {
					if err != nil {
						t.Errorf("who was first gets %v", err)
					}
					continue
				}
				fails(t, err, backend.Conflict, "played by "+b.Stages[1].By)
			}
		})
	}
}

func TestApproveOneOfSeveral(t *testing.T) {
	tn := open(t)
	r := tn.waits()
	inner := tn.faults.Server
	tn.faults.Server = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/pipelines/1/jobs") {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `[{"id":103,"name":"tidy","stage":"end","status":"manual","allow_failure":true},
				{"id":102,"name":"deploy","stage":"deploy","status":"manual"},{"id":101,"name":"compile","stage":"compile","status":"success"}]`)
			return
		}
		inner.ServeHTTP(w, req)
	})
	g := tn.as("dev")
	params, err := g.Params(t.Context(), delivery.BuildApprove, r)
	if err != nil || len(params) != 1 || !slices.Equal(params[0].Choices, []string{"deploy", "tidy"}) {
		t.Fatalf("%+v, %v", params, err)
	}
	_, err = do(t, g, delivery.BuildApprove, r, nil)
	fails(t, err, backend.Invalid, "deploy, tidy")
	_, err = do(t, g, delivery.BuildApprove, r, backend.Args{"job": "other"})
	fails(t, err, backend.Conflict, "does not wait")
	if note, err := do(t, g, delivery.BuildApprove, r, backend.Args{"job": "deploy"}); err != nil || note != "job deploy is running" {
		t.Errorf("%q, %v", note, err)
	}
}

func TestThereIsNoNo(t *testing.T) {
	tn := open(t)
	g := tn.as("dev")
	r := tn.waits()
	if why := g.Why(delivery.BuildReject, []backend.Ref{r}); !strings.Contains(why, "Stop the build instead") {
		t.Error(why)
	}
	_, err := do(t, g, delivery.BuildReject, r, nil)
	fails(t, err, backend.Invalid, "Stop the build instead")
	if tn.state(1) != sandbox.Waiting {
		t.Errorf("it is %s", tn.state(1))
	}
	_, err = do(t, g, "build.dance", r, nil)
	fails(t, err, backend.Invalid, "no action")
	_, err = do(t, g, delivery.BuildStop, cartRef, nil)
	fails(t, err, backend.Invalid, "no build of GitLab")
}

func TestMay(t *testing.T) {
	tn := open(t)
	for token, reason := range map[string]string{"dev": "", "boss": "", "see": "below Developer", "read": "read_api"} {
		ok, why, err := tn.as(token).May(t.Context(), backend.Permission{Verb: "create", Resource: "pipelines"}, cartRef)
		if err != nil || ok != (reason == "") || !strings.Contains(why, reason) {
			t.Errorf("%s: %v, %q, %v", token, ok, why, err)
		}
	}
}

func TestGoneTargetsAreSaid(t *testing.T) {
	tn := open(t)
	r := refOf(tn.began(sandbox.Order{}))
	gone := r
	gone.Name = strconv.Itoa(77)
	p, err := tn.as("dev").Plan(t.Context(), delivery.BuildStop, []backend.Ref{gone, r}, nil)
	if err != nil || len(p.Steps) != 1 || len(p.Gone) != 1 || len(p.Warnings) != 1 {
		t.Errorf("%+v, %v", p, err)
	}
	var known *backend.Error
	if _, err := tn.as("dev").pipeline(t.Context(), gone); !errors.As(err, &known) || known.Ref != gone {
		t.Errorf("%v", err)
	}
}
