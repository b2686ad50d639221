//go:build real

package real_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"k8s.io/client-go/kubernetes"
)

// machinesOf counts the machines of the pool edge-md, and those that have become
// nodes.
func machinesOf(ctx context.Context, client kubernetes.Interface) (all, nodes int, err error) {
	raw, err := client.Discovery().RESTClient().Get().AbsPath("/apis/cluster.x-k8s.io/v1beta2/namespaces/metal/machines").
		Param("labelSelector", "cluster.x-k8s.io/deployment-name=edge-md").Do(ctx).Raw()
	if err != nil {
		return 0, 0, err
	}
	var list struct {
		Items []struct{ Status struct{ Phase string } }
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return 0, 0, err
	}
	for _, m := range list.Items {
		if m.Status.Phase == "Running" {
			nodes++
		}
	}
	return len(list.Items), nodes, nil
}

func poolHas(t *testing.T, client kubernetes.Interface, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("the pool has %d machines", n), func(ctx context.Context) error {
		all, nodes, err := machinesOf(ctx, client)
		if err == nil && (all != n || nodes != n) {
			err = fmt.Errorf("%d machines, %d of them running", all, nodes)
		}
		return err
	})
}

// TestRealMachines: a pool is scaled by a key, and its machines are seen as they
// come and go.
func TestRealMachines(t *testing.T) {
	a := server(t, "a")
	poolHas(t, a, 3)
	t.Cleanup(func() { kubectl(t, "-n", "metal", "scale", "machinedeployment/edge-md", "--replicas=3") })
	c := open(t, "--context", "a", "--namespace", "metal", "--view", "pools")
	c.see("edge-md", "3/3", "Available")
	c.see("kubeadmcontrolplane", "3/3")

	out, code := command(t, "act", "pool.scale", "a:machinedeployment/metal/edge-md", "--set", "replicas=5", "--dry-run")
	if code != 0 || !strings.Contains(out, "the autoscaler holds it between 1 and 10") {
		t.Errorf("planning it ended with %d: %s", code, out)
	}
	if out, code := command(t, "act", "pool.scale", "a:kubeadmcontrolplane/metal/edge", "--set", "replicas=0", "--yes"); code != 2 || !strings.Contains(out, "control plane") {
		t.Errorf("a control plane without machines ended with %d: %s", code, out)
	}
	if out, code := command(t, "act", "pool.scale", "a-viewer:machinedeployment/metal/edge-md", "--set", "replicas=9", "--yes", "--context", "a-viewer"); code != 3 {
		t.Errorf("without the permission it ended with %d: %s", code, out)
	}

	c.keys("G", "s") // edge-md comes after edge
	c.see("Machines")
	c.keys("ctrl+u", "5", "enter")
	c.confirm()
	c.see("edge-md", "/5", "Scaling up")
	c.enter(":", "machines")
	c.see("edge-md-", "Provisioning")
	poolHas(t, a, 5)
	c.until("five machines that run", func() bool { return strings.Count(c.text(), "Running") == 8 }) // with the control plane's
	if out, code := command(t, "act", "pool.scale", "a:machinedeployment/metal/edge-md", "--set", "replicas=3", "--yes"); code != 0 {
		t.Fatalf("scaling it back ended with %d: %s", code, out)
	}
	poolHas(t, a, 3)
	c.until("three machines that run", func() bool { return strings.Count(c.text(), "Running") == 6 })
	c.alive()
}
