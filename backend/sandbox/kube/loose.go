package kube

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Fields are a part of an object of which nothing is lost, whatever stands in it.
type Fields map[string]any

// FieldsOf makes them of a value that JSON can be made of: one of the controller's own.
func FieldsOf(from any) Fields {
	out := Fields{}
	b, err := json.Marshal(from)
	if err == nil {
		err = utiljson.Unmarshal(b, (*map[string]any)(&out))
	}
	if err != nil {
		panic(fmt.Sprintf("%T can't be written as JSON: %v", from, err)) // a controller's mistake
	}
	return out
}

// Decode reads them into what into points to.
func (f Fields) Decode(into any) error {
	b, err := json.Marshal(f)
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	if err != nil {
		return fmt.Errorf("read it: %w", err)
	}
	return nil
}

// DeepCopyInto copies it.
func (f Fields) DeepCopyInto(out *Fields) { *out = f.DeepCopy() }

// DeepCopy copies it.
func (f Fields) DeepCopy() Fields {
	if f == nil {
		return nil
	}
	return runtime.DeepCopyJSON(f)
}

// Named says how a kind's Go type is called in OpenAPI: "io.argoproj.v1alpha1.Rollout".
type Named interface{ ModelName() string }

// Loose is an object of a kind that only its own controller understands, as one that a
// custom resource definition has brought. N tells the kinds apart.
type Loose[N Named] struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec   Fields `json:"spec,omitempty"`
	Status Fields `json:"status,omitempty"`
}

// OpenAPIModelName implements the namer of package util of kube-openapi.
func (Loose[N]) OpenAPIModelName() string {
	var n N
	return n.ModelName()
}

// DeepCopyObject implements runtime.Object.
func (l *Loose[N]) DeepCopyObject() runtime.Object { return l.DeepCopy() }

// DeepCopy copies it.
func (l *Loose[N]) DeepCopy() *Loose[N] {
	out := &Loose[N]{TypeMeta: l.TypeMeta, Spec: l.Spec.DeepCopy(), Status: l.Status.DeepCopy()}
	l.ObjectMeta.DeepCopyInto(&out.ObjectMeta)
	return out
}

// LooseList is a list of them.
type LooseList[N Named] struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []Loose[N] `json:"items"`
}

// OpenAPIModelName implements the namer of package util of kube-openapi.
func (LooseList[N]) OpenAPIModelName() string {
	var n N
	return n.ModelName() + "List"
}

// DeepCopyObject implements runtime.Object.
func (l *LooseList[N]) DeepCopyObject() runtime.Object {
	out := &LooseList[N]{TypeMeta: l.TypeMeta, Items: make([]Loose[N], len(l.Items))}
	l.ListMeta.DeepCopyInto(&out.ListMeta)
	for i := range l.Items {
		out.Items[i] = *l.Items[i].DeepCopy()
	}
	return out
}

// Int is a number in it; 0 where there is none.
func (f Fields) Int(name string) int32 {
	switch n := f[name].(type) {
	case int64:
		return int32(n) //nolint:gosec // replicas, steps, weights
	case float64:
		return int32(n)
	}
	return 0
}
