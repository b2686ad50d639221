package gitlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/sandbox"
)

// heard is a sink that keeps all.
type heard struct {
	mu    sync.Mutex
	lines []backend.LogLine
	state []backend.State // as it changed
	last  backend.Health
	more  chan struct{} // a look has ended
}

func newHeard() *heard { return &heard{more: make(chan struct{}, 1)} }

func (h *heard) Lines(lines ...backend.LogLine) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, lines...)
}

func (h *heard) Missed(int) {}

func (h *heard) Health(_ backend.Ref, is backend.Health) {
	h.mu.Lock()
	h.last = is
	if len(h.state) == 0 || h.state[len(h.state)-1] != is.State {
		h.state = append(h.state, is.State)
	}
	h.mu.Unlock()
	select {
	case h.more <- struct{}{}:
	default:
	}
}

// said are the lines, each with who wrote it.
func (h *heard) said() (out []string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return spoken(h.lines)
}

func spoken(lines []backend.LogLine) (out []string) {
	for _, l := range lines {
		out = append(out, l.From+"| "+l.Text.Raw())
	}
	return out
}

const (
	executing = "\x1b[0K\x1b[36;1mExecuting \"step_script\" stage of the job script\x1b[0;m\x1b[0;m"
	succeeded = "\x1b[32;1mJob succeeded\x1b[0;m"
)

var log = []string{
	"compile| " + executing, "compile| [compile] begins", "compile| one", "compile| two", "compile| [compile] passed", "compile| " + succeeded,
	"deploy| " + executing, "deploy| [deploy] begins", "deploy| WARN three", "deploy| ERROR four", "deploy| [deploy] passed", "deploy| " + succeeded,
}

// TestTailGivesEachLineOnce: the log grows while it is read, and answers break off
// in the middle and get lost.
func TestTailGivesEachLineOnce(t *testing.T) {
	for name, fault := range map[string]backendtest.Fault{"plainly": 0, "over cuts": backendtest.Half, "over lost answers": backendtest.Lost, "over pages": backendtest.Page, "over 503": backendtest.Refused} {
		t.Run(name, func(t *testing.T) {
			tn := open(t)
			b := tn.began(sandbox.Order{By: "mlin"})
			var mu sync.Mutex
			dice := rand.New(rand.NewPCG(3, 4))
			tn.faults.Spoil(func(r *http.Request) backendtest.Fault {
				mu.Lock()
				defer mu.Unlock()
				if dice.IntN(6) == 0 {
					return fault
				}
				return 0
			})
			h := newHeard()
			done := make(chan error, 1)
			g := tn.as("dev")
			go func() { done <- g.Tail(t.Context(), backend.LogQuery{Of: []backend.Ref{refOf(b)}, Last: 100}, h) }()
			for i := range 40 {
				for range 3 {
					<-h.more
				}
				tn.pass(500 * time.Millisecond)
				if i == 30 {
					if err := tn.Answer("shop/cart", 1, "deploy", "ops", true, nil); err != nil {
						t.Fatal(err)
					}
				}
			}
			tn.pass(time.Minute)
			if err := <-done; err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(log, h.said()); diff != "" {
				t.Error(diff)
			}
			if !slices.Contains(h.state, backend.Live) || fault != 0 && !slices.Contains(h.state, backend.Stale) {
				t.Errorf("it was %v", h.state)
			}
		})
	}
}

// ended is a build that has run through.
func (tn *town) ended() backend.Ref {
	r := tn.waits()
	if err := tn.Answer("shop/cart", 1, "deploy", "ops", true, nil); err != nil {
		tn.Fatal(err)
	}
	tn.pass(time.Minute)
	return r
}

func TestTailOfWhatHasEnded(t *testing.T) {
	tn := open(t)
	r := tn.ended()
	one := r
	one.Sub = "deploy"
	for name, c := range map[string]struct {
		q    backend.LogQuery
		want []string
	}{
		"all":         {backend.LogQuery{Of: []backend.Ref{r}, Last: 100}, log},
		"the last":    {backend.LogQuery{Of: []backend.Ref{r}, Last: 8}, log[4:]},
		"none":        {backend.LogQuery{Of: []backend.Ref{r}}, nil},
		"one job":     {backend.LogQuery{Of: []backend.Ref{one}, Last: 100}, log[6:]},
		"one retried": {backend.LogQuery{Of: []backend.Ref{r}, Last: 100, Previous: true}, nil},
	} {
		h := newHeard()
		if err := tn.as("dev").Tail(t.Context(), c.q, h); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, h.said()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		for _, l := range h.lines {
			want := map[string]backend.Level{"WARN three": backend.Warning, "ERROR four": backend.Critical}[l.Text.Raw()]
			if l.Level != want || l.ID == "" {
				t.Errorf("%s: %+v", name, l)
			}
		}
	}
	err := tn.as("dev").Tail(t.Context(), backend.LogQuery{Of: []backend.Ref{r}, Match: "x"}, newHeard())
	fails(t, err, backend.Invalid, "sift")
	err = tn.as("dev").Tail(t.Context(), backend.LogQuery{Of: []backend.Ref{cartRef}}, newHeard())
	fails(t, err, backend.Invalid, "no build")
}

// TestTailWaitsForNothingThatNeedNotCome: a job that may be played, and need not,
// does not keep the log of an ended build open.
func TestTailWaitsForNothingThatNeedNotCome(t *testing.T) {
	tn := open(t)
	r := tn.ended()
	inner := tn.faults.Server
	tn.faults.Server = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasSuffix(req.URL.Path, "/pipelines/1/jobs") {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `[{"id":103,"name":"tidy","stage":"end","status":"manual","allow_failure":true},
				{"id":101,"name":"compile","stage":"compile","status":"success","started_at":"2026-11-18T09:06:42.000Z"}]`)
			return
		}
		inner.ServeHTTP(w, req)
	})
	h := newHeard()
	if err := tn.as("dev").Tail(t.Context(), backend.LogQuery{Of: []backend.Ref{r}, Last: 100}, h); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(log[:6], h.said()); diff != "" {
		t.Error(diff)
	}
}

func TestBeforePagesBackwards(t *testing.T) {
	tn := open(t)
	r := tn.ended()
	g := tn.as("dev")
	for _, size := range []int{1, 3, 5, 6, 7, 100} {
		q := backend.LogQuery{Of: []backend.Ref{r}, Last: 2}
		h := newHeard()
		if err := g.Tail(t.Context(), q, h); err != nil {
			t.Fatal(err)
		}
		got, c := h.said(), backend.Cursor{Oldest: h.lines[0]}
		for !c.IsZero() {
			page, next, err := g.Before(t.Context(), q, c, size)
			if err != nil || len(page) > size {
				t.Fatalf("%d lines, %v", len(page), err)
			}
			got, c = append(spoken(page), got...), next
		}
		if diff := cmp.Diff(log, got); diff != "" {
			t.Errorf("by %d: %s", size, diff)
		}
	}
}

// TestTailEndsWithItsContext: whatever the server does.
func TestTailEndsWithItsContext(t *testing.T) {
	for _, fault := range []backendtest.Fault{0, backendtest.Lost, backendtest.Late, backendtest.Refused} {
		tn := open(t)
		r := tn.waits()
		tn.faults.Spoil(backendtest.Always(fault))
		ctx, cancel := context.WithCancel(t.Context())
		h := newHeard()
		done := make(chan error, 1)
		g := tn.as("dev")
		go func() { done <- g.Tail(ctx, backend.LogQuery{Of: []backend.Ref{r}, Last: 10}, h) }()
		if fault != backendtest.Late {
			<-h.more
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("%v: %v", fault, err)
		}
	}
}

// TestTraceIsReadByParts: of what a runner writes, from a server that knows ranges
// and from one that does not, and whose answers break off.
func TestTraceIsReadByParts(t *testing.T) {
	long := strings.Repeat("x", maxLine+10)
	whole := "section_start:1:a[collapsed=true]\r\x1b[0Ksection_start:1:b\r\x1b[0Khead\n" +
		"section_end:2:b\r\x1b[0K\n2026-11-28T07:00:00.5Z 00O \x1b[31mred\x1b[0m\r\n\n" + long + "\nsection_end:3:a\r\x1b[0Klast"
	want := []string{"j| head", "j| \x1b[31mred\x1b[0m", "j| ", "j| " + long[:maxLine], "j| " + long[maxLine:], "j| last"}
	for _, server := range []string{"knows ranges", "does not", "does not, and is cut off"} {
		for _, step := range []int{1000, 7777, 1 << 20} {
			tn := open(t)
			have := 0
			tn.faults.Server = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if server == "knows ranges" {
					w.Header().Set("Content-Type", "text/plain")
					http.ServeContent(w, r, "", time.Time{}, strings.NewReader(whole[:have]))
					return
				}
				_, _ = io.WriteString(w, whole[:have])
				if have < len(whole) && server != "does not" {
					_ = http.NewResponseController(w).Flush()
					panic(http.ErrAbortHandler)
				}
			})
			g := tn.as("dev")
			tr := &trace{job: 1, from: "j"}
			var got []backend.LogLine
			for have < len(whole) || !tr.over {
				have = min(have+step, len(whole))
				err := g.read(t.Context(), backend.Ref{Scope: "a/b"}, tr, have == len(whole), func(lines ...backend.LogLine) { got = append(got, lines...) })
				if err != nil && (server != "does not, and is cut off" || backend.CodeOf(err) != backend.Unreachable) {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, spoken(got)); diff != "" {
				t.Errorf("the server %s, by %d: %.300s", server, step, diff)
			}
			if at := got[1].Time().UTC().Format(time.RFC3339Nano); at != "2026-11-28T07:00:00.5Z" {
				t.Errorf("it was written at %s", at)
			}
			for i, l := range got {
				_, offset, _ := strings.Cut(l.ID, ":")
				n, _ := strconv.Atoi(offset)
				if i > 0 && !strings.HasPrefix(strings.TrimPrefix(whole[n:], "2026-11-28T07:00:00.5Z 00O "), l.Text.Raw()) && i < len(got)-1 {
					t.Errorf("line %d is not at %d", i, n)
				}
			}
		}
	}
}

// TestErasedLog: one that is shorter than what was read goes on where it is.
func TestErasedLog(t *testing.T) {
	tn := open(t)
	text := "one\ntwo\n"
	tn.faults.Server = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
	g := tn.as("dev")
	tr := &trace{job: 1, from: "j"}
	var got []backend.LogLine
	for _, now := range []string{text, "", "three\n"} {
		text = now
		if err := g.read(t.Context(), backend.Ref{Scope: "a/b"}, tr, false, func(lines ...backend.LogLine) { got = append(got, lines...) }); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff([]string{"j| one", "j| two", "j| three"}, spoken(got)); diff != "" {
		t.Error(diff)
	}
}

// TestLogsKeepTheLimit: where logs or variables are asked for too often, nothing is
// asked any more until that may be, and the log says when.
func TestLogsKeepTheLimit(t *testing.T) {
	for _, c := range []struct {
		path string
		do   func(*GitLab, backend.Ref) error
	}{
		{"/trace", nil},
		{"/graphql", func(g *GitLab, r backend.Ref) error {
			_, err := g.Params(t.Context(), delivery.BuildTrigger, r)
			return err
		}},
	} {
		tn := open(t)
		r := tn.waits()
		var mu sync.Mutex
		asked := 0
		inner := tn.faults.Server
		tn.faults.Server = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if asked > 0 || strings.HasSuffix(req.URL.Path, c.path) {
				asked++
				w.Header().Set("Retry-After", "120")
				w.WriteHeader(http.StatusTooManyRequests)
				return
			}
			inner.ServeHTTP(w, req)
		})
		g := tn.as("dev")
		if c.do != nil {
			fails(t, c.do(g, r), backend.Failed, "left alone until")
			fails(t, c.do(g, r), backend.Failed, "left alone until")
		} else {
			h := newHeard()
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- g.Tail(ctx, backend.LogQuery{Of: []backend.Ref{r}, Last: 10}, h) }()
			<-h.more
			until := g.pace.until()
			if h.last.State != backend.Down || !h.last.NextTry.Equal(until) || time.Until(until) < time.Minute || !strings.Contains(h.last.Reason.Safe(), "left alone until "+until.Local().Format(time.TimeOnly)) {
				t.Errorf("%v until %v, to be closed until %v: %s", h.last.State, h.last.NextTry, until, h.last.Reason.Safe())
			}
			_, _, err := g.Before(t.Context(), backend.LogQuery{Of: []backend.Ref{r}}, backend.Cursor{}, 10)
			fails(t, err, backend.Failed, "left alone until")
			cancel()
			<-done
		}
		if asked != 1 {
			t.Errorf("%s: it was asked %d times", c.path, asked)
		}
	}
}

// A fake is a pipeline 1 of shop/cart, as a test has it, with the logs of its jobs.
type fake struct {
	mu      sync.Mutex
	status  string
	jobs    string // as the API lists them, newest first
	bridges int
	logs    map[string]string // by job
	broken  string            // a job whose log can't be had
}

func (f *fake) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

// ServeHTTP implements http.Handler.
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v4/projects/shop/cart/"), "/")
	w.Header().Set("Content-Type", "application/json")
	switch path[len(path)-1] {
	case "trace":
		if path[1] == f.broken {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, f.logs[path[1]])
	case "jobs":
		_, _ = io.WriteString(w, f.jobs)
	case "bridges":
		page, _ := strconv.Atoi(r.FormValue("page"))
		if page*perPage < f.bridges {
			w.Header().Set("X-Next-Page", strconv.Itoa(page+1))
		}
		w.Header().Set("X-Total", strconv.Itoa(f.bridges))
		var all []string
		for i := (page - 1) * perPage; i < min(page*perPage, f.bridges); i++ {
			all = append(all, fmt.Sprintf(`{"id":%d,"name":"bridge-%d","status":"success"}`, 1000+i, i))
		}
		_, _ = fmt.Fprintf(w, "[%s]", strings.Join(all, ","))
	default:
		_, _ = fmt.Fprintf(w, `{"id":1,"status":%q}`, f.status)
	}
}

func job(id int, name, status string) string {
	return fmt.Sprintf(`{"id":%d,"name":%q,"stage":"all","status":%q,"started_at":"2026-11-18T09:06:42.000Z"}`, id, name, status)
}

func list(jobs ...string) string { return "[" + strings.Join(jobs, ",") + "]" }

var fakeRef = backend.Ref{Link: "dev", Kind: delivery.KindBuild, Scope: "shop/cart", Name: "1"}

// TestOneBrokenLogHoldsNoneUp: the logs of the other jobs come, it is told what is
// wrong with the one, and its lines come when they can be had.
func TestOneBrokenLogHoldsNoneUp(t *testing.T) {
	f := &fake{status: "success", jobs: list(job(12, "b", "success"), job(11, "a", "success")), logs: map[string]string{"11": "of a\n", "12": "of b\n"}, broken: "11"}
	g, h := before(t, f.ServeHTTP), newHeard()
	done := make(chan error, 1)
	go func() { done <- g.Tail(t.Context(), backend.LogQuery{Of: []backend.Ref{fakeRef}, Last: 10}, h) }()
	<-h.more
	h.mu.Lock()
	last := h.last
	h.mu.Unlock()
	if diff := cmp.Diff([]string{"b| of b"}, h.said()); diff != "" || last.State != backend.Down || !strings.Contains(last.Reason.Safe(), "The log of job a can't be read: dev answered 500.") {
		t.Errorf("%s; it is %v: %s", diff, last.State, last.Reason.Safe())
	}
	f.set(func() { f.broken = "" })
	if err := <-done; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"b| of b", "a| of a"}, h.said()); diff != "" || h.last.State != backend.Live {
		t.Errorf("%s; it is %v", diff, h.last.State)
	}
}

// TestBeforeOverRetries: jobs that are retried meanwhile, the one whose lines were
// read last among them, do not end the lines before it; a job that is gone is told.
func TestBeforeOverRetries(t *testing.T) {
	f := &fake{status: "running", jobs: list(job(12, "b", "failed"), job(11, "a", "failed")), logs: map[string]string{
		"11": "a 1\na 2\n", "12": "b 1\nb 2\nb 3\n", "13": "b again\n", "14": "a again\n",
	}}
	g, h := before(t, f.ServeHTTP), newHeard()
	q := backend.LogQuery{Of: []backend.Ref{fakeRef}, Last: 1}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- g.Tail(ctx, q, h) }()
	<-h.more
	cancel()
	<-done
	got, c := h.said(), backend.Cursor{Oldest: h.lines[0]}
	f.set(func() {
		f.jobs = list(job(14, "a", "running"), job(13, "b", "running"), job(12, "b", "failed"), job(11, "a", "failed"))
	})
	for !c.IsZero() {
		page, next, err := g.Before(t.Context(), q, c, 1)
		if err != nil {
			t.Fatal(err)
		}
		got, c = append(spoken(page), got...), next
	}
	if diff := cmp.Diff([]string{"a| a again", "b| b 1", "b| b 2", "b| b 3"}, got); diff != "" {
		t.Error(diff)
	}
	f.set(func() { f.jobs = list(job(14, "a", "running")) })
	_, c, err := g.Before(t.Context(), q, backend.Cursor{Oldest: h.lines[0]}, 1)
	fails(t, err, backend.NotFound, "Job 12, in whose log one has come so far, is not among those of shop/cart #1 any more.")
	if c.IsZero() {
		t.Error("it is given up")
	}
}

// TestRetriedWhileItIsRead: the last lines of an attempt are read, which say why there
// is another.
func TestRetriedWhileItIsRead(t *testing.T) {
	f := &fake{status: "running", jobs: list(job(11, "a", "running")), logs: map[string]string{"11": "one\n", "12": "two\n"}}
	g, h := before(t, f.ServeHTTP), newHeard()
	done := make(chan error, 1)
	go func() { done <- g.Tail(t.Context(), backend.LogQuery{Of: []backend.Ref{fakeRef}, Last: 10}, h) }()
	<-h.more
	f.set(func() {
		f.status, f.jobs, f.logs["11"] = "success", list(job(12, "a", "success"), job(11, "a", "failed")), "one\nit broke\n"
	})
	if err := <-done; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff([]string{"a| one", "a| it broke", "a| two"}, h.said()); diff != "" {
		t.Error(diff)
	}
}

// TestPreviousIsTheAttemptBefore: of jobs that were retried; where there is none, the
// log says so.
func TestPreviousIsTheAttemptBefore(t *testing.T) {
	one, retried := fakeRef, fakeRef
	one.Sub, retried.Sub = "b", "14"
	f := &fake{status: "success", logs: map[string]string{"11": "first\n", "12": "of b\n", "13": "second\n", "14": "third\n"}}
	for _, c := range []struct {
		jobs string
		r    backend.Ref
		want []string
		says string
	}{
		{list(job(14, "a", "success"), job(13, "a", "failed"), job(12, "b", "success"), job(11, "a", "failed")), fakeRef, []string{"a| second"}, ""},
		{list(job(14, "a", "success"), job(13, "a", "failed"), job(12, "b", "success"), job(11, "a", "failed")), retried, []string{"a| second"}, ""},
		{list(job(12, "b", "success"), job(11, "a", "success")), fakeRef, nil, "No job of shop/cart #1 was retried: there are no attempts before these."},
		{list(job(13, "a", "success"), job(12, "b", "success"), job(11, "a", "failed")), one, nil, "Job b of shop/cart #1 was not retried: there is no attempt before this one."},
	} {
		f.jobs = c.jobs
		h := newHeard()
		if err := before(t, f.ServeHTTP).Tail(t.Context(), backend.LogQuery{Of: []backend.Ref{c.r}, Last: 10, Previous: true}, h); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(c.want, h.said()); diff != "" || h.last.State != backend.Live || h.last.Reason.Safe() != c.says {
			t.Errorf("%s; it is %v: %s", diff, h.last.State, h.last.Reason.Safe())
		}
	}
}

// TestManyBridges: they are read by pages, and what is too many is told with the
// details. The log, which has nothing of them, misses nothing.
func TestManyBridges(t *testing.T) {
	for bridges, says := range map[int]string{
		230:          "",
		mostJobs + 3: fmt.Sprintf("3 more pipelines elsewhere are not shown: only the newest %d are.", mostJobs),
	} {
		f := &fake{status: "success", jobs: "[]", bridges: bridges}
		g, h := before(t, f.ServeHTTP), newHeard()
		doc, err := g.Fetch(t.Context(), fakeRef, backend.Summary)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		_ = doc.WriteText(&text)
		if n := strings.Count(text.String(), "bridge-"); n != min(bridges, mostJobs) || strings.Contains(text.String(), "not shown") != (says != "") || !strings.Contains(text.String(), says) {
			t.Errorf("of %d there are %d:\n%s", bridges, n, text.String())
		}
		if err := g.Tail(t.Context(), backend.LogQuery{Of: []backend.Ref{fakeRef}, Last: 10}, h); err != nil || h.last.Reason.Safe() != "" {
			t.Errorf("%v, %s", err, h.last.Reason.Safe())
		}
	}
}
