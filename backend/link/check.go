package link

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"wheelhouse/backend"
)

// A Finding is one fact about a link, as a doctor tells it.
type Finding struct {
	Name   string        // what was looked at: "reachable"
	State  backend.Level // Good, Warning, Critical; Idle where it can't be told
	Detail string        // what was found
	Help   string        // what to do about it; empty when nothing needs doing
}

// Check looks at the link now, whether it is connected or not. A login that it
// needs is waited for, until ctx ends.
func (l *Link) Check(ctx context.Context) []Finding {
	took, err := l.probe(ctx)
	for errors.Is(err, errLoggingIn) && ctx.Err() == nil {
		took, err = l.probe(ctx)
	}
	var out []Finding
	add := func(name string, state backend.Level, detail, help string) {
		out = append(out, Finding{Name: name, State: state, Detail: backend.T(detail).Safe(), Help: backend.T(help).Safe()})
	}
	var said *answer
	switch state, why := explain(err); {
	case err == nil:
		add("reachable", backend.Good, "answers in "+took.Round(100*time.Microsecond).String(), "")
		l.introduce(ctx)
	case errors.Is(err, errLoggingIn):
		add("login", backend.Critical, "the login did not end in time", "log in with kubectl in another terminal, then try again")
	case state == backend.Forbidden || errors.As(err, &said) && said.status == http.StatusUnauthorized:
		add("login", backend.Critical, why, "")
	default:
		add("reachable", backend.Critical, why, "")
	}
	i := l.Info()
	if i.Insecure {
		add("TLS", backend.Warning, "the server's certificate is not verified: anybody on the way could be the server",
			"put certificate-authority into the kubeconfig instead of insecure-skip-tls-verify")
	} else if err == nil {
		add("TLS", backend.Good, "the server's certificate is verified", "")
	}
	if err == nil {
		unless := func(name, is, help string) {
			if is == "" {
				add(name, backend.Idle, "the server does not tell", help)
				return
			}
			add(name, backend.Good, is, "")
		}
		unless("logged in as", i.User, "")
		unless("version", i.Version, "")
	}
	add("requests", backend.None, fmt.Sprintf("%d sent so far", l.requests.Load()), "")
	return out
}
