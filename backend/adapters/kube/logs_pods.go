package kube

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
)

// logPod is a pod as far as its log goes. Numbers are those of
// k8s.io/api/core/v1/generated.proto.
type logPod struct {
	link       string
	meta       kubeapi.Meta
	policy     string // restartPolicy
	phase      string
	reason     string   // why it is not further: of a condition, or the pod's
	declared   []string // names of all containers of the spec
	containers []logContainer
}

// logContainer is one of its containers, once there is a word of it.
type logContainer struct {
	container
	message string // what stands behind the reason that it waits
	init    bool
	debug   bool // an ephemeral one
}

// Ref addresses the pod.
func (p logPod) Ref() backend.Ref {
	return backend.Ref{Link: p.link, Kind: cluster.KindPod, Scope: p.meta.Namespace, Name: p.meta.Name, UID: p.meta.UID}
}

// AppendText implements backend.Object.
func (p logPod) AppendText(b []byte) []byte { return append(b, p.meta.Name...) }

func logPodRow(raw []byte, link string, w kubeapi.Words) (logPod, string, error) {
	p := logPod{link: link}
	sidecars := map[string]bool{}
	err := kubeapi.Walk(raw, func(num protowire.Number, v []byte, _ uint64) {
		switch num {
		case 1:
			_ = p.meta.Read(v, w) // told by the outer walk's caller when the name is missing
		case 2:
			p.spec(v, sidecars)
		case 3:
			p.status(v, w)
		}
	})
	if err == nil && p.meta.Name == "" {
		err = fmt.Errorf("a pod without a name")
	}
	for i := range p.containers {
		p.containers[i].sidecar = p.containers[i].init && sidecars[p.containers[i].name]
	}
	return p, p.meta.Version, err
}

func (p *logPod) spec(b []byte, sidecars map[string]bool) {
	_ = kubeapi.Walk(b, func(num protowire.Number, v []byte, _ uint64) { // what came before the break stands
		switch num {
		case 2:
			p.declared = append(p.declared, kubeapi.TextAt(v, 1))
		case 3:
			p.policy = string(v)
		case 20:
			p.declared = append(p.declared, kubeapi.TextAt(v, 1))
			sidecars[kubeapi.TextAt(v, 1)] = kubeapi.TextAt(v, 24) == "Always"
		case 34:
			p.declared = append(p.declared, kubeapi.TextAt(v, 1, 1))
		}
	})
}

func (p *logPod) status(b []byte, w kubeapi.Words) {
	_ = kubeapi.Walk(b, func(num protowire.Number, v []byte, _ uint64) { // as above
		switch num {
		case 1:
			p.phase = w.Of(v)
		case 2:
			if kubeapi.TextAt(v, 1) == "PodScheduled" && kubeapi.TextAt(v, 2) == "False" {
				p.reason = kubeapi.Join(": ", kubeapi.TextAt(v, 5), kubeapi.TextAt(v, 6))
			}
		case 4:
			p.reason = w.Of(v)
		case 8, 10, 13:
			p.containers = append(p.containers, logContainer{
				container: containerOf(v, w), message: kubeapi.TextAt(v, 2, 1, 2), init: num == 10, debug: num == 13,
			})
		}
	})
}

// over says that none of its containers will run again.
func (p logPod) over() bool { return p.phase == "Succeeded" || p.phase == "Failed" }

// find gives the container of that name, as it is now; one that has not run where
// there is no word of it.
func (p logPod) find(name string) logContainer {
	for _, c := range p.containers {
		if c.name == name {
			return c
		}
	}
	return logContainer{container: container{name: name}}
}

// hasRun says whether there is a log to read.
func (c logContainer) hasRun() bool { return c.running || c.ended || c.lastEnded }

// again says whether the container, which has ended, is started once more.
func (p logPod) again(c logContainer) bool {
	switch failed := c.exit != 0; {
	case p.over() || c.debug:
		return false
	case !c.ended: // it waits for just that
		return true
	case c.init && !c.sidecar:
		return failed && p.policy != "Never"
	case c.sidecar || p.policy == "Always" || p.policy == "":
		return true
	default:
		return failed && p.policy == "OnFailure"
	}
}

// waits is why a container writes nothing now.
func (c logContainer) waits() string {
	if c.waiting {
		return c.name + " waits: " + kubeapi.Join(": ", c.reason, c.message)
	}
	return c.name + " has ended and is started again"
}
