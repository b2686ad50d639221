package link

import "net/http"

// A Protocol is what a link must know of the kind of server that it leads to,
// so that it can tell whether the server is there, who we are there, and which
// requests only read. Each adapter gives its own as plain data; the functions
// are called from many goroutines and do no I/O but through the Ask given.
type Protocol struct {
	// Name is the server's kind as the configuration and the screen name it:
	// "jenkins".
	Name string

	// View is the screen that shows what is there first: "pipelines".
	View string

	// Reads says whether a request only reads: all that a read-only link lets
	// through. What it does not know to read, it must refuse.
	Reads func(*http.Request) bool

	// Probe is the path, with its query, whose answer tells that the server is
	// there and lets us in; Well says whether such an answer (its status, and no
	// more than 64 KiB of its body) comes from a server of this kind that works.
	// A 401 is never well.
	Probe string
	Well  func(status int, body []byte) bool

	// User asks who the server takes us for, Version what it runs; empty when it
	// does not tell, and not ok when there is no answer at all. Nil where such
	// servers never tell.
	User    func(Ask) string
	Version func(Ask) (version string, ok bool)

	// Sign gives the Authorization header for a user and a secret; user may be
	// empty. The error says which of the two is missing or too much. Not used
	// for a server that is reached through a kubeconfig.
	Sign func(user, secret string) (header string, err error)

	// Redirects says that redirects belong to the protocol: clients get them as
	// they are. Else one is taken for the sign of a portal before the server.
	Redirects bool
}

// Ask sends one request of a Protocol, as the user of the link, and gives the
// answer's status and the beginning of its body. The path may have a query; a
// body that is not empty is JSON.
type Ask func(method, path, body string) (status int, answer []byte, err error)
