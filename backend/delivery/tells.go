package delivery

import (
	"fmt"
	"strings"
	"time"

	"wheelhouse/backend"
)

// Finding implements backend.Finder: a build that is on its way or waits.
func (b Build) Finding() (backend.Finding, bool) {
	f := backend.Finding{Ref: b.Ref(), Rule: "build", Level: b.Level()}
	if at := max(b.Began, b.Queued); at != 0 {
		f.Since = time.Unix(at, 0)
	}
	words := []string{strings.ToLower(b.State)}
	all := b.AllStages()
	for i, s := range all {
		if s.State == b.State {
			words = append(words, fmt.Sprintf("%s %d/%d", s.Name, i+1, len(all)))
			break
		}
	}
	words = append(words, b.about()...)
	f.Sentence = backend.T(strings.Join(words, ", "))
	return f, b.Going()
}

// about is what else tells a build from others.
func (b Build) about() (words []string) {
	if b.Branch != "" {
		words = append(words, b.Branch)
	}
	if b.By != "" {
		words = append(words, "by "+b.By)
	}
	if b.Detail != "" {
		words = append(words, b.Detail)
	}
	if b.Title != "" {
		words = append(words, b.Title)
	}
	return words
}

// Change implements backend.Changer: a build has ended.
func (b Build) Change() (backend.Change, bool) {
	words := append([]string{strings.ToLower(b.State)}, b.about()...)
	return backend.Change{Ref: b.Ref(), At: time.Unix(b.Ended, 0), Level: b.Level(), Sentence: backend.T(strings.Join(words, ", "))}, !b.Going() && b.Ended != 0
}

// Finding implements backend.Finder: the pipeline's newest build has failed.
func (p Pipeline) Finding() (backend.Finding, bool) {
	f := backend.Finding{
		Ref: p.Ref(), Rule: "pipeline", Level: LevelOf(p.State),
		Sentence: backend.T("build #" + p.Last + " " + strings.ToLower(p.State)),
	}
	if p.Began != 0 {
		f.Since = time.Unix(p.Began, 0)
	}
	return f, f.Level > backend.Waiting
}

// Finding implements backend.Finder: what has failed, waits, or is on its way.
func (r Rollout) Finding() (backend.Finding, bool) {
	f := backend.Finding{Ref: r.Ref(), Rule: "rollout", Level: r.Level}
	if r.Paused != 0 {
		f.Since = time.Unix(r.Paused, 0)
	}
	words := []string{strings.ToLower(r.State)}
	if n := len(strings.Fields(r.Steps)); n > 0 && r.Going() && !r.Aborted {
		words[0] += fmt.Sprintf(" at step %d/%d", min(int(r.Step)+1, n), n)
	}
	if r.Weight > 0 {
		words = append(words, fmt.Sprintf("canary %d %%", r.Weight))
	}
	if r.Verdict != "" && r.Verdict != "Successful" {
		words = append(words, "analysis "+strings.ToLower(r.Verdict))
	}
	switch why := strings.TrimPrefix(r.Detail, "RolloutAborted: "); why {
	case "", "CanaryPauseStep", "InconclusiveAnalysisRun": // the words before say as much
	default:
		words = append(words, why)
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
