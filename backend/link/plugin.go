package link

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // OIDC and the errors of retired providers
	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"wheelhouse/backend"
)

// plugins gives the oracles of client-go's exec plugins and auth providers; nil
// where the kubeconfig has static credentials, which win over those, or none.
// client-go keeps what they gave by what they are configured with; a further
// variable, or a further word in the provider's name for the cluster, makes it
// forget a refused answer.
func plugins(config *rest.Config) func(nth int64) (oracle, error) {
	static := config.BearerToken != "" || config.BearerTokenFile != "" || config.Username != "" || config.CertFile != "" || len(config.CertData) > 0
	if static || config.ExecProvider == nil && config.AuthProvider == nil {
		return nil
	}
	return func(nth int64) (o oracle, err error) {
		defer backend.Caught(&err)
		mark := ""
		if nth > 0 {
			mark = strconv.FormatInt(nth, 10)
		}
		if config.ExecProvider == nil {
			p, err := rest.GetAuthProvider(config.Host+mark, config.AuthProvider, config.AuthConfigPersister)
			if err != nil {
				return nil, err
			}
			return signed(p.WrapTransport, nil), nil
		}
		plugin := *config.ExecProvider
		plugin.StdinUnavailable = true
		plugin.StdinUnavailableMessage = "wheelhouse has the terminal; log in with kubectl in another one, then try again"
		if mark != "" {
			plugin.Env = append(slices.Clone(plugin.Env), clientcmdapi.ExecEnvVar{Name: "WHEELHOUSE_LOGIN", Value: mark})
		}
		withPlugin := *config
		withPlugin.ExecProvider = &plugin
		withPlugin.WrapTransport = nil
		t, err := withPlugin.TransportConfig()
		if err != nil {
			return nil, err
		}
		return signed(t.WrapTransport, t.TLS.GetCertHolder.GetCert), nil
	}
}

// signed is the oracle that looks at what is put into a request; cert is nil for
// none.
func signed(sign func(http.RoundTripper) http.RoundTripper, cert func() (*tls.Certificate, error)) oracle {
	return func() (header string, with *tls.Certificate, err error) {
		if cert != nil {
			if with, err = cert(); err != nil {
				return "", nil, err
			}
		}
		// It is answered here: only what is put into it matters.
		req := &http.Request{Method: http.MethodGet, URL: &url.URL{Scheme: "http", Host: "login.invalid"}, Header: http.Header{}}
		see := tripperFunc(func(r *http.Request) (*http.Response, error) {
			header = r.Header.Get("Authorization")
			return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
		})
		res, err := sign(see).RoundTrip(req)
		if err != nil {
			return "", nil, err
		}
		return header, with, res.Body.Close()
	}
}

type tripperFunc func(*http.Request) (*http.Response, error)

func (f tripperFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
