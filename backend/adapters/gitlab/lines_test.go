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
