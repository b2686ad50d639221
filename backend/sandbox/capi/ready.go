package capi

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend/sandbox/kube"
)

// conditions say how a machine is, those in front that sum the others up.
func (p provider) conditions(c *kube.Cluster, cs *conditions, b *body, stage, why string) {
	rest := &conditions{was: cs.was, generation: cs.generation, at: cs.at}
	secret, host := b.status.Initialization.BootstrapDataSecretCreated, b.status.Initialization.InfrastructureProvisioned
	config, infra := cmp.Or(b.spec.Bootstrap.ConfigRef.Kind, "KubeadmConfig"), cmp.Or(b.spec.InfrastructureRef.Kind, "Metal3Machine")
	rest.yes("BootstrapConfigReady", secret, "Ready", "NotReady", config+" status.initialization.dataSecretCreated is false")
	rest.yes("InfrastructureReady", host, "Ready", "NotReady", infra+" status.initialization.provisioned is false")
	p.node(c, rest, b, infra)
	if _, ok := b.Labels[masterLabel]; ok {
		running := is(rest.now, "NodeReady")
		for _, part := range []string{"NodeKubeadmLabelsAndTaintsSet:Set", "APIServerPodHealthy:Running", "ControllerManagerPodHealthy:Running", "SchedulerPodHealthy:Running", "EtcdPodHealthy:Running", "EtcdMemberHealthy:Healthy"} {
			kind, good, _ := strings.Cut(part, ":")
			if running {
				rest.set(kind, metav1.ConditionTrue, good, "")
			} else {
				rest.set(kind, metav1.ConditionUnknown, "InspectionFailed", "Waiting for a Node with spec.providerID "+b.spec.ProviderID+" to exist")
			}
		}
	}
	rest.going("Updating", "")
	rest.set("Paused", map[bool]metav1.ConditionStatus{true: metav1.ConditionTrue, false: metav1.ConditionFalse}[paused(b)], map[bool]string{true: "Paused", false: "NotPaused"}[paused(b)], "")
	status, reason := metav1.ConditionTrue, "Ready"
	var lines []string
	if b.DeletionTimestamp != nil {
		rest.set("Deleting", metav1.ConditionTrue, cmp.Or(stage, "Deleting"), why)
		status, reason = metav1.ConditionFalse, "NotReady"
		lines = append(lines, "* Deleting: Machine deletion in progress, stage: "+cmp.Or(stage, "Deleting"))
	} else {
		rest.going("Deleting", "")
	}
	for _, one := range rest.now {
		switch {
		case one.Status == metav1.ConditionTrue || slices.Contains([]string{"Updating", "Paused", "Deleting", "NodeReady"}, one.Type):
			continue
		case one.Status == metav1.ConditionFalse:
			status, reason = metav1.ConditionFalse, "NotReady"
		case status == metav1.ConditionTrue:
			status, reason = metav1.ConditionUnknown, "ReadyUnknown"
		}
		message := one.Message
		if strings.HasPrefix(message, "*") {
			message = "\n  " + strings.ReplaceAll(message, "\n", "\n  ")
		} else {
			message = " " + message
		}
		lines = append(lines, "* "+one.Type+":"+message)
	}
	cs.yes("Available", status == metav1.ConditionTrue, "Available", "NotReady", "")
	cs.set("Ready", status, reason, strings.Join(lines, "\n"))
	current := p.upToDate(c, b)
	cs.yes("UpToDate", current == "", "UpToDate", "NotUpToDate", current)
	cs.now = append(cs.now, rest.now...)
}

// node says how the node of a machine is.
func (p provider) node(c *kube.Cluster, cs *conditions, b *body, infra string) {
	both := func(status metav1.ConditionStatus, reason, message string) {
		cs.set("NodeHealthy", status, reason, message)
		cs.set("NodeReady", status, reason, message)
	}
	n := kube.Get[*corev1.Node](c, "", b.host())
	switch {
	case b.status.NodeRef == nil && b.spec.ProviderID == "":
		both(metav1.ConditionUnknown, "InspectionFailed", "Waiting for "+infra+" to report spec.providerID")
		return
	case b.status.NodeRef == nil:
		both(metav1.ConditionUnknown, "InspectionFailed", "Waiting for a Node with spec.providerID "+b.spec.ProviderID+" to exist")
		return
	case n == nil:
		both(metav1.ConditionFalse, "NodeDeleted", "Node "+b.status.NodeRef.Name+" has been deleted while the Machine still exists")
		return
	}
	var said []string
	healthy, ready := metav1.ConditionTrue, corev1.ConditionStatus(metav1.ConditionUnknown)
	message := "* Node.Ready: Condition not yet reported"
	for _, one := range n.Status.Conditions {
		want := corev1.ConditionFalse
		if one.Type == corev1.NodeReady {
			want, ready, message = corev1.ConditionTrue, one.Status, "* Node.Ready: "+one.Message
		}
		if one.Status == want {
			continue
		}
		said = append(said, fmt.Sprintf("* Node.%s: %s", one.Type, one.Message))
		if one.Status == corev1.ConditionUnknown && healthy == metav1.ConditionTrue {
			healthy = metav1.ConditionUnknown
		} else if one.Status != corev1.ConditionUnknown {
			healthy = metav1.ConditionFalse
		}
	}
	reasons := func(good, bad, unknown string) map[metav1.ConditionStatus]string {
		return map[metav1.ConditionStatus]string{metav1.ConditionTrue: good, metav1.ConditionFalse: bad, metav1.ConditionUnknown: unknown}
	}
	cs.set("NodeHealthy", healthy, reasons("NodeHealthy", "NodeNotHealthy", "NodeHealthUnknown")[healthy], strings.Join(said, "\n"))
	if ready == corev1.ConditionTrue {
		message = ""
	}
	cs.set("NodeReady", metav1.ConditionStatus(ready), reasons("NodeReady", "NodeNotReady", "NodeReadyUnknown")[metav1.ConditionStatus(ready)], message)
}

// upToDate is how a machine differs from what its pool is meant to be made of; ""
// where it does not.
func (p provider) upToDate(c *kube.Cluster, b *body) string {
	want := ""
	if d := kube.Get[*Deployment](c, b.Namespace, b.Labels[poolLabel]); d != nil {
		want = text(d.Spec, "template", "spec", "version")
	}
	if k := kube.Get[*ControlPlane](c, b.Namespace, b.Labels[planeLabel]); k != nil {
		want = text(k.Spec, "version")
	}
	if want == "" || want == b.spec.Version {
		return ""
	}
	return fmt.Sprintf("* Version %s, %s required", b.spec.Version, want)
}
