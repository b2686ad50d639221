package kube

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"wheelhouse/backend"
	"wheelhouse/backend/kubeapi"
)

// pod adds a line for each container, then where the pod is and what is wrong
// with it.
func podLines(s *kubeapi.Summary, obj *unstructured.Unstructured) error {
	var pod corev1.Pod
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, &pod); err != nil {
		return fmt.Errorf("decode pod: %w", err)
	}
	if pod.DeletionTimestamp != nil {
		s.Add(backend.Moving, "ending", ending(&pod))
	}
	s.Add(backend.Warning, "reason", kubeapi.Join(": ", pod.Status.Reason, pod.Status.Message))
	for _, cs := range pod.Status.InitContainerStatuses {
		if t := cs.State.Terminated; t == nil || t.ExitCode != 0 {
			containerLine(s, "init "+cs.Name, &cs)
		}
	}
	for _, cs := range pod.Status.ContainerStatuses {
		containerLine(s, cs.Name, &cs)
	}
	for _, cs := range pod.Status.EphemeralContainerStatuses {
		containerLine(s, "debug "+cs.Name, &cs)
	}
	if len(pod.Status.ContainerStatuses) == 0 {
		s.Add(backend.Moving, "phase", string(pod.Status.Phase))
	}
	for _, ct := range pod.Spec.Containers {
		s.Add(backend.None, "image", ct.Image)
	}
	s.Add(backend.None, "node", pod.Spec.NodeName)
	s.Add(backend.None, "ip", pod.Status.PodIP)
	s.OwnedBy(obj)
	if pod.Status.Phase != corev1.PodSucceeded { // of a pod that has done its work none is true
		s.Conditions(obj)
	}
	return nil
}

// container adds how one container is, and how it last ended.
func containerLine(s *kubeapi.Summary, name string, cs *corev1.ContainerStatus) {
	level, text := backend.Idle, "unknown"
	switch st := cs.State; {
	case st.Running != nil:
		level, text = backend.Good, "running "+kubeapi.Since(st.Running.StartedAt.Time)
		if !cs.Ready {
			level, text = backend.Moving, text+", not ready"
		}
	case st.Waiting != nil:
		level, text = backend.Moving, kubeapi.Join(": ", st.Waiting.Reason, st.Waiting.Message)
		if strings.Contains(text, "BackOff") || strings.Contains(text, "Err") || strings.Contains(text, "Invalid") {
			level = backend.Critical
		}
	case st.Terminated != nil:
		text = exit(st.Terminated)
		if st.Terminated.ExitCode != 0 {
			level = backend.Critical
		}
	}
	if cs.RestartCount > 0 {
		text += fmt.Sprintf(", %d restarts", cs.RestartCount)
	}
	if last := cs.LastTerminationState.Terminated; last != nil {
		text += ", last " + exit(last)
	}
	s.Add(level, name, text)
}

// ending is since when a pod that is being deleted has been so; the server's
// timestamp is when its grace period is over.
func ending(pod *corev1.Pod) string {
	var grace time.Duration
	if s := pod.DeletionGracePeriodSeconds; s != nil {
		grace = time.Duration(*s) * time.Second
	}
	return fmt.Sprintf("asked %s ago, grace period %s", kubeapi.Since(pod.DeletionTimestamp.Add(-grace)), grace)
}

// exit is how a container ended: "exit 137 OOMKilled 41s ago".
func exit(t *corev1.ContainerStateTerminated) string {
	s := fmt.Sprintf("exit %d", t.ExitCode)
	if t.Signal != 0 {
		s = fmt.Sprintf("signal %d", t.Signal)
	}
	if t.Reason != "Error" { // says no more than the code
		s = kubeapi.Join(" ", s, t.Reason)
	}
	if ago := kubeapi.Since(t.FinishedAt.Time); ago != "" {
		s += " " + ago + " ago"
	}
	return s
}
