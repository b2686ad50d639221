package kubeapi

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"wheelhouse/backend/kubeapi/kubeapitest"
)

// TestMetaInBothForms: what a row knows of an object does not depend on the form
// in which the server has it.
func TestMetaInBothForms(t *testing.T) {
	controller := true
	for name, m := range map[string]metav1.ObjectMeta{
		"bare": {Name: "a"},
		"all": {
			Name: "a", Namespace: "shop", UID: "u", ResourceVersion: "7", Generation: 3, CreationTimestamp: metav1.Unix(1_700_000_000, 0),
			Labels:            map[string]string{"app.kubernetes.io/managed-by": "Helm", "app": "a"},
			OwnerReferences:   []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "StatefulSet", Name: "db", Controller: &controller}},
			DeletionTimestamp: &metav1.Time{Time: metav1.Unix(1_700_000_100, 0).Time},
		},
		"of the core":         {Name: "a", OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: "n1", Controller: &controller}}},
		"the end of a list":   {Name: "a", Annotations: map[string]string{listEnd: "true"}},
		"delivered from afar": {Name: "a", Annotations: map[string]string{"argocd.argoproj.io/tracking-id": "x:y"}},
	} {
		pod := &corev1.Pod{ObjectMeta: m}
		text, err := json.Marshal(pod)
		if err != nil {
			t.Fatal(err)
		}
		a, err := inProtobuf{}.meta(kubeapitest.Wired(t, pod), Words{})
		if err != nil {
			t.Error(name, err)
		}
		b, err := inJSON{}.meta(text, nil)
		if err != nil {
			t.Error(name, err)
		}
		if diff := cmp.Diff(a, b, cmp.AllowUnexported(Meta{})); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestTexts(t *testing.T) {
	const two = `{"type":"ADDED","object":{"a":1}}` + "\n" + `{"type":"ERROR","object":{"kind":"Status","code":410}}` + "\n"
	for _, k := range []struct {
		name, data string
		events     int
		err        error // nil: any but those that mean an end
	}{
		{"nothing", "", 0, io.EOF},
		{"two", two, 2, io.EOF},
		{"half an event", two + `{"type":"ADD`, 2, io.ErrUnexpectedEOF},
		{"a page", "<html><body>log in</body></html>", 0, nil},
		{"no object", `{"type":"ADDED"}`, 0, nil},
		{"another type", `{"type":7,"object":{}}`, 0, nil},
	} {
		for what, r := range map[string]io.Reader{"at once": strings.NewReader(k.data), "byte by byte": iotest.OneByteReader(strings.NewReader(k.data))} {
			events := inJSON{}.events(r)
			n := 0
			ev, err := events.next()
			for ; err == nil; ev, err = events.next() {
				n++
				if len(ev.raw) == 0 {
					t.Errorf("%s: an event of nothing", k.name)
				}
			}
			ends := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
			if n != k.events || k.err != nil && !errors.Is(err, k.err) || k.err == nil && ends {
				t.Errorf("%s, %s: %d events, then %v; want %d, then %v", k.name, what, n, err, k.events, k.err)
			}
		}
	}
	both := inJSON{}.events(strings.NewReader(two))
	if _, err := both.next(); err != nil || both.waiting() {
		t.Error("the second has come, and it is said to be waited for", err)
	}
	if _, err := both.next(); err != nil || !both.waiting() {
		t.Error("all were read, and more is said to be there", err)
	}
	if st, err := (inJSON{}).status([]byte(`{"kind":"Status","code":410,"reason":"Expired"}`)); err != nil || st.Code != 410 {
		t.Error(st, err)
	}
}

func TestListInJSON(t *testing.T) {
	var got []string
	version, next, err := inJSON{}.list([]byte(`{"metadata":{"resourceVersion":"5","continue":"x"},"items":[{"a":1},{"b":2}]}`), func(raw []byte) { got = append(got, string(raw)) })
	if diff := cmp.Diff([]string{`{"a":1}`, `{"b":2}`}, got); diff != "" || version != "5" || next != "x" || err != nil {
		t.Error(diff, version, next, err)
	}
	if _, _, err := (inJSON{}).list([]byte("<html>"), nil); err == nil {
		t.Error("a page is a list")
	}
}
