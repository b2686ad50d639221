package jenkins

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/delivery"
	"wheelhouse/backend/sandbox"
	served "wheelhouse/backend/sandbox/jenkins"
)

// heard keeps what comes of a log, and rings.
type heard struct {
	mu     sync.Mutex
	lines  []backend.LogLine
	health []backend.Health
	bell   chan struct{}
}

func newHeard() *heard { return &heard{bell: make(chan struct{}, 1)} }

func (h *heard) ring() {
	select {
	case h.bell <- struct{}{}:
	default:
	}
}

func (h *heard) Lines(all ...backend.LogLine) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, all...)
	h.ring()
}

func (h *heard) Missed(int) {}

func (h *heard) Health(_ backend.Ref, health backend.Health) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.health = append(h.health, health)
	h.ring()
}

func (h *heard) text() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, l := range h.lines {
		out = append(out, l.Text.Raw())
	}
	return out
}

func (h *heard) state() backend.State {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.health) == 0 {
		return backend.Off
	}
	return h.health[len(h.health)-1].State
}

// until waits for ok.
func (h *heard) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for !ok() {
		select {
		case <-h.bell:
		case <-limit:
			t.Fatalf("%s: never came; it has %d lines, %v", what, len(h.text()), h.state())
		}
	}
}

// talking is a company with a pipeline that says many lines, one a second.
func talking(t *testing.T, lines int, o served.Options) (*company, []string) {
	t.Helper()
	c := found(t, 0, o)
	p := sandbox.Pipeline{Name: "a", Stages: []sandbox.Plan{{Name: "only", Takes: time.Duration(lines+1) * time.Second}}}
	want := []string{"Started by ana", "[only] begins"}
	for i := range lines {
		p.Stages[0].Says = append(p.Stages[0].Says, fmt.Sprintf("line %d of many ü %s", i, strings.Repeat("x", i%7)))
	}
	want = append(append(want, p.Stages[0].Says...), "[only] passed", "Finished: passed")
	c.world.Add(p)
	c.triggered(t, "a", sandbox.Order{By: "ana"})
	return c, want
}

func logOf(refs ...backend.Ref) backend.LogQuery { return backend.LogQuery{Of: refs, Last: 1_000_000} }

// TestTailOverCuts: a log that grows comes whole, each line once, whatever happens
// to the answers, from servers of both kinds.
func TestTailOverCuts(t *testing.T) {
	for name, o := range map[string]served.Options{"newer": {}, "older": {NoTails: true}} {
		t.Run(name, func(t *testing.T) {
			const lines = 300
			c, want := talking(t, lines, o)
			j := c.as(t, "ana", "token")
			var mu sync.Mutex
			n := 0
			c.faults.Spoil(func(r *http.Request) backendtest.Fault {
				mu.Lock()
				defer mu.Unlock()
				if !strings.Contains(r.URL.Path, "logText") {
					return 0
				}
				n++
				return []backendtest.Fault{0, backendtest.Lost, 0, backendtest.Half, backendtest.Page, backendtest.Refused}[n%6]
			})
			h := newHeard()
			done := make(chan error, 1)
			go func() { done <- j.Tail(t.Context(), logOf(ref("a", 1)), h) }()
			for range lines/10 + 1 {
				was := len(h.text())
				c.clock.move(10 * time.Second)
				h.until(t, "more lines", func() bool { return len(h.text()) > was })
			}
			if err := <-done; err != nil {
				t.Errorf("it ends with %v", err)
			}
			if diff := cmp.Diff(want, h.text()); diff != "" {
				t.Error(diff)
			}
			ids := map[string]bool{}
			for _, l := range h.lines {
				ids[l.ID] = true
			}
			if len(ids) != len(want) {
				t.Errorf("%d lines have %d names", len(want), len(ids))
			}
		})
	}
}

// TestEndOfALongLog: only its last lines come, and the others when they are asked
// for, back to the first. Newer servers are never asked for the beginning.
func TestEndOfALongLog(t *testing.T) {
	for name, o := range map[string]served.Options{"newer": {}, "older": {NoTails: true}} {
		t.Run(name, func(t *testing.T) {
			c, want := talking(t, 9000, o)
			c.clock.move(10 * time.Hour)
			j := c.as(t, "ana", "token")
			var mu sync.Mutex
			var asked []string
			c.faults.Spoil(func(r *http.Request) backendtest.Fault {
				mu.Lock()
				defer mu.Unlock()
				if strings.Contains(r.URL.Path, "/1/") {
					asked = append(asked, r.URL.RequestURI())
				}
				return 0
			})
			h := newHeard()
			q := logOf(ref("a", 1))
			q.Last = 50
			if err := j.Tail(t.Context(), q, h); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want[len(want)-50:], h.text()); diff != "" {
				t.Error(diff)
			}
			if !o.NoTails {
				if diff := cmp.Diff([]string{"/job/a/1/logText/progressiveText?start=-65536"}, asked); diff != "" {
					t.Error(diff)
				}
			}
			all, at := h.text(), backend.Cursor{Oldest: h.lines[0]}
			for pages := 0; !at.IsZero() && pages < 100; pages++ {
				older, next, err := j.Before(t.Context(), q, at, 1000)
				if err != nil {
					t.Fatal(err)
				}
				var texts []string
				for _, l := range older {
					texts = append(texts, l.Text.Raw())
				}
				all, at = append(texts, all...), next
			}
			if diff := cmp.Diff(want, all); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestFarBackIsRefused, as the controller would send all that follows.
func TestFarBackIsRefused(t *testing.T) {
	c, _ := talking(t, 9000, served.Options{})
	c.clock.move(10 * time.Hour)
	j := c.as(t, "ana", "token")
	j.limits.back = 100_000
	h := newHeard()
	if err := j.Tail(t.Context(), backend.LogQuery{Of: []backend.Ref{ref("a", 1)}, Last: 1}, h); err != nil {
		t.Fatal(err)
	}
	at, err := backend.Cursor{Oldest: h.lines[0]}, error(nil)
	for range 100 {
		if _, at, err = j.Before(t.Context(), logOf(ref("a", 1)), at, 1000); err != nil || at.IsZero() {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "Open its log in a browser.") {
		t.Errorf("error is %v, at %+v", err, at)
	}
}

// TestBeforeWithNotes: Jenkins leaves its own notes out of what it sends, so that
// offsets can't be counted in the text.
func TestBeforeWithNotes(t *testing.T) {
	const lines = 2000
	raw := func(i int) string {
		return fmt.Sprintf("\x1b[8mha:////%s\x1b[0mstep %d\n", strings.Repeat("A", 40), i)
	}
	var offsets []int // of lines, in the file
	size := 0
	for i := range lines {
		offsets = append(offsets, size)
		size += len(raw(i))
	}
	c := found(t, 0, served.Options{})
	company := c.faults.Server
	c.faults.Server = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/job/") { // the link looks whether it is one
			company.ServeHTTP(w, r)
			return
		}
		var start, until int
		_, _ = fmt.Sscan(r.FormValue("start"), &start)
		_, _ = fmt.Sscan(r.FormValue("searchNewLineUntil"), &until)
		if start < 0 {
			start, until = max(0, size+start), size
		}
		first := 0
		for first < lines && offsets[first] < start {
			first++
		}
		found := until > 0 && first < lines && offsets[first] < until
		var text strings.Builder
		for i := first; i < lines; i++ {
			fmt.Fprintf(&text, "step %d\n", i)
		}
		if strings.HasSuffix(r.URL.Path, "consoleText") {
			_, _ = w.Write([]byte(text.String()))
			return
		}
		at := size
		if first < lines {
			at = offsets[first]
		}
		w.Header().Set("Content-Type", "multipart/form-data;boundary=B")
		fmt.Fprintf(w, "--B\r\nContent-Disposition: form-data;name=text\r\n\r\n%s\r\n--B\r\nContent-Disposition: form-data;name=meta\r\n\r\n", text.String())
		fmt.Fprintf(w, `{"completed":true,"start":%d,"end":%d,"startFromNewLine":%v}`, at, size, found)
		fmt.Fprint(w, "\r\n--B--")
	})
	j := c.as(t, "ana", "token")
	h := newHeard()
	if err := j.Tail(t.Context(), backend.LogQuery{Of: []backend.Ref{ref("a", 1)}, Last: 10}, h); err != nil {
		t.Fatal(err)
	}
	all, at := h.text(), backend.Cursor{Oldest: h.lines[0]}
	for !at.IsZero() {
		older, next, err := j.Before(t.Context(), logOf(ref("a", 1)), at, 150)
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, l := range older {
			texts = append(texts, l.Text.Raw())
		}
		all, at = append(texts, all...), next
	}
	var want []string
	for i := range lines {
		want = append(want, fmt.Sprintf("step %d", i))
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Error(diff)
	}
}

func TestTailLevelsAndLateBegin(t *testing.T) {
	c := found(t, time.Minute, served.Options{})
	c.world.Add(cart())
	c.triggered(t, "shop/cart", sandbox.Order{By: "ana"})
	j := c.as(t, "ana", "token")
	h := newHeard()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- j.Tail(ctx, logOf(ref("shop/cart", "q1")), h) }()
	h.until(t, "live while it is queued", func() bool { return h.state() == backend.Live })
	c.clock.move(time.Minute + 8*time.Second)
	h.until(t, "its lines", func() bool { return len(h.text()) == 4 })
	if l := h.lines[3]; l.Level != backend.Warning || l.Text.Safe() != "WARN two" {
		t.Errorf("%+v", l)
	}
	c.faults.Spoil(backendtest.Always(backendtest.Lost))
	h.until(t, "stale", func() bool { return h.state() == backend.Stale })
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}

func TestTailOfWhatIsNotThere(t *testing.T) {
	c := found(t, 0, served.Options{})
	c.world.Add(cart())
	j := c.as(t, "ana", "token")
	h := newHeard()
	if err := j.Tail(t.Context(), logOf(ref("shop/cart", 9)), h); err != nil || h.state() != backend.Down {
		t.Errorf("%v, %v", h.state(), err)
	}
	if err := j.Tail(t.Context(), logOf(jobRef("shop/cart")), h); backend.CodeOf(err) != backend.Invalid {
		t.Errorf("of a pipeline: %v", err)
	}
	if err := j.Tail(t.Context(), backend.LogQuery{Of: []backend.Ref{ref("shop/cart", 1)}, Previous: true}, h); backend.CodeOf(err) != backend.Invalid {
		t.Errorf("of the process before: %v", err)
	}
}

func TestDetails(t *testing.T) {
	c := gated(t)
	j := c.as(t, "ana", "token")
	c.triggered(t, "shop/cart", sandbox.Order{By: "ben", Title: "a better cart", Params: map[string]string{"VERSION": "7", "TOKEN": "hidden"}})
	for _, k := range []struct {
		ref    backend.Ref
		aspect backend.Aspect
		says   []string
		not    string
	}{
		{ref("shop/cart", 1), backend.Summary, []string{"state  waiting", "why  Ship it?", "branch  main", "stages  compile  passed  10s", "deploy  waiting  1s"}, "commits"},
		{ref("shop/cart", 2), backend.Describe, []string{"by  ben", "parameters  VERSION  7", "TOKEN  …", "causes  Started by user ben", "a better cart", "address  http://"}, "hidden"},
		{ref("shop/cart", 2), backend.YAML, []string{`"result": null`, `"value": "7"`}, "hidden"},
		{jobRef("shop/cart"), backend.Summary, []string{"VERSION  string, default 1", "ENV  choice, default test: test, prod"}, "hidden"},
		{jobRef("shop/cart"), backend.YAML, []string{`"fullName": "shop/cart"`}, "hidden"},
	} {
		doc, err := j.Fetch(t.Context(), k.ref, k.aspect)
		if err != nil {
			t.Fatal(err)
		}
		var text strings.Builder
		_ = doc.WriteText(&text)
		for _, want := range k.says {
			if !strings.Contains(text.String(), want) {
				t.Errorf("%s of %s has no %q:\n%s", k.aspect, k.ref, want, text.String())
			}
		}
		if strings.Contains(text.String(), k.not) {
			t.Errorf("%s of %s has %q", k.aspect, k.ref, k.not)
		}
	}
	if _, err := j.Fetch(t.Context(), ref("shop/cart", 99), backend.Summary); backend.CodeOf(err) != backend.NotFound {
		t.Errorf("of none: %v", err)
	}
}

func TestQueuedDetails(t *testing.T) {
	c := found(t, time.Minute, served.Options{})
	c.world.Add(cart())
	c.triggered(t, "shop/cart", sandbox.Order{By: "ana"})
	doc, err := c.as(t, "ana", "token").Fetch(t.Context(), ref("shop/cart", "q1"), backend.Summary)
	if err != nil || doc.Lines[0].Text.Safe() != "queued: In the quiet period. Expires in 1m0s" || doc.Lines[0].Level != delivery.LevelOf(delivery.Queued) {
		t.Errorf("%+v, %v", doc, err)
	}
}

// TestLineWithoutEnd: of a line that does not end what is too much is counted and not
// kept.
func TestLineWithoutEnd(t *testing.T) {
	const more = 3 * longest
	text := "first\n" + strings.Repeat("x", longest+more) + "\nlast"
	l := chunk{from: bufio.NewReaderSize(strings.NewReader(text), 64<<10)}
	want := []string{"first\n", strings.Repeat("x", longest) + fmt.Sprintf(" … %d bytes more\n", more+1)}
	for _, w := range want {
		if got, err := l.next(); err != nil || string(got) != w {
			t.Errorf("got %d bytes, %.20q … %.40q, %v", len(got), got, got[max(0, len(got)-40):], err)
		}
	}
	if _, err := l.next(); !errors.Is(err, io.EOF) || string(l.half.line()) != "last" {
		t.Errorf("behind the last one: %v", err)
	}
}

// TestMuchAtOnce: more than what is taken in one answer is written between two looks,
// and the answer with it breaks off in the middle; it comes whole all the same, each
// line once.
func TestMuchAtOnce(t *testing.T) {
	const first, lines = 3, 36_000
	var file strings.Builder
	size := 0 // of what is there at first
	for i := range lines {
		fmt.Fprintf(&file, "%d %s\n", i, strings.Repeat("x", 1000))
		if i == first-1 {
			size = file.Len()
		}
	}
	all := file.String() + "the end"
	if len(all) < 33<<20 {
		t.Fatal("that is not much")
	}
	for name, older := range map[string]bool{"newer": false, "older": true} {
		t.Run(name, func(t *testing.T) {
			c, _ := talking(t, 1000, served.Options{})
			c.clock.move(10 * time.Second) // it runs
			company, asked := c.faults.Server, 0
			c.faults.Server = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !strings.HasSuffix(r.URL.Path, "progressiveText") {
					company.ServeHTTP(w, r)
					return
				}
				var start int
				_, _ = fmt.Sscan(r.FormValue("start"), &start)
				if older && start < 0 {
					w.WriteHeader(http.StatusInternalServerError)
					return
				}
				text := all[max(start, 0):]
				asked++
				if asked == 1 {
					text = all[:size]
				}
				body, end := text, max(start, 0)+len(text)
				w.Header().Set("X-Text-Size", fmt.Sprint(end))
				w.Header().Set("X-More-Data", fmt.Sprint(asked == 1))
				if !older {
					w.Header().Set("Content-Type", "multipart/form-data;boundary=B")
					body = fmt.Sprintf("--B\r\nContent-Disposition: form-data;name=text\r\n\r\n%s\r\n--B\r\nContent-Disposition: form-data;name=meta\r\n\r\n"+
						`{"completed":%v,"start":%d,"end":%d}`+"\r\n--B--", text, asked > 1, max(start, 0), end)
				}
				if asked == 2 {
					_, _ = io.WriteString(w, body[:len(body)/2])
					panic(http.ErrAbortHandler)
				}
				_, _ = io.WriteString(w, body)
			})
			h := newHeard()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := c.as(t, "ana", "token").Tail(ctx, logOf(ref("a", 1)), h); err != nil {
				t.Fatal(err)
			}
			if len(h.lines) != lines+1 || h.lines[lines].Text.Raw() != "the end" {
				t.Fatalf("%d lines came, want %d", len(h.lines), lines+1)
			}
			for i, l := range h.lines {
				if i < lines && !strings.HasPrefix(l.Text.Raw(), fmt.Sprintf("%d x", i)) || l.ID != lineID(0, i) {
					t.Fatalf("line %d is %s, %.20q", i, l.ID, l.Text.Raw())
				}
			}
		})
	}
}

// TestTakenOutOfTheQueue: what never begins has no log, which is said.
func TestTakenOutOfTheQueue(t *testing.T) {
	c := found(t, time.Minute, served.Options{})
	c.world.Add(cart())
	b := c.triggered(t, "shop/cart", sandbox.Order{By: "ana"})
	h := newHeard()
	done := make(chan error, 1)
	j := c.as(t, "ana", "token")
	go func() { done <- j.Tail(t.Context(), logOf(ref("shop/cart", "q1")), h) }()
	h.until(t, "live while it is queued", func() bool { return h.state() == backend.Live })
	if err := c.world.Stop("shop/cart", b.Number); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if last := h.health[len(h.health)-1]; last.State != backend.Off || !strings.HasPrefix(last.Reason.Safe(), "queue item 1 of shop/cart was taken out of the queue before it began") {
		t.Errorf("its last word is %v: %s", last.State, last.Reason.Safe())
	}
}
