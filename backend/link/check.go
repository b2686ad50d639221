package link

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"wheelhouse/backend"
)

// A Finding is one fact about a link, as a doctor tells it.
type Finding struct {
	Name   string        // what was looked at: "reachable"
	State  backend.Level // Good, Warning, Critical; Idle where it can't be told
	Detail string        // what was found
	Help   string        // what to do about it; empty when nothing needs doing, or Detail says it
}

// Check looks at the link now, whether it is connected or not. A login that it
// needs is waited for, until ctx ends.
func (l *Link) Check(ctx context.Context) []Finding {
	took, err := l.probe(ctx)
	for errors.Is(err, errLoggingIn) && ctx.Err() == nil {
		took, err = l.probe(ctx)
	}
	var out []Finding
	if err == nil {
		_ = l.introduce(ctx) // who we are stays unknown
		out = append(out, Finding{Name: "reachable", State: backend.Good, Detail: "answers in " + took.Round(100*time.Microsecond).String()})
	} else {
		out = append(out, l.failure(err))
	}
	i := l.Info()
	switch {
	case strings.HasPrefix(i.Server, "http://") && i.Unsafe == "":
		out = append(out, Finding{Name: "TLS", State: backend.Good, Detail: "there is none, and the way does not leave this machine"})
	case strings.HasPrefix(i.Server, "http://"):
		out = append(out, Finding{
			Name: "TLS", State: backend.Warning, Detail: "there is none: everybody on the way reads along and could be the server",
			Help: l.way.hints().plain,
		})
	case i.Unsafe != "":
		out = append(out, Finding{
			Name: "TLS", State: backend.Warning, Detail: "the server's certificate is not verified: anybody on the way could be the server",
			Help: l.way.hints().unverified,
		})
	case err == nil:
		out = append(out, Finding{Name: "TLS", State: backend.Good, Detail: "the server's certificate is verified"})
	}
	if err == nil {
		out = append(out, told("logged in as", strings.TrimPrefix(i.User, "as ")), told("version", i.Version))
	}
	return append(out, Finding{Name: "requests", Detail: fmt.Sprintf("%d sent so far", l.requests.Load())})
}

// failure is a probe's error as a finding; the words say what to do.
func (l *Link) failure(err error) Finding {
	if errors.Is(err, errLoggingIn) {
		return Finding{
			Name: "login", State: backend.Critical, Detail: "the login did not end in time",
			Help: "log in with kubectl in another terminal, then try again",
		}
	}
	state, why := l.explain(err)
	name := "reachable"
	if state == backend.Forbidden {
		name = "login"
	}
	return Finding{Name: name, State: backend.Critical, Detail: why}
}

// told is something that the server may or may not tell.
func told(name, is string) Finding {
	if is == "" {
		return Finding{Name: name, State: backend.Idle, Detail: "the server does not tell"}
	}
	return Finding{Name: name, State: backend.Good, Detail: backend.T(is).Safe()}
}
