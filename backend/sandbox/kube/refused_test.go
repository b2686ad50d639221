package kube

import (
	"encoding/json"
	"errors"
	"os"
	"path"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// refused is an object, and what the real server says to somebody who wants to have it;
// nothing where it takes it.
type refused struct {
	Object json.RawMessage `json:"object"`
	Says   string          `json:"says"`
}

func refusals(t *testing.T) (all []refused) {
	t.Helper()
	b, err := os.ReadFile("testdata/refused.json")
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// answer is what a server says to one who wants to have an object in a namespace.
func (r refused) answer(t *testing.T, server rest.Interface, namespace string) string {
	t.Helper()
	var id metav1.TypeMeta
	if err := json.Unmarshal(r.Object, &id); err != nil {
		t.Fatal(err)
	}
	at := "/api/v1"
	if gv, _ := schema.ParseGroupVersion(id.APIVersion); gv.Group != "" {
		at = path.Join("/apis", id.APIVersion)
	}
	for _, k := range Kinds() {
		if k.Kind == id.Kind && k.GroupVersion.String() == id.APIVersion {
			if k.Namespaced {
				at = path.Join(at, "namespaces", namespace)
			}
			at = path.Join(at, k.Resource)
		}
	}
	err := server.Post().AbsPath(at).Param("dryRun", "All").SetHeader("Content-Type", "application/json").Body([]byte(r.Object)).Do(t.Context()).Error()
	var status apierrors.APIStatus
	switch {
	case errors.As(err, &status):
		return status.Status().Message
	case err != nil:
		t.Fatal(err)
	}
	return ""
}

// TestRefused: what is not valid is refused in the words of the real server, which are
// kept. TestRealRefused asks it again.
func TestRefused(t *testing.T) {
	s := newSite(t)
	server := s.client("admin").CoreV1().RESTClient()
	for _, r := range refusals(t) {
		if got := r.answer(t, server, "shop"); got != r.Says {
			t.Errorf("to %s\nthe real server says %q,\nthis one %q", r.Object, r.Says, got)
		}
	}
}
