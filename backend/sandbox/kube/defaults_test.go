package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// filled are the objects that a trial to create them has answered with, by kind and
// name, without what is another each time.
func filled(t *testing.T, answer string) map[string]any {
	t.Helper()
	out := map[string]any{}
	for d := json.NewDecoder(strings.NewReader(answer)); ; {
		var raw json.RawMessage
		if err := d.Decode(&raw); errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatalf("%v in %s", err, answer)
		}
		var id struct {
			Kind     string
			Metadata struct{ Name, UID string }
		}
		var obj any
		if err := errors.Join(json.Unmarshal(raw, &id), json.Unmarshal(bytes.ReplaceAll(raw, []byte(id.Metadata.UID), []byte("UID")), &obj)); err != nil {
			t.Fatal(err)
		}
		out[id.Kind+"/"+id.Metadata.Name] = steady(obj)
	}
}

// steady is a value without what is another each time.
func steady(v any) any {
	switch v := v.(type) {
	case []any:
		v = slices.DeleteFunc(v, func(one any) bool {
			m, _ := one.(map[string]any)
			name, _ := m["name"].(string)
			return strings.HasPrefix(name, "kube-api-access-")
		})
		for i := range v {
			v[i] = steady(v[i])
		}
		return v
	case map[string]any:
		for _, name := range []string{"creationTimestamp", "lastPhaseTransitionTime", "managedFields", "namespace", "resourceVersion"} {
			delete(v, name)
		}
		for name, one := range v {
			switch list, _ := one.([]any); {
			case strings.HasPrefix(name, "clusterIP") && one != "None":
				v[name] = "given"
			case name == "nodePort":
				v[name] = "given"
			case list != nil:
				if v[name] = steady(one); len(v[name].([]any)) == 0 {
					delete(v, name)
				}
			default:
				v[name] = steady(one)
			}
		}
		return v
	}
	return v
}

// trial is the command that has a server fill in what was left out.
func trial(namespace string, t *testing.T) []string {
	manifest, err := os.ReadFile("testdata/defaults.yaml")
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(t.TempDir(), "defaults.yaml")
	if err := os.WriteFile(at, bytes.ReplaceAll(manifest, []byte("NAMESPACE"), []byte(namespace)), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"create", "--dry-run=server", "-o", "json", "-n", namespace, "-f", at}
}

// answered is what the real server has filled in.
func answered(t *testing.T) map[string]any {
	t.Helper()
	b, err := os.ReadFile("testdata/defaults.json")
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestDefaults: what was left out is filled in as the real server does, whose answers
// are kept. TestRealDefaults asks it again.
func TestDefaults(t *testing.T) {
	s := newSite(t)
	out, code := s.kubectl("admin", nil, "", trial("shop", t)...)
	if code != 0 {
		t.Fatalf("it ended with %d: %s", code, out)
	}
	if diff := cmp.Diff(answered(t), filled(t, out)); diff != "" {
		t.Errorf("the real server (-) fills in something else (+):\n%s", diff)
	}
}
