package cluster

import (
	"fmt"
	"strings"
	"time"

	"wheelhouse/backend"
)

// Finding implements backend.Finder: a link that is lost, or does not let us in.
func (c Cluster) Finding() (backend.Finding, bool) {
	f := backend.Finding{Ref: c.Ref(), Rule: "link", Level: backend.Critical, Since: c.Health.Since, Sentence: c.Health.Reason}
	switch c.Health.State {
	case backend.Down, backend.Forbidden, backend.Stale:
		return f, true
	}
	return f, false
}

// Finding implements backend.Finder: one that is not as it shall be, or is on its
// way there.
func (w Workload) Finding() (backend.Finding, bool) {
	f := backend.Finding{
		Ref: w.Ref(), Rule: "workload", Level: w.Level,
		Sentence: backend.T(fmt.Sprintf("%s, %d/%d ready", strings.ToLower(w.State), w.Ready, w.Desired)),
	}
	return f, w.Level >= backend.Waiting || w.Level == backend.Moving
}

// Finding implements backend.Finder: a pod that is not well is told of as its
// owner's, which is what people know.
func (p Pod) Finding() (backend.Finding, bool) {
	f := backend.Finding{Ref: p.Ref(), Rule: "pod " + p.State + p.Detail, Level: p.Level}
	words := p.State
	if kind, name, ok := strings.Cut(p.Owner, "/"); ok {
		f.Ref = backend.Ref{Link: p.Link, Kind: kind, Scope: p.Namespace, Name: name}
		words = "pod " + p.State
	}
	if p.LastRestart != 0 {
		f.Since = time.Unix(p.LastRestart, 0)
	}
	if p.State == "Running" { // which alone would be nothing wrong
		words += fmt.Sprintf(", %d/%d ready", p.Ready, p.Containers)
	}
	if p.Detail != "" {
		words += ": " + p.Detail
	}
	f.Sentence = backend.T(words)
	return f, p.Level >= backend.Warning
}
