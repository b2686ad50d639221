// Package kubeapitest writes what an API server sends in protobuf, for tests. The
// forms are those of apimachinery, pkg/runtime/serializer/protobuf.
package kubeapitest

import (
	"bytes"
	"encoding/binary"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// A Message is an object of the client library that knows its protobuf.
type Message interface {
	Marshal() ([]byte, error)
	Unmarshal([]byte) error
}

// Wired is the bare object.
func Wired(t testing.TB, m Message) []byte {
	t.Helper()
	b, err := m.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Sealed is an object in its envelope: "k8s\0" and a runtime.Unknown.
func Sealed(t testing.TB, kind string, raw []byte) []byte {
	t.Helper()
	u := runtime.Unknown{TypeMeta: runtime.TypeMeta{APIVersion: "v1", Kind: kind}, Raw: raw}
	return append([]byte("k8s\x00"), Wired(t, &u)...)
}

// Frame is one event of a watch as it goes over the line.
func Frame(t testing.TB, event string, raw []byte) []byte {
	t.Helper()
	return FrameOf(Wired(t, &metav1.WatchEvent{Type: event, Object: runtime.RawExtension{Raw: Sealed(t, "Pod", raw)}}))
}

// FrameOf is bytes as a watch's frame.
func FrameOf(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

// Protobuf is the content type.
const Protobuf = "application/vnd.kubernetes.protobuf"

// Unsealed takes an object out of its envelope; ok is false when there is none.
func Unsealed(b []byte) (raw []byte, ok bool) {
	rest, ok := bytes.CutPrefix(b, []byte("k8s\x00"))
	var u runtime.Unknown
	if !ok || u.Unmarshal(rest) != nil {
		return nil, false
	}
	return u.Raw, true
}
