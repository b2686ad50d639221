package link

import (
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
)

// A forge is a server of a kind of its own, below /forge, that wants a login.
type forge struct {
	*httptest.Server
	wants atomic.Value // the Authorization header that is let in
	page  atomic.Value // answered to everything, where it is not empty
}

func newForge(t *testing.T, start func(*httptest.Server)) *forge {
	t.Helper()
	f := &forge{}
	f.wants.Store(basic("ada", "hunter2"))
	f.page.Store("")
	f.Server = httptest.NewUnstartedServer(f)
	start(f.Server)
	t.Cleanup(f.Close)
	return f
}

func basic(user, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret))
}

func (f *forge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch page := f.page.Load().(string); {
	case page != "":
		_, _ = io.WriteString(w, page)
	case r.Header.Get("Authorization") != f.wants.Load():
		http.Error(w, "who are you?", http.StatusUnauthorized)
	case r.URL.Path == "/forge/alive" && r.URL.Query().Get("deep") == "1":
		_, _ = io.WriteString(w, `{"forge":"7"}`)
	case r.URL.Path == "/forge/moved":
		http.Redirect(w, r, "/forge/elsewhere", http.StatusFound)
	case r.URL.Path == "/forge/echo":
		_, _ = io.Copy(w, r.Body)
	default:
		http.NotFound(w, r)
	}
}

func forged() Protocol {
	return Protocol{
		Name: "forge", Probe: "/alive?deep=1", Redirects: true,
		Reads: func(r *http.Request) bool { return r.Method == http.MethodGet },
		Well: func(status int, body []byte) bool {
			return status == http.StatusOK && strings.Contains(string(body), "forge")
		},
		User: func(Ask) string { return "ada" },
		Version: func(ask Ask) (string, bool) {
			_, body, err := ask(http.MethodGet, "/alive?deep=1", "")
			return string(body), err == nil
		},
		Sign: func(user, secret string) (string, error) {
			if user == "" {
				return "", errors.New("a forge wants a user")
			}
			return basic(user, secret), nil
		},
	}
}

// system makes the one link of a system, without a kubeconfig.
func system(t *testing.T, sys System, opts Options) *Link {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	sys.Protocol = forged()
	opts.Systems, opts.Patience = []System{sys}, backendtest.Patience
	s, err := Load(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return only(t, s)
}

func get(t *testing.T, l *Link, path string) (int, string, error) {
	t.Helper()
	res, err := l.Client().Get(l.Base() + path)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b), nil
}

func TestSystemIsKeptAndKnown(t *testing.T) {
	f := newForge(t, (*httptest.Server).Start)
	t.Setenv("FORGE", "hunter2\n")
	l := system(t, System{URL: f.URL + "/forge/", User: "ada", Secret: "env:FORGE", Colour: "red", Protected: true}, Options{})
	l.set.Start()
	until(t, l, "start", state(backend.Live))
	l.Introduced(t.Context())
	want := Info{Alias: "forge", Protocol: "forge", Server: f.URL + "/forge/", User: "ada", Version: `{"forge":"7"}`, Colour: "red", Protected: true}
	if diff := cmp.Diff(want, l.Info()); diff != "" {
		t.Error(diff)
	}
	if status, _, err := get(t, l, "/moved"); status != http.StatusFound || err != nil {
		t.Errorf("a redirect of the protocol: %d, %v", status, err)
	}
	if _, ok := l.set.Current(); ok {
		t.Error("a system is taken for the current context")
	}
}

func TestSystemReadsByItsOwnRule(t *testing.T) {
	f := newForge(t, (*httptest.Server).Start)
	l := system(t, System{URL: f.URL + "/forge", User: "ada", Secret: "plain:hunter2", ReadOnly: true}, Options{})
	if _, err := l.Client().Post(l.Base()+"/echo", "text/plain", strings.NewReader("x")); backend.CodeOf(err) != backend.Denied {
		t.Errorf("a write gives %v", err)
	}
	if status, _, err := get(t, l, "/alive?deep=1"); status != http.StatusOK || err != nil {
		t.Errorf("a read gives %d, %v", status, err)
	}
}

func TestSystemsSecretIsFetchedAgainWhenRefused(t *testing.T) {
	f := newForge(t, (*httptest.Server).Start)
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("hunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l := system(t, System{URL: f.URL + "/forge", User: "ada", Secret: Secret("file:" + file)}, Options{})
	l.set.Start()
	until(t, l, "start", state(backend.Live))
	f.wants.Store(basic("ada", "renewed"))
	l.Report(io.ErrUnexpectedEOF)
	until(t, l, "refused", lostWith("does not accept it", "file:"+file))
	if err := os.WriteFile(file, []byte("renewed"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.set.Retry("forge")
	until(t, l, "renewed", state(backend.Live))
}

func TestSystemSaysWhatIsWrong(t *testing.T) {
	f := newForge(t, (*httptest.Server).Start)
	secure := newForge(t, (*httptest.Server).StartTLS)
	page := newForge(t, (*httptest.Server).Start)
	page.page.Store("<html>Welcome to the portal</html>")
	for name, test := range map[string]struct {
		sys  System
		says []string
	}{
		"no variable":    {System{URL: f.URL + "/forge", User: "ada", Secret: "env:NO_SUCH_VARIABLE"}, []string{"env:NO_SUCH_VARIABLE", "not set"}},
		"no file":        {System{URL: f.URL + "/forge", User: "ada", Secret: "file:/no/such/file"}, []string{"file:/no/such/file", "no such file"}},
		"no command":     {System{URL: f.URL + "/forge", User: "ada", Secret: "exec:/no/such/command --password=hunter3"}, []string{"exec:/no/such/command"}},
		"no user":        {System{URL: f.URL + "/forge", Secret: "plain:hunter2"}, []string{"wants a user"}},
		"wrong secret":   {System{URL: f.URL + "/forge", User: "ada", Secret: "plain:hunter3"}, []string{"does not accept it"}},
		"nobody":         {System{URL: f.URL + "/forge"}, []string{"does not accept it"}},
		"another server": {System{URL: page.URL}, []string{"not as forge does", "address"}},
		"wrong path":     {System{URL: f.URL, User: "ada", Secret: "plain:hunter2"}, []string{"not as forge does (404)"}},
		"unknown issuer": {System{URL: secure.URL + "/forge", User: "ada", Secret: "plain:hunter2"}, []string{"authority", "ca in the configuration"}},
		"no CA file":     {System{URL: secure.URL + "/forge", CA: "/no/such/ca.pem"}, []string{"/no/such/ca.pem", "under systems"}},
		"no URL":         {System{URL: "http://a b"}, []string{"under systems"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := system(t, test.sys, Options{})
			l.set.Start()
			h := until(t, l, name, lostWith(test.says...))
			if strings.Contains(h.Reason.Safe(), "hunter") {
				t.Errorf("the secret is told: %s", h.Reason.Safe())
			}
		})
	}
}

func TestSystemBelievesItsOwnAuthority(t *testing.T) {
	f := newForge(t, (*httptest.Server).StartTLS)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	l := system(t, System{URL: f.URL + "/forge", User: "ada", Secret: "plain:hunter2", CA: ca}, Options{})
	l.set.Start()
	until(t, l, "start", state(backend.Live))
	if l.Info().Unsafe != "" {
		t.Error("a verified link is called insecure")
	}
}

func TestSystemsAndContextsHaveAliasesOfTheirOwn(t *testing.T) {
	f := newForge(t, (*httptest.Server).Start)
	sys := System{Protocol: forged(), URL: f.URL, Alias: "dev"}
	s := load(t, oneContext(f.URL, nil), Options{Systems: []System{sys, sys}})
	var got []string
	for _, l := range s.All() {
		got = append(got, l.Alias()+" "+l.Protocol())
	}
	want := []string{"dev forge", "dev-2 forge", "dev-3 kubernetes"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if l, ok := s.Current(); !ok || l.Protocol() != "kubernetes" {
		t.Error("the current context's link is not the cluster's")
	}
}
