package kube

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// nightly is a cron job of the shop whose pods run for a while.
func nightly(schedule, lasts string) *batchv1.CronJob {
	return &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "nightly"},
		Spec: batchv1.CronJobSpec{Schedule: schedule, JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{
			Spec: corev1.PodSpec{RestartPolicy: corev1.RestartPolicyNever, Containers: []corev1.Container{{Name: "app", Image: "busybox:1", Command: []string{"sleep", lasts}}}},
		}}}},
	}
}

// jobs are when the jobs that there are were made, after the time at which the plant
// began, and how they have ended.
func (p *plant) jobs() (out []string) {
	for _, j := range All[*batchv1.Job](p.Cluster, "shop") {
		at, err := time.Parse(time.RFC3339, j.Annotations[batchv1.CronJobScheduledTimestampAnnotation])
		if err != nil {
			p.t.Errorf("%s: %v", j.Name, err)
		}
		out = append(out, strings.TrimSpace(at.Format("15:04")+" "+string(jobEnd(j))))
	}
	return out
}

// TestCronJob: its jobs come when they are due, as its policies let them, and the oldest
// go again.
func TestCronJob(t *testing.T) {
	zone, no, two, minute := "Asia/Shanghai", int32(0), int32(2), int64(60)
	for name, c := range map[string]struct {
		of     func(*batchv1.CronJob)
		lasts  string
		passes time.Duration
		want   []string
		active int
		says   string
	}{
		"each minute":       {passes: 2*time.Minute + 20*time.Second, want: []string{"12:01 Complete", "12:02 Complete"}, says: "SawCompletedJob"},
		"three of them":     {passes: 5*time.Minute + 20*time.Second, want: []string{"12:03 Complete", "12:04 Complete", "12:05 Complete"}, says: "SuccessfulDelete"},
		"two of them":       {of: func(j *batchv1.CronJob) { j.Spec.SuccessfulJobsHistoryLimit = &two }, passes: 4*time.Minute + 20*time.Second, want: []string{"12:03 Complete", "12:04 Complete"}},
		"none of them":      {of: func(j *batchv1.CronJob) { j.Spec.SuccessfulJobsHistoryLimit = &no }, passes: 2*time.Minute + 20*time.Second},
		"beside each other": {lasts: "100", passes: 2*time.Minute + 10*time.Second, want: []string{"12:01", "12:02"}, active: 2},
		"not beside":        {of: func(j *batchv1.CronJob) { j.Spec.ConcurrencyPolicy = batchv1.ForbidConcurrent }, lasts: "100", passes: 2*time.Minute + 10*time.Second, want: []string{"12:01"}, active: 1, says: "JobAlreadyActive"},
		"instead":           {of: func(j *batchv1.CronJob) { j.Spec.ConcurrencyPolicy = batchv1.ReplaceConcurrent }, lasts: "100", passes: 2*time.Minute + 10*time.Second, want: []string{"12:02"}, active: 1, says: "SuccessfulDelete"},
		"suspended":         {of: func(j *batchv1.CronJob) { j.Spec.Suspend = new(true) }, passes: 3 * time.Minute},
		"too late":          {of: func(j *batchv1.CronJob) { j.Spec.Schedule, j.Spec.StartingDeadlineSeconds = "0 13 * * *", &minute }, passes: 3 * time.Minute},
		"in its zone":       {of: func(j *batchv1.CronJob) { j.Spec.Schedule, j.Spec.TimeZone = "2 20 * * *", &zone }, passes: 3 * time.Minute, want: []string{"20:02 Complete"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlant(t)
			j := nightly("* * * * *", c.lasts)
			if c.lasts == "" {
				j = nightly("* * * * *", "2")
			}
			if c.of != nil {
				c.of(j)
			}
			p.Create(j)
			p.pass(c.passes - 30*time.Second) // which the plant has behind it
			j = Get[*batchv1.CronJob](p.Cluster, "shop", "nightly")
			if d := cmp.Diff(c.want, p.jobs()); d != "" || len(j.Status.Active) != c.active {
				t.Errorf("%d active, jobs (-want +got):\n%s", len(j.Status.Active), d)
			}
			if told := p.events(j); !strings.Contains(told, c.says) {
				t.Errorf("it says %s", told)
			}
			if done := c.active == 0 && len(c.want) > 0; done != (j.Status.LastSuccessfulTime != nil) && c.lasts == "" && name != "none of them" {
				t.Errorf("it went well last at %v", j.Status.LastSuccessfulTime)
			}
		})
	}
}

// TestCronJobResumes: what was missed while it was suspended is made up for once.
func TestCronJobResumes(t *testing.T) {
	p := newPlant(t)
	j := nightly("* * * * *", "2")
	j.Spec.Suspend = new(true)
	p.Create(j)
	p.pass(10 * time.Minute)
	Change(p.Cluster, "shop", "nightly", func(j *batchv1.CronJob) { j.Spec.Suspend = new(false) })
	p.pass(10 * time.Second)
	if d := cmp.Diff([]string{"12:10 Complete"}, p.jobs()); d != "" {
		t.Errorf("jobs (-want +got):\n%s", d)
	}
}

// events are those about an object.
func (p *plant) events(obj metav1.Object) string {
	var out []string
	for _, e := range All[*corev1.Event](p.Cluster, obj.GetNamespace()) {
		if e.InvolvedObject.UID == obj.GetUID() {
			out = append(out, fmt.Sprintf("%s %s: %s", e.Type, e.Reason, e.Message))
		}
	}
	return strings.Join(out, "\n")
}
