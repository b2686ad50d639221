package delivery

import (
	"fmt"
	"strings"
	"time"

	"wheelhouse/backend"
)

// Finding implements backend.Finder: what has failed, waits, or is on its way.
func (r Rollout) Finding() (backend.Finding, bool) {
	f := backend.Finding{Ref: r.Ref(), Rule: "rollout", Level: r.Level}
	if r.Paused != 0 {
		f.Since = time.Unix(r.Paused, 0)
	}
	words := []string{strings.ToLower(r.State)}
	if n := len(strings.Fields(r.Steps)); n > 0 && r.Going() && !r.Aborted {
		words = append(words, fmt.Sprintf("step %d/%d", min(int(r.Step)+1, n), n))
	}
	if r.Weight > 0 {
		words = append(words, fmt.Sprintf("canary %d %%", r.Weight))
	}
	if r.Verdict != "" && r.Verdict != "Successful" {
		words = append(words, "analysis "+strings.ToLower(r.Verdict))
	}
	if r.Detail != "" {
		words = append(words, r.Detail)
	}
	f.Sentence = backend.T(strings.Join(words, ", "))
	return f, r.Level >= backend.Waiting || r.Level == backend.Moving
}

// Change implements backend.Changer: a revision that has pods has come into being.
func (r Revision) Change() (backend.Change, bool) {
	name, ok := strings.CutPrefix(r.Owner, KindRollout+"/")
	return backend.Change{
		Ref: backend.Ref{Link: r.Link, Kind: KindRollout, Scope: r.Namespace, Name: name},
		At:  time.Unix(r.Created, 0), Sentence: backend.T("new version " + r.Image),
	}, ok && r.Desired > 0
}
