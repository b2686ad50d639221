package kube

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi"
)

// usageEvery is between two looks: a metrics server measures every 15 seconds, and
// can't be watched.
const usageEvery = 15 * time.Second

// Usage is the source of what pods use (metrics.k8s.io, which a metrics server
// brings). Off where there is none.
func (c *Cluster) Usage() backend.Source[cluster.Usage] { return usage(c, usageEvery) }

func usage(c *Cluster, every time.Duration) backend.Source[cluster.Usage] {
	return kubeapi.Source(c.Client, kubeapi.Collection[cluster.Usage]{
		Res: usageResource(), Called: "pods.metrics.k8s.io", Every: every, Row: usageRow,
	})
}

func usageResource() kubeapi.Resource {
	kind := schema.GroupVersionKind{Group: "metrics.k8s.io", Version: "v1beta1", Kind: "PodMetrics"}
	return kubeapi.Resource{Word: "usage", Plural: "pods", GVK: kind, Scoped: true}
}

// usageRow projects a PodMetrics. Numbers are those of
// k8s.io/metrics/pkg/apis/metrics/v1beta1/generated.proto.
func usageRow(raw []byte, link string, w kubeapi.Words) (cluster.Usage, string, error) {
	u, m := cluster.Usage{Link: link}, kubeapi.Meta{}
	var broken error
	err := kubeapi.Walk(raw, func(num protowire.Number, v []byte, _ uint64) {
		switch num {
		case 1:
			_ = m.Read(v, w) // told below when the name is missing
		case 2:
			u.At = kubeapi.Seconds(v)
		case 4:
			if err := addUsage(&u, v); err != nil {
				broken = err
			}
		}
	})
	u.Namespace, u.Name = m.Namespace, m.Name
	switch {
	case err != nil:
	case broken != nil:
		err = fmt.Errorf("usage of %s/%s: %w", m.Namespace, m.Name, broken)
	case m.Name == "":
		err = fmt.Errorf("a usage without a name")
	}
	return u, "", err
}

// addUsage adds what a container uses: its field 2 is a map of quantities.
func addUsage(u *cluster.Usage, container []byte) (broken error) {
	err := kubeapi.Walk(container, func(num protowire.Number, v []byte, _ uint64) {
		if num != 2 {
			return
		}
		q, err := resource.ParseQuantity(kubeapi.TextAt(v, 2, 1))
		if err != nil {
			broken = err
			return
		}
		switch kubeapi.TextAt(v, 1) {
		case "cpu":
			u.CPU += q.MilliValue()
		case "memory":
			u.Memory += q.Value()
		}
	})
	if err != nil {
		return err
	}
	return broken
}
