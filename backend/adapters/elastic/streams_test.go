package elastic

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/link"
	"wheelhouse/backend/signal"
)

// A world is a fake at the end of a line, whose indices have scopes that only it
// knows of, and words for their health.
type world struct {
	*fake
	line *backendtest.Line
	e    *Elastic
}

func TestStreamsKeepTheContract(t *testing.T) {
	backendtest.Source(t, func(t *testing.T) backendtest.World[signal.Stream] {
		t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
		w := &world{fake: newFake()}
		w.secure = true
		server := httptest.NewServer(w.fake)
		t.Cleanup(server.Close)
		w.line = backendtest.NewLine(t, server.Listener.Addr().String())
		w.e = adapter(t, backendtest.Patience, link.System{Protocol: Protocol(), URL: "http://" + w.line.Addr(), User: "ada", Secret: "plain:hunter2"})
		return w
	},
		backendtest.Without{Case: "survives a cut and 410", Why: "nothing is remembered by the server"},
		backendtest.Without{Case: "survives 410 while it watches", Why: "nothing is remembered by the server"},
	)
}

func (w *world) Source() backend.Source[signal.Stream] { return w.e.Streams() }
func (w *world) Scopes() [3]string                     { return [3]string{"one", "two", "three"} }
func (w *world) All() backend.Scope                    { return backend.Scope{} }
func (w *world) Forget()                               {}

func (w *world) Put(scope, name, word string) {
	w.be(func() { w.indices[name] = index{scope: scope, health: word} })
}

func (w *world) Remove(_, name string) { w.be(func() { delete(w.indices, name) }) }

func (w *world) Of(s signal.Stream) backendtest.Object { return backendtest.Shown(s) }

func (w *world) Be(m backendtest.Mood) {
	w.be(func() {
		w.denied, w.narrow = m == backendtest.Closed, ""
		if m == backendtest.Narrow {
			w.narrow = "one"
		}
	})
	w.line.Be(m)
	if m == backendtest.Silent {
		w.e.api.Link().Report(io.ErrUnexpectedEOF) // or it would be looked at a little later
	}
}

// shop is a fake with one stream of each kind.
func shop() *fake {
	f := newFake()
	f.secure = true
	f.write("app-000001", 1, 2, 3)
	f.write("app-000002", 4)
	f.write(".ds-events-000001", 5, 6)
	f.indices = map[string]index{
		"app-000001":         {health: "green", aliases: []string{"app"}},
		"app-000002":         {health: "yellow", aliases: []string{"app"}},
		"broken":             {health: "red"},
		"gone":               {},
		"old":                {attributes: []string{"closed"}},
		".ds-events-000001":  {health: "green", stream: "events", attributes: []string{"hidden"}},
		".kibana_1":          {health: "green", aliases: []string{".kibana"}, attributes: []string{"system"}},
		"lookups-of-machine": {health: "green", attributes: []string{"hidden"}},
	}
	return f
}

func TestRows(t *testing.T) {
	red, yellow := "a part of its data can't be read or written: some shards have no node", "a copy of its data is missing: some replicas have no node"
	secret := "its health and size may not be seen: that needs the right monitor on it"
	stream := func(name, state string, level backend.Level, lines int64, detail string) signal.Stream {
		return signal.Stream{Link: "elastic", Name: name, State: state, Level: level, Lines: lines, Bytes: 100 * lines, Detail: detail}
	}
	unseen := func(name string, lines int64, detail string) signal.Stream {
		s := stream(name, "unknown", backend.Idle, lines, detail)
		s.Bytes = 0
		return s
	}
	closed := stream("old", "closed", backend.Idle, 0, "nothing can be read of it until it is opened")
	for name, test := range map[string]struct {
		blind bool
		want  []signal.Stream
	}{
		"all": {false, []signal.Stream{
			stream("app", "yellow", backend.None, 4, "alias of app-000001, app-000002"),
			stream("app-000001", "green", backend.Good, 3, ""),
			stream("app-000002", "yellow", backend.Warning, 1, yellow),
			stream("broken", "red", backend.Critical, 0, red),
			stream("events", "green", backend.Good, 2, ""),
			stream("gone", "red", backend.Critical, 0, red),
			closed,
		}},
		"who only reads": {true, []signal.Stream{
			unseen("app", 4, "alias of app-000001, app-000002; "+secret),
			unseen("app-000001", 3, secret), unseen("app-000002", 1, secret), unseen("broken", 0, secret),
			unseen("events", 2, secret), unseen("gone", 0, secret), closed,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := shop()
			f.blind = test.blind
			e, _ := rig(t, f)
			got, err := e.rows(t.Context(), backend.Scope{})
			if (err != nil) != test.blind || err != nil && (backend.CodeOf(err) != backend.Partly || !strings.Contains(err.Error(), "shows only the streams that you may read")) {
				t.Errorf("left out: %v", err)
			}
			for i := range got { // a server names the indices of an alias in no order
				got[i].Detail = strings.ReplaceAll(got[i].Detail, "app-000002, app-000001", "app-000001, app-000002")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRowsAreBounded(t *testing.T) {
	f := newFake()
	for i := range mostStreams + 7 {
		f.indices[fmt.Sprintf("logs-%06d", i)] = index{health: "green"}
	}
	e, _ := rig(t, f)
	got, err := e.rows(t.Context(), backend.Scope{})
	if len(got) != mostStreams || backend.CodeOf(err) != backend.Partly || !strings.Contains(err.Error(), "has 7 streams more") {
		t.Errorf("%d rows, %v", len(got), err)
	}
}

// butTheProbe spoils everything but what the link itself asks.
func butTheProbe(f backendtest.Fault) func(*http.Request) backendtest.Fault {
	return func(r *http.Request) backendtest.Fault {
		if r.URL.Path == "/" || r.URL.Path == "/_security/_authenticate" {
			return 0
		}
		return f
	}
}

// TestRowsWithFaults: what is wrong is said in a sentence.
func TestRowsWithFaults(t *testing.T) {
	for fault, says := range map[backendtest.Fault]string{
		backendtest.Lost: "does not answer", backendtest.Half: "broke off", backendtest.Page: "does not say that it is Elasticsearch", backendtest.Refused: "503",
	} {
		e, faults := rig(t, shop())
		faults.Spoil(butTheProbe(fault))
		if _, err := e.rows(t.Context(), backend.Scope{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%d: %v", fault, err)
		}
	}
	e, faults := rig(t, shop())
	faults.Spoil(butTheProbe(backendtest.Padded))
	if rows, err := e.rows(t.Context(), backend.Scope{}); err != nil || len(rows) != 7 {
		t.Errorf("%d rows, %v", len(rows), err)
	}
	faults.Spoil(butTheProbe(backendtest.Page)) // after the library knows it
	if _, err := e.rows(t.Context(), backend.Scope{}); err == nil || !strings.Contains(err.Error(), "web page") {
		t.Errorf("a page gives %v", err)
	}
}

func TestDetails(t *testing.T) {
	f := shop()
	e, _ := rig(t, f)
	for name, test := range map[string]struct {
		of     string
		aspect backend.Aspect
		says   []string
	}{
		"summary":       {"app-000002", backend.Summary, []string{"health  yellow; a copy", "documents  1", "newest  1970-01-01", "oldest  1970-01-01", "fields  2"}},
		"of an alias":   {"app", backend.Summary, []string{"indices  2", "documents  4"}},
		"of no shard":   {"gone", backend.Summary, []string{"health  red", "no document has an @timestamp"}},
		"of a stream":   {"events", backend.Describe, []string{"documents  2", "@timestamp  date", "code  keyword, long"}},
		"mapping":       {"app-000001", backend.YAML, []string{`"@timestamp": {`}},
		"of the hidden": {"lookups-of-machine", backend.Summary, []string{"health  green"}},
	} {
		t.Run(name, func(t *testing.T) {
			doc, err := e.Fetch(t.Context(), ref(test.of), test.aspect)
			if err != nil {
				t.Fatal(err)
			}
			var text strings.Builder
			_ = doc.WriteText(&text)
			for _, want := range test.says {
				if !strings.Contains(text.String(), want) {
					t.Errorf("%q is not in %s", want, text.String())
				}
			}
		})
	}
	if _, err := e.Fetch(t.Context(), ref("a/b"), backend.YAML); backend.CodeOf(err) != backend.Invalid {
		t.Errorf("a path gives %v", err)
	}
}

func TestReads(t *testing.T) {
	for request, want := range map[string]bool{
		"GET /": true, "HEAD /logs": false, "GET /_cat/indices": false, "GET /logs/_mapping": true, "GET /_refresh": false, "GET /logs/_flush": false, "GET /logs/%5Fflush": false,
		"POST /_search": true, "POST /logs/_search": true, "POST /_all/_search": true, "POST /logs/_msearch": false, "POST /_count": false, "POST /logs/_pit": true, "POST /_field_caps": false,
		"POST /_pit": false, "DELETE /_pit": true, "DELETE /logs/_pit": false, "DELETE /logs": false, "POST /_security/user/_has_privileges": true, "POST /_security/user/ada": false,
		"POST /_scripts/_search": false, "POST /%5Fscripts/_search": false, "POST /logs/_doc/_search": false, "POST /logs%2F_doc/_search": false, "POST /logs/_bulk": false, "PUT /logs/_search": false,
		"POST /logs/_delete_by_query": false, "POST /logs/_search/": false, "POST /_search/scroll": false, "PATCH /": false, "GET /_cache/clear": false, "GET /logs/_cache/clear": false, "GET /logs/_search?keep_on_completion=true": false, "GET /logs/%255Frefresh": false,
	} {
		method, path, _ := strings.Cut(request, " ")
		if got := reads(httptest.NewRequest(method, path, http.NoBody)); got != want {
			t.Errorf("%s reads: %t", request, got)
		}
	}
}

func TestSign(t *testing.T) {
	for in, want := range map[[2]string]string{
		{"ada", "hunter2"}: "Basic YWRhOmh1bnRlcjI=", {"", "ZW5jb2RlZA=="}: "ApiKey ZW5jb2RlZA==", {"", "id:key"}: "ApiKey aWQ6a2V5",
	} {
		if got, err := sign(in[0], in[1]); got != want || err != nil {
			t.Errorf("%v gives %q, %v", in, got, err)
		}
	}
}

func TestProtocol(t *testing.T) {
	f := shop()
	e, _ := rig(t, f)
	p := Protocol()
	ask := func(method, path, _ string) (int, []byte, error) {
		req, err := http.NewRequestWithContext(t.Context(), method, e.api.Link().Base()+path, http.NoBody)
		if err != nil {
			return 0, nil, err
		}
		res, err := e.api.Link().Client().Do(req)
		if err != nil {
			return 0, nil, err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return res.StatusCode, body, err
	}
	status, body, _ := ask(http.MethodGet, p.Probe, "")
	if v, ok := p.Version(ask); !p.Well(status, body) || p.User(ask) != "ada" || v != "8.19.21" || !ok {
		t.Errorf("%d %s: user %q, version %q", status, body, p.User(ask), v)
	}
	f.be(func() { f.denied = true })
	if status, body, _ = ask(http.MethodGet, p.Probe, ""); !p.Well(status, body) {
		t.Errorf("who may not ask for the version is not let in: %d %s", status, body)
	}
	if p.Well(http.StatusOK, []byte("<html>")) || p.Well(http.StatusForbidden, []byte("<html>")) {
		t.Error("a page is taken for a node")
	}
}

func TestLine(t *testing.T) {
	for name, test := range map[string]struct {
		source, text, from string
		level              backend.Level
	}{
		"nested":     {`{"message":"all well\n","log":{"level":"WARN"},"service":{"name":"cart"}}`, "all well", "cart", backend.Warning},
		"dotted":     {`{"message":"all well","log.level":"error","kubernetes.pod.name":"cart-1"}`, "all well", "cart-1", backend.Critical},
		"half":       {`{"message":"m","kubernetes":{"pod.name":"cart-2"},"level":"info"}`, "m", "cart-2", backend.None},
		"by words":   {`{"message":"ERROR no bank","host":{"name":"node-1"}}`, "ERROR no bank", "node-1", backend.Critical},
		"no message": {`{"code": 7, "why": [1, 2]}`, `{"code":7,"why":[1,2]}`, "logs", backend.None},
		"no text":    {`{"message":{"a": 1}}`, `{"a": 1}`, "logs", backend.None},
		"host":       {`{"message":"m","host":"plain","service":{"name":null}}`, "m", "logs", backend.None},
	} {
		t.Run(name, func(t *testing.T) {
			h := hit{Index: "logs", ID: "1", Source: []byte(test.source)}
			want := backend.LogLine{ID: "logs/1", From: test.from, Level: test.level, Text: backend.T(test.text)}
			if diff := cmp.Diff(want, h.line(), cmp.AllowUnexported(backend.Text{})); diff != "" {
				t.Error(diff)
			}
		})
	}
}
