package machine

import (
	"strings"

	"wheelhouse/backend"
)

// Finding implements backend.Finder: a pool that is not as it shall be.
func (p Pool) Finding() (backend.Finding, bool) {
	return backend.Finding{Ref: p.Ref(), Rule: "pool", Level: p.Level, Sentence: said(p.State+" "+p.Progress(), p.Detail)},
		p.Level >= backend.Waiting || p.Level == backend.Moving
}

// Finding implements backend.Finder: a machine that has failed. Of one that comes
// or goes its pool tells.
func (m Machine) Finding() (backend.Finding, bool) {
	return backend.Finding{Ref: m.Ref(), Rule: "machine", Level: m.Level, Sentence: said(m.State, m.Detail)}, m.Level >= backend.Warning
}

func said(state, detail string) backend.Text {
	state = strings.ToLower(state)
	if detail == "" {
		return backend.T(state)
	}
	return backend.T(state + ": " + detail)
}
