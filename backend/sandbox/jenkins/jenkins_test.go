package jenkins_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/jenkins"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A house is a world with its server, whose clock stands still.
type house struct {
	t     *testing.T
	world *sandbox.World
	now   time.Time
	url   string
	jar   *cookiejar.Jar
}

func build(t *testing.T, o jenkins.Options) *house {
	t.Helper()
	h := &house{t: t, now: time.Unix(1000, 0)}
	h.world = sandbox.New(func() time.Time { return h.now }, 2*time.Second)
	h.world.Add(sandbox.Pipeline{Name: "shop/cart", Branch: "main", Stages: []sandbox.Plan{
		{Name: "compile", Takes: 10 * time.Second, Says: []string{"one", "two"}},
		{Name: "deploy", Takes: 5 * time.Second, Gate: &sandbox.Gate{Message: "Really?", Params: []sandbox.Param{{Name: "WHERE", Kind: "choice", Choices: []string{"eu", "us"}}}}},
	}})
	h.world.Add(sandbox.Pipeline{Name: "pay", Params: []sandbox.Param{
		{Name: "VERSION", Kind: "string", Default: "1"}, {Name: "TOKEN", Kind: "password"},
	}})
	h.world.Add(sandbox.Pipeline{Name: "old", Off: true})
	server := httptest.NewServer(jenkins.New(h.world, o))
	t.Cleanup(server.Close)
	h.url = server.URL
	h.jar, _ = cookiejar.New(nil)
	return h
}

func (h *house) send(method, path, user, secret string, header http.Header) (*http.Response, string) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.url+path, nil)
	if err != nil {
		h.t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	if user != "" {
		req.SetBasicAuth(user, secret)
	}
	client := http.Client{Jar: h.jar, Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return res, string(body)
}

func users() jenkins.Options {
	return jenkins.Options{Users: map[string]jenkins.User{"ana": {Token: "t", Password: "p"}, "eve": {Token: "e", ReadOnly: true}}}
}

func TestTree(t *testing.T) {
	h := build(t, users())
	for range 2 {
		if _, err := h.world.Trigger("shop/cart", sandbox.Order{By: "ana"}); err != nil {
			t.Fatal(err)
		}
	}
	h.now = h.now.Add(3 * time.Second)
	for path, want := range map[string]string{
		"/api/json?tree=jobs[name,jobs[fullName,builds[number]{0,1}]]": `{"_class":"hudson.model.Hudson","jobs":[
			{"_class":"com.cloudbees.hudson.plugins.folder.Folder","name":"shop","jobs":[{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowJob","fullName":"shop/cart",
				"builds":[{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowRun","number":2}]}]},
			{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowJob","name":"pay"},{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowJob","name":"old"}]}`,
		"/job/shop/job/cart/1/api/json?tree=building,actions[causes[userId]]": `{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowRun","building":true,"actions":[
			{"_class":"hudson.model.CauseAction","causes":[{"_class":"hudson.model.Cause$UserIdCause","userId":"ana"}]},{"_class":"hudson.plugins.git.util.BuildData"},{}]}`,
		"/job/shop/api/json?tree=jobs[color]": `{"_class":"com.cloudbees.hudson.plugins.folder.Folder","jobs":[{"_class":"org.jenkinsci.plugins.workflow.job.WorkflowJob","color":"notbuilt_anime"}]}`,
		"/whoAmI/api/json":                    `{"_class":"hudson.security.WhoAmI","anonymous":false,"authenticated":true,"authorities":["authenticated"],"name":"ana"}`,
	} {
		res, body := h.send("GET", path, "ana", "t", nil)
		var got, wanted any
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Errorf("%s: %v in %s", path, err, body)
			continue
		}
		if err := json.Unmarshal([]byte(want), &wanted); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wanted, got); diff != "" || res.Header.Get("X-Jenkins") == "" {
			t.Errorf("%s: %s", path, diff)
		}
	}
	if res, _ := h.send("GET", "/api/json?tree=jobs[name", "ana", "t", nil); res.StatusCode != http.StatusBadRequest {
		t.Errorf("a broken tree is %d", res.StatusCode)
	}
	_, shallow := h.send("GET", "/api/json", "ana", "t", nil)
	_, deep := h.send("GET", "/api/json?depth=1", "ana", "t", nil)
	if strings.Contains(shallow, "nextBuildNumber") || !strings.Contains(deep, "nextBuildNumber") || !strings.Contains(shallow, `"url"`) {
		t.Errorf("depth 0 is %s, depth 1 is %s", shallow, deep)
	}
}

func TestWhoMay(t *testing.T) {
	h := build(t, users())
	for _, c := range []struct {
		method, path, user, secret string
		want                       int
	}{
		{"GET", "/api/json", "", "", 403},
		{"GET", "/api/json", "ana", "wrong", 401},
		{"GET", "/api/json", "ana", "p", 200},
		{"GET", "/api/json", "eve", "e", 200},
		{"POST", "/job/pay/buildWithParameters", "eve", "e", 403},
		{"POST", "/job/pay/buildWithParameters", "ana", "p", 403},
		{"POST", "/job/pay/buildWithParameters", "ana", "t", 201},
		{"GET", "/job/pay/buildWithParameters", "ana", "t", 405},
		{"POST", "/job/pay/buildWithParameters", "ana", "t", 303},
		{"POST", "/job/pay/build", "ana", "t", 400},
		{"POST", "/job/shop/job/cart/buildWithParameters", "ana", "t", 400},
		{"POST", "/job/old/build", "ana", "t", 409},
		{"POST", "/job/none/build", "ana", "t", 404},
		{"GET", "/manage", "ana", "t", 404},
		{"POST", "/queue/cancelItem", "ana", "t", 422},
		{"POST", "/queue/cancelItem?id=99", "ana", "t", 404},
	} {
		if res, body := h.send(c.method, c.path, c.user, c.secret, nil); res.StatusCode != c.want {
			t.Errorf("%s %s as %s is %d: %s", c.method, c.path, c.user, res.StatusCode, body)
		}
	}
}

func TestCrumb(t *testing.T) {
	h := build(t, users())
	_, body := h.send("GET", "/crumbIssuer/api/json", "ana", "p", nil)
	var crumb struct{ Crumb, CrumbRequestField string }
	if err := json.Unmarshal([]byte(body), &crumb); err != nil {
		t.Fatal(err)
	}
	with := http.Header{crumb.CrumbRequestField: {crumb.Crumb}}
	if res, body := h.send("POST", "/job/shop/job/cart/build", "ana", "p", with); res.StatusCode != http.StatusCreated || !strings.HasSuffix(res.Header.Get("Location"), "/queue/item/1/") {
		t.Errorf("with a crumb it is %d: %s", res.StatusCode, body)
	}
	h.jar, _ = cookiejar.New(nil)
	if res, _ := h.send("POST", "/job/shop/job/cart/build", "ana", "p", with); res.StatusCode != http.StatusForbidden {
		t.Errorf("in another session it is %d", res.StatusCode)
	}
}

func TestQueue(t *testing.T) {
	h := build(t, users())
	h.send("POST", "/job/pay/buildWithParameters?VERSION=2&TOKEN=hidden", "ana", "t", nil)
	_, queue := h.send("GET", "/queue/api/json", "ana", "t", nil)
	if !strings.Contains(queue, `"why":"In the quiet period. Expires in 2s"`) || !strings.Contains(queue, `TOKEN=******`) || strings.Contains(queue, "hidden") {
		t.Error(queue)
	}
	h.now = h.now.Add(2 * time.Second)
	_, item := h.send("GET", "/queue/item/1/api/json?tree=id,cancelled,executable[number]", "ana", "t", nil)
	if !strings.Contains(item, `"cancelled":false`) || !strings.Contains(item, `"number":1`) {
		t.Error(item)
	}
	_, info := h.send("GET", "/job/pay/1/api/json", "ana", "t", nil)
	if strings.Contains(info, "hidden") || !strings.Contains(info, `"value":"2"`) {
		t.Error(info)
	}
	h.send("POST", "/job/shop/job/cart/build", "ana", "t", nil)
	if res, _ := h.send("POST", "/queue/cancelItem?id=2", "ana", "t", nil); res.StatusCode != http.StatusNoContent {
		t.Errorf("cancelled with %d", res.StatusCode)
	}
	if _, item := h.send("GET", "/queue/item/2/api/json", "ana", "t", nil); !strings.Contains(item, `"cancelled":true`) {
		t.Error(item)
	}
	if res, _ := h.send("GET", "/job/shop/job/cart/1/api/json", "ana", "t", nil); res.StatusCode != http.StatusNotFound {
		t.Errorf("what never began is a build: %d", res.StatusCode)
	}
	h.now = h.now.Add(10 * time.Minute)
	if res, _ := h.send("GET", "/queue/item/1/api/json", "ana", "t", nil); res.StatusCode != http.StatusNotFound {
		t.Errorf("an item of long ago is %d", res.StatusCode)
	}
}

func TestInput(t *testing.T) {
	h := build(t, users())
	h.send("POST", "/job/shop/job/cart/build", "ana", "t", nil)
	h.now = h.now.Add(12 * time.Second)
	at := "/job/shop/job/cart/1/"
	_, pending := h.send("GET", at+"wfapi/pendingInputActions", "ana", "t", nil)
	if !strings.Contains(pending, `"id":"Deploy"`) || !strings.Contains(pending, `"choices":["eu","us"]`) {
		t.Error(pending)
	}
	if _, stages := h.send("GET", at+"wfapi/describe", "ana", "t", nil); !strings.Contains(stages, `"status":"PAUSED_PENDING_INPUT"`) {
		t.Error(stages)
	}
	if res, _ := h.send("POST", at+"input/deploy/proceedEmpty", "ana", "t", nil); res.StatusCode != http.StatusNotFound {
		t.Errorf("by its own first letter it is %d", res.StatusCode)
	}
	form := "?inputId=Deploy&json=" + url.QueryEscape(`{"parameter":[{"name":"WHERE","value":"us"}]}`)
	for i, want := range []int{200, 500} {
		if res, body := h.send("POST", at+"wfapi/inputSubmit"+form, "ana", "t", nil); res.StatusCode != want {
			t.Errorf("answer %d is %d: %s", i+1, res.StatusCode, body)
		}
	}
	if b, err := h.world.Build("shop/cart", 1); err != nil || b.Stages[1].By != "ana" || b.Stages[1].Args["WHERE"] != "us" {
		t.Errorf("it is %+v, %v", b.Stages[1], err)
	}
	if res, _ := h.send("POST", at+"stop", "ana", "t", nil); res.StatusCode != http.StatusFound {
		t.Errorf("stopped with %d", res.StatusCode)
	}
	if _, info := h.send("GET", at+"api/json", "ana", "t", nil); !strings.Contains(info, `"result":"ABORTED"`) {
		t.Error(info)
	}
}

func TestLog(t *testing.T) {
	h := build(t, users())
	h.send("POST", "/job/shop/job/cart/build", "ana", "t", nil)
	h.now = h.now.Add(6 * time.Second)
	at := "/job/shop/job/cart/1/logText/progressiveText?start="
	res, body := h.send("GET", at+"0", "ana", "t", nil)
	if body != "Started by ana\n[compile] begins\none\n" || res.Header.Get("X-More-Data") != "true" || res.Header.Get("X-Text-Size") != "36" {
		t.Errorf("%q %v", body, res.Header)
	}
	h.now = h.now.Add(3 * time.Second)
	if _, body := h.send("GET", at+"36", "ana", "t", nil); body != "two\n" {
		t.Errorf("%q", body)
	}
	if _, body := h.send("GET", at+"1000", "ana", "t", nil); !strings.HasPrefix(body, "Started") {
		t.Errorf("past its end it gives %q", body)
	}
	parts := http.Header{"Accept": {"multipart/form-data"}}
	_, tail := h.send("GET", at+"-7", "ana", "t", parts)
	if !strings.Contains(tail, "\r\n\r\ntwo\n\r\n--") || !strings.Contains(tail, `{"completed":false,"end":40,"start":36,"startFromNewLine":true}`) {
		t.Errorf("%q", tail)
	}
	if _, page := h.send("GET", at+"5&searchNewLineUntil=36", "ana", "t", parts); !strings.Contains(page, `"start":15`) {
		t.Errorf("%q", page)
	}
}
