package stack

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// churnPods is how many pods Churn changes in turn: the first ones by namespace
// and name, which are those that a console's first page shows.
const churnPods = 40

// Churn changes the restart counts of the cluster's first pods, rate changes a
// second in all, until ctx ends.
func (s *Stack) Churn(ctx context.Context, clusterName string, rate int) error {
	c, err := s.find(clusterName, "apiserver")
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	list, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{Limit: churnPods})
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	if len(list.Items) == 0 || rate < 1 {
		return errors.New("nothing to change: no pods, or no rate")
	}
	clock := time.NewTicker(time.Second / time.Duration(rate))
	defer clock.Stop()
	pending := make(chan struct{}, 16) // patches under way at once
	failed := make(chan error, 1)
	for i := 0; ; i++ {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-clock.C:
		}
		pending <- struct{}{}
		go func() {
			defer func() { <-pending }()
			if err := addRestarts(ctx, client, &list.Items[i%len(list.Items)], i/len(list.Items)+1); err != nil && ctx.Err() == nil {
				select {
				case failed <- err:
				default:
				}
			}
		}()
	}
}

// addRestarts makes the pod's first container count that many restarts more than
// when it was listed. A pod that never started, or is gone, is left alone.
func addRestarts(ctx context.Context, client kubernetes.Interface, pod *corev1.Pod, more int) error {
	if len(pod.Status.ContainerStatuses) == 0 {
		return nil
	}
	count := int(pod.Status.ContainerStatuses[0].RestartCount) + more
	patch := fmt.Sprintf(`[{"op":"replace","path":"/status/containerStatuses/0/restartCount","value":%d}]`, count)
	_, err := client.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.JSONPatchType, []byte(patch), metav1.PatchOptions{}, "status")
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("change pod %s/%s: %w", pod.Namespace, pod.Name, err)
	}
	return nil
}
