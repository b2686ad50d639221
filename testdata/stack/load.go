package stack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// What a load is spread over.
const (
	loadSpaces  = 20
	podsPerNode = 120
	loadLabel   = "load=true"
)

// Load makes the cluster have exactly that many load pods besides its own, each
// of about 3.9 KB as JSON, running, spread over namespaces load-00 … and nodes
// of their own. It creates what is missing and deletes what is too much.
func (s *Stack) Load(ctx context.Context, clusterName string, pods int) error {
	c, err := s.find(clusterName, "apiserver")
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	if err := ensureNodes(ctx, client, loadNodes(c.name, (pods+podsPerNode-1)/podsPerNode)); err != nil {
		return err
	}
	if err := ensureSpaces(ctx, client); err != nil {
		return err
	}
	have, err := loadPods(ctx, client)
	if err != nil {
		return err
	}
	var missing []*corev1.Pod
	for i := range pods {
		pod := loadPod(c.name, i)
		if key := (types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}); have[key] {
			delete(have, key)
		} else {
			missing = append(missing, pod)
		}
	}
	if err := createPods(ctx, client, missing); err != nil {
		return err
	}
	if err := deletePods(ctx, client, have); err != nil {
		return err
	}
	return waitRunning(ctx, client)
}

func ensureSpaces(ctx context.Context, client kubernetes.Interface) error {
	for i := range loadSpaces {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: loadSpace(i)}}
		_, err := client.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create namespace %s: %w", namespace.Name, err)
		}
	}
	return nil
}

func loadSpace(i int) string { return fmt.Sprintf("load-%02d", i%loadSpaces) }

// loadPods gives the load pods that there are.
func loadPods(ctx context.Context, client kubernetes.Interface) (map[types.NamespacedName]bool, error) {
	list, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{LabelSelector: loadLabel, ResourceVersion: "0"})
	if err != nil {
		return nil, fmt.Errorf("list load pods: %w", err)
	}
	have := map[types.NamespacedName]bool{}
	for _, pod := range list.Items {
		have[types.NamespacedName{Namespace: pod.Namespace, Name: pod.Name}] = true
	}
	return have, nil
}

// loadPod is the i-th of them, always the same one.
func loadPod(cluster string, i int) *corev1.Pod {
	apps := []string{"billing", "cart", "catalog", "checkout", "gateway", "ledger", "mailer", "recommend", "search", "shipping"}
	app := apps[i/loadSpaces%len(apps)]
	container := func(name string, port int32) corev1.Container {
		c := corev1.Container{
			Name: name, Image: "registry.example/platform/" + app + "/" + name + ":2026.11.3",
			Ports: []corev1.ContainerPort{{Name: name, ContainerPort: port}},
			Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")},
				Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("512Mi")},
			},
		}
		for e := range 4 {
			c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprintf("SERVICE_SETTING_%d", e), Value: fmt.Sprintf("value-%d-of-%s", e, app)})
		}
		return c
	}
	no := false
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: loadSpace(i),
			Name:      fmt.Sprintf("%s-%08x-%05d", app, 0x7d9f6c5b+i%7, i),
			Labels:    map[string]string{"load": "true", "app": app, "team": fmt.Sprintf("team-%d", i%12), "version": "2026.11.3"},
			Annotations: map[string]string{
				"config.example/checksum": fmt.Sprintf("%064x", i),
				"owner.example/contact":   "team-" + app + "@example.com",
			},
		},
		Spec: corev1.PodSpec{
			NodeName: fmt.Sprintf("%s-load-%02d", cluster, i/podsPerNode), AutomountServiceAccountToken: &no,
			Containers:  []corev1.Container{container("app", 8080), container("proxy", 8081)},
			Tolerations: []corev1.Toleration{{Key: "load", Operator: corev1.TolerationOpExists}},
		},
	}
}

func createPods(ctx context.Context, client kubernetes.Interface, pods []*corev1.Pod) error {
	return inParallel(pods, func(pod *corev1.Pod) error {
		_, err := client.CoreV1().Pods(pod.Namespace).Create(ctx, pod, metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create pod %s/%s: %w", pod.Namespace, pod.Name, err)
		}
		return nil
	})
}

func deletePods(ctx context.Context, client kubernetes.Interface, keys map[types.NamespacedName]bool) error {
	return inParallel(slices.Collect(maps.Keys(keys)), func(key types.NamespacedName) error {
		err := client.CoreV1().Pods(key.Namespace).Delete(ctx, key.Name, *metav1.NewDeleteOptions(0))
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete pod %s: %w", key, err)
		}
		return nil
	})
}

// waitRunning returns when kwok has every load pod running.
func waitRunning(ctx context.Context, client kubernetes.Interface) error {
	for {
		list, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{
			LabelSelector: loadLabel, FieldSelector: "status.phase!=Running", Limit: 1,
		})
		if err != nil {
			return fmt.Errorf("list pods that do not run yet: %w", err)
		}
		if len(list.Items) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// inParallel does f for every item, some at a time, and gives the first error.
func inParallel[T any](items []T, f func(T) error) error {
	const workers = 24
	queue, failed := make(chan T), make(chan error, workers)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for item := range queue {
				if err := f(item); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	var err error
	for _, item := range items {
		select {
		case queue <- item:
			continue
		case err = <-failed:
		}
		break
	}
	close(queue)
	all.Wait()
	select {
	case late := <-failed:
		if err == nil {
			err = late
		}
	default:
	}
	return err
}
