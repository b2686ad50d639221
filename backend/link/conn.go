package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/connrotation"

	"wheelhouse/backend"
)

// How long the parts of a connection may take. Together with the probe's they
// make a server that is gone known within ten seconds.
const (
	dialLimit      = 4 * time.Second
	handshakeLimit = 4 * time.Second
	http2Silence   = 5 * time.Second // without a frame, then a ping is sent
	http2Ping      = 3 * time.Second // for its answer
)

// A conn is a link's connections to its server as they were described when it was
// made. It is replaced, not changed, when the kubeconfig is read again.
type conn struct {
	config  *rest.Config // with credentials; never handed out
	root    *url.URL     // what paths are added to
	login   *login       // nil where the credentials are in config
	open    *connrotation.ConnectionTracker
	base    *http.Transport   // HTTP/2 where the server has it; nil in tests
	shared  http.RoundTripper // base with credentials
	streams http.RoundTripper // the same over HTTP/1.1
	myself  http.RoundTripper // shared without impersonation
}

// build makes the conn of a link from what is written of it. The error is for
// people. l.building is held.
func (l *Link) build() (*conn, error) {
	config, err := l.way.config()
	if err != nil {
		return nil, err
	}
	config.UserAgent = l.set.opts.UserAgent
	c := &conn{config: config, open: connrotation.NewConnectionTracker()}
	if err := c.dialable(l); err != nil {
		return nil, &backend.Error{Code: backend.Invalid, Op: "use " + l.alias, Err: err, Human: l.way.unusable(err)}
	}
	return c, nil
}

// dialable makes what sends requests.
func (c *conn) dialable(l *Link) (err error) {
	if c.root, _, err = rest.DefaultServerUrlFor(c.config); err != nil {
		return err
	}
	if ask := l.way.oracles(c.config); ask != nil {
		c.login = &login{link: l, oracles: ask, queue: l.set.logins}
	}
	wire := l.set.network
	wire1 := wire
	if wire == nil {
		if c.base, err = c.transport(true); err != nil {
			return err
		}
		one, err := c.transport(false)
		if err != nil {
			return err
		}
		wire, wire1 = c.base, one
	}
	if c.shared, err = c.authorized(wire, true); err != nil {
		return err
	}
	if c.streams, err = c.authorized(wire1, true); err != nil {
		return err
	}
	c.myself, err = c.authorized(wire, false)
	return err
}

// transport makes connections, with HTTP/2 where the server has it or without.
func (c *conn) transport(http2 bool) (*http.Transport, error) {
	bare := rest.AnonymousClientConfig(c.config)
	bare.TLSClientConfig = c.config.TLSClientConfig
	material, err := rest.TLSConfigFor(bare)
	if err != nil {
		return nil, err
	}
	if material == nil {
		material = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if c.login == nil && material.GetClientCertificate == nil {
		// A resumed session would keep the certificate that it began with.
		material.ClientSessionCache = tls.NewLRUClientSessionCache(8)
	}
	if c.login != nil && material.GetClientCertificate == nil {
		material.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return c.login.certificate(), nil
		}
	}
	dialer := &net.Dialer{
		Timeout:         dialLimit,
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 5 * time.Second, Interval: 2 * time.Second, Count: 2},
	}
	proxy := c.config.Proxy
	if proxy == nil {
		proxy = utilnet.NewProxierWithNoProxyCIDR(http.ProxyFromEnvironment)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(http2)
	return &http.Transport{
		Proxy:                  proxy,
		OnProxyConnectResponse: proxyAnswer,
		DialContext:            connrotation.NewDialerWithTracker(dialer.DialContext, c.open).DialContext,
		TLSClientConfig:        material,
		TLSHandshakeTimeout:    handshakeLimit,
		DisableCompression:     c.config.DisableCompression,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        90 * time.Second,
		Protocols:              protocols,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: http2Silence, PingTimeout: http2Ping},
	}, nil
}

// A refusal is a proxy's answer when asked for the way to the server.
type refusal struct {
	proxy  string // without credentials
	status int
}

func (r *refusal) Error() string {
	return fmt.Sprintf("proxy %s answers %d %s", r.proxy, r.status, http.StatusText(r.status))
}

func proxyAnswer(_ context.Context, proxy *url.URL, _ *http.Request, res *http.Response) error {
	if res.StatusCode == http.StatusOK {
		return nil
	}
	return &refusal{proxy: publicURL(proxy.String()), status: res.StatusCode}
}

// authorized puts in front of rt what makes requests ours: user agent,
// impersonation where there is any and it is wanted, credentials.
func (c *conn) authorized(rt http.RoundTripper, impersonate bool) (http.RoundTripper, error) {
	who := rest.AnonymousClientConfig(c.config)
	who.TLSClientConfig = rest.TLSClientConfig{}
	who.WrapTransport = nil
	who.UserAgent = c.config.UserAgent
	if impersonate {
		who.Impersonate = c.config.Impersonate
	}
	if c.login != nil {
		rt = &loggedIn{login: c.login, next: rt}
	} else {
		who.Username, who.Password = c.config.Username, c.config.Password
		who.BearerToken, who.BearerTokenFile = c.config.BearerToken, c.config.BearerTokenFile
	}
	out, err := rest.HTTPWrappersForConfig(who, rt)
	if err != nil {
		return nil, fmt.Errorf("prepare credentials: %w", err)
	}
	return out, nil
}

// tlsMaterial is what a dialer outside of HTTP needs, read from its files now:
// file names would make client-go watch them. Files that can't be read keep
// their name, so that using them gives the error.
func (c *conn) tlsMaterial() rest.TLSClientConfig {
	t := c.config.TLSClientConfig
	for _, f := range []struct {
		name *string
		data *[]byte
	}{{&t.CAFile, &t.CAData}, {&t.CertFile, &t.CertData}, {&t.KeyFile, &t.KeyData}} {
		if len(*f.data) == 0 && *f.name != "" {
			data, err := os.ReadFile(*f.name)
			if err != nil {
				continue
			}
			*f.data = data
		}
		*f.name = ""
	}
	if c.login != nil {
		if cert, key, err := pemOf(c.login.certificate()); err == nil {
			t.CertData, t.KeyData = cert, key
		}
	}
	return t
}

// pemOf encodes a certificate with its key; the error says that there is none.
func pemOf(c *tls.Certificate) (cert, key []byte, err error) {
	if len(c.Certificate) == 0 {
		return nil, nil, errors.New("no certificate")
	}
	for _, der := range c.Certificate {
		cert = append(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return nil, nil, fmt.Errorf("encode client key: %w", err)
	}
	return cert, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}

// anew is the way to the server over a connection of its own, closed after use.
func (c *conn) anew() (http.RoundTripper, error) {
	if c.base == nil {
		return c.shared, nil
	}
	t := c.base.Clone()
	t.DisableKeepAlives = true
	return c.authorized(t, true)
}

// hangUp closes every connection, with whatever goes on in it.
func (c *conn) hangUp() {
	c.open.CloseAll()
	if c.base != nil {
		c.base.CloseIdleConnections()
	}
}
