package kubeapi

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Meta is what rows need of an object's metadata. The numbers below are those
// of k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto; they never change.
type Meta struct {
	Name, Namespace, UID, Version string
	Generation                    int64 // counts the changes of its spec
	Created                       int64 // Unix seconds
	Deleted                       bool
	Owner                         string // "statefulset.apps/db": the controller, else the first one
	hash                          string // what one maker's replica sets and their pods differ by
	maker                         string // of which kind that is: "deployment.apps/"
	Manager                       string // Helm, Argo CD, Flux, as labels and annotations tell
	listed                        bool   // the annotation that ends a streamed list
}

// listEnd is the annotation of the bookmark that ends a streamed list.
const listEnd = "k8s.io/initial-events-end"

// Words keeps one copy of strings that many rows share.
type Words map[string]string

// maxWords is when it begins anew: a hostile server can't make it grow.
const maxWords = 20_000

// Of is b as a string.
func (w Words) Of(b []byte) string {
	if s, ok := w[string(b)]; ok {
		return s
	}
	if len(w) >= maxWords {
		clear(w)
	}
	s := string(b)
	w[s] = s
	return s
}

// Read reads an ObjectMeta in protobuf.
func (m *Meta) Read(b []byte, w Words) error {
	err := Walk(b, func(num protowire.Number, v []byte, n uint64) {
		switch num {
		case 1:
			m.Name = string(v)
		case 3:
			m.Namespace = w.Of(v)
		case 5:
			m.UID = string(v)
		case 6:
			m.Version = string(v)
		case 7:
			m.Generation = int64(n)
		case 8:
			m.Created = Seconds(v)
		case 9:
			m.Deleted = true
		case 11, 12:
			m.tag(v, w)
		case 13:
			m.own(v, w)
		}
	})
	m.skipReplicaSet(w)
	return err
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *Meta) UnmarshalJSON(b []byte) error {
	var o struct {
		Name, Namespace, UID, ResourceVersion, DeletionTimestamp string
		Generation                                               int64
		CreationTimestamp                                        time.Time
		Labels, Annotations                                      map[string]string
		OwnerReferences                                          []metav1.OwnerReference
	}
	if err := json.Unmarshal(b, &o); err != nil {
		return fmt.Errorf("read metadata: %w", err)
	}
	*m = Meta{
		Name: o.Name, Namespace: o.Namespace, UID: o.UID, Version: o.ResourceVersion, Generation: o.Generation,
		Deleted: o.DeletionTimestamp != "", listed: o.Annotations[listEnd] == "true",
	}
	if !o.CreationTimestamp.IsZero() {
		m.Created = o.CreationTimestamp.Unix()
	}
	for _, marks := range []map[string]string{o.Labels, o.Annotations} {
		for key, value := range marks {
			m.Manager = cmp.Or(ManagerOf(key, value), m.Manager)
		}
	}
	if owner := metav1.GetControllerOfNoCopy(&metav1.ObjectMeta{OwnerReferences: o.OwnerReferences}); owner != nil {
		m.Owner = ownerName(owner.Kind, owner.APIVersion, owner.Name)
	}
	return nil
}

// skipReplicaSet makes what has made a replica set the owner of its pods: the
// set's name is its maker's and the hash.
func (m *Meta) skipReplicaSet(w Words) {
	name, ok := strings.CutPrefix(m.Owner, "replicaset.apps/")
	if !ok || m.hash == "" {
		return
	}
	if name, ok = strings.CutSuffix(name, m.hash); ok && strings.HasSuffix(name, "-") {
		m.Owner = w.Of(append([]byte(m.maker), name[:len(name)-1]...))
	}
}

// Seconds reads a Time: field 1 is seconds since 1970.
func Seconds(b []byte) (s int64) {
	_ = Walk(b, func(num protowire.Number, _ []byte, n uint64) { // a broken time is none
		if num == 1 {
			s = int64(n)
		}
	})
	return s
}

// tag looks at one label or annotation, a map entry.
func (m *Meta) tag(b []byte, w Words) {
	var key, value []byte
	_ = Walk(b, func(num protowire.Number, v []byte, _ uint64) { // a broken entry says nothing
		switch num {
		case 1:
			key = v
		case 2:
			value = v
		}
	})
	switch k := string(key); k {
	case listEnd:
		m.listed = string(value) == "true"
	case "pod-template-hash":
		m.hash, m.maker = w.Of(value), "deployment.apps/"
	case "rollouts-pod-template-hash":
		m.hash, m.maker = w.Of(value), "rollout.argoproj.io/"
	default:
		if name := ManagerOf(k, string(value)); name != "" {
			m.Manager = name
		}
	}
}

// ManagerOf is the tool that a label or annotation names as the one that
// manages the object; "" for every other.
func ManagerOf(key, value string) string {
	switch {
	case key == "app.kubernetes.io/managed-by" && value == "Helm", key == "meta.helm.sh/release-name":
		return "Helm"
	case key == "argocd.argoproj.io/tracking-id", key == "argocd.argoproj.io/instance":
		return "Argo CD"
	case strings.HasPrefix(key, "kustomize.toolkit.fluxcd.io/"), strings.HasPrefix(key, "helm.toolkit.fluxcd.io/"):
		return "Flux"
	}
	return ""
}

// own looks at one owner reference.
func (m *Meta) own(b []byte, w Words) {
	var kind, name, version string
	controller := false
	_ = Walk(b, func(num protowire.Number, v []byte, n uint64) { // a broken one names nothing
		switch num {
		case 1:
			kind = string(v)
		case 3:
			name = string(v)
		case 5:
			version = string(v)
		case 6:
			controller = n != 0
		}
	})
	if m.Owner != "" && !controller {
		return
	}
	m.Owner = w.Of([]byte(ownerName(kind, version, name)))
}

// ownerName is "statefulset.apps/db".
func ownerName(kind, apiVersion, name string) string {
	kind = strings.ToLower(kind)
	if group, _, grouped := strings.Cut(apiVersion, "/"); grouped {
		kind += "." + group
	}
	return kind + "/" + name
}

// At descends into the message that a path of field numbers leads to and calls
// f with each occurrence of the last one.
func At(b []byte, f func(v []byte, n uint64), path ...protowire.Number) error {
	var inner error
	err := Walk(b, func(num protowire.Number, v []byte, n uint64) {
		switch {
		case num != path[0]:
		case len(path) == 1:
			f(v, n)
		default:
			if e := At(v, f, path[1:]...); e != nil && inner == nil {
				inner = e
			}
		}
	})
	if err == nil {
		err = inner
	}
	return err
}

// TextAt is the field that a path leads to, as a string.
func TextAt(b []byte, path ...protowire.Number) (s string) {
	_ = At(b, func(v []byte, _ uint64) { s = string(v) }, path...) // a broken message has no text
	return s
}

// NumberAt is the field that a path leads to; 0 where there is none.
func NumberAt(b []byte, path ...protowire.Number) (n int64) {
	_ = At(b, func(_ []byte, v uint64) { n = int64(v) }, path...) // a broken message has none
	return n
}
