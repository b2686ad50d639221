package kubeapi

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// Meta is what rows need of an object's metadata. The numbers below are those
// of k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto; they never change.
type Meta struct {
	Name, Namespace, UID, Version string
	Created                       int64 // Unix seconds
	Deleted                       bool
	Owner                         string // "statefulset.apps/db": the controller, else the first one
	hash                          string // what a deployment's replica sets and their pods differ by
	Manager                       string // Helm, Argo CD, Flux, as labels and annotations tell
	listed                        bool   // the annotation that ends a streamed list
}

// Words keeps one copy of strings that many rows share.
type Words map[string]string

// maxWords is when it begins anew: a hostile server can't make it grow.
const maxWords = 20_000

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

func (m *Meta) Read(b []byte, w Words) error {
	err := Walk(b, func(num protowire.Number, v []byte, _ uint64) {
		switch num {
		case 1:
			m.Name = string(v)
		case 3:
			m.Namespace = w.Of(v)
		case 5:
			m.UID = string(v)
		case 6:
			m.Version = string(v)
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

// skipReplicaSet makes the deployment the owner of its replica sets' pods: their
// names are the deployment's and the hash.
func (m *Meta) skipReplicaSet(w Words) {
	const set, deployment = "replicaset.apps/", "deployment.apps/"
	name, ok := strings.CutPrefix(m.Owner, set)
	if !ok || m.hash == "" {
		return
	}
	if name, ok = strings.CutSuffix(name, m.hash); ok && strings.HasSuffix(name, "-") {
		m.Owner = w.Of(append([]byte(deployment), name[:len(name)-1]...))
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
	case "k8s.io/initial-events-end":
		m.listed = string(value) == "true"
	case "pod-template-hash":
		m.hash = w.Of(value)
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
	var kind, name, group string
	controller := false
	_ = Walk(b, func(num protowire.Number, v []byte, n uint64) { // a broken one names nothing
		switch num {
		case 1:
			kind = strings.ToLower(string(v))
		case 3:
			name = string(v)
		case 5:
			group, _, _ = strings.Cut(string(v), "/")
			if !strings.Contains(string(v), "/") {
				group = ""
			}
		case 6:
			controller = n != 0
		}
	})
	if m.Owner != "" && !controller {
		return
	}
	if group != "" {
		kind += "." + group
	}
	m.Owner = w.Of([]byte(kind + "/" + name))
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
