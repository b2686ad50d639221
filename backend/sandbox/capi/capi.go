// Package capi is Cluster API in a cluster of the embedded world, which manages the
// machines that it runs on: pools of machines, and what its controllers do to have as
// many as are wanted. A machine is made of one of the company's hosts.
//
// Facts are those of Cluster API v1.14, api version v1beta2 (core/reconcilers,
// controlplane/kubeadm/reconcilers), and of objects on a real one.
package capi

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/kube"
)

// Cluster is how a Cluster is kept.
type Cluster = kube.Loose[clusterName]

// Deployment is how a MachineDeployment is kept.
type Deployment = kube.Loose[deploymentName]

// Set is how a MachineSet is kept.
type Set = kube.Loose[setName]

// Machine is how a Machine is kept.
type Machine = kube.Loose[machineName]

// Pool is how a MachinePool is kept.
type Pool = kube.Loose[poolName]

// ControlPlane is how a KubeadmControlPlane is kept.
type ControlPlane = kube.Loose[controlPlaneName]

// What tells their Go types apart.
type (
	clusterName      struct{}
	deploymentName   struct{}
	setName          struct{}
	machineName      struct{}
	poolName         struct{}
	controlPlaneName struct{}
)

// ModelName implements kube.Named.
func (clusterName) ModelName() string { return "io.x-k8s.cluster.v1beta2.Cluster" }

// ModelName implements kube.Named.
func (deploymentName) ModelName() string { return "io.x-k8s.cluster.v1beta2.MachineDeployment" }

// ModelName implements kube.Named.
func (setName) ModelName() string { return "io.x-k8s.cluster.v1beta2.MachineSet" }

// ModelName implements kube.Named.
func (machineName) ModelName() string { return "io.x-k8s.cluster.v1beta2.Machine" }

// ModelName implements kube.Named.
func (poolName) ModelName() string { return "io.x-k8s.cluster.v1beta2.MachinePool" }

// ModelName implements kube.Named.
func (controlPlaneName) ModelName() string {
	return "io.x-k8s.cluster.controlplane.v1beta2.KubeadmControlPlane"
}

const (
	group        = "cluster.x-k8s.io"
	clusterLabel = group + "/cluster-name"
	poolLabel    = group + "/deployment-name"
	setLabel     = group + "/set-name"
	hashLabel    = "machine-template-hash"
	masterLabel  = group + "/control-plane"
	planeLabel   = group + "/control-plane-name"
	pausedMark   = group + "/paused"
	deleteMark   = group + "/delete-machine"
	revisionMark = "machinedeployment.clusters.x-k8s.io/revision"
)

func core() schema.GroupVersion { return schema.GroupVersion{Group: group, Version: "v1beta2"} }

func plane() schema.GroupVersion {
	return schema.GroupVersion{Group: "controlplane." + group, Version: "v1beta2"}
}

// Kinds are what a cluster knows of it.
func Kinds() []kube.Kind {
	all := []string{"cluster-api"}
	return []kube.Kind{
		{
			GroupVersion: core(), Kind: "Cluster", Resource: "clusters", Short: []string{"cl"}, Namespaced: true, JSON: true, Status: true, Categories: all,
			Object: &Cluster{}, List: &kube.LooseList[clusterName]{}, Columns: clusterColumns(),
		},
		{
			GroupVersion: core(), Kind: "MachineDeployment", Resource: "machinedeployments", Short: []string{"md"}, Namespaced: true, JSON: true, Status: true, Scale: true, Categories: all,
			Object: &Deployment{}, List: &kube.LooseList[deploymentName]{}, Columns: poolColumns(true, true), Default: defaultDeployment,
		},
		{
			GroupVersion: core(), Kind: "MachineSet", Resource: "machinesets", Short: []string{"ms"}, Namespaced: true, JSON: true, Status: true, Scale: true, Categories: all,
			Object: &Set{}, List: &kube.LooseList[setName]{}, Columns: poolColumns(false, false),
		},
		{
			GroupVersion: core(), Kind: "MachinePool", Resource: "machinepools", Short: []string{"mp"}, Namespaced: true, JSON: true, Status: true, Scale: true, Categories: all,
			Object: &Pool{}, List: &kube.LooseList[poolName]{}, Columns: poolColumns(false, true),
		},
		{
			GroupVersion: core(), Kind: "Machine", Resource: "machines", Short: []string{"ma"}, Namespaced: true, JSON: true, Status: true, Categories: all,
			Object: &Machine{}, List: &kube.LooseList[machineName]{}, Columns: machineColumns(),
		},
		{
			GroupVersion: plane(), Kind: "KubeadmControlPlane", Resource: "kubeadmcontrolplanes", Short: []string{"kcp"}, Namespaced: true, JSON: true, Status: true, Scale: true, Categories: all,
			Object: &ControlPlane{}, List: &kube.LooseList[controlPlaneName]{}, Columns: poolColumns(true, false), Valid: validPlane,
		},
	}
}

// Controllers are what acts on them; hosts are what machines are made of, those that
// are up already first.
func Controllers(w *sandbox.World, hosts []sandbox.Machine) []kube.Controller {
	p := provider{world: w, hosts: hosts}
	return []kube.Controller{
		{Of: &Cluster{}, Near: &ControlPlane{}, Reconcile: p.cluster},
		{Of: &Deployment{}, Near: &Machine{}, Reconcile: p.deployment},
		{Of: &Set{}, Reconcile: p.set},
		{Of: &Machine{}, Near: &corev1.Node{}, Reconcile: p.machine},
		{Of: &ControlPlane{}, Reconcile: p.plane},
	}
}

// provider makes machines of hosts.
type provider struct {
	world *sandbox.World
	hosts []sandbox.Machine
}

// defaultDeployment fills in what the webhook of the real one does.
func defaultDeployment(obj runtime.Object) {
	d := obj.(*Deployment)
	if d.Spec == nil {
		return
	}
	if _, ok := d.Spec["replicas"]; !ok {
		d.Spec["replicas"] = int64(1)
	}
	if _, ok := d.Spec["rollout"]; !ok {
		d.Spec["rollout"] = map[string]any{"strategy": map[string]any{"type": "RollingUpdate", "rollingUpdate": map[string]any{"maxSurge": int64(1), "maxUnavailable": int64(0)}}}
	}
	labels := map[string]any{clusterLabel: text(d.Spec, "clusterName"), poolLabel: d.Name}
	if _, ok := d.Spec["selector"]; !ok {
		d.Spec["selector"] = map[string]any{"matchLabels": labels}
	}
	if t, ok := d.Spec["template"].(map[string]any); ok {
		meta, _ := t["metadata"].(map[string]any)
		if meta == nil {
			meta = map[string]any{}
		}
		had, _ := meta["labels"].(map[string]any)
		for k, v := range had {
			labels[k] = v
		}
		meta["labels"] = labels
		t["metadata"] = meta
	}
	if d.Labels == nil {
		d.Labels = map[string]string{}
	}
	d.Labels[clusterLabel] = text(d.Spec, "clusterName")
}

// validPlane refuses a number of machines with which etcd would be no safer.
func validPlane(obj, _ runtime.Object) (errs field.ErrorList) {
	n, ok := obj.(*ControlPlane).Spec["replicas"]
	at := field.NewPath("spec", "replicas")
	switch count := obj.(*ControlPlane).Spec.Int("replicas"); {
	case ok && count == 0:
		errs = append(errs, field.Forbidden(at, "cannot be 0"))
	case ok && count%2 == 0:
		errs = append(errs, field.Forbidden(at, "cannot be an even number when etcd is stacked"))
	case ok && count < 0:
		errs = append(errs, field.Invalid(at, n, "must be greater than or equal to 0"))
	}
	return errs
}

// text is a string somewhere in a part of an object; "" where there is none.
func text(f map[string]any, path ...string) string {
	for _, name := range path[:len(path)-1] {
		f, _ = f[name].(map[string]any)
	}
	s, _ := f[path[len(path)-1]].(string)
	return s
}

// paused says whether nothing is to be done with an object.
func paused(m metav1.Object) bool {
	_, yes := m.GetAnnotations()[pausedMark]
	return yes
}
