package delivery

import (
	"strconv"
	"strings"

	"wheelhouse/backend"
)

// The states of a build and of its stages: one vocabulary for all systems that
// build.
const (
	Queued   = "Queued"
	Running  = "Running"
	Waiting  = "Waiting" // for a person: an input, a manual job
	Passed   = "Passed"
	Unstable = "Unstable" // through, with something to look at
	Failed   = "Failed"
	Stopped  = "Stopped"
	Skipped  = "Skipped" // not run, and never will be
)

// LevelOf says how much a state needs a look; an unknown one is off.
func LevelOf(state string) backend.Level {
	switch state {
	case Passed:
		return backend.Good
	case Queued, Running:
		return backend.Moving
	case Waiting:
		return backend.Waiting
	case Unstable:
		return backend.Warning
	case Failed:
		return backend.Critical
	}
	return backend.Idle
}

// Pipeline is what makes builds: a Jenkins job, a GitLab project. Strings are the
// server's, unchecked.
type Pipeline struct {
	Link string
	Name string // with its folders or groups: "shop/checkout"

	Branch string // that a build is of where nothing is said; may be empty
	Last   string // number of the newest build; empty: there is none
	State  string // of that build
	Began  int64  // of that build, Unix seconds; zero: there is none
	Off    string // why nothing can be built now; empty: it can
}

// Ref addresses it.
func (p Pipeline) Ref() backend.Ref {
	return backend.Ref{Link: p.Link, Kind: KindPipeline, Name: p.Name}
}

// AppendText implements backend.Object.
func (p Pipeline) AppendText(b []byte) []byte {
	return backend.AppendWords(b, p.Link, p.Name, p.Branch, p.State, p.Off)
}

// Why says why a verb makes no sense in the state that the row shows; "" when it
// does.
func (p Pipeline) Why(action string) string {
	if action == BuildTrigger && p.Off != "" {
		return p.Name + " " + p.Off
	}
	return ""
}

// Build is one run of a pipeline, as a row shows it. Strings are the server's,
// unchecked.
type Build struct {
	Link     string
	Pipeline string // name of what made it: "shop/checkout"
	Number   string // within the pipeline, as the server counts: "812"

	Branch string
	Commit string // as many digits as the server shows; may be empty
	Title  string // of the commit, or what the build is about; may be empty
	By     string // who or what began it
	State  string
	Detail string // why it waits or has failed; may be empty
	Stages string // packed, see PackStages
	Queued int64  // Unix seconds; zero when unknown
	Began  int64  // Unix seconds; zero while it has not
	Ended  int64  // Unix seconds; zero while it has not
	Usual  int32  // seconds that builds of this pipeline take; zero when unknown
}

// Ref addresses it: its pipeline is the scope.
func (b Build) Ref() backend.Ref {
	return backend.Ref{Link: b.Link, Kind: KindBuild, Scope: b.Pipeline, Name: b.Number}
}

// Of addresses the pipeline that made it.
func (b Build) Of() backend.Ref { return Pipeline{Link: b.Link, Name: b.Pipeline}.Ref() }

// AppendText implements backend.Object.
func (b Build) AppendText(text []byte) []byte {
	return backend.AppendWords(text, b.Link, b.Pipeline, b.Number, b.Branch, b.Commit, b.Title, b.By, b.State, b.Detail)
}

// Level says how much it needs a look.
func (b Build) Level() backend.Level { return LevelOf(b.State) }

// Going says whether it has not ended.
func (b Build) Going() bool {
	return b.State == Queued || b.State == Running || b.State == Waiting
}

// Why says why a verb makes no sense in the state that the row shows; "" when it
// does.
func (b Build) Why(action string) string {
	called := b.Pipeline + " #" + b.Number
	switch {
	case action == BuildStop && !b.Going():
		return called + " has ended"
	case (action == BuildApprove || action == BuildReject) && b.State != Waiting:
		return called + " does not wait for anybody"
	}
	return ""
}

// A Stage is one part of a build.
type Stage struct {
	Name    string
	State   string
	Seconds int32 // that it took, or has taken; zero while it has not begun
}

// The signs between stages and between a stage's words: none that a name has.
const (
	stageEnd = "\x1e"
	wordEnd  = "\x1f"
)

// PackStages makes one comparable string of stages, for a Build's row.
func PackStages(all []Stage) string {
	clean := strings.NewReplacer(stageEnd, " ", wordEnd, " ")
	var b strings.Builder
	for _, s := range all {
		b.WriteString(clean.Replace(s.Name) + wordEnd + clean.Replace(s.State) + wordEnd + strconv.Itoa(int(s.Seconds)) + stageEnd)
	}
	return b.String()
}

// AllStages are the build's, in their order.
func (b Build) AllStages() []Stage {
	var out []Stage
	for one := range strings.SplitSeq(b.Stages, stageEnd) {
		words := strings.Split(one, wordEnd)
		if len(words) != 3 {
			continue
		}
		took, _ := strconv.Atoi(words[2]) // PackStages wrote it
		out = append(out, Stage{words[0], words[1], int32(took)})
	}
	return out
}
