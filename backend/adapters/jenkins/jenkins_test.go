package jenkins

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/link"
	"wheelhouse/backend/sandbox"
	served "wheelhouse/backend/sandbox/jenkins"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A clock stands still until it is moved.
type clockwork struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clockwork) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clockwork) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// A company is a world that builds, its Jenkins with faults before it, and the
// adapters of some users.
type company struct {
	clock  clockwork
	world  *sandbox.World
	faults *backendtest.Faults
	url    string
}

func users() map[string]served.User {
	return map[string]served.User{
		"ana": {Token: "token", Password: "sesame"}, "ben": {Token: "token"}, "eve": {Token: "token", ReadOnly: true},
	}
}

func found(t *testing.T, wait time.Duration, o served.Options) *company {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	c := &company{clock: clockwork{now: time.Unix(1_000_000, 0)}}
	c.world = sandbox.New(c.clock.Now, wait)
	o.Users = users()
	c.faults = &backendtest.Faults{Server: served.New(c.world, o)}
	server := httptest.NewServer(c.faults)
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// as is the adapter as somebody uses it, connected.
func (c *company) as(t *testing.T, user, secret string) *Jenkins {
	t.Helper()
	j := c.unconnected(t, user, secret)
	if _, err := j.api.Link().Await(t.Context(), func(backend.Health) {}); err != nil {
		t.Fatal(err)
	}
	return j
}

// unconnected is the adapter of a link that nobody waits for.
func (c *company) unconnected(t *testing.T, user, secret string) *Jenkins {
	t.Helper()
	links, err := link.Load(link.Options{Systems: []link.System{{Protocol: Protocol(), URL: c.url, User: user, Secret: link.Secret("plain:" + secret)}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(links.Close)
	links.Start()
	j := New(links.All()[0])
	j.limits.fast, j.limits.slow = 20*time.Millisecond, 30*time.Millisecond
	j.limits.pause, j.limits.tail = 16*time.Millisecond, 5*time.Millisecond
	j.limits.look, j.limits.wait = 300*time.Millisecond, 300*time.Millisecond
	return j
}

// cart is a pipeline with what pipelines have.
func cart() sandbox.Pipeline {
	return sandbox.Pipeline{
		Name: "shop/cart", Branch: "main",
		Params: []sandbox.Param{
			{Name: "VERSION", Kind: "string", Default: "1", Help: "which"},
			{Name: "ENV", Kind: "choice", Choices: []string{"test", "prod"}},
			{Name: "FAST", Kind: "boolean", Default: "true"},
			{Name: "NOTES", Kind: "text"},
			{Name: "TOKEN", Kind: "password"},
		},
		Stages: []sandbox.Plan{
			{Name: "compile", Takes: 10 * time.Second, Says: []string{"one", "WARN two"}},
			{Name: "deploy", Takes: 5 * time.Second, Gate: &sandbox.Gate{Message: "Ship it?", Params: []sandbox.Param{{Name: "WHERE", Kind: "choice", Choices: []string{"eu", "us"}}, {Name: "PIN", Kind: "password"}}}},
		},
	}
}

func (c *company) triggered(t *testing.T, name string, o sandbox.Order) sandbox.Build {
	t.Helper()
	b, err := c.world.Trigger(name, o)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func ref(pipeline string, number any) backend.Ref {
	return delivery.Build{Link: "jenkins", Pipeline: pipeline, Number: fmt.Sprint(number)}.Ref()
}

func jobRef(name string) backend.Ref { return delivery.Pipeline{Link: "jenkins", Name: name}.Ref() }

// notes keep what a step tells of its progress.
type notes struct {
	mu  sync.Mutex
	all []string
}

func (n *notes) progress(_, _ int, note string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.all) == 0 || n.all[len(n.all)-1] != note {
		n.all = append(n.all, note)
	}
}

func (n *notes) last() string {
	if len(n.all) == 0 {
		return ""
	}
	return n.all[len(n.all)-1]
}

// do plans one step and carries it out.
func do(t *testing.T, j *Jenkins, action string, r backend.Ref, args backend.Args) (backend.Plan, *notes, error) {
	t.Helper()
	p, err := j.Plan(t.Context(), action, []backend.Ref{r}, args)
	n := &notes{}
	if err != nil {
		return p, n, err
	}
	return p, n, p.Steps[0].Do(t.Context(), n.progress)
}

// TestLeftOut: what is not shown is told.
func TestLeftOut(t *testing.T) {
	c := found(t, 2*time.Second, served.Options{})
	j := c.as(t, "ana", "token")
	j.limits.jobs, j.limits.rows = 2, 3
	for _, name := range []string{"a", "b", "c", "1/2/3/4/5/6/7/8"} {
		c.world.Add(sandbox.Pipeline{Name: name})
	}
	for range 4 {
		c.triggered(t, "a", sandbox.Order{})
	}
	c.clock.move(time.Minute)
	const of = "Not shown are 1 more jobs (only the first 2 are), 1 more folders (they lie deeper than 7 folders)"
	rows, err := j.pipelines(t.Context(), backend.Scope{})
	if len(rows) != 2 || backend.CodeOf(err) != backend.Partly || err.Error() != of+". Look at those in a browser." {
		t.Errorf("%d jobs, %v", len(rows), err)
	}
	builds, err := j.builds(t.Context(), backend.Scope{})
	if len(builds) != 3 || backend.CodeOf(err) != backend.Partly || err.Error() != of+", 1 more builds (only the newest 3 are). Look at those in a browser." {
		t.Errorf("%d builds, %v", len(builds), err)
	}
}

func TestRows(t *testing.T) {
	c := found(t, 2*time.Second, served.Options{})
	c.world.Add(cart())
	c.world.Add(sandbox.Pipeline{Name: "old", Off: true})
	c.world.Add(sandbox.Pipeline{Name: "a b/ü", Stages: []sandbox.Plan{{Name: "only", Takes: time.Second, Fails: "BREAK"}}})
	c.triggered(t, "a b/ü", sandbox.Order{By: "ben", Params: map[string]string{"BREAK": "true"}})
	c.triggered(t, "shop/cart", sandbox.Order{By: "ana", Params: map[string]string{"VERSION": "7", "TOKEN": "hidden"}})
	c.clock.move(12 * time.Second)
	if err := c.world.Describe("a b/ü", 1, "just a try"); err != nil {
		t.Fatal(err)
	}
	queued := c.triggered(t, "shop/cart", sandbox.Order{By: "ben"})
	j := c.as(t, "ana", "token")
	builds, err := j.builds(t.Context(), backend.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	commit := builds[1].Commit
	want := []delivery.Build{
		{Link: "jenkins", Pipeline: "shop/cart", Number: fmt.Sprintf("q%d", queued.ID), By: "ben", State: delivery.Queued, Detail: "In the quiet period. Expires in 2s", Queued: 1_000_012},
		{
			Link: "jenkins", Pipeline: "shop/cart", Number: "1", Branch: "main", Commit: commit, Title: "VERSION=7", By: "ana", State: delivery.Waiting, Detail: "Ship it?",
			Stages: delivery.PackStages([]delivery.Stage{{Name: "compile", State: delivery.Passed, Seconds: 10}, {Name: "deploy", State: delivery.Waiting}}),
			Began:  1_000_002, Usual: 15,
		},
		{
			Link: "jenkins", Pipeline: "a b/ü", Number: "1", Commit: builds[2].Commit, Title: "just a try", By: "ben", State: delivery.Failed, Detail: "in only",
			Stages: delivery.PackStages([]delivery.Stage{{Name: "only", State: delivery.Failed, Seconds: 1}}), Began: 1_000_002, Ended: 1_000_003, Usual: 1,
		},
	}
	if diff := cmp.Diff(want, builds); diff != "" || len(commit) != 40 {
		t.Error(diff)
	}
	pipelines, err := j.pipelines(t.Context(), backend.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]delivery.Pipeline{
		{Link: "jenkins", Name: "shop/cart", Branch: "main", Last: "1", State: delivery.Waiting, Began: 1_000_002},
		{Link: "jenkins", Name: "old", Off: "is switched off"},
		{Link: "jenkins", Name: "a b/ü", Last: "1", State: delivery.Failed, Began: 1_000_002},
	}, pipelines); diff != "" {
		t.Error(diff)
	}
	only, err := j.builds(t.Context(), backend.Scope{Namespaces: []string{"a b/ü"}})
	if err != nil || len(only) != 1 {
		t.Errorf("of one pipeline there are %d, %v", len(only), err)
	}
}

func TestWithoutStages(t *testing.T) {
	c := found(t, 0, served.Options{NoStages: true})
	c.world.Add(cart())
	c.triggered(t, "shop/cart", sandbox.Order{By: "ana"})
	j := c.as(t, "ana", "token")
	asked := 0
	c.faults.Spoil(func(r *http.Request) backendtest.Fault {
		if strings.Contains(r.URL.Path, "wfapi") {
			asked++
		}
		return 0
	})
	for range 3 {
		j.shots.forget()
		if b, err := j.builds(t.Context(), backend.Scope{}); err != nil || len(b) != 1 || b[0].State != delivery.Running || b[0].Stages != "" {
			t.Errorf("they are %+v, %v", b, err)
		}
	}
	if asked != 1 {
		t.Errorf("the plugin that is not there was asked %d times", asked)
	}
}

// TestEndedStagesAreAskedOnce, as they do not change any more.
func TestEndedStagesAreAskedOnce(t *testing.T) {
	c := found(t, 0, served.Options{})
	c.world.Add(sandbox.Pipeline{Name: "a", Stages: []sandbox.Plan{{Name: "only", Takes: time.Second}}})
	c.triggered(t, "a", sandbox.Order{By: "ana"})
	c.clock.move(time.Minute)
	j := c.as(t, "ana", "token")
	var mu sync.Mutex
	asked := map[string]int{}
	c.faults.Spoil(func(r *http.Request) backendtest.Fault {
		mu.Lock()
		defer mu.Unlock()
		asked[r.URL.Path]++
		return 0
	})
	for range 3 {
		j.shots.forget()
		if _, err := j.builds(t.Context(), backend.Scope{}); err != nil {
			t.Fatal(err)
		}
		if _, err := j.pipelines(t.Context(), backend.Scope{}); err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if n := asked["/job/a/1/wfapi/describe"]; n != 1 {
		t.Errorf("asked for %d times", n)
	}
	if n := asked["/queue/api/json"]; n > 5 {
		t.Errorf("two feeds and three looks asked %d times", n)
	}
}

// TestForms: what the embedded Jenkins does not have, as others write it.
func TestForms(t *testing.T) {
	branches := flat([]job{{Class: "x.WorkflowMultiBranchProject", Name: "cart", FullName: "shop/cart", Jobs: []job{{Name: "feature%2Fx", Buildable: new(bool)}}}}, job{}, nil)
	if len(branches) != 1 || branches[0].FullName != "shop/cart/feature%2Fx" || branches[0].branch != "feature/x" {
		t.Errorf("branches are %+v", branches)
	}
	if p := jobPath(branches[0].FullName); p != "/job/shop/job/cart/job/feature%252Fx" {
		t.Error(p)
	}
	var i item
	i.Task.URL, i.Task.Name = "http://host/jenkins/job/a%20b/job/c/", "c"
	if i.job() != "a b/c" {
		t.Error(i.job())
	}
	for says, all := range map[string][]action{
		"up #3":           {{Causes: []cause{{UpstreamProject: "up", UpstreamBuild: 3}}}},
		"timer":           {{Causes: []cause{{ShortDescription: "Started by timer"}}}},
		"SCM change":      {{Causes: []cause{{ShortDescription: "Started by an SCM change"}}}},
		"Ana":             {{Causes: []cause{{ShortDescription: "Started by timer"}, {UserName: "Ana", UserID: "ana"}}}},
		"ana":             {{}, {Causes: []cause{{UserID: "ana"}}}},
		"Branch indexing": {{Causes: []cause{{ShortDescription: "Branch indexing"}}}},
	} {
		if got := by(all); got != says {
			t.Errorf("by is %q, want %q", got, says)
		}
	}
	for result, want := range map[string]string{
		"SUCCESS": delivery.Passed, "UNSTABLE": delivery.Unstable, "FAILURE": delivery.Failed, "ABORTED": delivery.Stopped, "NOT_BUILT": delivery.Skipped, "NEW": "NEW",
	} {
		if got := stateOf(build{Result: result}); got != want {
			t.Errorf("%s is %s", result, got)
		}
	}
}

// TestReads: a read-only link lets through what reads, and nothing else.
func TestReads(t *testing.T) {
	for path, want := range map[string]bool{
		"/api/json?tree=jobs[name]": true, "/job/a/job/b/api/json": true, "/job/a/12/api/json": true, "/job/a/12/logText/progressiveText?start=0": true,
		"/job/a/12/consoleText": true, "/job/a/12/wfapi/describe": true, "/job/a/wfapi/runs": true, "/queue/item/3/api/json": true, "/crumbIssuer/api/json": true,
		"/job/a/build": false, "/job/a/build/api/json": false, "/job/a/12/stop": false, "/job/a/12/stop/api/json": false, "/queue/cancelItem?id=1": false,
		"/job/a/12/input/X/proceedEmpty": false, "/job/a/doDelete": false, "/script": false, "/quietDown": false, "/job/a/12/wfapi/inputSubmit": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "http://host"+path, nil)
		if reads(r) != want {
			t.Errorf("%s reads: %v", path, !want)
		}
		r.Method = http.MethodPost
		if reads(r) {
			t.Errorf("POST %s reads", path)
		}
	}
}

// TestFaults: whatever comes, rows stay and the health says what is the matter.
func TestFaults(t *testing.T) {
	for fault, says := range map[backendtest.Fault]string{
		backendtest.Lost: "does not answer", backendtest.Half: "broke off in the middle", backendtest.Page: "web page", backendtest.Refused: "503", backendtest.Padded: "",
	} {
		t.Run(fmt.Sprint(fault, says), func(t *testing.T) {
			c := found(t, 0, served.Options{})
			c.world.Add(cart())
			c.triggered(t, "shop/cart", sandbox.Order{By: "ana"})
			j := c.as(t, "ana", "token")
			w := watch(t, j.Builds())
			w.until(backend.Live, "", 1)
			c.faults.Spoil(func(r *http.Request) backendtest.Fault {
				if r.URL.Path == "/queue/api/json" || r.URL.Path == "/api/json" && !strings.Contains(r.URL.RawQuery, "mode") {
					return fault
				}
				return 0
			})
			if says != "" {
				w.until(backend.Stale, says, 1)
			}
			c.triggered(t, "shop/cart", sandbox.Order{By: "ben"})
			if says != "" {
				c.faults.Spoil(nil)
			}
			w.until(backend.Live, "", 2)
		})
	}
}

// TestLateAnswerEnds with whoever waits for it.
func TestLateAnswerEnds(t *testing.T) {
	c := found(t, 0, served.Options{})
	c.world.Add(cart())
	j := c.as(t, "ana", "token")
	asked := make(chan struct{}, 9)
	c.faults.Spoil(func(*http.Request) backendtest.Fault {
		select {
		case asked <- struct{}{}:
		default:
		}
		return backendtest.Late
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if _, err := j.builds(ctx, backend.Scope{}); err == nil {
		t.Error("rows came of no answer")
	}
}

func TestWrongLogins(t *testing.T) {
	for _, k := range []struct {
		user, secret string
		state        backend.State
	}{{"ana", "wrong", backend.Forbidden}, {"ana", "sesame", backend.Live}, {"eve", "token", backend.Live}} {
		c := found(t, 0, served.Options{})
		links, err := link.Load(link.Options{Systems: []link.System{{Protocol: Protocol(), URL: c.url, User: k.user, Secret: link.Secret("plain:" + k.secret)}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(links.Close)
		links.Start()
		w := watch(t, New(links.All()[0]).Builds())
		w.until(k.state, "", 0)
		if k.state == backend.Live {
			links.All()[0].Introduced(t.Context())
			if who := links.All()[0].Info().User; who != k.user {
				t.Errorf("%s is taken for %q", k.user, who)
			}
		}
	}
}
