package service

import (
	"fmt"
	"strings"
	"time"

	"wheelhouse/backend"
)

// Finding implements backend.Finder: a breaker that does not let calls through, or
// can't be read. Instances say nothing for themselves.
func (b Breaker) Finding() (backend.Finding, bool) {
	level := b.Level()
	f := backend.Finding{Ref: b.Ref(), Rule: "breaker", Level: level, About: b.Service, Blames: b.Name}
	if b.Changed != 0 {
		f.Since = time.Unix(b.Changed, 0)
	}
	var words []string
	if state := b.State(); state != "" && LevelOf(state) > backend.Good {
		n, of := b.In(state)
		words = append(words, fmt.Sprintf("%s on %d of %d", strings.ToLower(strings.ReplaceAll(state, "_", " ")), n, of))
	}
	if b.Failure >= 0 && b.FailureLimit > 0 && b.Failure >= b.FailureLimit {
		words = append(words, fmt.Sprintf("failure %.0f %% (limit %.0f %%)", b.Failure, b.FailureLimit))
	}
	if b.Refused > 0 {
		words = append(words, fmt.Sprintf("%d calls refused", b.Refused))
	}
	if b.Silent > 0 {
		words = append(words, fmt.Sprintf("can't be read on %d: %s", b.Silent, b.Detail))
	}
	f.Sentence = backend.T(strings.Join(words, ", "))
	return f, b.Instance == "" && (level >= backend.Waiting || level == backend.Moving)
}

// Change implements backend.Changer: the last transition.
func (b Breaker) Change() (backend.Change, bool) {
	return backend.Change{
		Ref: b.Ref(), At: time.Unix(b.Changed, 0), Sentence: backend.T(strings.ToLower(strings.ReplaceAll(b.Last, "_", " "))),
	}, b.Instance == "" && b.Changed != 0
}
