package capi

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"wheelhouse/backend"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/machine"
)

// workers is a pool that has what it wants, as version 1.14 writes it.
const workers = `{
	"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "MachineDeployment",
	"metadata": {"name": "edge-md", "namespace": "metal", "uid": "u-1", "resourceVersion": "7", "generation": 2, "creationTimestamp": "2026-11-24T01:55:37Z",
		"labels": {"cluster.x-k8s.io/cluster-name": "edge"}},
	"spec": {"clusterName": "edge", "replicas": 3, "template": {"spec": {"clusterName": "edge", "version": "v1.36.0"}}},
	"status": {"phase": "Running", "replicas": 3, "readyReplicas": 3, "upToDateReplicas": 3, "availableReplicas": 3, "conditions": [
		{"type": "Available", "status": "True", "reason": "Available"},
		{"type": "MachinesReady", "status": "True", "reason": "Ready"},
		{"type": "ScalingUp", "status": "False", "reason": "NotScalingUp"},
		{"type": "Paused", "status": "False", "reason": "NotPaused"}
	]}
}`

// one is a machine that has become a node.
const one = `{
	"apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Machine",
	"metadata": {"name": "edge-md-1", "namespace": "metal", "uid": "u-2", "resourceVersion": "9", "creationTimestamp": "2026-11-24T01:55:37Z",
		"labels": {"cluster.x-k8s.io/cluster-name": "edge", "cluster.x-k8s.io/deployment-name": "edge-md"}},
	"spec": {"clusterName": "edge", "version": "v1.36.0", "providerID": "in-memory:////edge-md-1", "failureDomain": "b"},
	"status": {"phase": "Running", "nodeRef": {"name": "edge-md-1"}, "addresses": [{"type": "InternalIP", "address": "10.0.0.7"}],
		"conditions": [{"type": "Ready", "status": "True", "reason": "Ready"}]}
}`

// like is an object with other fields: dotted paths and their values; nil takes
// one away.
func like(t *testing.T, text string, fields map[string]any) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := o.UnmarshalJSON([]byte(text)); err != nil {
		t.Fatal(err)
	}
	for path, v := range fields {
		at := strings.Split(path, "/")
		if v == nil {
			unstructured.RemoveNestedField(o.Object, at...)
		} else if err := unstructured.SetNestedField(o.Object, v, at...); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func raw(t *testing.T, text string, fields map[string]any) []byte {
	t.Helper()
	b, err := like(t, text, fields).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// conditions are "Type=Status: message" as the server has them.
func conditions(words ...string) []any {
	var out []any
	for _, w := range words {
		is, message, _ := strings.Cut(w, ": ")
		kind, status, _ := strings.Cut(is, "=")
		out = append(out, map[string]any{"type": kind, "status": status, "reason": "Because", "message": message})
	}
	return out
}

func TestPoolRow(t *testing.T) {
	row, version, err := poolRow(machine.KindDeployment)(raw(t, workers, nil), "idc", kubeapi.Words{})
	if err != nil || version != "7" {
		t.Fatal(version, err)
	}
	want := machine.Pool{
		Link: "idc", Kind: machine.KindDeployment, Namespace: "metal", Name: "edge-md", UID: "u-1", Cluster: "edge", Version: "v1.36.0",
		State: "Available", Level: backend.Good, Desired: 3, Replicas: 3, Ready: 3, UpToDate: 3, Available: 3, Created: 1795485337,
	}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "{", "[]", `{"metadata":{}}`, `{"metadata":{"name":"x"},"status":{"replicas":"three"}}`} {
		if _, _, err := poolRow(machine.KindPool)([]byte(bad), "idc", kubeapi.Words{}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestPoolStates(t *testing.T) {
	const at = "status/conditions"
	for want, fields := range map[string]map[string]any{
		"Scaling up moving: 1 of 5":       {at: conditions("Available=False: few", "ScalingUp=True: 1 of 5")},
		"Scaling down moving: ":           {at: conditions("Available=True", "ScalingDown=True")},
		"Rolling out moving: a; b":        {at: conditions("RollingOut=True: * a\n  * b")},
		"Paused waiting: ":                {at: conditions("Paused=True", "Available=False: few")},
		"Remediating warning: two":        {at: conditions("Remediating=True: two", "Available=True")},
		"Unavailable failed: few":         {at: conditions("Available=False: few", "MachinesReady=False")},
		"Not ready warning: one is not":   {at: conditions("Available=True", "MachinesReady=False: one is not")},
		"Available ok: ":                  {"status/v1beta2": map[string]any{"conditions": conditions("Available=True")}, at: conditions("Available=False")},
		"Deleting moving: drains":         {"metadata/deletionTimestamp": "2026-11-24T02:00:00Z", at: conditions("Deleting=True: drains")},
		"Unknown off: its controller has": {at: nil},
	} {
		row, _, err := poolRow(machine.KindDeployment)(raw(t, workers, fields), "idc", kubeapi.Words{})
		if got := row.State + " " + row.Level.String() + ": " + row.Detail; err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}

func TestMachineRow(t *testing.T) {
	row, _, err := machineRow(raw(t, one, nil), "idc", kubeapi.Words{})
	if err != nil {
		t.Fatal(err)
	}
	want := machine.Machine{
		Link: "idc", Namespace: "metal", Name: "edge-md-1", UID: "u-2", Cluster: "edge", Pool: "edge-md", Node: "edge-md-1",
		Provider: "in-memory:////edge-md-1", Version: "v1.36.0", Zone: "b", State: "Running", Level: backend.Good, Created: 1795485337,
	}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Error(diff)
	}
	const at = "status/conditions"
	for want, fields := range map[string]map[string]any{
		"Provisioning moving: waits for the VM": {"status/phase": "Provisioning", at: conditions("Ready=False: waits for the VM")},
		"Pending moving: ":                      {"status": nil},
		"Running warning: kubelet is silent":    {at: conditions("Ready=False: kubelet is silent")},
		"Running failed: node is gone":          {at: conditions("Ready=False: x", "HealthCheckSucceeded=False: node is gone")},
		"Failed failed: no such image":          {"status/phase": "Failed", at: conditions("Ready=False: no such image")},
		"Deleting moving: drains pod shop/db-0": {"status/phase": "Deleting", "metadata/deletionTimestamp": "2026-11-24T02:00:00Z", at: conditions("Deleting=True: drains pod shop/db-0")},
	} {
		row, _, err := machineRow(raw(t, one, fields), "idc", kubeapi.Words{})
		if got := row.State + " " + row.Level.String() + ": " + row.Detail; err != nil || got != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
}

func TestCautions(t *testing.T) {
	const notes, labels = "metadata/annotations", "metadata/labels"
	target := func(kind string, fields map[string]any) kubeapi.Target {
		return kubeapi.Target{Ref: backend.Ref{Kind: kind, Scope: "metal", Name: "edge-md"}, Obj: like(t, workers, fields)}
	}
	for name, c := range map[string]struct {
		kind   string
		fields map[string]any
		to     int64
		says   []string
	}{
		"nothing":       {machine.KindDeployment, nil, 5, nil},
		"fewer":         {machine.KindDeployment, nil, 1, []string{"2 of its machines are deleted"}},
		"autoscaler":    {machine.KindPool, map[string]any{notes: map[string]any{"cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size": "10"}}, 5, []string{"between nothing and 10"}},
		"topology":      {machine.KindDeployment, map[string]any{labels: map[string]any{"topology.cluster.x-k8s.io/owned": ""}}, 5, []string{"will undo this"}},
		"paused":        {machine.KindDeployment, map[string]any{notes: map[string]any{"cluster.x-k8s.io/paused": ""}}, 5, []string{"nothing happens until"}},
		"even members":  {machine.KindControlPlane, nil, 4, []string{"odd number"}},
		"odd members":   {machine.KindControlPlane, nil, 5, nil},
		"even machines": {machine.KindDeployment, nil, 4, nil},
	} {
		got := cautions(target(c.kind, c.fields), c.to)
		if len(got) != len(c.says) {
			t.Errorf("%s: %q", name, got)
			continue
		}
		for i, says := range c.says {
			if !strings.Contains(got[i], says) {
				t.Errorf("%s: %q, want %q", name, got[i], says)
			}
		}
	}
}

// TestConditionsPolarity: which conditions are good when they are false.
func TestConditionsPolarity(t *testing.T) {
	got := map[string]backend.Level{}
	for _, is := range []string{"Available=True", "Available=False", "Available=Unknown", "ScalingUp=True", "ScalingUp=False", "Paused=True"} {
		kind, status, _ := strings.Cut(is, "=")
		got[is] = condition{Type: kind, Status: status}.level()
	}
	want := map[string]backend.Level{
		"Available=True": backend.Good, "Available=False": backend.Warning, "Available=Unknown": backend.Idle,
		"ScalingUp=True": backend.Moving, "ScalingUp=False": backend.Good, "Paused=True": backend.Waiting,
	}
	if !maps.Equal(want, got) {
		t.Errorf("got %v", got)
	}
}
