package delivery

import "wheelhouse/backend"

// The verbs of delivery.
const (
	BuildTrigger = "build.trigger"
	BuildStop    = "build.stop"
	BuildApprove = "build.approve"
	BuildReject  = "build.reject"

	RolloutPromote     = "rollout.promote"
	RolloutPromoteFull = "rollout.promoteFull"
	RolloutSkipStep    = "rollout.skipStep"
	RolloutPause       = "rollout.pause"
	RolloutResume      = "rollout.resume"
	RolloutAbort       = "rollout.abort"
	RolloutRetry       = "rollout.retry"
	RolloutSetImage    = "rollout.setImage"
)

// Actions is every verb of this domain, as data.
func Actions() []backend.Action {
	of := func(id, title, help string, params ...backend.Param) backend.Action {
		return backend.Action{ID: id, Title: title, Help: help, Kinds: []string{KindRollout}, Risk: backend.Medium, Params: params}
	}
	return []backend.Action{
		{
			ID: BuildTrigger, Title: "Trigger", Kinds: []string{KindPipeline, KindBuild}, Risk: backend.Medium, Asks: true,
			Help: "Begins a new build of the pipeline, with the parameters that it takes.",
		},
		{
			ID: BuildStop, Title: "Stop", Kinds: []string{KindBuild}, Risk: backend.Medium,
			Help: "Stops the build, or takes it out of the queue.",
		},
		{
			ID: BuildApprove, Title: "Approve", Kinds: []string{KindBuild}, Risk: backend.Medium, Asks: true,
			Help: "Lets a build go on that waits for a person.",
		},
		{
			ID: BuildReject, Title: "Reject", Kinds: []string{KindBuild}, Risk: backend.Medium, Asks: true,
			Help: "Ends a build that waits for a person, as that person's no.",
		},
		of(RolloutPromote, "Promote", "Ends the pause that the rollout waits in, so that its next step begins."),
		of(RolloutPromoteFull, "Promote fully", "Gives the new version to everybody at once, past all steps, pauses and analyses that are left."),
		of(RolloutSkipStep, "Skip step", "Leaves the step that runs now and goes to the next, whatever comes of it."),
		of(RolloutPause, "Pause", "Holds the rollout where it is until somebody resumes it."),
		of(RolloutResume, "Resume", "Lets a rollout go on that a person has paused."),
		of(RolloutAbort, "Abort", "Sends everybody back to the stable version and takes the new one's pods away."),
		of(RolloutRetry, "Retry", "Begins an aborted rollout again at its first step."),
		of(RolloutSetImage, "Set image", "Begins to roll out another image.",
			backend.Param{Name: "image", Title: "Image", Required: true, Help: "As in a manifest: registry/name:tag."},
			backend.Param{Name: "container", Title: "Container", Help: "Which one; empty: the first."}),
	}
}
