package link

import "k8s.io/client-go/rest"

// A way says where a link leads and how: contexts of the kubeconfig (contexts),
// or a System of the configuration.
type way interface {
	// config describes the connection, with those credentials that stand where
	// it is written. The error is for people.
	config() (*rest.Config, error)

	// oracles gives what is asked for credentials that have to be fetched; nil
	// where config has them all. Each call of the result makes an oracle that
	// has forgotten what was fetched before; nth is how often that was wanted.
	oracles(config *rest.Config) func(nth int64) (oracle, error)

	// outline is what is known without asking anybody: the server's URL without
	// credentials, whether TLS is not verified, and what is plainly wrong.
	outline() (server string, unverified bool, wrong string)

	// unusable is the sentence about a description that no connection can be
	// made of.
	unusable(why error) string

	// hints say where what helps is written.
	hints() hints
}

// hints are what to do about a connection that does not come about, as the ends
// of sentences.
type hints struct {
	authority  string // its certificate's issuer is not known
	serverName string // its certificate is for another name
	proxy      string // the proxy can't be reached
	plain      string // there is no TLS
	unverified string // TLS is not verified
	login      string // the credentials can't be had, or are no longer good
}
