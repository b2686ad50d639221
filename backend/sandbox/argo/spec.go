package argo

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/rand"

	"wheelhouse/backend/sandbox/kube"
)

// spec is what of a rollout's spec is acted on.
type spec struct {
	Replicas                *int32
	Paused                  bool
	RestartAt               *metav1.Time
	MinReadySeconds         int32
	RevisionHistoryLimit    *int32
	ProgressDeadlineSeconds *int32
	ProgressDeadlineAbort   bool
	RollbackWindow          *struct{ Revisions int32 }
	Selector                *metav1.LabelSelector
	Template                corev1.PodTemplateSpec
	WorkloadRef             map[string]any
	Strategy                struct {
		Canary    *canary
		BlueGreen *struct{}
	}
}

type canary struct {
	Steps          []step
	Analysis       *background
	MaxSurge       *intstr.IntOrString
	MaxUnavailable *intstr.IntOrString
	TrafficRouting map[string]any
}

// background is an analysis that runs from a step on, beside all that follow.
type background struct {
	analysis
	StartingStep *int32
}

// analysis is what is to be measured.
type analysis struct {
	Templates []struct{ TemplateName string }
	Args      []arg
}

// arg is a value of an analysis, or where it is to be had.
type arg struct {
	Name      string  `json:"name"`
	Value     *string `json:"value,omitempty"`
	ValueFrom *struct {
		PodTemplateHashValue string
		FieldRef             *struct{ FieldPath string }
	} `json:"valueFrom,omitempty"`
}

// step is one of a canary's; one of its fields is set.
type step struct {
	SetWeight      *int32                 `json:"setWeight,omitempty"`
	Pause          *pauseStep             `json:"pause,omitempty"`
	Analysis       *analysis              `json:"analysis,omitempty"`
	SetCanaryScale *canaryScale           `json:"setCanaryScale,omitempty"`
	SetHeaderRoute *struct{ Name string } `json:"setHeaderRoute,omitempty"`
	SetMirrorRoute *struct{ Name string } `json:"setMirrorRoute,omitempty"`
	Experiment     map[string]any         `json:"experiment,omitempty"`
	Plugin         map[string]any         `json:"plugin,omitempty"`
}

type pauseStep struct {
	Duration *intstr.IntOrString `json:"duration,omitempty"`
}

// canaryScale does nothing where nothing routes traffic, as in the real one.
type canaryScale struct {
	Replicas, Weight   *int32
	MatchTrafficWeight bool
}

// takes is how long a pause lasts; not ok: until somebody ends it.
func (p *pauseStep) takes() (d time.Duration, ok bool) {
	if p.Duration == nil {
		return 0, false
	}
	if p.Duration.Type == intstr.Int {
		return time.Duration(p.Duration.IntVal) * time.Second, true
	}
	if n, err := strconv.Atoi(p.Duration.StrVal); err == nil {
		return time.Duration(n) * time.Second, true
	}
	d, _ = time.ParseDuration(p.Duration.StrVal)
	return d, true
}

// String is the step as events tell of it.
func (s step) String() string {
	switch {
	case s.SetWeight != nil:
		return fmt.Sprintf("setWeight: %d", *s.SetWeight)
	case s.Pause != nil && s.Pause.Duration != nil:
		return "pause: " + s.Pause.Duration.String()
	case s.Pause != nil:
		return "pause"
	case s.Analysis != nil:
		return "analysis"
	case s.SetCanaryScale != nil && s.SetCanaryScale.Weight != nil:
		return fmt.Sprintf("setCanaryScale{weight: %d}", *s.SetCanaryScale.Weight)
	case s.SetCanaryScale != nil && s.SetCanaryScale.MatchTrafficWeight:
		return "setCanaryScale{matchTrafficWeight: true}"
	case s.SetCanaryScale != nil && s.SetCanaryScale.Replicas != nil:
		return fmt.Sprintf("setCanaryScale{replicas: %d}", *s.SetCanaryScale.Replicas)
	case s.SetHeaderRoute != nil:
		return "setHeaderRoute: " + s.SetHeaderRoute.Name
	case s.SetMirrorRoute != nil:
		return "setMirrorRoute: " + s.SetMirrorRoute.Name
	}
	return "invalid"
}

func (s *spec) replicas() int32 { return or(s.Replicas, 1) }

func or(n *int32, otherwise int32) int32 {
	if n == nil {
		return otherwise
	}
	return *n
}

// bounds are how many pods there may be more than are wanted, and how many fewer.
func (s *spec) bounds() (surge, away int32) {
	of := func(n *intstr.IntOrString, up bool) int32 {
		quarter := intstr.FromString("25%")
		if n == nil {
			n = &quarter
		}
		got, _ := intstr.GetScaledValueFromIntOrPercent(n, int(s.replicas()), up)
		return int32(got) //nolint:gosec // not more than there are replicas
	}
	surge, away = of(s.Strategy.Canary.MaxSurge, true), of(s.Strategy.Canary.MaxUnavailable, false)
	if surge == 0 && away == 0 {
		away = 1
	}
	return surge, min(away, s.replicas())
}

// stepsHash tells one list of steps from another.
func (s *spec) stepsHash(of kube.Fields) string {
	strategy, _ := of["strategy"].(map[string]any)
	canary, _ := strategy["canary"].(map[string]any)
	b, err := json.Marshal(canary["steps"])
	if err != nil {
		panic(fmt.Sprintf("steps that are no JSON: %v", err)) // they have come as JSON
	}
	h := fnv.New32a()
	_, _ = h.Write(b) // it never fails
	return rand.SafeEncodeString(strconv.FormatUint(uint64(h.Sum32()), 10))
}

// status is all that is written down of a rollout.
type status struct {
	Abort              bool          `json:"abort,omitempty"`
	PauseConditions    []pauseReason `json:"pauseConditions,omitempty"`
	ControllerPause    bool          `json:"controllerPause,omitempty"`
	AbortedAt          *metav1.Time  `json:"abortedAt,omitempty"`
	CurrentPodHash     string        `json:"currentPodHash,omitempty"`
	CurrentStepHash    string        `json:"currentStepHash,omitempty"`
	Replicas           int32         `json:"replicas,omitempty"`
	UpdatedReplicas    int32         `json:"updatedReplicas,omitempty"`
	ReadyReplicas      int32         `json:"readyReplicas,omitempty"`
	AvailableReplicas  int32         `json:"availableReplicas,omitempty"`
	CurrentStepIndex   *int32        `json:"currentStepIndex,omitempty"`
	ObservedGeneration string        `json:"observedGeneration,omitempty"`
	Conditions         []condition   `json:"conditions,omitempty"`
	Canary             canaryStatus  `json:"canary"`
	BlueGreen          struct{}      `json:"blueGreen"`
	HPAReplicas        int32         `json:"HPAReplicas,omitempty"`
	Selector           string        `json:"selector,omitempty"`
	StableRS           string        `json:"stableRS,omitempty"`
	RestartedAt        *metav1.Time  `json:"restartedAt,omitempty"`
	PromoteFull        bool          `json:"promoteFull,omitempty"`
	Phase              string        `json:"phase,omitempty"`
	Message            string        `json:"message,omitempty"`
}

type canaryStatus struct {
	Step       *runStatus `json:"currentStepAnalysisRunStatus,omitempty"`
	Background *runStatus `json:"currentBackgroundAnalysisRunStatus,omitempty"`
}

// runStatus is how an analysis goes that a rollout looks at.
type runStatus struct {
	Name    string `json:"name"`
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

type pauseReason struct {
	Reason    string      `json:"reason"`
	StartTime metav1.Time `json:"startTime"`
}

type condition struct {
	Type               string                 `json:"type"`
	Status             corev1.ConditionStatus `json:"status"`
	LastUpdateTime     metav1.Time            `json:"lastUpdateTime"`
	LastTransitionTime metav1.Time            `json:"lastTransitionTime"`
	Reason             string                 `json:"reason"`
	Message            string                 `json:"message"`
}
