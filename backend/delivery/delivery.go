// Package delivery holds the nouns of how new versions come to run: pipelines and
// their builds, rollouts and their revisions, and the verbs that go with them. They are compact values, as
// a row shows them; nothing here knows which system they came from, and nothing
// here does I/O.
package delivery

import "wheelhouse/backend"

// The kinds, as refs carry them.
const (
	KindPipeline = "pipeline"
	KindBuild    = "build"
	KindRollout  = "rollout.argoproj.io"
	KindRevision = "replicaset.apps"
)

// Nouns is how these kinds are named and addressed.
func Nouns() backend.Nouns {
	return backend.Nouns{
		{Kind: KindPipeline, Plural: "pipelines", Short: []string{"pl", "job"}},
		{Kind: KindBuild, Plural: "builds", Short: []string{"bd"}, Scoped: true, Sub: true},
		{Kind: KindRollout, Plural: "rollouts", Short: []string{"ro"}, Scoped: true},
	}
}
