package gitlab_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	client "gitlab.com/gitlab-org/api/client-go"
	"go.uber.org/goleak"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/gitlab"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A town is a world that is served, with a clock that only the test moves.
type town struct {
	*testing.T
	*sandbox.World
	url string
	mu  sync.Mutex
	now time.Time
}

func (tn *town) pass(d time.Duration) {
	tn.mu.Lock()
	defer tn.mu.Unlock()
	tn.now = tn.now.Add(d)
}

func serve(t *testing.T) *town {
	t.Helper()
	tn := &town{T: t, now: time.Unix(1795000000, 0)}
	tn.World = sandbox.New(func() time.Time {
		tn.mu.Lock()
		defer tn.mu.Unlock()
		return tn.now
	}, 2*time.Second)
	tn.Add(sandbox.Pipeline{
		Name: "shop/cart", Branch: "main", More: []string{"release/1"},
		Params: []sandbox.Param{{Name: "TARGET", Help: "where to", Default: "staging", Choices: []string{"staging", "prod"}}},
		Stages: []sandbox.Plan{
			{Name: "compile", Takes: 10 * time.Second, Says: []string{"one", "two"}},
			{Name: "deploy", Takes: 5 * time.Second, Fails: "BREAK", Gate: &sandbox.Gate{Message: "Really?"}},
		},
	})
	for i := range 45 {
		tn.Add(sandbox.Pipeline{Name: fmt.Sprintf("shop/other-%d", i), Branch: "main"})
	}
	server := httptest.NewServer(gitlab.New(tn.World, gitlab.Options{
		Users: map[string]gitlab.User{
			"dev": {Name: "mlin", Level: gitlab.Developer}, "boss": {Name: "ops", Level: gitlab.Maintainer},
			"see": {Name: "eve", Level: gitlab.Reporter}, "read": {Name: "mlin", Level: gitlab.Developer, ReadOnly: true},
			"one": {Name: "guest", Projects: map[string]int{"shop/cart": gitlab.Reporter}},
		},
		URL:    "https://git.example",
		Sealed: []string{"shop/other-1"},
	}))
	t.Cleanup(server.Close)
	tn.url = server.URL
	return tn
}

// as is the official client with a token, without its retries.
func (tn *town) as(token string) *client.Client {
	tn.Helper()
	transport := &http.Transport{}
	tn.Cleanup(transport.CloseIdleConnections)
	c, err := client.NewClient(token, client.WithBaseURL(tn.url), client.WithoutRetries(), client.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		tn.Fatal(err)
	}
	return c
}

func must[T any](t *testing.T) func(v T, r *client.Response, err error) T {
	return func(v T, _ *client.Response, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestProjectsArePaged(t *testing.T) {
	tn := serve(t)
	c := tn.as("dev")
	if u := must[*client.User](t)(c.Users.CurrentUser()); u.Username != "mlin" {
		t.Errorf("they are %s", u.Username)
	}
	if v := must[*client.Version](t)(c.Version.GetVersion()); v.Version == "" {
		t.Error("it has no version")
	}
	for name, o := range map[string]client.ListOptions{
		"by offset": {PerPage: 20, OrderBy: "last_activity_at"}, "by keyset": {PerPage: 7, Pagination: "keyset", OrderBy: "id"},
	} {
		seen := map[string]bool{}
		all, failed := client.Scan(func(p client.PaginationOptionFunc) ([]*client.Project, *client.Response, error) {
			return c.Projects.ListProjects(&client.ListProjectsOptions{ListOptions: o, Membership: new(true)}, p)
		})
		for p := range all {
			if seen[p.PathWithNamespace] {
				t.Errorf("%s, %s comes twice", name, p.PathWithNamespace)
			}
			seen[p.PathWithNamespace] = true
		}
		if err := failed(); err != nil || len(seen) != 46 {
			t.Errorf("%s there are %d, %v", name, len(seen), err)
		}
	}
	_, r, err := c.Projects.ListProjects(&client.ListProjectsOptions{ListOptions: client.ListOptions{PerPage: 20, Page: 2}})
	if err != nil || r.TotalItems != 46 || r.TotalPages != 3 || r.NextPage != 3 || r.PreviousPage != 1 || r.NextLink == "" {
		t.Errorf("the second page is %+v, %v", r, err)
	}
	if all := must[[]*client.Project](t)(tn.as("one").Projects.ListProjects(nil)); len(all) != 1 {
		t.Errorf("a guest sees %d", len(all))
	}
}

func TestPipelineFromBeginningToEnd(t *testing.T) {
	tn := serve(t)
	c := tn.as("dev")
	project := must[*client.Project](t)(c.Projects.GetProject("shop/cart", nil))
	if project.DefaultBranch != "main" || project.Permissions.ProjectAccess.AccessLevel != client.DeveloperPermissions {
		t.Errorf("it is %+v", project)
	}
	p := must[*client.Pipeline](t)(c.Pipelines.CreatePipeline(project.ID, &client.CreatePipelineOptions{
		Ref: new("release/1"), Variables: &[]*client.PipelineVariableOptions{{Key: new("BREAK"), Value: new("true")}},
	}))
	if p.Status != "pending" || p.Source != "api" || p.User.Username != "mlin" || p.Ref != "release/1" || p.WebURL != fmt.Sprintf("https://git.example/shop/cart/-/pipelines/%d", p.ID) {
		t.Errorf("it begins as %+v", p)
	}
	if v := must[[]*client.PipelineVariable](t)(c.Pipelines.GetPipelineVariables(project.ID, p.ID)); len(v) != 1 || v[0].Key != "BREAK" || v[0].Value != "true" {
		t.Errorf("its variables are %+v", v)
	}
	tn.pass(6 * time.Second)
	jobs := must[[]*client.Job](t)(c.Jobs.ListPipelineJobs("shop/cart", p.ID, nil))
	if len(jobs) != 2 || jobs[0].Status != "created" || jobs[1].Status != "running" || jobs[1].Stage != "compile" {
		t.Fatalf("its jobs are %+v", jobs)
	}
	tn.says(c, jobs[1].ID, "section_start:1795000002:step_script\r\x1b[0K\x1b[0K\x1b[36;1mExecuting \"step_script\" stage of the job script\x1b[0;m\x1b[0;m\n[compile] begins\none\n")
	if _, _, err := c.Jobs.PlayJob("shop/cart", jobs[0].ID, nil); !client.HasStatusCode(err, http.StatusBadRequest) || !strings.Contains(err.Error(), "Unplayable Job") {
		t.Errorf("what is not its turn gives %v", err)
	}
	tn.pass(10 * time.Second)
	if p := must[*client.Pipeline](t)(c.Pipelines.GetPipeline("shop/cart", p.ID)); p.Status != "manual" {
		t.Errorf("it is %s and does not wait", p.Status)
	}
	played := must[*client.Job](t)(tn.as("boss").Jobs.PlayJob("shop/cart", jobs[0].ID, nil))
	if played.Status != "running" || played.User.Username != "ops" {
		t.Errorf("it is %+v", played)
	}
	if _, _, err := c.Jobs.PlayJob("shop/cart", jobs[0].ID, nil); !client.HasStatusCode(err, http.StatusBadRequest) {
		t.Errorf("played twice it gives %v", err)
	}
	tn.pass(5 * time.Second)
	if j := must[*client.Job](t)(c.Jobs.GetJob("shop/cart", jobs[0].ID)); j.Status != "failed" || j.FailureReason != "script_failure" {
		t.Errorf("it ends as %+v", j)
	}
	list := must[[]*client.PipelineInfo](t)(c.Pipelines.ListProjectPipelines("shop/cart", &client.ListProjectPipelinesOptions{
		Ref: new("release/1"), Username: new("mlin"), Source: new("api"), UpdatedAfter: new(p.CreatedAt.Add(-time.Hour)), OrderBy: new("updated_at"),
	}))
	if len(list) != 1 || list[0].ID != p.ID || list[0].Status != "failed" || !list[0].UpdatedAt.After(*list[0].CreatedAt) {
		t.Errorf("the list is %+v", list)
	}
	if again := must[*client.Pipeline](t)(c.Pipelines.RetryPipelineBuild("shop/cart", p.ID)); again.Status != "manual" {
		t.Errorf("done again it is %s", again.Status)
	}
	for range 2 { // whatever its state
		if p := must[*client.Pipeline](t)(c.Pipelines.CancelPipelineBuild("shop/cart", p.ID)); p.Status != "canceled" {
			t.Errorf("cancelled it is %s", p.Status)
		}
	}
	if b := must[[]*client.Bridge](t)(c.Jobs.ListPipelineBridges("shop/cart", p.ID, nil)); len(b) != 0 {
		t.Errorf("its bridges are %+v", b)
	}
}

func (tn *town) says(c *client.Client, job int64, want string) {
	tn.Helper()
	trace, _, err := c.Jobs.GetTraceFile("shop/cart", job)
	if err != nil {
		tn.Fatal(err)
	}
	got, _ := io.ReadAll(trace)
	if diff := cmp.Diff(want, string(got)); diff != "" {
		tn.Error(diff)
	}
}

func TestRefusals(t *testing.T) {
	tn := serve(t)
	begin := func(token, project, ref string, v ...*client.PipelineVariableOptions) error {
		o := &client.CreatePipelineOptions{Ref: &ref}
		if len(v) > 0 {
			o.Variables = &v
		}
		_, _, err := tn.as(token).Pipelines.CreatePipeline(project, o)
		return err
	}
	for says, err := range map[string]error{
		"{message: 401 Unauthorized}":              begin("nobody", "shop/cart", "main"),
		"{message: 403 Forbidden}":                 begin("see", "shop/cart", "main"),
		"insufficient_scope":                       begin("read", "shop/cart", "main"),
		"404 Not Found":                            begin("dev", "shop/none", "main"),
		"{message: {base: [Reference not found]}}": begin("dev", "shop/cart", "nowhere"),
		"{error: ref is missing}":                  begin("dev", "shop/cart", ""),
		"{message: {base: [Insufficient permissions to set pipeline variables]}}": begin("dev", "shop/other-1", "main", &client.PipelineVariableOptions{Key: new("A"), Value: new("b")}),
	} {
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("want %s, got %v", says, err)
		}
	}
	b, err := tn.Trigger("shop/cart", sandbox.Order{By: "somebody", Title: "Fix the cart"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := tn.as("dev").Pipelines.GetPipelineVariables("shop/cart", int64(b.ID)); !client.HasStatusCode(err, http.StatusForbidden) {
		t.Errorf("variables of somebody else: %v", err)
	}
	if _, _, err := tn.as("dev").Pipelines.GetPipeline("shop/cart", 4711); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
	res, err := http.Get(tn.url + "/api/v4/runners")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusNotFound || string(body) != "{\"error\":\"404 Not Found\"}\n" {
		t.Errorf("what is not served is %d %s", res.StatusCode, body)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestVariablesAreKnownAtTheSecondTime(t *testing.T) {
	tn := serve(t)
	type variable struct {
		Key, Value, Description string
		ValueOptions            []string
	}
	var answers [2]struct {
		Data struct {
			Project struct{ CiConfigVariables []variable }
		}
	}
	for i := range answers {
		_, err := tn.as("dev").GraphQL.Do(client.GraphQLQuery{
			Query:     `query($fullPath: ID!, $ref: String!){project(fullPath:$fullPath){ciConfigVariables(ref:$ref){key value description valueOptions}}}`,
			Variables: map[string]any{"fullPath": "shop/cart", "ref": "main"},
		}, &answers[i])
		if err != nil {
			t.Fatal(err)
		}
	}
	if answers[0].Data.Project.CiConfigVariables != nil {
		t.Error("they are known at once")
	}
	if diff := cmp.Diff([]variable{{"TARGET", "staging", "where to", []string{"staging", "prod"}}}, answers[1].Data.Project.CiConfigVariables); diff != "" {
		t.Error(diff)
	}
	if all := must[[]*client.Branch](t)(tn.as("dev").Branches.ListBranches("shop/cart", nil)); len(all) != 2 || !all[0].Default {
		t.Errorf("branches are %+v", all)
	}
}
