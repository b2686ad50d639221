package kube

import (
	"strings"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
)

// TestKubectlTimes: a cron job from its beginning to its end.
func TestKubectlTimes(t *testing.T) {
	s := newSite(t)
	s.session(t, []step{
		{command: "create cronjob tidy --image busybox:1 --schedule '*/2 * * * *' -- sleep 2", want: []string{"cronjob.batch/tidy created"}},
		{command: "create cronjob other --image busybox:1 --schedule '61 * * * *'", want: []string{`CronJob.batch "other" is invalid: spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61`}, code: 1},
		{command: "create cronjob " + strings.Repeat("x", 53) + " --image busybox:1 --schedule '@daily'", want: []string{"must be no more than 52 characters"}, code: 1},
		{command: `patch cj tidy -p '{"spec":{"timeZone":"Moon/Sea"}}'`, want: []string{`spec.timeZone: Invalid value: "Moon/Sea": unknown time zone Moon/Sea`}, code: 1},
		{command: `patch cj tidy -p '{"spec":{"concurrencyPolicy":"No"}}'`, want: []string{`Unsupported value: "No": supported values: "Allow", "Forbid", "Replace"`}, code: 1},
		{command: `patch cj tidy -p '{"spec":{"jobTemplate":{"spec":{"template":{"spec":{"restartPolicy":"Always"}}}}}}'`, want: []string{`spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"`}, code: 1},
	})
	s.until("its job has run", func() bool {
		j := Get[*batchv1.CronJob](s.Cluster, "shop", "tidy")
		return j.Status.LastSuccessfulTime != nil
	})
	s.session(t, []step{
		{command: "get cj -o wide", want: []string{"NAME", "SCHEDULE", "TIMEZONE", "SUSPEND", "ACTIVE", "LAST SCHEDULE", "AGE", "CONTAINERS", "tidy", "*/2 * * * *", "<none>", "False", "busybox:1"}},
		{command: "get all", want: []string{"cronjob.batch/tidy", "job.batch/tidy-"}},
		{command: "describe cj tidy", want: []string{"Concurrency Policy:            Allow", "Successful Job History Limit:  3", "SuccessfulCreate", "Created job tidy-", "SawCompletedJob"}},
		{command: "create job now --from=cronjob/tidy", want: []string{"job.batch/now created"}},
		{command: "wait --for condition=Complete job/now --timeout 10s", want: []string{"condition met"}},
		{command: "get job now -o yaml", want: []string{"cronjob.kubernetes.io/instantiate: manual", "kind: CronJob", "name: tidy"}},
		{command: `patch cj tidy -p '{"spec":{"suspend":true}}'`, want: []string{"patched"}},
		{command: "get cj tidy", want: []string{"True"}},
		{command: "explain cj.spec.timeZone", want: []string{"timeZone <string>"}},
		{who: "reader", command: "delete cj tidy", want: []string{"Forbidden"}, code: 1},
		{command: "delete cj tidy", want: []string{"deleted"}},
	})
	s.until("its jobs are gone", func() bool { return len(All[*batchv1.Job](s.Cluster, "shop")) == 0 })
}

// TestKubectlAutoscales: an autoscaler from its beginning to its end.
func TestKubectlAutoscales(t *testing.T) {
	s := newSite(t)
	s.session(t, []step{
		{command: "autoscale deploy cart --min 4 --max 6 --cpu 70%", want: []string{"horizontalpodautoscaler.autoscaling/cart autoscaled"}},
		{command: "autoscale deploy cart --name other --min 7 --max 6", want: []string{"must be larger or equal to"}, code: 1},
		{command: `patch hpa cart -p '{"spec":{"maxReplicas":2}}'`, want: []string{"spec.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`"}, code: 1},
		{command: `patch hpa cart -p '{"spec":{"minReplicas":0}}'`, want: []string{"must be greater than or equal to 1"}, code: 1},
	})
	s.until("it scales", func() bool {
		h := Get[*autoscalingv2.HorizontalPodAutoscaler](s.Cluster, "shop", "cart")
		return h.Status.CurrentReplicas == 4 && len(h.Status.CurrentMetrics) > 0 && h.Status.CurrentMetrics[0].Resource != nil
	})
	s.session(t, []step{
		{command: "get hpa", want: []string{"NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE", "Deployment/cart", "cpu: ", "%/70%"}},
		{command: "describe hpa cart", want: []string{"resource cpu on pods  (as a percentage of request):", "ScalingActive   True    ValidMetricFound", "SuccessfulRescale", "New size: 4; reason: Current number of replicas below Spec.MinReplicas"}},
		{command: "get deploy cart", want: []string{"/4"}},
		{command: "explain hpa.spec.behavior.scaleUp", want: []string{"stabilizationWindowSeconds"}},
		{command: "delete hpa cart", want: []string{"deleted"}},
		{command: "scale deploy cart --replicas 1", want: []string{"scaled"}},
	})
	s.until("it is left alone", func() bool { return s.deployment().Status.Replicas == 1 })
}
