package link

import (
	"crypto/tls"
	"net/http"

	"k8s.io/client-go/rest"

	"wheelhouse/backend"
)

// A System is one server that the configuration names by its URL: all but what
// the kubeconfig leads to.
type System struct {
	Protocol Protocol
	URL      string // http or https; all requests go below its path
	User     string // empty where the secret alone says who we are
	Secret   Secret // empty: nobody in particular

	// TLS, where the system's roots and the URL's host do not do.
	CA, Cert, Key string // PEM files: whom to believe, and who we are
	ServerName    string
	Insecure      bool // believe anybody, and say so on the screen

	Alias     string // [a-z0-9-]+; empty: the protocol's name
	Colour    string
	Protected bool
	ReadOnly  bool
}

// Client sends requests to the link's server: what is asked of Base, and what is
// below it, is sent where the link leads, with its credentials and through its
// gate. For clients of other kinds than client-go's; it sets no limit on a
// request's time. A 401 says that the login is no longer good: Report it.
func (l *Link) Client() *http.Client {
	return &http.Client{
		Transport:     newTripper(l, http.DefaultTransport, false),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Base is the URL by which a client of the link calls its server, without a
// slash at its end: a name that nobody has, so that a client outlives where the
// link leads today.
func (l *Link) Base() string { return "http://" + l.alias + ".invalid" }

// config implements way.
func (s *System) config() (*rest.Config, error) {
	return &rest.Config{Host: s.URL, TLSClientConfig: rest.TLSClientConfig{
		CAFile: s.CA, CertFile: s.Cert, KeyFile: s.Key, ServerName: s.ServerName, Insecure: s.Insecure,
	}}, nil
}

// oracles implements way. What was fetched is good until the server refuses it.
func (s *System) oracles(*rest.Config) func(int64) (oracle, error) {
	if s.Secret == "" {
		return nil
	}
	return func(int64) (oracle, error) {
		header := ""
		return func() (string, *tls.Certificate, error) {
			if header != "" {
				return header, nil, nil
			}
			secret, err := s.Secret.read()
			if err != nil {
				return "", nil, err
			}
			header, err = s.Protocol.Sign(s.User, secret)
			return header, nil, err
		}, nil
	}
}

// outline implements way.
func (s *System) outline() (server string, unverified bool, wrong string) {
	return publicURL(s.URL), s.Insecure, ""
}

// unusable implements way.
func (s *System) unusable(why error) string {
	return "It can't be used: " + short(hideUsers(backend.T(why.Error()).Safe())) + ". Mend it under systems in the configuration, then start again."
}

// hints implements way.
func (s *System) hints() hints {
	return hints{
		authority:  "put that authority's certificate into a file and name it as the system's ca in the configuration",
		serverName: "set the system's serverName in the configuration",
		proxy:      "check HTTPS_PROXY",
		plain:      "write https into the system's url in the configuration where it can do that",
		unverified: "name the authority's certificate as the system's ca in the configuration, instead of insecure",
		login:      "see that " + backend.T(s.Secret.place()).Safe() + " gives a good one",
	}
}
