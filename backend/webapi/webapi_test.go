package webapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"wheelhouse/backend"
	"wheelhouse/backend/backendtest"
	"wheelhouse/backend/feed"
	"wheelhouse/backend/link"
	"wheelhouse/backend/webapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A shelf is a server with some boxes.
type shelf struct {
	mu     sync.Mutex
	boxes  []string
	status int // answered to what is below /boxes; 0: 200
	asked  atomic.Int64
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.URL.Path == "/alive":
		_, _ = io.WriteString(w, "{}")
	case s.status != 0:
		if s.status == http.StatusInternalServerError { // as a server does that falls over its own words
			w.Header().Set("Content-Encoding", "gzip")
		}
		w.WriteHeader(s.status)
		_, _ = io.WriteString(w, `{"message":"the shelf says no"}`)
	case r.Method == http.MethodPost:
		b, _ := io.ReadAll(r.Body)
		s.boxes = append(s.boxes, string(b))
		w.WriteHeader(http.StatusCreated)
	default:
		s.asked.Add(1)
		list, err := json.Marshal(s.boxes)
		if err != nil {
			panic(err)
		}
		_, _ = w.Write(list)
	}
}

func (s *shelf) set(status int, boxes ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.boxes, s.status = boxes, status
}

func (s *shelf) content() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.boxes)
}

type box struct{ name string }

func (b box) Ref() backend.Ref              { return backend.Ref{Link: "shelf", Kind: "box", Name: b.name} }
func (b box) AppendText(text []byte) []byte { return append(text, b.name...) }

// open is a client of a shelf, connected, with faults before it.
func open(t *testing.T, s *shelf) (*webapi.Client, *backendtest.Faults) {
	t.Helper()
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	faults := &backendtest.Faults{Server: s}
	server := httptest.NewServer(faults)
	t.Cleanup(server.Close)
	links, err := link.Load(link.Options{Systems: []link.System{{URL: server.URL, Protocol: link.Protocol{
		Name: "shelf", Probe: "/alive",
		Reads: func(r *http.Request) bool { return r.Method == http.MethodGet },
		Well:  func(status int, _ []byte) bool { return status == http.StatusOK },
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(links.Close)
	links.Start()
	return webapi.New(links.All()[0]), faults
}

func boxes(c *webapi.Client, every time.Duration) backend.Source[box] {
	return webapi.Source(c, webapi.Poll[box]{Every: every, Read: func(ctx context.Context, _ backend.Scope) (out []box, err error) {
		var names []string
		err = c.JSON(ctx, webapi.Request{Op: "read boxes", What: "the boxes", Path: "/boxes"}, &names)
		for _, n := range names {
			out = append(out, box{n})
		}
		return out, err
	}})
}

// TestWhatIsLeftOutIsTold: a part that does not show all is live, and says so; the
// rows that are gone are gone.
func TestWhatIsLeftOutIsTold(t *testing.T) {
	s := &shelf{}
	s.set(http.StatusOK, "a", "b", "c", "d")
	c, _ := open(t, s)
	source := webapi.Source(c, webapi.Poll[box]{Every: time.Millisecond, Read: func(context.Context, backend.Scope) (out []box, err error) {
		all := s.content()
		for _, n := range all[:min(2, len(all))] {
			out = append(out, box{n})
		}
		if n := len(all) - len(out); n > 0 {
			err = &backend.Error{Code: backend.Partly, Human: fmt.Sprintf("%d more boxes. Look there.", n)}
		}
		return out, err
	}})
	bell := feed.NewBell()
	w := watched{t, feed.NewFeed[box](bell), bell}
	w.feed.Attach("shelf", source)
	w.feed.Watch(t.Context(), backend.Scope{})
	t.Cleanup(w.feed.Stop)
	w.until(backend.Live, "2 more boxes. Look there.", "a", "b")
	s.set(http.StatusOK, "b", "c", "d")
	w.until(backend.Live, "1 more boxes. Look there.", "b", "c")
	s.set(http.StatusOK, "c", "d")
	w.until(backend.Live, "", "c", "d")
}

// watched is a feed of the boxes; until waits for its rows and health.
type watched struct {
	t    *testing.T
	feed *feed.Feed[box]
	bell *feed.Bell
}

func watch(t *testing.T, c *webapi.Client, every time.Duration) watched {
	bell := feed.NewBell()
	w := watched{t, feed.NewFeed[box](bell), bell}
	w.feed.Attach("shelf", boxes(c, every))
	w.feed.Watch(t.Context(), backend.Scope{})
	t.Cleanup(w.feed.Stop)
	return w
}

func (w watched) until(state backend.State, why string, names ...string) {
	w.t.Helper()
	limit := time.After(30 * time.Second)
	for {
		var got []string
		lens := w.feed.Lens(nil, feed.Keep[box]{})
		for b := range lens.All() {
			got = append(got, b.name)
		}
		lens.Close()
		slices.Sort(got)
		var health backend.Health
		for _, p := range w.feed.Parts() {
			health = p.Health
		}
		says := health.Reason.Safe()
		if slices.Equal(got, names) && health.State == state && strings.Contains(says, why) && (why != "" || state != backend.Live || says == "") {
			return
		}
		select {
		case <-w.bell.C():
		case <-limit:
			w.t.Fatalf("has %v, %v: %s; want %v, %v: %s", got, health.State, health.Reason.Safe(), names, state, why)
		}
	}
}

func TestRowsFollowTheServer(t *testing.T) {
	s := &shelf{boxes: []string{"a", "b"}}
	c, _ := open(t, s)
	w := watch(t, c, 10*time.Millisecond)
	w.until(backend.Live, "", "a", "b")
	s.set(0, "b", "c")
	w.until(backend.Live, "", "b", "c")
	s.set(0)
	w.until(backend.Live, "")
}

func TestStirAsksAtOnce(t *testing.T) {
	s := &shelf{boxes: []string{"a"}}
	c, _ := open(t, s)
	w := watch(t, c, time.Hour)
	w.until(backend.Live, "", "a")
	s.set(0, "a", "b")
	c.Stir()
	w.until(backend.Live, "", "a", "b")
	if n := s.asked.Load(); n != 2 {
		t.Errorf("asked %d times", n)
	}
}

// TestFaults: whatever comes, rows stay, the health says what is the matter, and
// all is well again when it is.
func TestFaults(t *testing.T) {
	for fault, says := range map[backendtest.Fault]string{
		backendtest.Lost:    "does not answer",
		backendtest.Half:    "broke off in the middle",
		backendtest.Page:    "web page",
		backendtest.Refused: "503",
	} {
		t.Run(says, func(t *testing.T) {
			s := &shelf{boxes: []string{"a", "b"}}
			c, faults := open(t, s)
			w := watch(t, c, 10*time.Millisecond)
			w.until(backend.Live, "", "a", "b")
			faults.Spoil(func(r *http.Request) backendtest.Fault {
				if r.URL.Path == "/boxes" {
					return fault
				}
				return 0
			})
			w.until(backend.Stale, says, "a", "b")
			s.set(0, "c")
			faults.Spoil(nil)
			w.until(backend.Live, "", "c")
		})
	}
}

func TestPaddedAnswerIsRead(t *testing.T) {
	s := &shelf{boxes: []string{"a"}}
	c, faults := open(t, s)
	faults.Spoil(backendtest.Always(backendtest.Padded))
	watch(t, c, time.Hour).until(backend.Live, "", "a")
}

func TestRefusalsAreTold(t *testing.T) {
	for status, want := range map[int]struct {
		state backend.State
		code  backend.Code
		says  string
	}{
		http.StatusForbidden:  {backend.Forbidden, backend.Denied, "You may not do this to the boxes on shelf: the shelf says no."},
		http.StatusNotFound:   {backend.Down, backend.NotFound, "not there, or not for you"},
		http.StatusBadRequest: {backend.Off, backend.Invalid, "does not take it"},
		http.StatusConflict:   {backend.Down, backend.Conflict, "not as it was"},
		http.StatusBadGateway: {backend.Down, backend.Failed, "answered 502"},

		http.StatusInternalServerError: {backend.Down, backend.Failed, "answered 500"},
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			s := &shelf{status: status}
			c, _ := open(t, s)
			watch(t, c, time.Hour).until(want.state, want.says)
			_, err := c.Do(t.Context(), webapi.Request{Op: "read", What: "the boxes", Path: "/boxes"})
			if backend.CodeOf(err) != want.code {
				t.Errorf("error is %v: %v", backend.CodeOf(err), err)
			}
		})
	}
}

// TestLostReplyOfAChangeIsUnknown: it may have been done, and is said so.
func TestLostReplyOfAChangeIsUnknown(t *testing.T) {
	for name, fault := range map[string]backendtest.Fault{"no answer": backendtest.Lost, "half an answer": backendtest.Half, "given up": backendtest.Late} {
		t.Run(name, func(t *testing.T) {
			s := &shelf{}
			c, faults := open(t, s)
			faults.Spoil(func(r *http.Request) backendtest.Fault {
				if r.Method == http.MethodPost { // a probe that is cut would cut the connection under the change
					return fault
				}
				return 0
			})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if fault == backendtest.Late {
				go func() {
					for len(s.content()) == 0 && ctx.Err() == nil {
						time.Sleep(time.Millisecond)
					}
					cancel()
				}()
			}
			_, err := c.Do(ctx, webapi.Request{Op: "add", Method: http.MethodPost, Path: "/boxes", Body: []byte("x")})
			if backend.CodeOf(err) != backend.Unknown || !strings.Contains(err.Error(), "may have been done") {
				t.Errorf("error is %v: %v", backend.CodeOf(err), err)
			}
			if boxes := s.content(); !slices.Equal(boxes, []string{"x"}) {
				t.Errorf("the shelf has %v", boxes)
			}
		})
	}
}

func TestOpenEndsWithItsReader(t *testing.T) {
	c, _ := open(t, &shelf{boxes: []string{"a"}})
	res, err := c.Open(t.Context(), webapi.Request{Path: "/boxes"})
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil || !strings.Contains(string(b), "a") {
		t.Errorf("read %q, %v", b, err)
	}
	if err := res.Body.Close(); err != nil {
		t.Error(err)
	}
	if _, err := c.Open(t.Context(), webapi.Request{Path: "/boxes\x7f"}); err == nil {
		t.Error("a path that is none is asked for")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Open(ctx, webapi.Request{Path: "/boxes"}); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v", err)
	}
}

// pipes are a listener and a way to it without a network, whose waiting a bubble
// sees.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error {
	close(p) // once: the server sees to that
	return nil
}

func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	here, there := net.Pipe()
	p <- there
	return here, nil
}

// TestAnAnswerThatFallsSilentEnds: half a minute in which a byte is waited for and
// none comes is the end; less is not, and what the reader takes for itself does not
// count.
func TestAnAnswerThatFallsSilentEnds(t *testing.T) {
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	synctest.Test(t, func(t *testing.T) {
		p := make(pipes)
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, c := range []string{"a", "b", "c"} {
				_, _ = io.WriteString(w, c)
				_ = http.NewResponseController(w).Flush()
				time.Sleep(29 * time.Second)
			}
			<-r.Context().Done()
		})}
		over := make(chan struct{})
		go func() { defer close(over); _ = server.Serve(p) }()
		defer func() { _ = server.Close(); <-over }()
		links, err := link.Load(link.Options{Systems: []link.System{{URL: "http://shelf.test", Protocol: link.Protocol{Name: "shelf"}}}})
		if err != nil {
			t.Fatal(err)
		}
		defer links.Close()
		way := &http.Transport{DialContext: p.dial}
		defer way.CloseIdleConnections()
		res, err := webapi.Behind(links.All()[0], "the shelf", way).Open(t.Context(), webapi.Request{Path: "/boxes"})
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		one := make([]byte, 1)
		for _, want := range []string{"a", "b", "c"} {
			if _, err := io.ReadFull(res.Body, one); err != nil || string(one) != want {
				t.Fatalf("%q comes, %v, not %q", one, err, want)
			}
			if want == "a" {
				time.Sleep(time.Minute)
			}
		}
		began := time.Now()
		if n, err := res.Body.Read(one); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("then %d bytes come, %v", n, err)
		}
		if waited := time.Since(began); waited != 30*time.Second {
			t.Errorf("that took %s", waited)
		}
	})
}
