package jenkins

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
)

// fake is the adapter of a Jenkins that answers what h does, but for what is asked of
// every one. As the real one's, its answers have no X-Jenkins where h sets none.
func fake(t *testing.T, h http.HandlerFunc) *Jenkins {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/api/json" && r.URL.Query().Get("tree") == "mode":
			fmt.Fprint(w, `{"mode":"NORMAL"}`)
		case r.URL.Path == "/whoAmI/api/json":
			fmt.Fprint(w, `{"name":"ana"}`)
		default:
			h(w, r)
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(server.CloseClientConnections)
	return (&company{url: server.URL}).unconnected(t, "ana", "token")
}

// An asking is a Jenkins with one build whose inputs all have one ID.
type asking struct {
	questions []string // of the inputs, one after another
	lost      bool     // the answers to answers
	silent    bool     // it does not tell who has answered
	posts     atomic.Int32
	at        atomic.Int32 // the question that waits
}

func (a *asking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch at := int(a.at.Load()); {
	case r.Method == http.MethodPost:
		a.posts.Add(1)
		a.at.Add(1)
		if a.lost {
			panic(http.ErrAbortHandler)
		}
	case !strings.HasSuffix(r.URL.Path, "pendingInputActions"):
		by := strings.Repeat(`,{"userId":"ana"}`, at)
		if a.silent {
			by = ""
		}
		fmt.Fprintf(w, `{"number":1,"building":true,"actions":[{}%s]}`, by)
	case at < len(a.questions):
		fmt.Fprintf(w, `[{"id":"Deploy","message":%q,"inputs":[]}]`, a.questions[at])
	default:
		fmt.Fprint(w, `[]`)
	}
}

// TestApprovedOnce: the next input has the same ID, and an answer is never taken by
// that.
func TestApprovedOnce(t *testing.T) {
	const staging, production = "Deploy to staging?", "Deploy to production?"
	for name, k := range map[string]struct {
		*asking
		code backend.Code
		says string
	}{
		"":                                {&asking{questions: []string{staging, production}}, 0, "it goes on"},
		"lost":                            {&asking{questions: []string{staging, production}, lost: true}, 0, "it goes on, by ana"},
		"the same question":               {&asking{questions: []string{staging, staging}}, 0, "it goes on"},
		"the same question, lost":         {&asking{questions: []string{staging, staging}, lost: true}, 0, "it goes on, by ana"},
		"lost, and nobody is named":       {&asking{questions: []string{staging, production}, lost: true, silent: true}, backend.Unknown, "does not tell who has answered"},
		"the same, lost, nobody is named": {&asking{questions: []string{staging, staging}, lost: true, silent: true}, backend.Unknown, "may have been answered"},
		"the same, nobody is named":       {&asking{questions: []string{staging, staging}, silent: true}, backend.Failed, "still or again"},
	} {
		t.Run(name, func(t *testing.T) {
			_, n, err := do(t, fake(t, k.ServeHTTP), delivery.BuildApprove, ref("x", 1), nil)
			if says := n.last() + fmt.Sprint(err); backend.CodeOf(err) != k.code || !strings.Contains(says, k.says) || k.posts.Load() != 1 {
				t.Errorf("%v, %s, after %d requests", backend.CodeOf(err), says, k.posts.Load())
			}
		})
	}
}

// TestApprovedAsPlanned: what asks for something else since is not answered.
func TestApprovedAsPlanned(t *testing.T) {
	a := &asking{questions: []string{"Deploy to staging?", "Deploy to production?"}}
	j := fake(t, a.ServeHTTP)
	p, err := j.Plan(t.Context(), delivery.BuildApprove, []backend.Ref{ref("x", 1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.at.Add(1)
	err = p.Steps[0].Do(t.Context(), new(notes).progress)
	if backend.CodeOf(err) != backend.Conflict || !strings.Contains(err.Error(), "question was Deploy to staging?, is Deploy to production?") || a.posts.Load() != 0 {
		t.Errorf("%v, after %d requests", err, a.posts.Load())
	}
}

// TestTriggerWithoutAName: Jenkins answers a change without X-Jenkins, and is heard; a
// proxy's words are not its own, and leave open what was done.
func TestTriggerWithoutAName(t *testing.T) {
	for name, k := range map[string]struct {
		status   int
		location string
		came     bool // a build of ours is there since
		code     backend.Code
		says     string
	}{
		"created":        {status: 201, location: "http://elsewhere/jenkins/queue/item/7/", says: "build #8 began"},
		"a login before": {status: 302, location: "/oauth2/start?rd=/job/x/", code: backend.Failed, says: "a portal or proxy before Jenkins"},
		"504":            {status: 504, code: backend.Unknown, says: "it may still come"},
		"502":            {status: 502, code: backend.Unknown, says: "it may still come"},
		"500":            {status: 500, code: backend.Unknown, says: "it may still come"},
		"503":            {status: 503, code: backend.Failed, says: "was not triggered"},
		"may be another": {status: 504, came: true, code: backend.Unknown, says: "there is build #8 since then, by ana"},
	} {
		t.Run(name, func(t *testing.T) {
			var posts atomic.Int32
			j := fake(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodPost:
					posts.Add(1)
					if k.location != "" {
						w.Header().Set("Location", k.location)
					}
					w.WriteHeader(k.status)
				case r.URL.Path == "/queue/item/7/api/json":
					fmt.Fprint(w, `{"id":7,"executable":{"number":8}}`)
				case strings.HasPrefix(r.URL.Path, "/queue"):
					fmt.Fprint(w, `{"items":[]}`)
				case strings.Contains(r.URL.RawQuery, "allBuilds") && posts.Load() > 0 && k.came:
					fmt.Fprint(w, `{"allBuilds":[{"number":8,"queueId":99,"actions":[{"causes":[{"userId":"ana"}]}]}]}`)
				default:
					fmt.Fprint(w, `{"buildable":true,"inQueue":false,"property":[]}`)
				}
			})
			j.limits.look = 100 * time.Millisecond
			_, n, err := do(t, j, delivery.BuildTrigger, jobRef("x"), nil)
			if says := n.last() + fmt.Sprint(err); backend.CodeOf(err) != k.code || !strings.Contains(says, k.says) || posts.Load() != 1 {
				t.Errorf("%v, %s, after %d requests", backend.CodeOf(err), says, posts.Load())
			}
		})
	}
}

// TestSecretByName: what calls itself a secret is one, though it is a string.
func TestSecretByName(t *testing.T) {
	j := fake(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/job/x/1") {
			fmt.Fprint(w, `{"number":1,"actions":[{"parameters":[{"name":"DEPLOY_TOKEN","value":"s3cr3t"}]}]}`)
			return
		}
		fmt.Fprint(w, `{"buildable":true,"property":[{"parameterDefinitions":[{"name":"DEPLOY_TOKEN","type":"StringParameterDefinition","defaultParameterValue":{"value":"s3cr3t"}}]}]}`)
	})
	all, err := j.Params(t.Context(), delivery.BuildTrigger, jobRef("x"))
	if err != nil || len(all) != 1 || !all[0].Secret || all[0].Default != "" {
		t.Errorf("%+v, %v", all, err)
	}
	p, err := j.Plan(t.Context(), delivery.BuildTrigger, []backend.Ref{jobRef("x")}, backend.Args{"DEPLOY_TOKEN": "s3cr3t"})
	if err != nil || strings.Contains(p.Steps[0].Request+p.Steps[0].CLI, "s3cr3t") {
		t.Errorf("%+v, %v", p, err)
	}
	for _, r := range []backend.Ref{ref("x", 1), jobRef("x")} {
		var text strings.Builder
		d, err := j.Fetch(t.Context(), r, backend.Summary)
		if err != nil {
			t.Fatal(err)
		}
		_ = d.WriteText(&text)
		if d, err = j.Fetch(t.Context(), r, backend.YAML); err == nil {
			_ = d.WriteText(&text)
		}
		if err != nil || strings.Contains(text.String(), "s3cr3t") {
			t.Errorf("%s, %v", text.String(), err)
		}
	}
}

// TestPortalIsNoLog: neither its page nor its redirect.
func TestPortalIsNoLog(t *testing.T) {
	for status, kind := range map[int]string{200: "text/html", 302: "text/plain"} {
		j := fake(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Location", "/login")
			w.WriteHeader(status)
			fmt.Fprint(w, "Sign in\n")
		})
		if err := j.each(t.Context(), ref("x", 1), 0, func([]byte) bool { return true }); err == nil {
			t.Errorf("%d %s is a log", status, kind)
		}
	}
}

// TestDeletedBuildKeepsStages: one that is not there says nothing of the others.
func TestDeletedBuildKeepsStages(t *testing.T) {
	j := fake(t, func(w http.ResponseWriter, r *http.Request) {
		const flow = `"_class":"org.jenkinsci.plugins.workflow.job.WorkflowRun","number":1,"building":true`
		switch {
		case r.URL.Path == "/job/b/1/wfapi/describe":
			w.WriteHeader(http.StatusNotFound)
		case strings.HasSuffix(r.URL.Path, "describe"):
			fmt.Fprint(w, `{"status":"IN_PROGRESS"}`)
		case strings.HasPrefix(r.URL.Path, "/queue"):
			fmt.Fprint(w, `{"items":[]}`)
		default:
			fmt.Fprint(w, `{"jobs":[{"fullName":"a","buildable":true,"builds":[{`+flow+`}]},{"fullName":"b","buildable":true,"builds":[{`+flow+`}]}]}`)
		}
	})
	if _, err := j.builds(t.Context(), backend.Scope{}); err != nil || !j.stages.missing.IsZero() {
		t.Errorf("the plugin is missing since %v, %v", j.stages.missing, err)
	}
}
