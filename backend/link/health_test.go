package link

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
)

func restClient(l *Link) (*http.Client, error) { return rest.HTTPClientFor(l.REST()) }

// certificate signs itself, for names and until a time.
func certificate(t *testing.T, until time.Time, names ...string) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: until.Add(-time.Hour), NotAfter: until,
		DNSNames: names, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if len(names) == 0 {
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func serve(t *testing.T, h http.HandlerFunc, settings *tls.Config) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	if settings == nil {
		s.Start()
	} else {
		s.TLS = settings
		s.StartTLS()
	}
	t.Cleanup(s.Close)
	return s
}

func TestTroubleIsExplained(t *testing.T) {
	a := newAPI(t)
	ok := func(w http.ResponseWriter, _ *http.Request) {}
	expired, expiredCA := certificate(t, time.Now().Add(-time.Hour))
	early, earlyCA := certificate(t, time.Now().Add(48*time.Hour))
	named, namedCA := certificate(t, time.Now().Add(time.Hour), "elsewhere.invalid")
	fine, fineCA := certificate(t, time.Now().Add(time.Hour))
	gone := serve(t, ok, nil)
	gone.Close()
	denying := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }, nil)
	asking := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }, nil)
	proxied := func(proxy string) func(*testing.T) (string, []byte, string) {
		return func(*testing.T) (string, []byte, string) { return a.URL, a.ca(), proxy }
	}
	over := func(c tls.Certificate, ca []byte) func(*testing.T) (string, []byte, string) {
		return func(t *testing.T) (string, []byte, string) {
			return serve(t, ok, &tls.Config{Certificates: []tls.Certificate{c}}).URL, ca, ""
		}
	}
	answers := func(status int, body string) func(*testing.T) (string, []byte, string) {
		return func(t *testing.T) (string, []byte, string) {
			return serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", "https://portal.invalid/login")
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			}, &tls.Config{Certificates: []tls.Certificate{fine}}).URL, fineCA, ""
		}
	}
	for name, c := range map[string]struct {
		at   func(*testing.T) (server string, ca []byte, proxy string)
		want []string
	}{
		"refused":      {func(*testing.T) (string, []byte, string) { return gone.URL, nil, "" }, []string{"refuses connections"}},
		"unknown name": {func(*testing.T) (string, []byte, string) { return "https://nowhere.invalid", nil, "" }, []string{"nowhere.invalid", "check"}},
		"no TLS": {func(t *testing.T) (string, []byte, string) {
			return strings.Replace(serve(t, ok, nil).URL, "http:", "https:", 1), nil, ""
		}, []string{"does not speak TLS"}},
		"unknown CA": {func(*testing.T) (string, []byte, string) { return a.URL, fineCA, "" }, []string{"authority", "certificate-authority"}},
		"expired":    {over(expired, expiredCA), []string{"expired at", "renewed"}},
		"too early":  {over(early, earlyCA), []string{"not good before", "clock"}},
		"wrong name": {over(named, namedCA), []string{"another name", "tls-server-name"}},
		"wants certificate": {func(t *testing.T) (string, []byte, string) {
			return serve(t, ok, &tls.Config{Certificates: []tls.Certificate{fine}, ClientAuth: tls.RequireAnyClientCert}).URL, fineCA, ""
		}, []string{"refuses our certificate"}},
		"proxy gone":       {proxied(strings.Replace(gone.URL, "http://", "http://me:hunter2@", 1)), []string{"proxy can't be reached"}},
		"proxy denies":     {proxied(strings.Replace(denying.URL, "http://", "http://me:hunter2@", 1)), []string{"does not let us through", "403"}},
		"proxy asks":       {proxied(asking.URL), []string{"wants a login"}},
		"unwell":           {answers(500, "[+]ping ok\n[-]etcd failed: reason withheld\n"), []string{"not well", "500", "[-]etcd failed"}},
		"gateway":          {answers(502, "<html>Bad Gateway</html>"), []string{"not well: 502 Bad Gateway"}},
		"portal":           {answers(302, ""), []string{"redirect", "login page"}},
		"no longer let in": {answers(401, ""), []string{"login expired", "try again"}},
		"impersonation": {
			answers(403, `{"kind":"Status","message":"users \"x\" is forbidden: User \"ada\" cannot impersonate resource \"users\""}`),
			[]string{"may not act", "--as"},
		},
		"hostile": {answers(503, "\x1b]0;owned\x07\r\u202e token=hunter2 "+strings.Repeat("x", 5000)), []string{"not well: 503"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, ca, proxy := c.at(t)
			k := oneContext(server, ca)
			k.Clusters["c"].ProxyURL = proxy
			s := load(t, k, Options{})
			s.Start()
			l := only(t, s)
			h := until(t, l, name, lostWith(c.want...))
			reason := h.Reason.Raw()
			if reason != h.Reason.Safe() || len(reason) > 1000 {
				t.Errorf("the reason is not safe or too long: %q", reason)
			}
			if all := reason + l.Info().Server; strings.Contains(all, "hunter2") {
				t.Errorf("a secret is told: %s", all)
			}
			if h.NextTry.IsZero() {
				t.Error("does not come back by itself")
			}
		})
	}
}

func TestWhatIsForbiddenOrUnknownIsReachable(t *testing.T) {
	for _, status := range []int{200, 403, 404, 429} {
		a := newAPI(t)
		a.livez.Store(int64(status))
		s := load(t, oneContext(a.URL, a.ca()), Options{})
		s.Start()
		until(t, only(t, s), "live", state(backend.Live))
	}
}

func TestHalfOpenConnectionsAreGivenUpAndComeBack(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	p := newPipe(t, a.Listener.Addr().String())
	s := load(t, oneContext("https://"+p.Addr().String(), a.ca()), Options{Patience: backendtest.Patience})
	s.Start()
	l := only(t, s)
	until(t, l, "live", state(backend.Live))
	epoch, err := l.Await(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan error, 2)
	for _, cfg := range []*rest.Config{l.REST(), l.Stream()} {
		c, err := rest.HTTPClientFor(cfg)
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Get(cfg.Host + "/hang")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer res.Body.Close()
			_, err := io.Copy(io.Discard, res.Body)
			over <- err
		}()
	}
	p.freeze()
	l.Report(errors.New("a request got no answer"))
	h := until(t, l, "loss", lostWith("does not answer"))
	if h.State != backend.Stale || h.NextTry.IsZero() {
		t.Errorf("is %+v", h)
	}
	<-epoch.Done()
	for range 2 {
		if err := <-over; err == nil {
			t.Error("a watch that hung came to a good end")
		}
	}
	p.thaw()
	until(t, l, "return", state(backend.Live))
}

func TestHangingServerDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0") // accepts, never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	a := newAPI(t)
	k := oneContext(a.URL, a.ca())
	hangs := oneContext("https://"+ln.Addr().String(), nil)
	k.Clusters["h"], k.AuthInfos["h"] = hangs.Clusters["c"], hangs.AuthInfos["u"]
	k.Contexts["h"] = hangs.Contexts["dev"]
	k.Contexts["h"].Cluster, k.Contexts["h"].AuthInfo = "h", "h"
	s := load(t, k, Options{Patience: backendtest.Patience, Settings: []Settings{{Context: "h", Connect: true}}})
	s.Start()
	dev, _ := s.Find("dev")
	until(t, dev, "the other one", state(backend.Live))
	h, _ := s.Find("h")
	until(t, h, "the hanging one", lostWith("does not answer"))
}

func TestIdentity(t *testing.T) {
	a := newAPI(t)
	for name, c := range map[string]struct {
		opts Options
		user string
	}{
		"myself":        {Options{}, "ada"},
		"impersonating": {Options{As: "root"}, "as root by ada"},
		"read-only":     {Options{ReadOnly: true}, "ada"},
	} {
		t.Run(name, func(t *testing.T) {
			s := load(t, oneContext(a.URL, a.ca()), c.opts)
			s.Start()
			l := only(t, s)
			until(t, l, "identity", func(backend.Health) bool { return l.Info().User != "" })
			if i := l.Info(); i.User != c.user || i.Version != "v1.36.3" || i.Unsafe != "" {
				t.Errorf("info is %+v", i)
			}
		})
	}
}

func TestRetryReadsTheKubeconfigAgain(t *testing.T) {
	a := newAPI(t)
	a.token.Store("renewed")
	k := oneContext(a.URL, a.ca())
	s := load(t, k, Options{})
	s.Start()
	l := only(t, s)
	c, err := restClient(l)
	if err != nil {
		t.Fatal(err)
	}
	until(t, l, "refusal", state(backend.Forbidden))
	k.AuthInfos["u"].Token = "renewed"
	rewrite(t, k, s.opts.Kubeconfig)
	s.Retry("dev")
	until(t, l, "return", state(backend.Live))
	res, err := c.Get(a.URL + "/api") // a client from before
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("status %d", res.StatusCode)
	}
}

// TestClientsGoWhereTheLinkLeads: one that was made before the kubeconfig named
// another server, or while it named none, asks the one of now.
func TestClientsGoWhereTheLinkLeads(t *testing.T) {
	a, b := newAPI(t), newAPI(t)
	k := oneContext(a.URL, a.ca())
	s := load(t, k, Options{})
	s.Start()
	l := only(t, s)
	client, err := kubernetes.NewForConfig(l.REST())
	if err != nil {
		t.Fatal(err)
	}
	ask := func() error { return client.Discovery().RESTClient().Get().AbsPath("/api").Do(t.Context()).Error() }
	until(t, l, "connection", state(backend.Live))
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	a.Close()
	k.Clusters["c"].Server, k.Clusters["c"].CertificateAuthorityData = b.URL+"/under/this", b.ca()
	rewrite(t, k, s.opts.Kubeconfig)
	s.Retry("dev")
	req := httptest.NewRequest(http.MethodGet, "http://dev.invalid/api/v1/pods?watch=1", nil)
	c, err := l.connection()
	if err != nil {
		t.Fatal(err)
	}
	if got := c.address(req).URL.String(); got != b.URL+"/under/this/api/v1/pods?watch=1" {
		t.Errorf("it goes to %s", got)
	}
	k.Clusters["c"].Server = b.URL
	rewrite(t, k, s.opts.Kubeconfig)
	s.Retry("dev")
	if err := ask(); err != nil {
		t.Errorf("a client from before: %v", err)
	}
}

func TestCheck(t *testing.T) {
	a := newAPI(t)
	k := oneContext(a.URL, nil)
	k.Clusters["c"].InsecureSkipTLSVerify = true
	l := only(t, load(t, k, Options{}))
	got := map[string]Finding{}
	for _, f := range l.Check(t.Context()) {
		got[f.Name] = f
	}
	for name, want := range map[string]string{"reachable": "answers in", "TLS": "not verified", "logged in as": "ada", "version": "v1.36.3", "requests": "3 sent"} {
		if !strings.Contains(got[name].Detail, want) {
			t.Errorf("%s: %+v", name, got[name])
		}
	}
	if got["TLS"].State != backend.Warning || got["TLS"].Help == "" {
		t.Errorf("TLS: %+v", got["TLS"])
	}
	a.livez.Store(http.StatusUnauthorized)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if first := l.Check(ctx)[0]; first.Name != "login" || first.State != backend.Critical {
		t.Errorf("finding is %+v", first)
	}
}
