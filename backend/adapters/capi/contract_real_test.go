//go:build real

package capi

import (
	"testing"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/kubeapi"
	"wheelhouse/backend/kubeapi/contract"
	"wheelhouse/backend/machine"
)

// The objects are of a cluster that is not there, so that nobody makes anything of
// them; but Cluster API's own webhooks look at each.

func TestRealMachinesStreamed(t *testing.T) { realMachines(t, false) }
func TestRealMachinesByPages(t *testing.T)  { realMachines(t, true) }

func TestRealMachinesPoolsStreamed(t *testing.T) { realPools(t, false) }
func TestRealMachinesPoolsByPages(t *testing.T)  { realPools(t, true) }

var silence = backendtest.Without{Case: "survives silence", Why: "pods show it, which are read by the same code"}

func realMachines(t *testing.T, pages bool) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[machine.Machine] {
		return contract.New(t, contract.Subject[machine.Machine]{
			Source: func(c *kubeapi.Client) backend.Source[machine.Machine] { return New(c).Machines() }, Pages: pages, On: "a",
			Kinds: []contract.Kind{{Group: group, Version: "v1beta2", Plural: "machines", Objects: func(word string, _ map[string]any) []contract.Part {
				return whole("Machine", group, map[string]any{
					"clusterName": "none", "providerID": word, "bootstrap": map[string]any{"dataSecretName": "none"}, "infrastructureRef": made("DevMachine"),
				})
			}}},
		})
	}, silence)
}

func realPools(t *testing.T, pages bool) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[machine.Pool] {
		return contract.New(t, contract.Subject[machine.Pool]{
			Source: func(c *kubeapi.Client) backend.Source[machine.Pool] { return New(c).Pools() }, Pages: pages, On: "a",
			Kinds: []contract.Kind{
				{Group: group, Version: "v1beta2", Plural: "machinedeployments", Objects: pool("MachineDeployment", "DevMachineTemplate")},
				{Group: group, Version: "v1beta2", Plural: "machinepools", Objects: pool("MachinePool", "DevMachinePool")},
				{Group: "controlplane." + group, Version: "v1beta2", Plural: "kubeadmcontrolplanes", Objects: controlPlane},
			},
		})
	}, silence)
}

// pool has the word in its version.
func pool(kind, infrastructure string) func(string, map[string]any) []contract.Part {
	return func(word string, labels map[string]any) []contract.Part {
		spec := map[string]any{
			"clusterName": "none", "replicas": 0,
			"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": map[string]any{
				"clusterName": "none", "version": "v1.36.0-" + word, "bootstrap": map[string]any{"dataSecretName": "none"}, "infrastructureRef": made(infrastructure),
			}},
		}
		if kind == "MachineDeployment" {
			spec["selector"] = map[string]any{"matchLabels": labels}
		}
		return whole(kind, group, spec)
	}
}

func controlPlane(word string, _ map[string]any) []contract.Part {
	return whole("KubeadmControlPlane", "controlplane."+group, map[string]any{
		"replicas": 1, "version": "v1.36.0-" + word,
		"machineTemplate":   map[string]any{"spec": map[string]any{"infrastructureRef": made("DevMachineTemplate")}},
		"kubeadmConfigSpec": map[string]any{"joinConfiguration": map[string]any{"nodeRegistration": map[string]any{"name": "none"}}},
	})
}

func whole(kind, group string, spec map[string]any) []contract.Part {
	return []contract.Part{{Object: map[string]any{"kind": kind, "apiVersion": group + "/v1beta2", "spec": spec}}}
}

// made is what a machine would be made of.
func made(kind string) map[string]any {
	return map[string]any{"apiGroup": "infrastructure." + group, "kind": kind, "name": "none"}
}
