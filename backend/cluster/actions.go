package cluster

import "wheelhouse/backend"

// The verbs of a cluster.
const (
	PodDelete       = "pod.delete"
	WorkloadScale   = "workload.scale"
	WorkloadRestart = "workload.restart"
)

// Actions is every verb of this domain, as data.
func Actions() []backend.Action {
	return []backend.Action{
		{
			ID: PodDelete, Title: "Delete", Kinds: []string{KindPod}, Risk: backend.Medium,
			Help: "Asks the server to end the pod; its owner, if it has one, makes another.",
			Params: []backend.Param{
				{Name: "grace", Title: "Grace period, seconds", Type: backend.Int, Min: 1, Max: 86400, Help: "How long the containers may take to end; empty: what the pod itself says. Not at all is what force is for."},
				{Name: "force", Title: "Force", Type: backend.Bool, Default: "false", Help: "Forgets the pod at once, without waiting for its node to confirm; it may still run there."},
			},
		},
		{
			ID: WorkloadScale, Title: "Scale", Kinds: []string{KindDeployment, KindStatefulSet}, Risk: backend.Medium,
			Help: "Sets the number of replicas.",
			Params: []backend.Param{
				{Name: "replicas", Title: "Replicas", Type: backend.Int, Min: 0, Max: 100000, Required: true, Help: "How many pods there shall be."},
			},
		},
		{
			ID: WorkloadRestart, Title: "Restart", Kinds: []string{KindDeployment, KindStatefulSet, KindDaemonSet}, Risk: backend.Medium,
			Help: "Replaces all pods, following the workload's own update strategy.",
		},
	}
}
