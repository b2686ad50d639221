//go:build real

package real_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// TestRealReadOnly: with --read-only, what reaches the server are reads and
// nothing else, whatever is pressed or asked for.
func TestRealReadOnly(t *testing.T) {
	seen := record(t, "a")
	admin := server(t, "a")
	pod := somePod(t, admin, "app=checkout")
	before := deployment(t, admin, "checkout")
	readOnly := func(args ...string) []string {
		return append([]string{"--kubeconfig", seen.kubeconfig, "--read-only"}, args...)
	}

	c := open(t, readOnly("--namespace", shop, "--view", "pods")...)
	c.see("READ-ONLY")
	c.enter("/", pod.Name)
	c.see(pod.Name, "Running")
	for _, key := range []string{"ctrl+d", "ctrl+k"} {
		c.keys(key)
		c.refuses()
	}
	c.keys("d")
	c.see(pod.Name)
	c.keys("esc", "y")
	c.see("apiVersion")
	c.keys("esc", "x")
	c.keys("esc")
	c.enter(":", "deployments")
	c.enter("/", "checkout")
	c.see("checkout", "Available")
	for _, key := range []string{"s", "r"} {
		c.keys(key)
		c.refuses()
	}
	c.alive()

	for _, args := range [][]string{
		{"act", "pod.delete", "pod/shop/" + pod.Name, "--yes"},
		{"act", "pod.delete", "pod/shop/" + pod.Name, "--set", "force=true", "--yes"},
		{"act", "workload.scale", "deployment.apps/shop/checkout", "--set", "replicas=1", "--yes"},
		{"act", "workload.restart", "deployment.apps/shop/checkout", "--yes"},
		{"act", "workload.restart", "daemonset.apps/shop/agent", "--yes"},
		{"act", "workload.scale", "statefulset.apps/shop/db", "--set", "replicas=1", "--yes"},
	} {
		if out, code := command(t, readOnly(args...)...); code != 3 {
			t.Errorf("%s: exit %d, want 3\n%s", strings.Join(args, " "), code, out)
		}
	}
	if out, code := command(t, readOnly("doctor")...); code != 0 {
		t.Errorf("doctor: exit %d\n%s", code, out)
	}

	if reads := seen.check(t); reads < 10 {
		t.Errorf("the recorder saw only %d requests: it does not stand before the server", reads)
	}
	if now, err := admin.CoreV1().Pods(shop).Get(t.Context(), pod.Name, metav1.GetOptions{}); err != nil || now.UID != pod.UID {
		t.Errorf("the pod is not what it was: %v", err)
	}
	if now := deployment(t, admin, "checkout"); now.Generation != before.Generation {
		t.Errorf("the deployment changed: generation %d, was %d", now.Generation, before.Generation)
	}
}

// refuses waits for the console to say that it is read-only, and takes away
// whatever says so.
func (c *console) refuses() {
	c.t.Helper()
	c.until("the refusal", func() bool {
		_, body, _ := strings.Cut(c.text(), "\n")
		return strings.Contains(strings.ToLower(flat(body)), "read-only")
	})
	c.keys("esc")
}

// recorder stands before an API server and keeps what passes.
type recorder struct {
	kubeconfig string // leads to the recorder instead of the server

	mu       sync.Mutex
	requests []string // "GET /api/v1/pods", with " upgrade" where HTTP is left
}

// record puts a recorder before a context's server.
func record(t *testing.T, kubeContext string) *recorder {
	t.Helper()
	config := restConfig(t, kubeContext)
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(config.CAData)
	r := &recorder{}
	proxy := &httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(target) },
		Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true},
		FlushInterval: -1, // watches are streams
	}
	front := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.add(req)
		proxy.ServeHTTP(w, req)
	}))
	front.EnableHTTP2 = true
	front.StartTLS()
	t.Cleanup(func() { front.CloseClientConnections(); front.Close() })

	own := api.NewConfig()
	own.Clusters["a"] = &api.Cluster{
		Server:                   front.URL,
		CertificateAuthorityData: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}),
	}
	own.AuthInfos["a"] = &api.AuthInfo{Token: config.BearerToken}
	own.Contexts["a"] = &api.Context{Cluster: "a", AuthInfo: "a", Namespace: shop}
	own.CurrentContext = "a"
	r.kubeconfig = filepath.Join(t.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(*own, r.kubeconfig); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *recorder) add(req *http.Request) {
	line := req.Method + " " + req.URL.Path
	if req.Header.Get("Upgrade") != "" || strings.Contains(strings.ToLower(req.Header.Get("Connection")), "upgrade") {
		line += " upgrade"
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, line)
}

// reviews are POSTs that ask and change nothing: "Authorization overview" and
// "Authentication" in the Kubernetes documentation.
var reviews = []string{
	"POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
	"POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
	"POST /apis/authentication.k8s.io/v1/selfsubjectreviews",
}

// check fails the test for everything that is no read, and counts the reads.
func (r *recorder) check(t *testing.T) (reads int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, line := range r.requests {
		plain := strings.HasPrefix(line, "GET ") && !strings.HasSuffix(line, " upgrade")
		if !plain && !slices.Contains(reviews, line) {
			t.Errorf("reached the server: %s", line)
			continue
		}
		reads++
	}
	counts := map[string]int{}
	for _, line := range r.requests {
		verb, _, _ := strings.Cut(line, " ")
		counts[verb]++
	}
	t.Log(fmt.Sprint("requests that passed: ", counts))
	return reads
}
