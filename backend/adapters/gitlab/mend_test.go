package gitlab

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/link"
)

// before gives the adapter for a server that answers as h does.
func before(t *testing.T, h http.HandlerFunc) *GitLab {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	links, err := link.Load(link.Options{Systems: []link.System{{Protocol: Protocol(), URL: s.URL, Alias: "dev", Secret: "plain:x"}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(links.Close)
	return limited(links.All()[0], hasty())
}

// TestListWithoutEndEnds, and says so.
func TestListWithoutEndEnds(t *testing.T) {
	for name, c := range map[string]struct {
		next func(page string) string
		body string
		most int32
	}{
		"empty pages": {func(page string) string { return page + "0" }, `[]`, 1},
		"one page":    {func(string) string { return "1" }, `[{"id":1,"path_with_namespace":"a/b"}]`, 1},
		"backwards":   {func(string) string { return "-1" }, `[{"id":1,"path_with_namespace":"a/b"}]`, 1},
		"short pages": {func(page string) string { return page + "0" }, `[{"id":1,"path_with_namespace":"a/b"}]`, 3},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			g := before(t, func(w http.ResponseWriter, r *http.Request) {
				if asked.Add(1) > 20 {
					w.Header().Set("Content-Type", "text/html") // or it would not end
					return
				}
				w.Header().Set("X-Next-Page", c.next(r.URL.Query().Get("page")))
				_, _ = fmt.Fprint(w, c.body)
			})
			_, err := g.pipelineRows(t.Context(), backend.Scope{})
			fails(t, err, backend.Failed, "does not end")
			if asked.Load() != c.most {
				t.Errorf("it was asked %d times, want %d", asked.Load(), c.most)
			}
		})
	}
}

func TestSecretsAreMasked(t *testing.T) {
	in := `{"id":12345678901234567890,"runners_token":"GR1","token_scope_enabled":true,"import_url":"https://u:pw@x/y.git","web":"https://x/a@b?c=<d>&e",
		"ci_private":{"a":["s",7,null]},"text":"see ssh://git@x and https://tok@y","variables":[{"key":"DEPLOY_TOKEN","value":"v1"},{"key":"TARGET","value":"v2"}],"none_token":""}`
	want := `{"id":12345678901234567890,"runners_token":"…","token_scope_enabled":true,"import_url":"https://…@x/y.git","web":"https://x/a@b?c=<d>&e",` +
		`"ci_private":{"a":["…","…",null]},"text":"see ssh://…@x and https://…@y","variables":[{"key":"DEPLOY_TOKEN","value":"…"},{"key":"TARGET","value":"v2"}],"none_token":""}`
	out, err := masked([]byte(in))
	if diff := cmp.Diff(want, strings.ReplaceAll(string(out), "\n", "")); diff != "" || err != nil || !json.Valid(out) {
		t.Error(diff, err)
	}
	if _, err := masked([]byte(`{"a":`)); err == nil {
		t.Error("half of it is taken for all")
	}
	g := before(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, in) })
	for _, r := range []backend.Ref{cartRef, {Link: "dev", Kind: delivery.KindBuild, Scope: "shop/cart", Name: "7"}} {
		doc, err := g.Fetch(t.Context(), r, backend.YAML)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		_ = doc.WriteText(&text)
		if s := text.String(); strings.Contains(s, "GR1") || strings.Contains(s, "pw") || !strings.Contains(s, `"runners_token": "…"`) {
			t.Error(s)
		}
	}
	if got := (setting{key: "REPO", value: "https://u:pw@x/y"}).shown(); got != "https://…@x/y" {
		t.Errorf("a plan shows %s", got)
	}
}

// TestVariablesThatMayNotBeSeen: a pipeline that may be ours is not begun once more.
func TestVariablesThatMayNotBeSeen(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		ref    string // of the other pipeline
		code   backend.Code
		posts  int32
		says   string
	}{
		"forbidden":      {http.StatusForbidden, "main", backend.Unknown, 1, "#11"},
		"not found":      {http.StatusNotFound, "main", backend.Unknown, 1, "#11"},
		"another branch": {http.StatusForbidden, "other", backend.Unknown, mostSends, "3 times"},
	} {
		t.Run(name, func(t *testing.T) {
			var posts atomic.Int32
			g := before(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case strings.HasSuffix(r.URL.Path, "/user"):
					_, _ = fmt.Fprint(w, `{"username":"mlin"}`)
				case r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/pipeline"):
					posts.Add(1)
					panic(http.ErrAbortHandler) // it is done, and the answer is lost
				case strings.HasSuffix(r.URL.Path, "/variables"):
					w.WriteHeader(c.status)
					_, _ = fmt.Fprint(w, `{"message":"no"}`)
				case strings.HasSuffix(r.URL.Path, "/pipelines") && posts.Load() > 0:
					_, _ = fmt.Fprintf(w, `[{"id":11,"status":"running","ref":%q,"source":"api"}]`, c.ref)
				case strings.HasSuffix(r.URL.Path, "/pipelines"):
					_, _ = fmt.Fprint(w, `[]`)
				default:
					_, _ = fmt.Fprint(w, `{"id":1,"default_branch":"main","path_with_namespace":"shop/cart"}`)
				}
			})
			_, err := do(t, g, delivery.BuildTrigger, cartRef, nil)
			fails(t, err, c.code, c.says)
			if posts.Load() != c.posts || len(g.marks.of) != 0 {
				t.Errorf("it was sent %d times, want %d; remembered: %v", posts.Load(), c.posts, g.marks.of)
			}
		})
	}
}
