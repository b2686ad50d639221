//go:build unix

package link

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
)

// A plugin is an exec plugin: a script that notes when it runs, and prints what
// its answer file holds.
type plugin struct{ dir string }

func newPlugin(t *testing.T, script string) plugin {
	t.Helper()
	p := plugin{dir: t.TempDir()}
	text := "#!/bin/sh\nd='" + p.dir + "'\necho begin >>$d/../ran; echo run >>$d/runs\n" + script + "\necho end >>$d/../ran\n"
	if err := os.WriteFile(filepath.Join(p.dir, "login"), []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return p
}

// answer is a script that prints the token in the file, or says why not.
const answer200 = `if [ -f $d/token ]; then
  printf '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"%s"}}' "$(cat $d/token)"
else
  echo "please run: corp-login --secret=hunter2" >&2
  echo end >>$d/../ran
  exit 3
fi`

func (p plugin) token(t *testing.T, token string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "token"), []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (p plugin) runs(t *testing.T) int {
	t.Helper()
	b, _ := os.ReadFile(filepath.Join(p.dir, "runs"))
	return strings.Count(string(b), "run")
}

func (p plugin) user() *clientcmdapi.AuthInfo {
	return &clientcmdapi.AuthInfo{Exec: &clientcmdapi.ExecConfig{
		Command: filepath.Join(p.dir, "login"), APIVersion: "client.authentication.k8s.io/v1",
		InteractiveMode: clientcmdapi.IfAvailableExecInteractiveMode,
	}}
}

func TestPluginLogsInOnceAndAgainWhenRefused(t *testing.T) {
	a := newAPI(t)
	p := newPlugin(t, answer200)
	p.token(t, "first")
	a.token.Store("first")
	k := oneContext(a.URL, a.ca())
	k.AuthInfos["u"] = p.user()
	s := load(t, k, Options{})
	s.Start()
	l := only(t, s)
	until(t, l, "login", state(backend.Live))
	get := func() int {
		t.Helper()
		c, err := restClient(l)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Get(a.URL + "/api")
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	for range 20 {
		if got := get(); got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
	}
	if n := p.runs(t); n != 1 {
		t.Errorf("the plugin ran %d times", n)
	}
	p.token(t, "second")
	a.token.Store("second")
	if got := get(); got != http.StatusUnauthorized {
		t.Fatalf("status %d", got)
	}
	l.Report(&backend.Error{Code: backend.Expired})
	for get() != http.StatusOK {
		l.Report(&backend.Error{Code: backend.Expired})
	}
	if n := p.runs(t); n != 2 {
		t.Errorf("the plugin ran %d times", n)
	}
	if h := l.Health(); h.State != backend.Live {
		t.Errorf("is %v: %s", h.State, h.Reason.Safe())
	}
}

func TestFailedLoginSaysWhyAndCanBeTriedAgain(t *testing.T) {
	a := newAPI(t)
	a.token.Store("good")
	p := newPlugin(t, answer200)
	k := oneContext(a.URL, a.ca())
	k.AuthInfos["u"] = p.user()
	s := load(t, k, Options{})
	restore, err := CaptureStderr(func(line string) { s.Heard(line) })
	if err != nil {
		t.Fatal(err)
	}
	defer restore()
	s.Start()
	l := only(t, s)
	h := until(t, l, "failure", lostWith("login failed", "exit code 3", "please run: corp-login"))
	if h.State != backend.Forbidden || h.NextTry.IsZero() {
		t.Errorf("is %+v", h)
	}
	if strings.Contains(h.Reason.Safe(), "hunter2") {
		t.Errorf("the reason holds a secret: %s", h.Reason.Safe())
	}
	c, err := restClient(l)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(a.URL + "/api"); backend.CodeOf(err) != backend.Expired {
		t.Errorf("a request gives %v", err)
	}
	if n := p.runs(t); n != 1 {
		t.Errorf("the plugin ran %d times", n)
	}
	p.token(t, "good")
	s.Retry("dev")
	until(t, l, "return", state(backend.Live))
}

func TestRefusedFreshLoginIsForbidden(t *testing.T) {
	a := newAPI(t)
	a.token.Store("other")
	p := newPlugin(t, answer200)
	p.token(t, "refused")
	k := oneContext(a.URL, a.ca())
	k.AuthInfos["u"] = p.user()
	s := load(t, k, Options{})
	s.Start()
	h := until(t, only(t, s), "refusal", lostWith("login expired"))
	if h.State != backend.Forbidden || strings.Contains(h.Reason.Safe(), "refused") {
		t.Errorf("is %v: %s", h.State, h.Reason.Safe())
	}
	a.token.Store("refused")
	s.Retry("dev")
	until(t, only(t, s), "return", state(backend.Live))
}

func TestPluginsThatPrintNonsenseGiveNothingAway(t *testing.T) {
	a := newAPI(t)
	for name, c := range map[string]struct{ script, want string }{
		"no JSON":   {`echo "hunter2 eyJhbGciOiJub25lIn0.hunter2.x"`, "no credential"},
		"no status": {`echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential"}'`, "status"},
		"missing":   {"", "not found"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlugin(t, c.script)
			k := oneContext(a.URL, a.ca())
			k.AuthInfos["u"] = p.user()
			if c.script == "" {
				k.AuthInfos["u"].Exec.Command = "no-such-plugin-of-" + strings.ToLower(t.Name()[:4])
			}
			s := load(t, k, Options{})
			s.Start()
			h := until(t, only(t, s), "failure", lostWith("login failed", c.want))
			if strings.Contains(h.Reason.Safe(), "hunter2") {
				t.Errorf("the reason holds a secret: %s", h.Reason.Safe())
			}
		})
	}
}

func TestLoginsNeverOverlap(t *testing.T) {
	a := newAPI(t)
	k := oneContext(a.URL, a.ca())
	k.CurrentContext = ""
	delete(k.Contexts, "dev")
	var ran string
	slow := "sleep 0.2\n" + answer200
	for i := range 3 {
		p := newPlugin(t, slow)
		p.token(t, "t")
		ran = filepath.Join(p.dir, "..", "ran")
		name := fmt.Sprint("l", i)
		k.AuthInfos[name] = p.user()
		k.Contexts[name] = &clientcmdapi.Context{Cluster: "c", AuthInfo: name}
	}
	k.AuthInfos["static"] = &clientcmdapi.AuthInfo{Token: "t"}
	k.Contexts["static"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "static"}
	s := load(t, k, Options{Settings: []Settings{{Context: "*", Connect: true}}})
	s.Start()
	for _, l := range s.All() { // requests of all want a login at the same time
		go func() {
			if c, err := restClient(l); err == nil {
				if res, err := c.Get(a.URL + "/api"); err == nil {
					_ = res.Body.Close()
				}
			}
		}()
	}
	for _, l := range s.All() {
		until(t, l, l.Alias(), state(backend.Live))
	}
	b, err := os.ReadFile(ran)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Repeat("begin\nend\n", 3), string(b)); diff != "" {
		t.Error(diff)
	}
}

func TestHangingLoginHoldsNobodyElseUp(t *testing.T) {
	a := newAPI(t)
	p := newPlugin(t, "while [ ! -f $d/token ]; do sleep 0.05; done\n"+answer200)
	k := oneContext(a.URL, a.ca())
	k.AuthInfos["hangs"] = p.user()
	k.Contexts["hangs"] = &clientcmdapi.Context{Cluster: "c", AuthInfo: "hangs"}
	s := load(t, k, Options{Patience: backendtest.Patience, Settings: []Settings{{Context: "*", Connect: true}}})
	s.Start()
	dev, _ := s.Find("dev")
	until(t, dev, "the other one", state(backend.Live))
	hangs, _ := s.Find("hangs")
	until(t, hangs, "waiting", func(h backend.Health) bool {
		return h.State == backend.Connecting && strings.Contains(h.Reason.Safe(), "waits for the login")
	})
	p.token(t, "t")
	until(t, hangs, "its end", state(backend.Live))
}

func TestPluginMayGiveACertificate(t *testing.T) {
	server, ca := certificate(t, time.Now().Add(time.Hour))
	mine, minePEM := certificate(t, time.Now().Add(time.Hour), "ada")
	_, key, err := pemOf(&mine)
	if err != nil {
		t.Fatal(err)
	}
	api := serve(t, func(w http.ResponseWriter, _ *http.Request) {}, &tls.Config{
		Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAnyClientCert,
	})
	status, err := json.Marshal(map[string]any{
		"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential",
		"status": map[string]string{"clientCertificateData": string(minePEM), "clientKeyData": string(key)},
	})
	if err != nil {
		t.Fatal(err)
	}
	p := newPlugin(t, "cat $d/token")
	p.token(t, string(status))
	k := oneContext(api.URL, ca)
	k.AuthInfos["u"] = p.user()
	s := load(t, k, Options{})
	s.Start()
	l := only(t, s)
	until(t, l, "login", state(backend.Live))
	// A dialer outside of HTTP has it too.
	material, err := rest.TLSConfigFor(l.REST())
	if err != nil {
		t.Fatal(err)
	}
	c, err := tls.Dial("tcp", api.Listener.Addr().String(), material)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Handshake(); err != nil {
		t.Error(err)
	}
}

// jwt is a token of the shape that OIDC has; nobody looks at its signature.
func jwt(expires time.Time) string {
	claims := fmt.Sprintf(`{"exp":%d}`, expires.Unix())
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".x"
}

func TestOIDCRefreshes(t *testing.T) {
	fresh := jwt(time.Now().Add(time.Hour))
	var good atomic.Bool
	var issuer *httptest.Server
	issuer = serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path != "/token" {
			_, _ = fmt.Fprintf(w, `{"token_endpoint":%q}`, issuer.URL+"/token")
			return
		}
		if !good.Load() {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = fmt.Fprint(w, `{"error":"invalid_grant","error_description":"token=hunter2 is not active"}`)
			return
		}
		_, _ = fmt.Fprintf(w, `{"access_token":"a","token_type":"bearer","refresh_token":"r2","id_token":%q}`, fresh)
	}, nil)
	a := newAPI(t)
	a.token.Store(fresh)
	k := oneContext(a.URL, a.ca())
	k.AuthInfos["u"] = &clientcmdapi.AuthInfo{AuthProvider: &clientcmdapi.AuthProviderConfig{Name: "oidc", Config: map[string]string{
		"idp-issuer-url": issuer.URL, "client-id": "console", "refresh-token": "r1", "id-token": jwt(time.Now().Add(-time.Hour)),
	}}}
	s := load(t, k, Options{})
	s.Start()
	l := only(t, s)
	h := until(t, l, "refusal", lostWith("login failed", "failed to refresh token"))
	if strings.Contains(h.Reason.Safe(), "hunter2") {
		t.Errorf("the reason holds a secret: %s", h.Reason.Safe())
	}
	good.Store(true)
	s.Retry("dev")
	until(t, l, "return", state(backend.Live))
	saved, err := clientcmd.LoadFromFile(s.opts.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if got := saved.AuthInfos["u"].AuthProvider.Config["refresh-token"]; got != "r2" {
		t.Errorf("the kubeconfig keeps the refresh token %q", got)
	}
}
