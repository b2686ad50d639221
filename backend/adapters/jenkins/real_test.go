//go:build real

package jenkins

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/link"
)

// aJob says a line a second, with what it was told.
const aJob = `<project>
  <properties><hudson.model.ParametersDefinitionProperty><parameterDefinitions>
    <hudson.model.StringParameterDefinition><name>VERSION</name><description>what to build</description><defaultValue>1.0</defaultValue></hudson.model.StringParameterDefinition>
  </parameterDefinitions></hudson.model.ParametersDefinitionProperty></properties>
  <scm class="hudson.scm.NullSCM"/><canRoam>true</canRoam><disabled>false</disabled><triggers class="vector"/><concurrentBuild>false</concurrentBuild>
  <builders><hudson.tasks.Shell><command>set +x; for i in 1 2 3 4; do echo "WARN step $i of $VERSION"; sleep 1; done</command></hudson.tasks.Shell></builders>
  <publishers/><buildWrappers/>
</project>`

// hudson gives the address of the stack's.
func hudson(t *testing.T) string {
	t.Helper()
	return "http://" + backendtest.StackAddr(t, "hudson", "hudson")
}

// post sends one request as somebody who may do all, in cleanups too.
func post(t *testing.T, url, kind, body string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Post(url, kind, strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	_ = res.Body.Close()
	if res.StatusCode >= http.StatusBadRequest {
		t.Errorf("%s: %s", url, res.Status)
	}
}

// TestRealHudson: Hudson is what Jenkins comes from. Of a build that somebody begins,
// the feed and the log are told as they go: jobs and builds by tree, the queue, and
// the older form of logs, which refuses to be asked for its end. It takes its verbs
// in another way, and has no folders, stages or crumbs.
func TestRealHudson(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	server := hudson(t)
	post := func(path, kind, body string) {
		t.Helper()
		post(t, server+path, kind, body)
	}
	links, err := link.Load(link.Options{Systems: []link.System{{Protocol: Protocol(), URL: server}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(links.Close)
	links.Start()
	j := New(links.All()[0])
	j.limits.fast, j.limits.slow, j.limits.tail = 100*time.Millisecond, 200*time.Millisecond, 100*time.Millisecond

	name := fmt.Sprintf("job %d", time.Now().UnixNano())
	post("/createItem?name="+strings.ReplaceAll(name, " ", "%20"), "text/xml", aJob)
	t.Cleanup(func() { post(jobPath(name)+"/doDelete", "text/plain", "") })
	params, err := j.Params(t.Context(), delivery.BuildTrigger, jobRef(name))
	if diff := cmp.Diff([]backend.Param{{Name: "VERSION", Title: "VERSION", Help: "what to build", Default: "1.0"}}, params); diff != "" || err != nil {
		t.Errorf("%s, %v", diff, err)
	}
	post(jobPath(name)+"/buildWithParameters?VERSION=7", "text/plain", "")
	queued := rowOf(t, j, name, delivery.Queued)
	if !strings.HasPrefix(queued.Number, "q") || !strings.Contains(queued.Detail, "quiet period") || queued.Title != "VERSION=7" {
		t.Errorf("queued it is %+v", queued)
	}
	if row := rowOf(t, j, name, delivery.Running); row.Number != "1" || row.Title != "VERSION=7" || row.Began == 0 {
		t.Errorf("running it is %+v", row)
	}
	h := newHeard()
	if err := j.Tail(t.Context(), logOf(ref(name, 1)), h); err != nil {
		t.Fatal(err)
	}
	var steps []string
	for _, l := range h.lines {
		if l.Level == backend.Warning {
			steps = append(steps, l.Text.Raw())
		}
	}
	if diff := cmp.Diff([]string{"WARN step 1 of 7", "WARN step 2 of 7", "WARN step 3 of 7", "WARN step 4 of 7"}, steps); diff != "" || h.text()[len(h.lines)-1] != "Finished: SUCCESS" {
		t.Errorf("%s %q", diff, h.text())
	}
	if row := rowOf(t, j, name, delivery.Passed); row.Ended < row.Began+4 {
		t.Errorf("ended it is %+v", row)
	}
	older, _, err := j.Before(t.Context(), logOf(ref(name, 1)), backend.Cursor{Oldest: h.lines[len(h.lines)-1]}, 2)
	if err != nil || len(older) != 2 || older[1].Text.Raw() != "WARN step 4 of 7" {
		t.Errorf("before the last it says %+v, %v", older, err)
	}
}

// rowOf waits for a job's build to be in a state.
func rowOf(t *testing.T, j *Jenkins, name, state string) delivery.Build {
	t.Helper()
	var got []delivery.Build
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var err error
		if got, err = j.builds(t.Context(), backend.Scope{Namespaces: []string{name}}); err != nil {
			t.Fatal(err)
		}
		for _, b := range got {
			if b.State == state {
				return b
			}
		}
	}
	t.Fatalf("it is never %s: %+v", state, got)
	return delivery.Build{}
}
