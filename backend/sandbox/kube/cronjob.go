package kube

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the zone of a schedule is known wherever this runs

	"github.com/robfig/cron/v3"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

const (
	ofCron = "cronjob-controller"
	// longestCron is how long the name of a cron job may be: that of its jobs has eleven
	// characters more.
	longestCron = 52
	// mostMissed are the times that may be missed before somebody is told.
	mostMissed = 100
)

func cronJobColumns() []Column {
	template := func(j *batchv1.CronJob) *corev1.PodTemplateSpec { return &j.Spec.JobTemplate.Spec.Template }
	return []Column{
		ColumnOf("Schedule", func(j *batchv1.CronJob) any { return j.Spec.Schedule }),
		ColumnOf("Timezone", func(j *batchv1.CronJob) any { return or(deref(j.Spec.TimeZone)) }),
		ColumnOf("Suspend", func(j *batchv1.CronJob) any {
			return map[bool]string{true: "True", false: "False"}[deref(j.Spec.Suspend)]
		}),
		ColumnOf("Active", func(j *batchv1.CronJob) any { return len(j.Status.Active) }),
		ColumnOf("Last Schedule", func(j *batchv1.CronJob) any {
			if j.Status.LastScheduleTime == nil {
				return "<none>"
			}
			return age(j.Status.LastScheduleTime.Time)
		}),
		wide("Containers", func(j *batchv1.CronJob) any { c, _ := templated(template(j)); return c }),
		wide("Images", func(j *batchv1.CronJob) any { _, i := templated(template(j)); return i }),
		wide("Selector", func(j *batchv1.CronJob) any { return metav1.FormatLabelSelector(j.Spec.JobTemplate.Spec.Selector) }),
	}
}

func defaultCronJob(obj runtime.Object) {
	s := &obj.(*batchv1.CronJob).Spec
	set(&s.ConcurrencyPolicy, batchv1.AllowConcurrent)
	some(&s.Suspend, false)
	some(&s.SuccessfulJobsHistoryLimit, 3)
	some(&s.FailedJobsHistoryLimit, 1)
	defaultPodSpec(&s.JobTemplate.Spec.Template.Spec)
}

func validCronJob(obj, old runtime.Object) (out field.ErrorList) {
	j, at := obj.(*batchv1.CronJob), field.NewPath("spec")
	s := j.Spec
	switch _, err := timesOf(j); {
	case s.Schedule == "":
		out = append(out, field.Required(at.Child("schedule"), ""))
	case strings.Contains(s.Schedule, "TZ"):
		out = append(out, field.Invalid(at.Child("schedule"), s.Schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"))
	case err != nil:
		out = append(out, field.Invalid(at.Child("schedule"), s.Schedule, err.Error()))
	}
	if s.TimeZone != nil {
		out = append(out, validZone(*s.TimeZone, at.Child("timeZone"))...)
	}
	policies := []batchv1.ConcurrencyPolicy{batchv1.AllowConcurrent, batchv1.ForbidConcurrent, batchv1.ReplaceConcurrent}
	if !slices.Contains(policies, s.ConcurrencyPolicy) {
		out = append(out, field.NotSupported(at.Child("concurrencyPolicy"), s.ConcurrencyPolicy, policies))
	}
	if n := deref(s.StartingDeadlineSeconds); n < 0 {
		out = append(out, field.Invalid(at.Child("startingDeadlineSeconds"), n, "must be greater than or equal to 0"))
	}
	for name, n := range map[string]*int32{"successfulJobsHistoryLimit": s.SuccessfulJobsHistoryLimit, "failedJobsHistoryLimit": s.FailedJobsHistoryLimit} {
		if deref(n) < 0 {
			out = append(out, field.Invalid(at.Child(name), *n, "must be greater than or equal to 0"))
		}
	}
	job := at.Child("jobTemplate", "spec")
	pods := job.Child("template", "spec")
	out = append(out, validPodSpec(&s.JobTemplate.Spec.Template.Spec, pods, corev1.RestartPolicyAlways, corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)...)
	if s.JobTemplate.Spec.Template.Spec.RestartPolicy == corev1.RestartPolicyAlways {
		out = append(out, field.Required(pods.Child("restartPolicy"), fmt.Sprintf("valid values: %q, %q", corev1.RestartPolicyOnFailure, corev1.RestartPolicyNever)))
	}
	if s.JobTemplate.Spec.Selector != nil {
		out = append(out, field.Invalid(job.Child("selector"), s.JobTemplate.Spec.Selector, "`selector` will be auto-generated"))
	}
	if old == nil && len(j.Name) > longestCron {
		out = append(out, field.Invalid(field.NewPath("metadata", "name"), j.Name, fmt.Sprintf("must be no more than %d characters", longestCron)))
	}
	return out
}

func validZone(zone string, at *field.Path) (out field.ErrorList) {
	if zone == "" {
		return append(out, field.Invalid(at, zone, "timeZone must be nil or non-empty string"))
	}
	if strings.EqualFold(zone, "Local") {
		out = append(out, field.Invalid(at, zone, "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"))
	}
	if _, err := time.LoadLocation(zone); err != nil {
		out = append(out, field.Invalid(at, zone, "unknown time zone "+zone))
	}
	return out
}

// timesOf is when a cron job is due: in its own zone or, as where the real controller
// runs, in UTC.
func timesOf(j *batchv1.CronJob) (cron.Schedule, error) {
	if strings.Contains(j.Spec.Schedule, "TZ") {
		return nil, fmt.Errorf("it names a zone itself") // over one that ends there the parser would fall
	}
	return cron.ParseStandard("TZ=" + zoneOf(j).String() + " " + j.Spec.Schedule)
}

func zoneOf(j *batchv1.CronJob) *time.Location {
	zone, err := time.LoadLocation(deref(j.Spec.TimeZone))
	if err != nil {
		return time.UTC // validZone has said so
	}
	return zone
}

// jobEnd is how a job has ended; empty where it has not.
func jobEnd(j *batchv1.Job) batchv1.JobConditionType {
	for _, c := range j.Status.Conditions {
		if (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) && c.Status == corev1.ConditionTrue {
			return c.Type
		}
	}
	return ""
}

// onTime makes the job of a cron job that is due, and forgets those that are long over.
func onTime(c *Cluster, namespace, name string) {
	j := Get[*batchv1.CronJob](c, namespace, name)
	if j == nil {
		return
	}
	j = j.DeepCopy()
	jobs := Owned[*batchv1.Job](c, j)
	c.counts(j, jobs)
	if j.DeletionTimestamp == nil && !deref(j.Spec.Suspend) {
		c.dueJob(j)
	}
	c.forgetJobs(j, jobs, batchv1.JobComplete, j.Spec.SuccessfulJobsHistoryLimit)
	c.forgetJobs(j, jobs, batchv1.JobFailed, j.Spec.FailedJobsHistoryLimit)
	Change(c, namespace, name, func(now *batchv1.CronJob) { now.Status = j.Status })
}

// counts brings up to date which jobs of a cron job run, and when one has gone well.
func (c *Cluster) counts(j *batchv1.CronJob, jobs []*batchv1.Job) {
	known := map[types.UID]bool{}
	for _, one := range jobs {
		known[one.UID] = true
		found := slices.ContainsFunc(j.Status.Active, func(r corev1.ObjectReference) bool { return r.UID == one.UID })
		switch end := jobEnd(one); {
		case end == "" && !found:
			c.Event(j, ofCron, corev1.EventTypeWarning, "UnexpectedJob", "Saw a job that the controller did not create or forgot: "+one.Name)
		case end == "":
			continue
		case found:
			inactive(j, one.UID)
			c.Event(j, ofCron, corev1.EventTypeNormal, "SawCompletedJob", fmt.Sprintf("Saw completed job: %s, condition: %s", one.Name, end))
		}
		if at := one.Status.CompletionTime; jobEnd(one) == batchv1.JobComplete && at != nil && (j.Status.LastSuccessfulTime == nil || at.After(j.Status.LastSuccessfulTime.Time)) {
			j.Status.LastSuccessfulTime = at.DeepCopy()
		}
	}
	for _, r := range slices.Clone(j.Status.Active) {
		if !known[r.UID] {
			inactive(j, r.UID)
			c.Event(j, ofCron, corev1.EventTypeNormal, "MissingJob", "Active job went missing: "+r.Name)
		}
	}
}

func inactive(j *batchv1.CronJob, job types.UID) {
	j.Status.Active = slices.DeleteFunc(j.Status.Active, func(r corev1.ObjectReference) bool { return r.UID == job })
}

// dueJob makes the job whose time has come, if its time has, and looks again when the
// next one's does.
func (c *Cluster) dueJob(j *batchv1.CronJob) {
	times, err := timesOf(j)
	if err != nil {
		c.Event(j, ofCron, corev1.EventTypeWarning, "UnparseableSchedule", fmt.Sprintf("unparseable schedule: %q : %s", j.Spec.Schedule, err))
		return
	}
	now := c.world.Now()
	if next := times.Next(now); !next.IsZero() {
		c.After(j, next.Sub(now))
	}
	at := c.missed(j, times, now)
	if at.IsZero() || j.Status.LastScheduleTime != nil && j.Status.LastScheduleTime.Time.Equal(at) {
		return
	}
	if len(j.Status.Active) > 0 && j.Spec.ConcurrencyPolicy == batchv1.ForbidConcurrent {
		c.Event(j, ofCron, corev1.EventTypeNormal, "JobAlreadyActive", "Not starting job because prior execution is running and concurrency policy is Forbid")
		return
	}
	if j.Spec.ConcurrencyPolicy == batchv1.ReplaceConcurrent {
		for _, r := range slices.Clone(j.Status.Active) {
			c.reap(j, Get[*batchv1.Job](c, r.Namespace, r.Name))
		}
	}
	c.newJob(j, at)
}

// missed is the last time at which a job was due and none was made; zero where there is
// none.
func (c *Cluster) missed(j *batchv1.CronJob, times cron.Schedule, now time.Time) (last time.Time) {
	from := j.CreationTimestamp.Time
	if j.Status.LastScheduleTime != nil {
		from = j.Status.LastScheduleTime.Time
	}
	if d := j.Spec.StartingDeadlineSeconds; d != nil {
		if earliest := now.Add(-time.Duration(*d) * time.Second); earliest.After(from) {
			from = earliest
		}
	}
	n := 0
	for at := times.Next(from); !at.IsZero() && !at.After(now); at = times.Next(at) { // it is never older than the world
		last = at
		n++
	}
	if n > mostMissed {
		c.Event(j, ofCron, corev1.EventTypeWarning, "TooManyMissedTimes", "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew")
	}
	return last
}

// newJob makes the job of a time. Its name says which that is, so that there is never a
// second one.
func (c *Cluster) newJob(j *batchv1.CronJob, at time.Time) {
	t := j.Spec.JobTemplate.DeepCopy()
	job := &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: j.Namespace, Name: fmt.Sprintf("%s-%d", j.Name, at.Unix()/60), Labels: t.Labels, Annotations: Copied(t.Annotations), OwnerReferences: c.owner(j),
		},
		Spec: t.Spec,
	}
	job.Annotations[batchv1.CronJobScheduledTimestampAnnotation] = at.In(zoneOf(j)).Format(time.RFC3339)
	if Get[*batchv1.Job](c, job.Namespace, job.Name) != nil {
		return
	}
	defaultJob(job)
	if err := c.Admit(job); err != nil {
		c.Event(j, ofCron, corev1.EventTypeWarning, "FailedCreate", "Error creating job: "+err.Error())
		return
	}
	c.Event(j, ofCron, corev1.EventTypeNormal, "SuccessfulCreate", "Created job "+job.Name)
	j.Status.Active = append(j.Status.Active, corev1.ObjectReference{
		APIVersion: batchv1.SchemeGroupVersion.String(), Kind: "Job", Namespace: job.Namespace, Name: job.Name, UID: job.UID, ResourceVersion: job.ResourceVersion,
	})
	scheduled := metav1.NewTime(at)
	j.Status.LastScheduleTime = &scheduled
}

// forgetJobs takes the oldest jobs away that have ended like that, beyond as many as are
// to be kept.
func (c *Cluster) forgetJobs(j *batchv1.CronJob, jobs []*batchv1.Job, end batchv1.JobConditionType, keep *int32) {
	if keep == nil {
		return
	}
	ended := slices.DeleteFunc(slices.Clone(jobs), func(one *batchv1.Job) bool { return jobEnd(one) != end || one.DeletionTimestamp != nil })
	slices.SortFunc(ended, func(a, b *batchv1.Job) int {
		return cmp.Or(deref(a.Status.StartTime).Compare(deref(b.Status.StartTime).Time), strings.Compare(a.Name, b.Name))
	})
	for len(ended) > int(*keep) {
		c.reap(j, ended[0])
		ended = ended[1:]
	}
}

// reap takes a job of a cron job away.
func (c *Cluster) reap(j *batchv1.CronJob, job *batchv1.Job) {
	if job == nil {
		return
	}
	c.Delete(job)
	inactive(j, job.UID)
	c.Event(j, ofCron, corev1.EventTypeNormal, "SuccessfulDelete", "Deleted job "+job.Name)
}
