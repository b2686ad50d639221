package kubeapi

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	authv1 "k8s.io/api/authorization/v1"

	"wheelhouse/backend"
	"wheelhouse/backend/cluster"
	"wheelhouse/backend/kubeapi/kubeapitest"
	"wheelhouse/backend/link"
)

// rights is a server that knows namespaces, and says in which of them pods may be
// listed.
type rights struct {
	mu    sync.Mutex
	all   int      // namespaces n0, n1, …; they are listed in pages
	may   []string // of them
	mute  bool     // reviews fail
	blind bool     // namespaces may not be listed
}

func (s *rights) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case strings.HasSuffix(r.URL.Path, "/selfsubjectaccessreviews") && !s.mute:
		body, _ := io.ReadAll(r.Body)
		var asked authv1.SelfSubjectAccessReview
		if raw, ok := kubeapitest.Unsealed(body); !ok || asked.Unmarshal(raw) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = fmt.Fprintf(w, `{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","status":{"allowed":%t}}`,
			slices.Contains(s.may, asked.Spec.ResourceAttributes.Namespace))
	case r.URL.Path == "/api/v1/namespaces" && !s.blind:
		var from, n int
		_, _ = fmt.Sscan(r.URL.Query().Get("continue"), &from)
		_, _ = fmt.Sscan(r.URL.Query().Get("limit"), &n)
		var items []string
		for i := from; i < min(from+n, s.all); i++ {
			items = append(items, fmt.Sprintf(`{"metadata":{"name":"n%d"}}`, i))
		}
		more := ""
		if from+n < s.all {
			more = strconv.Itoa(from + n)
		}
		_, _ = fmt.Fprintf(w, `{"kind":"NamespaceList","apiVersion":"v1","metadata":{"continue":%q},"items":[%s]}`, more, strings.Join(items, ","))
	default:
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403}`)
	}
}

// piecesOn gives the pieces of pods on s, with these namespaces in the config.
func piecesOn(t *testing.T, s *rights, configured ...string) *pieces[cluster.Pod] {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return piecesAt(t, server.URL, configured...)
}

func piecesAt(t *testing.T, url string, configured ...string) *pieces[cluster.Pod] {
	t.Helper()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	config := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"eu","clusters":[{"name":"c","cluster":{"server":%q}}],
		"users":[{"name":"u","user":{"token":"t"}}],"contexts":[{"name":"eu","context":{"cluster":"c","user":"u"}}]}`, url)
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	set, err := link.Load(link.Options{Kubeconfig: file, Settings: []link.Settings{{Context: "eu", Namespaces: configured}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Close)
	l, _ := set.Find("eu")
	col := Collection[cluster.Pod]{Res: Resource{Word: "pod", Plural: "pods", Scoped: true}}
	return &pieces[cluster.Pod]{s: &source[cluster.Pod]{c: New(l)}, col: col, whole: backend.Part{Link: "eu"}}
}

// TestAllowance: what is permitted and what is configured are both read; what is
// configured and forbidden, and what nobody could be asked about, is told.
func TestAllowance(t *testing.T) {
	for name, c := range map[string]struct {
		server     *rights
		configured []string
		kept       []string
		want       string
	}{
		"beyond the first pages":    {&rights{all: 1200, may: []string{"n7", "n640", "n1199"}}, nil, nil, "shown: n1199, n640, n7; forbidden: default"},
		"and the configured":        {&rights{all: 3, may: []string{"n1", "shop"}}, []string{"shop"}, nil, "shown: n1, shop"},
		"a configured is forbidden": {&rights{all: 3, may: []string{"n1"}}, []string{"shop"}, nil, "shown: n1; forbidden: shop"},
		"all are forbidden":         {&rights{all: 3}, []string{"shop", "pay"}, nil, "forbidden: pay, shop"},
		"names may not be listed":   {&rights{all: 3, blind: true, may: []string{"shop", "n1"}}, []string{"shop", "pay"}, nil, "shown: shop; forbidden: pay"},
		"nobody answers":            {&rights{all: 3, mute: true}, []string{"shop"}, nil, "shown: shop; 3 namespaces could not be asked about"},
		"what is kept stays then":   {&rights{all: 3, mute: true, blind: true}, []string{"shop"}, []string{"n1"}, "shown: n1, shop"},
		"what is kept and lost":     {&rights{all: 3, may: []string{"shop"}}, []string{"shop"}, []string{"n1"}, "shown: shop"},
		"too many to ask about":     {&rights{all: maxAsked + 5, may: []string{"n1"}}, []string{"shop"}, nil, "shown: n1; forbidden: shop; 6 namespaces could not be asked about"},
	} {
		t.Run(name, func(t *testing.T) {
			p := piecesOn(t, c.server, c.configured...)
			p.kept = map[string]context.CancelFunc{}
			for _, ns := range c.kept {
				p.kept[ns] = func() {}
			}
			if got := p.ask(t.Context()).String(); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestTakenAndLeft: the end of a namespace that may not be read any more is the
// last that is said of it.
func TestTakenAndLeft(t *testing.T) {
	p := piecesOn(t, &rights{})
	sink := &healths{live: make(chan struct{}, 1), ended: -1}
	p.sink, p.kept = sink, map[string]context.CancelFunc{}
	p.take(t.Context(), []string{"shop"})
	p.take(t.Context(), nil)
	p.all.Wait()
	if sink.ended != len(sink.said) || len(p.kept) > 0 {
		t.Errorf("%d words before its end, %d after", sink.ended, len(sink.said)-sink.ended)
	}
}
