package gitlab

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
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
	wire "wheelhouse/backend/sandbox/gitlab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A town is a world that GitLab's wire is before, with faults before that, and one
// link to it for each of its people.
type town struct {
	*testing.T
	*sandbox.World
	faults *backendtest.Faults
	links  *link.Set

	mu  sync.Mutex
	now time.Time
}

var people = map[string]wire.User{
	"dev": {Name: "mlin", Level: wire.Developer}, "boss": {Name: "ops", Level: wire.Maintainer},
	"see": {Name: "eve", Level: wire.Reporter}, "read": {Name: "mlin", Level: wire.Developer, ReadOnly: true},
}

func (tn *town) pass(d time.Duration) {
	tn.mu.Lock()
	defer tn.mu.Unlock()
	tn.now = tn.now.Add(d)
}

// hasty is usual, for servers that answer in microseconds.
func hasty() limits {
	l := usual()
	l.round, l.still, l.list = 5*time.Millisecond, 5*time.Millisecond, 10*time.Millisecond
	l.looks = []time.Duration{0, time.Millisecond, 5 * time.Millisecond}
	l.settle, l.variable, l.trace = time.Millisecond, time.Millisecond, time.Millisecond
	return l
}

// open makes a town with the project shop/cart in it.
func open(t *testing.T) *town {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	tn := &town{T: t, now: time.Unix(1795000000, 0)}
	tn.World = sandbox.New(func() time.Time {
		tn.mu.Lock()
		defer tn.mu.Unlock()
		return tn.now
	}, 2*time.Second)
	tn.Add(cart())
	tn.faults = &backendtest.Faults{Server: wire.New(tn.World, wire.Options{Users: people, Sealed: []string{"shop/sealed"}})}
	server := httptest.NewServer(tn.faults)
	t.Cleanup(server.Close)
	var systems []link.System
	for token := range people {
		systems = append(systems, link.System{Protocol: Protocol(), URL: server.URL, Alias: token, Secret: link.Secret("plain:" + token)})
	}
	systems = append(systems, link.System{Protocol: Protocol(), URL: server.URL, Alias: "nobody", Secret: "plain:nobody"},
		link.System{Protocol: Protocol(), URL: server.URL, Alias: "locked", Secret: "plain:dev", ReadOnly: true})
	var err error
	if tn.links, err = link.Load(link.Options{Systems: systems}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tn.links.Close)
	return tn
}

func cart() sandbox.Pipeline {
	return sandbox.Pipeline{
		Name: "shop/cart", Branch: "main", More: []string{"release/1"},
		Params: []sandbox.Param{
			{Name: "TARGET", Help: "where to", Default: "staging", Choices: []string{"staging", "prod"}},
			{Name: "BREAK", Help: "whether it fails", Default: "false"},
			{Name: "DEPLOY_TOKEN", Help: "who deploys", Default: "secret"},
		},
		Stages: []sandbox.Plan{
			{Name: "compile", Takes: 10 * time.Second, Says: []string{"one", "two"}},
			{Name: "deploy", Takes: 5 * time.Second, Fails: "BREAK", Gate: &sandbox.Gate{Message: "Really?"}, Says: []string{"WARN three", "ERROR four"}},
		},
	}
}

func (tn *town) as(token string) *GitLab {
	tn.Helper()
	for _, l := range tn.links.All() {
		if l.Alias() == token {
			return limited(l, hasty())
		}
	}
	tn.Fatalf("nobody has the token %s", token)
	return nil
}

func (tn *town) began(o sandbox.Order) sandbox.Build {
	tn.Helper()
	b, err := tn.Trigger("shop/cart", o)
	if err != nil {
		tn.Fatal(err)
	}
	return b
}

func (tn *town) state(number int) sandbox.State {
	tn.Helper()
	b, err := tn.Build("shop/cart", number)
	if err != nil {
		tn.Fatal(err)
	}
	return b.State
}

func refOf(b sandbox.Build) backend.Ref {
	return backend.Ref{Link: "dev", Kind: delivery.KindBuild, Scope: "shop/cart", Name: strconv.Itoa(b.ID)}
}

var cartRef = backend.Ref{Link: "dev", Kind: delivery.KindPipeline, Name: "shop/cart"}

// do plans an action of one step and carries it out, and gives what it has noted.
func do(t *testing.T, g *GitLab, action string, r backend.Ref, args backend.Args) (note string, err error) {
	t.Helper()
	p, err := g.Plan(t.Context(), action, []backend.Ref{r}, args)
	if err != nil {
		return "", err
	}
	if len(p.Steps) != 1 {
		t.Fatalf("%d steps: %+v", len(p.Steps), p)
	}
	err = p.Steps[0].Do(t.Context(), func(_, _ int, n string) { note = n })
	return note, err
}

func fails(t *testing.T, err error, code backend.Code, says string) {
	t.Helper()
	if err == nil || backend.CodeOf(err) != code || !strings.Contains(err.Error(), says) {
		t.Errorf("want %v that says %q, got %v: %v", code, says, backend.CodeOf(err), err)
	}
}

func TestRows(t *testing.T) {
	tn := open(t)
	first := tn.began(sandbox.Order{By: "mlin", Title: "Fix the cart"})
	tn.pass(12 * time.Second)
	if err := tn.Answer("shop/cart", 1, "deploy", "ops", true, nil); err != nil {
		t.Fatal(err)
	}
	tn.pass(5 * time.Second)
	broken := tn.began(sandbox.Order{By: "eve", Branch: "release/1", Title: "Break it", Params: map[string]string{"BREAK": "true"}})
	tn.pass(12 * time.Second)
	if err := tn.Answer("shop/cart", 2, "deploy", "ops", true, nil); err != nil {
		t.Fatal(err)
	}
	tn.pass(5 * time.Second)
	waits, stopped := tn.began(sandbox.Order{By: "mlin"}), tn.began(sandbox.Order{By: "mlin"})
	tn.pass(12 * time.Second)
	if err := tn.Stop("shop/cart", stopped.Number); err != nil {
		t.Fatal(err)
	}
	runs := tn.began(sandbox.Order{By: "mlin"})
	tn.pass(6 * time.Second)
	queued := tn.began(sandbox.Order{By: "mlin"})

	g := tn.as("dev")
	rows, err := g.buildRows(t.Context(), backend.Scope{})
	if err != nil || len(rows) != 6 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	at := func(s int64) int64 { return 1795000000 + s }
	one := delivery.Build{
		Link: "dev", Pipeline: "shop/cart", Number: strconv.Itoa(first.ID), Branch: "main", Commit: first.Commit[:8], Title: "Fix the cart", By: "mlin", State: delivery.Passed,
		Stages: delivery.PackStages([]delivery.Stage{{Name: "compile", State: delivery.Passed, Seconds: 10}, {Name: "deploy", State: delivery.Passed, Seconds: 5}}),
		Queued: at(0), Began: at(2), Ended: at(17), Usual: 15,
	}
	two := one
	two.Number, two.Branch, two.Commit, two.Title, two.By, two.State = strconv.Itoa(broken.ID), "release/1", broken.Commit[:8], "Break it", "eve", delivery.Failed
	two.Detail, two.Usual, two.Queued, two.Began, two.Ended = "deploy: script_failure", 0, at(17), at(19), at(34)
	two.Stages = delivery.PackStages([]delivery.Stage{{Name: "compile", State: delivery.Passed, Seconds: 10}, {Name: "deploy", State: delivery.Failed, Seconds: 5}})
	if diff := cmp.Diff([]delivery.Build{two, one}, rows[4:]); diff != "" {
		t.Error(diff)
	}
	for i, want := range []struct {
		of     sandbox.Build
		state  string
		stages string
		detail string
	}{
		{queued, delivery.Queued, "Queued Queued", ""},
		{runs, delivery.Running, "Running Queued", ""},
		{stopped, delivery.Stopped, "Passed Stopped", ""},
		{waits, delivery.Waiting, "Passed Waiting", "deploy"},
	} {
		var stages []string
		for _, s := range rows[i].AllStages() {
			stages = append(stages, s.State)
		}
		if r := rows[i]; r.Number != strconv.Itoa(want.of.ID) || r.State != want.state || strings.Join(stages, " ") != want.stages || r.Detail != want.detail {
			t.Errorf("want %+v, got %+v, %v", want, r, stages)
		}
	}
	tn.Add(sandbox.Pipeline{Name: "shop/off", Branch: "main", Off: true})
	clear(g.board.projects)
	g.board.due = time.Time{}
	all, err := g.pipelineRows(t.Context(), backend.Scope{})
	want := []delivery.Pipeline{
		{Link: "dev", Name: "shop/cart", Branch: "main", Last: strconv.Itoa(queued.ID), State: delivery.Queued, Began: queued.Queued.Unix()},
		{Link: "dev", Name: "shop/off", Branch: "main", Off: "has CI/CD switched off"},
	}
	if diff := cmp.Diff(want, all); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

func TestMoreProjectsThanAreShownAreTold(t *testing.T) {
	tn := open(t)
	for i := range 130 {
		tn.Add(sandbox.Pipeline{Name: fmt.Sprintf("shop/other-%d", i), Branch: "main"})
	}
	tn.began(sandbox.Order{By: "mlin"}) // so that it is the one that was active last
	g := tn.as("dev")
	rows, err := g.pipelineRows(t.Context(), backend.Scope{})
	fails(t, err, backend.Partly, "81 more projects are not shown: only the 50 that were active last are.")
	if len(rows) != 50 || rows[0].Name != "shop/cart" {
		t.Fatalf("%d rows", len(rows))
	}
	if builds, err := g.buildRows(t.Context(), backend.Scope{}); len(builds) != 1 || backend.CodeOf(err) != backend.Partly {
		t.Errorf("%d builds, %v", len(builds), err)
	}
}

// TestNamedProjects: those that are named are shown, more of them than of others, and
// no more than is said.
func TestNamedProjects(t *testing.T) {
	tn := open(t)
	var names []string
	for i := range 75 {
		names = append(names, fmt.Sprintf("shop/other-%d", i))
		tn.Add(sandbox.Pipeline{Name: names[i], Branch: "main", Stages: cart().Stages})
		if _, err := tn.Trigger(names[i], sandbox.Order{By: "mlin"}); err != nil {
			t.Fatal(err)
		}
	}
	g := tn.as("dev")
	g.limits.named = 70
	for named, says := range map[int]string{60: "", 70: "", 75: "5 more projects are not shown: only the first 70 that are named are. Name fewer."} {
		rows, err := g.buildRows(t.Context(), backend.Scope{Namespaces: names[:named]})
		if says != "" {
			fails(t, err, backend.Partly, says)
		} else if err != nil {
			t.Error(err)
		}
		if len(rows) != min(named, 70) {
			t.Errorf("of %d there are the builds of %d", named, len(rows))
		}
	}
}

// TestWhatHasEndedIsReadOnce: jobs are asked for while a pipeline goes on, and once
// when it has ended.
func TestWhatHasEndedIsReadOnce(t *testing.T) {
	tn := open(t)
	b := tn.began(sandbox.Order{By: "mlin"})
	asked := 0
	tn.faults.Spoil(func(r *http.Request) backendtest.Fault {
		if strings.HasSuffix(r.URL.Path, "/jobs") {
			asked++
		}
		return 0
	})
	g := tn.as("dev")
	look := func() {
		g.board.projects["shop/cart"].due = time.Time{}
		if _, err := g.buildRows(t.Context(), backend.Scope{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := g.buildRows(t.Context(), backend.Scope{}); err != nil {
		t.Fatal(err)
	}
	look()
	if err := tn.Stop("shop/cart", b.Number); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		look()
	}
	if asked != 3 {
		t.Errorf("jobs were asked for %d times, want twice while it went on and once after", asked)
	}
}

func TestReads(t *testing.T) {
	tn := open(t)
	b := tn.began(sandbox.Order{By: "mlin"})
	g := tn.as("locked")
	if _, err := g.buildRows(t.Context(), backend.Scope{}); err != nil {
		t.Errorf("rows: %v", err)
	}
	if params, err := g.Params(t.Context(), delivery.BuildTrigger, cartRef); err != nil || len(params) != 5 {
		t.Errorf("parameters: %+v, %v", params, err)
	}
	_, err := do(t, g, delivery.BuildTrigger, cartRef, nil)
	fails(t, err, backend.Denied, "read-only")
	_, err = do(t, g, delivery.BuildStop, refOf(b), nil)
	fails(t, err, backend.Denied, "read-only")
	if len(tn.Builds("shop/cart")) != 1 || tn.state(1) == sandbox.Stopped {
		t.Error("it was changed")
	}
	for _, body := range []string{
		`{"query":"mutation { pipelineDestroy }"}`, `{"query":"` + variablesQuery + ` mutation { x }"}`,
		`{"query":"` + variablesQuery + `","operationName":"x"}`, `{"query":"` + variablesQuery + `"} {"query":"mutation"}`, `nonsense`,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://x"+graphqlPath, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if reads(r) {
			t.Errorf("%s is taken for a read", body)
		}
	}
}

// TestToldFailures: whatever comes instead of an answer is a sentence that ends with
// what to do.
func TestToldFailures(t *testing.T) {
	for _, c := range []struct {
		name  string
		token string
		fault backendtest.Fault
		code  backend.Code
		says  string
	}{
		{"lost", "dev", backendtest.Lost, backend.Unreachable, "does not answer"},
		{"half", "dev", backendtest.Half, backend.Unreachable, "Try again"},
		{"page", "dev", backendtest.Page, backend.Failed, "web page"},
		{"503", "dev", backendtest.Refused, backend.Failed, "503"},
		{"401", "nobody", 0, backend.Expired, "not good"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tn := open(t)
			tn.began(sandbox.Order{By: "mlin"})
			tn.faults.Spoil(func(r *http.Request) backendtest.Fault {
				if r.URL.Path == "/api/v4/user" {
					return 0
				}
				return c.fault
			})
			g := tn.as(c.token)
			_, err := g.buildRows(t.Context(), backend.Scope{})
			fails(t, err, c.code, c.says)
		})
	}
	t.Run("5 MB of blanks", func(t *testing.T) {
		tn := open(t)
		tn.began(sandbox.Order{By: "mlin"})
		tn.faults.Spoil(backendtest.Always(backendtest.Padded))
		if rows, err := tn.as("dev").buildRows(t.Context(), backend.Scope{}); err != nil || len(rows) != 1 {
			t.Errorf("%d rows, %v", len(rows), err)
		}
	})
	t.Run("late", func(t *testing.T) {
		tn := open(t)
		ctx, cancel := context.WithCancel(t.Context())
		tn.faults.Spoil(func(*http.Request) backendtest.Fault { cancel(); return backendtest.Late })
		if _, err := tn.as("dev").buildRows(ctx, backend.Scope{}); err == nil {
			t.Error("there are rows")
		}
	})
	t.Run("one project of two", func(t *testing.T) {
		tn := open(t)
		tn.began(sandbox.Order{By: "mlin"})
		tn.Add(sandbox.Pipeline{Name: "shop/other", Branch: "main"})
		tn.faults.Spoil(func(r *http.Request) backendtest.Fault {
			if strings.Contains(r.URL.Path, "shop/other") {
				return backendtest.Refused
			}
			return 0
		})
		rows, err := tn.as("dev").buildRows(t.Context(), backend.Scope{})
		if fails(t, err, backend.Failed, "503"); len(rows) != 1 {
			t.Errorf("of the other there are %d rows", len(rows))
		}
	})
}

// TestLimitIsKept: who has asked too often asks no more until it may.
func TestLimitIsKept(t *testing.T) {
	tn := open(t)
	asked := 0
	limited := true
	inner := tn.faults.Server
	tn.faults.Server = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if limited {
			w.Header().Set("Retry-After", "3600")
			http.Error(w, "Retry later", http.StatusTooManyRequests)
			return
		}
		inner.ServeHTTP(w, r)
	})
	g := tn.as("dev")
	for range 3 {
		_, err := g.buildRows(t.Context(), backend.Scope{})
		fails(t, err, backend.Failed, "")
	}
	if asked != 1 {
		t.Errorf("it was asked %d times", asked)
	}
	limited = false
	g.pace.closed = time.Time{}
	tn.faults.Server = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("RateLimit-Limit", "600")
		w.Header().Set("RateLimit-Remaining", "20")
		w.Header().Set("RateLimit-Reset", strconv.FormatInt(time.Now().Add(time.Minute).Unix(), 10))
		inner.ServeHTTP(w, r)
	})
	_, _ = g.buildRows(t.Context(), backend.Scope{})
	_, err := g.buildRows(t.Context(), backend.Scope{})
	fails(t, err, backend.Failed, "left alone until")
	if _, err := do(t, g, delivery.BuildTrigger, cartRef, nil); err != nil {
		t.Errorf("what a person asks for: %v", err)
	}
}

func TestDetails(t *testing.T) {
	tn := open(t)
	b := tn.began(sandbox.Order{By: "mlin", Title: "Fix the cart", Params: map[string]string{"DEPLOY_TOKEN": "hush"}})
	tn.pass(13 * time.Second)
	for _, c := range []struct {
		r    backend.Ref
		a    backend.Aspect
		want []string
	}{
		{refOf(b), backend.Summary, []string{"state  waiting", "by  mlin, push", "Fix the cart", "compile  compile", "passed  10s", "deploy  deploy"}},
		{refOf(b), backend.Describe, []string{"variables  DEPLOY_TOKEN", "job 102", b.Commit}},
		{refOf(b), backend.YAML, []string{`"status": "manual"`}},
		{cartRef, backend.Summary, []string{"default branch  main", "#1  waiting  main"}},
		{cartRef, backend.Describe, []string{"Branches: main, release/1."}},
		{cartRef, backend.YAML, []string{`"path_with_namespace": "shop/cart"`}},
	} {
		doc, err := tn.as("dev").Fetch(t.Context(), c.r, c.a)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		_ = doc.WriteText(&text)
		for _, want := range c.want {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%q is not in the %s\n%s", want, c.a, text.String())
			}
		}
		if strings.Contains(text.String(), "hush") {
			t.Errorf("a value is in the %s", c.a)
		}
	}
	_, err := tn.as("dev").Fetch(t.Context(), backend.Ref{Kind: delivery.KindBuild, Scope: "shop/cart", Name: "99"}, backend.Summary)
	fails(t, err, backend.NotFound, "Look at the list again")
}

func TestWhoWeAre(t *testing.T) {
	tn := open(t)
	for _, l := range tn.links.All() {
		if l.Alias() != "dev" {
			continue
		}
		found := l.Check(t.Context())
		if i := slices.IndexFunc(found, func(f link.Finding) bool { return f.Name == "logged in as" }); i < 0 || found[i].Detail != "mlin" {
			t.Errorf("%+v", found)
		}
	}
	if _, err := Protocol().Sign("mlin", "x"); err == nil {
		t.Error("a user is taken")
	}
}
