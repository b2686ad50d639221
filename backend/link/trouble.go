package link

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"time"

	"wheelhouse/backend"
)

// An answer is a status that says the link is not well.
type answer struct {
	status  int
	said    string // what of the body helps
	renewed bool   // the credentials came of a new login
}

func (a *answer) Error() string {
	s := fmt.Sprintf("%d %s", a.status, http.StatusText(a.status))
	if a.said != "" {
		s += ": " + short(hide(backend.T(a.said).Safe()))
	}
	return s
}

// newAnswer takes from the body what helps: a Status object's message, or the
// check that failed, or else the first line, unless it is a page.
func newAnswer(status int, body []byte) *answer {
	var object struct{ Message string }
	if json.Unmarshal(body, &object) == nil {
		return &answer{status: status, said: object.Message}
	}
	lines := strings.Split(strings.TrimSpace(string(body)), "\n")
	said := lines[0]
	for _, l := range lines {
		if strings.HasPrefix(l, "[-]") {
			said = l
			break
		}
	}
	if strings.HasPrefix(said, "<") {
		said = ""
	}
	return &answer{status: status, said: said}
}

// explain gives the state that an error of the probe means, and in words why,
// and what helps.
func (l *Link) explain(err error) (backend.State, string) {
	var failed *loginError
	var said *answer
	var plain *backend.Error
	help := l.way.hints()
	switch {
	case errors.As(err, &failed):
		return backend.Forbidden, "login failed: " + failed.Error() + "; " + help.login + ", then try again"
	case errors.As(err, &said):
		return l.explainAnswer(said)
	case errors.As(err, &plain):
		return backend.Down, plain.Human
	}
	for _, f := range []func(error, hints) string{certificateTrouble, proxyTrouble, networkTrouble} {
		if why := f(err, help); why != "" {
			return backend.Down, why
		}
	}
	return backend.Down, short(hide(backend.T(err.Error()).Safe()))
}

// explainAnswer is explain for what the server said.
func (l *Link) explainAnswer(said *answer) (backend.State, string) {
	switch {
	case said.status == http.StatusUnauthorized:
		return backend.Forbidden, "login expired, or never good: the server does not accept it; " + l.way.hints().login + ", then try again"
	case said.status == http.StatusForbidden && strings.Contains(said.said, "impersonate"):
		return backend.Forbidden, "you may not act as that user: " + said.Error() + "; leave --as out, or ask for the right to impersonate"
	case said.status == http.StatusForbidden:
		return backend.Forbidden, "you may not use it: " + said.Error() + "; ask whoever runs it for the right"
	case said.status < 300, said.status == http.StatusNotFound:
		return backend.Down, fmt.Sprintf("answers, but not as %s does (%d): something else is there, or stands before it; check the server's address", l.protocol.Name, said.status)
	case said.status < 400:
		return backend.Down, fmt.Sprintf("answers with a redirect (%d): a portal or login page stands before it; log in there, or check the server's address", said.status)
	}
	return backend.Down, "answers, but is not well: " + said.Error()
}

func certificateTrouble(err error, help hints) string {
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	var op *net.OpError
	switch {
	case errors.As(err, &unknown):
		return "its certificate is signed by an authority that is not known here: " + help.authority
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		if invalid.Cert != nil && time.Now().Before(invalid.Cert.NotBefore) {
			return "its certificate is not good before " + invalid.Cert.NotBefore.UTC().Format(time.DateTime) + " UTC: check this machine's clock"
		}
		if invalid.Cert != nil {
			return "its certificate expired at " + invalid.Cert.NotAfter.UTC().Format(time.DateTime) + " UTC: it has to be renewed on the server (or this machine's clock is wrong)"
		}
		return "its certificate has expired: it has to be renewed on the server"
	case errors.As(err, &invalid):
		return "its certificate is not valid: " + short(backend.T(invalid.Error()).Safe())
	case errors.As(err, &host):
		return "its certificate is for another name than " + backend.T(host.Host).Safe() + ": check the server's address, or " + help.serverName
	case errors.As(err, &record), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return "does not speak TLS there: check the server's address and port"
	case errors.As(err, &op) && op.Op == "remote error":
		return "refuses our certificate (" + short(backend.T(op.Err.Error()).Safe()) + "): get a new client certificate, then try again"
	}
	return ""
}

func proxyTrouble(err error, help hints) string {
	var refused *refusal
	var op *net.OpError
	switch {
	case errors.As(err, &refused) && refused.status == http.StatusProxyAuthRequired:
		return "the proxy " + refused.proxy + " wants a login: put it into proxy-url or HTTPS_PROXY"
	case errors.As(err, &refused):
		return fmt.Sprintf("the proxy %s does not let us through: %d %s", refused.proxy, refused.status, http.StatusText(refused.status))
	case errors.As(err, &op) && (op.Op == "proxyconnect" || op.Op == "socks connect"):
		return "the proxy can't be reached (" + short(hide(backend.T(op.Err.Error()).Safe())) + "): " + help.proxy
	}
	return ""
}

func networkTrouble(err error, _ hints) string {
	var name *net.DNSError
	var op *net.OpError
	timeout := errors.Is(err, context.DeadlineExceeded)
	var slow net.Error
	timeout = timeout || errors.As(err, &slow) && slow.Timeout()
	dialing := errors.As(err, &op) && op.Op == "dial"
	switch {
	case errors.As(err, &name) && name.IsNotFound:
		return "its name " + backend.T(name.Name).Safe() + " is not known: check the VPN and the name server"
	case errors.As(err, &name):
		return "its name " + backend.T(name.Name).Safe() + " can't be looked up: check the network"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refuses connections: the server is not running, or this is the wrong port"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "there is no way to it: check the network and the VPN"
	case timeout && dialing:
		return "can't be reached: no answer to a connection; check the VPN, firewalls and whether it is up"
	case timeout:
		return "does not answer: it hangs, or packets are lost on the way"
	case errors.Is(err, syscall.ECONNRESET), strings.HasSuffix(err.Error(), "EOF"):
		return "closes connections without an answer: it is starting, stopping, or something stands before it"
	}
	return ""
}

// limits and shapes of what may be shown of foreign words.
var (
	longRun  = regexp.MustCompile(`[A-Za-z0-9+_=-]{32,}`)
	keyValue = regexp.MustCompile(`(?i)\b(password|passwd|token|secret|bearer|authorization|api[-_]?key)(["']?\s*[:=]\s*["']?|\s+)[^\s"',;&]+`)
	userInfo = regexp.MustCompile(`://[^/\s@]+@`)
)

// hide takes out what looks like a credential: long runs of base64 or hex,
// values that are named like one, and users in URLs.
func hide(s string) string {
	s = keyValue.ReplaceAllString(s, "$1$2…")
	return longRun.ReplaceAllString(hideUsers(s), "…")
}

// hideUsers takes the users out of URLs: all that the words of a kubeconfig's
// reader can give away.
func hideUsers(s string) string { return userInfo.ReplaceAllString(s, "://…@") }

// short cuts what is too long to be read in a status line.
func short(s string) string {
	const limit = 240
	s = strings.TrimRight(strings.TrimSpace(s), ".")
	if r := []rune(s); len(r) > limit {
		return string(r[:limit]) + "…"
	}
	return s
}
