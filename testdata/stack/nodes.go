package stack

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// plainNodes are the nodes that the scheduler fills: a-node-0, a-node-1 …
func plainNodes(cluster string, count int) []*corev1.Node {
	list := make([]*corev1.Node, count)
	for i := range list {
		list[i] = node(fmt.Sprintf("%s-node-%d", cluster, i), i)
		// where kwok has what its pods use; without it the metrics server finds nothing
		list[i].Annotations = map[string]string{"metrics.k8s.io/resource-metrics-path": "/metrics/nodes/" + list[i].Name + "/metrics/resource"}
	}
	return list
}

// loadNodes are for Load's pods alone: the scheduler leaves them to those. What those
// pods use is not measured, which would cost kwok a core.
func loadNodes(cluster string, count int) []*corev1.Node {
	list := make([]*corev1.Node, count)
	for i := range list {
		list[i] = node(fmt.Sprintf("%s-load-%02d", cluster, i), i)
		list[i].Spec.Taints = []corev1.Taint{{Key: "load", Value: "true", Effect: corev1.TaintEffectNoSchedule}}
	}
	return list
}

func node(name string, i int) *corev1.Node {
	capacity := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("32"),
		corev1.ResourceMemory: resource.MustParse("128Gi"),
		corev1.ResourcePods:   resource.MustParse("250"),
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
			"node-role.kubernetes.io/worker": "", "topology.kubernetes.io/zone": fmt.Sprintf("zone-%d", i%3),
		}},
		Status: corev1.NodeStatus{Capacity: capacity, Allocatable: capacity},
	}
}

// ensureNodes creates those that are not there.
func ensureNodes(ctx context.Context, client kubernetes.Interface, nodes []*corev1.Node) error {
	for _, n := range nodes {
		_, err := client.CoreV1().Nodes().Create(ctx, n, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create node %s: %w", n.Name, err)
		}
	}
	return nil
}
