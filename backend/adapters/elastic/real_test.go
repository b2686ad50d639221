//go:build real

package elastic

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/link"
)

// soon is how long anything may take that shall happen at all.
const soon = 3 * time.Minute

// node gives the address of a node of the stack, and who its certificate is by.
func node(t *testing.T, name string) (url, ca string) {
	t.Helper()
	at := backendtest.StackAddr(t, "elastic", name)
	if name == "plain" {
		return "http://" + at, ""
	}
	return "https://" + at, filepath.Join(backendtest.StackDir(), "elastic", "ca.crt")
}

// stack runs the stack's own command, in cleanups too.
func stack(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(backendtest.StackDir(), "stack"), args...)
	cmd.Env = append(os.Environ(), "WHEELHOUSE_STACK="+backendtest.StackDir())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("stack %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// admin sends one request as somebody who may do all.
func admin(t *testing.T, on, method, path, body string) (int, []byte, error) {
	t.Helper()
	url, ca := node(t, on)
	client := &http.Client{Timeout: time.Minute}
	transport := &http.Transport{DisableKeepAlives: true}
	client.Transport = transport
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(pem)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	req, err := http.NewRequestWithContext(context.Background(), method, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("elastic", "not-a-secret")
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// must is admin for what has to be done.
func must(t *testing.T, on, method, path, body string) []byte {
	t.Helper()
	status, answer, err := admin(t, on, method, path, body)
	if err != nil || status >= 300 {
		t.Fatalf("%s %s: %d %v %s", method, path, status, err, answer)
	}
	return answer
}

// single are the settings of an index that one node keeps.
const single = `"number_of_replicas":0`

// fresh makes an index without documents, which the test's end takes away.
func fresh(t *testing.T, on, index, settings string) {
	t.Helper()
	gone := func() {
		if status, answer, err := admin(t, on, http.MethodDelete, "/"+index, ""); err != nil || status >= 300 && status != http.StatusNotFound {
			t.Errorf("delete %s: %d %v %s", index, status, err, answer)
		}
	}
	gone()
	must(t, on, http.MethodPut, "/"+index, `{"settings":{`+settings+`},"mappings":{"properties":{"@timestamp":{"type":"date"}}}}`)
	t.Cleanup(gone)
}

// bulk writes documents with ids from first on; those that were written before are
// written again. It goes on until the server has taken them all.
func bulk(t *testing.T, on, index string, first, n int, at func(int) time.Time) {
	t.Helper()
	var b bytes.Buffer
	for i := first; i < first+n; i++ {
		fmt.Fprintf(&b, `{"index":{"_id":"%d"}}`+"\n", i)
		fmt.Fprintf(&b, `{"@timestamp":%q,"message":"order %d was taken for user %d, and its cart is on the way to the bank","log":{"level":"info"},"service":{"name":"checkout"},"kubernetes":{"pod":{"name":"checkout-7d9f-%d"},"namespace":"shop"},"http":{"status":200,"path":"/orders/%d"}}`+"\n",
			at(i).UTC().Format("2006-01-02T15:04:05.000Z"), i, i%97, i%5, i)
	}
	for end := time.Now().Add(soon); ; {
		status, answer, err := admin(t, on, http.MethodPost, "/"+index+"/_bulk", b.String())
		if err == nil && status == http.StatusOK && bytes.HasPrefix(bytes.ReplaceAll(answer, []byte(" "), nil), []byte(`{"errors":false`)) {
			return
		}
		if time.Now().After(end) {
			t.Errorf("bulk: %d %v %.300s", status, err, answer)
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func now(int) time.Time { return time.Now() }

// riding makes the adapter of a node.
func riding(t *testing.T, on, user, secret string) *Elastic {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	url, ca := node(t, on)
	s := link.System{Protocol: Protocol(), URL: url, CA: ca, User: user, ReadOnly: true}
	if secret != "" {
		s.Secret = link.Secret("plain:" + secret)
	}
	links, err := link.Load(link.Options{Systems: []link.System{s}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(links.Close)
	links.Start()
	return New(links.All()[0])
}

// follow tails in the background, until the test ends.
func follow(t *testing.T, e *Elastic, q backend.LogQuery) *page {
	t.Helper()
	p := newPage()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); p.ended(e.Tail(ctx, q, p)) }()
	t.Cleanup(func() { cancel(); <-done })
	return p
}

// spent is the processor time of this process.
func spent(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestRealElasticTail: 5,000 documents a second for twenty seconds, in two indices,
// one of them with several shards that become visible each in its own time; each
// is shown once, then all of it is read backwards, each once.
func TestRealElasticTail(t *testing.T) {
	for _, on := range []string{"plain", "secured"} {
		t.Run(on, func(t *testing.T) {
			fresh(t, on, "logs-tail-a", single)
			fresh(t, on, "logs-tail-b", single+`,"number_of_shards":3`)
			e := riding(t, on, "", "")
			if on == "secured" {
				e = riding(t, on, "reader", "not-a-secret")
			}
			q := backend.LogQuery{Of: []backend.Ref{ref("logs-tail-*")}, Last: 100}
			p := follow(t, e, q)
			p.until(t, "that it follows", func() bool { return p.state(backend.Ref{}) == backend.Live })

			const perSecond, seconds = 5000, 20
			cpu, began := spent(t), time.Now()
			var writers sync.WaitGroup
			for w, index := range []string{"logs-tail-a", "logs-tail-b"} {
				writers.Go(func() {
					const batch = perSecond / 2 / 5 // five times a second each
					for n := range seconds * 5 {
						if d := time.Until(began.Add(time.Duration(n) * 200 * time.Millisecond)); d > 0 {
							time.Sleep(d)
						}
						bulk(t, on, index, w*1_000_000+n*batch, batch, now)
					}
				})
			}
			writers.Wait()
			wrote := time.Since(began)
			p.until(t, "all lines", func() bool { return p.count() >= perSecond*seconds })
			all := time.Since(began)
			var m runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&m)
			p.once(t, perSecond*seconds)
			t.Logf("%d documents written in %s, all shown after %s; processor time of the tail with the writing client %s; heap with all lines kept %d MB",
				perSecond*seconds, wrote.Round(time.Millisecond), all.Round(time.Millisecond), (spent(t) - cpu).Round(time.Millisecond), m.HeapAlloc>>20)
			cpu, again := spent(t), time.Now()
			since := follow(t, e, backend.LogQuery{Of: q.Of, Since: began.Add(-time.Minute)})
			since.until(t, "all lines since", func() bool { return since.count() >= perSecond*seconds })
			since.once(t, perSecond*seconds)
			t.Logf("all of it once more, as fast as it comes: %s, processor time %s", time.Since(again).Round(time.Millisecond), (spent(t) - cpu).Round(time.Millisecond))
			q.Last = 777 // of 500 that have the same millisecond each
			last := follow(t, e, q)
			last.until(t, "the last lines", func() bool { return last.count() >= q.Last })
			last.once(t, q.Last)
			backwards(t, e, q, last, perSecond*seconds)
		})
	}
}

// backwards reads all that is older than a page's lines, and sees that each of the
// documents is there once, on the page or before it.
func backwards(t *testing.T, e *Elastic, q backend.LogQuery, p *page, want int) {
	t.Helper()
	began, cpu := time.Now(), spent(t)
	c := backend.Cursor{Oldest: p.lines[0]}
	seen := map[string]bool{}
	for _, l := range p.lines {
		seen[l.ID] = true
	}
	last := c.Oldest.At
	for first := true; first || !c.IsZero(); first = false {
		lines, next, err := e.Before(t.Context(), q, c, 5000)
		if err != nil {
			t.Fatal(err)
		}
		for i := len(lines) - 1; i >= 0; i-- {
			if seen[lines[i].ID] {
				t.Fatalf("%s comes twice", lines[i].ID)
			}
			if lines[i].At > last {
				t.Fatalf("%s is newer than what came before", lines[i].ID)
			}
			seen[lines[i].ID], last = true, lines[i].At
		}
		c = next
	}
	if len(seen) != want {
		t.Errorf("%d lines, want %d", len(seen), want)
	}
	t.Logf("read backwards in %s, processor time %s", time.Since(began).Round(time.Millisecond), (spent(t) - cpu).Round(time.Millisecond))
}

// TestRealElasticOutage: the node is stopped while lines are written and followed,
// and comes back; each line is shown once, and the trouble was told. What was being
// read backwards goes on, although the server has forgotten the point in time.
func TestRealElasticOutage(t *testing.T) {
	fresh(t, "plain", "logs-outage", single)
	e := riding(t, "plain", "", "")
	q := backend.LogQuery{Of: []backend.Ref{ref("logs-outage")}, Last: 10}
	p := follow(t, e, q)
	p.until(t, "that it follows", func() bool { return p.state(backend.Ref{}) == backend.Live })
	const batches, size = 60, 200
	var writer sync.WaitGroup
	written := make(chan struct{})
	writer.Go(func() {
		for n := range batches {
			bulk(t, "plain", "logs-outage", n*size, size, now)
			if n == batches/3 {
				close(written)
			}
		}
	})
	<-written
	p.until(t, "some lines", func() bool { return p.count() > size })
	half, place, err := e.Before(t.Context(), q, backend.Cursor{Oldest: p.newest()}, size/2)
	if err != nil || len(half) != size/2 {
		t.Fatalf("%d lines, %v", len(half), err)
	}
	stack(t, "stop", "elastic", "plain")
	t.Cleanup(func() { stack(t, "start", "elastic", "plain") })
	p.until(t, "that it is away", func() bool { return p.state(backend.Ref{}) == backend.Stale })
	stack(t, "start", "elastic", "plain")
	writer.Wait()
	p.until(t, "all lines", func() bool { return p.count() >= batches*size })
	p.until(t, "that it is live again", func() bool { return p.state(backend.Ref{}) == backend.Live })
	p.once(t, batches*size)
	older, _, err := e.Before(t.Context(), q, place, most)
	if err != nil || len(older) == 0 || older[len(older)-1].At > half[0].At {
		t.Errorf("reading on after the outage: %d lines, %v", len(older), err)
	}
	for _, l := range older {
		for _, h := range half {
			if l.ID == h.ID {
				t.Fatalf("%s comes twice", l.ID)
			}
		}
	}
}

// TestRealElasticRefusals: what does not make sense, or may not be, is said in the
// server's words.
func TestRealElasticRefusals(t *testing.T) {
	fresh(t, "secured", "logs-refused", single)
	fresh(t, "secured", "vault-refused", single)
	bulk(t, "secured", "logs-refused", 0, 50, now)
	must(t, "secured", http.MethodPost, "/logs-refused/_refresh", "")
	must(t, "secured", http.MethodPut, "/logs-timeless/_doc/1?refresh", `{"message":"when?"}`)
	t.Cleanup(func() { must(t, "secured", http.MethodDelete, "/logs-timeless", "") })
	e := riding(t, "secured", "reader", "not-a-secret")

	err := e.Tail(t.Context(), backend.LogQuery{Of: []backend.Ref{ref("logs-refused")}, Match: "level:("}, newPage())
	if backend.CodeOf(err) != backend.Invalid || !strings.Contains(err.Error(), "Cannot parse 'level:('") {
		t.Errorf("a bad query gives %v", err)
	}
	err = e.Tail(t.Context(), backend.LogQuery{Of: []backend.Ref{ref("logs-timeless")}}, newPage())
	if backend.CodeOf(err) != backend.Invalid || !strings.Contains(err.Error(), "no field @timestamp") {
		t.Errorf("no time gives %v", err)
	}
	p := follow(t, e, backend.LogQuery{Of: []backend.Ref{ref("logs-refused"), ref("vault-refused"), ref("nowhere")}, Last: 20, Match: `message:"order 7" OR message:"order 49"`})
	p.until(t, "the two that match", func() bool { return p.count() == 2 })
	p.until(t, "that the vault is closed", func() bool { return p.state(ref("vault-refused")) == backend.Forbidden })
	p.until(t, "that the third is nowhere", func() bool {
		s := p.state(ref("nowhere"))
		return s == backend.Down || s == backend.Forbidden
	})
	if l := p.newest(); l.From != "checkout" || !strings.HasPrefix(l.Text.Raw(), "order 49 was taken") || l.Time().IsZero() {
		t.Errorf("the line is %+v", l)
	}

	p = follow(t, riding(t, "secured", "reader", "wrong"), backend.LogQuery{Of: []backend.Ref{ref("logs-refused")}})
	p.until(t, "that the login is not good", func() bool { return p.state(backend.Ref{}) == backend.Forbidden })
}

// TestRealElasticStreams: who may see all sees it with its health; who may read
// some sees those, and that there are others.
func TestRealElasticStreams(t *testing.T) {
	fresh(t, "secured", "logs-000001", single)
	fresh(t, "secured", "logs-yellow", `"number_of_replicas":1`)
	fresh(t, "secured", "vault", single)
	bulk(t, "secured", "logs-000001", 0, 500, now)
	must(t, "secured", http.MethodPost, "/logs-000001/_refresh", "")
	must(t, "secured", http.MethodPost, "/_aliases", `{"actions":[{"add":{"index":"logs-000001","alias":"logs"}}]}`)
	must(t, "secured", http.MethodPut, "/_index_template/events", `{"index_patterns":["logsevents"],"data_stream":{},"template":{"settings":{"number_of_replicas":0}}}`)
	must(t, "secured", http.MethodPost, "/logsevents/_doc?refresh", `{"@timestamp":"2026-11-28T07:00:00Z","message":"began"}`)

	admin := riding(t, "secured", "elastic", "not-a-secret")
	rows := watched(t, admin)
	for name, want := range map[string]string{"logs-000001": "green", "logs-yellow": "yellow", "vault": "green", "logs": "green", "logsevents": "green"} {
		if got := rows[name]; got.State != want || got.Lines == 0 && strings.HasPrefix(name, "logs-0") || got.Bytes == 0 {
			t.Errorf("%s is %+v", name, got)
		}
	}
	for name := range rows {
		if strings.HasPrefix(name, ".") {
			t.Errorf("%s is shown", name)
		}
	}
	reader := riding(t, "secured", "reader", "not-a-secret")
	rows = watched(t, reader)
	if _, sees := rows["vault"]; sees || rows["logs-000001"].Lines != 500 || rows["logsevents"].Lines == 0 {
		t.Errorf("the reader sees %+v", rows)
	}
	if _, err := reader.rows(t.Context(), backend.Scope{}); backend.CodeOf(err) != backend.Partly {
		t.Errorf("what is left out is %v", err)
	}
	if _, err := admin.rows(t.Context(), backend.Scope{}); err != nil {
		t.Errorf("of who may see all there is left out: %v", err)
	}
	for _, a := range []backend.Aspect{backend.Summary, backend.Describe, backend.YAML} {
		for _, e := range []*Elastic{admin, reader} {
			for _, name := range []string{"logs-000001", "logsevents", "logs"} {
				doc, err := e.Fetch(t.Context(), ref(name), a)
				var text strings.Builder
				_ = doc.WriteText(&text)
				if err != nil || a != backend.Summary && !strings.Contains(text.String(), "@timestamp") || a == backend.Summary && !strings.Contains(text.String(), "newest") {
					t.Errorf("%s of %s: %v %s", a, name, err, text.String())
				}
			}
		}
	}
	info := admin.api.Link().Info()
	if info.User != "elastic" || !strings.HasPrefix(info.Version, "8.") {
		t.Errorf("it is %+v", info)
	}
	var key struct{ ID, APIKey, Encoded string }
	if err := json.Unmarshal(bytes.ReplaceAll(must(t, "secured", http.MethodPost, "/_security/api_key", `{"name":"wheelhouse"}`), []byte("api_key"), []byte("apikey")), &key); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{key.Encoded, key.ID + ":" + key.APIKey} {
		if rows := watched(t, riding(t, "secured", "", secret)); rows["vault"].State != "green" {
			t.Errorf("with an API key one sees %+v", rows)
		}
	}
}
