package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// sessionToken is the secret of these tests: it may reach the server it is for,
// and nothing else.
const sessionToken = "s3cr3t-bearer-4d1f0c77aa"

// sessionArgs is the variable that makes the test binary the program itself.
const sessionArgs = "WHEELHOUSE_TEST_SESSION"

// TestSessionChild is the program, run by sessionHome.run in a process of its
// own: what it writes to the real standard error counts too.
func TestSessionChild(t *testing.T) {
	text, ok := os.LookupEnv(sessionArgs)
	if !ok {
		t.Skip("run by the other tests in a process of its own")
	}
	var args []string
	if err := json.Unmarshal([]byte(text), &args); err != nil {
		t.Fatal(err)
	}
	os.Args = append([]string{"wheelhouse"}, args...)
	main()
}

// sessionHome is a person's home with nothing in it, and command lines run there.
type sessionHome struct {
	t   *testing.T
	dir string
}

func newSessionHome(t *testing.T) sessionHome {
	t.Helper()
	return sessionHome{t, t.TempDir()}
}

// file writes a file into the home and gives its path.
func (h sessionHome) file(name, text string) string {
	h.t.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// kubeconfig makes the home's kubeconfig with one context, "dead", whose token
// is the secret.
func (h sessionHome) kubeconfig(server string) {
	h.t.Helper()
	h.file(".kube/config", fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: dead
clusters: [{name: c, cluster: {server: %q}}]
users: [{name: u, user: {token: %q}}]
contexts: [{name: dead, context: {cluster: c, user: u, namespace: shop}}]
`, server, sessionToken))
}

// audit is the folder of the record.
func (h sessionHome) audit() string { return filepath.Join(h.dir, "state", "wheelhouse", "audit") }

// sessionResult is what a command line did.
type sessionResult struct {
	out, errs string
	code      int
}

// run runs one command line and holds it to what is true of all of them: no
// control character and no secret comes out or stays behind.
func (h sessionHome) run(args ...string) sessionResult {
	h.t.Helper()
	return h.runWhile(func(*os.Process) {}, args...)
}

// runWhile is run, with something done to the process meanwhile.
func (h sessionHome) runWhile(meanwhile func(*os.Process), args ...string) sessionResult {
	h.t.Helper()
	coded, err := json.Marshal(args)
	if err != nil {
		h.t.Fatal(err)
	}
	c := exec.CommandContext(h.t.Context(), os.Args[0], "-test.run=^TestSessionChild$")
	c.Dir = h.dir
	c.Env = []string{
		sessionArgs + "=" + string(coded), "HOME=" + h.dir, "USERPROFILE=" + h.dir, "PATH=" + os.Getenv("PATH"),
		"XDG_CONFIG_HOME=" + filepath.Join(h.dir, "config"), "XDG_STATE_HOME=" + filepath.Join(h.dir, "state"),
		"XDG_CACHE_HOME=" + filepath.Join(h.dir, "cache"), "XDG_DATA_HOME=" + filepath.Join(h.dir, "data"),
		"TMPDIR=" + h.dir, "GOCOVERDIR=" + os.Getenv("GOCOVERDIR"), "SYSTEMROOT=" + os.Getenv("SYSTEMROOT"),
	}
	var out, errs strings.Builder
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Start(); err != nil {
		h.t.Fatal(err)
	}
	meanwhile(c.Process)
	_ = c.Wait() // its exit code is in the result
	r := sessionResult{out.String(), errs.String(), c.ProcessState.ExitCode()}
	for name, text := range map[string]string{"stdout": r.out, "stderr": r.errs} {
		if i := strings.IndexFunc(text, func(c rune) bool { return c < ' ' && c != '\n' || c >= 0x7f && c < 0xa0 }); i >= 0 {
			h.t.Errorf("%q: a control character in %s: %q", args, name, text)
		}
	}
	h.keepsSecrets(args, r)
	return r
}

// keepsSecrets looks for the token in all that a command line left.
func (h sessionHome) keepsSecrets(args []string, r sessionResult) {
	h.t.Helper()
	if strings.Contains(r.out+r.errs, sessionToken) {
		h.t.Errorf("%q tells the token:\n%s\n%s", args, r.out, r.errs)
	}
	err := filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || strings.Contains(path, ".kube") {
			return err
		}
		b, err := os.ReadFile(path)
		if strings.Contains(string(b), sessionToken) {
			h.t.Errorf("%q leaves the token in %s:\n%s", args, path, b)
		}
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

// wants wants an exit code and parts of both outputs: out on stdout, errs on
// stderr; an empty one must be empty.
func (r sessionResult) wants(t *testing.T, code int, out, errs string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code %d, not %d\n%s%s", r.code, code, r.out, r.errs)
	}
	for _, c := range []struct{ name, got, want string }{{"stdout", r.out, out}, {"stderr", r.errs, errs}} {
		if c.want == "" && c.got != "" || !strings.Contains(c.got, c.want) {
			t.Errorf("%s holds no %q:\n%s", c.name, c.want, c.got)
		}
	}
}

// sessionDeadServer is a URL at which nobody answers: a port of this machine
// that was free a moment ago.
func sessionDeadServer(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "https://" + l.Addr().String()
}

// sessionServer is an API server with one pod, shop/web-0, and what it was
// asked to change. It takes those who ask for ann.
type sessionServer struct {
	*httptest.Server
	hung    chan struct{} // not nil: changes are never answered, and are told here
	mu      sync.Mutex
	changed []string
}

func newSessionServer(t *testing.T) *sessionServer {
	t.Helper()
	s := &sessionServer{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *sessionServer) changes() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.changed, ", ")
}

func (s *sessionServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	review := strings.HasPrefix(r.URL.Path, "/apis/authorization.k8s.io/") || strings.HasPrefix(r.URL.Path, "/apis/authentication.k8s.io/")
	if r.Method != http.MethodGet && !review {
		s.mu.Lock()
		s.changed = append(s.changed, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		if s.hung != nil {
			_, _ = io.Copy(io.Discard, r.Body) // before that the server does not look whether anyone waits
			s.hung <- struct{}{}
			<-r.Context().Done()
			return
		}
	}
	pod := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-0","namespace":"shop","uid":"u-1","resourceVersion":"5"},"spec":{"containers":[{"name":"c"}]},"status":{"phase":"Running"}}`
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/selfsubjectaccessreviews"):
		fmt.Fprint(w, `{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","status":{"allowed":true}}`)
	case strings.HasSuffix(r.URL.Path, "/selfsubjectreviews"):
		fmt.Fprint(w, `{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview","status":{"userInfo":{"username":"ann"}}}`)
	case r.URL.Path == "/version":
		fmt.Fprint(w, `{"major":"1","minor":"36","gitVersion":"v1.36.0"}`)
	case r.URL.Path == "/api/v1/namespaces/shop/pods/web-0":
		fmt.Fprint(w, pod)
	default:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"NotFound","code":404,"message":"nothing is here"}`)
	}
}

// sessionEcho is a server that refuses everyone and says back what it was
// given, escape sequences around it: the worst that an answer may hold.
func sessionEcho(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		message, _ := json.Marshal("\x1b]0;owned\x07\x1b[2Jno entry with " + r.Header.Get("Authorization")) // a string
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `{"apiVersion":"v1","kind":"Status","status":"Failure","reason":"Forbidden","code":403,"message":%s}`, message)
	}))
	t.Cleanup(s.Close)
	return s.URL
}
