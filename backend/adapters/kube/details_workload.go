package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
	"wheelhouse/backend/kubeapi"
)

// workload adds how many pods there are of how many, how they are replaced and
// what they run.
func workloadLines(s *kubeapi.Summary, obj *unstructured.Unstructured) error {
	status := func(name string) int64 {
		n, _, _ := unstructured.NestedInt64(obj.Object, "status", name)
		return n
	}
	want, updated, ready, available := kubeapi.Replicas(obj), status("updatedReplicas"), status("readyReplicas"), status("availableReplicas")
	strategy := "updateStrategy"
	switch obj.GetKind() {
	case "Deployment":
		strategy = "strategy"
	case "DaemonSet":
		want, updated = status("desiredNumberScheduled"), status("updatedNumberScheduled")
		ready, available = status("numberReady"), status("numberAvailable")
	}
	level := backend.Good
	switch {
	case want == 0:
		level = backend.Idle
	case available < want:
		level = backend.Warning
	case updated < want:
		level = backend.Moving
	}
	s.Add(level, "replicas", fmt.Sprintf("%d desired, %d updated, %d ready, %d available", want, updated, ready, available))
	if paused(obj) == "yes" {
		s.Add(backend.Waiting, "paused", "changes to the template wait until it is resumed")
	}
	if obj.GetGeneration() > status("observedGeneration") {
		s.Add(backend.Moving, "pending", "its controller has not seen the last change yet")
	}
	s.Add(backend.None, "strategy", strategyLine(obj, strategy))
	containers, _, err := unstructured.NestedSlice(obj.Object, "spec", "template", "spec", "containers")
	if err != nil {
		return fmt.Errorf("read containers: %w", err)
	}
	for _, item := range containers {
		if ct, ok := item.(map[string]any); ok {
			image, _ := ct["image"].(string)
			s.Add(backend.None, "image", image)
		}
	}
	s.Add(backend.None, "restarted", lastRestart(obj))
	s.OwnedBy(obj)
	s.Conditions(obj)
	return nil
}

// strategyLine is "RollingUpdate maxSurge 25% maxUnavailable 25%".
func strategyLine(obj *unstructured.Unstructured, field string) string {
	kind, _, _ := unstructured.NestedString(obj.Object, "spec", field, "type")
	limits, _, _ := unstructured.NestedMap(obj.Object, "spec", field, "rollingUpdate")
	line := []string{kind}
	for _, name := range []string{"maxSurge", "maxUnavailable", "partition"} {
		if v, ok := limits[name]; ok && fmt.Sprint(v) != "0" {
			line = append(line, fmt.Sprintf("%s %v", name, v))
		}
	}
	return strings.Join(line, " ")
}

// autoscaler adds what scales the workload.
func autoscalerLines(s *kubeapi.Summary, a around, obj *unstructured.Unstructured) {
	if hpa := scaledBy(a, obj); hpa != nil {
		s.Add(backend.None, "hpa", fmt.Sprintf("%s keeps it %s, wants %d now", hpa.Name, bounds(hpa), hpa.Status.DesiredReplicas))
	}
	for _, trouble := range a.trouble {
		s.Add(backend.Idle, "hpa", trouble)
	}
}

// namespace adds its phase.
func namespaceLines(s *kubeapi.Summary, obj *unstructured.Unstructured) error {
	phase, _, err := unstructured.NestedString(obj.Object, "status", "phase")
	if err != nil {
		return fmt.Errorf("read phase: %w", err)
	}
	level := backend.Good
	if phase != string(corev1.NamespaceActive) {
		level = backend.Moving
	}
	s.Add(level, "phase", phase)
	s.Conditions(obj)
	return nil
}

// quotas is how much of a namespace's quotas is used.
func (c *Cluster) quotas(ctx context.Context, namespace string) []backend.Line {
	var s kubeapi.Summary
	client, err := c.Typed()
	if err != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	list, err := client.CoreV1().ResourceQuotas(namespace).List(ctx, metav1.ListOptions{Limit: maxBeside})
	if apierrors.IsNotFound(err) { // this server knows none
		return nil
	}
	if err != nil {
		s.Add(backend.Idle, "quotas", kubeapi.WhyNot(err))
		return s.Lines
	}
	for _, q := range list.Items {
		var names []string
		for name := range q.Status.Hard {
			names = append(names, string(name))
		}
		slices.Sort(names)
		for _, name := range names {
			hard, used := q.Status.Hard[corev1.ResourceName(name)], q.Status.Used[corev1.ResourceName(name)]
			level := backend.None
			if used.Cmp(hard) >= 0 {
				level = backend.Warning
			}
			s.Add(level, "quota "+q.Name, fmt.Sprintf("%s %s of %s", name, used.String(), hard.String()))
		}
	}
	return s.Lines
}
