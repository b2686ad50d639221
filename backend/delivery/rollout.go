package delivery

import "wheelhouse/backend"

// Rollout is one service whose new versions are let in by steps, as a row shows
// it. Strings are the server's, unchecked.
type Rollout struct {
	Link, Namespace, Name, UID string

	Strategy string // Canary, BlueGreen; empty when it has neither
	State    string // Healthy, Progressing, Paused, Degraded, Aborted
	Detail   string // why it is so, in the controller's words; may be empty
	Steps    string // one word a step: "20% pause 60% pause:20s analysis"; empty: all at once
	Step     int16  // index of the step that it is at; the number of steps when it is through
	Weight   int16  // percent that the canary is meant to have now; -1 where there is none
	Held     bool   // a person has paused it, not a step
	Aborted  bool
	Verdict  string // of the analysis that runs or ran last: Running, Successful, Failed, Inconclusive, Error; empty for none
	Stable   string // hash of the revision that everybody has
	Current  string // hash of the revision that is meant to come; equal to Stable when it is through
	Image    string // that is meant to come, of the first container

	Created   int64 // Unix seconds
	Paused    int64 // Unix seconds since when it waits for a person; zero while it does not
	Desired   int32
	Ready     int32
	Updated   int32
	Available int32
	Level     backend.Level
}

// Ref addresses it.
func (r Rollout) Ref() backend.Ref {
	return backend.Ref{Link: r.Link, Kind: KindRollout, Scope: r.Namespace, Name: r.Name, UID: r.UID}
}

// AppendText implements backend.Object.
func (r Rollout) AppendText(b []byte) []byte {
	return backend.AppendWords(b, r.Link, r.Namespace, r.Name, r.Strategy, r.State, r.Image, r.Detail, r.Verdict)
}

// Revision addresses one of its revisions by the hash.
func (r Rollout) Revision(hash string) backend.Ref {
	return backend.Ref{Link: r.Link, Kind: KindRevision, Scope: r.Namespace, Name: r.Name + "-" + hash}
}

// Going says whether a new version is on its way.
func (r Rollout) Going() bool { return r.Current != r.Stable }

// Why says why a verb makes no sense in the state that the row shows; "" when
// it does.
func (r Rollout) Why(action string) string {
	waits := r.Paused != 0
	for _, rule := range []struct {
		action string
		holds  bool
		why    string
	}{
		{RolloutPromote, r.Held, "is paused by a person: resume it"},
		{RolloutPromote, !waits, "does not wait for anybody"},
		{RolloutPromoteFull, !r.Going(), "has no new version on its way"},
		{RolloutSkipStep, r.Steps == "", "has no steps"},
		{RolloutSkipStep, !r.Going(), "has no new version on its way"},
		{RolloutPause, r.Held, "is paused already"},
		{RolloutResume, !r.Held && waits, "waits at a step: promote goes on"},
		{RolloutResume, !r.Held, "is not paused by a person"},
		{RolloutAbort, r.Aborted, "is aborted already"},
		{RolloutAbort, !r.Going(), "has no new version on its way"},
		{RolloutRetry, !r.Aborted, "is not aborted"},
	} {
		if rule.action == action && rule.holds {
			return r.Name + " " + rule.why
		}
	}
	return ""
}

// Revision is one version of a rollout's pods.
type Revision struct {
	Link, Namespace, Name, UID string

	Owner   string // "rollout.argoproj.io/checkout"
	Image   string // of the first container
	Created int64  // Unix seconds
	Desired int32
	Ready   int32
}

// Ref addresses it.
func (r Revision) Ref() backend.Ref {
	return backend.Ref{Link: r.Link, Kind: KindRevision, Scope: r.Namespace, Name: r.Name, UID: r.UID}
}

// AppendText implements backend.Object.
func (r Revision) AppendText(b []byte) []byte {
	return backend.AppendWords(b, r.Link, r.Namespace, r.Name, r.Image)
}
