package stack

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// Who may do what on the secured node: all, and read the indices that begin with
// "logs".
const (
	ElasticUser     = "elastic"
	ElasticReader   = "reader"
	ElasticPassword = "not-a-secret" // of both
)

// newElastic is the part that has two Elasticsearch nodes, each a cluster of its own:
// plain lets everybody in; secured wants a login and speaks TLS, with a certificate
// by the authority ca.crt of the part's folder.
func newElastic(dir string) *fleet {
	f := &fleet{name: "elastic", dir: dir, programs: []string{"plain", "secured"}, more: []string{"plain-transport", "secured-transport"}}
	f.build = func(ctx context.Context, src string) (string, error) {
		return builtByMaven(ctx, f.name, filepath.Join(src, "elastic"))
	}
	f.prepare = func(context.Context) error { return elasticKeys(f) }
	f.program = func(name string) program {
		p := program{name: name, dir: f.dir, exe: java(), args: []string{
			"-Xms256m", "-Xmx256m", "-XX:+UseSerialGC", "-Djava.io.tmpdir=" + f.dir,
			"-cp", f.path("built", "lib", "*") + ":" + f.path("built", "node.jar"), "shop.Elastic", f.path(name),
			fmt.Sprintf("http.port=%d", f.ports[name]), fmt.Sprintf("transport.port=%d", f.ports[name+"-transport"]),
		}}
		if name == "secured" {
			p.env = []string{"ELASTIC_PASSWORD=" + ElasticPassword}
			p.args = append(p.args, "xpack.security.http.ssl.enabled=true",
				"xpack.security.http.ssl.key=node.key", "xpack.security.http.ssl.certificate=node.crt")
		}
		return p
	}
	f.ready = func(ctx context.Context, name string) error {
		if name == "plain" {
			return answers(ctx, fmt.Sprintf("http://127.0.0.1:%d/", f.ports[name]))
		}
		return elasticUsers(ctx, f)
	}
	return f
}

// elasticKeys makes the secured node's certificate, once.
func elasticKeys(f *fleet) error {
	config := f.path("secured", "config") // a node reads no certificate from elsewhere
	if _, err := os.Stat(filepath.Join(config, "node.crt")); err == nil {
		return nil
	}
	if err := os.MkdirAll(config, 0o700); err != nil {
		return err
	}
	a, err := newAuthority(config, "elastic")
	if err != nil {
		return err
	}
	err = a.server("node", x509.Certificate{Subject: pkix.Name{CommonName: "node-0"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}})
	if err != nil {
		return err
	}
	return relink(filepath.Join(config, "ca.crt"), f.path("ca.crt"))
}

// elasticUsers makes the secured node know who may read logs.
func elasticUsers(ctx context.Context, f *fleet) error {
	ca, err := os.ReadFile(f.path("ca.crt"))
	if err != nil {
		return err
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(ca)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, DisableKeepAlives: true}}
	for _, put := range [][2]string{
		{"role/logs", `{"indices":[{"names":["logs*"],"privileges":["read","view_index_metadata"]}]}`},
		{"user/" + ElasticReader, `{"password":"` + ElasticPassword + `","roles":["logs"]}`},
	} {
		url := fmt.Sprintf("https://127.0.0.1:%d/_security/%s", f.ports["secured"], put[0])
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, url, strings.NewReader(put[1]))
		if err != nil {
			return err
		}
		req.SetBasicAuth(ElasticUser, ElasticPassword)
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err == nil && res.StatusCode != http.StatusOK {
			err = errors.New(res.Status + ": " + string(body))
		}
		if err != nil {
			return fmt.Errorf("make %s: %w", put[0], err)
		}
	}
	return nil
}
