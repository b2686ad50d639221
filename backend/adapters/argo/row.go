package argo

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"wheelhouse/backend"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/kubeapi"
)

// rollout is what is read of a Rollout.
type rollout struct {
	Metadata kubeapi.Meta
	Spec     struct {
		Replicas *int32
		Paused   bool
		Template struct {
			Spec struct{ Containers []struct{ Image string } }
		}
		Strategy struct {
			Canary    *struct{ Steps []step }
			BlueGreen *struct{}
		}
	}
	Status struct {
		Phase, Message, ObservedGeneration string
		AbortedAt                          string // set once the controller has taken up abort
		Abort, ControllerPause             bool
		PauseConditions                    []struct {
			Reason    string
			StartTime time.Time
		}
		CurrentStepIndex                                            *int32
		CurrentPodHash, StableRS                                    string
		ReadyReplicas, UpdatedReplicas, AvailableReplicas, Replicas int32
		Canary                                                      struct {
			Weights                                                          *struct{ Canary struct{ Weight int32 } }
			CurrentStepAnalysisRunStatus, CurrentBackgroundAnalysisRunStatus *analysis
		}
		BlueGreen struct {
			PrePromotionAnalysisRunStatus, PostPromotionAnalysisRunStatus *analysis
		}
	}
}

type analysis struct{ Name, Status, Message string }

// step is one of a canary's; exactly one field is set.
type step struct {
	SetWeight *int32
	Pause     *struct{ Duration any } // "30s", or a number of seconds
	Analysis, Experiment, SetCanaryScale, SetHeaderRoute,
	SetMirrorRoute, Plugin *struct{}
}

// word is the step in one word, as delivery.Rollout.Steps has it.
func (s step) word() string {
	switch {
	case s.SetWeight != nil:
		return strconv.Itoa(int(*s.SetWeight)) + "%"
	case s.Pause != nil && s.Pause.Duration != nil:
		d := strings.Join(strings.Fields(fmt.Sprint(s.Pause.Duration)), "")
		if _, err := strconv.Atoi(d); err == nil {
			d += "s"
		}
		return "pause:" + d
	case s.Pause != nil:
		return "pause"
	case s.Analysis != nil:
		return "analysis"
	case s.Experiment != nil:
		return "experiment"
	case s.SetCanaryScale != nil:
		return "scale"
	case s.Plugin != nil:
		return "plugin"
	}
	return "route"
}

func parse(raw []byte) (*rollout, error) {
	o := &rollout{}
	if err := json.Unmarshal(raw, o); err != nil {
		return nil, fmt.Errorf("read rollout: %w", err)
	}
	if o.Metadata.Name == "" {
		return nil, errors.New("a rollout without a name")
	}
	return o, nil
}

func rolloutRow(raw []byte, link string, _ kubeapi.Words) (delivery.Rollout, string, error) {
	o, err := parse(raw)
	if err != nil {
		return delivery.Rollout{}, "", err
	}
	return o.row(link), o.Metadata.Version, nil
}

func (o *rollout) row(link string) delivery.Rollout {
	m, st := o.Metadata, o.Status
	r := delivery.Rollout{
		Link: link, Namespace: m.Namespace, Name: m.Name, UID: m.UID, Created: m.Created,
		Steps: strings.Join(o.stepWords(), " "), Step: int16(o.stepIndex()), Weight: o.weight(), Held: o.Spec.Paused, Aborted: st.Abort,
		Verdict: o.analysis().Status, Stable: st.StableRS, Current: st.CurrentPodHash,
		Desired: 1, Ready: st.ReadyReplicas, Updated: st.UpdatedReplicas, Available: st.AvailableReplicas,
	}
	if o.Spec.Replicas != nil {
		r.Desired = *o.Spec.Replicas
	}
	if c := o.Spec.Template.Spec.Containers; len(c) > 0 {
		r.Image = c[0].Image
	}
	switch {
	case o.Spec.Strategy.Canary != nil:
		r.Strategy = "Canary"
	case o.Spec.Strategy.BlueGreen != nil:
		r.Strategy = "BlueGreen"
	}
	r.State, r.Detail, r.Level = o.state()
	if len(st.PauseConditions) > 0 && r.State == "Paused" {
		r.Paused = st.PauseConditions[0].StartTime.Unix()
	}
	return r
}

// state is the controller's phase where it has seen the last change (utils/rollout,
// GetRolloutPhase); an aborted one is told from others that are degraded.
func (o *rollout) state() (word, detail string, level backend.Level) {
	st := o.Status
	seen, err := strconv.ParseInt(st.ObservedGeneration, 10, 64)
	switch {
	case err == nil && seen < o.Metadata.Generation, st.Phase == "":
		return "Progressing", "its controller has not seen the last change yet", backend.Moving
	case st.ControllerPause && len(st.PauseConditions) == 0 && st.Phase == "Paused":
		return "Progressing", "goes on after a pause", backend.Moving
	case st.Abort && st.AbortedAt == "":
		return "Aborting", "its controller has not taken it up yet", backend.Moving
	case st.Abort:
		return "Aborted", st.Message, backend.Critical
	}
	levels := map[string]backend.Level{"Healthy": backend.Good, "Progressing": backend.Moving, "Paused": backend.Waiting, "Degraded": backend.Critical}
	return st.Phase, st.Message, levels[st.Phase]
}

func (o *rollout) steps() int {
	if o.Spec.Strategy.Canary == nil {
		return 0
	}
	return len(o.Spec.Strategy.Canary.Steps)
}

func (o *rollout) stepWords() []string {
	if o.steps() == 0 {
		return nil
	}
	var words []string
	for _, s := range o.Spec.Strategy.Canary.Steps {
		words = append(words, s.word())
	}
	return words
}

// stepIndex is the step that it is at; a controller that has not said so yet is
// at the first.
func (o *rollout) stepIndex() int {
	if o.Status.CurrentStepIndex == nil {
		return 0
	}
	return min(max(0, int(*o.Status.CurrentStepIndex)), o.steps())
}

// weight is the percentage that the canary has where traffic is routed, else the
// last that a step has set; -1 where nothing is on its way.
func (o *rollout) weight() int16 {
	if o.Status.StableRS == o.Status.CurrentPodHash || o.Spec.Strategy.Canary == nil {
		return -1
	}
	if w := o.Status.Canary.Weights; w != nil {
		return int16(w.Canary.Weight)
	}
	weight := int16(0)
	if o.Status.Abort {
		return weight
	}
	for i, s := range o.Spec.Strategy.Canary.Steps {
		if i <= o.stepIndex() && s.SetWeight != nil {
			weight = int16(*s.SetWeight)
		}
	}
	return weight
}

// analysis is the one that runs or ran last, that of a step before one in the
// background.
func (o *rollout) analysis() analysis {
	c, bg := o.Status.Canary, o.Status.BlueGreen
	return *cmp.Or(c.CurrentStepAnalysisRunStatus, c.CurrentBackgroundAnalysisRunStatus, bg.PrePromotionAnalysisRunStatus, bg.PostPromotionAnalysisRunStatus, &analysis{})
}

func verdictLevel(verdict string) backend.Level {
	return map[string]backend.Level{
		"Running": backend.Moving, "Pending": backend.Moving, "Successful": backend.Good,
		"Inconclusive": backend.Waiting, "Failed": backend.Critical, "Error": backend.Critical,
	}[verdict]
}

// revisionRow projects a ReplicaSet: fields of k8s.io/api/apps/v1/generated.proto.
func revisionRow(raw []byte, link string, w kubeapi.Words) (delivery.Revision, string, error) {
	r := delivery.Revision{Link: link, Desired: 1}
	var m kubeapi.Meta
	err := kubeapi.Walk(raw, func(num protowire.Number, v []byte, _ uint64) {
		switch num {
		case 1:
			_ = m.Read(v, w) // a row without a name is refused below
		case 2: // spec: replicas, and template.spec.containers.image
			_ = kubeapi.At(v, func(_ []byte, n uint64) { r.Desired = int32(n) }, 1)
			_ = kubeapi.At(v, func(c []byte, _ uint64) { r.Image = cmp.Or(r.Image, w.Of([]byte(kubeapi.TextAt(c, 2)))) }, 3, 2, 2)
		case 3:
			r.Ready = int32(kubeapi.NumberAt(v, 4))
		}
	})
	if err == nil && m.Name == "" {
		err = errors.New("a replica set without a name")
	}
	r.Namespace, r.Name, r.UID, r.Owner, r.Created = m.Namespace, m.Name, m.UID, m.Owner, m.Created
	return r, m.Version, err
}
