package shop

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend/sandbox"
	"wheelhouse/backend/sandbox/capi"
	"wheelhouse/backend/sandbox/kube"
)

// The company's own data centre is managed by Cluster API on itself.
const (
	metal   = "metal"
	workers = "idc-workers"
)

// spare are hosts in the data centre's racks that nothing runs on until a pool of
// machines takes them.
func spare() []string { return []string{"cn-bj-05", "cn-bj-06", "cn-bj-07", "cn-bj-08"} }

// hosts are what machines can be made of: those that run, and the spare ones.
func hosts() []sandbox.Machine {
	return slices.DeleteFunc(append(machines(), rack(spare())...), func(m sandbox.Machine) bool { return m.Cluster != House })
}

// provision describes the data centre's machines: three that hold the control plane,
// and a pool of those that work.
func provision(c *kube.Cluster) {
	c.Create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metal}})
	ref := func(group, kind, name string) object {
		return object{"apiGroup": group + ".cluster.x-k8s.io", "kind": kind, "name": name}
	}
	meta := func(name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: metal, Name: name, Labels: map[string]string{"cluster.x-k8s.io/cluster-name": House}}
	}
	c.Create(&capi.Cluster{ObjectMeta: metav1.ObjectMeta{Namespace: metal, Name: House}, Spec: kube.Fields{
		"clusterNetwork":       object{"pods": object{"cidrBlocks": []any{"10.64.0.0/10"}}, "services": object{"cidrBlocks": []any{"10.96.0.0/16"}}, "serviceDomain": "cluster.local"},
		"controlPlaneEndpoint": object{"host": "10.8.1.250", "port": int64(6443)},
		"controlPlaneRef":      ref("controlplane", "KubeadmControlPlane", House), "infrastructureRef": ref("infrastructure", "Metal3Cluster", House),
	}})
	c.Create(&capi.ControlPlane{ObjectMeta: meta(House), Spec: kube.Fields{
		"replicas": int64(3), "version": "v" + kube.Version,
		"kubeadmConfigSpec": object{"joinConfiguration": object{"nodeRegistration": object{"criSocket": "unix:///var/run/containerd/containerd.sock"}}},
		"machineTemplate":   object{"spec": object{"infrastructureRef": ref("infrastructure", "Metal3MachineTemplate", House+"-control-plane")}},
		"rollout":           object{"strategy": object{"type": "RollingUpdate", "rollingUpdate": object{"maxSurge": int64(1)}}},
	}})
	c.Create(&capi.Deployment{ObjectMeta: meta(workers), Spec: kube.Fields{
		"clusterName": House, "replicas": int64(4),
		"template": object{"spec": object{
			"clusterName": House, "version": "v" + kube.Version, "bootstrap": object{"configRef": ref("bootstrap", "KubeadmConfigTemplate", workers)},
			"infrastructureRef": ref("infrastructure", "Metal3MachineTemplate", workers), "deletion": object{"nodeDeletionTimeoutSeconds": int64(10)},
		}},
	}})
}
