package argo

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/kube"
)

// How an analysis, a metric of it and a measurement stand.
const (
	running        = "Running"
	pending        = "Pending"
	successful     = "Successful"
	failed         = "Failed"
	inconclusively = "Inconclusive"
	errored        = "Error"
)

func over(phase any) bool {
	return phase == successful || phase == failed || phase == inconclusively || phase == errored
}

// worse orders phases by how much they outweigh others.
func worse(phase string) int {
	return slices.Index([]string{"", successful, running, pending, inconclusively, errored, failed}, phase)
}

type runSpec struct {
	Metrics   []json.RawMessage
	Args      []arg
	Terminate bool
}

// metric is what is measured, how often, and what may come of it.
type metric struct {
	Name                    string
	Interval, InitialDelay  string
	Count                   *intstr.IntOrString
	SuccessCondition        string
	FailureCondition        string
	FailureLimit            *intstr.IntOrString
	InconclusiveLimit       *intstr.IntOrString
	ConsecutiveErrorLimit   *intstr.IntOrString
	ConsecutiveSuccessLimit *intstr.IntOrString
	Provider                struct {
		Influxdb *struct{ Query string }
	}
}

// times is how often it is measured; not ok: without end.
func (m *metric) times() (n int, ok bool) {
	if m.Count != nil {
		return m.Count.IntValue(), true
	}
	return 1, m.Interval == ""
}

func limit32(n *intstr.IntOrString, otherwise int) int {
	if n == nil {
		return otherwise
	}
	return n.IntValue()
}

// report is all that is written down of a run.
type report struct {
	Phase         string       `json:"phase"`
	Message       string       `json:"message,omitempty"`
	MetricResults []result     `json:"metricResults,omitempty"`
	StartedAt     *metav1.Time `json:"startedAt,omitempty"`
	RunSummary    summary      `json:"runSummary"`
	DryRunSummary *summary     `json:"dryRunSummary,omitempty"`
	CompletedAt   *metav1.Time `json:"completedAt,omitempty"`
}

type summary struct {
	Count        int `json:"count,omitempty"`
	Successful   int `json:"successful,omitempty"`
	Failed       int `json:"failed,omitempty"`
	Inconclusive int `json:"inconclusive,omitempty"`
	Error        int `json:"error,omitempty"`
}

// result is what has come of one metric.
type result struct {
	Name         string        `json:"name"`
	Phase        string        `json:"phase"`
	Measurements []measurement `json:"measurements,omitempty"`
	Message      string        `json:"message,omitempty"`
	summary
	ConsecutiveError   int `json:"consecutiveError,omitempty"`
	ConsecutiveSuccess int `json:"consecutiveSuccess,omitempty"`
}

type measurement struct {
	Phase      string       `json:"phase"`
	Message    string       `json:"message,omitempty"`
	StartedAt  *metav1.Time `json:"startedAt,omitempty"`
	FinishedAt *metav1.Time `json:"finishedAt,omitempty"`
	Value      string       `json:"value,omitempty"`
}

const (
	keptMeasurements = 10
	afterError       = 10 * time.Second // until it is measured again
)

// inquiry is one look at a run.
type inquiry struct {
	c     *kube.Cluster
	world *sandbox.World
	run   *Run
	spec  runSpec
	now   report
}

// measure takes the measurements of a run that are due, and judges what has come of
// all until now.
func measure(c *kube.Cluster, world *sandbox.World, namespace, name string) {
	r := kube.Get[*Run](c, namespace, name)
	if r == nil || r.DeletionTimestamp != nil || r.Labels[instanceMark] != "" || over(r.Status["phase"]) {
		return
	}
	q := &inquiry{c: c, world: world, run: r}
	if r.Spec.Decode(&q.spec) != nil || r.Status.Decode(&q.now) != nil {
		return
	}
	metrics, why := q.metrics()
	if why != "" {
		q.now.Phase, q.now.Message = errored, why
		q.complete()
	} else {
		for _, m := range metrics {
			q.take(m)
		}
		if phase, message := q.judge(metrics); phase != q.now.Phase {
			q.now.Phase, q.now.Message = phase, message
			if over(phase) {
				now := q.clock()
				q.now.CompletedAt = &now
				q.complete()
			}
		}
	}
	fields := kube.FieldsOf(q.now)
	kube.Change(c, namespace, name, func(now *Run) {
		if now.ResourceVersion == r.ResourceVersion {
			now.Status = fields
		}
	})
}

func (q *inquiry) complete() {
	q.tell("AnalysisRun"+q.now.Phase, q.now.Phase, "Analysis Completed. Result: "+q.now.Phase)
}

func (q *inquiry) tell(reason, phase, message string) {
	kind := corev1.EventTypeNormal
	if phase == failed || phase == errored {
		kind = corev1.EventTypeWarning
	}
	q.c.Event(q.run, from, kind, reason, message)
}

func (q *inquiry) clock() metav1.Time { return metav1.NewTime(q.world.Now().Truncate(time.Second)) }

// metrics are those of the run, with the values of its arguments in them.
func (q *inquiry) metrics() (out []metric, why string) {
	if len(q.spec.Metrics) == 0 {
		return nil, "Analysis spec invalid: no metrics specified"
	}
	var pairs []string
	for _, a := range q.spec.Args {
		if a.Value != nil {
			quoted := strings.Trim(strconv.Quote(*a.Value), `"`)
			pairs = append(pairs, "{{args."+a.Name+"}}", quoted, "{{ args."+a.Name+" }}", quoted)
		}
	}
	for _, raw := range q.spec.Metrics {
		text := strings.NewReplacer(pairs...).Replace(string(raw))
		if open := regexp.MustCompile(`\{\{ ?args\.[^}]*\}\}`).FindString(text); open != "" {
			return nil, "Unable to resolve metric arguments: failed to resolve " + open
		}
		var m metric
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			return nil, fmt.Sprintf("Unable to resolve metric arguments: %v", err)
		}
		out = append(out, m)
	}
	return out, ""
}

// of is what has come of a metric; nil: it has not been measured.
func (q *inquiry) of(m metric) *result {
	i := slices.IndexFunc(q.now.MetricResults, func(r result) bool { return r.Name == m.Name })
	if i < 0 {
		return nil
	}
	return &q.now.MetricResults[i]
}

// take measures once if that is due, and says when it is due next.
func (q *inquiry) take(m metric) {
	r, now := q.of(m), q.world.Now()
	if r != nil && over(r.Phase) || q.ends() {
		return
	}
	next := now
	switch {
	case r != nil:
		if n, ends := m.times(); ends && r.Count >= n {
			return
		}
		last := r.Measurements[len(r.Measurements)-1]
		wait, _ := time.ParseDuration(m.Interval)
		if last.Phase == errored || wait == 0 {
			wait = afterError
		}
		next = last.FinishedAt.Add(wait)
	case m.InitialDelay != "":
		begun := now
		if q.now.StartedAt != nil {
			begun = q.now.StartedAt.Time
		}
		wait, _ := time.ParseDuration(m.InitialDelay)
		next = begun.Add(wait)
	}
	if next.After(now) {
		q.c.After(q.run, next.Sub(now))
		return
	}
	if r == nil {
		q.now.MetricResults = append(q.now.MetricResults, result{Name: m.Name, Phase: running})
		r = &q.now.MetricResults[len(q.now.MetricResults)-1]
	}
	r.add(q.measurement(m))
	wait, _ := time.ParseDuration(m.Interval)
	q.c.After(q.run, cmp.Or(wait, afterError))
}

// add counts a measurement.
func (r *result) add(m measurement) {
	r.Measurements = append(r.Measurements, m)
	if over := len(r.Measurements) - keptMeasurements; over > 0 {
		r.Measurements = slices.Delete(r.Measurements, 0, over)
	}
	if m.Phase == errored {
		r.Error++
		r.ConsecutiveError++
		r.ConsecutiveSuccess = 0
		return
	}
	r.Count++
	r.ConsecutiveError = 0
	switch m.Phase {
	case successful:
		r.Successful++
		r.ConsecutiveSuccess++
		return
	case failed:
		r.Failed++
	case inconclusively:
		r.Inconclusive++
	}
	r.ConsecutiveSuccess = 0
}

func (q *inquiry) measurement(m metric) measurement {
	now := q.clock()
	out := measurement{StartedAt: &now, FinishedAt: &now}
	if m.Provider.Influxdb == nil {
		out.Phase, out.Message = errored, fmt.Sprintf("no valid provider in metric '%s'", m.Name)
		return out
	}
	value, err := ask(q.world, m.Provider.Influxdb.Query)
	if err == nil {
		out.Value = fmt.Sprintf("[%v]", value)
		out.Phase, err = m.assess(value)
	}
	if err != nil {
		out.Phase, out.Message = errored, err.Error()
	}
	return out
}

// judge is how the run stands, and why.
func (q *inquiry) judge(metrics []metric) (phase, message string) {
	if q.now.StartedAt == nil {
		now := q.clock()
		q.now.StartedAt = &now
	}
	q.now.RunSummary, q.now.DryRunSummary = summary{Count: len(metrics)}, &summary{}
	if q.spec.Terminate {
		message = "Run Terminated"
	}
	ends, done, worst := q.ends(), true, ""
	for _, m := range metrics {
		r := q.of(m)
		if r == nil {
			done = false
			continue
		}
		if now := m.status(r, ends); now != r.Phase {
			r.Phase, r.Message = now, r.Measurements[len(r.Measurements)-1].Message
			if over(now) {
				q.tell("Metric"+now, now, fmt.Sprintf("Metric '%s' Completed. Result: %s", m.Name, now))
			}
		}
		if !over(r.Phase) {
			done = false
			continue
		}
		q.now.RunSummary.add(r.Phase)
		if worse(r.Phase) > worse(worst) {
			worst = r.Phase
			if _, why := m.fails(r); why != "" {
				message = fmt.Sprintf("Metric \"%s\" assessed %s due to %s", m.Name, worst, why)
				if r.Message != "" {
					message += fmt.Sprintf(": \"Error Message: %s\"", r.Message)
				}
			}
		}
	}
	if !ends && (!done || worst == "") {
		return running, ""
	}
	return cmp.Or(worst, successful), message
}

// ends says whether nothing more is measured: somebody has ended it, or one of its
// metrics has come to nothing good.
func (q *inquiry) ends() bool {
	return q.spec.Terminate || slices.ContainsFunc(q.now.MetricResults, func(r result) bool { return over(r.Phase) && r.Phase != successful })
}

func (s *summary) add(phase string) {
	switch phase {
	case failed:
		s.Failed++
	case inconclusively:
		s.Inconclusive++
	case errored:
		s.Error++
	default:
		s.Successful++
	}
}

// fails is what a metric has come to by its limits, and by which; "" where it has not.
func (m *metric) fails(r *result) (phase, why string) {
	if most := limit32(m.FailureLimit, 0); most >= 0 && r.Failed > most {
		phase, why = failed, fmt.Sprintf("failed (%d) > failureLimit (%d)", r.Failed, most)
	}
	if most := limit32(m.InconclusiveLimit, 0); r.Inconclusive > most {
		phase, why = inconclusively, fmt.Sprintf("inconclusive (%d) > inconclusiveLimit (%d)", r.Inconclusive, most)
	}
	if most := limit32(m.ConsecutiveErrorLimit, 4); r.ConsecutiveError > most {
		phase, why = errored, fmt.Sprintf("consecutiveErrors (%d) > consecutiveErrorLimit (%d)", r.ConsecutiveError, most)
	}
	return phase, why
}

// status is how a metric stands.
func (m *metric) status(r *result, ends bool) string {
	if over(r.Phase) {
		return r.Phase
	}
	if phase, _ := m.fails(r); phase != "" {
		return phase
	}
	enough := limit32(m.ConsecutiveSuccessLimit, 0)
	if enough > 0 && r.ConsecutiveSuccess >= enough {
		return successful
	}
	if n, counted := m.times(); counted && r.Count >= n {
		switch {
		case enough > 0 && limit32(m.FailureLimit, 0) >= 0:
			return inconclusively
		case enough > 0:
			return failed
		}
		return successful
	}
	if ends {
		return successful
	}
	return running
}
