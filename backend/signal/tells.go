package signal

import (
	"strings"

	"wheelhouse/backend"
)

// Finding implements backend.Finder: a stream that can't be read or written whole.
func (s Stream) Finding() (backend.Finding, bool) {
	words := []string{strings.ToLower(s.State)}
	if s.Detail != "" {
		words = append(words, s.Detail)
	}
	return backend.Finding{Ref: s.Ref(), Rule: "stream", Level: s.Level, Sentence: backend.T(strings.Join(words, ", "))}, s.Level >= backend.Warning
}
