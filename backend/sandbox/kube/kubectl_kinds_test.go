package kube

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	rbacv1 "k8s.io/api/rbac/v1"
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

// TestKubectlBinds: what somebody may, the roles say that they are bound to, at once; and
// nobody gives more than they have.
func TestKubectlBinds(t *testing.T) {
	s := newSite(t)
	s.until("the roles are made of their parts", func() bool { return len(Get[*rbacv1.ClusterRole](s.Cluster, "", "admin").Rules) > 0 })
	const secrets = `secrets is forbidden: User "reader" cannot list resource "secrets" in API group "" in the namespace "shop"`
	s.session(t, []step{
		{who: "reader", command: "get secrets", want: []string{secrets}, code: 1},
		{command: "create role peek --verb get,list --resource secrets", want: []string{"role.rbac.authorization.k8s.io/peek created"}},
		{command: "create rolebinding peek --role peek --user reader", want: []string{"rolebinding.rbac.authorization.k8s.io/peek created"}},
		{who: "reader", command: "get secrets", want: []string{"key"}},
		{who: "reader", command: "auth can-i --list", want: []string{"secrets", "[get list]", "selfsubjectreviews.authentication.k8s.io", "[/api/*]"}},
		{who: "reader", command: "get secrets -n default", want: []string{"Forbidden"}, code: 1},
		{command: "auth can-i list secrets --as reader", want: []string{"yes"}},
		{command: "get secrets --as system:serviceaccount:shop:robot", want: []string{`User "system:serviceaccount:shop:robot" cannot list`}, code: 1},
		{command: "create rolebinding robot --clusterrole edit --serviceaccount shop:robot", want: []string{"created"}},
		{command: "auth can-i list secrets --as system:serviceaccount:shop:robot", want: []string{"yes"}},
		{command: "get rolebindings -o wide", want: []string{"ROLE", "USERS", "GROUPS", "SERVICEACCOUNTS", "Role/peek", "ClusterRole/edit", "shop/robot"}},
		{command: "get roles", want: []string{"NAME", "CREATED AT", "peek"}},
		{command: "describe role peek", want: []string{"PolicyRule:", "secrets    []                 []              [get list]"}},
		{command: "describe rolebinding peek", want: []string{"Kind:  Role", "User  reader"}},
		{command: "describe clusterrole view", want: []string{"cronjobs.batch/status", "[get list watch]"}},
		{command: `patch rolebinding peek -p '{"roleRef":{"name":"other"}}'`, want: []string{"cannot change roleRef"}, code: 1},
		{command: "create clusterrole none:at-all --verb get --non-resource-url /metrics", want: []string{"created"}},
		{command: `patch role peek --type merge -p '{"rules":[{"verbs":["get"]}]}'`, want: []string{"rules[0].apiGroups: Required value: resource rules must supply at least one api group"}, code: 1},
		{command: "delete rolebinding peek", want: []string{"deleted"}},
		{who: "reader", command: "get secrets", want: []string{secrets}, code: 1},
		{who: "developer", command: "create clusterrole mine --verb get --resource pods", want: []string{"Forbidden", `cannot create resource "clusterroles"`}, code: 1},
		{command: "create role grants --verb create,get,patch --resource roles,rolebindings", want: []string{"created"}},
		{command: "create rolebinding grants --role grants --user reader", want: []string{"created"}},
		{who: "reader", command: "create role more --verb get,delete --resource pods,secrets", want: []string{
			`roles.rbac.authorization.k8s.io "more" is forbidden: user "reader" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:`,
			`{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}`, `{APIGroups:[""], Resources:["secrets"], Verbs:["get" "delete"]}`,
		}, code: 1},
		{who: "reader", command: "create role less --verb get --resource pods", want: []string{"created"}},
		{who: "reader", command: "create rolebinding more --clusterrole edit --user reader", want: []string{`rolebindings.rbac.authorization.k8s.io "more" is forbidden`, "attempting to grant RBAC permissions not currently held"}, code: 1},
		{who: "reader", command: "create rolebinding none --role none --user reader", want: []string{`roles.rbac.authorization.k8s.io "none" not found`}, code: 1},
		{who: "reader", command: `patch role less --type json -p '[{"op":"add","path":"/rules/-","value":{"verbs":["*"],"apiGroups":["*"],"resources":["*"]}}]'`, want: []string{"attempting to grant RBAC permissions not currently held:", `{APIGroups:["*"], Resources:["*"], Verbs:["*"]}`}, code: 1},
		{who: "developer", command: "create rolebinding all --clusterrole cluster-admin --user reader", want: []string{"created"}}, // as they may bind anything there
		{who: "reader", command: "delete secret key", want: []string{"deleted"}},
		{who: "reader", command: "auth whoami", want: []string{"reader"}},
	})
}

// TestKubectlLimits: a namespace holds no more than its quota lets.
func TestKubectlLimits(t *testing.T) {
	s := newSite(t)
	wrong := s.file("wrong.json", `{"apiVersion":"v1","kind":"LimitRange","metadata":{"name":"lr"},"spec":{"limits":[{"type":"Container","max":{"cpu":"1"},"min":{"cpu":"2"}}]}}`)
	ranged := s.file("range.json", `{"apiVersion":"v1","kind":"LimitRange","metadata":{"name":"lr"},"spec":{"limits":[
			{"type":"Container","max":{"cpu":"1"},"min":{"memory":"20Mi"},"default":{"cpu":"500m"}},{"type":"PersistentVolumeClaim","max":{"storage":"1Gi"}}]}}`)
	claim := s.file("claim.json", `{"apiVersion":"v1","kind":"PersistentVolumeClaim","metadata":{"name":"c"},"spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"2Gi"}}}}`)
	s.session(t, []step{
		{command: "create ns small", want: []string{"created"}},
		{command: "create quota cars -n small --hard cars=1", want: []string{"spec.hard[cars]: Invalid value: \"cars\": must be a standard resource for quota"}, code: 1},
		{command: "create quota half -n small --hard pods=1.5", want: []string{`spec.hard[pods]: Invalid value: "1500m": must be an integer`}, code: 1},
		{command: "create quota few -n small --hard pods=2,requests.cpu=300m,limits.memory=1Gi,configmaps=1,count/deployments.apps=1", want: []string{"resourcequota/few created"}},
		{command: "run a -n small --image nginx:1", want: []string{`Error from server (Forbidden): pods "a" is forbidden: failed quota: few: must specify limits.memory for: a; requests.cpu for: a`}, code: 1},
		{command: "create cm one -n small", want: []string{"created"}},
		{command: "create cm two -n small", want: []string{`configmaps "two" is forbidden: exceeded quota: few, requested: configmaps=1, used: configmaps=1, limited: configmaps=1`}, code: 1},
		{command: "label cm one -n small a=b", want: []string{"labeled"}},
		{command: "delete cm one -n small", want: []string{"deleted"}},
		{command: "create cm two -n small", want: []string{"created"}},
		{command: "create deploy web -n small --image nginx:1", want: []string{"created"}},
		{command: "create deploy web2 -n small --image nginx:1", want: []string{`deployments.apps "web2" is forbidden: exceeded quota: few, requested: count/deployments.apps=1, used: count/deployments.apps=1, limited: count/deployments.apps=1`}, code: 1},
		{command: "set resources deploy web -n small --requests cpu=200m --limits memory=200Mi", want: []string{"updated"}},
		{command: "rollout status deploy/web -n small --timeout 20s", want: []string{"successfully rolled out"}},
		{command: "scale deploy web -n small --replicas 3", want: []string{"scaled"}},
	})
	s.until("one is not let be", func() bool {
		d := Get[*appsv1.Deployment](s.Cluster, "small", "web")
		return len(d.Status.Conditions) == 3
	})
	s.session(t, []step{
		{command: "get quota -n small", want: []string{"NAME", "REQUEST", "LIMIT", "AGE", "configmaps: 1/1, count/deployments.apps: 1/1, pods: 1/2, requests.cpu: 200m/300m", "limits.memory: 200Mi/1Gi"}},
		{command: "describe quota few -n small", want: []string{"Used   Hard", "requests.cpu            200m   300m"}},
		{command: "describe ns small", want: []string{"Resource Quotas", "limits.memory"}},
		{command: "describe deploy web -n small", want: []string{"ReplicaFailure   True    FailedCreate"}},
		{command: "events -n small", want: []string{"FailedCreate", "exceeded quota: few, requested: requests.cpu=200m, used: requests.cpu=200m, limited: requests.cpu=300m"}},
		{command: "patch quota few -n small -p {\"spec\":{\"hard\":{\"requests.cpu\":\"2\",\"pods\":\"9\"}}}", want: []string{"patched"}},
		{command: "rollout status deploy/web -n small --timeout 30s", want: []string{"successfully rolled out"}},
		{command: "explain quota.spec.hard", want: []string{"hard"}},
		{command: "delete quota few -n small", want: []string{"deleted"}},
		{command: "create -n small -f " + wrong, want: []string{
			`spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1`,
		}, code: 1},
		{command: "create -n small -f " + ranged, want: []string{"limitrange/lr created"}},
		{command: "describe limits -n small", want: []string{"Container              cpu       -     1    500m             500m           -"}},
		{command: "run x -n small --image nginx:1", want: []string{"created"}},
		{command: "get pod x -n small -o yaml", want: []string{"kubernetes.io/limit-ranger: 'LimitRanger plugin set: cpu, memory request for container", "memory: 20Mi", "cpu: 500m", "qosClass: Burstable"}},
		{command: `run y -n small --image nginx:1 --overrides '{"spec":{"containers":[{"name":"y","image":"nginx:1","resources":{"limits":{"cpu":"2","memory":"10Mi"}}}]}}'`, want: []string{
			`pods "y" is forbidden: [minimum memory usage per Container is 20Mi, but request is 10Mi, maximum cpu usage per Container is 1, but limit is 2]`,
		}, code: 1},
		{command: "create -n small -f " + claim, want: []string{
			`persistentvolumeclaims "c" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi`,
		}, code: 1},
	})
}
