package kube

import (
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// quota is one of the shop's.
func (p *plant) quota(hard map[string]string) {
	q := &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "small"}, Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{}}}
	for name, n := range hard {
		q.Spec.Hard[corev1.ResourceName(name)] = resource.MustParse(n)
	}
	p.Create(q)
	p.pass(time.Second)
}

func (p *plant) usage() string {
	return inWords(Get[*corev1.ResourceQuota](p.Cluster, "shop", "small").Status.Used)
}

// TestQuota: no more pods come than a quota lets, who makes them says why, and as soon as
// there is room the others come.
func TestQuota(t *testing.T) {
	p := newPlant(t)
	p.quota(map[string]string{"requests.cpu": "2", "pods": "10", "count/deployments.apps": "4", "configmaps": "1"})
	if got := p.usage(); got != "configmaps=0,count/deployments.apps=1,pods=3,requests.cpu=1500m" {
		t.Errorf("it holds %s", got)
	}
	Change(p.Cluster, "shop", "cart", func(d *appsv1.Deployment) {
		*d.Spec.Replicas = 6
		d.Generation++
	})
	p.pass(time.Minute)
	set := All[*appsv1.ReplicaSet](p.Cluster, "shop")[0]
	const why = "is forbidden: exceeded quota: small, requested: requests.cpu=500m, used: requests.cpu=2, limited: requests.cpu=2"
	if n := p.deployment().Status.Replicas; n != 4 || p.condition(appsv1.DeploymentReplicaFailure) != "True FailedCreate" {
		t.Errorf("there are %d, %s", n, p.condition(appsv1.DeploymentReplicaFailure))
	}
	told := p.events(set)
	if !strings.Contains(told, "Warning FailedCreate: Error creating: pods \"cart-") || !strings.Contains(told, why) {
		t.Errorf("it says %s", told)
	}
	if n := strings.Count(told, "FailedCreate"); n > 4 {
		t.Errorf("it says so %d times in a minute", n)
	}
	Change(p.Cluster, "shop", "small", func(q *corev1.ResourceQuota) { q.Spec.Hard["requests.cpu"] = resource.MustParse("3") })
	p.pass(2 * time.Minute)
	if n := p.deployment().Status.Replicas; n != 6 || p.condition(appsv1.DeploymentReplicaFailure) != "" || p.usage() != "configmaps=0,count/deployments.apps=1,pods=6,requests.cpu=3" {
		t.Errorf("with more room there are %d, %s, it holds %s", n, p.condition(appsv1.DeploymentReplicaFailure), p.usage())
	}
	p.Delete(p.deployment())
	p.pass(time.Minute)
	if got := p.usage(); got != "configmaps=0,count/deployments.apps=0,pods=0,requests.cpu=0" {
		t.Errorf("then it holds %s", got)
	}
}

// TestQuotaCounts: what counts how much, and for which quotas.
func TestQuotaCounts(t *testing.T) {
	pod := func(asks, may string, change func(*corev1.Pod)) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "x"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a"}}}}
		r := &p.Spec.Containers[0].Resources
		if asks != "" {
			r.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(asks)}
		}
		if may != "" {
			r.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(may)}
		}
		if change != nil {
			change(p)
		}
		return p
	}
	for name, c := range map[string]struct {
		hard   map[string]string
		scopes []corev1.ResourceQuotaScope
		of     *corev1.Pod
		want   string
	}{
		"fits":         {hard: map[string]string{"requests.memory": "1Gi"}, of: pod("1Gi", "", nil)},
		"too large":    {hard: map[string]string{"memory": "1Gi"}, of: pod("1025Mi", "", nil), want: "exceeded quota: small, requested: memory=1025Mi, used: memory=0, limited: memory=1Gi"},
		"by its limit": {hard: map[string]string{"requests.memory": "1Gi"}, of: pod("", "2Gi", nil), want: "requested: requests.memory=2Gi"},
		"says nothing": {hard: map[string]string{"requests.memory": "1Gi", "limits.memory": "1Gi"}, of: pod("", "", nil), want: "failed quota: small: must specify limits.memory for: a; requests.memory for: a"},
		"it is done":   {hard: map[string]string{"pods": "0"}, of: pod("", "", func(p *corev1.Pod) { p.Status.Phase = corev1.PodSucceeded })},
		"one too many": {hard: map[string]string{"pods": "0"}, of: pod("", "", nil), want: "requested: pods=1, used: pods=0, limited: pods=0"},
		"not of best":  {hard: map[string]string{"pods": "0"}, scopes: []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeNotBestEffort}, of: pod("", "", nil)},
		"of best":      {hard: map[string]string{"pods": "0"}, scopes: []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeBestEffort}, of: pod("", "", nil), want: "exceeded"},
		"of an end":    {hard: map[string]string{"pods": "0"}, scopes: []corev1.ResourceQuotaScope{corev1.ResourceQuotaScopeTerminating}, of: pod("", "", func(p *corev1.Pod) { p.Spec.ActiveDeadlineSeconds = new(int64(5)) }), want: "exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlant(t)
			p.Delete(p.deployment())
			p.pass(10 * time.Second)
			p.quota(c.hard)
			Change(p.Cluster, "shop", "small", func(q *corev1.ResourceQuota) { q.Spec.Scopes = c.scopes })
			err := p.Admit(c.of)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("it says %v", err)
			}
		})
	}
}
