//go:build real

package real_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

const shop = "shop"

// TestRealDelete: a pod deleted by key is gone from the server, and its
// successor stands on the screen.
func TestRealDelete(t *testing.T) {
	client := server(t, "a")
	pod := somePod(t, client, "app=checkout")
	c := open(t, "--context", "a", "--context", "b", "--view", "pods")
	c.enter("/", pod.Name)
	c.see(pod.Name, "Running")
	c.keys("ctrl+d")
	c.see("Delete", pod.Name)
	c.confirm()
	eventually(t, "the pod goes", func(ctx context.Context) error {
		now, err := client.CoreV1().Pods(shop).Get(ctx, pod.Name, metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			return nil
		case err != nil:
			return err
		case now.UID != pod.UID:
			return nil
		}
		return fmt.Errorf("%s is still there", pod.Name)
	})
	c.enter("/", "checkout")
	c.until("the pod's row gone", func() bool { return c.line(pod.Name+" ") == "" })
	next := newestPod(t, client, "app=checkout", pod.UID)
	c.see(next.Name)
}

// TestRealScale: the replicas typed into the form are the deployment's.
func TestRealScale(t *testing.T) {
	client := server(t, "b")
	before := deployment(t, client, "checkout")
	want := *before.Spec.Replicas + 2
	t.Cleanup(func() { setReplicas(t, client, "checkout", *before.Spec.Replicas) })
	c := open(t, "--context", "b", "--namespace", shop, "--view", "deployments")
	c.enter("/", "checkout")
	c.see("checkout", "Available")
	c.keys("s")
	c.see("Replicas")
	c.keys("ctrl+u")
	c.send(strconv.Itoa(int(want)))
	c.keys("enter")
	c.confirm()
	eventually(t, "the deployment is scaled", func(ctx context.Context) error {
		d, err := client.AppsV1().Deployments(shop).Get(ctx, "checkout", metav1.GetOptions{})
		if err == nil && *d.Spec.Replicas != want {
			err = fmt.Errorf("%d replicas, want %d", *d.Spec.Replicas, want)
		}
		return err
	})
	c.see("checkout", fmt.Sprintf("%d/%d", want, want))
}

// TestRealRestart: every pod of the deployment is replaced.
func TestRealRestart(t *testing.T) {
	client := server(t, "a")
	before := deployment(t, client, "checkout")
	c := open(t, "--context", "a", "--namespace", shop, "--view", "deployments")
	c.enter("/", "checkout")
	c.see("checkout", "Available")
	c.keys("r")
	c.see("Restart", "checkout")
	c.confirm()
	eventually(t, "a new generation is rolled out", func(ctx context.Context) error {
		d, err := client.AppsV1().Deployments(shop).Get(ctx, "checkout", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if d.Generation <= before.Generation || d.Status.ObservedGeneration != d.Generation || d.Status.UpdatedReplicas != *d.Spec.Replicas || d.Status.Replicas != *d.Spec.Replicas {
			return fmt.Errorf("generation %d of %d, %d of %d replicas updated", d.Status.ObservedGeneration, d.Generation, d.Status.UpdatedReplicas, *d.Spec.Replicas)
		}
		return nil
	})
	now := deployment(t, client, "checkout")
	if at := now.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"]; at == "" || at == before.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] {
		t.Errorf("restartedAt is %q: kubectl would not see this restart", at)
	}
}

// TestRealAct does the three actions without the screen.
func TestRealAct(t *testing.T) {
	client := server(t, "b")
	before := deployment(t, client, "query", "search")
	t.Cleanup(func() { setReplicas(t, client, "query", *before.Spec.Replicas, "search") })
	pod := somePod(t, client, "app=query", "search")

	if out, code := command(t, "act", "workload.scale", "b:deployment.apps/search/query", "--set", "replicas=2", "--yes"); code != 0 {
		t.Errorf("scale: exit %d\n%s", code, out)
	}
	if got := *deployment(t, client, "query", "search").Spec.Replicas; got != 2 {
		t.Errorf("scaled to %d, want 2", got)
	}
	if out, code := command(t, "act", "workload.restart", "b:deployment.apps/search/query", "--yes"); code != 0 {
		t.Errorf("restart: exit %d\n%s", code, out)
	}
	if at := deployment(t, client, "query", "search").Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"]; at == "" {
		t.Error("not restarted")
	}
	if out, code := command(t, "act", "pod.delete", "b:pod/search/"+pod.Name, "--yes"); code != 0 && !strings.Contains(out, "not") {
		t.Errorf("delete: exit %d\n%s", code, out)
	}
	if out, code := command(t, "act", "workload.scale", "b:deployment.apps/search/query", "--set", "replicas=9"); code != 6 {
		t.Errorf("without --yes: exit %d, want 6\n%s", code, out)
	}
	if out, code := command(t, "act", "workload.scale", "b:deployment.apps/search/query", "--set", "replicas=many", "--yes"); code != 2 {
		t.Errorf("with nonsense: exit %d, want 2\n%s", code, out)
	}
	if got := *deployment(t, client, "query", "search").Spec.Replicas; got != 2 {
		t.Errorf("%d replicas after what must change nothing, want 2", got)
	}
}

// space is the namespace of helpers that take it last and optionally.
func space(given []string) string {
	if len(given) > 0 {
		return given[0]
	}
	return shop
}

func deployment(t *testing.T, client kubernetes.Interface, name string, namespace ...string) *appsv1.Deployment {
	t.Helper()
	d, err := client.AppsV1().Deployments(space(namespace)).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func setReplicas(t *testing.T, client kubernetes.Interface, name string, n int32, namespace ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon) // the test's own has ended in cleanups
	defer cancel()
	deployments := client.AppsV1().Deployments(space(namespace))
	scale, err := deployments.GetScale(ctx, name, metav1.GetOptions{})
	if err == nil {
		scale.Spec.Replicas = n
		scale.ResourceVersion = ""
		_, err = deployments.UpdateScale(ctx, name, scale, metav1.UpdateOptions{})
	}
	if err != nil {
		t.Errorf("scale %s to %d: %v", name, n, err)
	}
}

func somePod(t *testing.T, client kubernetes.Interface, labels string, namespace ...string) *corev1.Pod {
	t.Helper()
	list, err := client.CoreV1().Pods(space(namespace)).List(t.Context(), metav1.ListOptions{LabelSelector: labels})
	if err != nil || len(list.Items) == 0 {
		t.Fatalf("no pod with %s: %v", labels, err)
	}
	return &list.Items[0]
}

// newestPod waits for a pod that was made after the one that is gone.
func newestPod(t *testing.T, client kubernetes.Interface, labels string, gone any) *corev1.Pod {
	t.Helper()
	var newest *corev1.Pod
	eventually(t, "a new pod", func(ctx context.Context) error {
		list, err := client.CoreV1().Pods(shop).List(ctx, metav1.ListOptions{LabelSelector: labels})
		if err != nil {
			return err
		}
		newest = nil
		for i, p := range list.Items {
			if any(p.UID) == gone {
				return fmt.Errorf("%s is still there", p.Name)
			}
			if newest == nil || newest.CreationTimestamp.Before(&list.Items[i].CreationTimestamp) {
				newest = &list.Items[i]
			}
		}
		if newest == nil {
			return fmt.Errorf("no pod with %s", labels)
		}
		return nil
	})
	return newest
}
