package kube

import (
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
)

// objectMeta is what rows need of an object's metadata. The numbers below are those
// of k8s.io/apimachinery/pkg/apis/meta/v1/generated.proto; they never change.
type objectMeta struct {
	name, namespace, uid, version string
	created                       int64 // Unix seconds
	deleted                       bool
	owner                         string // "statefulset.apps/db": the controller, else the first one
	hash                          string // what a deployment's replica sets and their pods differ by
	manager                       string // Helm, Argo CD, Flux, as labels and annotations tell
	listed                        bool   // the annotation that ends a streamed list
}

// words keeps one copy of strings that many rows share.
type words map[string]string

// maxWords is when it begins anew: a hostile server can't make it grow.
const maxWords = 20_000

func (w words) of(b []byte) string {
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

func (m *objectMeta) read(b []byte, w words) error {
	err := walk(b, func(num protowire.Number, v []byte, _ uint64) {
		switch num {
		case 1:
			m.name = string(v)
		case 3:
			m.namespace = w.of(v)
		case 5:
			m.uid = string(v)
		case 6:
			m.version = string(v)
		case 8:
			m.created = seconds(v)
		case 9:
			m.deleted = true
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
func (m *objectMeta) skipReplicaSet(w words) {
	const set, deployment = "replicaset.apps/", "deployment.apps/"
	name, ok := strings.CutPrefix(m.owner, set)
	if !ok || m.hash == "" {
		return
	}
	if name, ok = strings.CutSuffix(name, m.hash); ok && strings.HasSuffix(name, "-") {
		m.owner = w.of(append([]byte(deployment), name[:len(name)-1]...))
	}
}

// seconds reads a Time: field 1 is seconds since 1970.
func seconds(b []byte) (s int64) {
	_ = walk(b, func(num protowire.Number, _ []byte, n uint64) { // a broken time is none
		if num == 1 {
			s = int64(n)
		}
	})
	return s
}

// tag looks at one label or annotation, a map entry.
func (m *objectMeta) tag(b []byte, w words) {
	var key, value []byte
	_ = walk(b, func(num protowire.Number, v []byte, _ uint64) { // a broken entry says nothing
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
		m.hash = w.of(value)
	default:
		if name := managerOf(k, string(value)); name != "" {
			m.manager = name
		}
	}
}

// managerOf is the tool that a label or annotation names as the one that
// manages the object; "" for every other.
func managerOf(key, value string) string {
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
func (m *objectMeta) own(b []byte, w words) {
	var kind, name, group string
	controller := false
	_ = walk(b, func(num protowire.Number, v []byte, n uint64) { // a broken one names nothing
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
	if m.owner != "" && !controller {
		return
	}
	if group != "" {
		kind += "." + group
	}
	m.owner = w.of([]byte(kind + "/" + name))
}

// at descends into the message that a path of field numbers leads to and calls
// f with each occurrence of the last one.
func at(b []byte, f func(v []byte, n uint64), path ...protowire.Number) error {
	var inner error
	err := walk(b, func(num protowire.Number, v []byte, n uint64) {
		switch {
		case num != path[0]:
		case len(path) == 1:
			f(v, n)
		default:
			if e := at(v, f, path[1:]...); e != nil && inner == nil {
				inner = e
			}
		}
	})
	if err == nil {
		err = inner
	}
	return err
}

// text is the field that a path leads to, as a string.
func text(b []byte, path ...protowire.Number) (s string) {
	_ = at(b, func(v []byte, _ uint64) { s = string(v) }, path...) // a broken message has no text
	return s
}

// number is the field that a path leads to; 0 where there is none.
func number(b []byte, path ...protowire.Number) (n int64) {
	_ = at(b, func(_ []byte, v uint64) { n = int64(v) }, path...) // a broken message has none
	return n
}
